/*
 * One command line of mdb: [expression][,count] command | command ...
 *
 * A pipe carries values: what a stage prints is read line by line as expressions, and each value
 * becomes dot of the next stage. Nothing else of it is shown; what is no expression ends the line.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/commands.h"
#include "shell/session.h"

struct stage {
	const struct ap_cmd *cmd;
	const char **words;
	size_t n_words;
};

struct line {
	struct ap_session *session;
	struct ap_arena *arena;
	const char *typed;
	struct ap_out *out;
	bool has_address, has_count;
	uint64_t address, count;
	AP_VEC(struct stage) stages;
};

/* A value of the pipe, with what `::walk NAME var` found it as. */
struct carried {
	uint64_t value, walked;
};

typedef AP_VEC(struct carried) carried_vec;

/* Expressions and values in `$[ ]` words. */
static struct ap_err *computed(struct line *l, const char *word, const char **ret)
{
	AP_STR_AUTO text = {0};

	for (const char *p = word; *p;) {
		const char *end = p[0] == '$' && p[1] == '[' ? strchr(p, ']') : NULL;
		uint64_t v;

		if (!end) {
			ap_str_addc(&text, *p++);
			continue;
		}
		const char *inner = ap_strndup(l->arena, p + 2, (size_t)(end - p - 2));
		if (!inner)
			return &ap_err_nomem;
		AP_TRY(ap_session_evaluate(l->session, inner, &v));
		/* With its base, so that it is the same number wherever it is read. */
		ap_str_addf(&text, "0x%" PRIx64, v);
		p = end + 1;
	}
	*ret = ap_str_text(&text, l->arena).s;
	return *ret ? NULL : &ap_err_nomem;
}

static struct ap_err *unknown_dcmd(struct line *l, const char *name, bool colons)
{
	const char *near = ap_cmd_suggest(AP_MDB, name, l->arena);
	struct ap_err *err = ap_err_new(AP_E_USAGE, "invalid command '%s%s': unknown dcmd name",
					colons ? "::" : "", name);

	if (near)
		err = ap_err_hint(err, "did you mean %s%s? ::dcmds lists all",
				  isalpha((unsigned char)near[0]) ? "::" : "", near);
	return err;
}

/* $<file, $>file, $c 3, /X: a name of signs, and what follows it. */
static size_t sign_length(const char *text)
{
	if (text[0] != '$' && text[0] != ':')
		return 1;
	if (strncmp(text, "$<<", 3) == 0)
		return 3;
	return text[1] ? 2 : 1;
}

static char *trimmed(struct ap_arena *arena, const char *p)
{
	p += strspn(p, " \t");
	size_t n = strlen(p);

	while (n && isspace((unsigned char)p[n - 1]))
		n--;
	return ap_strndup(arena, p, n);
}

static struct ap_err *signed_stage(struct line *l, const char *text, struct stage *ret)
{
	size_t used, n = sign_length(text);
	const char *name = ap_strndup(l->arena, text, n);
	struct stage stage = {.cmd = name ? ap_cmd_find(AP_MDB, &name, 1, &used) : NULL};

	if (!stage.cmd)
		return name ? unknown_dcmd(l, name, false) : &ap_err_nomem;
	if (stage.cmd->bare) {
		/* The name goes along: a record may have several of them. */
		stage.words = ap_alloc_array(l->arena, 3, sizeof(*stage.words));
		if (!stage.words)
			return &ap_err_nomem;
		stage.words[0] = name;
		stage.words[1] = trimmed(l->arena, text + n);
		stage.n_words = stage.words[1] && *stage.words[1] ? 2 : 1;
		if (!stage.words[1])
			return &ap_err_nomem;
	} else {
		stage.words = ap_split_words(text + n, AP_MDB, l->arena, &stage.n_words);
		if (!stage.words)
			return &ap_err_nomem;
	}
	*ret = stage;
	return NULL;
}

static struct ap_err *named_stage(struct line *l, const char *text, struct stage *ret)
{
	struct stage stage = {0};
	const char **words = ap_split_words(text + 2, AP_MDB, l->arena, &stage.n_words);
	size_t used;

