#include "cmd/rows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/json_read.h"

enum { MAX_LEVELS = 4, MAX_COLUMNS = 12, MAX_TEXT = 1 << 26 };

/* The items of an object or array, one after the other, as the JSON they are. */
struct items {
	struct ap_text json;
	struct ap_json_memory memory;
	struct ap_json_reader reader;
	char close;
	bool first;
	char key[128]; /* longer ones are cut: no answer of ours has any */
};

static void items_open(struct items *it, struct ap_text json)
{
	*it = (struct items){.json = json, .memory = {json.s ? json.s : "", json.n}, .first = true};
	ap_json_read_init(&it->reader, ap_json_source_memory(&it->memory), MAX_TEXT);
	int open = ap_json_peek(&it->reader);
	it->close = open == '{' ? '}' : open == '[' ? ']' : 0;
	if (it->close)
		(void)ap_json_read_token(&it->reader, (char)open);
}

/* `ret_key` stays valid until the next item. */
static bool items_next(struct items *it, struct ap_text *ret_key, struct ap_text *ret_value)
{
	struct ap_text key = {0};

	if (!it->close || !ap_json_read_more(&it->reader, &it->first, it->close) ||
	    (it->close == '}' && !ap_json_read_key(&it->reader, &key)))
		return false;
	(void)ap_json_peek(&it->reader);
	uint64_t start = ap_json_read_offset(&it->reader);
	key.n = key.n < sizeof(it->key) ? key.n : sizeof(it->key);
	if (key.n)
		memcpy(it->key, key.s, key.n);
	if (!ap_json_read_skip(&it->reader))
		return false;
	*ret_key = (struct ap_text){it->key, key.n};
	*ret_value = (struct ap_text){it->json.s + start, ap_json_read_offset(&it->reader) - start};
	return true;
}

static void items_close(struct items *it)
{
	ap_err_free(ap_json_read_error(&it->reader));
	ap_json_read_close(&it->reader);
}

static struct ap_text member(struct ap_text json, const char *name, size_t n)
{
	struct ap_text key, value, found = {0};
	struct items it;

	items_open(&it, json);
	while (!found.s && it.close == '}' && items_next(&it, &key, &value)) {
		if (key.n == n && memcmp(key.s, name, n) == 0)
			found = value;
	}
	items_close(&it);
	return found;
}

struct ap_text ap_rows_data(struct ap_text envelope)
{
	struct ap_text data = member(envelope, "data", 4);

	return data.n && *data.s != 'n' ? data : (struct ap_text){0};
}

static bool is_list_of_rows(struct ap_text json)
{
	return json.n > 2 && json.s[0] == '[' &&
	       (json.s[1] == '{' || strncmp(json.s + 1, "\"0x", 3) == 0);
}

/* The first list with items in it, in the object or further in. */
static struct ap_text first_list(struct ap_text json, int levels)
{
	struct ap_text key, value, found = {0};
	struct items it;

	items_open(&it, json);
	while (!found.s && it.close == '}' && items_next(&it, &key, &value)) {
		if (is_list_of_rows(value))
			found = value;
		else if (value.n && value.s[0] == '{' && levels)
			found = first_list(value, levels - 1);
	}
	items_close(&it);
	return found;
}

/* A list that the item itself holds: frames of a thread. A value's own lists are no rows. */
static struct ap_text own_list(struct ap_text item)
{
	struct ap_text key, value, found = {0};
	struct items it;

	items_open(&it, item);
	while (!found.s && it.close == '}' && items_next(&it, &key, &value)) {
		if (is_list_of_rows(value) &&
		    (ap_text_is(key, "frames") || ap_text_is(key, "variables")))
			found = value;
	}
	items_close(&it);
	return found;
}

static struct ap_err *add_rows(struct ap_text list, int levels, struct ap_arena *arena,
			       struct ap_rows *rows)
{
	struct ap_text key, value;
	struct ap_err *err = NULL;
	struct items it;

	items_open(&it, list);
	while (!err && items_next(&it, &key, &value)) {
		struct ap_text own = levels ? own_list(value) : (struct ap_text){0};

		if (own.s)
			err = add_rows(own, levels - 1, arena, rows);
		else if (!ap_vec_push(arena, &rows->at, (struct ap_row){value}))
			err = &ap_err_nomem;
	}
	items_close(&it);
	return err;
}

struct ap_err *ap_rows_of(struct ap_text data, struct ap_arena *arena, struct ap_rows *rows)
{
	struct ap_text list = first_list(data, MAX_LEVELS);

	return list.s ? add_rows(list, MAX_LEVELS, arena, rows) : NULL;
}

struct ap_text ap_row_value(const struct ap_row *row, const char *key)
{
	struct ap_text json = row->json;

	/* `select value.address` makes rows with such a key. */
	struct ap_text whole = member(json, key, strlen(key));
	if (whole.s)
		return whole;
	while (json.s && *key) {
		size_t n = strcspn(key, ".");

		json = member(json, key, n);
		key += n + (key[n] == '.');
	}
	return json;
}

static struct ap_text string_of(struct ap_text json, struct ap_arena *arena)
{
	struct ap_json_memory memory = {json.s, json.n};
	struct ap_json_reader r;
	struct ap_text text = {0};

	ap_json_read_init(&r, ap_json_source_memory(&memory), MAX_TEXT);
	if (ap_json_read_text(&r, &text)) {
		const char *copy = ap_strndup(arena, text.s, text.n);

		text.s = copy ? copy : "";
		text.n = copy ? text.n : 0;
	}
	ap_err_free(ap_json_read_error(&r));
	ap_json_read_close(&r);
	return text;
}

