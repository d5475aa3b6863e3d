#include "base/json_read.h"

#include <stdio.h>
#include <string.h>

void ap_json_read_init(struct ap_json_reader *r, struct ap_json_source source, size_t max_text)
{
	*r = (struct ap_json_reader){.source = source, .max_text = max_text};
}

void ap_json_read_close(struct ap_json_reader *r)
{
	ap_str_close(&r->text);
	ap_err_free(r->error);
	r->error = NULL;
}

struct ap_err *ap_json_read_error(struct ap_json_reader *r)
{
	struct ap_err *err = r->error;

	r->error = NULL;
	return err;
}

uint64_t ap_json_read_offset(const struct ap_json_reader *r)
{
	return r->before - (uint64_t)(r->end - r->p);
}

static bool stop(struct ap_json_reader *r, struct ap_err *err)
{
	if (!r->failed) {
		r->failed = true;
		r->error = err;
		r->p = r->end;
	} else {
		ap_err_free(err);
	}
	return false;
}

bool ap_json_read_fail(struct ap_json_reader *r, const char *fmt, ...)
{
	char message[256];
	va_list ap;

	if (r->failed)
		return false;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	return stop(r, ap_err_new(AP_E_FORMAT, "at byte %llu: %s",
				  (unsigned long long)ap_json_read_offset(r), message));
}

static bool fill(struct ap_json_reader *r)
{
	size_t n = 0;

	if (r->failed || r->ended)
		return false;
	struct ap_err *err = r->source.next(r->source.arg, &r->p, &n);
	if (err) {
		r->p = r->end = NULL;
		return stop(r, err);
	}
	r->end = r->p + n;
	r->before += n;
	r->ended = n == 0;
	return n > 0;
}

/* The next byte without taking it, or -1. */
static inline int look(struct ap_json_reader *r)
{
	return r->p < r->end || fill(r) ? *r->p : -1;
}

static inline int space(struct ap_json_reader *r)
{
	int c;

	while ((c = look(r)) == ' ' || c == '\n' || c == '\r' || c == '\t')
		r->p++;
	return c;
}

int ap_json_peek(struct ap_json_reader *r)
{
	int c = space(r);

	return c < 0 ? 0 : c;
}

static bool unexpected(struct ap_json_reader *r, int c, const char *wanted)
{
	if (r->failed)
		return false;
	if (c < 0)
		return ap_json_read_fail(r, "the file ends where %s should follow", wanted);
	return ap_json_read_fail(
		r, c >= ' ' && c < 127 ? "%s expected, not '%c'" : "%s expected, not byte %d",
		wanted, c);
}

bool ap_json_read_token(struct ap_json_reader *r, char c)
{
	int is = space(r);

	if (is == c) {
		r->p++;
		return true;
	}
	return unexpected(r, is, (char[]){'\'', c, '\'', 0});
}

bool ap_json_read_more(struct ap_json_reader *r, bool *first, char close)
{
	int c = space(r);

	if (c == close) {
		r->p++;
		return false;
	}
	if (!*first)
		return c == ',' ? (r->p++, true) : unexpected(r, c, "',' or the end of the list");
	*first = false;
	return c >= 0 ? true : unexpected(r, c, "a value");
}

static int hex4(struct ap_json_reader *r)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		int c = look(r);
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0) {
			unexpected(r, c, "four hex digits");
			return -1;
		}
		v = v << 4 | digit;
		r->p++;
	}
	return v;
}

static bool escape(struct ap_json_reader *r)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	int c = look(r);
	const char *at = c > 0 ? strchr(from, c) : NULL;

	if (at) {
		r->p++;
		ap_str_addc(&r->text, to[at - from]);
		return true;
	}
	if (c != 'u')
		return unexpected(r, c, "an escape");
	r->p++;
	int unit = hex4(r);
	if (unit < 0)
		return false;
	/* A high surrogate waits in the text as its three bytes, and joins a low one appended next.
	 */
	ap_str_utf16(&r->text, (const uint8_t[]){(uint8_t)unit, (uint8_t)(unit >> 8)}, 1);
	return true;
}

