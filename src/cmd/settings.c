/* $d, $w, $P, ::set: how the session reads and prints. */
#include <inttypes.h>

#include "cmd/answer.h"
#include "cmd/commands.h"

enum { MIN_WIDTH = 20, MAX_WIDTH = 1 << 20 };

static struct ap_err *radix_data(struct ap_ctx *ctx, void **ret_data)
{
	if (ctx->has_address) {
		if (ctx->address < 2 || ctx->address > 16)
			return ap_err_new(AP_E_USAGE, "expected radix from 2 to 16");
		ap_session_set_radix(ctx->session, (unsigned)ctx->address);
	}
	return ap_answer_text(ctx, ret_data, "radix = %u base ten\n",
			      ap_session_radix(ctx->session));
}

const struct ap_cmd ap_cmd_radix = {
	.names = {[AP_MDB] = "$d"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "show or set the base of numbers: 0tN$d",
	.synopsis = {[AP_MDB] = ""},
	.help = "2 to 16; 16 at first. 0t, 0x, 0o, 0i in front of a number override it.",
	.example = "$d",
	.data = radix_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *width_data(struct ap_ctx *ctx, void **ret_data)
{
	int width = ctx->out->width;

	if (ctx->has_address) {
		if (ctx->address < MIN_WIDTH || ctx->address > MAX_WIDTH)
			return ap_err_new(AP_E_USAGE, "page width must be from %d to %d", MIN_WIDTH,
					  MAX_WIDTH);
		width = (int)ctx->address;
		ap_session_set_width(ctx->session, width);
		ctx->out->width = width;
	}
	return ap_answer_text(ctx, ret_data, "output page width = %d\n", width);
}

const struct ap_cmd ap_cmd_width = {
	.names = {[AP_MDB] = "$w"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "show or set the columns of the page: N$w",
	.synopsis = {[AP_MDB] = ""},
	.help = "Scripts begin with 1000$w, so that no line is broken.",
	.example = "$w",
	.data = width_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *prompt_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_TRY(ap_session_set(ctx->session, "prompt",
			      ctx->args.n_words ? ctx->args.words[0] : "> "));
	return ap_answer_text(ctx, ret_data, "%s", "");
}

const struct ap_cmd ap_cmd_prompt = {
	.names = {[AP_MDB] = "$P"},
	.group = AP_GROUP_SESSION,
	.summary = "set the prompt: $P \"text \"",
	.synopsis = {[AP_MDB] = "[text]"},
	.help = "Without a text it becomes \"> \" again.",
	.example = "$P \"> \"",
	.data = prompt_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

enum { OPT_ON, OPT_PROMPT, OPT_WIDTH };

static const struct ap_option options[] = {
	[OPT_ON] = {'o', NULL, AP_OPTION_TEXT, AP_IN_MDB, "option",
		    "switch on: pager (as it is), repeatlast, ignoreeof, nostop, vi"},
	[OPT_PROMPT] = {'P', NULL, AP_OPTION_TEXT, AP_IN_MDB, "prompt", "the prompt"},
	[OPT_WIDTH] = {'w', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "columns", "the page width"},
	{0},
};

static const char *const switches[] = {"pager", "repeatlast", "ignoreeof", "nostop", "vi"};

enum { N_SWITCHES = sizeof(switches) / sizeof(switches[0]) };

static bool known_option(const char *name)
{
	for (size_t i = 0; i < N_SWITCHES; i++) {
		if (strcmp(name, switches[i]) == 0)
			return true;
	}
	return false;
}

static struct ap_err *set_data(struct ap_ctx *ctx, void **ret_data)
{
	const struct ap_args *args = &ctx->args;
	const char *prompt = ap_session_setting(ctx->session, "prompt");

	if (args->given[OPT_ON]) {
		if (!known_option(args->text[OPT_ON]))
			return ap_err_new(AP_E_USAGE, "unknown option: %s", args->text[OPT_ON]);
		AP_TRY(ap_session_set(ctx->session, args->text[OPT_ON], "on"));
	}
	/* +o NAME */
	if (args->n_words == 2 && strcmp(args->words[0], "+o") == 0) {
		if (!known_option(args->words[1]))
			return ap_err_new(AP_E_USAGE, "unknown option: %s", args->words[1]);
		AP_TRY(ap_session_set(ctx->session, args->words[1], "off"));
	} else if (args->n_words) {
		return ap_err_new(AP_E_USAGE, "unexpected word: %s", args->words[0]);
	}
	if (args->given[OPT_PROMPT])
		AP_TRY(ap_session_set(ctx->session, "prompt", args->text[OPT_PROMPT]));
	if (args->given[OPT_WIDTH]) {
		if (args->number[OPT_WIDTH] < MIN_WIDTH || args->number[OPT_WIDTH] > MAX_WIDTH)
			return ap_err_new(AP_E_USAGE, "page width must be from %d to %d", MIN_WIDTH,
					  MAX_WIDTH);
		ap_session_set_width(ctx->session, (int)args->number[OPT_WIDTH]);
	}
	if (args->given[OPT_ON] || args->given[OPT_PROMPT] || args->given[OPT_WIDTH] ||
	    args->n_words)
		return ap_answer_text(ctx, ret_data, "%s", "");
	AP_STR_AUTO out = {0};
	ap_str_addf(&out, "  command prompt: \"%s\"\n    radix (base): %u\n      page width: %d\n",
		    prompt ? prompt : "> ", ap_session_radix(ctx->session), ctx->out->width);
	for (size_t i = 0; i < N_SWITCHES; i++) {
		const char *value = ap_session_setting(ctx->session, switches[i]);

		ap_str_addf(&out, "%16s: %s\n", switches[i], value ? value : i == 0 ? "on" : "off");
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_set = {
	.names = {[AP_MDB] = "set"},
	.group = AP_GROUP_SESSION,
	.summary = "show or change the settings of the session",
	.synopsis = {[AP_MDB] = "[-o option | +o option] [-P prompt] [-w columns]"},
	.help = "pager: stop after each screen at the prompt. repeatlast: an empty line there repeats the last "
		"command. ignoreeof: ^D does not leave. nostop: -p and ::attach read the process and let it "
		"go on at once. vi: its keys in the line editor, +o vi emacs's.",
	.options = options,
	.example = "::set",
	.data = set_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *distance_data(struct ap_ctx *ctx, void **ret_data)
{
	return ap_answer_text(
		ctx, ret_data, "%s",
		ctx->has_address ? ""
				 : "symbol matching distance = 0x0 (absolute mode disabled)\n");
}

const struct ap_cmd ap_cmd_symbol_distance = {
	.names = {[AP_MDB] = "$s"},
	.group = AP_GROUP_SESSION,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "how far a symbol reaches: to its end, always",
	.synopsis = {[AP_MDB] = ""},
	.help = "A distance is accepted and changes nothing: symbols have sizes here.",
	.example = "$s",
	.data = distance_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
