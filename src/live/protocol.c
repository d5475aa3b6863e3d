#include "live/protocol.h"

#include <ctype.h>

#include "base/json_read.h"

enum { PATH_LIMIT = 256 };

struct reader {
	struct ap_json_reader r;
	struct ap_json_memory memory;
	struct ap_arena *arena;
	const char *text;
};

static void begin(struct reader *r, const char *text, size_t bytes, struct ap_arena *arena)
{
	r->memory = (struct ap_json_memory){text, bytes};
	r->arena = arena;
	r->text = text;
	ap_json_read_init(&r->r, ap_json_source_memory(&r->memory), AP_PROTOCOL_MAX);
}

static struct ap_err *finish(struct reader *r, const char *what)
{
	struct ap_err *err = ap_json_read_error(&r->r);

	ap_json_read_close(&r->r);
	return err ? ap_err_wrap(err, "%s is not in the inspector protocol's form", what) : NULL;
}

static struct ap_text keep(struct reader *r, struct ap_text text)
{
	const char *copy = ap_strndup(r->arena, text.s, text.n);

	if (!copy)
		ap_json_read_fail(&r->r, "a text of %zu bytes, more than there is memory for",
				  text.n);
	return (struct ap_text){copy, copy ? text.n : 0};
}

/* A string, or nothing when another kind of value stands there. */
static bool maybe_text(struct reader *r, struct ap_text *ret)
{
	struct ap_text text;

	if (ap_json_peek(&r->r) != '"')
		return ap_json_read_skip(&r->r);
	if (!ap_json_read_text(&r->r, &text))
		return false;
	*ret = keep(r, text);
	return true;
}

/* The JSON text of whatever comes next. */
static bool raw(struct reader *r, struct ap_text *ret)
{
	(void)ap_json_peek(&r->r);
	uint64_t from = ap_json_read_offset(&r->r);
	if (!ap_json_read_skip(&r->r))
		return false;
	*ret = keep(r,
		    (struct ap_text){r->text + from, (size_t)(ap_json_read_offset(&r->r) - from)});
	return true;
}

/* Walks an object: true with the next key, whose value the caller takes. */
static bool next_key(struct reader *r, bool *first, struct ap_text *ret_key)
{
	return ap_json_read_more(&r->r, first, '}') && ap_json_read_key(&r->r, ret_key);
}

static bool read_error(struct reader *r, struct ap_text *ret)
{
	bool first = true;
	struct ap_text key;

	if (ap_json_peek(&r->r) != '{')
		return ap_json_read_skip(&r->r);
	*ret = AP_TEXT("no reason given");
	for (ap_json_read_token(&r->r, '{'); next_key(r, &first, &key);) {
		if (ap_text_is(key, "message"))
			maybe_text(r, ret);
		else
			ap_json_read_skip(&r->r);
	}
	return !r->r.failed;
}

struct ap_err *ap_protocol_read(const char *text, size_t bytes, struct ap_arena *arena,
				struct ap_protocol_message *ret_message)
{
	struct ap_protocol_message m = {0};
	struct ap_text key;
	struct reader r;
	bool first = true;

	begin(&r, text, bytes, arena);
	for (ap_json_read_token(&r.r, '{'); next_key(&r, &first, &key);) {
		if (ap_text_is(key, "id"))
			m.is_reply = ap_json_read_uint(&r.r, &m.id);
		else if (ap_text_is(key, "method"))
			maybe_text(&r, &m.method);
		else if (ap_text_is(key, "result") || ap_text_is(key, "params"))
			raw(&r, &m.body);
		else if (ap_text_is(key, "error"))
			read_error(&r, &m.error);
		else
			ap_json_read_skip(&r.r);
	}
	ap_json_read_end(&r.r);
	AP_TRY(finish(&r, "a message"));
	*ret_message = m;
	return NULL;
}

static bool read_remote_object(struct reader *r, struct ap_protocol_value *v,
			       struct ap_text *ret_description)
{
	bool first = true;
	struct ap_text key;

