/* The first screen as text: at most 80 columns, the answer first, what to type last. */
#include <inttypes.h>
#include <signal.h>
#include <time.h>

#include "base/escape.h"
#include "base/mask.h"
#include "base/number.h"
#include "cmd/report.h"
#include "cmd/source.h"
#include "cmd/values.h"

enum {
	PAGE = 80,  /* the narrowest terminal people still use */
	LABEL = 16, /* columns of "WHAT HAPPENED   " */
	MAX_FRAMES = 8,
	NAME_COLUMNS = 22,
	PLACE_COLUMNS = 34,
	BAR = 35,
	SHORT_SCREEN = 30, /* rows below which memory is one line */
};

static void label(struct ap_out *out, const char *text)
{
	ap_out_s(out, "\n");
	ap_out_styled(out, AP_STYLE_HEAD, "%-*s", LABEL, text);
}

/* Text of the target in lines of the page behind the label's column; the first stands behind it. */
static void paragraph(struct ap_ctx *ctx, struct ap_text text, enum ap_style style,
		      const char *after)
{
	struct ap_out *out = ctx->out;
	AP_STR_AUTO safe = {0}, masked = {0};
	size_t room = PAGE - LABEL, column = 0;

	if (ap_session_show_secrets(ctx->session))
		ap_str_add(&masked, text.s, text.n);
	else
		ap_mask_value(&masked, (struct ap_text){0}, text);
	ap_escape(&safe, (struct ap_text){masked.s, masked.n});
	ap_str_adds(&safe, after);
	ap_out_style(out, style);
	for (const char *p = safe.s; p && *p;) {
		size_t n = strcspn(p, " ");
		struct ap_text word = {p, n};
		size_t columns = ap_columns(word);

		if (column && column + 1 + columns > room) {
			ap_out_f(out, "\n%*s", LABEL, "");
			column = 0;
		}
		if (column) {
			ap_out_s(out, " ");
			column++;
		}
		/* A word longer than the line is broken where the line ends. */
		while (columns > room - column) {
			struct ap_text head = ap_cut_columns(word, room - column);

			ap_out_raw(out, head);
			ap_out_f(out, "\n%*s", LABEL, "");
			word = (struct ap_text){word.s + head.n, word.n - head.n};
			columns = ap_columns(word);
			column = 0;
		}
		ap_out_raw(out, word);
		column += columns;
		p += n + (p[n] == ' ');
	}
	ap_out_style(out, AP_STYLE_PLAIN);
	ap_out_s(out, "\n");
}

static void who(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	const struct ap_info *i = &r->info;
	char date[64], size[AP_NUMBER_MAX], full[AP_NUMBER_MAX];
	struct tm tm;
	time_t at = (time_t)i->died_at_unix;
	struct ap_text name = i->hostname.value.n ? i->hostname.value : i->title.value;

	if (name.n) {
		ap_out_styled_text(out, AP_STYLE_STRONG, name);
		ap_out_s(out, "  ");
	}
	ap_out_s(out, "node ");
	ap_out_text(out, i->node_version.n ? i->node_version : AP_TEXT("of unknown version"));
	if (i->arch.n) {
		ap_out_s(out, " ");
		ap_out_text(out, i->arch);
	}
	ap_out_f(out, "  pid %d", (int)i->pid);
	if (i->uptime.value.n) {
		ap_out_s(out, "  up ");
		ap_out_text(out, i->uptime.value);
	}
	/* The file's date is when the core was written, which is when it died, if nobody copied it.
	 */
	if (i->died_at.value.s && gmtime_r(&at, &tm) &&
	    strftime(date, sizeof(date), "%a %d %b %H:%M UTC", &tm))
		ap_out_f(out, "  %s of %s", i->container ? i->container : "core", date);
	ap_out_s(out, "\n");
	/* Where the program lies says less than its arguments do. */
	AP_STR_AUTO line = {0}, tail = {0};
	struct ap_text command = r->command_line;
	const char *blank = command.n ? memchr(command.s, ' ', command.n) : NULL;
	struct ap_text program = {command.s, blank ? (size_t)(blank - command.s) : command.n};
	size_t path = program.n - ap_base_name(program).n;
	ap_escape(&line, (struct ap_text){command.s + path, command.n - path});
	if (i->minicore_of)
		ap_str_addf(&tail, "minicore %s of a core of %s",
			    ap_bytes_human(i->core_bytes, size),
			    ap_bytes_human(i->minicore_of, full));
	else
		ap_str_addf(&tail, "%s %s, %s", i->container ? i->container : "core",
			    ap_bytes_human(i->core_bytes, size),
			    i->truncated ? "cut off" : "whole");
	if (i->layout.n)
		ap_str_addf(&tail, ", layout %.*s", AP_TEXT_ARG(i->layout));
	struct ap_text shown = {line.s ? line.s : "", line.n};
	if (ap_columns(shown) > PAGE) {
		ap_out_raw(out, ap_cut_columns(shown, PAGE - 3));
		ap_out_s(out, "...");
	} else {
		ap_out_raw(out, shown);
	}
	ap_out_s(out, ap_columns(shown) + 4 + tail.n > PAGE ? "\n" : "    ");
	ap_out_styled(out, AP_STYLE_DIM, "%s\n", tail.s ? tail.s : "");
}

