/* Tables and records: one description of the fields, text columns and JSON keys from it. */
#include "base/escape.h"
#include "base/number.h"
#include "out/out.h"

enum { MAX_COLUMNS = 24 };

static const void *field_at(const struct ap_field *field, const void *row)
{
	return (const char *)row + field->offset;
}

bool ap_field_is_right(enum ap_field_kind kind)
{
	switch (kind) {
	case AP_FIELD_TEXT:
	case AP_FIELD_CSTR:
	case AP_FIELD_BOOL:
		return false;
	case AP_FIELD_INT:
	case AP_FIELD_INT64:
	case AP_FIELD_COUNT:
	case AP_FIELD_BYTES:
	case AP_FIELD_ADDRESS:
	case AP_FIELD_PERCENT:
		break;
	}
	return true;
}

void ap_field_text(struct ap_str *str, const struct ap_field *field, const void *row)
{
	const void *at = field_at(field, row);
	char number[AP_NUMBER_MAX];

	switch (field->kind) {
	case AP_FIELD_TEXT: {
		const struct ap_text *text = at;

		if (text->s)
			ap_str_add(str, text->s, text->n);
		else
			ap_str_addc(str, '-');
		return;
	}
	case AP_FIELD_CSTR: {
		const char *const *s = at;

		ap_str_adds(str, *s ? *s : "-");
		return;
	}
	case AP_FIELD_INT:
		ap_str_addf(str, "%d", *(const int *)at);
		return;
	case AP_FIELD_INT64:
		ap_str_addf(str, "%lld", (long long)*(const int64_t *)at);
		return;
	case AP_FIELD_COUNT:
		ap_str_addf(str, "%llu", (unsigned long long)*(const uint64_t *)at);
		return;
	case AP_FIELD_BYTES:
		ap_str_adds(str, ap_bytes_human(*(const uint64_t *)at, number));
		return;
	case AP_FIELD_ADDRESS:
		ap_str_addf(str, "%llx", (unsigned long long)*(const uint64_t *)at);
		return;
	case AP_FIELD_BOOL:
		ap_str_adds(str, *(const bool *)at ? "yes" : "");
		return;
	case AP_FIELD_PERCENT:
		ap_str_addf(str, "%.1f %%", *(const double *)at);
		return;
	}
}

static int safe_columns(const struct ap_str *cell)
{
	AP_STR_AUTO safe = {0};

	ap_escape(&safe, (struct ap_text){cell->s, cell->n});
	size_t columns = ap_columns((struct ap_text){safe.s, safe.n});
	return columns > 100000 ? 100000 : (int)columns;
}

static int cell_columns(struct ap_str *scratch, const struct ap_field *field, const void *row)
{
	ap_str_clear(scratch);
	ap_field_text(scratch, field, row);
	if (field->kind != AP_FIELD_TEXT && field->kind != AP_FIELD_CSTR)
		return (int)scratch->n;
	return safe_columns(scratch);
}

