#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "tools/crash_print.h"
#include "tools/snapshot_private.h"

int ap_remote_info(struct ap_remotes *remotes, const char *id, bool json)
{
	struct ap_remote *r;

	struct ap_err *err = ap_remotes_find(remotes, id, &r);
	if (err)
		return ap_tool_fail("info", err);
	if (json) {
		AP_STR_AUTO out = {0};
		struct ap_json j;

		ap_json_init(&j, &out, NULL);
		ap_tool_json_begin(&j, "info", remotes->address);
		ap_json_cstr(&j, "uuid", r->record.uuid[0] ? r->record.uuid : NULL);
		ap_json_cstr(&j, "there", ap_crash_there(&r->record));
		ap_crash_put_json(&j, "meta", r->meta, r->meta ? strlen(r->meta) : 0);
		ap_crash_put_json(&j, "state", r->state, r->state ? strlen(r->state) : 0);
		ap_crash_put_json(&j, "pod", r->pod, r->pod ? strlen(r->pod) : 0);
		ap_crash_put_json(&j, "stack", r->stack, r->stack ? strlen(r->stack) : 0);
		ap_json_cstr(&j, "key", r->key);
		ap_json_uint(&j, "object_bytes", r->bytes);
		ap_tool_json_end(&j, stdout);
		return 0;
	}
	char text[1200], size[AP_NUMBER_MAX];
	ap_crash_facts(&r->record);
	ap_crash_line("core", r->record.have_core  ? "whole"
			      : r->record.have_cut ? "cut off"
						   : "none");
	ap_crash_line("because", r->record.reason);
	if (r->record.have_mini)
		ap_crash_line("minicore", "yes");
	snprintf(text, sizeof(text), "s3://%s/%s, %s", remotes->store.bucket, r->key,
		 ap_bytes_human(r->bytes, size));
	ap_crash_line("object", text);
	printf("\nnext: autopsy debug %s %s\n", remotes->address,
	       r->record.uuid[0] ? r->record.uuid + AP_UUID_SIZE - 1 - 12 : r->key);
	return 0;
}
