/* ::version, ::which, ::dmods, ::unload, ::dem: what the tool itself is made of. */
#include "cmd/answer.h"
#include "cmd/commands.h"
#include "cmd/walk.h"
#include "model/core.h"
#include "model/symbols.h"

static struct ap_err *version_data(struct ap_ctx *ctx, void **ret_data)
{
	return ap_answer_text(ctx, ret_data,
			      "autopsy %s, speaking the languages of mdb, mdb_v8 and llnode\n",
			      AP_VERSION);
}

const struct ap_cmd ap_cmd_version = {
	.names = {[AP_PLAIN] = "version", [AP_MDB] = "version"},
	.group = AP_GROUP_SESSION,
	.summary = "the version of this tool",
	.synopsis = {[AP_PLAIN] = "", [AP_MDB] = ""},
	.help = "`info` tells the versions of Node and V8 that died.",
	.example = "version",
	.data = version_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

enum { OPT_VERBOSE };

static const struct ap_option which_options[] = {
	[OPT_VERBOSE] = {'v', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "with what it does"},
	{0},
};

static struct ap_err *which_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO out = {0};
	uint64_t value;

	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "which name?");
	for (size_t i = 0; i < ctx->args.n_words; i++) {
		const char *name = ctx->args.words[i];
		const char *bare = strncmp(name, "::", 2) == 0 ? name + 2 : name;
		size_t used;
		const struct ap_cmd *cmd = ap_cmd_find(AP_MDB, &bare, 1, &used);
		const char *walker = ap_walker_summary(bare);

		if (cmd) {
			ap_str_addf(&out, "%s is a dcmd from module autopsy", bare);
			ap_str_addf(&out, ctx->args.given[OPT_VERBOSE] ? ": %s\n" : "\n",
				    cmd->summary);
		}
		if (walker) {
			ap_str_addf(&out, "%s is a walker from module autopsy", bare);
			ap_str_addf(&out, ctx->args.given[OPT_VERBOSE] ? ": %s\n" : "\n", walker);
		}
		if (!cmd && !walker && ap_session_variable(ctx->session, bare, &value))
			ap_str_addf(&out, "%s is a variable\n", bare);
		else if (!cmd && !walker)
			return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "%s not found", name),
					   "::dcmds, ::walkers and ::vars list what there is");
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_which = {
	.names = {[AP_MDB] = "which"},
	.group = AP_GROUP_SESSION,
	.summary = "what a name is: dcmd, walker, variable",
	.synopsis = {[AP_MDB] = "[-v] name ..."},
	.help = "A name may be several of them: jsframe is a dcmd and a walker.",
	.options = which_options,
	.example = "::which jsframe",
	.data = which_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

enum { OPT_LIST };

static const struct ap_option dmods_options[] = {
	[OPT_LIST] = {'l', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "with the dcmds of each"},
	{0},
};

static struct ap_err *dmods_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO out = {0};

	ap_str_adds(&out, ctx->args.given[OPT_LIST]
				  ? "\nautopsy\n-----------------------------------------------\n"
				  : "autopsy\n");
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd && ctx->args.given[OPT_LIST];
	     cmd++) {
		const char *name = ap_cmd_name(*cmd, AP_MDB, ctx->arena);

		if (name)
			ap_str_addf(&out, "  dcmd %-20s - %s\n", name, (*cmd)->summary);
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_dmods = {
	.names = {[AP_MDB] = "dmods"},
	.group = AP_GROUP_SESSION,
	.summary = "list the modules: one holds all",
	.synopsis = {[AP_MDB] = "[-l]"},
	.help = "Nothing need be loaded here, and ::load accepts whatever a script asks for.",
	.options = dmods_options,
	.example = "::dmods",
	.data = dmods_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *unload_data(struct ap_ctx *ctx, void **ret_data)
{
	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "which module?");
	return ap_answer_text(ctx, ret_data, "%s", "");
}

const struct ap_cmd ap_cmd_unload = {
	.names = {[AP_MDB] = "unload"},
	.group = AP_GROUP_SESSION,
	.summary = "unload a module: accepted, and nothing changes",
	.synopsis = {[AP_MDB] = "module"},
	.help = "For scripts that end with it.",
	.example = "::unload v8",
	.data = unload_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *dem_data(struct ap_ctx *ctx, void **ret_data)
{
	AP_STR_AUTO out = {0};

	if (!ctx->args.n_words)
		return ap_err_new(AP_E_USAGE, "which name?");
	for (size_t i = 0; i < ctx->args.n_words; i++) {
		const char *name = ctx->args.words[i];

		ap_str_addf(&out, "%s == %s\n", name, ap_symbol_demangled(name, ctx->arena));
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_dem = {
	.names = {[AP_MDB] = "dem"},
	.group = AP_GROUP_NATIVE,
	.summary = "demangle C++ names",
	.synopsis = {[AP_MDB] = "name ..."},
	.help = "Symbols are shown demangled everywhere but in ::nm.",
	.example = "::dem _ZN4node5AbortEv",
	.data = dem_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

static struct ap_err *demangling_data(struct ap_ctx *ctx, void **ret_data)
{
	return ap_answer_text(ctx, ret_data, "C++ symbol demangling enabled\n");
}

const struct ap_cmd ap_cmd_demangling = {
	.names = {[AP_MDB] = "$G|$g"},
	.group = AP_GROUP_SESSION,
	.summary = "say that C++ names are demangled: they always are",
	.synopsis = {[AP_MDB] = ""},
	.help = "mdb switched it with this. ::nm shows names as they stand in the file.",
	.example = "$G",
	.data = demangling_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
