#include "tools/crash_print.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/escape.h"
#include "base/json_read.h"
#include "base/number.h"

/* One word for what there is; coredumpctl's column, with the minicore between. */
const char *ap_crash_there(const struct ap_record *r)
{
	if (strcmp(r->state, "capturing") == 0)
		return "capturing";
	return r->have_core                           ? "whole"
	       : r->have_cut                          ? "cut"
	       : r->have_mini                         ? "mini"
	       : strcmp(r->state, "interrupted") == 0 ? "interrupted"
						      : "facts";
}

void ap_crash_iso(double when, char buf[static 32])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%d %H:%M:%S", &tm))
		buf[0] = '\0';
}

void ap_crash_put(struct ap_json *j, const struct ap_record *r, const char *key, uint64_t bytes)
{
	char when[32];

	ap_crash_iso(r->time, when);
	when[10] = 'T';
	memcpy(when + 19, "Z", 2);
	ap_json_object(j, NULL);
	ap_json_cstr(j, "uuid", r->uuid);
	ap_json_cstr(j, "time", when);
	ap_json_cstr(j, "program", ap_record_program(r));
	ap_json_cstr(j, "exe", r->exe);
	ap_json_int(j, "pid", r->pid);
	ap_json_int(j, "uid", r->uid);
	ap_json_cstr(j, "signal", r->signal_name);
	ap_json_cstr(j, "host", r->host);
	ap_json_cstr(j, "pod", r->pod);
	ap_json_cstr(j, "namespace", r->namespace_);
	ap_json_cstr(j, "container_id", r->container);
	ap_json_cstr(j, "container", r->container_name);
	ap_json_cstr(j, "image", r->image);
	ap_json_cstr(j, "image_digest", r->image_digest);
	ap_json_cstr(j, "state", r->state);
	ap_json_cstr(j, "there", ap_crash_there(r));
	ap_json_cstr(j, "reason", r->reason);
	ap_json_int(j, "core_bytes", r->core_bytes);
	ap_json_int(j, "stored_bytes", r->stored_bytes);
	ap_json_int(j, "count", r->count);
	ap_json_cstr(j, "build_id", r->build_id);
	ap_json_cstr(j, "fingerprint", r->fingerprint);
	ap_json_cstr(j, "verdict_kind", r->verdict_kind);
	ap_json_cstr(j, "verdict", r->verdict);
	ap_json_cstr(j, "top", r->top);
	ap_json_cstr(j, "key", key);
	if (key)
		ap_json_uint(j, "object_bytes", bytes);
	else
		ap_json_null(j, "object_bytes");
	ap_json_end_object(j);
}

/* Foreign text in `columns` of a terminal. */
void ap_crash_cell(const char *text, size_t columns, bool pad)
{
	AP_STR_AUTO safe = {0};

	ap_escape(&safe, ap_text_of(text ? text : ""));
	struct ap_text cut =
		ap_cut_columns((struct ap_text){safe.s ? safe.s : "", safe.n}, columns);
	fwrite(cut.s, 1, cut.n, stdout);
	for (size_t n = ap_columns(cut); pad && n < columns; n++)
		putchar(' ');
}

void ap_crash_row(const struct ap_record *r)
{
	char when[32], size[AP_NUMBER_MAX];

	ap_crash_iso(r->time, when);
	bool stored = r->have_core || r->have_cut;
	int64_t bytes = stored ? r->stored_bytes : r->have_mini ? r->mini_bytes : 0;
	printf("%s  %-12s  ", when, r->uuid[0] ? r->uuid + AP_UUID_SIZE - 1 - 12 : "-");
	ap_crash_cell(ap_record_program(r), 14, true);
	printf(" %7" PRId64 "  %-8s %-11s %9s  ", r->pid, r->signal_name ? r->signal_name : "?",
	       ap_crash_there(r), bytes > 0 ? ap_bytes_human((uint64_t)bytes, size) : "");
	ap_crash_cell(r->verdict ? r->verdict : r->pod ? r->pod : r->reason, 60, false);
	putchar('\n');
}

void ap_crash_line(const char *title, const char *value)
{
	if (!value)
		return;
	printf("%-12s ", title);
	ap_crash_cell(value, 400, false);
	putchar('\n');
}

void ap_crash_facts(const struct ap_record *r)
{
	char when[40], text[400];

	ap_crash_iso(r->time, when);
	strcat(when, " UTC");
	ap_crash_line("crash", r->uuid);
	ap_crash_line("time", when);
	ap_crash_line("program", r->exe ? r->exe : r->comm);
	snprintf(text, sizeof(text), "%" PRId64 "  user %" PRId64, r->pid, r->uid);
	ap_crash_line("process", text);
	ap_crash_line("signal", r->signal_name);
	ap_crash_line("host", r->host);
	ap_crash_line("pod", r->pod);
	ap_crash_line("namespace", r->namespace_);
	snprintf(text, sizeof(text), "%s%s%s", r->container_name ? r->container_name : "",
		 r->container_name ? "  " : "", r->container ? r->container : "");
	ap_crash_line("container", r->container ? text : NULL);
	ap_crash_line("image", r->image);
	ap_crash_line("digest", r->image_digest);
	ap_crash_line("what", r->verdict);
	ap_crash_line("where", r->top);
	ap_crash_line("fingerprint", r->fingerprint);
}

void ap_crash_put_json(struct ap_json *j, const char *key, const char *text, size_t bytes)
{
	struct ap_json_memory memory = {text, bytes};
	struct ap_json_reader r;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 1 << 20);
	bool whole = text && ap_json_read_skip(&r) && ap_json_read_end(&r);
	ap_err_free(ap_json_read_error(&r));
	ap_json_read_close(&r);
	if (!whole) {
		ap_json_null(j, key);
		return;
	}
	while (bytes && isspace((unsigned char)text[bytes - 1]))
		bytes--;
	ap_json_raw(j, key, (struct ap_text){text, bytes});
}
