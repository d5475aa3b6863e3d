/*
 * report --html F: one page for a ticket. What the first screen says, and all suspects with their
 * paths, classes by what they keep, the stack with values, what the program waited for.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mask.h"
#include "base/number.h"
#include "cmd/report.h"
#include "cmd/source.h"
#include "cmd/values.h"
#include "os/outfile.h"
#include "out/html.h"

enum { MAX_CLASSES = 40, MAX_FRAMES = 200, SOURCE_COLUMNS = 200 };

struct page {
	struct ap_ctx *ctx;
	const struct ap_report *r;
	struct ap_str html;
	bool secrets; /* shown as they are */
};

static void mask(void *arg, struct ap_str *out, struct ap_text text)
{
	const struct page *p = arg;

	if (p->secrets)
		ap_str_add(out, text.s, text.n);
	else
		ap_mask_preview(out, text);
}

/* Text of the target in an element, masked. */
static void element(struct page *p, const char *tag, const char *class, struct ap_text text)
{
	AP_STR_AUTO masked = {0};

	mask(p, &masked, text);
	ap_html_element(&p->html, tag, class, (struct ap_text){masked.s ? masked.s : "", masked.n});
}

static void pre(struct page *p, struct ap_text text)
{
	AP_STR_AUTO masked = {0};

	mask(p, &masked, text);
	ap_html_pre(&p->html, "text", (struct ap_text){masked.s ? masked.s : "", masked.n});
}

static void fact(struct page *p, const char *name, struct ap_text text)
{
	if (!text.n)
		return;
	ap_html_element(&p->html, "dt", "name", ap_text_of(name));
	element(p, "dd", "value", text);
}

static void who(struct page *p)
{
	const struct ap_info *i = &p->r->info;
	const char *text;

	ap_html_element(&p->html, "h1", "title", p->r->title);
	ap_str_adds(&p->html, "<dl>");
	if (p->r->has_model) {
		text = ap_printf(p->ctx->arena, "%d", (int)i->pid);
		fact(p, "node", i->node_version);
		fact(p, "process", ap_text_of(text));
		fact(p, "command", p->r->command_line);
		fact(p, "up", i->uptime.value);
		fact(p, "died", i->died ? i->died_at.value : (struct ap_text){0});
		fact(p, "host", i->hostname.value);
		fact(p, "directory", i->cwd.value);
		fact(p, "V8", i->v8_version);
	}
	ap_str_adds(&p->html, "</dl>\n");
}

static void what(struct page *p)
{
	const struct ap_verdict *v = &p->r->verdict;
	char used[AP_NUMBER_MAX], limit[AP_NUMBER_MAX];

	ap_html_section_begin(&p->html, "What happened");
	element(p, "p", "bad", v->text);
	ap_str_addf(&p->html, "<p class=\"dim\">%s", ap_certainty_name(v->certainty));
	if (v->evidence.n) {
		ap_str_adds(&p->html, ": ");
		ap_html_text(&p->html, v->evidence);
	}
	ap_str_adds(&p->html, "</p>\n");
	if (v->heap_used && v->heap_limit)
		ap_str_addf(&p->html, "<p>%s in V8's pages, the limit was %s</p>\n",
			    ap_bytes_human(v->heap_used, used),
			    ap_bytes_human(v->heap_limit, limit));
	for (size_t i = 0; i < v->causes.n; i++) {
		AP_STR_AUTO cause = {0};

		ap_str_addf(&cause, "caused by %.*s", AP_TEXT_ARG(v->causes.at[i]));
		element(p, "p", "cause", (struct ap_text){cause.s ? cause.s : "", cause.n});
	}
	if (v->error_stack.n)
		pre(p, v->error_stack);
	ap_html_section_end(&p->html);
}

static void where(struct page *p)
{
	const struct ap_report *r = p->r;
	size_t shown = 0;

	if (!r->has_stack)
		return;
	ap_html_section_begin(&p->html, "Where");
	ap_str_addf(&p->html, "<p>%s thread", ap_thread_role_name(r->stack.info.role));
	if (r->stack.info.doing.n) {
		ap_str_adds(&p->html, ", ");
		ap_html_text(&p->html, r->stack.info.doing);
	}
	ap_str_adds(&p->html, "</p>\n<div class=\"wide\"><table>\n");
	for (size_t i = 0; i < r->where.n && shown < MAX_FRAMES; i++, shown++) {
		const struct ap_report_line *line = &r->where.at[i];
		bool own = line->at->user_code;

		ap_str_addf(&p->html, "<tr class=\"%s\"><td class=\"n\">%zu</td>",
			    own ? "own" : "dim", line->frame);
		ap_html_element(&p->html, "td", "c", ap_frame_title(line->at));
		element(p, "td", "c", line->place);
		if (own)
			ap_str_adds(&p->html, "<td>your code</td></tr>\n");
		else
			ap_str_addf(&p->html, "<td>%zu folded</td></tr>\n", line->folded);
	}
	ap_str_adds(&p->html, "</table></div>\n");
	if (r->has_source) {
		struct ap_source_part part =
			ap_source_part(r->source_line, r->source_column, SOURCE_COLUMNS);
		AP_STR_AUTO line = {0};

		ap_str_adds(&line, part.cut_before ? "..." : "");
		ap_str_add(&line, part.text.s, part.text.n);
		ap_str_adds(&line, part.cut_behind ? "..." : "");
		pre(p, (struct ap_text){line.s, line.n});
	}
	ap_html_section_end(&p->html);
}