static void what(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	const struct ap_verdict *v = &r->verdict;
	char after[32], used[AP_NUMBER_MAX], limit[AP_NUMBER_MAX];

	label(out, "WHAT HAPPENED");
	snprintf(after, sizeof(after), " (%s)", ap_certainty_name(v->certainty));
	if (v->kind == AP_VERDICT_UNCAUGHT_ERROR || v->kind == AP_VERDICT_UNHANDLED_REJECTION) {
		ap_out_f(out, "%s%s\n%*s",
			 v->kind == AP_VERDICT_UNCAUGHT_ERROR
				 ? "An error that nothing caught"
				 : "A promise was rejected and nothing listened",
			 after, LABEL, "");
		paragraph(ctx, v->text, AP_STYLE_BAD, "");
	} else {
		paragraph(ctx, v->text, v->kind == AP_VERDICT_LIVE ? AP_STYLE_PLAIN : AP_STYLE_BAD,
			  after);
	}
	if (v->heap_used && v->heap_limit)
		ap_out_f(out, "%*s%s in V8's pages, the limit was %s\n", LABEL, "",
			 ap_bytes_human(v->heap_used, used), ap_bytes_human(v->heap_limit, limit));
	else if (v->heap_used)
		ap_out_f(out, "%*s%s in V8's pages\n", LABEL, "",
			 ap_bytes_human(v->heap_used, used));
	for (size_t i = 0; i < v->causes.n && i < 4; i++) {
		AP_STR_AUTO cause = {0};

		ap_str_addf(&cause, "caused by %.*s", AP_TEXT_ARG(v->causes.at[i]));
		ap_out_f(out, "%*s", LABEL, "");
		paragraph(ctx, (struct ap_text){cause.s, cause.n}, AP_STYLE_PLAIN, "");
	}
	if (v->evidence.n) {
		ap_out_f(out, "%*s", LABEL, "");
		paragraph(ctx, v->evidence, AP_STYLE_DIM, "");
	}
}

static void frame_line(struct ap_ctx *ctx, const struct ap_report_line *line)
{
	struct ap_out *out = ctx->out;
	bool user = line->at->user_code;
	struct ap_text place = line->place;

	ap_out_f(out, "%3zu ", line->frame);
	ap_out_style(out, user ? AP_STYLE_STRONG : AP_STYLE_DIM);
	ap_out_cell(out, ap_frame_title(line->at), NAME_COLUMNS, false);
	ap_out_s(out, "  ");
	/* Of a long path the end says more than the beginning. */
	size_t columns = ap_columns(place);
	if (columns > PLACE_COLUMNS) {
		size_t drop = columns - PLACE_COLUMNS + 3;
		struct ap_text head = ap_cut_columns(place, drop);

		ap_out_s(out, "...");
		place = (struct ap_text){place.s + head.n, place.n - head.n};
		ap_out_cell(out, place, PLACE_COLUMNS - 3, false);
	} else {
		ap_out_cell(out, place, PLACE_COLUMNS, false);
	}
	if (user)
		ap_out_s(out, "  your code");
	else
		ap_out_f(out, "  %zu frame%s folded", line->folded, line->folded == 1 ? "" : "s");
	ap_out_style(out, AP_STYLE_PLAIN);
	ap_out_s(out, "\n");
}