void ap_out_table(struct ap_out *out, const struct ap_table *table, const void *rows, size_t n)
{
	const struct ap_field *shown[MAX_COLUMNS];
	int width[MAX_COLUMNS];
	size_t n_shown = 0;
	AP_STR_AUTO scratch = {0};

	for (size_t i = 0; i < table->n_fields && n_shown < MAX_COLUMNS; i++) {
		if (table->fields[i].title) {
			shown[n_shown] = &table->fields[i];
			width[n_shown++] = (int)ap_columns(ap_text_of(table->fields[i].title));
		}
	}
	for (size_t r = 0; r < n; r++) {
		for (size_t i = 0; i < n_shown; i++) {
			int columns = cell_columns(&scratch, shown[i],
						   (const char *)rows + r * table->row_bytes);

			if (columns > width[i])
				width[i] = columns;
		}
	}
	int used = 0;
	for (size_t i = 0; i + 1 < n_shown; i++)
		used += width[i] + 2;
	if (n_shown && out->terminal && used + width[n_shown - 1] > out->width)
		width[n_shown - 1] = out->width - used > 8 ? out->width - used : 8;

	ap_out_style(out, AP_STYLE_HEAD);
	for (size_t i = 0; i < n_shown; i++) {
		bool last = i + 1 == n_shown, right = ap_field_is_right(shown[i]->kind);

		if (last && !right && ap_columns(ap_text_of(shown[i]->title)) <= (size_t)width[i])
			ap_out_s(out, shown[i]->title);
		else
			ap_out_cell(out, ap_text_of(shown[i]->title), width[i], right);
		ap_out_s(out, last ? "" : "  ");
	}
	ap_out_style(out, AP_STYLE_PLAIN);
	ap_out_s(out, "\n");
	for (size_t r = 0; r < n && !out->broken; r++) {
		const void *row = (const char *)rows + r * table->row_bytes;

		for (size_t i = 0; i < n_shown; i++) {
			bool last = i + 1 == n_shown, right = ap_field_is_right(shown[i]->kind);

			ap_str_clear(&scratch);
			ap_field_text(&scratch, shown[i], row);
			struct ap_text text = {scratch.s ? scratch.s : "", scratch.n};
			/* No blanks behind the last column. */
			if (last && !right && safe_columns(&scratch) <= width[i])
				ap_out_text(out, text);
			else
				ap_out_cell(out, text, width[i], right);
			ap_out_s(out, last ? "\n" : "  ");
		}
	}
}

void ap_json_record(struct ap_json *j, const struct ap_field *fields, size_t n, const void *row)
{
	for (size_t i = 0; i < n; i++) {
		const struct ap_field *field = &fields[i];
		const void *at = field_at(field, row);

		if (!field->key)
			continue;
		switch (field->kind) {
		case AP_FIELD_TEXT:
			ap_json_text(j, field->key, *(const struct ap_text *)at);
			break;
		case AP_FIELD_CSTR:
			ap_json_cstr(j, field->key, *(const char *const *)at);
			break;
		case AP_FIELD_INT:
			ap_json_int(j, field->key, *(const int *)at);
			break;
		case AP_FIELD_INT64:
			ap_json_int(j, field->key, *(const int64_t *)at);
			break;
		case AP_FIELD_COUNT:
		case AP_FIELD_BYTES:
			ap_json_uint(j, field->key, *(const uint64_t *)at);
			break;
		case AP_FIELD_ADDRESS:
			ap_json_addr(j, field->key, *(const uint64_t *)at);
			break;
		case AP_FIELD_BOOL:
			ap_json_bool(j, field->key, *(const bool *)at);
			break;
		case AP_FIELD_PERCENT:
			ap_json_double(j, field->key, *(const double *)at);
			break;
		}
	}
}

void ap_json_table(struct ap_json *j, const struct ap_table *table, const void *rows, size_t n)
{
	ap_json_array(j, table->key);
	for (size_t r = 0; r < n; r++) {
		ap_json_object(j, NULL);
		ap_json_record(j, table->fields, table->n_fields,
			       (const char *)rows + r * table->row_bytes);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

void ap_out_record(struct ap_out *out, const struct ap_field *fields, size_t n, const void *row)
{
	AP_STR_AUTO scratch = {0};
	int width = 0;

	for (size_t i = 0; i < n; i++) {
		int columns = fields[i].title ? (int)ap_columns(ap_text_of(fields[i].title)) : 0;

		if (columns > width)
			width = columns;
	}
	for (size_t i = 0; i < n; i++) {
		if (!fields[i].title)
			continue;
		ap_str_clear(&scratch);
		ap_field_text(&scratch, &fields[i], row);
		ap_out_cell(out, ap_text_of(fields[i].title), width, false);
		ap_out_s(out, "  ");
		ap_out_text(out, (struct ap_text){scratch.s ? scratch.s : "", scratch.n});
		ap_out_s(out, "\n");
	}
}
