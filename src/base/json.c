#include "base/json.h"

#include <math.h>

#include "base/number.h"

enum { DRAIN_BYTES = 256 * 1024 };

void ap_json_init(struct ap_json *j, struct ap_str *out, FILE *file)
{
	*j = (struct ap_json){.out = out, .file = file};
}

static void json_drain(struct ap_json *j)
{
	if (!j->file || j->out->n < DRAIN_BYTES)
		return;
	(void)fwrite(j->out->s, 1, j->out->n, j->file);
	ap_str_clear(j->out);
}

static void json_string(struct ap_str *out, const char *s, size_t n)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t start = 0;

	ap_str_addc(out, '"');
	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];
		/* A lone surrogate in WTF-8: ed a0..bf xx. */
		bool surrogate = c == 0xed && i + 2 < n && p[i + 1] >= 0xa0 && p[i + 1] <= 0xbf &&
				 (p[i + 2] & 0xc0) == 0x80;

		if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && !surrogate && c < 0x80)
			continue;
		if (c >= 0x80 && !surrogate) {
			const char *q = s + i;
			uint32_t cp = ap_utf8_next(&q, s + n);

			if (cp != 0xfffd || q - (s + i) == 3) {
				i += (size_t)(q - (s + i)) - 1;
				continue;
			}
			ap_str_add(out, s + start, i - start);
			ap_str_adds(out, "\\ufffd");
			start = i + 1;
			continue;
		}
		ap_str_add(out, s + start, i - start);
		if (surrogate) {
			uint32_t unit = 0xd000u | (p[i + 1] & 0x3fu) << 6 | (p[i + 2] & 0x3fu);
			ap_str_addf(out, "\\u%04x", unit);
			i += 2;
		} else if (c == '"' || c == '\\') {
			ap_str_addf(out, "\\%c", c);
		} else if (c == '\n') {
			ap_str_adds(out, "\\n");
		} else {
			ap_str_addf(out, "\\u%04x", c);
		}
		start = i + 1;
	}
	ap_str_add(out, s + start, n - start);
	ap_str_addc(out, '"');
}

static void json_key(struct ap_json *j, const char *key)
{
	json_drain(j);
	if (j->need_comma)
		ap_str_addc(j->out, ',');
	j->need_comma = true;
	if (key) {
		json_string(j->out, key, strlen(key));
		ap_str_addc(j->out, ':');
	}
}

void ap_json_object(struct ap_json *j, const char *key)
{
	json_key(j, key);
	ap_str_addc(j->out, '{');
	j->need_comma = false;
}

void ap_json_end_object(struct ap_json *j)
{
	ap_str_addc(j->out, '}');
	j->need_comma = true;
}

void ap_json_array(struct ap_json *j, const char *key)
{
	json_key(j, key);
	ap_str_addc(j->out, '[');
	j->need_comma = false;
}

void ap_json_end_array(struct ap_json *j)
{
	ap_str_addc(j->out, ']');
	j->need_comma = true;
}

void ap_json_text(struct ap_json *j, const char *key, struct ap_text text)
{
	if (!text.s) {
		ap_json_null(j, key);
		return;
	}
	json_key(j, key);
	json_string(j->out, text.s, text.n);
}

void ap_json_cstr(struct ap_json *j, const char *key, const char *s)
{
	ap_json_text(j, key, ap_text_of(s));
}

void ap_json_int(struct ap_json *j, const char *key, int64_t v)
{
	json_key(j, key);
	ap_str_addf(j->out, "%lld", (long long)v);
}

void ap_json_uint(struct ap_json *j, const char *key, uint64_t v)
{
	json_key(j, key);
	ap_str_addf(j->out, "%llu", (unsigned long long)v);
}

void ap_json_addr(struct ap_json *j, const char *key, uint64_t addr)
{
	json_key(j, key);
	ap_str_addf(j->out, "\"0x%llx\"", (unsigned long long)addr);
}

void ap_json_double(struct ap_json *j, const char *key, double v)
{
	char buf[AP_NUMBER_MAX];

	if (!isfinite(v)) {
		ap_json_null(j, key);
		return;
	}
	json_key(j, key);
	ap_str_adds(j->out, ap_number_js(v, buf));
}

void ap_json_bool(struct ap_json *j, const char *key, bool v)
{
	json_key(j, key);
	ap_str_adds(j->out, v ? "true" : "false");
}

void ap_json_raw(struct ap_json *j, const char *key, struct ap_text json)
{
	json_key(j, key);
	ap_str_add(j->out, json.s, json.n);
	json_drain(j);
}

void ap_json_null(struct ap_json *j, const char *key)
{
	json_key(j, key);
	ap_str_adds(j->out, "null");
}

void ap_json_newline(struct ap_json *j)
{
	ap_str_addc(j->out, '\n');
	j->need_comma = false;
}
