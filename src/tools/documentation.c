/*
 * autopsy --documentation=KIND: what is installed beside the program and docs/commands.md, from the
 * same records as `help`. Forms and options of the command line are taken from --help: what begins
 * with "  autopsy" or "  -".
 */
#include "tools/documentation.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/help.h"
#include "tools/tools.h"

struct docs {
	FILE *out;
	const char *help;
	struct ap_arena arena;
};

static const char *const prefix[] = {[AP_PLAIN] = "", [AP_MDB] = "::", [AP_LLNODE] = "v8 "};

/* The next spelling of a list with bars; false at its end. */
static bool spelling(const char **list, struct ap_text *ret)
{
	if (!*list || !**list)
		return false;
	ret->s = *list;
	ret->n = strcspn(*list, "|");
	*list += ret->n + ((*list)[ret->n] == '|');
	return true;
}

static const char *prefix_of(int dialect, struct ap_text name)
{
	return isalpha((unsigned char)*name.s) ? prefix[dialect] : "";
}

/* The lines of --help that begin so; *at moves on. */
static bool help_line(const char **at, const char *begin, struct ap_text *ret)
{
	while (**at) {
		size_t n = strcspn(*at, "\n");
		const char *line = *at;

		*at += n + ((*at)[n] == '\n');
		if (n > 2 && strncmp(line, "  ", 2) == 0 &&
		    strncmp(line + strspn(line, " "), begin, strlen(begin)) == 0) {
			ret->s = line + strspn(line, " ");
			ret->n = n - (size_t)(ret->s - line);
			return true;
		}
	}
	return false;
}

/* "-e CMD   run a command" in its halves, which two blanks part. */
static void halves(struct ap_text line, struct ap_text *ret_left, struct ap_text *ret_right)
{
	const char *gap = memmem(line.s, line.n, "  ", 2);
	size_t n = gap ? (size_t)(gap - line.s) : line.n;

	*ret_left = (struct ap_text){line.s, n};
	while (n < line.n && line.s[n] == ' ')
		n++;
	*ret_right = (struct ap_text){line.s + n, line.n - n};
}

static void each_command(struct docs *d, void (*group)(struct docs *, const char *),
			 void (*command)(struct docs *, const struct ap_cmd *))
{
	for (int g = 0; g < AP_N_HELP_GROUPS; g++) {
		group(d, ap_help_group_title((enum ap_group)g));
		for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
			if ((int)(*cmd)->group == g)
				command(d, *cmd);
		}
	}
}

/* ---- the man page ---- */

/* roff takes a backslash, and a dot or quote at the beginning of a line, for its own. */
static void roff(struct docs *d, struct ap_text text)
{
	bool start = true;

	for (size_t i = 0; i < text.n; i++) {
		if (start && (text.s[i] == '.' || text.s[i] == '\''))
			fputs("\\&", d->out);
		if (text.s[i] == '\\')
			fputs("\\e", d->out);
		else if (text.s[i] == '-')
			fputs("\\-", d->out);
		else
			fputc(text.s[i], d->out);
		start = text.s[i] == '\n';
	}
}

/* Paragraphs; a line that begins with a blank keeps its shape. */
static void roff_paragraphs(struct docs *d, const char *text)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");

		if (*p == ' ')
			fputs(".br\n", d->out);
		roff(d, (struct ap_text){p + strspn(p, " "),
					 n - (strspn(p, " ") < n ? strspn(p, " ") : n)});
		fputc('\n', d->out);
		p += n + (p[n] == '\n');
		if (*p == '\n') {
			fputs(".IP\n", d->out);
			p++;
		}
	}
}

static void man_group(struct docs *d, const char *title)
{
	fprintf(d->out, ".SS %s\n", title);
}

