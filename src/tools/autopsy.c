/* The program: its command line, the opener, and the session. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mistyped.h"
#include "cmd/graph_common.h"
#include "image/image.h"
#include "image/input.h"
#include "model/core.h"
#include "model/crash.h"
#include "shell/shell.h"
#include "tools/attach.h"
#include "tools/documentation.h"
#include "tools/tools.h"

struct command_line {
	const char *files[2]; /* NODE and CORE, in either order */
	size_t n_files;
	AP_VEC(const char *) commands;
	AP_VEC(const char *) settings; /* mdb's -o, +o, -P as commands */
	bool no_rc;
	bool json, force, show_secrets, report, mdb;
	bool diff, heapsnapshot;
	const char *output; /* of heapsnapshot */
	const char *html;   /* of report */
	bool replace;       /* -f, of both */
	pid_t pid;          /* -p; 0: none */
};

static const char help_text[] =
	"autopsy: what died, of what, and where, from a core of Node.js\n"
	"\n"
	"  autopsy [options] [NODE] CORE          the first screen, then a prompt\n"
	"  autopsy [options] [NODE] CORE -e CMD   run CMD (repeatable), then exit\n"
	"  autopsy [options] -p PID               the same of a running process, stopped meanwhile\n"
	"  autopsy report CORE [--html F]         the first screen as text, or one page for a ticket\n"
	"  autopsy FILE.heapsnapshot              suspects, dominators, why ... of V8's own snapshot\n"
	"  autopsy diff OLD NEW                   what grew between two cores or snapshots\n"
	"  autopsy heapsnapshot FILE -o F         a .heapsnapshot for Chrome DevTools, memlab\n"
	"  autopsy snapshot|watch PID             cores of a running process, which goes on\n"
	"  autopsy ps|top|pmap PID|repair PID     Node processes here, their memory by kind\n"
	"  autopsy ncore PID                      a JSON dump of a running program's state, on demand\n"
	"  autopsy setup|start|stop|status|remove collect the crashes of this host\n"
	"  autopsy list|info|debug|dump|fetch|agent  the crashes that were kept\n"
	"\n"
	"CORE is a core file, plain or compressed (zst, gz, xz, lz4), a FIFO, or - for stdin;\n"
	"or what a program wrote of itself: a crash file of autopsy-node or inspector-postmortem,\n"
	"or a panic dump (ncore.PID).\n"
	"NODE, the program that died, is found from the core; give it only if it is elsewhere.\n"
	"Commands also come from stdin if that is not a terminal.\n"
	"\n"
	"  -e CMD           run a command: bt, ::jsstack -v, v8 bt; `help` lists them\n"
	"  -p PID           look at a running process; it stands still meanwhile\n"
	"      --json       one JSON object per command, one per line\n"
	"      --force      use NODE although its build-id is not the one in the core\n"
	"      --show-secrets  do not mask what looks like a password, token or key\n"
	"      --version\n"
	"  -h, --help\n"
	"\n"
	"Exit status: 0 fine, 1 a result is incomplete, 2 failed or not opened, 64 wrong usage.\n";

static int usage(const struct command_line *line, const char *message, const char *what)
{
	fprintf(stderr, "%s: %s%s%s\n         `autopsy --help` shows how it is used\n",
		line->mdb ? "mdb" : "autopsy", message, what ? ": " : "", what ? what : "");
	return line->mdb ? 2 : AP_EXIT_USAGE;
}

/* A word of a command line that reads as `word`, whatever is in it. */
static const char *quoted(struct ap_arena *arena, const char *word)
{
	AP_STR_AUTO text = {0};

	ap_str_addc(&text, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			ap_str_addc(&text, '\\');
		ap_str_addc(&text, *word);
	}
	ap_str_addc(&text, '"');
	return ap_str_text(&text, arena).s;
}

/* Subcommands that are commands of a session: `diff OLD NEW` is `diff OLD` on NEW. */
static bool make_command(struct command_line *line, struct ap_arena *arena)
{
	const char *command = NULL;

	if (!line->diff && !line->heapsnapshot && !line->html)
		return true;
	const char *word = quoted(arena, line->diff   ? line->files[0]
					 : line->html ? line->html
						      : line->output);
	if (word)
		command = ap_printf(arena,
				    line->diff   ? "diff %s%s"
				    : line->html ? "report --html %s%s"
						 : "heapsnapshot -o %s%s",
				    word, line->replace ? " -f" : "");
	if (line->diff) {
		line->files[0] = line->files[1];
		line->n_files = 1;
	}
	return command && ap_vec_push(arena, &line->commands, command);
}