static void where(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	size_t shown = 0, left = 0;

	label(out, "WHERE");
	if (!r->has_stack) {
		ap_out_s(out, "the core holds no thread\n");
		return;
	}
	ap_out_f(out, "%s thread", ap_thread_role_name(r->stack.info.role));
	if (r->stack.info.doing.n) {
		ap_out_s(out, ", ");
		ap_out_text(out, r->stack.info.doing);
	}
	if (r->n_workers)
		ap_out_f(out, " (%zu worker%s besides)",
			 r->n_workers - (r->stack.info.role == AP_ROLE_WORKER),
			 r->n_workers - (r->stack.info.role == AP_ROLE_WORKER) == 1 ? "" : "s");
	ap_out_s(out, "\n");
	for (size_t i = 0; i < r->where.n; i++) {
		if (shown == MAX_FRAMES) {
			left += r->where.at[i].folded;
			continue;
		}
		frame_line(ctx, &r->where.at[i]);
		shown++;
		if (r->where.at[i].frame == r->first_user_frame && r->has_source) {
			AP_STR_AUTO line = {0};
			struct ap_source_part part =
				ap_source_part(r->source_line, r->source_column, PAGE - LABEL - 3);

			ap_str_adds(&line, part.cut_before ? "..." : "");
			ap_escape(&line, part.text);
			ap_out_f(out, "%*s", LABEL, "> ");
			paragraph(ctx,
				  ap_cut_columns((struct ap_text){line.s, line.n}, PAGE - LABEL),
				  AP_STYLE_PLAIN, "");
		}
	}
	if (left)
		ap_out_styled(out, AP_STYLE_DIM, "    and %zu frames below: bt\n", left);
	if (!r->where.n && r->stack.frames.n) {
		struct ap_text title = ap_frame_title(&r->stack.frames.at[0]);

		ap_out_s(out, "    no JavaScript was running; innermost ");
		ap_out_text(out, ap_cut_columns(title, 40));
		ap_out_s(out, "\n");
	}
}

/*
 * A rejection is noticed when its function is long gone from the stack: then the lines of your code
 * in the error's own stack say where.
 */
static void thrown(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_text rest = r->verdict.error_stack;
	size_t shown = 0;

	if (r->first_user_frame != SIZE_MAX)
		return;
	if (r->verdict.has_error && !r->verdict.error_name.s && !r->verdict.error_message.s) {
		label(ctx->out, "THROWN IN");
		ap_out_styled(ctx->out, AP_STYLE_DIM,
			      "unknown: it is no Error, so V8 kept no stack of it\n");
	}
	while (rest.n && shown < 4) {
		const char *nl = memchr(rest.s, '\n', rest.n);
		size_t n = nl ? (size_t)(nl - rest.s) : rest.n;
		struct ap_text line = {rest.s, n};

		rest = (struct ap_text){rest.s + n + (nl != NULL), rest.n - n - (nl != NULL)};
		if (line.n < 8 || memcmp(line.s, "    at ", 7) != 0 ||
		    memmem(line.s, line.n, "node:", 5) ||
		    memmem(line.s, line.n, "node_modules/", 13))
			continue;
		if (!shown++)
			label(ctx->out, "THROWN IN");
		else
			ap_out_f(ctx->out, "%*s", LABEL, "");
		paragraph(ctx, (struct ap_text){line.s + 7, line.n - 7}, AP_STYLE_STRONG, "");
	}
}

static void locals(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	bool secrets = ap_session_show_secrets(ctx->session);

	if (!r->locals.n || r->verdict.kind == AP_VERDICT_LIVE)
		return;
	label(out, "WITH");
	for (size_t i = 0; i < r->locals.n; i++) {
		const struct ap_variable *v = &r->locals.at[i];
		AP_STR_AUTO line = {0};

		ap_escape(&line, v->name);
		ap_str_adds(&line, " = ");
		if (!secrets && ap_mask_name(v->name)) {
			ap_str_adds(&line, "***");
		} else {
			struct ap_text preview =
				ap_value_preview(ctx->model, &v->value, ctx->arena);

			if (secrets)
				ap_str_add(&line, preview.s, preview.n);
			else
				ap_mask_preview(&line, preview);
		}
		struct ap_text all = {line.s ? line.s : "", line.n};
		struct ap_text cut = ap_cut_columns(all, PAGE - LABEL - 3);
		ap_out_f(out, "%*s", i ? LABEL : 0, "");
		ap_out_raw(out, cut);
		ap_out_s(out, cut.n < all.n ? "...\n" : "\n");
	}
}

