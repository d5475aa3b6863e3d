/*
 * Scripts: name, source text, and the line and column of a position.
 *
 * The table of line ends that V8 keeps may not exist in the dead process, so we count ourselves,
 * once per script, and remember where each line starts.
 */
#include <stdlib.h>

#include "v8/function.h"
#include "v8/v8_private.h"

enum { MAX_LINE_OFFSET = 1 << 28 };

struct ap_text ap_script_name(struct ap_v8 *v8, ap_tagged script, struct ap_arena *arena)
{
	uint64_t name;

	/* Script::GetNameOrSourceURL: a `//# sourceURL=` comment wins. */
	if (ap_v8_word(v8, script, F(v8, SCRIPT_SOURCE_URL), &name) &&
	    ap_type_is_string(v8, ap_v8_type(v8, name)))
		return ap_v8_text(v8, name, 65536, arena);
	if (ap_v8_word(v8, script, F(v8, SCRIPT_NAME), &name) &&
	    ap_type_is_string(v8, ap_v8_type(v8, name)))
		return ap_v8_text(v8, name, 65536, arena);
	return (struct ap_text){NULL, 0};
}

bool ap_script_length(struct ap_v8 *v8, ap_tagged script, uint32_t *ret_units)
{
	uint64_t source;

	return ap_v8_is(v8, script, AP_F_T_SCRIPT) &&
	       ap_v8_word(v8, script, F(v8, SCRIPT_SOURCE), &source) &&
	       ap_v8_string_length(v8, source, ret_units);
}

struct ap_text ap_script_text(struct ap_v8 *v8, ap_tagged script, int32_t start, int32_t end,
			      struct ap_arena *arena)
{
	AP_STR_AUTO out = {0};
	uint64_t source;
	uint32_t units;

	if (!ap_script_length(v8, script, &units) || start < 0 || end < start ||
	    (uint32_t)start > units || !ap_v8_word(v8, script, F(v8, SCRIPT_SOURCE), &source))
		return (struct ap_text){NULL, 0};
	if ((uint32_t)end > units)
		end = (int32_t)units;
	if (!ap_v8_string_range(v8, source, (uint32_t)start, (uint32_t)(end - start), &out))
		return (struct ap_text){NULL, 0};
	return ap_str_text(&out, arena);
}

/* Line starts in UTF-16 units; V8's line terminators are LF, CR, CRLF, U+2028 and U+2029. */
static bool lines_count(const struct ap_str *text, struct ap_arena *arena,
			struct ap_line_table *ret)
{
	AP_VEC(uint32_t) starts = {0};
	const char *p = text->s, *end = text->s ? text->s + text->n : NULL;
	uint32_t unit = 0;

	if (!ap_vec_push(arena, &starts, 0))
		return false;
	while (p < end) {
		const uint8_t c = (uint8_t)*p;
		uint32_t cp;

		if (c < 0x80) {
			cp = c;
			p++;
		} else {
			/* WTF-8: a lone surrogate decodes to itself. */
			cp = ap_utf8_next(&p, end);
		}
		unit += cp >= 0x10000 ? 2 : 1;
		if (cp == '\n' || (cp == '\r' && !(p < end && *p == '\n')) || cp == 0x2028 ||
		    cp == 0x2029) {
			if (!ap_vec_push(arena, &starts, unit))
				return false;
		}
	}
	ret->starts = starts.at;
	ret->n = starts.n;
	ret->units = unit;
	return true;
}

static const struct ap_line_table *script_lines(struct ap_v8 *v8, ap_tagged script)
{
	AP_STR_AUTO text = {0};
	struct ap_line_table table = {.script = script};
	uint64_t source;
	uint32_t units;

	for (size_t i = 0; i < v8->private->lines.n; i++) {
		if (v8->private->lines.at[i].script == script)
			return &v8->private->lines.at[i];
	}
	if (!ap_script_length(v8, script, &units) ||
	    !ap_v8_word(v8, script, F(v8, SCRIPT_SOURCE), &source))
		return NULL;
	/* A source that breaks off still gives the lines before the break. */
	if (!ap_v8_string_range(v8, source, 0, units, &text) && !text.n)
		return NULL;
	if (!text.s || !lines_count(&text, &v8->arena, &table) ||
	    !ap_vec_push(&v8->arena, &v8->private->lines, table))
		return NULL;
	return &v8->private->lines.at[v8->private->lines.n - 1];
}

bool ap_script_place(struct ap_v8 *v8, ap_tagged script, int32_t position, struct ap_arena *arena,
		     struct ap_place *ret_place)
{
	struct ap_place place = {.script = {NULL, 0}};
	const struct ap_line_table *table;
	int32_t line_offset = 0, column_offset = 0;
	uint64_t url;

	if (!ap_v8_is(v8, script, AP_F_T_SCRIPT))
		return false;
	place.script = ap_script_name(v8, script, arena);
	place.position = position;
	table = position >= 0 ? script_lines(v8, script) : NULL;
	/* Behind the break the line is anybody's guess: then there is only the position. */
	if (table && (uint32_t)position <= table->units) {
		size_t lo = 0, hi = table->n;

		while (hi - lo > 1) {
			size_t mid = (lo + hi) / 2;

			if (table->starts[mid] <= (uint32_t)position)
				lo = mid;
			else
				hi = mid;
		}
		/* The offsets place an embedded script in its file; a sourceURL undoes them. */
		bool has_url = ap_v8_word(v8, script, F(v8, SCRIPT_SOURCE_URL), &url) &&
			       ap_type_is_string(v8, ap_v8_type(v8, url));
		if (!has_url) {
			(void)ap_v8_smi(v8, script, F(v8, SCRIPT_LINE_OFFSET), &line_offset);
			(void)ap_v8_smi(v8, script, F(v8, SCRIPT_COLUMN_OFFSET), &column_offset);
		}
		if (line_offset < -MAX_LINE_OFFSET || line_offset > MAX_LINE_OFFSET ||
		    column_offset < -MAX_LINE_OFFSET || column_offset > MAX_LINE_OFFSET)
			line_offset = column_offset = 0;
		place.line = (int)lo + 1 + line_offset;
		place.column = (int)((uint32_t)position - table->starts[lo]) + 1 +
			       (lo == 0 ? column_offset : 0);
	}
	*ret_place = place;
	return true;
}