/* -1: go on. */
static int parse(int argc, char **argv, struct ap_arena *arena, struct command_line *line)
{
	bool options = true;
	int at = 1;

	if (!line->mdb && at < argc && strcmp(argv[at], "report") == 0) {
		line->report = true;
		at++;
	} else if (!line->mdb && at < argc && strcmp(argv[at], "diff") == 0) {
		line->diff = true;
		at++;
	} else if (!line->mdb && at < argc && strcmp(argv[at], "heapsnapshot") == 0) {
		line->heapsnapshot = true;
		at++;
	}
	for (; at < argc; at++) {
		const char *word = argv[at];

		if (!options || !(word[0] == '-' || (line->mdb && strcmp(word, "+o") == 0)) ||
		    !word[1]) {
			if (line->n_files == 2)
				return usage(line, "more than NODE and CORE", word);
			line->files[line->n_files++] = word;
		} else if (strcmp(word, "--") == 0) {
			options = false;
		} else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			fputs(help_text, stdout);
			return 0;
		} else if (strcmp(word, "--version") == 0) {
			puts("autopsy " AP_VERSION);
			return 0;
		} else if (strncmp(word, "--documentation=", 16) == 0) {
			return ap_documentation(word + 16, help_text, stdout)
				       ? 0
				       : usage(line, "no such text", word);
		} else if (strcmp(word, "--json") == 0) {
			line->json = true;
		} else if (strcmp(word, "--force") == 0) {
			line->force = true;
		} else if (strcmp(word, "--show-secrets") == 0) {
			line->show_secrets = true;
		} else if (strncmp(word, "-e", 2) == 0) {
			const char *command = word[2] ? word + 2 : ++at < argc ? argv[at] : NULL;

			if (!command)
				return usage(line, "-e needs a command", NULL);
			if (!ap_vec_push(arena, &line->commands, command))
				return usage(line, "out of memory", NULL);
		} else if (line->heapsnapshot && strncmp(word, "-o", 2) == 0) {
			line->output = word[2] ? word + 2 : ++at < argc ? argv[at] : NULL;
			if (!line->output)
				return usage(line, "-o needs a file", NULL);
		} else if (line->report && strncmp(word, "--html", 6) == 0 &&
			   (!word[6] || word[6] == '=')) {
			line->html = word[6] ? word + 7 : ++at < argc ? argv[at] : NULL;
			if (!line->html)
				return usage(line, "--html needs a file", NULL);
		} else if ((line->report || line->heapsnapshot) && strcmp(word, "-f") == 0) {
			line->replace = true;
		} else if (strncmp(word, "-p", 2) == 0) {
			const char *pid = word[2] ? word + 2 : ++at < argc ? argv[at] : "";
			char *end;
			long n = strtol(pid, &end, 10);

			if (*end || !*pid || n < 1 || n > INT32_MAX)
				return usage(line, "-p needs the id of a process",
					     *pid ? pid : NULL);
			line->pid = (pid_t)n;
		} else if (line->mdb && strcmp(word, "-S") == 0) {
			line->no_rc = true;
		} else if (line->mdb && (strcmp(word, "-o") == 0 || strcmp(word, "+o") == 0 ||
					 strcmp(word, "-P") == 0)) {
			const char *set = ++at < argc ? quoted(arena, argv[at]) : NULL;

			if (!set)
				return usage(line, "this option needs a value", word);
			set = ap_printf(arena, "::set %s %s", word, set);
			if (!set || !ap_vec_push(arena, &line->settings, set))
				return usage(line, "out of memory", NULL);
		} else if (line->mdb && word[1] && !word[2] && strchr("LIsR", word[1])) {
			at++; /* where modules and macros are, how far a symbol reaches: nothing to
				 do here */
		} else {
			return usage(line, "unknown option", word);
		}
	}
	if (line->pid && (line->n_files > 1 || line->diff))
		return usage(line, "-p takes the place of a core", NULL);
	if (!line->n_files && !line->pid)
		return usage(line, "no core given", NULL);
	if (line->diff && line->n_files != 2)
		return usage(line, "diff compares two: OLD and NEW", NULL);
	if (line->heapsnapshot && !line->output)
		return usage(line, "heapsnapshot needs -o FILE", NULL);
	return make_command(line, arena) ? -1 : usage(line, "out of memory", NULL);
}