static void memory(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	char size[AP_NUMBER_MAX];

	if (!r->memory_bytes)
		return;
	label(out, "MEMORY");
	ap_out_f(out, "%s", ap_bytes_human(r->memory_bytes, size));
	int column = LABEL + (int)strlen(size);
	bool shorter = out->height && out->height < SHORT_SCREEN;
	if (!shorter)
		ap_out_s(out, "\n");
	for (size_t i = 0; i < r->memory.n; i++) {
		const struct ap_memory_kind *kind = &r->memory.at[i];
		double share = (double)kind->bytes / (double)r->memory_bytes;
		int filled = (int)(share * BAR + 0.5);

		if (shorter) {
			const char *part = ap_printf(ctx->arena, "%s %s", kind->name,
						     ap_bytes_human(kind->bytes, size));
			int n = part ? (int)strlen(part) : 0;

			ap_out_s(out, i ? "," : ":");
			if (column + n + 3 > out->width) {
				ap_out_f(out, "\n%*s", LABEL - 1, "");
				column = LABEL - 2;
			}
			ap_out_f(out, " %s", part ? part : "");
			column += n + 2;
			continue;
		}
		ap_out_f(out, "  %-10s", kind->name);
		for (int b = 0; b < BAR; b++)
			ap_out_s(out, b < filled ? "#" : ".");
		ap_out_f(out, "  %8s  %3.0f %%\n", ap_bytes_human(kind->bytes, size), 100 * share);
	}
	if (shorter)
		ap_out_s(out, "\n");
}

/* Our own words with names of the target, wrapped behind the label. */
static void likely_cause(struct ap_ctx *ctx, const struct ap_report *r)
{
	const struct ap_told *told = &r->told;
	AP_STR_AUTO next = {0};
	char bytes[AP_NUMBER_MAX];

	if (!r->looked) {
		if (r->not_looked.n) {
			label(ctx->out, "LIKELY CAUSE");
			paragraph(ctx, r->not_looked, AP_STYLE_PLAIN, "");
		}
		return;
	}
	label(ctx->out, "LIKELY CAUSE");
	if (!told->n) {
		ap_out_s(
			ctx->out,
			"nothing in the heap stands out: no place keeps 1 MB and 5 % of it; see classes, dominators\n");
		return;
	}
	const struct ap_told_suspect *first = &told->at[0];
	AP_STR_AUTO after = {0};
	ap_str_addf(&after, " (%s)", ap_certainty_name(first->certainty));
	paragraph(ctx, first->sentence, AP_STYLE_STRONG, after.s ? after.s : "");
	if (first->origin.n) {
		AP_STR_AUTO made = {0};

		ap_str_addf(&made, "entries: made with %.*s at %.*s",
			    AP_TEXT_ARG(first->s.entry_origin.function),
			    AP_TEXT_ARG(first->origin));
		ap_out_f(ctx->out, "%*s", LABEL, "");
		paragraph(ctx, (struct ap_text){made.s ? made.s : "", made.n}, AP_STYLE_PLAIN, "");
	}
	if (first->removal.n) {
		ap_out_f(ctx->out, "%*s", LABEL, "");
		paragraph(ctx, first->removal, AP_STYLE_PLAIN, "");
	}
	for (size_t i = 1; i < told->n && i < 3; i++) {
		const struct ap_suspect *s = &told->at[i].s;

		ap_str_addf(&next, "%s%.*s%.*s %s", i > 1 ? ", " : "next: ",
			    AP_TEXT_ARG(s->variable.s ? s->variable : s->entry_class),
			    AP_TEXT_ARG(s->path), ap_bytes_human(s->retained_bytes, bytes));
	}
	if (next.n) {
		ap_out_f(ctx->out, "%*s", LABEL, "");
		paragraph(ctx, (struct ap_text){next.s, next.n}, AP_STYLE_PLAIN, "");
	}
	for (size_t i = 0; i < told->n_patterns && i < 2; i++) {
		ap_out_f(ctx->out, "%*s", LABEL, "");
		paragraph(ctx, told->patterns[i].sentence, AP_STYLE_PLAIN, "");
	}
}

