/* >name, ::vars = $v, ::unset: variables of mdb. */
#include <ctype.h>
#include <inttypes.h>

#include "cmd/answer.h"
#include "cmd/commands.h"

enum { NAME_MAX_CHARS = 63 };

/* >/c/name keeps only the low byte, s two, i four. */
static struct ap_err *cast(const char **word, uint64_t *value)
{
	const char *w = *word;

	if (w[0] != '/')
		return NULL;
	if (!w[1] || w[2] != '/')
		return ap_err_new(AP_E_USAGE, "improper arguments following '>' operator");
	switch (w[1]) {
	case 'c':
	case '1':
		*value &= 0xff;
		break;
	case 's':
	case '2':
		*value &= 0xffff;
		break;
	case 'i':
	case '4':
		*value &= 0xffffffff;
		break;
	case 'l':
	case '8':
		break;
	default:
		return ap_err_new(AP_E_USAGE, "%c is not a valid // modifier", w[1]);
	}
	*word = w + 3 + strspn(w + 3, " \t");
	return NULL;
}

static struct ap_err *assign_data(struct ap_ctx *ctx, void **ret_data)
{
	const char *name = ctx->args.n_words > 1 ? ctx->args.words[1] : "";
	uint64_t value = ctx->address;

	AP_TRY(cast(&name, &value));
	if (!*name || strpbrk(name, " \t"))
		return ap_err_new(AP_E_USAGE, "expected single variable name following '>'");
	if (strlen(name) > NAME_MAX_CHARS)
		return ap_err_new(AP_E_LIMIT, "variable names may not exceed %d characters",
				  NAME_MAX_CHARS);
	for (const char *p = name; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '_')
			return ap_err_new(AP_E_USAGE, "'%c' may not be used in a variable name",
					  *p);
	}
	AP_TRY(ap_session_set_variable(ctx->session, name, value));
	ap_session_set_increment(ctx->session, 0);
	return ap_answer_text(ctx, ret_data, "%s", "");
}

const struct ap_cmd ap_cmd_assign = {
	.names = {[AP_MDB] = ">"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "keep dot in a variable: VALUE>name, then <name",
	.synopsis = {[AP_MDB] = "[/csil/]name"},
	.help = "/c/ keeps one byte of it, /s/ two, /i/ four. Registers of a core cannot be set.",
	.example = "10>example",
	.bare = true,
	.data = assign_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

enum { OPT_NONZERO, OPT_PASTE, OPT_TAGGED };

static const struct ap_option options[] = {
	[OPT_NONZERO] = {'n', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			 "only those that are not zero"},
	[OPT_PASTE] = {'p', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		       "as assignments that can be typed again"},
	[OPT_TAGGED] = {'t', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
			"only those that were tagged: ::typeset -t"},
	{0},
};

static struct ap_err *vars_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO out = {0};
	const char *name;
	uint64_t value;

	for (size_t i = 0; ap_session_variable_at(ctx->session, i, &name, &value); i++) {
		if ((!value && ctx->args.given[OPT_NONZERO]) ||
		    (ctx->args.given[OPT_TAGGED] && !ap_session_variable_tag(ctx->session, name)))
			continue;
		ap_str_addf(&out,
			    ctx->args.given[OPT_PASTE] ? "0x%2$" PRIx64 ">%1$s\n"
						       : "%1$s = %2$" PRIx64 "\n",
			    name, value);
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

static struct ap_err *nonzero_data(struct ap_ctx *ctx, void **ret_data)
{
	ctx->args.given[OPT_NONZERO] = true;
	return vars_data(ctx, ret_data);
}

const struct ap_cmd ap_cmd_vars = {
	.names = {[AP_MDB] = "vars"},
	.group = AP_GROUP_SESSION,
	.summary = "list the variables, registers among them",
	.help = "b and d are where the program's data begins and its size, t the size of its text, e its "
		"entry, m its magic number, 0 the last value a format showed, 9 the last count.",
	.options = options,
	.example = "::vars -n",
	.data = vars_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

const struct ap_cmd ap_cmd_nonzero_vars = {
	.names = {[AP_MDB] = "$v"},
	.group = AP_GROUP_SESSION,
	.summary = "list the variables that are not zero",
	.synopsis = {[AP_MDB] = ""},
	.help = "The same as ::vars -n.",
	.example = "$v",
	.data = nonzero_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *unset_data(struct ap_ctx *ctx, void **ret_data)
{
	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "which variable?");
	for (size_t i = 0; i < ctx->args.n_words; i++)
		ap_session_unset_variable(ctx->session, ctx->args.words[i]);
	return ap_answer_text(ctx, ret_data, "%s", "");
}

const struct ap_cmd ap_cmd_unset = {
	.names = {[AP_MDB] = "unset"},
	.group = AP_GROUP_SESSION,
	.summary = "forget variables that were set",
	.synopsis = {[AP_MDB] = "name ..."},
	.help = "What the target itself gives (registers) stays.",
	.example = "::unset example",
	.data = unset_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

enum { OPT_TAG, OPT_UNTAG };

static const struct ap_option typeset_options[] = {
	[OPT_TAG] = {'t', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL,
		     "tag the names: ::vars -t lists them"},
	[OPT_UNTAG] = {'u', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "no longer"},
	{0},
};

static struct ap_err *typeset_data(struct ap_ctx *ctx, void **ret_data)
{
	const struct ap_args *a = &ctx->args;

	if (a->given[OPT_TAG] && a->given[OPT_UNTAG])
		return ap_err_new(AP_E_USAGE, "only one of -t and -u may be given");
	for (size_t i = 0; i < a->n_words; i++)
		AP_TRY(ap_session_tag_variable(ctx->session, a->words[i], !a->given[OPT_UNTAG]));
	if (a->n_words)
		return ap_answer_text(ctx, ret_data, "%s", "");
	ctx->args.given[OPT_NONZERO] = ctx->args.given[OPT_PASTE] = false;
	return vars_data(ctx, ret_data);
}

const struct ap_cmd ap_cmd_typeset = {
	.names = {[AP_MDB] = "typeset"},
	.group = AP_GROUP_SESSION,
	.summary = "make variables (0 at first), and tag them",
	.synopsis = {[AP_MDB] = "[-t | -u] name ..."},
	.help = "Without names, all variables.",
	.options = typeset_options,
	.example = "::typeset -t example",
	.data = typeset_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