static void man_command(struct docs *d, const struct ap_cmd *cmd)
{
	const char *gap = "";

	fputs(".TP\n", d->out);
	for (int dialect = 0; dialect < AP_N_DIALECTS; dialect++) {
		const char *list = cmd->names[dialect];
		struct ap_text name;

		if (!list)
			continue;
		fputs(gap, d->out);
		for (const char *comma = ""; spelling(&list, &name); comma = ", ") {
			fprintf(d->out, "%s\\fB", comma);
			roff(d, ap_text_of(prefix_of(dialect, name)));
			roff(d, name);
			fputs("\\fR", d->out);
		}
		const char *synopsis = ap_cmd_synopsis(cmd, (enum ap_dialect)dialect, &d->arena);
		if (*synopsis) {
			fputc(' ', d->out);
			roff(d, ap_text_of(synopsis));
		}
		gap = " = ";
	}
	fputc('\n', d->out);
	roff(d, ap_text_of(cmd->summary));
	fputs(".\n", d->out);
	if (cmd->help)
		roff_paragraphs(d, cmd->help);
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++) {
		const char *name = ap_help_option_name(o, &d->arena);

		fputs(".br\n\\fB", d->out);
		roff(d, ap_text_of(name));
		fputs("\\fR  ", d->out);
		roff(d, ap_text_of(o->help));
		fputc('\n', d->out);
	}
}

static void man(struct docs *d)
{
	struct ap_text line, left, right;
	const char *at = d->help;

	fprintf(d->out,
		".\\\" Made by autopsy --documentation=man.\n.TH AUTOPSY 1 \"\" \"autopsy %s\"\n",
		AP_VERSION);
	fputs(".SH NAME\nautopsy \\- what died, of what, and where, from a core of Node.js\n.SH SYNOPSIS\n",
	      d->out);
	while (help_line(&at, "autopsy", &line)) {
		halves(line, &left, &right);
		fputs(".TP\n\\fB", d->out);
		roff(d, left);
		fputs("\\fR\n", d->out);
		roff(d, right);
		fputc('\n', d->out);
	}
	fputs(".SH OPTIONS\n", d->out);
	for (at = d->help; help_line(&at, "-", &line);) {
		halves(line, &left, &right);
		fputs(".TP\n\\fB", d->out);
		roff(d, left);
		fputs("\\fR\n", d->out);
		roff(d, right);
		fputc('\n', d->out);
	}
	fputs(".SH COMMANDS\nA line is in one of three languages: plain verbs, mdb's (::name), llnode's (v8 name). Plain "
	      "commands may be joined: objects \\-c Session | head 3 | refs; | !jq . gives a shell their JSON, > FILE "
	      "writes to a file, ! COMMAND pipes text to a shell.\n",
	      d->out);
	each_command(d, man_group, man_command);
	fputs(".SH FILES\n.TP\n$AUTOPSY_HISTORY, $XDG_STATE_HOME/autopsy/history, ~/.local/state/autopsy/history\n"
	      "what was typed at the prompt\n.TP\n~/.editrc\nkeys of the line editor\n.TP\n~/.mdbrc\nread when the "
	      "program is called mdb\n.SH ENVIRONMENT\n.TP\nNO_COLOR\nno colours\n.TP\nTMPDIR\nwhere compressed cores "
	      "are unpacked; /var/tmp if it is not set\n.SH EXIT STATUS\n0 fine, 1 a result is incomplete, 2 failed or "
	      "not opened, 64 wrong usage. As mdb: 0, 1 fatal, 2 bad options.\n.SH SEE ALSO\n"
	      "gdb(1), core(5), proc(5)\n",
	      d->out);
}

/* ---- completions ---- */

