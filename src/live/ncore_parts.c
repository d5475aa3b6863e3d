/* What the steps of ncore.js answer, read. */
#include "base/json.h"
#include "base/json_read.h"
#include "base/mask.h"
#include "live/ncore.h"

static struct ap_err *finish(struct ap_json_reader *r, const char *what)
{
	struct ap_err *err = ap_json_read_error(r);

	ap_json_read_close(r);
	return err ? ap_err_wrap(err, "what the program says of %s is not understood", what) : NULL;
}

static bool keep(struct ap_json_reader *r, struct ap_arena *arena, struct ap_text *ret)
{
	struct ap_text text;

	if (!ap_json_read_text(r, &text))
		return false;
	const char *copy = ap_strndup(arena, text.s, text.n);
	if (!copy)
		return ap_json_read_fail(r, "no memory for %zu bytes", text.n);
	*ret = (struct ap_text){copy, text.n};
	return true;
}

static bool read_dirs(struct ap_json_reader *r, struct ap_arena *arena, struct ap_ncore_look *look)
{
	bool first = true;

	for (ap_json_read_token(r, '['); ap_json_read_more(r, &first, ']');) {
		if (look->n_dirs == sizeof(look->dirs) / sizeof(look->dirs[0]))
			ap_json_read_skip(r);
		else if (keep(r, arena, &look->dirs[look->n_dirs]))
			look->n_dirs++;
	}
	return !r->failed;
}

struct ap_err *ap_ncore_read_look(struct ap_text json, struct ap_arena *arena,
				  struct ap_ncore_look *ret_look)
{
	struct ap_json_memory memory = {json.s, json.n};
	struct ap_ncore_look look = {.version = AP_TEXT("")};
	struct ap_json_reader r;
	struct ap_text key;
	bool first = true;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 1 << 16);
	ap_json_read_token(&r, '{');
	while (ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
		if (ap_text_is(key, "pid")) {
			ap_json_read_uint(&r, &look.pid);
		} else if (ap_text_is(key, "version")) {
			keep(&r, arena, &look.version);
		} else if (ap_text_is(key, "panic")) {
			look.panic_loaded = ap_json_peek(&r) == 't';
			ap_json_read_skip(&r);
		} else if (ap_text_is(key, "dirs")) {
			read_dirs(&r, arena, &look);
		} else {
			ap_json_read_skip(&r);
		}
	}
	ap_json_read_end(&r);
	AP_TRY(finish(&r, "itself"));
	*ret_look = look;
	return NULL;
}

static void put_word(struct ap_json *j, struct ap_text previous, struct ap_text word,
		     bool show_secrets)
{
	AP_STR_AUTO masked = {0};

	if (!show_secrets)
		ap_mask_word(&masked, previous, word);
	ap_json_text(j, NULL,
		     show_secrets ? word : (struct ap_text){masked.s ? masked.s : "", masked.n});
}

static void put_assignment(struct ap_json *j, struct ap_text word, bool show_secrets)
{
	AP_STR_AUTO name = {0};
	AP_STR_AUTO masked = {0};
	const char *equals = word.n ? memchr(word.s, '=', word.n) : NULL;

	if (!equals)
		return;
	struct ap_text value = {equals + 1, (size_t)(ap_text_end(word) - equals - 1)};
	ap_str_add(&name, word.s, (size_t)(equals - word.s));
	if (!show_secrets)
		ap_mask_value(&masked, (struct ap_text){word.s, (size_t)(equals - word.s)}, value);
	ap_json_text(j, name.s ? name.s : "",
		     show_secrets ? value : (struct ap_text){masked.s ? masked.s : "", masked.n});
}

struct ap_err *ap_ncore_mask_list(struct ap_text json, bool assignments, bool show_secrets,
				  struct ap_str *out)
{
	struct ap_json_memory memory = {json.s, json.n};
	AP_STR_AUTO previous = {0};
	struct ap_json_reader r;
	struct ap_text word;
	struct ap_json j;
	bool first = true;

	ap_json_init(&j, out, NULL);
	ap_json_read_init(&r, ap_json_source_memory(&memory), AP_PROTOCOL_MAX);
	if (assignments)
		ap_json_object(&j, NULL);
	else
		ap_json_array(&j, NULL);
	ap_json_read_token(&r, '[');
	while (ap_json_read_more(&r, &first, ']') && ap_json_read_text(&r, &word)) {
		if (assignments)
			put_assignment(&j, word, show_secrets);
		else
			put_word(&j, (struct ap_text){previous.s ? previous.s : "", previous.n},
				 word, show_secrets);
		ap_str_clear(&previous);
		ap_str_add(&previous, word.s, word.n);
	}
	ap_json_read_end(&r);
	if (assignments)
		ap_json_end_object(&j);
	else
		ap_json_end_array(&j);
	AP_TRY(finish(&r, assignments ? "its environment" : "its arguments"));
	return out->failed ? &ap_err_nomem : NULL;
}
