/* V8's own names of instance types, as far as the facts know them. */
#include <ctype.h>

#include "v8/v8.h"

/* "T_FUNCTION_CONTEXT" -> "FunctionContext". */
static struct ap_text camel(const char *fact, struct ap_arena *arena)
{
	AP_STR_AUTO out = {0};
	bool upper = true;

	for (const char *p = fact + 2; *p; p++) {
		if (*p == '_') {
			upper = true;
			continue;
		}
		ap_str_addc(&out, upper ? *p : (char)tolower((unsigned char)*p));
		upper = false;
	}
	return ap_str_text(&out, arena);
}

struct ap_text ap_v8_type_name(const struct ap_v8 *v8, int type, struct ap_arena *arena)
{
	if (ap_type_is_string(v8, type)) {
		static const char *const shapes[] = {"SeqString",    "ConsString", "ExternalString",
						     "SlicedString", "String",     "ThinString",
						     "String",       "String"};
		return ap_text_of(shapes[type & F(v8, STRING_REPRESENTATION_MASK) & 7]);
	}
	for (size_t i = 0; type >= 0 && i < AP_N_FACTS; i++) {
		const char *name = ap_fact_name((enum ap_fact_id)i), *symbol, *end;

		if (v8->profile.facts[i].value != type || name[0] != 'T' || name[1] != '_' ||
		    ap_fact_group_of((enum ap_fact_id)i) != AP_G_TYPES)
			continue;
		if (strncmp(name, "T_FIRST_", 8) == 0 || strncmp(name, "T_LAST_", 7) == 0)
			continue;
		symbol = ap_fact_symbol((enum ap_fact_id)i);
		if (symbol && strncmp(symbol, "v8dbg_type_", 11) == 0 &&
		    (end = strstr(symbol + 11, "__")))
			return (struct ap_text){symbol + 11, (size_t)(end - symbol - 11)};
		return camel(name, arena);
	}
	char *text = ap_printf(arena, "type %d", type);
	return text ? ap_text_of(text) : AP_TEXT("");
}