static struct ap_text joined(struct ap_text json, struct ap_arena *arena)
{
	struct ap_text key, value;
	AP_STR_AUTO out = {0};
	struct items it;

	items_open(&it, json);
	while (out.n < 400 && items_next(&it, &key, &value)) {
		struct ap_text text = *value.s == '"' ? string_of(value, arena) : value;

		ap_str_adds(&out, out.n ? ", " : "");
		ap_str_add(&out, text.s, text.n);
	}
	items_close(&it);
	return ap_str_text(&out, arena);
}

struct ap_text ap_row_text(struct ap_text json, struct ap_arena *arena)
{
	if (!json.n || *json.s == 'n')
		return AP_TEXT("-");
	if (*json.s == '"')
		return string_of(json, arena);
	if (*json.s == 't' || *json.s == 'f')
		return *json.s == 't' ? AP_TEXT("yes") : AP_TEXT("");
	if (*json.s == '[')
		return joined(json, arena);
	if (*json.s == '{') {
		struct ap_text preview = member(json, "preview", 7);

		return preview.n && *preview.s == '"' ? string_of(preview, arena)
						      : AP_TEXT("{...}");
	}
	return json;
}

const char *ap_row_subject(const struct ap_row *row, struct ap_arena *arena)
{
	static const char *const keys[] = {
		"address",        "representative", "value.address", "holder.address",
		"object.address", "callee.address", "base"};

	if (row->json.n && *row->json.s == '"')
		return string_of(row->json, arena).s;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct ap_text value = ap_row_value(row, keys[i]);

		if (value.n > 3 && strncmp(value.s, "\"0x", 3) == 0)
			return string_of(value, arena).s;
	}
	struct ap_text id = ap_row_value(row, "id");
	if (id.n && isdigit((unsigned char)*id.s))
		return ap_printf(arena, "@%.*s", AP_TEXT_ARG(id));
	return NULL;
}

void ap_rows_json(struct ap_json *j, const char *key, const struct ap_rows *rows)
{
	ap_json_array(j, key);
	for (size_t i = 0; i < rows->at.n; i++)
		ap_json_raw(j, NULL, rows->at.at[i].json);
	ap_json_end_array(j);
}

/* ---- the table ---- */

struct cell {
	struct ap_text text;
	uint64_t number;
};

static bool is_number(struct ap_text json)
{
	return json.n && isdigit((unsigned char)*json.s) && !memchr(json.s, '.', json.n) &&
	       !memchr(json.s, 'e', json.n);
}

/* Numbers are right and bytes human where every row has one. */
static enum ap_field_kind kind_of(const struct ap_rows *rows, const char *key)
{
	size_t n = strlen(key);

	for (size_t i = 0; i < rows->at.n; i++) {
		if (!is_number(ap_row_value(&rows->at.at[i], key)))
			return AP_FIELD_TEXT;
	}
	return n >= 5 && strcmp(key + n - 5, "bytes") == 0 ? AP_FIELD_BYTES : AP_FIELD_COUNT;
}

static char *upper(struct ap_arena *arena, const char *key)
{
	char *title = ap_strndup(arena, key, strlen(key));

	for (char *p = title; p && *p; p++)
		*p = *p == '_' ? ' ' : (char)toupper((unsigned char)*p);
	return title;
}

static size_t columns_of(struct ap_ctx *ctx, const struct ap_rows *rows,
			 const char *keys[static MAX_COLUMNS])
{
	struct ap_text key, value;
	struct items it;
	size_t n = 0;

	items_open(&it, rows->at.at[0].json);
	while (n < MAX_COLUMNS && it.close == '}' && items_next(&it, &key, &value)) {
		keys[n] = ap_strndup(ctx->arena, key.s, key.n);
		n += keys[n] != NULL;
	}
	items_close(&it);
	return n;
}

void ap_rows_text(struct ap_ctx *ctx, const struct ap_rows *rows)
{
	const char *keys[MAX_COLUMNS];
	struct ap_field fields[MAX_COLUMNS];

	if (!rows->at.n)
		return;
	size_t n = columns_of(ctx, rows, keys);
	if (!n) {
		for (size_t i = 0; i < rows->at.n && !ctx->out->broken; i++) {
			ap_out_text(ctx->out, ap_row_text(rows->at.at[i].json, ctx->arena));
			ap_out_s(ctx->out, "\n");
		}
		return;
	}
	struct cell *cells = ap_alloc_array(ctx->arena, n * rows->at.n, sizeof(*cells));
	if (!cells)
		return;
	for (size_t c = 0; c < n; c++) {
		enum ap_field_kind kind = kind_of(rows, keys[c]);
		size_t at = kind == AP_FIELD_TEXT ? offsetof(struct cell, text)
						  : offsetof(struct cell, number);

		fields[c] = (struct ap_field){.title = upper(ctx->arena, keys[c]),
					      .kind = kind,
					      .offset = c * sizeof(struct cell) + at};
		for (size_t r = 0; r < rows->at.n; r++) {
			struct ap_text value = ap_row_value(&rows->at.at[r], keys[c]);
			struct cell *cell = &cells[r * n + c];

			if (kind == AP_FIELD_TEXT)
				cell->text = ap_row_text(value, ctx->arena);
			else
				cell->number = strtoull(value.s, NULL, 10);
		}
	}
	const struct ap_table table = {
		.fields = fields, .n_fields = n, .row_bytes = n * sizeof(struct cell)};
	ap_out_table(ctx->out, &table, cells, rows->at.n);
}
