/*
 * help = ::help, ::dcmds = v8 help: composed from the records, so that no command can exist without
 * it.
 */
#include <ctype.h>
#include <string.h>

#include "cmd/help.h"

#include "cmd/commands.h"

struct help {
	const struct ap_cmd *cmd; /* NULL: the list */
	const char *pattern;      /* ::dcmds PATTERN: names that hold it */
};

static const char *const group_titles[AP_N_HELP_GROUPS] = {
	[AP_GROUP_DIED] = "What died, and where",
	[AP_GROUP_MEMORY] = "What is in memory",
	[AP_GROUP_ALIVE] = "Why is it alive",
	[AP_GROUP_DOING] = "What was it doing",
	[AP_GROUP_LAYOUT] = "V8's own layouts",
	[AP_GROUP_NATIVE] = "Process, threads, memory map, registers",
	[AP_GROUP_SESSION] = "The session",
};

const char *ap_help_group_title(enum ap_group group)
{
	return group_titles[group];
}

const char *ap_help_option_name(const struct ap_option *o, struct ap_arena *arena)
{
	AP_STR_AUTO name = {0};

	if (o->letter)
		ap_str_addf(&name, "-%c", o->letter);
	if (o->long_name)
		ap_str_addf(&name, "%s--%s", o->letter ? ", " : "", o->long_name);
	if (o->argument)
		ap_str_addf(&name, " %s", o->argument);
	const char *text = ap_str_text(&name, arena).s;
	return text ? text : "";
}

static struct ap_err *help_data(struct ap_ctx *ctx, void **ret_data)
{
	struct help *help = ap_alloc(ctx->arena, sizeof(*help));
	const char **words = ctx->args.words;
	size_t n = ctx->args.n_words, used;

	if (!help)
		return &ap_err_nomem;
	*ret_data = help;
	if (!n)
		return NULL;
	/* A name may be asked for as it is typed, and from any dialect. */
	const char *name = strncmp(words[0], "::", 2) == 0 ? words[0] + 2 : words[0];
	bool llnode = strcmp(name, "v8") == 0 && n > 1;
	const char **rest = llnode ? words + 1 : words;

	rest[0] = llnode ? rest[0] : name;
	help->cmd = llnode ? NULL : ap_cmd_find(ctx->dialect, (const char *const *)rest, n, &used);
	for (int d = 0; d < AP_N_DIALECTS && !help->cmd; d++)
		help->cmd = ap_cmd_find((enum ap_dialect)(llnode ? AP_LLNODE : d),
					(const char *const *)rest, n - llnode, &used);
	if (help->cmd)
		return NULL;
	const char *near = ap_cmd_suggest(ctx->dialect, rest[0], ctx->arena);
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "%s: there is no such command", rest[0]),
			   near ? "did you mean %s?" : "`help` lists all", near);
}

static struct ap_err *dcmds_data(struct ap_ctx *ctx, void **ret_data)
{
	struct help *help = ap_alloc(ctx->arena, sizeof(*help));

	if (!help)
		return &ap_err_nomem;
	help->pattern = ctx->args.n_words ? ctx->args.words[0] : "";
	*ret_data = help;
	return NULL;
}

