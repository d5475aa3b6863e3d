/* What a container runtime answers, and what a container wrote into its log. The first byte says
 * which. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "capture/agent/grpc.h"
#include "capture/agent/pod.h"
#include "capture/agent/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void read_back(const struct ap_str *text)
{
	struct ap_json_memory memory = {text->s, text->n};
	struct ap_json_reader r;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 4 << 20);
	if (!text->failed && (!ap_json_read_skip(&r) || !ap_json_read_end(&r)))
		abort();
	ap_json_read_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct ap_text text = {(const char *)data + 1, bytes ? bytes - 1 : 0};
	struct ap_cri_container container;
	struct ap_cri_sandbox sandbox;
	struct ap_cri_image image;
	ap_cri_containers list;
	struct ap_pod pod = {.container_id = "0123"};
	struct ap_arena arena;
	AP_STR_AUTO out = {0};

	if (!bytes)
		return 0;
	ap_arena_init(&arena, 64 << 20);
	switch (*data % 7) {
	case 0: {
		struct ap_text message;

		ap_err_free(ap_grpc_unframe(text, &message));
		break;
	}
	case 1: {
		struct ap_err *err = ap_cri_read_container(text, &arena, &container);

		if (!err)
			pod.container = &container;
		ap_err_free(err);
		break;
	}
	case 2: {
		struct ap_err *err = ap_cri_read_list(text, &arena, &list);

		if (!err)
			pod.containers = &list;
		ap_err_free(err);
		break;
	}
	case 3: {
		struct ap_err *err = ap_cri_read_sandbox(text, &arena, &sandbox);

		if (!err)
			pod.sandbox = &sandbox;
		ap_err_free(err);
		break;
	}
	case 4: {
		struct ap_err *err = ap_cri_read_image(text, &arena, &image);

		if (!err)
			pod.image = &image;
		ap_err_free(err);
		break;
	}
	case 5: {
		AP_STR_AUTO log = {0};

		ap_log_tail_of(text, true, 5, &log, &pod.log);
		if (pod.log.lines > 5)
			abort();
		break;
	}
	case 6: {
		ap_cri_pairs labels = {0};
		struct ap_cri_pair label = {"app", "shop"};
		struct ap_label_rules rules;
		const struct ap_rule *rule;

		(void)ap_vec_push(&arena, &labels, label);
		struct ap_err *err = ap_label_rules_parse(text.s, text.n, &arena, &rules);
		if (!err)
			(void)ap_label_rules_decide(&rules, &labels, &rule);
		ap_err_free(err);
		break;
	}
	}
	ap_pod_write(&pod, &out);
	read_back(&out);
	ap_arena_close(&arena);
	return 0;
}
