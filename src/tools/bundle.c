#include "tools/bundle.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_read.h"
#include "base/str.h"

enum { TEXT_BYTES = 8 << 20 };

static struct ap_bundle_member *add(struct ap_crash_bundle *b)
{
	struct ap_bundle_member *m = &b->members[b->n_members++];

	*m = (struct ap_bundle_member){.fd = -1};
	return m;
}

static struct ap_err *add_text(struct ap_crash_bundle *b, const char *suffix, const char *text,
			       size_t bytes)
{
	const char *copy = ap_strndup(&b->arena, text ? text : "", bytes);

	if (!copy)
		return &ap_err_nomem;
	struct ap_bundle_member *m = add(b);
	m->suffix = suffix;
	m->text = copy;
	m->bytes = bytes;
	return NULL;
}

/* A small file of the crash, if it is there. */
static struct ap_err *add_small(struct ap_crash_bundle *b, int dir, const char *name,
				const char *suffix)
{
	AP_STR_AUTO text = {0};
	AP_ERR_AUTO missing = ap_dir_read(dir, name, TEXT_BYTES, &text);

	return missing ? NULL : add_text(b, suffix, text.s, text.n);
}

static bool add_core(struct ap_crash_bundle *b, int dir, const char *name, const char *suffix)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	struct ap_bundle_member *m = add(b);
	m->suffix = suffix;
	m->fd = fd;
	m->zstd = true;
	return true;
}

static const char *number(struct ap_crash_bundle *b, int64_t v)
{
	return v < 0 ? NULL : ap_printf(&b->arena, "%" PRId64, v);
}

/* What meta.json has and the record does not. */
struct extra {
	uint64_t ns_pid, time_unix;
	const char *core_limit;
};

static void read_extra(struct ap_crash_bundle *b, int dir, struct extra *ret)
{
	AP_STR_AUTO text = {0};
	AP_ERR_AUTO missing = ap_dir_read(dir, "meta.json", TEXT_BYTES, &text);
	struct ap_json_memory memory = {text.s ? text.s : "", text.n};
	struct ap_json_reader r;
	struct ap_text key, value;
	bool first = true;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 64 << 10);
	if (!missing && ap_json_read_token(&r, '{')) {
		while (ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
			int next = ap_json_peek(&r);
			uint64_t *to = ap_text_is(key, "ns_pid")      ? &ret->ns_pid
				       : ap_text_is(key, "time_unix") ? &ret->time_unix
								      : NULL;

			if (to && next >= '0' && next <= '9') {
				(void)ap_json_read_uint(&r, to);
			} else if (ap_text_is(key, "core_limit") && next == '"') {
				if (ap_json_read_text(&r, &value))
					ret->core_limit = ap_strndup(&b->arena, value.s, value.n);
			} else {
				(void)ap_json_read_skip(&r);
			}
		}
	}
	ap_err_free(ap_json_read_error(&r));
	ap_json_read_close(&r);
}

static void field(struct ap_crash_bundle *b, const char *name, const char *value)
{
	b->fields[b->n_fields++] = (struct ap_bundle_field){name, value};
}

/* "!usr!bin!node", the kernel's %E. */
static const char *banged(struct ap_crash_bundle *b, const char *path)
{
	char *copy = path ? ap_strdup(&b->arena, path) : NULL;

	for (char *p = copy; p && *p; p++) {
		if (*p == '/')
			*p = '!';
	}
	return copy;
}

static void make_fields(struct ap_crash_bundle *b, const struct ap_ship_config *config,
			const struct ap_record *r, const struct extra *x)
{
	field(b, "uuid", r->uuid);
	field(b, "timestamp", number(b, b->time));
	field(b, "hostname", r->hostname ? r->hostname : r->host);
	field(b, "exe_name", r->comm);
	field(b, "pid", number(b, x->ns_pid ? (int64_t)x->ns_pid : r->pid));
	field(b, "signal", number(b, r->signal));
	field(b, "limit_size", x->core_limit);
	field(b, "directory", "");
	field(b, "pathname", banged(b, r->exe));
	field(b, "namespace", r->namespace_);
	field(b, "podname", r->pod);
	field(b, "host", r->host);
	field(b, "cluster", config->cluster[0] ? config->cluster : NULL);
	field(b, "fingerprint", r->fingerprint);
}

static const char *value_of(const struct ap_crash_bundle *b, const char *name)
{
	for (size_t i = 0; i < b->n_fields; i++) {
		if (strcmp(b->fields[i].name, name) == 0)
			return b->fields[i].value ? b->fields[i].value : "";
	}
	return "";
}

