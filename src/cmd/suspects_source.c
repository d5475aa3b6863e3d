/*
 * Whether the file that declares a collection ever takes something out of it: a look at its text,
 * no more than a person would find with a search. Other files may do it: the answer is a guess, and
 * says so.
 */
#include <ctype.h>
#include <string.h>

#include "cmd/suspects_common.h"

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Is there one of these words at `s`, as a whole word? */
static bool one_of(const char *s, size_t n, const char *const *words, size_t n_words)
{
	for (size_t i = 0; i < n_words; i++) {
		size_t len = strlen(words[i]);

		if (len <= n && memcmp(s, words[i], len) == 0 && (len == n || !is_name(s[len])))
			return true;
	}
	return false;
}

/* What stands behind the name up to the end of the statement: a call that removes, or a new value.
 */
static bool removes_behind(const char *s, size_t n, bool declared)
{
	static const char *const calls[] = {
		"delete",
		"clear",
		"pop",
		"shift",
		"splice",
		"off",
		"removeListener",
		"removeAllListeners",
	};
	size_t i = 0;

	for (; i < n && !strchr(";\n(", s[i]); i++) {
		if (s[i] == '.' &&
		    one_of(s + i + 1, n - i - 1, calls, sizeof(calls) / sizeof(calls[0])))
			return true;
		if (s[i] != '=')
			continue;
		/* `x.length = 0`, `x = []`; not ==, =>, and not the declaration itself. */
		bool comparison = i + 1 < n && (s[i + 1] == '=' || s[i + 1] == '>');
		bool path = memchr(s, '.', i) || memchr(s, '[', i);
		bool length = memmem(s, i, ".length", 7);
		return !comparison && (length || (!path && !declared));
	}
	return false;
}

/* The word that ends before `at`, or an empty text. */
static struct ap_text word_before(const char *text, size_t at)
{
	size_t end = at;

	while (end && (text[end - 1] == ' ' || text[end - 1] == '\t'))
		end--;
	size_t start = end;
	while (start && is_name(text[start - 1]))
		start--;
	return (struct ap_text){text + start, end - start};
}

/* The line of the first place where entries of `name` go; 0: none was found. */
static int find_removal(struct ap_text source, struct ap_text name, int first_line)
{
	const char *end = source.s + source.n;
	int line = first_line;
	const char *counted = source.s;

	for (const char *p = source.s; p && p < end; p++) {
		p = memmem(p, (size_t)(end - p), name.s, name.n);
		if (!p)
			return 0;
		size_t at = (size_t)(p - source.s);
		if ((at && (is_name(source.s[at - 1]) || source.s[at - 1] == '.')) ||
		    (at + name.n < source.n && is_name(source.s[at + name.n])))
			continue;
		struct ap_text before = word_before(source.s, at);
		bool declared = ap_text_is(before, "const") || ap_text_is(before, "let") ||
				ap_text_is(before, "var");
		if (!ap_text_is(before, "delete") &&
		    !removes_behind(p + name.n, (size_t)(end - p) - name.n, declared))
			continue;
		for (; counted < p; counted++)
			line += *counted == '\n';
		return line;
	}
	return 0;
}

struct ap_err *ap_tell_removal(struct ap_ctx *ctx, const struct ap_study *study,
			       struct ap_told_suspect *one)
{
	const struct ap_suspect *s = &one->s;
	const struct ap_graph *g = study->graph;
	struct ap_source source;
	struct ap_text where;

	if (!ctx->model || !g->ids_are_addresses || !s->variable.n || s->global ||
	    s->kind == AP_SUSPECT_SINGLE || s->holder == AP_NO_NODE ||
	    study->scopes[s->holder] == AP_NO_NODE)
		return NULL;
	AP_ERR_AUTO none = ctx->model->ops->source(
		ctx->model, ap_node_id(g, study->scopes[s->holder]) + 1, NULL, ctx->arena, &source);
	if (none || !source.text.n)
		return NULL;
	int line = find_removal(source.text, s->variable,
				source.text_first_line ? source.text_first_line : 1);
	where = ap_place_text(ctx, &(struct ap_place){.script = source.script});
	char *text =
		line ? ap_printf(ctx->arena,
				 "%.*s:%d takes something out of it, or empties it (guess)",
				 AP_TEXT_ARG(where), line)
		     : ap_printf(ctx->arena, "nothing in %.*s takes anything out of it (guess)",
				 AP_TEXT_ARG(where));
	one->removal = ap_text_of(text);
	return text ? NULL : &ap_err_nomem;
}
