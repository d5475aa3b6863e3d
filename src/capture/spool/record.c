#include "capture/spool/record.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/json_read.h"

enum { FILE_BYTES = 4 << 20, TEXT_BYTES = 64 << 10 };

#define AT(field) offsetof(struct ap_record, field)

/* A new fact is one line here. */
static const struct {
	const char *key;
	bool is_text;
	size_t offset;
} fields[] = {
	{"host", true, AT(host)},
	{"hostname", true, AT(hostname)},
	{"comm", true, AT(comm)},
	{"exe", true, AT(exe)},
	{"build_id", true, AT(build_id)},
	{"signal_name", true, AT(signal_name)},
	{"cgroup", true, AT(cgroup)},
	{"container_id", true, AT(container)},
	{"pod", true, AT(pod)},
	{"namespace", true, AT(namespace_)},
	{"pid", false, AT(pid)},
	{"uid", false, AT(uid)},
	{"signal", false, AT(signal)},
	{"state", true, AT(state)},
	{"core", true, AT(core)},
	{"core_reason", true, AT(reason)},
	{"core_bytes", false, AT(core_bytes)},
	{"stored_bytes", false, AT(stored_bytes)},
	{"mini_bytes", false, AT(mini_bytes)},
	{"count", false, AT(count)},
	{"fingerprint", true, AT(fingerprint)},
	{"verdict", true, AT(verdict)},
	{"verdict_kind", true, AT(verdict_kind)},
	{"top", true, AT(top)},
	{"container", true, AT(container_name)},
	{"image", true, AT(image)},
	{"image_digest", true, AT(image_digest)},
	{"rule_action", true, AT(rule_action)},
	{"n_label_rules", false, AT(n_label_rules)},
};

static bool read_field(struct ap_json_reader *r, struct ap_text key, struct ap_arena *arena,
		       struct ap_record *record)
{
	int next = ap_json_peek(r);

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		void *field = (char *)record + fields[i].offset;
		struct ap_text text;
		uint64_t v;

		if (!ap_text_is(key, fields[i].key))
			continue;
		if (fields[i].is_text && next == '"') {
			if (!ap_json_read_text(r, &text))
				return false;
			/* A NUL inside would hide what follows. */
			for (size_t k = 0; k < text.n; k++) {
				if (!text.s[k])
					text.n = k;
			}
			*(const char **)field = ap_strndup(arena, text.s, text.n);
			return *(const char **)field != NULL;
		}
		if (!fields[i].is_text && next >= '0' && next <= '9') {
			if (!ap_json_read_uint(r, &v))
				return false;
			*(int64_t *)field = v > INT64_MAX ? INT64_MAX : (int64_t)v;
			return true;
		}
		break;
	}
	return ap_json_read_skip(r);
}

struct ap_err *ap_record_parse(const char *text, size_t bytes, struct ap_arena *arena,
			       struct ap_record *record)
{
	struct ap_json_memory memory = {text, bytes};
	struct ap_record fresh = *record;
	struct ap_json_reader r;
	struct ap_text key;
	bool first = true;

	ap_json_read_init(&r, ap_json_source_memory(&memory), TEXT_BYTES);
	if (ap_json_read_token(&r, '{')) {
		while (ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
			if (!read_field(&r, key, arena, &fresh))
				break;
		}
	}
	bool whole = ap_json_read_end(&r);
	struct ap_err *err = ap_json_read_error(&r);
	if (!err && !whole)
		err = &ap_err_nomem;
	ap_json_read_close(&r);
	if (!err)
		*record = fresh;
	return err;
}

static void read_file(int dir, const char *name, struct ap_arena *arena, struct ap_record *record)
{
	AP_STR_AUTO text = {0};
	/* A file that is missing or damaged leaves its facts unknown; the others still count. */
	AP_ERR_AUTO missing = ap_dir_read(dir, name, FILE_BYTES, &text);
	AP_ERR_AUTO damaged =
		missing ? NULL : ap_record_parse(text.s ? text.s : "", text.n, arena, record);

	(void)damaged;
}

struct ap_err *ap_record_read(const struct ap_spool *spool, const char *uuid,
			      struct ap_arena *arena, struct ap_record *ret_record)
{
	struct ap_record r = {.pid = -1,
			      .uid = -1,
			      .signal = -1,
			      .core_bytes = -1,
			      .stored_bytes = -1,
			      .mini_bytes = -1,
			      .count = -1,
			      .n_label_rules = -1};
	struct ap_crash crash;
	uint64_t bytes;

	AP_TRY(ap_crash_open(spool, uuid, &crash));
	memcpy(r.uuid, crash.uuid, sizeof(r.uuid));
	r.time = ap_uuid_time(crash.uuid);
	read_file(crash.dir, "meta.json", arena, &r);
	read_file(crash.dir, "state.json", arena, &r);
	read_file(crash.dir, "pod.json", arena, &r);
	read_file(crash.dir, "stack.json", arena, &r);
	r.have_core = ap_dir_size(crash.dir, "core.zst", &bytes);
	r.have_cut = ap_dir_size(crash.dir, "core.cut.zst", &bytes);
	r.have_mini = ap_dir_size(crash.dir, "mini.core.zst", &bytes);
	r.have_pod = ap_dir_size(crash.dir, "pod.json", &bytes);
	r.have_stack = ap_dir_size(crash.dir, "stack.json", &bytes);
	if ((!r.state || strcmp(r.state, "done") != 0) && !ap_crash_is_busy(&crash))
		r.state = "interrupted";
	ap_crash_close(spool, &crash);
	*ret_record = r;
	return NULL;
}

const char *ap_record_program(const struct ap_record *record)
{
	const char *slash = record->exe ? strrchr(record->exe, '/') : NULL;

	return slash && slash[1]       ? slash + 1
	       : record->exe && !slash ? record->exe
	       : record->comm          ? record->comm
				       : "?";
}
