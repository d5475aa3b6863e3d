#include "model/crash_json.h"

#include <stdlib.h>

#include "base/json_read.h"

enum { MAX_NODES = 1 << 27 }; /* a reference to a node has 27 bits for its number */

struct level {
	uint32_t node, last; /* the container, and its last child so far */
	bool first;
};

struct reading {
	struct ap_json_reader r;
	struct ap_jdoc doc;
	struct level *levels;
	size_t depth, cap;
};

void ap_jdoc_close(struct ap_jdoc *doc)
{
	free(doc->at);
	ap_arena_close(&doc->arena);
	*doc = (struct ap_jdoc){0};
}

static bool out_of_memory(struct reading *in)
{
	ap_json_read_fail(&in->r, "out of memory");
	ap_err_free(in->r.error);
	in->r.error = &ap_err_nomem;
	return false;
}

/* A new node, hung to the container of the moment; 0 if that failed. */
static uint32_t add_node(struct reading *in, enum ap_jkind kind, struct ap_text key)
{
	struct ap_jdoc *doc = &in->doc;

	if (doc->n == doc->cap) {
		uint32_t cap = doc->cap ? doc->cap * 2 : 1024;
		struct ap_jnode *at = cap <= MAX_NODES ? realloc(doc->at, cap * sizeof(*at)) : NULL;

		if (!at)
			return out_of_memory(in);
		doc->at = at;
		doc->cap = cap;
	}
	uint32_t node = doc->n++;
	doc->at[node] = (struct ap_jnode){.kind = kind, .key = key};
	if (in->depth) {
		struct level *up = &in->levels[in->depth - 1];

		if (up->last)
			doc->at[up->last].next = node;
		else
			doc->at[up->node].child = node;
		up->last = node;
		doc->at[up->node].n++;
	}
	return node;
}

static bool push(struct reading *in, uint32_t node)
{
	if (in->depth == AP_JDOC_DEPTH)
		return ap_json_read_fail(&in->r, "more than %d levels", AP_JDOC_DEPTH);
	if (in->depth == in->cap) {
		size_t cap = in->cap ? in->cap * 2 : 64;
		struct level *levels = realloc(in->levels, cap * sizeof(*levels));

		if (!levels)
			return out_of_memory(in);
		in->levels = levels;
		in->cap = cap;
	}
	in->levels[in->depth++] = (struct level){.node = node, .first = true};
	return true;
}

static bool copy(struct reading *in, struct ap_text text, struct ap_text *ret)
{
	char *s = text.n ? ap_strndup(&in->doc.arena, text.s, text.n) : NULL;

	if (text.n && !s)
		return out_of_memory(in);
	*ret = text.n ? (struct ap_text){s, text.n} : AP_TEXT("");
	return true;
}

/* A number, true, false or null; the source is one piece, so its bytes are still there. */
static bool word(struct reading *in, struct ap_text key)
{
	const char *start = (const char *)in->r.p;
	struct ap_text text;

	if (!ap_json_read_skip(&in->r))
		return false;
	text = (struct ap_text){start, (size_t)((const char *)in->r.p - start)};
	if (ap_text_is(text, "null"))
		return add_node(in, AP_J_NULL, key);
	if (ap_text_is(text, "true"))
		return add_node(in, AP_J_TRUE, key);
	if (ap_text_is(text, "false"))
		return add_node(in, AP_J_FALSE, key);
	if (text.n > 400 || !(text.s[0] == '-' || (text.s[0] >= '0' && text.s[0] <= '9')))
		return ap_json_read_fail(&in->r, "a value expected");
	struct ap_text number;
	char *end;
	if (!copy(in, text, &number))
		return false;
	(void)strtod(number.s, &end);
	/* strtod() knows 0x10 and nan, which no number of JSON is. */
	if (end != ap_text_end(number) || strpbrk(number.s, "xXnNpP"))
		return ap_json_read_fail(&in->r, "a number expected");
	uint32_t node = add_node(in, AP_J_NUMBER, key);
	if (node)
		in->doc.at[node].text = number;
	return node;
}

