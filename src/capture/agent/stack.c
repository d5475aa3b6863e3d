#include "capture/agent/stack.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/json_read.h"

enum { TEXT_BYTES = 1 << 20, MAX_KEPT_BYTES = 2000 };

struct frames {
	struct ap_stack_frame at[AP_STACK_FRAMES];
	size_t n;
};

/* One thread's frames, by kind. */
struct thread {
	bool crashed;
	struct frames js, native;
};

/* A text or NULL; anything else is skipped. */
static bool read_text(struct ap_json_reader *r, struct ap_arena *arena, const char **ret)
{
	struct ap_text text;

	if (ap_json_peek(r) != '"')
		return ap_json_read_skip(r);
	if (!ap_json_read_text(r, &text))
		return false;
	if (text.n > MAX_KEPT_BYTES)
		text.n = MAX_KEPT_BYTES;
	*ret = ap_strndup(arena, text.s, text.n);
	return *ret != NULL;
}

static bool read_number(struct ap_json_reader *r, int64_t *ret)
{
	uint64_t v;
	int next = ap_json_peek(r);

	if (next < '0' || next > '9')
		return ap_json_read_skip(r);
	if (!ap_json_read_uint(r, &v))
		return false;
	*ret = v > INT32_MAX ? -1 : (int64_t)v;
	return true;
}

static bool read_frame(struct ap_json_reader *r, struct ap_arena *arena, struct thread *t)
{
	struct ap_stack_frame f = {.line = -1, .column = -1};
	const char *kind = NULL, *symbol = NULL, *module = NULL;
	struct ap_text key;
	bool first = true;

	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "kind"))
			(void)read_text(r, arena, &kind);
		else if (ap_text_is(key, "function"))
			(void)read_text(r, arena, &f.function);
		else if (ap_text_is(key, "script"))
			(void)read_text(r, arena, &f.script);
		else if (ap_text_is(key, "symbol"))
			(void)read_text(r, arena, &symbol);
		else if (ap_text_is(key, "module"))
			(void)read_text(r, arena, &module);
		else if (ap_text_is(key, "line"))
			(void)read_number(r, &f.line);
		else if (ap_text_is(key, "column"))
			(void)read_number(r, &f.column);
		else
			(void)ap_json_read_skip(r);
	}
	if (r->failed)
		return false;
	if (kind && strcmp(kind, "js") == 0 && t->js.n < AP_STACK_FRAMES)
		t->js.at[t->js.n++] = f;
	if (kind && strcmp(kind, "native") == 0 && t->native.n < AP_STACK_FRAMES)
		t->native.at[t->native.n++] = (struct ap_stack_frame){
			.function = symbol, .script = module, .line = -1, .column = -1};
	return true;
}

static bool read_thread(struct ap_json_reader *r, struct ap_arena *arena, struct thread *ret)
{
	struct thread t = {.crashed = false};
	struct ap_text key;
	bool first = true;

	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "crashed")) {
			t.crashed = ap_json_peek(r) == 't';
			(void)ap_json_read_skip(r);
		} else if (ap_text_is(key, "frames")) {
			bool first_frame = true;

			if (!ap_json_read_token(r, '['))
				return false;
			while (ap_json_read_more(r, &first_frame, ']')) {
				if (!read_frame(r, arena, &t))
					return false;
			}
		} else {
			(void)ap_json_read_skip(r);
		}
	}
	/* The thread that died; until it is known, the first one. */
	if (!r->failed && (t.crashed || (!ret->crashed && !ret->js.n && !ret->native.n)))
		*ret = t;
	return !r->failed;
}

static bool read_verdict(struct ap_json_reader *r, struct ap_arena *arena,
			 struct ap_stack_summary *s)
{
	struct ap_text key;
	bool first = true;

	if (ap_json_peek(r) != '{')
		return ap_json_read_skip(r);
	(void)ap_json_read_token(r, '{');
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "kind"))
			(void)read_text(r, arena, &s->verdict_kind);
		else if (ap_text_is(key, "certainty"))
			(void)read_text(r, arena, &s->certainty);
		else if (ap_text_is(key, "text"))
			(void)read_text(r, arena, &s->verdict);
		else
			(void)ap_json_read_skip(r);
	}
	return !r->failed;
}

static bool read_data(struct ap_json_reader *r, struct ap_arena *arena, struct ap_stack_summary *s,
		      struct thread *t)
{
	struct ap_text key;
	bool first = true;

	if (ap_json_peek(r) != '{')
		return ap_json_read_skip(r);
	(void)ap_json_read_token(r, '{');
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "verdict")) {
			(void)read_verdict(r, arena, s);
		} else if (ap_text_is(key, "threads") && ap_json_peek(r) == '[') {
			bool first_thread = true;

			(void)ap_json_read_token(r, '[');
			while (ap_json_read_more(r, &first_thread, ']')) {
				if (!read_thread(r, arena, t))
					return false;
			}
		} else {
			(void)ap_json_read_skip(r);
		}
	}
	return !r->failed;
}

