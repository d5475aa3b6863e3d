/* Cutting a line into commands, shell parts and words. */
#include <ctype.h>
#include <string.h>

#include "shell/session.h"

/* Behind the quoted text that begins at `p`; the end of the line if it never closes. */
static const char *skip_quoted(const char *p)
{
	char quote = *p++;

	while (*p && *p != quote)
		p += (*p == '\\' && quote == '"' && p[1]) ? 2 : 1;
	return *p ? p + 1 : p;
}

const char *ap_find_unquoted(const char *text, char c)
{
	for (const char *p = text; *p;) {
		if (*p == c)
			return p;
		p = *p == '\'' || *p == '"' ? skip_quoted(p) : p + 1;
	}
	return NULL;
}

bool ap_next_piece(const char **line, struct ap_arena *arena, const char **ret_command,
		   const char **ret_shell)
{
	const char *start = *line, *shell = NULL, *p;

	if (!*start)
		return false;
	for (p = start; *p && *p != ';' && *p != '\n';) {
		bool at_word = p == start || isspace((unsigned char)p[-1]);

		if (!shell && at_word && p[0] == '/' && p[1] == '/')
			break;
		if (!shell && *p == '!' && p[1] != '=')
			shell = p;
		p = *p == '\'' || *p == '"' ? skip_quoted(p) : p + 1;
	}
	const char *end = shell ? shell : p;
	while (start < end && isspace((unsigned char)*start))
		start++;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	*ret_command = ap_strndup(arena, start, (size_t)(end - start));
	*ret_shell = shell ? ap_strndup(arena, shell + 1, (size_t)(p - shell - 1)) : NULL;
	if (p[0] == '/') /* the comment reaches to the end of the line */
		p += strcspn(p, "\n");
	*line = *p ? p + 1 : p;
	return true;
}

static void add_escaped(struct ap_str *word, char c)
{
	switch (c) {
	case 'n':
		ap_str_addc(word, '\n');
		break;
	case 't':
		ap_str_addc(word, '\t');
		break;
	case 'r':
		ap_str_addc(word, '\r');
		break;
	case 'b':
		ap_str_addc(word, '\b');
		break;
	default:
		ap_str_addc(word, c);
		break;
	}
}

/*
 * Quotes group and vanish. In plain and llnode what stands in brackets is a step of a path and
 * stays as it is, quotes and blanks too: print 2a7c a['x y'][Symbol(a b)].
 */
const char **ap_split_words(const char *text, enum ap_dialect dialect, struct ap_arena *arena,
			    size_t *ret_n)
{
	AP_VEC(const char *) words = {0};
	const char *p = text;

	for (;;) {
		AP_STR_AUTO word = {0};
		bool any = false;
		int brackets = 0;

		while (isspace((unsigned char)*p))
			p++;
		if (!*p)
			break;
		while (*p && (brackets || !isspace((unsigned char)*p))) {
			any = true;
			if (*p == '[' && (dialect != AP_MDB || brackets ||
					  (word.n && word.s[word.n - 1] == '$')))
				brackets++;
			else if (*p == ']' && brackets)
				brackets--;
			if ((*p == '\'' || *p == '"') && brackets) {
				const char *end = skip_quoted(p);

				ap_str_add(&word, p, (size_t)(end - p));
				p = end;
			} else if (*p == '\'' || *p == '"') {
				char quote = *p++;

				while (*p && *p != quote) {
					if (*p == '\\' && quote == '"' && p[1])
						add_escaped(&word, *++p);
					else
						ap_str_addc(&word, *p);
					p++;
				}
				p += *p == quote;
			} else {
				ap_str_addc(&word, *p++);
			}
		}
		const char *copy = any ? ap_str_text(&word, arena).s : NULL;
		if (!copy || !ap_vec_push(arena, &words, copy))
			return NULL;
	}
	*ret_n = words.n;
	return words.at ? words.at : ap_alloc(arena, sizeof(*words.at));
}
