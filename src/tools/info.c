/* autopsy info: all that is known of one crash. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "tools/crash_print.h"
#include "tools/crashes.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

static const char info_usage[] =
	"usage: autopsy info [-c FILE] [--json] [s3://BUCKET/PREFIX] ID|last\n"
	"All that is known of one crash. ID: its beginning or end is enough.\n";

/* A file of the crash as it is, if it is JSON; else null. */
static void put_file(struct ap_json *j, const char *key, int dir, const char *name)
{
	AP_STR_AUTO text = {0};
	AP_ERR_AUTO missing = ap_dir_read(dir, name, 4 << 20, &text);

	ap_crash_put_json(j, key, missing ? NULL : text.s, text.n);
}

static void print_info(const struct ap_crashes *c, const struct ap_record *r,
		       const struct ap_crash *crash)
{
	char text[PATH_MAX + 64], a[AP_NUMBER_MAX], b[AP_NUMBER_MAX];
	uint64_t bytes;

	ap_crash_facts(r);
	if (r->have_core || r->have_cut) {
		snprintf(text, sizeof(text), "%s, %s of %s", r->have_core ? "whole" : "cut off",
			 ap_bytes_human(r->stored_bytes > 0 ? (uint64_t)r->stored_bytes : 0, a),
			 ap_bytes_human(r->core_bytes > 0 ? (uint64_t)r->core_bytes : 0, b));
		ap_crash_line("core", text);
	} else {
		ap_crash_line("core", "none");
	}
	ap_crash_line("because", r->reason);
	if (ap_dir_size(crash->dir, "mini.core.zst", &bytes))
		ap_crash_line("minicore", ap_bytes_human(bytes, a));
	if (strcmp(r->state, "done") != 0)
		ap_crash_line("capture", r->state);
	if (r->count > 1) {
		snprintf(text, sizeof(text), "%" PRId64 " crashes of this program so far",
			 r->count);
		ap_crash_line("again", text);
	}
	snprintf(text, sizeof(text), "%s/crashes/%s", c->spool.path, r->uuid);
	ap_crash_line("directory", text);
	if (r->have_core || r->have_mini || r->have_cut)
		printf("\nnext: autopsy debug %s\n", r->uuid + AP_UUID_SIZE - 1 - 12);
}

static int remote_info(const char *config, const char *address, const char *id, bool json)
{
	struct ap_remotes remotes;
	struct ap_config loaded;

	struct ap_err *err = ap_config_load(config, environ, &loaded);
	if (err)
		return ap_tool_fail("info", err);
	err = ap_remotes_open(&loaded.ship, address, &remotes);
	if (err) {
		ap_config_close(&loaded);
		return ap_tool_fail("info", err);
	}
	int status = ap_remote_info(&remotes, id, json);
	ap_remotes_close(&remotes);
	ap_config_close(&loaded);
	return status;
}

int ap_tool_info(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	const char *config = NULL;
	struct ap_crashes c;
	struct ap_crash crash;
	struct ap_record r;
	bool json = false;

	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "c:jh", longs, NULL)) != -1;) {
		switch (o) {
		case 'c':
			config = optarg;
			break;
		case 'j':
			json = true;
			break;
		case 'h':
			return fputs(info_usage, stdout), 0;
		default:
			return ap_tool_usage("info", info_usage, NULL);
		}
	}
	const char *address =
		optind < argc && ap_store_is_address(argv[optind]) ? argv[optind++] : NULL;
	if (argc - optind != 1 && !(address && argc == optind))
		return ap_tool_usage("info", info_usage, NULL);
	if (json)
		ap_tool_json_errors();
	if (address)
		return remote_info(config, address, argv[optind], json);
	struct ap_err *err = ap_crashes_open(config, &c);
	if (err)
		return ap_tool_fail("info", err);
	err = ap_crash_open(&c.spool, argv[optind], &crash);
	if (!err) {
		err = ap_record_read(&c.spool, crash.uuid, &c.arena, &r);
		if (!err && json) {
			AP_STR_AUTO out = {0};
			struct ap_json j;

			ap_json_init(&j, &out, NULL);
			ap_tool_json_begin(&j, "info", r.uuid);
			ap_json_cstr(&j, "uuid", r.uuid);
			ap_json_cstr(&j, "there", ap_crash_there(&r));
			put_file(&j, "meta", crash.dir, "meta.json");
			put_file(&j, "state", crash.dir, "state.json");
			put_file(&j, "pod", crash.dir, "pod.json");
			put_file(&j, "stack", crash.dir, "stack.json");
			ap_json_null(&j, "key");
			ap_json_null(&j, "object_bytes");
			ap_tool_json_end(&j, stdout);
		} else if (!err) {
			print_info(&c, &r, &crash);
		}
		ap_crash_close(&c.spool, &crash);
	}
	ap_crashes_close(&c);
	return err ? ap_tool_fail("info", err) : 0;
}