static void also(struct ap_ctx *ctx, const struct ap_report *r)
{
	if (!r->also.n)
		return;
	label(ctx->out, "ALSO");
	paragraph(ctx, r->also, AP_STYLE_PLAIN, "");
}

static void trust(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	const struct ap_gaps *gaps = &ctx->model->gaps;
	char is[AP_NUMBER_MAX], should[AP_NUMBER_MAX];
	bool exact = ap_text_is(r->info.layout, "exact");

	label(out, "TRUST");
	if (r->info.truncated)
		ap_out_f(out, "the core is cut off: %s of %s are there\n%*s",
			 ap_bytes_human(r->info.core_bytes, is),
			 ap_bytes_human(r->info.core_expected_bytes, should), LABEL, "");
	if (!exact && r->info.layout.n) {
		ap_out_s(out, "V8's layout: ");
		ap_out_text(out, r->info.layout);
		ap_out_f(out, "\n%*s", LABEL, "");
	}
	for (size_t i = 0; r->info.container && i < r->info.warnings.n; i++) {
		ap_out_text(out, r->info.warnings.at[i]);
		ap_out_f(out, "\n%*s", LABEL, "");
	}
	if (gaps->absent || gaps->bad)
		ap_out_f(out, "%" PRIu64 " reads failed while making this page\n",
			 gaps->absent + gaps->bad);
	else
		ap_out_s(out, "everything this page needed could be read\n");
}

static void next(struct ap_ctx *ctx, const struct ap_report *r)
{
	struct ap_out *out = ctx->out;
	char line[64], why[64];
	const char *rows[3][2] = {{NULL, NULL}};
	size_t n = 0;

	if (r->looked && r->told.n) {
		snprintf(why, sizeof(why), "why %s",
			 ap_node_id_text(ctx, r->told.study->graph, r->told.at[0].s.owner));
		rows[n][0] = why;
		rows[n++][1] = "the paths that keep it alive";
		rows[n][0] = "report --html F";
		rows[n++][1] = "one page for the ticket, secrets masked";
	} else if (r->not_looked.n) {
		rows[n][0] = "suspects";
		rows[n++][1] = "what keeps most memory alive";
	}
	if (r->verdict.has_error) {
		rows[n][0] = "print error";
		rows[n++][1] = "the value that was thrown, whole";
	}
	if (n < 3 && r->first_user_frame != SIZE_MAX && (!r->info.container || r->locals.n)) {
		snprintf(line, sizeof(line), "frame %zu; locals", r->first_user_frame);
		rows[n][0] = line;
		rows[n++][1] = "the variables of your innermost function";
	}
	if (n < 3) {
		rows[n][0] = "bt";
		rows[n++][1] = r->info.container ? "the whole stack"
						 : "the whole stack, native frames too";
	}
	if (n < 3) {
		rows[n][0] = r->verdict.kind == AP_VERDICT_SIGNAL ? "registers" : "threads";
		rows[n][1] = r->verdict.kind == AP_VERDICT_SIGNAL ? "of the thread that died"
								  : "what every thread was doing";
		n++;
	}
	label(out, "NEXT");
	for (size_t i = 0; i < n; i++) {
		ap_out_f(out, "%*s", i ? LABEL : 0, "");
		ap_out_styled(out, AP_STYLE_STRONG, "%-20s", rows[i][0]);
		ap_out_f(out, "  %s\n", rows[i][1]);
	}
}

void ap_report_text(struct ap_ctx *ctx, const void *p)
{
	const struct ap_report *r = p;

	if (r->html) {
		ap_out_s(ctx->out, "written: ");
		ap_out_text(ctx->out, ap_text_of(r->html));
		ap_out_s(ctx->out, "\n");
		return;
	}
	who(ctx, r);
	what(ctx, r);
	where(ctx, r);
	thrown(ctx, r);
	locals(ctx, r);
	memory(ctx, r);
	likely_cause(ctx, r);
	also(ctx, r);
	trust(ctx, r);
	next(ctx, r);
}