static void bash_words(struct docs *d, const char *name)
{
	struct ap_text line, left, right;
	const char *at = d->help;

	fprintf(d->out, "\tlocal %s='", name);
	if (strcmp(name, "options") == 0) {
		while (help_line(&at, "-", &line)) {
			halves(line, &left, &right);
			for (size_t i = 0; i < left.n;) {
				size_t n = strcspn(left.s + i, " ,");

				n = n < left.n - i ? n : left.n - i;
				if (left.s[i] == '-')
					fprintf(d->out, "%.*s ", (int)n, left.s + i);
				i += n + 1;
			}
		}
	} else if (strcmp(name, "subcommands") == 0) {
		fputs("report diff heapsnapshot ncore", d->out);
		for (const struct ap_tool *t = ap_snapshot_tools; t->name; t++)
			fprintf(d->out, " %s", t->name);
		for (const struct ap_tool *t = ap_fleet_tools; t->name; t++)
			fprintf(d->out, " %s", t->name);
	} else {
		for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
			const char *list = (*cmd)->names[AP_PLAIN];
			struct ap_text word;

			while (spelling(&list, &word)) {
				if (isalpha((unsigned char)*word.s) && !memchr(word.s, ' ', word.n))
					fprintf(d->out, "%.*s ", AP_TEXT_ARG(word));
			}
		}
	}
	fputs("'\n", d->out);
}

static void bash(struct docs *d)
{
	fputs("# Made by autopsy --documentation=bash.\n_autopsy() {\n", d->out);
	bash_words(d, "options");
	bash_words(d, "subcommands");
	bash_words(d, "verbs");
	fputs("\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
	      "\tCOMPREPLY=()\n"
	      "\tcase $before in\n"
	      "\t-e) mapfile -t COMPREPLY < <(compgen -W \"$verbs\" -- \"$word\") ;;\n"
	      "\t-p | snapshot | watch | repair) mapfile -t COMPREPLY < <(compgen -W \"$(pgrep -x node)\" -- \"$word\") ;;\n"
	      "\tesac\n"
	      "\t[ ${#COMPREPLY[@]} -gt 0 ] && return\n"
	      "\tif [[ $word == -* ]]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\")\n"
	      "\telif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"$subcommands\" -- \"$word\"; compgen -f -- \"$word\")\n"
	      "\telse\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
	      "\tfi\n"
	      "}\ncomplete -o filenames -F _autopsy autopsy\n",
	      d->out);
}

/* A text inside single quotes of zsh's _arguments: brackets and colons are its own. */
static void zsh_text(struct docs *d, struct ap_text text)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.s[i] == '\'')
			fputs("'\\''", d->out);
		else if (strchr("[]:", text.s[i]))
			fprintf(d->out, "\\%c", text.s[i]);
		else
			fputc(text.s[i], d->out);
	}
}

static void zsh(struct docs *d)
{
	struct ap_text line, left, right;
	const char *at = d->help;

	fputs("#compdef autopsy\n# Made by autopsy --documentation=zsh.\n_autopsy() {\n\tlocal -a subcommands verbs\n"
	      "\tsubcommands=('report:the first screen as text' 'diff:what grew between two' 'heapsnapshot:for DevTools' 'ncore:a JSON dump of a running program'",
	      d->out);
	static const struct ap_tool *const tables[] = {ap_snapshot_tools, ap_fleet_tools};
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct ap_tool *t = tables[i]; t->name; t++) {
			fprintf(d->out, " '%s:", t->name);
			zsh_text(d, ap_text_of(t->summary));
			fputs("'", d->out);
		}
	}
	fputs(")\n\tverbs=(\n", d->out);
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		const char *name = ap_cmd_name(*cmd, AP_PLAIN, &d->arena);

		if (!name || !isalpha((unsigned char)*name))
			continue;
		fprintf(d->out, "\t\t'%s:", name);
		zsh_text(d, ap_text_of((*cmd)->summary));
		fputs("'\n", d->out);
	}
	fputs("\t)\n\t_arguments \\\n", d->out);
	while (help_line(&at, "-", &line)) {
		bool command = strncmp(line.s, "-e ", 3) == 0, pid = strncmp(line.s, "-p ", 3) == 0;

		halves(line, &left, &right);
		const char *last = memrchr(left.s, ',', left.n);
		struct ap_text name =
			last ? (struct ap_text){last + 2, left.n - (size_t)(last + 2 - left.s)}
			     : left;
		size_t n = 0;
		while (n < name.n && name.s[n] != ' ')
			n++;
		fprintf(d->out, "\t\t%s'%.*s[", command ? "'*'" : "", (int)n, name.s);
		zsh_text(d, right);
		fprintf(d->out, "]%s' \\\n",
			command ? ":command:{_describe command verbs}"
			: pid   ? ":pid:_pids"
				: "");
	}
	fputs("\t\t'1: :{_describe subcommand subcommands; _files}' '*:file:_files'\n}\n_autopsy \"$@\"\n",
	      d->out);
}