/* core-dump-handler's keys, all of them texts; then what it does not know. */
static struct ap_err *add_dump_info(struct ap_crash_bundle *b, const struct ap_record *r,
				    const char *core, const char *why)
{
	AP_STR_AUTO out = {0};
	AP_STR_AUTO file = {0};
	struct ap_json j;

	ap_str_addf(&file, "%s.core", b->name);
	ap_json_init(&j, &out, NULL);
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "uuid", r->uuid);
	ap_json_cstr(&j, "dump_file", file.s);
	ap_json_cstr(&j, "timestamp", value_of(b, "timestamp"));
	ap_json_cstr(&j, "hostname", value_of(b, "hostname"));
	ap_json_cstr(&j, "exe", value_of(b, "exe_name"));
	ap_json_cstr(&j, "real_pid", value_of(b, "pid"));
	ap_json_cstr(&j, "signal", value_of(b, "signal"));
	ap_json_cstr(&j, "node_hostname", r->host ? r->host : "");
	ap_json_cstr(&j, "path", value_of(b, "pathname"));
	ap_json_cstr(&j, "tool", "autopsy " AP_VERSION);
	ap_json_cstr(&j, "core", core);
	ap_json_cstr(&j, "core_reason", why);
	ap_json_end_object(&j);
	ap_json_newline(&j);
	return out.failed || file.failed ? &ap_err_nomem
					 : add_text(b, "-dump-info.json", out.s, out.n);
}

/* The parts of pod.json that are files of their own in core-dump-handler's layout. */
static struct ap_err *add_pod(struct ap_crash_bundle *b, int dir)
{
	static const struct {
		const char *key, *suffix;
	} parts[] = {{"pod_info", "-pod-info.json"},
		     {"runtime_info", "-runtime-info.json"},
		     {"ps_info", "-ps-info.json"},
		     {"image_info", "-0-image-info.json"}};
	AP_STR_AUTO text = {0};
	AP_ERR_AUTO missing = ap_dir_read(dir, "pod.json", TEXT_BYTES, &text);
	struct ap_json_memory memory = {text.s ? text.s : "", text.n};
	struct ap_err *err = NULL;
	struct ap_json_reader r;
	struct ap_text key;
	bool first = true;

	if (missing)
		return NULL;
	ap_json_read_init(&r, ap_json_source_memory(&memory), 64 << 10);
	if (ap_json_read_token(&r, '{')) {
		while (!err && ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
			size_t k = 0;

			while (k < sizeof(parts) / sizeof(parts[0]) &&
			       !ap_text_is(key, parts[k].key))
				k++;
			bool object = ap_json_peek(&r) == '{' || ap_json_peek(&r) == '[';
			uint64_t from = ap_json_read_offset(&r);
			if (!ap_json_read_skip(&r))
				break;
			if (object && k < sizeof(parts) / sizeof(parts[0]))
				err = add_text(b, parts[k].suffix, text.s + from,
					       (size_t)(ap_json_read_offset(&r) - from));
		}
	}
	ap_err_free(ap_json_read_error(&r));
	ap_json_read_close(&r);
	return err;
}

static struct ap_err *fill(struct ap_crash_bundle *b, const struct ap_ship_config *config,
			   const struct ap_crash *crash, const struct ap_record *r, bool cores,
			   const char *why)
{
	const char *template = config->name[0] ? config->name : AP_BUNDLE_TEMPLATE;
	struct extra x = {0};

	read_extra(b, crash->dir, &x);
	b->time = x.time_unix ? (int64_t)x.time_unix : (int64_t)r->time;
	make_fields(b, config, r, &x);
	ap_bundle_name(template, b->fields, b->n_fields, r->uuid, b->name);
	const char *core = !cores ? "none" : r->have_core ? "whole" : r->have_cut ? "cut" : "none";
	AP_TRY(add_dump_info(b, r, core, why ? why : r->have_core ? NULL : r->reason));
	AP_TRY(add_small(b, crash->dir, "meta.json", "-meta.json"));
	AP_TRY(add_small(b, crash->dir, "state.json", "-state.json"));
	AP_TRY(add_small(b, crash->dir, "stack.json", "-stack.json"));
	AP_TRY(add_small(b, crash->dir, "pod.json", "-pod.json"));
	AP_TRY(add_pod(b, crash->dir));
	AP_TRY(add_small(b, crash->dir, "container.log", "-0.log"));
	if (cores && r->have_mini)
		(void)add_core(b, crash->dir, "mini.core.zst", ".mini.core");
	if (cores && !(r->have_core && add_core(b, crash->dir, "core.zst", ".core")) && r->have_cut)
		(void)add_core(b, crash->dir, "core.cut.zst", ".core");
	return NULL;
}

struct ap_err *ap_crash_bundle_open(const struct ap_ship_config *config,
				    const struct ap_crash *crash, const struct ap_record *record,
				    bool cores, const char *why, struct ap_crash_bundle *ret)
{
	/* In place: members point into the arena only, but the arena must not be copied while it
	 * grows. */
	*ret = (struct ap_crash_bundle){.n_members = 0};
	ap_arena_init(&ret->arena, 64 << 20);
	struct ap_err *err = fill(ret, config, crash, record, cores, why);
	if (err)
		ap_crash_bundle_close(ret);
	return err;
}

void ap_crash_bundle_close(struct ap_crash_bundle *bundle)
{
	for (size_t i = 0; i < bundle->n_members; i++) {
		if (bundle->members[i].fd >= 0)
			close(bundle->members[i].fd);
	}
	bundle->n_members = 0;
	ap_arena_close(&bundle->arena);
}