bool ap_json_read_text(struct ap_json_reader *r, struct ap_text *ret)
{
	int c = space(r);

	if (c != '"')
		return unexpected(r, c, "a string");
	r->p++;
	ap_str_clear(&r->text);
	while ((c = look(r)) != '"') {
		if (c < 0)
			return unexpected(r, c, "the end of a string");
		if (c < ' ')
			return unexpected(r, c, "a character of a string");
		if (c == '\\') {
			r->p++;
			if (!escape(r))
				return false;
		} else {
			const uint8_t *from = r->p;

			while (r->p < r->end && *r->p != '"' && *r->p != '\\' && *r->p >= ' ')
				r->p++;
			ap_str_add(&r->text, (const char *)from, (size_t)(r->p - from));
		}
		if (r->text.n > r->max_text)
			return ap_json_read_fail(r, "a string of more than %zu bytes", r->max_text);
	}
	r->p++;
	if (r->text.failed)
		return stop(r, &ap_err_nomem);
	*ret = (struct ap_text){r->text.s ? r->text.s : "", r->text.n};
	return true;
}

bool ap_json_read_key(struct ap_json_reader *r, struct ap_text *ret)
{
	return ap_json_read_text(r, ret) && ap_json_read_token(r, ':');
}

bool ap_json_read_uint(struct ap_json_reader *r, uint64_t *ret)
{
	int c = space(r);
	uint64_t v = 0;

	if (c < '0' || c > '9')
		return unexpected(r, c, "a number without sign");
	do {
		unsigned digit = (unsigned)(c - '0');

		if (v > (UINT64_MAX - digit) / 10)
			return ap_json_read_fail(r, "a number beyond 64 bits");
		v = v * 10 + digit;
		r->p++;
		c = look(r);
	} while (c >= '0' && c <= '9');
	if (c == '.' || c == 'e' || c == 'E')
		return unexpected(r, c, "a whole number");
	if (r->failed)
		return false;
	*ret = v;
	return true;
}

/* A number, true, false or null: whatever is made of these letters. */
static bool skip_word(struct ap_json_reader *r)
{
	int c = look(r);
	size_t n = 0;

	while ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
	       c == '.' || c == 'E') {
		r->p++;
		n++;
		c = look(r);
	}
	return n ? !r->failed : unexpected(r, c, "a value");
}

bool ap_json_read_skip(struct ap_json_reader *r)
{
	char closers[AP_JSON_MAX_DEPTH];
	bool firsts[AP_JSON_MAX_DEPTH];
	size_t depth = 0;
	struct ap_text text;

	for (;;) {
		int c = space(r);

		if (c == '{' || c == '[') {
			if (depth == AP_JSON_MAX_DEPTH)
				return ap_json_read_fail(r, "more than %d levels",
							 AP_JSON_MAX_DEPTH);
			r->p++;
			closers[depth] = c == '{' ? '}' : ']';
			firsts[depth++] = true;
		} else if (c == '"') {
			if (!ap_json_read_text(r, &text))
				return false;
		} else if (!skip_word(r)) {
			return false;
		}
		while (depth && !ap_json_read_more(r, &firsts[depth - 1], closers[depth - 1])) {
			if (r->failed)
				return false;
			depth--;
		}
		if (!depth)
			return true;
		if (closers[depth - 1] == '}' && !ap_json_read_key(r, &text))
			return false;
	}
}

bool ap_json_read_end(struct ap_json_reader *r)
{
	int c = space(r);

	if (r->failed)
		return false;
	return c < 0 ? true : ap_json_read_fail(r, "something follows behind the end");
}

static struct ap_err *memory_next(void *arg, const uint8_t **ret_p, size_t *ret_n)
{
	struct ap_json_memory *memory = arg;

	*ret_p = memory->data;
	*ret_n = memory->bytes;
	memory->bytes = 0;
	return NULL;
}

struct ap_json_source ap_json_source_memory(struct ap_json_memory *memory)
{
	return (struct ap_json_source){memory_next, memory};
}
