/*
 * Completion: commands, their options, and names out of the target: constructors, properties,
 * variables.
 *
 * What the target holds is asked with commands of the tool itself, as JSON, so that completion
 * knows nothing of its own: `objects` for constructors and properties, `scope` for variables,
 * `print` for what follows a dot.
 */
#include "shell/complete.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "shell/session.h"

enum { MAX_CANDIDATES = 4096, MAX_TEXT = 1 << 20 };

struct completion {
	struct ap_session *session;
	struct ap_arena *arena;
	struct ap_candidates *out;
	const char *prefix; /* what a candidate must begin with */
	size_t n_prefix;
};

static void add(struct completion *c, struct ap_text name)
{
	struct ap_candidates *out = c->out;

	if (name.n < c->n_prefix || memcmp(name.s, c->prefix, c->n_prefix) != 0 ||
	    out->names.n >= MAX_CANDIDATES)
		return;
	/* A blank would make two words of it, a control character no name at all. */
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.s[i] < ' ' || name.s[i] == 127)
			return;
	}
	for (size_t i = 0; i < out->names.n; i++) {
		if (ap_text_eq(out->names.at[i], name))
			return;
	}
	const char *copy = ap_strndup(c->arena, name.s, name.n);
	if (copy)
		(void)ap_vec_push(c->arena, &out->names, (struct ap_text){copy, name.n});
}

static void add_commands(struct completion *c, enum ap_dialect dialect)
{
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		for (const char *p = (*cmd)->names[dialect]; p && *p;) {
			size_t n = strcspn(p, "|");

			if (isalpha((unsigned char)*p))
				add(c, (struct ap_text){p, n});
			p += n + (p[n] == '|');
		}
	}
}

static void add_options(struct completion *c, const struct ap_cmd *cmd, enum ap_dialect dialect)
{
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++) {
		const char *name;

		if (!(o->dialects & 1u << dialect))
			continue;
		name = o->letter ? ap_printf(c->arena, "-%c", o->letter) : NULL;
		if (name)
			add(c, ap_text_of(name));
		name = o->long_name && dialect != AP_MDB ? ap_printf(c->arena, "--%s", o->long_name)
							 : NULL;
		if (name)
			add(c, ap_text_of(name));
	}
}

/* Every string that stands under `key`, at any depth: its own, or those of the array it holds. */
static void collect(struct completion *c, struct ap_json_reader *r, const char *key)
{
	struct {
		char close;
		bool wanted, first;
	} stack[AP_JSON_MAX_DEPTH];
	struct ap_text text;
	bool wanted = false;
	int depth = 0;

	do {
		int next = ap_json_peek(r);

		if ((next == '{' || next == '[') && depth < AP_JSON_MAX_DEPTH) {
			(void)ap_json_read_token(r, (char)next);
			stack[depth].close = next == '{' ? '}' : ']';
			stack[depth].wanted = wanted;
			stack[depth++].first = true;
		} else if (next == '"') {
			if (ap_json_read_text(r, &text) && wanted)
				add(c, text);
		} else {
			(void)ap_json_read_skip(r);
		}
		while (depth &&
		       !ap_json_read_more(r, &stack[depth - 1].first, stack[depth - 1].close))
			depth--;
		if (!depth)
			break;
		wanted = stack[depth - 1].wanted;
		if (stack[depth - 1].close == '}' && ap_json_read_key(r, &text))
			wanted = ap_text_is(text, key);
	} while (!r->failed);
}

/* Runs a command of ours quietly and takes the strings under `key` of its answer. */
static void ask(struct completion *c, const char *command, const char *key)
{
	struct ap_str answer = {0};

	ap_session_ask(c->session, command, &answer);
	struct ap_json_memory memory = {answer.s ? answer.s : "", answer.n};
	struct ap_json_reader r;
	ap_json_read_init(&r, ap_json_source_memory(&memory), MAX_TEXT);
	collect(c, &r, key);
	ap_err_free(ap_json_read_error(&r));
	ap_json_read_close(&r);
	ap_str_close(&answer);
}

static void add_variables(struct completion *c)
{
	const char *name;
	uint64_t value;

	for (size_t i = 0; ap_session_variable_at(c->session, i, &name, &value); i++)
		add(c, ap_text_of(name));
}

/* "dog.ta": the properties of dog. */
static void add_members(struct completion *c, const char *word)
{
	const char *dot = strrchr(word, '.');
	const char *command = ap_printf(c->arena, "print %.*s", (int)(dot - word), word);

	c->prefix = dot + 1;
	c->n_prefix = strlen(c->prefix);
	c->out->typed = c->n_prefix;
	c->out->open = true;
	if (command)
		ask(c, command, "name");
}