	if (!words)
		return &ap_err_nomem;
	if (!stage.n_words)
		return ap_err_new(AP_E_USAGE, "syntax error near \"%s\"", text);
	/* ::module`dcmd: all are in one place here. */
	const char *tick = strchr(words[0], '`');
	if (tick)
		words[0] = tick + 1;
	stage.cmd = ap_cmd_find(AP_MDB, words, stage.n_words, &used);
	if (!stage.cmd)
		return unknown_dcmd(l, words[0], true);
	stage.words = words + used;
	stage.n_words = stage.cmd->bare ? 0 : stage.n_words - used;
	/* ::head -3: the count is the option. */
	if (stage.cmd == &ap_cmd_head && stage.n_words == 1 && stage.words[0][0] == '-' &&
	    isdigit((unsigned char)stage.words[0][1]))
		stage.words[0]++;
	for (size_t i = 0; i < stage.n_words; i++) {
		if (strstr(stage.words[i], "$["))
			AP_TRY(computed(l, stage.words[i], &stage.words[i]));
	}
	*ret = stage;
	return NULL;
}

static struct ap_err *parse_stage(struct line *l, const char *text, struct stage *ret)
{
	text += strspn(text, " \t");
	if (text[0] == ':' && text[1] == ':')
		return named_stage(l, text, ret);
	if (*text && strchr("$:/\\?=>", *text))
		return signed_stage(l, text, ret);
	return *text ? ap_err_new(AP_E_USAGE, "syntax error near \"%s\"", text)
		     : ap_err_new(AP_E_USAGE, "syntax error: nothing follows the pipe");
}

static struct ap_err *parse(struct line *l)
{
	const char *p = l->typed + strspn(l->typed, " \t");
	bool dcmd = p[0] == ':' && p[1] == ':';

	l->count = 1;
	if (!dcmd && *p != ',' && (!*p || !strchr("$:/\\?=>|", *p))) {
		AP_TRY(ap_expression(l->session, &p, l->arena, &l->address));
		l->has_address = true;
	}
	if (*p == ',') {
		p++;
		AP_TRY(ap_expression(l->session, &p, l->arena, &l->count));
		l->has_count = true;
	}
	if (*p == '|') /* EXPR | ::dcmd: the value itself is the first stage */
		p++;
	/* A bare address repeats this, without its address: that is what changes. */
	if (*p && l->session->depth == 0) {
		char *copy = strdup(p);

		if (!copy)
			return &ap_err_nomem;
		free(l->session->last);
		l->session->last = copy;
	}
	while (*p) {
		const char *bar = ap_find_unquoted(p, '|');
		const char *piece = ap_strndup(l->arena, p, bar ? (size_t)(bar - p) : strlen(p));
		struct stage stage;

		if (!piece)
			return &ap_err_nomem;
		AP_TRY(parse_stage(l, piece, &stage));
		if (!ap_vec_push(l->arena, &l->stages, stage))
			return &ap_err_nomem;
		if (bar && !bar[1 + strspn(bar + 1, " \t")])
			return ap_err_new(AP_E_USAGE, "syntax error: nothing follows the pipe");
		p = bar ? bar + 1 : "";
	}
	return NULL;
}