/* ELF type of a regular file, or -1: compressed, a FIFO, unreadable. */
static int elf_type(const char *path)
{
	unsigned char head[18];
	struct stat st;
	int fd, type = -1;

	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	    memcmp(head, ELFMAG, SELFMAG) == 0)
		type = head[16] | head[17] << 8;
	close(fd);
	return type;
}

/* NODE CORE, but people type CORE NODE as well. */
static void order_files(struct command_line *line)
{
	int first = elf_type(line->files[0]);
	int second = line->n_files == 2 ? elf_type(line->files[1]) : -1;
	bool first_is_program = first == ET_EXEC || first == ET_DYN;
	bool second_is_program = second == ET_EXEC || second == ET_DYN;

	if (line->n_files == 2 && !first_is_program && (second_is_program || first == ET_CORE)) {
		const char *swap = line->files[0];

		line->files[0] = line->files[1];
		line->files[1] = swap;
	}
}

/* `autopsy sanpshot 4711`: the first word was meant as a subcommand, not as NODE. */
static const char *meant(const struct command_line *line)
{
	const struct ap_tool *const tables[] = {ap_snapshot_tools, ap_fleet_tools};
	const char *word = line->n_files ? line->files[0] : "", *nearest = NULL;
	size_t least = SIZE_MAX;

	if (line->mdb || access(word, F_OK) == 0)
		return NULL;
	for (size_t i = 0; i < 2; i++) {
		for (const struct ap_tool *t = tables[i]; t->name; t++) {
			size_t d = ap_mistyped(word, ap_text_of(t->name));

			if (d < least) {
				least = d;
				nearest = t->name;
			}
		}
	}
	return nearest;
}

static int fail_to_open(const struct command_line *line, const char *core, struct ap_err *err)
{
	const char *tool = meant(line);

	if (tool && err != &ap_err_cancelled) {
		ap_err_free(err);
		err = ap_err_hint(ap_err_new(AP_E_USAGE,
					     "%s is no file, and there is no such command",
					     line->files[0]),
				  "did you mean autopsy %s? autopsy --help lists all", tool);
	}
	for (size_t i = 0; line->json && i < line->commands.n; i++)
		ap_print_json_error(stdout, core, line->commands.at[i], err);
	if (line->json && !line->commands.n)
		ap_print_json_error(stdout, core, "report", err);
	ap_print_error(stderr, line->mdb ? AP_MDB : AP_PLAIN, NULL, err);
	ap_err_free(err);
	return line->mdb ? 1 : AP_EXIT_FAILED;
}

/* The settings of the command line. */
static void run_switches(struct ap_session *session, const struct command_line *line)
{
	for (size_t i = 0; i < line->settings.n; i++)
		ap_session_run(session, line->settings.at[i]);
}

/* What a user of mdb keeps in ~/.mdbrc, and the settings of the command line, which win. */
static void run_settings(struct ap_session *session, const struct command_line *line)
{
	const char *home = getenv("HOME");
	char path[4096];
	FILE *file = NULL;

	if (!line->mdb)
		return;
	if (!line->no_rc && home &&
	    snprintf(path, sizeof(path), "%s/.mdbrc", home) < (int)sizeof(path))
		file = fopen(path, "re");
	if (file) {
		(void)ap_session_run_file(session, file);
		(void)fclose(file);
	}
	run_switches(session, line);
}

/* Tells whether a person sat at the prompt: what they mistyped is no failure of the program. */
static bool run(struct ap_session *session, const struct command_line *line)
{
	bool terminals = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
	/* The first screen of a heap snapshot: nothing died, memory is the question. */
	const char *first = ap_session_study(session) ? "suspects" : "report";

	if (line->report && !line->html) {
		ap_session_run(session, first);
	} else if (line->commands.n) {
		for (size_t i = 0; i < line->commands.n && !ap_session_is_over(session); i++)
			ap_session_run(session, line->commands.at[i]);
	} else if (!isatty(STDIN_FILENO)) {
		/* From cron and the like nobody types. */
		if (!ap_session_run_file(session, stdin) && !line->mdb)
			ap_session_run(session, first);
	} else if (terminals && !line->json) {
		/* Nobody waits for the first screen. */
		if (!line->mdb)
			ap_session_run(session,
				       ap_session_study(session) ? first : "report --quick");
		ap_session_prompt(session);
		return true;
	} else {
		ap_session_run(session, first);
	}
	return false;
}