static bool read_error(struct ap_json_reader *r, struct ap_arena *arena, struct ap_stack_summary *s)
{
	struct ap_text key;
	bool first = true;

	if (ap_json_peek(r) != '{')
		return ap_json_read_skip(r);
	(void)ap_json_read_token(r, '{');
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "message"))
			(void)read_text(r, arena, &s->error);
		else
			(void)ap_json_read_skip(r);
	}
	return !r->failed;
}

static void mix(uint64_t *h, const char *s)
{
	/* With the NUL: "ab" "c" is not "a" "bc". */
	s = s ? s : "?";
	*h = ap_fnv1a(*h, s, strlen(s) + 1);
}

static void finish(struct ap_stack_summary *s, const struct thread *t)
{
	const struct frames *frames = t->js.n ? &t->js : &t->native;
	uint64_t h = AP_FNV1A;

	s->kind = t->js.n ? "js" : t->native.n ? "native" : "unknown";
	memcpy(s->frames, frames->at, sizeof(s->frames));
	s->n_frames = frames->n;
	if (!frames->n)
		return;
	mix(&h, s->verdict_kind);
	for (size_t i = 0; i < frames->n; i++) {
		mix(&h, frames->at[i].function);
		mix(&h, frames->at[i].script);
	}
	snprintf(s->fingerprint, sizeof(s->fingerprint), "%016llx", (unsigned long long)h);
}

struct ap_err *ap_stack_parse(const char *text, size_t bytes, struct ap_arena *arena,
			      struct ap_stack_summary *ret_summary)
{
	struct ap_stack_summary s = {.kind = "unknown"};
	struct thread t = {.crashed = false};

	while (bytes) {
		const char *newline = memchr(text, '\n', bytes);
		size_t n = newline ? (size_t)(newline - text) : bytes;
		struct ap_json_memory memory = {text, n};
		struct ap_json_reader r;
		struct ap_text key;
		bool first = true;

		ap_json_read_init(&r, ap_json_source_memory(&memory), TEXT_BYTES);
		if (n && ap_json_read_token(&r, '{')) {
			while (ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
				if (ap_text_is(key, "data"))
					(void)read_data(&r, arena, &s, &t);
				else if (ap_text_is(key, "error"))
					(void)read_error(&r, arena, &s);
				else
					(void)ap_json_read_skip(&r);
			}
			(void)ap_json_read_end(&r);
		}
		struct ap_err *err = n ? ap_json_read_error(&r) : NULL;
		ap_json_read_close(&r);
		if (err)
			return err;
		text += newline ? n + 1 : n;
		bytes -= newline ? n + 1 : n;
	}
	finish(&s, &t);
	*ret_summary = s;
	return NULL;
}

/* "inner (boom.js:1)": the innermost place, short. */
static void put_top(struct ap_json *j, const struct ap_stack_summary *s)
{
	AP_STR_AUTO top = {0};
	const struct ap_stack_frame *f = &s->frames[0];

	if (s->n_frames) {
		const char *slash = f->script ? strrchr(f->script, '/') : NULL;

		ap_str_adds(&top, f->function ? f->function : "?");
		if (f->script)
			ap_str_addf(&top, " (%s", slash ? slash + 1 : f->script);
		if (f->script && f->line > 0)
			ap_str_addf(&top, ":%lld", (long long)f->line);
		if (f->script)
			ap_str_addc(&top, ')');
	}
	ap_json_text(j, "top", (struct ap_text){top.s, top.n});
}

static void put_number(struct ap_json *j, const char *key, int64_t v)
{
	if (v > 0)
		ap_json_int(j, key, v);
	else
		ap_json_null(j, key);
}

void ap_stack_write(const struct ap_stack_summary *s, struct ap_str *out)
{
	struct ap_json j;

	ap_json_init(&j, out, NULL);
	ap_json_object(&j, NULL);
	ap_json_int(&j, "schema", 1);
	ap_json_cstr(&j, "fingerprint", s->fingerprint[0] ? s->fingerprint : NULL);
	ap_json_cstr(&j, "verdict_kind", s->verdict_kind);
	ap_json_cstr(&j, "certainty", s->certainty);
	ap_json_cstr(&j, "verdict", s->verdict);
	ap_json_cstr(&j, "kind", s->kind);
	put_top(&j, s);
	ap_json_array(&j, "frames");
	for (size_t i = 0; i < s->n_frames; i++) {
		const struct ap_stack_frame *f = &s->frames[i];

		ap_json_object(&j, NULL);
		ap_json_cstr(&j, "function", f->function);
		ap_json_cstr(&j, "script", f->script);
		put_number(&j, "line", f->line);
		put_number(&j, "column", f->column);
		ap_json_end_object(&j);
	}
	ap_json_end_array(&j);
	ap_json_cstr(&j, "error", s->error);
	ap_json_end_object(&j);
	ap_json_newline(&j);
}