/* ---- the reference ---- */

static void reference_group(struct docs *d, const char *title)
{
	fprintf(d->out, "\n## %s\n", title);
}

static void reference_command(struct docs *d, const struct ap_cmd *cmd)
{
	const char *title = NULL;

	for (int dialect = 0; dialect < AP_N_DIALECTS && !title; dialect++) {
		const char *list = cmd->names[dialect];
		struct ap_text name;

		if (spelling(&list, &name))
			title = ap_printf(&d->arena, "%s%.*s", prefix_of(dialect, name),
					  AP_TEXT_ARG(name));
	}
	fprintf(d->out, "\n### `%s`\n\n%s.\n\n", title ? title : "", cmd->summary);
	for (int dialect = 0; dialect < AP_N_DIALECTS; dialect++) {
		static const char *const languages[] = {
			[AP_PLAIN] = "plain", [AP_MDB] = "mdb", [AP_LLNODE] = "llnode"};
		const char *list = cmd->names[dialect];
		struct ap_text name;

		if (!list)
			continue;
		fprintf(d->out, "- %s:", languages[dialect]);
		for (const char *comma = " "; spelling(&list, &name); comma = ", ")
			fprintf(d->out, "%s`%s%.*s`", comma, prefix_of(dialect, name),
				AP_TEXT_ARG(name));
		const char *synopsis = ap_cmd_synopsis(cmd, (enum ap_dialect)dialect, &d->arena);
		if (*synopsis)
			fprintf(d->out, " `%s`", synopsis);
		fputc('\n', d->out);
	}
	if (cmd->help)
		fprintf(d->out, "\n%s\n", cmd->help);
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++)
		fprintf(d->out, "%s- `%s`: %s\n", o == cmd->options ? "\n" : "",
			ap_help_option_name(o, &d->arena), o->help);
	if (cmd->example)
		fprintf(d->out, "\nExample: `%s`\n", cmd->example);
}

static void reference(struct docs *d)
{
	fputs("# Commands\n\nMade from the commands' own records by `autopsy --documentation=reference`; a test keeps it so. "
	      "`help NAME` shows\nthe same at the prompt. Every example runs as a test. `--json` gives each answer as JSON: "
	      "its schema is\n`docs/json/NAME.schema.json`.\n\nA line is in one of three languages; the first word decides. "
	      "Addresses may have `0x` or not.\nPlain commands carry typed rows through bars: "
	      "`objects -c Session | head 3 | refs`, `objects | !jq .`, `objects > FILE`.\n",
	      d->out);
	each_command(d, reference_group, reference_command);
}

bool ap_documentation(const char *kind, const char *help, FILE *out)
{
	static const struct {
		const char *kind;
		void (*make)(struct docs *);
	} kinds[] = {{"man", man}, {"bash", bash}, {"zsh", zsh}, {"reference", reference}};
	struct docs d = {.out = out, .help = help};
	bool found = false;

	ap_arena_init(&d.arena, 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kind, kinds[i].kind) == 0) {
			kinds[i].make(&d);
			found = true;
		}
	}
	ap_arena_close(&d.arena);
	return found;
}
