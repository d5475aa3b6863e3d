/*
 * Options and words of a command line in the three dialects.
 *
 * mdb: options end at the first word that is none; letters cluster and take their value attached or
 * as the next word (-vn0, -ad1, -n 0); numbers are in the current radix. Plain and llnode: options
 * may stand anywhere, have long names (--depth 3, --depth=3), numbers are decimal.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static bool parse_digits(const char *s, unsigned radix, uint64_t *ret)
{
	uint64_t v = 0;
	bool any = false;

	for (; *s; s++) {
		int d = digit_value(*s);

		if (*s == '_' && any)
			continue;
		if (d >= (int)radix || __builtin_mul_overflow(v, (uint64_t)radix, &v) ||
		    __builtin_add_overflow(v, (uint64_t)d, &v))
			return false;
		any = true;
	}
	if (any)
		*ret = v;
	return any;
}

bool ap_parse_number(const char *word, unsigned radix, uint64_t *ret_number)
{
	if (word[0] == '0') {
		switch (word[1]) {
		case 't':
		case 'T':
			return parse_digits(word + 2, 10, ret_number);
		case 'x':
		case 'X':
			return parse_digits(word + 2, 16, ret_number);
		case 'o':
		case 'O':
			return parse_digits(word + 2, 8, ret_number);
		case 'i':
		case 'I':
			return parse_digits(word + 2, 2, ret_number);
		default:
			break;
		}
	}
	return parse_digits(word, radix, ret_number);
}

bool ap_parse_address(const char *word, uint64_t *ret_address)
{
	return ap_parse_number(word, 16, ret_address);
}

struct parse {
	const struct ap_cmd *cmd;
	enum ap_dialect dialect;
	unsigned radix;
	const char *const *words;
	size_t n, at;
	struct ap_args *args;
};

static struct ap_err *usage(const struct parse *p, struct ap_err *err)
{
	struct ap_arena arena;

	ap_arena_init(&arena, 0);
	err = ap_err_hint(err, "%s", ap_cmd_usage(p->cmd, p->dialect, &arena));
	ap_arena_close(&arena);
	return err;
}

static const struct ap_option *find_option(const struct parse *p, char letter, struct ap_text name)
{
	for (const struct ap_option *o = p->cmd->options; o && (o->letter || o->long_name); o++) {
		if (!(o->dialects & 1u << p->dialect))
			continue;
		if (letter ? o->letter == letter : o->long_name && ap_text_is(name, o->long_name))
			return o;
	}
	return NULL;
}

/* `value` may be NULL: then it is the next word. */
static struct ap_err *take(struct parse *p, const struct ap_option *option, const char *shown,
			   const char *value)
{
	size_t i = (size_t)(option - p->cmd->options);

	if (i >= AP_MAX_OPTIONS)
		return ap_err_new(AP_E_LIMIT, "%s has too many options", shown);
	if (option->kind != AP_OPTION_FLAG && !value) {
		if (p->at == p->n)
			return usage(p, ap_err_new(AP_E_USAGE, "option %s needs a value", shown));
		value = p->words[p->at++];
	}
	p->args->given[i] = true;
	p->args->text[i] = value;
	if (option->kind == AP_OPTION_NUMBER &&
	    !ap_parse_number(value, p->radix, &p->args->number[i]))
		return usage(p, ap_err_new(AP_E_USAGE, "option %s needs a number, not \"%s\"",
					   shown, value));
	return NULL;
}

static struct ap_err *parse_cluster(struct parse *p, const char *letters)
{
	for (const char *l = letters; *l; l++) {
		char shown[] = {'-', *l, '\0'};
		const struct ap_option *option = find_option(p, *l, (struct ap_text){0});

		if (!option)
			return usage(p, ap_err_new(AP_E_USAGE, "unknown option %s", shown));
		if (option->kind == AP_OPTION_FLAG) {
			AP_TRY(take(p, option, shown, NULL));
			continue;
		}
		return take(p, option, shown, l[1] ? l + 1 : NULL);
	}
	return NULL;
}

static struct ap_err *parse_long(struct parse *p, const char *word)
{
	size_t n = strcspn(word + 2, "=");
	const struct ap_option *option = find_option(p, 0, (struct ap_text){word + 2, n});
	const char *value = word[2 + n] == '=' ? word + 3 + n : NULL;

	if (!option)
		return usage(p, ap_err_new(AP_E_USAGE, "unknown option %s", word));
	if (option->kind == AP_OPTION_FLAG && value)
		return usage(
			p, ap_err_new(AP_E_USAGE, "option --%s takes no value", option->long_name));
	return take(p, option, word, value);
}

struct ap_err *ap_args_parse(const struct ap_cmd *cmd, enum ap_dialect dialect, unsigned radix,
			     const char *const *words, size_t n, struct ap_arena *arena,
			     struct ap_args *ret_args)
{
	struct ap_args args = {0};
	struct parse p = {.cmd = cmd,
			  .dialect = dialect,
			  .radix = dialect == AP_MDB ? radix : 10,
			  .words = words,
			  .n = n,
			  .args = &args};
	bool options = true;

	args.words = ap_alloc_array(arena, n + 1, sizeof(*args.words));
	if (!args.words)
		return &ap_err_nomem;
	while (p.at < n) {
		const char *word = words[p.at++];

		if (options && strcmp(word, "--") == 0) {
			options = false;
		} else if (options && word[0] == '-' && word[1] == '-' && dialect != AP_MDB) {
			AP_TRY(parse_long(&p, word));
		} else if (options && word[0] == '-' && word[1]) {
			AP_TRY(parse_cluster(&p, word + 1));
		} else {
			args.words[args.n_words++] = word;
			if (dialect == AP_MDB)
				options = false;
		}
	}
	*ret_args = args;
	return NULL;
}
