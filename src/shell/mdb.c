/*
 * The small form of mdb's language: [address][,count]::dcmd words | ::dcmd words ..., $x, a bare
 * address. The whole grammar (expressions, formats, variables, walkers) replaces this file.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shell/session.h"

/* What the line said is no command of mdb. */
#define FAIL(...) ap_line_error(session, AP_MDB, typed, ap_err_new(AP_E_USAGE, __VA_ARGS__), out)

/* A sum of numbers and dot; false if `text` is anything else. */
static bool expression(const struct ap_session *session, const char *text, uint64_t *ret)
{
	uint64_t sum = 0;
	char sign = '+';
	const char *p = text;

	for (;;) {
		char word[64];
		size_t n = 0;
		uint64_t term;

		while (isspace((unsigned char)*p))
			p++;
		while (isalnum((unsigned char)*p) || *p == '_' || *p == '.') {
			if (n + 1 == sizeof(word))
				return false;
			word[n++] = *p++;
		}
		word[n] = '\0';
		if (strcmp(word, ".") == 0)
			term = session->dot;
		else if (!ap_parse_number(word, session->radix, &term))
			return false;
		sum = sign == '+' ? sum + term : sum - term;
		while (isspace((unsigned char)*p))
			p++;
		if (!*p) {
			*ret = sum;
			return true;
		}
		if (*p != '+' && *p != '-')
			return false;
		sign = *p++;
	}
}

struct stage {
	const struct ap_cmd *cmd;
	const char **words;
	size_t n_words;
	bool has_address;
	uint64_t address, count;
};

/* Where the dcmd begins: at `::` or at `$` in front of a letter; NULL if there is none. */
static const char *dcmd_start(const char *text)
{
	const char *colons = strstr(text, "::");
	const char *dollar = strchr(text, '$');

	if (dollar && (!isalpha((unsigned char)dollar[1]) || (colons && colons < dollar)))
		dollar = NULL;
	return dollar ? dollar : colons;
}

static bool parse_stage(struct ap_session *session, const char *text, const char *typed,
			struct ap_arena *arena, struct ap_out *out, struct stage *ret)
{
	struct stage stage = {.count = 1};
	const char *dcmd = dcmd_start(text);
	const char *end = dcmd ? dcmd : text + strlen(text);
	size_t used;

	while (isspace((unsigned char)*text))
		text++;
	while (end > text && isspace((unsigned char)end[-1]))
		end--;
	if (end > text) {
		char *front = ap_strndup(arena, text, (size_t)(end - text));
		char *comma = front ? strchr(front, ',') : NULL;

		if (comma) {
			*comma = '\0';
			if (!expression(session, comma + 1, &stage.count)) {
				FAIL("invalid count: %s", comma + 1);
				return false;
			}
		}
		if (!front || (*front && !expression(session, front, &stage.address))) {
			FAIL("failed to dereference symbol: unknown symbol name: %s",
			     front ? front : text);
			return false;
		}
		stage.has_address = *front != '\0';
	}
	if (dcmd) {
		const char **words = ap_split_words(dcmd[0] == ':' ? dcmd + 2 : dcmd, AP_MDB, arena,
						    &stage.n_words);

		if (!words || !stage.n_words) {
			FAIL("syntax error near \"%s\"", dcmd);
			return false;
		}
		stage.cmd = ap_cmd_find(AP_MDB, (const char *const *)words, stage.n_words, &used);
		if (!stage.cmd) {
			const char *near = ap_cmd_suggest(AP_MDB, words[0], arena);
			struct ap_err *err =
				ap_err_new(AP_E_USAGE, "invalid command '%s': unknown dcmd name",
					   dcmd[0] == ':' ? ap_printf(arena, "::%s", words[0]) : words[0]);

			if (near)
				err = ap_err_hint(err, "did you mean %s%s? ::dcmds lists all",
						  near[0] == '$' ? "" : "::", near);
			ap_line_error(session, AP_MDB, typed, err, out);
			return false;
		}
		stage.words = words + used;
		stage.n_words -= used;
	}
	*ret = stage;
	return true;
}