	for (ap_json_read_token(&r->r, '{'); next_key(r, &first, &key);) {
		if (ap_text_is(key, "type"))
			maybe_text(r, &v->type);
		else if (ap_text_is(key, "value"))
			maybe_text(r, &v->string);
		else if (ap_text_is(key, "objectId"))
			maybe_text(r, &v->object_id);
		else if (ap_text_is(key, "description"))
			maybe_text(r, ret_description);
		else
			ap_json_read_skip(&r->r);
	}
	return !r->r.failed;
}

/* exceptionDetails: its text is "Uncaught"; the exception's own description says more. */
static bool read_exception(struct reader *r, struct ap_text *ret)
{
	struct ap_text key, description = {0}, text = AP_TEXT("an exception");
	struct ap_protocol_value thrown = {0};
	bool first = true;

	for (ap_json_read_token(&r->r, '{'); next_key(r, &first, &key);) {
		if (ap_text_is(key, "text"))
			maybe_text(r, &text);
		else if (ap_text_is(key, "exception") && ap_json_peek(&r->r) == '{')
			read_remote_object(r, &thrown, &description);
		else
			ap_json_read_skip(&r->r);
	}
	*ret = description.s ? description : thrown.string.s ? thrown.string : text;
	return !r->r.failed;
}

struct ap_err *ap_protocol_read_value(struct ap_text body, struct ap_arena *arena,
				      struct ap_protocol_value *ret_value)
{
	struct ap_protocol_value v = {0};
	struct ap_text key, description;
	struct reader r;
	bool first = true;

	begin(&r, body.s, body.n, arena);
	for (ap_json_read_token(&r.r, '{'); next_key(&r, &first, &key);) {
		if (ap_text_is(key, "result") && ap_json_peek(&r.r) == '{')
			read_remote_object(&r, &v, &description);
		else if (ap_text_is(key, "exceptionDetails") && ap_json_peek(&r.r) == '{')
			read_exception(&r, &v.exception);
		else
			ap_json_read_skip(&r.r);
	}
	ap_json_read_end(&r.r);
	AP_TRY(finish(&r, "an answer"));
	if (!v.type.s)
		return ap_err_new(AP_E_FORMAT, "an answer holds no value");
	*ret_value = v;
	return NULL;
}

/* "ws://127.0.0.1:9229/0f2c936f-..." -> "/0f2c936f-..." */
static bool path_of(struct ap_text url, struct ap_text *ret)
{
	const char *end = ap_text_end(url), *p = url.s;

	if (url.n < 5 || memcmp(p, "ws://", 5) != 0)
		return false;
	p = memchr(p + 5, '/', url.n - 5);
	if (!p || end - p > PATH_LIMIT || end - p < 2)
		return false;
	for (const char *c = p; c < end; c++) {
		if (!isalnum((unsigned char)*c) && (!*c || !strchr("/-_.", *c)))
			return false;
	}
	*ret = (struct ap_text){p, (size_t)(end - p)};
	return true;
}

struct ap_err *ap_protocol_read_targets(const char *text, size_t bytes, struct ap_arena *arena,
					struct ap_text *ret_path)
{
	struct ap_text key, url, path = {0};
	struct reader r;
	bool first = true;

	begin(&r, text, bytes, arena);
	ap_json_read_token(&r.r, '[');
	while (ap_json_read_more(&r.r, &first, ']')) {
		bool first_key = true;

		for (ap_json_read_token(&r.r, '{'); next_key(&r, &first_key, &key);) {
			url = (struct ap_text){0};
			if (ap_text_is(key, "webSocketDebuggerUrl") && !path.s) {
				maybe_text(&r, &url);
				if (url.s && !path_of(url, &path))
					ap_json_read_fail(&r.r,
							  "the address of a target is not one");
			} else {
				ap_json_read_skip(&r.r);
			}
		}
	}
	AP_TRY(finish(&r, "the list of targets"));
	if (!path.s)
		return ap_err_new(AP_E_FORMAT, "the list of targets names no WebSocket");
	*ret_path = path;
	return NULL;
}
