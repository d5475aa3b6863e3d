/*
 * A plain line with bars: objects -c Session | head 3 | refs
 *
 * A pipe carries the rows of an answer, as typed in its JSON. A filter runs once for all rows; any
 * other verb runs once for each, on the value that the row is about.
 */
#include "cmd/rows.h"

#include <string.h>

#include "shell/session.h"

enum { MAX_STAGES = 32 };

struct stage {
	const struct ap_cmd *cmd;
	const char **words; /* one free place in front */
	size_t n_words;
};

struct rows_line {
	struct ap_session *session;
	struct ap_arena *arena;
	const char *typed;
	struct ap_out *out;
	struct stage stages[MAX_STAGES];
	size_t n;
};

static struct ap_err *unknown_verb(struct rows_line *l, const char *word)
{
	const char *near = ap_cmd_suggest(AP_PLAIN, word, l->arena);
	struct ap_err *err = ap_err_new(AP_E_USAGE, "%s: there is no such command", word);

	if (near)
		return ap_err_hint(err, "did you mean %s? `help` lists all", near);
	return ap_err_hint(
		err,
		"head, tail, filter, sort, select and count filter rows; to a shell it is | !%s",
		word);
}

/* Behind a bar `where` filters; at the beginning of a line it is gdb's word for a stack. */
static const struct ap_cmd *filter_named(const char *word)
{
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		const char *names = (*cmd)->names[AP_PLAIN];
		const char *at = (*cmd)->takes_rows ? strstr(names, word) : NULL;
		size_t n = strlen(word);

		if (at && (at == names || at[-1] == '|') && (!at[n] || at[n] == '|'))
			return *cmd;
	}
	return NULL;
}

static struct ap_err *parse_stage(struct rows_line *l, const char *text, struct stage *ret)
{
	size_t n, used;
	const char **words = ap_split_words(text, AP_PLAIN, l->arena, &n);

	if (!words)
		return &ap_err_nomem;
	if (!n)
		return ap_err_new(AP_E_USAGE, "nothing stands behind the bar");
	ret->cmd = l->n ? filter_named(words[0]) : NULL;
	used = 1;
	if (!ret->cmd)
		ret->cmd = ap_cmd_find(AP_PLAIN, (const char *const *)words, n, &used);
	if (!ret->cmd)
		return unknown_verb(l, words[0]);
	/* The name's last word makes room for a subject. */
	ret->words = words + used;
	ret->n_words = n - used;
	return NULL;
}

static struct ap_err *parse(struct rows_line *l)
{
	for (const char *p = l->typed; *p;) {
		const char *bar = ap_find_unquoted(p, '|');
		const char *piece = ap_strndup(l->arena, p, bar ? (size_t)(bar - p) : strlen(p));

		if (!piece)
			return &ap_err_nomem;
		if (l->n == MAX_STAGES)
			return ap_err_new(AP_E_LIMIT, "a pipe has at most %d commands", MAX_STAGES);
		AP_TRY(parse_stage(l, piece, &l->stages[l->n]));
		l->n++;
		if (bar && !bar[1 + strspn(bar + 1, " \t")])
			return ap_err_new(AP_E_USAGE, "nothing stands behind the bar");
		p = bar ? bar + 1 : "";
	}
	return NULL;
}

/* One run; unless it is the last stage its answer becomes rows. False: stop. */
static bool run_once(struct rows_line *l, size_t at, const struct ap_rows *in, const char *subject,
		     struct ap_rows *ret)
{
	struct stage *stage = &l->stages[at];
	bool last = at + 1 == l->n;
	struct ap_invocation inv = {.cmd = stage->cmd,
				    .dialect = AP_PLAIN,
				    .typed = l->typed,
				    .words = stage->words,
				    .n_words = stage->n_words,
				    .rows = in,
				    .answer = !last};
	struct ap_out captured;

	if (subject) {
		stage->words[-1] = subject;
		inv.words--;
		inv.n_words++;
	}
	if (last)
		return ap_run_invocation(l->session, &inv, l->out) && !l->out->broken;
	ap_out_init(&captured, NULL);
	bool ok = ap_run_invocation(l->session, &inv, &captured);
	/* Rows point into the answer: it has to live as long as they do. */
	struct ap_text answer = ap_str_text(&captured.text, l->arena);
	ap_out_close(&captured);
	struct ap_err *err = NULL;
	if (ok)
		err = answer.s ? ap_rows_of(ap_rows_data(answer), l->arena, ret) : &ap_err_nomem;
	if (err)
		ap_line_error(l->session, AP_PLAIN, l->typed, err, l->out);
	return ok && !err;
}

static bool run_each(struct rows_line *l, size_t at, const struct ap_rows *in, struct ap_rows *ret)
{
	bool last = at + 1 == l->n, json = l->session->options.json;

	for (size_t i = 0; i < in->at.n && !ap_cancelled; i++) {
		const char *subject = ap_row_subject(&in->at.at[i], l->arena);

		if (!subject) {
			ap_line_error(
				l->session, AP_PLAIN, l->typed,
				ap_err_hint(
					ap_err_new(AP_E_TYPE,
						   "these rows are not about values: there is no "
						   "address in them"),
					"filters work on any rows, other commands on those with an address"),
				l->out);
			return false;
		}
		if (last && !json && in->at.n > 1)
			ap_out_styled(l->out, AP_STYLE_HEAD, "%s%s\n", i ? "\n" : "", subject);
		if (!run_once(l, at, NULL, subject, ret))
			return false;
	}
	return true;
}

void ap_run_rows(struct ap_session *session, const char *text, struct ap_out *out)
{
	struct ap_arena arena;
	struct rows_line l = {.session = session, .arena = &arena, .typed = text, .out = out};
	struct ap_rows rows = {0};

	ap_arena_init(&arena, 0);
	struct ap_err *err = parse(&l);
	bool ok = !err;
	if (err)
		ap_line_error(session, AP_PLAIN, text, err, out);
	ok = ok && run_once(&l, 0, NULL, NULL, &rows);
	for (size_t i = 1; ok && i < l.n && !ap_cancelled; i++) {
		struct ap_rows next = {0};

		ok = l.stages[i].cmd->takes_rows ? run_once(&l, i, &rows, NULL, &next)
						 : run_each(&l, i, &rows, &next);
		rows = next;
	}
	ap_arena_close(&arena);
}