static void values(struct page *p)
{
	const struct ap_report *r = p->r;

	if (!r->locals.n)
		return;
	ap_html_section_begin(&p->html, "With these values");
	ap_str_adds(&p->html, "<dl>");
	for (size_t i = 0; i < r->locals.n; i++) {
		const struct ap_variable *v = &r->locals.at[i];

		ap_html_element(&p->html, "dt", "c", v->name);
		if (!p->secrets && ap_mask_name(v->name))
			ap_html_element(&p->html, "dd", "c", AP_TEXT("***"));
		else
			element(p, "dd", "c",
				ap_value_preview(p->ctx->model, &v->value, p->ctx->arena));
	}
	ap_str_adds(&p->html, "</dl>\n");
	ap_html_section_end(&p->html);
}

static void memory(struct page *p)
{
	const struct ap_report *r = p->r;
	char size[AP_NUMBER_MAX];

	if (!r->memory_bytes)
		return;
	ap_html_section_begin(&p->html, "Memory");
	ap_str_addf(&p->html, "<p>%s in the core</p>\n", ap_bytes_human(r->memory_bytes, size));
	for (size_t i = 0; i < r->memory.n; i++) {
		double share = (double)r->memory.at[i].bytes / (double)r->memory_bytes;
		char value[64];

		snprintf(value, sizeof(value), "%s, %.0f %%",
			 ap_bytes_human(r->memory.at[i].bytes, size), 100 * share);
		ap_html_bar(&p->html, r->memory.at[i].name, share, value);
	}
	ap_html_section_end(&p->html);
}

static void path(struct page *p, const struct ap_shown_path *shown)
{
	ap_str_adds(
		&p->html,
		"<details open><summary>the path that keeps it alive</summary><ol class=\"path\">\n");
	for (size_t i = 0; i < shown->steps.n; i++) {
		const struct ap_shown_step *s = &shown->steps.at[i];
		AP_STR_AUTO line = {0};

		ap_str_addf(&line, "%.*s  %.*s", AP_TEXT_ARG(s->how), AP_TEXT_ARG(s->what));
		if (s->repeats)
			ap_str_addf(&line, "  (and %u more like it)", s->repeats);
		element(p, "li", "step", (struct ap_text){line.s ? line.s : "", line.n});
	}
	ap_str_adds(&p->html, "</ol></details>\n");
}

static void suspects(struct page *p)
{
	const struct ap_told *told = &p->r->told;
	char bytes[AP_NUMBER_MAX];

	ap_html_section_begin(&p->html, "What keeps memory alive");
	if (!p->r->looked) {
		element(p, "p", "dim", p->r->not_looked);
		ap_html_section_end(&p->html);
		return;
	}
	ap_str_addf(&p->html, "<p>%s in %u objects</p>\n", ap_bytes_human(told->heap_bytes, bytes),
		    told->study->graph->n_nodes);
	if (!told->n)
		ap_str_adds(&p->html,
			    "<p>Nothing stands out: no place keeps 1 MB and 5 % of it.</p>\n");
	ap_str_adds(&p->html, "<ol class=\"suspects\">\n");
	for (size_t i = 0; i < told->n; i++) {
		const struct ap_told_suspect *one = &told->at[i];
		char value[64];

		ap_str_adds(&p->html, "<li>");
		element(p, "span", "own", one->sentence);
		ap_str_addf(&p->html, " <span class=\"dim\">(%s)</span>",
			    ap_certainty_name(one->certainty));
		snprintf(value, sizeof(value), "%s, %.0f %%",
			 ap_bytes_human(one->s.retained_bytes, bytes), one->s.percent);
		ap_html_bar(&p->html, "of the heap", one->s.percent / 100, value);
		if (one->origin.n) {
			AP_STR_AUTO made = {0};

			ap_str_addf(&made, "made with %.*s at %.*s",
				    AP_TEXT_ARG(one->s.entry_origin.function.n
							? one->s.entry_origin.function
							: AP_TEXT("a function")),
				    AP_TEXT_ARG(one->origin));
			element(p, "p", "dim", (struct ap_text){made.s ? made.s : "", made.n});
		}
		if (one->removal.n)
			element(p, "p", "dim", one->removal);
		path(p, &one->shown);
		ap_str_adds(&p->html, "</li>\n");
	}
	ap_str_adds(&p->html, "</ol>\n");
	for (size_t i = 0; i < told->n_patterns; i++)
		element(p, "p", "pattern", told->patterns[i].sentence);
	if (told->duplicate_bytes * 20 > told->heap_bytes)
		ap_str_addf(&p->html, "<p>%s are strings of the same text, again and again</p>\n",
			    ap_bytes_human(told->duplicate_bytes, bytes));
	ap_html_section_end(&p->html);
}