static void json_command(struct ap_ctx *ctx, struct ap_json *j, const struct ap_cmd *cmd)
{
	static const char *const keys[] = {
		[AP_PLAIN] = "plain", [AP_MDB] = "mdb", [AP_LLNODE] = "llnode"};

	ap_json_object(j, NULL);
	ap_json_cstr(j, "summary", cmd->summary);
	ap_json_cstr(j, "group", group_titles[cmd->group]);
	for (int d = 0; d < AP_N_DIALECTS; d++) {
		if (!cmd->names[d]) {
			ap_json_null(j, keys[d]);
			continue;
		}
		ap_json_object(j, keys[d]);
		ap_json_array(j, "names");
		for (const char *p = cmd->names[d]; *p;) {
			size_t n = strcspn(p, "|");

			ap_json_text(j, NULL, (struct ap_text){p, n});
			p += n + (p[n] == '|');
		}
		ap_json_end_array(j);
		ap_json_cstr(j, "synopsis", ap_cmd_synopsis(cmd, (enum ap_dialect)d, ctx->arena));
		ap_json_end_object(j);
	}
	ap_json_cstr(j, "help", cmd->help);
	ap_json_cstr(j, "example", cmd->example);
	ap_json_cstr(j, "target", cmd->needs_graph ? "snapshot" : cmd->needs_model ? "core" : NULL);
	ap_json_end_object(j);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct help *help = p;

	ap_json_object(j, "data");
	ap_json_array(j, "commands");
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		if (!help->cmd || help->cmd == *cmd)
			json_command(ctx, j, *cmd);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

/* The rest of a line, wrapped under its own beginning. */
static void hanging(struct ap_out *out, const char *text, int indent)
{
	size_t room = out->width > indent + 20 ? (size_t)(out->width - indent) : 20;

	while (strlen(text) > room) {
		size_t n = room;

		while (n && text[n] != ' ')
			n--;
		if (!n)
			break;
		ap_out_f(out, "%.*s\n%*s", (int)n, text, indent, "");
		text += n + 1;
	}
	ap_out_f(out, "%s\n", text);
}

static void list_options(struct ap_ctx *ctx, const struct ap_cmd *cmd, enum ap_dialect dialect,
			 int indent)
{
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++) {
		AP_STR_AUTO name = {0};

		if (!(o->dialects & 1u << dialect))
			continue;
		if (o->letter)
			ap_str_addf(&name, "-%c", o->letter);
		if (o->long_name && dialect != AP_MDB)
			ap_str_addf(&name, "%s--%s", o->letter ? ", " : "", o->long_name);
		if (o->argument)
			ap_str_addf(&name, " %s", o->argument);
		ap_out_f(ctx->out, "%*s%-24s  ", indent, "", name.s ? name.s : "");
		hanging(ctx->out, o->help, indent + 26);
	}
}

/* `bt = ::jsstack = v8 bt`: the other spellings of the same. */
static void spellings(struct ap_ctx *ctx, const struct ap_cmd *cmd)
{
	static const char *const prefix[] = {[AP_PLAIN] = "", [AP_MDB] = "::", [AP_LLNODE] = "v8 "};
	const char *gap = "";

	for (int d = 0; d < AP_N_DIALECTS; d++) {
		for (const char *p = cmd->names[d] ? cmd->names[d] : ""; *p;) {
			size_t n = strcspn(p, "|");

			ap_out_f(ctx->out, "%s%s%.*s", gap,
				 isalpha((unsigned char)*p) ? prefix[d] : "", (int)n, p);
			gap = p[n] ? ", " : "  =  ";
			p += n + (p[n] == '|');
		}
	}
	ap_out_s(ctx->out, "\n");
}

static void page_plain(struct ap_ctx *ctx, const struct ap_cmd *cmd)
{
	struct ap_out *out = ctx->out;
	enum ap_dialect dialect = cmd->names[ctx->dialect] ? ctx->dialect : AP_PLAIN;

	while (!cmd->names[dialect])
		dialect++;
	const char *name = ap_cmd_name(cmd, dialect, ctx->arena);
	const char *synopsis = ap_cmd_synopsis(cmd, dialect, ctx->arena);
	ap_out_styled(out, AP_STYLE_HEAD, "%s%s%s%s",
		      dialect == AP_LLNODE ? "v8 "
		      : dialect == AP_MDB  ? "::"
					   : "",
		      name ? name : "", *synopsis ? " " : "", synopsis);
	ap_out_f(out, "   %s\n\n", cmd->summary);
	if (cmd->help) {
		ap_out_wrap(out, cmd->help, 2);
		ap_out_s(out, "\n");
	}
	if (cmd->options) {
		list_options(ctx, cmd, dialect, 2);
		ap_out_s(out, "\n");
	}
	ap_out_s(out, "  same as  ");
	spellings(ctx, cmd);
	if (cmd->example)
		ap_out_f(out, "  example  %s\n", cmd->example);
}