/* A crash file or panic dump, or NULL without an error: then it is for the core's opener. */
static struct ap_err *open_crash(const char *path, struct ap_model **ret_model)
{
	char head[64];
	size_t n;
	struct ap_map map;
	int fd;

	ap_input_peek(path, head, sizeof(head), &n);
	if (!ap_crash_looks_like(head, n))
		return NULL;
	AP_TRY(ap_input_map(path, &map, &fd));
	struct ap_err *err = ap_crash_model_open(map.data, map.bytes, path, ret_model);
	ap_map_close(&map);
	close(fd);
	return err;
}

/* A heap snapshot becomes a study, everything else a model. */
static struct ap_err *open_target(const struct command_line *line, const char *core,
				  struct ap_model **ret_model, struct ap_study **ret_study)
{
	const struct ap_image_options options = {
		.node_path = line->n_files == 2 ? line->files[0] : NULL,
		.force = line->force,
	};
	struct ap_image *image;

	if (ap_is_snapshot_file(core))
		return ap_study_load(core, NULL, ret_study);
	if (line->n_files == 1) {
		AP_TRY(open_crash(core, ret_model));
		if (*ret_model)
			return NULL;
	}
	AP_TRY(ap_image_open_core(core, &options, &image));
	return ap_core_model_open(image, ret_model);
}

int main(int argc, char **argv)
{
	struct ap_arena arena;
	struct command_line line = {0};
	struct ap_model *model = NULL;
	struct ap_session *session = NULL;
	const char *slash = strrchr(argv[0] ? argv[0] : "", '/');

	/* A reader that went away (`| head`) is not worth a death; writes fail, and we stop. */
	signal(SIGPIPE, SIG_IGN);
	ap_arena_init(&arena, 0);
	const char *self = slash ? slash + 1 : argv[0] ? argv[0] : "";
	line.mdb = strcmp(self, "mdb") == 0;
	if (strcmp(self, "ncore") == 0)
		return ap_tool_ncore(argc, argv);
	if (!line.mdb && argc > 1 && strcmp(argv[1], "ncore") == 0)
		return ap_tool_ncore(argc - 1, argv + 1);
	/* Called through a link autopsy-start: the subcommand is in the name. */
	if (strncmp(self, "autopsy-", 8) == 0) {
		for (const struct ap_tool *t = ap_fleet_tools; t->name; t++) {
			if (strcmp(self + 8, t->name) == 0) {
				argv[0] += self + 8 - argv[0];
				return t->run(argc, argv);
			}
		}
	}
	/* A subcommand wins over a file of that name. */
	const struct ap_tool *const tables[] = {ap_snapshot_tools, ap_fleet_tools};
	for (size_t i = 0; i < 2 && !line.mdb && argc > 1; i++) {
		for (const struct ap_tool *t = tables[i]; t->name; t++) {
			if (strcmp(argv[1], t->name) == 0)
				return t->run(argc - 1, argv + 1);
		}
	}
	int status = parse(argc, argv, &arena, &line);
	if (status >= 0) {
		ap_arena_close(&arena);
		return status;
	}
	if (!line.pid)
		order_files(&line);
	char pid[16];
	snprintf(pid, sizeof(pid), "%d", (int)line.pid);
	const char *core = line.pid ? pid : line.files[line.n_files - 1];
	struct ap_study *study = NULL;
	struct ap_err *err = line.pid ? NULL : open_target(&line, core, &model, &study);
	const struct ap_session_options session_options = {
		.live = &ap_live_ops,
		.target = core,
		.json = line.json,
		.show_secrets = line.show_secrets,
		.mdb = line.mdb,
		.out = stdout,
		.err = stderr,
	};
	if (!err)
		err = ap_session_open(&session_options, model, &session);
	if (!err && line.pid) {
		ap_session_catch_interrupts();
		run_switches(session, &line);
		err = ap_session_attach(session, line.pid);
	}
	if (err) {
		status = fail_to_open(&line, core, err);
		ap_session_close(session);
		ap_arena_close(&arena);
		return status;
	}
	ap_session_set_study(session, study);
	ap_session_catch_interrupts();
	ap_session_check_target(session);
	run_settings(session, &line);
	bool interactive = run(session, &line);
	status = interactive ? AP_EXIT_OK : ap_session_status(session);
	/* mdb's own statuses: a script that went to its end is fine, -e tells whether it worked. */
	if (line.mdb)
		status = line.commands.n && status >= AP_EXIT_FAILED ? 1 : 0;
	ap_session_close(session);
	ap_arena_close(&arena);
	return status;
}
