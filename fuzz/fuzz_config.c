/* autopsy.conf, and setup's journal: text that somebody edits while nobody looks. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/handler/policy.h"
#include "capture/setup/journal.h"
#include "capture/spool/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct ap_context context = {.args = {.comm = "node", .hostname = ""},
				     .exe_path = "/app/node"};
	struct ap_config config;
	struct ap_journal journal = {.path = ""};
	struct ap_policy policy;

	ap_config_init(&config);
	ap_err_free(ap_config_parse((const char *)data, bytes, &config));
	if (config.workers < 1 || config.workers > 16 || config.mini_max > 64 << 20)
		abort(); /* out of bounds although it is checked */
	(void)ap_policy_decide(&config, &context, &policy);
	ap_config_close(&config);
	ap_arena_init(&journal.arena, 64 << 20);
	ap_err_free(ap_journal_parse((const char *)data, bytes, &journal));
	for (size_t i = 0; i < journal.changes.n; i++) {
		if (journal.changes.at[i].path && journal.changes.at[i].path[0] != '/')
			abort();
	}
	ap_journal_close(&journal);
	return 0;
}