/* Each line that a stage printed is an expression. */
static struct ap_err *values_of(struct line *l, char *text, const struct carried *from,
				carried_vec *ret)
{
	for (char *p = text, *one; p && (one = strsep(&p, "\n"));) {
		struct carried c = {0};

		if (!one[strspn(one, " \t")])
			continue;
		AP_ERR_AUTO err = ap_session_evaluate(l->session, one, &c.value);
		if (err)
			return ap_err_hint(
				ap_err_new(AP_E_USAGE,
					   "the output cannot be piped: \"%s\" is not an address",
					   one),
				"only commands that print one value a line feed a pipe");
		c.walked = from ? from->walked : c.value;
		if (!ap_vec_push(l->arena, ret, c))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_invocation invocation_of(const struct line *l, const struct stage *stage,
					  bool last)
{
	return (struct ap_invocation){
		.cmd = stage->cmd,
		.dialect = AP_MDB,
		.typed = l->typed,
		.words = (const char *const *)stage->words,
		.n_words = stage->n_words,
		.text = !last,
	};
}

/* One run of a stage whose output, unless it is the last one, becomes values. False: stop. */
static bool run_once(struct line *l, const struct ap_invocation *inv, bool last,
		     const struct carried *from, carried_vec *ret)
{
	struct ap_out captured;

	if (last)
		return ap_run_invocation(l->session, inv, l->out) && !l->out->broken;
	ap_out_init(&captured, NULL);
	bool ok = ap_run_invocation(l->session, inv, &captured);
	if (ok) {
		struct ap_err *err = values_of(l, captured.text.s, from, ret);

		ok = !err;
		if (err)
			ap_line_error(l->session, AP_MDB, l->typed, err, l->out);
	}
	ap_out_close(&captured);
	return ok;
}

static bool run_first(struct line *l, bool last, carried_vec *ret)
{
	const struct stage *stage = &l->stages.at[0];
	struct ap_invocation inv = invocation_of(l, stage, last);
	bool ok = true;

	inv.has_address = l->has_address;
	inv.address = l->address;
	inv.has_count = l->has_count;
	inv.count = l->count;
	if (stage->cmd->counts)
		return run_once(l, &inv, last, NULL, ret);
	for (uint64_t c = 0; ok && c < l->count && !ap_cancelled; c++)
		ok = run_once(l, &inv, last, NULL, ret);
	return ok;
}

static bool run_piped(struct line *l, size_t at, const carried_vec *values, const char *variable,
		      carried_vec *ret)
{
	bool last = at + 1 == l->stages.n, ok = true;
	struct ap_invocation inv = invocation_of(l, &l->stages.at[at], last);

	if (inv.cmd->takes_pipe) {
		uint64_t *all = ap_alloc_array(l->arena, values->n + 1, sizeof(*all));

		if (!all)
			return false;
		for (size_t i = 0; i < values->n; i++)
			all[i] = values->at[i].value;
		inv.values = all;
		inv.n_values = values->n;
		if (!run_once(l, &inv, last, NULL, ret))
			return false;
		/* A filter keeps the order: each value is still the one that was walked. */
		for (size_t i = 0, v = 0; i < ret->n && v < values->n; v++) {
			if (values->at[v].value == ret->at[i].value)
				ret->at[i++].walked = values->at[v].walked;
		}
		return true;
	}
	for (size_t i = 0; ok && i < values->n && !ap_cancelled; i++) {
		inv.has_address = true;
		inv.address = values->at[i].value;
		if (variable)
			ap_err_free(ap_session_set_variable(l->session, variable,
							    values->at[i].walked));
		ok = run_once(l, &inv, last, &values->at[i], ret);
	}
	return ok;
}

static void run(struct line *l)
{
	carried_vec values = {0};
	const char *variable = NULL;

	l->session->walk_variable = NULL;
	if (!run_first(l, l->stages.n == 1, &values))
		return;
	for (size_t i = 1; i < l->stages.n && !ap_cancelled; i++) {
		carried_vec next = {0};

		/* The name is an earlier stage's word and lives as long as the line. */
		if (l->session->walk_variable) {
			for (size_t w = 0; w < l->stages.at[i - 1].n_words; w++) {
				if (strcmp(l->stages.at[i - 1].words[w],
					   l->session->walk_variable) == 0)
					variable = l->stages.at[i - 1].words[w];
			}
		}
		l->session->walk_variable = NULL;
		if (!run_piped(l, i, &values, variable, &next))
			return;
		values = next;
	}
}

static void bare_expression(struct line *l)
{
	struct ap_session *session = l->session;

	session->last_dot = session->dot;
	session->dot = l->address;
	if (session->depth || !session->last || (l->has_count && !l->count))
		return;
	char *again = strdup(session->last);
	/* What failed to parse may itself be an expression: it must not repeat itself for ever. */
	session->depth++;
	if (again)
		ap_run_mdb(session, again, l->out);
	session->depth--;
	free(again);
}

void ap_run_mdb(struct ap_session *session, const char *typed, struct ap_out *out)
{
	struct ap_arena arena;
	struct line l = {.session = session, .arena = &arena, .typed = typed, .out = out};

	ap_arena_init(&arena, 0);
	struct ap_err *err = parse(&l);
	if (err)
		ap_line_error(session, AP_MDB, typed, err, out);
	else if (!l.stages.n)
		bare_expression(&l);
	else
		run(&l);
	ap_arena_close(&arena);
}

void ap_session_set_walk_variable(struct ap_session *session, const char *name)
{
	session->walk_variable = name;
}