static void page_mdb(struct ap_ctx *ctx, const struct ap_cmd *cmd)
{
	struct ap_out *out = ctx->out;

	if (!cmd->names[AP_MDB]) {
		page_plain(ctx, cmd);
		return;
	}
	const char *name = ap_cmd_name(cmd, AP_MDB, ctx->arena);
	const char *synopsis = ap_cmd_synopsis(cmd, AP_MDB, ctx->arena);
	const char *address = cmd->address == AP_ADDRESS_REQUIRED   ? "addr "
			      : cmd->address == AP_ADDRESS_OPTIONAL ? "[ addr ] "
								    : "";

	ap_out_f(out, "\nNAME\n  %s - %s\n\nSYNOPSIS\n  %s::%s %s\n\nDESCRIPTION\n",
		 name ? name : "", cmd->summary, address, name ? name : "", synopsis);
	if (cmd->help)
		ap_out_wrap(out, cmd->help, 2);
	if (cmd->options) {
		ap_out_s(out, "\n  OPTIONS\n");
		list_options(ctx, cmd, AP_MDB, 4);
	}
	ap_out_s(
		out,
		"\nATTRIBUTES\n\n  Target: Core file\n  Module: autopsy\n  Interface Stability: Evolving\n\n");
}

static void list(struct ap_ctx *ctx, enum ap_dialect dialect)
{
	struct ap_out *out = ctx->out;

	for (int group = 0; group < AP_N_HELP_GROUPS; group++) {
		bool titled = false;

		for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
			const char *name = ap_cmd_name(*cmd, dialect, ctx->arena);

			if ((int)(*cmd)->group != group || !name)
				continue;
			if (!titled)
				ap_out_styled(out, AP_STYLE_HEAD, "%s\n", group_titles[group]);
			titled = true;
			ap_out_f(out, "  %s%-16s  %s\n", dialect == AP_LLNODE ? "v8 " : "", name,
				 (*cmd)->summary);
		}
		if (titled)
			ap_out_s(out, "\n");
	}
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct help *help = p;

	if (help->cmd) {
		page_plain(ctx, help->cmd);
		return;
	}
	list(ctx, ctx->dialect);
	if (ctx->dialect == AP_PLAIN)
		ap_out_wrap(
			ctx->out,
			"`help CMD` tells more of one. The languages of mdb (::help, ::dcmds) and of "
			"llnode (v8 help) work too, line by line.",
			0);
}

static void text_dcmds(struct ap_ctx *ctx, const void *p)
{
	const struct help *help = p;

	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		for (const char *name = (*cmd)->names[AP_MDB]; name && *name;) {
			size_t n = strcspn(name, "|");
			char *word = ap_strndup(ctx->arena, name, n);

			if (word && strstr(word, help->pattern ? help->pattern : ""))
				ap_out_f(ctx->out, "%-24s - %s\n", word, (*cmd)->summary);
			name += n + (name[n] == '|');
		}
	}
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct help *help = p;

	if (help->cmd)
		page_mdb(ctx, help->cmd);
	else
		ap_out_s(
			ctx->out,
			"\nEach debugger command in mdb is structured as follows:\n\n"
			"      [ address [, count]] ::dcmd [ args ... ]\n\n"
			"The output of a command can be sent to a shell with ! and its values to another "
			"dcmd with |.\n\n"
			"  ::dcmds           list all commands\n"
			"  ::help NAME       one command\n"
			"  ::quit            leave\n\n");
}

const struct ap_cmd ap_cmd_help = {
	.names = {[AP_PLAIN] = "help|?", [AP_MDB] = "help", [AP_LLNODE] = "help"},
	.group = AP_GROUP_SESSION,
	.summary = "what commands there are, and how one is used",
	.synopsis = {[AP_PLAIN] = "[CMD]", [AP_MDB] = "[cmd]", [AP_LLNODE] = "[cmd]"},
	.help = "Any spelling will do: bt, ::jsstack, v8 bt.",
	.example = "help bt",
	.data = help_data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb},
};

const struct ap_cmd ap_cmd_dcmds = {
	.names = {[AP_MDB] = "dcmds"},
	.group = AP_GROUP_SESSION,
	.summary = "list the commands of mdb",
	.synopsis = {[AP_MDB] = "[pattern]"},
	.help = "With a pattern, those whose names hold it.",
	.example = "::dcmds",
	.data = dcmds_data,
	.json = json,
	.text = {[AP_PLAIN] = text_dcmds},
};