typedef AP_VEC(uint64_t) value_vec;

/* Each line that a stage printed is an expression; one that is not ends the pipeline. */
static bool values_of(struct ap_session *session, struct ap_str *text, const char *typed,
		      struct ap_arena *arena, struct ap_out *out, value_vec *ret)
{
	for (char *p = text->s, *line; p && (line = strsep(&p, "\n"));) {
		uint64_t v;

		if (!line[strspn(line, " \t")])
			continue;
		if (!expression(session, line, &v)) {
			FAIL("the output cannot be piped: \"%s\" is not an address",
			     line);
			return false;
		}
		if (!ap_vec_push(arena, ret, v))
			return false;
	}
	return true;
}

static bool run_stage(struct ap_session *session, const struct stage *stage, const char *typed,
		      bool last, bool has_address, uint64_t address, struct ap_out *out)
{
	struct ap_invocation inv = {
		.cmd = stage->cmd,
		.dialect = AP_MDB,
		.typed = typed,
		.words = (const char *const *)stage->words,
		.n_words = stage->n_words,
		.has_address = has_address,
		.address = address,
		.text = !last,
	};

	return ap_run_invocation(session, &inv, out);
}

static void run_stages(struct ap_session *session, const struct stage *stages, size_t n,
		       const char *typed, struct ap_arena *arena, struct ap_out *out)
{
	value_vec values = {0};

	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n, ok = true;
		struct ap_out captured;
		struct ap_out *to = last ? out : &captured;

		ap_out_init(&captured, NULL);
		if (i == 0) {
			for (uint64_t c = 0; ok && c < stages[0].count && !ap_cancelled; c++)
				ok = run_stage(session, &stages[0], typed, last, stages[0].has_address,
					       stages[0].address, to);
		} else {
			for (size_t v = 0; ok && v < values.n && !out->broken && !ap_cancelled; v++)
				ok = run_stage(session, &stages[i], typed, last, true, values.at[v], to);
		}
		values.n = 0;
		if (ok && !last)
			ok = values_of(session, &captured.text, typed, arena, out, &values);
		ap_out_close(&captured);
		if (!ok)
			return;
	}
}

void ap_run_mdb(struct ap_session *session, const char *typed, struct ap_out *out)
{
	struct ap_arena arena;
	AP_VEC(struct stage) stages = {0};
	bool ok = true;

	ap_arena_init(&arena, 0);
	for (const char *p = typed; ok && p;) {
		const char *bar = ap_find_unquoted(p, '|');
		const char *piece = ap_strndup(&arena, p, bar ? (size_t)(bar - p) : strlen(p));
		struct stage stage;

		ok = piece && parse_stage(session, piece, typed, &arena, out, &stage);
		if (ok && stages.n && (!stage.cmd || stage.has_address)) {
			FAIL("syntax error near \"%s\"", piece);
			ok = false;
		}
		ok = ok && ap_vec_push(&arena, &stages, stage);
		p = bar ? bar + 1 : NULL;
	}
	if (ok && stages.n == 1 && !stages.at[0].cmd) {
		/* A bare address sets dot and repeats the last command there. */
		session->dot = stages.at[0].address;
		char *again = session->last ? strdup(session->last) : NULL;

		if (again)
			ap_run_mdb(session, again, out);
		free(again);
	} else if (ok && !stages.at[0].cmd) {
		/* ADDRESS | ::dcmd: the value itself is the first stage. */
		for (size_t i = 1; i < stages.n; i++) {
			stages.at[i].has_address = i == 1;
			stages.at[i].address = stages.at[0].address;
		}
		run_stages(session, stages.at + 1, stages.n - 1, typed, &arena, out);
	} else if (ok) {
		const char *dcmd = dcmd_start(typed);

		/* Repeated without its address: that is what changes. */
		if (dcmd && dcmd != session->last) {
			char *copy = strdup(dcmd);

			free(session->last);
			session->last = copy;
		}
		run_stages(session, stages.at, stages.n, typed, &arena, out);
	}
	ap_arena_close(&arena);
}
