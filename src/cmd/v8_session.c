/* ::v8warnings, ::v8load, ::load, v8 settings: what only concerns the session. */
#include <stdlib.h>

#include "cmd/v8_common.h"

struct line {
	const char *text;
};

static struct ap_err *say(struct ap_ctx *ctx, const char *text, void **ret_data)
{
	struct line *line = ap_alloc(ctx->arena, sizeof(*line));

	if (!line || !text)
		return &ap_err_nomem;
	line->text = text;
	*ret_data = line;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct line *line = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_cstr(j, "text", line->text);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct line *line = p;

	ap_out_s(ctx->out, line->text);
	ap_out_s(ctx->out, "\n");
}

static struct ap_err *warnings_data(struct ap_ctx *ctx, void **ret_data)
{
	bool *on = ap_session_v8_warnings(ctx->session);

	*on = !*on;
	return say(ctx, *on ? "v8 warnings are now on" : "v8 warnings are now off", ret_data);
}

const struct ap_cmd ap_cmd_v8warnings = {
	.names = {[AP_MDB] = "v8warnings"},
	.group = AP_GROUP_SESSION,
	.summary = "toggle messages about what could not be read",
	.synopsis = {[AP_MDB] = ""},
	.help = "Off at first, as in mdb_v8. In plain and llnode lines such things are always said.",
	.example = "::v8warnings",
	.data = warnings_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

static struct ap_err *v8load_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_v8 *v8;

	(void)ret_data;
	AP_TRY(ap_require_v8(ctx, &v8));
	return ap_err_hint(
		ap_err_new(AP_E_UNSUPPORTED, "v8 support is already configured: V8 %s",
			   v8->profile.v8_version),
		"the layouts of node-0.4 and node-0.6 are not among those we know; `profile` shows "
		"what is used");
}

const struct ap_cmd ap_cmd_v8load = {
	.names = {[AP_MDB] = "v8load"},
	.group = AP_GROUP_SESSION,
	.summary = "load a canned layout: none is needed here",
	.synopsis = {[AP_MDB] = "version"},
	.help = "V8's layout is found out when the core is opened, so this always refuses, as mdb_v8 did when "
		"it was configured.",
	.example = "::help v8load",
	.needs_model = true,
	.data = v8load_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

static struct ap_err *load_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_v8 *v8;

	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "which module?");
	AP_TRY(ap_require_v8(ctx, &v8));
	return say(ctx,
		   ap_printf(ctx->arena,
			     "mdb_v8 version: %s (autopsy)\nV8 version: %s\n"
			     "Autoconfigured V8 support from target",
			     AP_VERSION, v8->profile.v8_version),
		   ret_data);
}

const struct ap_cmd ap_cmd_load = {
	.names = {[AP_MDB] = "load"},
	.group = AP_GROUP_SESSION,
	.summary = "load a module: V8 support is always there",
	.synopsis = {[AP_MDB] = "module"},
	.help = "Accepted for scripts that begin with ::load v8; prints what mdb_v8 printed.",
	.example = "::load v8",
	.needs_model = true,
	.data = load_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

static struct ap_err *colour_data(struct ap_ctx *ctx, void **ret_data)
{
	const char *word = ctx->args.n_words ? ctx->args.words[0] : "";

	if (strcmp(word, "always") != 0 && strcmp(word, "never") != 0 && strcmp(word, "auto") != 0)
		return ap_err_new(AP_E_USAGE, "Available options are (always | never | auto)");
	AP_TRY(ap_session_set(ctx->session, "color", word));
	if (strcmp(word, "auto") == 0)
		ctx->out->colour = ctx->out->terminal;
	else
		ctx->out->colour = word[0] == 'a';
	return say(ctx, ap_printf(ctx->arena, "Color set to '%s'", word), ret_data);
}

const struct ap_cmd ap_cmd_settings_colour = {
	.names = {[AP_LLNODE] = "settings set color"},
	.group = AP_GROUP_SESSION,
	.summary = "colours: always, never, auto",
	.synopsis = {[AP_LLNODE] = "always|never|auto"},
	.help = "auto: on a terminal only.",
	.example = "v8 settings set color never",
	.data = colour_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};

static struct ap_err *padding_data(struct ap_ctx *ctx, void **ret_data)
{
	uint64_t n;

	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "USAGE: v8 settings set tree-padding [1..10]");
	if (!ap_parse_number(ctx->args.words[0], 10, &n))
		return ap_err_new(AP_E_USAGE, "unable to convert provided value.");
	n = n < 1 ? 1 : n > 10 ? 10 : n;
	const char *value = ap_printf(ctx->arena, "%d", (int)n);
	if (!value)
		return &ap_err_nomem;
	AP_TRY(ap_session_set(ctx->session, "tree-padding", value));
	return say(ctx, ap_printf(ctx->arena, "Tree padding set to %d", (int)n), ret_data);
}

const struct ap_cmd ap_cmd_settings_padding = {
	.names = {[AP_LLNODE] = "settings set tree-padding"},
	.group = AP_GROUP_SESSION,
	.summary = "columns per level in trees",
	.synopsis = {[AP_LLNODE] = "1..10"},
	.help = "For the trees that llnode's reference commands draw.",
	.example = "v8 settings set tree-padding 4",
	.data = padding_data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
