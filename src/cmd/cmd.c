/* Finding a command by its spelling, and what its record says about its use. */
#include "cmd/cmd.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/mistyped.h"

/* The next spelling of a '|'-separated list; false at its end. */
static bool next_spelling(const char **list, struct ap_text *ret)
{
	if (!*list || !**list)
		return false;
	size_t n = strcspn(*list, "|");

	*ret = (struct ap_text){*list, n};
	*list += n + ((*list)[n] == '|');
	return true;
}

/* How many of `words` a spelling takes, 0 if they differ. */
static size_t spelling_match(struct ap_text spelling, const char *const *words, size_t n)
{
	size_t used = 0;

	for (size_t at = 0; at < spelling.n; used++) {
		const char *blank = memchr(spelling.s + at, ' ', spelling.n - at);
		size_t end = blank ? (size_t)(blank - spelling.s) : spelling.n;

		if (used == n || strlen(words[used]) != end - at ||
		    memcmp(words[used], spelling.s + at, end - at) != 0)
			return 0;
		at = end + 1;
	}
	return used;
}

const struct ap_cmd *ap_cmd_find(enum ap_dialect dialect, const char *const *words, size_t n,
				 size_t *ret_used)
{
	const struct ap_cmd *found = NULL;
	size_t most = 0;

	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		const char *list = (*cmd)->names[dialect];
		struct ap_text spelling;

		while (next_spelling(&list, &spelling)) {
			size_t used = spelling_match(spelling, words, n);

			if (used > most) {
				most = used;
				found = *cmd;
			}
		}
	}
	if (found)
		*ret_used = most;
	return found;
}

const char *ap_cmd_suggest(enum ap_dialect dialect, const char *name, struct ap_arena *arena)
{
	struct ap_text nearest = {0};
	size_t least = SIZE_MAX;

	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		const char *list = (*cmd)->names[dialect];
		struct ap_text spelling;

		while (next_spelling(&list, &spelling)) {
			size_t d = ap_mistyped(name, spelling);

			if (d < least) {
				least = d;
				nearest = spelling;
			}
		}
	}
	return nearest.s ? ap_strndup(arena, nearest.s, nearest.n) : NULL;
}

const char *ap_cmd_name(const struct ap_cmd *cmd, enum ap_dialect dialect, struct ap_arena *arena)
{
	const char *list = cmd->names[dialect];
	struct ap_text spelling;

	return next_spelling(&list, &spelling) ? ap_strndup(arena, spelling.s, spelling.n) : NULL;
}

const char *ap_cmd_synopsis(const struct ap_cmd *cmd, enum ap_dialect dialect,
			    struct ap_arena *arena)
{
	AP_STR_AUTO str = {0};
	const char *address = dialect == AP_MDB                     ? ""
			      : cmd->address == AP_ADDRESS_REQUIRED ? "ADDR"
			      : cmd->address == AP_ADDRESS_OPTIONAL ? "[ADDR]"
								    : "";

	if (cmd->synopsis[dialect])
		return cmd->synopsis[dialect];
	ap_str_adds(&str, address);
	bool flags = false;
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++) {
		if (!(o->dialects & 1u << dialect) || o->kind != AP_OPTION_FLAG || !o->letter)
			continue;
		ap_str_adds(&str, flags ? "" : str.n ? " [-" : "[-");
		ap_str_addc(&str, o->letter);
		flags = true;
	}
	if (flags)
		ap_str_addc(&str, ']');
	for (const struct ap_option *o = cmd->options; o && (o->letter || o->long_name); o++) {
		if (!(o->dialects & 1u << dialect) || (o->kind == AP_OPTION_FLAG && o->letter))
			continue;
		ap_str_adds(&str, str.n ? " [" : "[");
		if (o->letter)
			ap_str_addf(&str, "-%c", o->letter);
		else
			ap_str_addf(&str, "--%s", o->long_name);
		if (o->kind != AP_OPTION_FLAG)
			ap_str_addf(&str, " %s", o->argument);
		ap_str_addc(&str, ']');
	}
	const char *text = ap_str_text(&str, arena).s;
	return text ? text : "";
}

const char *ap_cmd_usage(const struct ap_cmd *cmd, enum ap_dialect dialect, struct ap_arena *arena)
{
	const char *name = ap_cmd_name(cmd, dialect, arena);
	const char *synopsis = ap_cmd_synopsis(cmd, dialect, arena);
	const char *gap = *synopsis ? " " : "";
	const char *text = NULL;

	if (!name)
		return "";
	switch (dialect) {
	case AP_MDB: {
		const char *colons = isalpha((unsigned char)name[0]) ? "::" : "";
		const char *address = cmd->address == AP_ADDRESS_REQUIRED   ? "address"
				      : cmd->address == AP_ADDRESS_OPTIONAL ? "[address]"
									    : "";

		text = ap_printf(arena,
				 "Usage: %s%s%s%s%s\nmdb: try '::help %s' for more information",
				 address, *address ? colons : "", name, gap, synopsis, name);
		break;
	}
	case AP_LLNODE:
		text = ap_printf(arena, "USAGE: v8 %s%s%s", name, gap, synopsis);
		break;
	case AP_PLAIN:
	case AP_N_DIALECTS:
		text = ap_printf(arena, "usage: %s%s%s", name, gap, synopsis);
		break;
	}
	return text ? text : "";
}

void ap_warn(struct ap_ctx *ctx, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = ap_vprintf(ctx->arena, fmt, ap);
	va_end(ap);
	if (text)
		(void)ap_vec_push(ctx->arena, &ctx->warnings, ap_text_of(text));
}
