/*
 * What a piece of JavaScript around a position declares. No parser: it looks back and forth a few
 * words, and says nothing where that is not enough.
 */
#include "v8/declaration.h"

enum { MAX_PREFIX_BYTES = 200 }; /* between "=" and what is evaluated first */

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$' || (c & 0x80);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

size_t ap_blanks_back(const char *s, size_t at)
{
	while (at > 0 && is_blank(s[at - 1]))
		at--;
	return at;
}

size_t ap_blanks(struct ap_text t, size_t at)
{
	while (at < t.n && is_blank(t.s[at]))
		at++;
	return at;
}

/* The identifier that ends before `at`; n == 0: none. */
static struct ap_text name_back(const char *s, size_t at)
{
	size_t start = at;

	while (start > 0 && is_name_byte(s[start - 1]))
		start--;
	if (start < at && s[start] >= '0' && s[start] <= '9')
		start = at;
	return (struct ap_text){s + start, at - start};
}

struct ap_text ap_name_at(struct ap_text t, size_t at)
{
	size_t end = at;

	while (end < t.n && is_name_byte(t.s[end]))
		end++;
	if (end > at && t.s[at] >= '0' && t.s[at] <= '9')
		end = at;
	return (struct ap_text){t.s + at, end - at};
}

static bool is_declaring_word(struct ap_text word)
{
	return ap_text_eq(word, AP_TEXT("const")) || ap_text_eq(word, AP_TEXT("let")) ||
	       ap_text_eq(word, AP_TEXT("var"));
}

/* Does a declaration's list of variables end before `at`: "let", or the comma behind another one?
 */
static bool declares_before(struct ap_text t, size_t at)
{
	at = ap_blanks_back(t.s, at);
	return (at > 0 && t.s[at - 1] == ',') || is_declaring_word(name_back(t.s, at));
}

/*
 * The "=" of the initializer that `at` belongs to, 0 if none. The position is that of what is
 * evaluated first, a property for instance: before it stand names, dots, prefix operators and what
 * opens.
 */
static size_t initializer_back(const char *s, size_t at)
{
	for (int i = 0; at > 1 && i < MAX_PREFIX_BYTES; i++) {
		char c = s[at - 1];

		if (c == '=')
			return s[at - 2] == '=' || s[at - 2] == '!' || s[at - 2] == '<' ||
					       s[at - 2] == '>' || s[at - 2] == '+' ||
					       s[at - 2] == '-'
				       ? 0
				       : at - 1;
		if (!is_name_byte(c) && !is_blank(c) && !strchr(".?!~+-([`{", c))
			return 0;
		if (c == '{' && (at < 2 || s[at - 2] != '$'))
			return 0; /* only that of a template string */
		at--;
	}
	return 0;
}

bool ap_assigns(struct ap_text t, size_t from, size_t to)
{
	for (size_t i = from; i + 1 < to; i++) {
		char c = t.s[i], next = t.s[i + 1];

		if ((c == '+' || c == '-') && next == c)
			return true;
		if (c != '=')
			continue;
		if (next == '=' || next == '>') {
			i += next == '=' && i + 2 < to && t.s[i + 2] == '=' ? 2 : 1;
			continue;
		}
		if (i > from && (t.s[i - 1] == '!' || ((t.s[i - 1] == '<' || t.s[i - 1] == '>') &&
						       (i < from + 2 || t.s[i - 2] != t.s[i - 1]))))
			continue;
		return true;
	}
	return false;
}

/* What kind of declaration the statement at byte `at` belongs to, and of which name. */
enum ap_declaration ap_declaration_at(struct ap_text t, size_t at, struct ap_text *ret_name,
				      size_t *ret_value)
{
	size_t before = ap_blanks_back(t.s, at);
	struct ap_text name;

	*ret_value = at;
	/* `const NAME = |value`, `const NAME = await this.|value` */
	size_t equals = initializer_back(t.s, at);
	if (equals) {
		name = name_back(t.s, ap_blanks_back(t.s, equals));
		if (name.n && declares_before(t, (size_t)(name.s - t.s))) {
			*ret_name = name;
			*ret_value = equals + 1;
			return AP_DECLARES_INITIALIZER;
		}
		/* `const { a, b } = |value`, without a brace inside */
		size_t brace = ap_blanks_back(t.s, equals);
		if (brace > 0 && t.s[brace - 1] == '}') {
			for (brace--; brace > 0 && t.s[brace - 1] != '{' && t.s[brace - 1] != '}';
			     brace--)
				;
			if (brace > 0 && t.s[brace - 1] == '{' &&
			    is_declaring_word(name_back(t.s, ap_blanks_back(t.s, brace - 1)))) {
				*ret_value = brace - 1;
				return AP_DECLARES_PATTERN_VALUE;
			}
		}
	}
	/* `const { |a, b } = ...` */
	if (before > 1 && t.s[before - 1] == '{' &&
	    is_declaring_word(name_back(t.s, ap_blanks_back(t.s, before - 1))))
		return AP_DECLARES_PATTERN;
	name = ap_name_at(t, at);
	if (!name.n)
		return AP_DECLARES_NONE;
	size_t after = ap_blanks(t, at + name.n);
	struct ap_text word = ap_name_at(t, after);
	*ret_name = name;
	/* `for (const |NAME of` */
	if ((ap_text_eq(word, AP_TEXT("of")) || ap_text_eq(word, AP_TEXT("in"))) &&
	    is_declaring_word(name_back(t.s, before)))
		return AP_DECLARES_LOOP;
	/* `let |NAME;` */
	return (after >= t.n || t.s[after] != '=') && declares_before(t, at) ? AP_DECLARES_BARE
									     : AP_DECLARES_NONE;
}