/* The argument that `word` is, by what the option in front of it is called in help. */
static bool add_option_value(struct completion *c, const struct ap_cmd *cmd,
			     enum ap_dialect dialect, const char *before)
{
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++) {
		if (!(o->dialects & 1u << dialect) || o->kind != AP_OPTION_TEXT ||
		    !((o->letter && before[0] == '-' && before[1] == o->letter && !before[2]) ||
		      (o->long_name && strncmp(before, "--", 2) == 0 &&
		       strcmp(before + 2, o->long_name) == 0)))
			continue;
		if (strcmp(o->argument, "constructor") == 0)
			ask(c, "objects", "constructor");
		else if (strcmp(o->argument, "property") == 0)
			ask(c, "objects", "properties");
		else if (strcmp(o->argument, "name") == 0)
			ask(c, "functions", "function");
		return true;
	}
	return false;
}

static void add_arguments(struct completion *c, const struct ap_cmd *cmd, enum ap_dialect dialect,
			  const char *before, const char *word)
{
	const char *synopsis = ap_cmd_synopsis(cmd, dialect, c->arena);

	if (word[0] == '-') {
		add_options(c, cmd, dialect);
		return;
	}
	if (before && add_option_value(c, cmd, dialect, before))
		return;
	const char *name = ap_cmd_name(cmd, AP_PLAIN, c->arena);
	if (name && strcmp(name, "help") == 0) {
		for (int d = 0; d < AP_N_DIALECTS; d++)
			add_commands(c, (enum ap_dialect)d);
		return;
	}
	if (dialect == AP_MDB)
		return;
	if (strchr(word, '.'))
		add_members(c, word);
	else if (cmd->address == AP_ADDRESS_REQUIRED || !strstr(synopsis, "NAME"))
		ask(c, "scope", "name");
	else
		ask(c, "objects", "constructor");
}

/* The command that the words from `start` on begin with, and in which dialect it is spelt. */
static const struct ap_cmd *command_at(struct completion *c, const char *start,
				       enum ap_dialect *ret_dialect)
{
	size_t n, used;
	const char *colons = strstr(start, "::");
	const char **words = ap_split_words(colons ? colons + 2 : start, AP_PLAIN, c->arena, &n);
	bool llnode = words && n && !colons && strcmp(words[0], "v8") == 0;

	*ret_dialect = colons ? AP_MDB : llnode ? AP_LLNODE : AP_PLAIN;
	if (!words || n <= (size_t)llnode)
		return NULL;
	return ap_cmd_find(*ret_dialect, (const char *const *)words + llnode, n - llnode, &used);
}

static int by_name(const void *a, const void *b)
{
	const struct ap_text *x = a, *y = b;
	int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);

	return order ? order : (x->n > y->n) - (x->n < y->n);
}

void ap_complete(struct ap_session *session, const char *line, size_t n, struct ap_arena *arena,
		 struct ap_candidates *ret)
{
	struct completion c = {.session = session, .arena = arena, .out = ret};
	const char *text = ap_strndup(arena, line, n);
	enum ap_dialect dialect;

	*ret = (struct ap_candidates){0};
	if (!text)
		return;
	/* The command of the pipe that the cursor is in, its last word, and the word before that.
	 */
	const char *start = text;
	for (const char *p = text; *p; p++) {
		if (*p == '|' || *p == ';')
			start = p + 1;
	}
	start += strspn(start, " \t");
	const char *word = text + n;
	while (word > start && !isspace((unsigned char)word[-1]))
		word--;
	const char *end = word, *before;
	while (end > start && isspace((unsigned char)end[-1]))
		end--;
	for (before = end; before > start && !isspace((unsigned char)before[-1]);)
		before--;
	const char *last = end > before ? ap_strndup(arena, before, (size_t)(end - before)) : NULL;

	const char *colons = strstr(word, "::"), *angle = strrchr(word, '<');
	c.prefix = colons ? colons + 2 : angle ? angle + 1 : word;
	c.n_prefix = strlen(c.prefix);
	ret->typed = c.n_prefix;
	if (colons) {
		add_commands(&c, AP_MDB);
	} else if (angle) {
		ret->open = true;
		add_variables(&c);
	} else if (word == start) {
		add_commands(&c, AP_PLAIN);
	} else {
		const char *head = ap_strndup(arena, start, (size_t)(word - start));
		const struct ap_cmd *cmd = head ? command_at(&c, head, &dialect) : NULL;

		if (cmd) {
			add_arguments(&c, cmd, dialect, last, word);
		} else {
			/* "frame se", "v8 source li": names of several words. */
			bool llnode = strncmp(start, "v8 ", 3) == 0;

			c.prefix = llnode ? start + 3 : start;
			c.n_prefix = strlen(c.prefix);
			ret->typed = c.n_prefix;
			add_commands(&c, llnode ? AP_LLNODE : AP_PLAIN);
		}
	}
	if (ret->names.n)
		qsort(ret->names.at, ret->names.n, sizeof(*ret->names.at), by_name);
}