struct class_row {
	struct ap_text name;
	uint64_t count, self, retained;
	double percent;
};

static const struct ap_field class_fields[] = {
	AP_FIELD(struct class_row, name, NULL, "constructor", TEXT, ""),
	AP_FIELD(struct class_row, count, NULL, "objects", COUNT, ""),
	AP_FIELD(struct class_row, self, NULL, "their own", BYTES, ""),
	AP_FIELD(struct class_row, retained, NULL, "kept alive", BYTES, ""),
	AP_FIELD(struct class_row, percent, NULL, "of the heap", PERCENT, ""),
};

static const struct ap_table class_table = {
	.fields = class_fields,
	.n_fields = sizeof(class_fields) / sizeof(class_fields[0]),
	.row_bytes = sizeof(struct class_row),
};

static int by_retained(const void *pa, const void *pb)
{
	const struct class_row *a = pa, *b = pb;

	if (a->retained != b->retained)
		return a->retained > b->retained ? -1 : 1;
	return (a->self < b->self) - (a->self > b->self);
}

static struct ap_err *classes(struct page *p)
{
	struct ap_study *study = p->r->told.study;
	struct class_row *rows;
	uint64_t heap;

	if (!p->r->looked)
		return NULL;
	AP_TRY(ap_study_classes(study));
	heap = study->dominators.retained[0];
	rows = ap_alloc_array(p->ctx->arena, study->n_classes + 1, sizeof(*rows));
	if (!rows)
		return &ap_err_nomem;
	size_t n = 0;
	for (uint32_t i = 0; i < study->n_classes; i++) {
		const struct ap_class *c = &study->classes[i];

		/* The roots keep everything. */
		if (c->type == AP_NODE_SYNTHETIC)
			continue;
		rows[n++] = (struct class_row){
			c->name, c->count, c->self_bytes, c->retained_bytes,
			heap ? 100.0 * (double)c->retained_bytes / (double)heap : 0};
	}
	qsort(rows, n, sizeof(*rows), by_retained);
	ap_html_section_begin(&p->html, "Constructors by what they keep alive");
	ap_html_table(&p->html, &class_table, rows, n < MAX_CLASSES ? n : MAX_CLASSES, mask, p);
	ap_html_section_end(&p->html);
	return NULL;
}

static void also(struct page *p)
{
	if (!p->r->also.n)
		return;
	ap_html_section_begin(&p->html, "Also");
	element(p, "p", "also", p->r->also);
	ap_html_section_end(&p->html);
}

static void trust(struct page *p)
{
	const struct ap_report *r = p->r;
	char is[AP_NUMBER_MAX], should[AP_NUMBER_MAX];

	ap_html_section_begin(&p->html, "May this be believed");
	if (r->has_model) {
		const struct ap_gaps *gaps = &p->ctx->model->gaps;

		if (r->info.truncated)
			ap_str_addf(
				&p->html,
				"<p class=\"bad\">the core is cut off: %s of %s are there</p>\n",
				ap_bytes_human(r->info.core_bytes, is),
				ap_bytes_human(r->info.core_expected_bytes, should));
		if (r->info.layout.n) {
			ap_str_adds(&p->html, "<p>V8's layout: ");
			ap_html_text(&p->html, r->info.layout);
			ap_str_adds(&p->html, "</p>\n");
		}
		for (size_t i = 0; i < r->info.warnings.n; i++)
			element(p, "p", "warning", r->info.warnings.at[i]);
		if (gaps->absent || gaps->bad)
			ap_str_addf(&p->html,
				    "<p>%" PRIu64 " reads failed while making this page</p>\n",
				    gaps->absent + gaps->bad);
		else
			ap_str_adds(&p->html, "<p>everything this page needed could be read</p>\n");
	}
	ap_str_addf(
		&p->html, "<p>%s</p>\n",
		p->secrets
			? "Secrets are shown as they are: --show-secrets was given."
			: "What looks like a password, token, cookie, key or card number is masked: ***. "
			  "Look before you pass it on: a program may keep secrets under harmless names.");
	ap_html_section_end(&p->html);
}

struct ap_err *ap_report_html(struct ap_ctx *ctx, const struct ap_report *r, const char *path_name,
			      bool replace)
{
	struct page p = {.ctx = ctx, .r = r, .secrets = ap_session_show_secrets(ctx->session)};
	AP_OUTFILE_AUTO file = {0};
	struct ap_err *err;

	AP_TRY(ap_outfile_open(path_name, replace, &file));
	ap_html_page_begin(&p.html, r->title);
	who(&p);
	if (r->has_model) {
		what(&p);
		where(&p);
		values(&p);
		memory(&p);
	}
	suspects(&p);
	err = classes(&p);
	also(&p);
	trust(&p);
	ap_html_page_end(&p.html, "made by autopsy " AP_VERSION);
	if (!err && p.html.failed)
		err = &ap_err_nomem;
	if (!err)
		err = ap_write_all(file.fd, p.html.s, p.html.n);
	ap_str_close(&p.html);
	return err ? err : ap_outfile_commit(&file, replace, false);
}