static bool item(struct reading *in, struct ap_text key)
{
	int c = ap_json_peek(&in->r);
	struct ap_text text;
	uint32_t node;

	if (c == '{' || c == '[') {
		ap_json_read_token(&in->r, (char)c);
		node = add_node(in, c == '{' ? AP_J_OBJECT : AP_J_ARRAY, key);
		return node && push(in, node);
	}
	if (c != '"')
		return word(in, key);
	if (!ap_json_read_text(&in->r, &text) || !copy(in, text, &text))
		return false;
	node = add_node(in, AP_J_STRING, key);
	if (node)
		in->doc.at[node].text = text;
	return node;
}

static bool document(struct reading *in)
{
	if (!item(in, (struct ap_text){0}))
		return false;
	while (in->depth) {
		struct level *at = &in->levels[in->depth - 1];
		bool object = in->doc.at[at->node].kind == AP_J_OBJECT;
		struct ap_text key = {0};

		if (!ap_json_read_more(&in->r, &at->first, object ? '}' : ']')) {
			if (in->r.failed)
				return false;
			in->depth--;
			continue;
		}
		if (object && (!ap_json_read_key(&in->r, &key) || !copy(in, key, &key)))
			return false;
		if (!item(in, key))
			return false;
	}
	return ap_json_read_end(&in->r);
}

struct ap_err *ap_jdoc_read(const void *data, size_t bytes, struct ap_jdoc *ret)
{
	struct ap_json_memory memory = {data, bytes};
	struct reading in = {.doc = {.n = 0}};
	struct ap_err *err = NULL;

	ap_arena_init(&in.doc.arena, 0);
	ap_json_read_init(&in.r, ap_json_source_memory(&memory), bytes);
	/* Node 0 stands for "none". */
	if (!add_node(&in, AP_J_NULL, (struct ap_text){0}) && in.r.failed)
		err = ap_json_read_error(&in.r);
	else if (!document(&in))
		err = ap_json_read_error(&in.r);
	ap_json_read_close(&in.r);
	free(in.levels);
	if (err)
		ap_jdoc_close(&in.doc);
	else
		*ret = in.doc;
	return err;
}

uint32_t ap_jget_text(const struct ap_jdoc *doc, uint32_t node, struct ap_text key)
{
	if (!ap_jis(doc, node, AP_J_OBJECT))
		return 0;
	AP_JEACH(doc, node, i)
	{
		if (ap_text_eq(doc->at[i].key, key))
			return i;
	}
	return 0;
}

uint32_t ap_jget(const struct ap_jdoc *doc, uint32_t node, const char *key)
{
	return ap_jget_text(doc, node, ap_text_of(key));
}

struct ap_text ap_jtext(const struct ap_jdoc *doc, uint32_t node)
{
	return ap_jis(doc, node, AP_J_STRING) ? doc->at[node].text : (struct ap_text){0};
}

struct ap_text ap_jget_string(const struct ap_jdoc *doc, uint32_t node, const char *key)
{
	return ap_jtext(doc, ap_jget(doc, node, key));
}

bool ap_jnumber(const struct ap_jdoc *doc, uint32_t node, double *ret)
{
	if (!ap_jis(doc, node, AP_J_NUMBER))
		return false;
	*ret = strtod(doc->at[node].text.s, NULL);
	return true;
}

int64_t ap_jget_int(const struct ap_jdoc *doc, uint32_t node, const char *key, int64_t otherwise)
{
	double v;

	if (!ap_jnumber(doc, ap_jget(doc, node, key), &v) ||
	    !(v >= -9007199254740992.0 && v <= 9007199254740992.0))
		return otherwise;
	return (int64_t)v;
}

bool ap_jget_true(const struct ap_jdoc *doc, uint32_t node, const char *key)
{
	return ap_jis(doc, ap_jget(doc, node, key), AP_J_TRUE);
}
