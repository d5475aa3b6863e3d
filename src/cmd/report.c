/*
 * report: the first screen. Who died, of what, where in your code, how much memory, what could not
 * be read, and what to type next.
 *
 * It goes to tickets and chats: no addresses but the faulting one, secrets masked, 80 columns.
 */
#include "cmd/report.h"

#include "base/mask.h"
#include "cmd/commands.h"
#include "cmd/process.h"
#include "cmd/source.h"
#include "cmd/values.h"

enum { OPT_HTML, OPT_FORCE, OPT_QUICK };

enum { MAX_LOCALS = 8, MAX_PAGE_LOCALS = 24, FAR_COLUMN = 400 };

static const struct ap_option options[] = {
	[OPT_HTML] = {0, "html", AP_OPTION_TEXT, AP_IN_PLAIN, "FILE",
		      "write one page for a ticket"},
	[OPT_FORCE] = {'f', "force", AP_OPTION_FLAG, AP_IN_PLAIN, NULL,
		       "replace a file of that name"},
	[OPT_QUICK] = {'q', "quick", AP_OPTION_FLAG, AP_IN_PLAIN, NULL,
		       "only what takes a second at most"},
	{0},
};

static struct ap_text without_prefix(struct ap_text text, struct ap_text prefix)
{
	if (prefix.n && text.n > prefix.n + 1 && memcmp(text.s, prefix.s, prefix.n) == 0 &&
	    text.s[prefix.n] == '/')
		return (struct ap_text){text.s + prefix.n + 1, text.n - prefix.n - 1};
	return text;
}

/* The library that a script belongs to: node_modules/NAME or node_modules/@SCOPE/NAME; "node" else.
 */
static struct ap_text library_of(struct ap_text script)
{
	static const char dir[] = "node_modules/";
	const char *found = NULL;

	for (const char *p = script.s; p;) {
		p = memmem(p, script.n - (size_t)(p - script.s), dir, sizeof(dir) - 1);
		if (p) {
			found = p;
			p += sizeof(dir) - 1;
		}
	}
	if (!found)
		return AP_TEXT("node");
	size_t left = script.n - (size_t)(found - script.s), n = sizeof(dir) - 1;
	int parts = n < left && found[n] == '@' ? 2 : 1;
	for (; n < left; n++) {
		if (found[n] == '/' && --parts == 0)
			break;
	}
	return (struct ap_text){found, n};
}

static struct ap_err *user_place(struct ap_ctx *ctx, const struct ap_report *r,
				 const struct ap_frame *f, struct ap_text *ret)
{
	struct ap_text script = f->script;
	char *text;

	if (script.n > 7 && memcmp(script.s, "file://", 7) == 0)
		script = (struct ap_text){script.s + 7, script.n - 7};
	script = without_prefix(script, r->info.cwd.value);
	/* Far to the right in minified code the line alone says nothing. */
	text = f->column > FAR_COLUMN ? ap_printf(ctx->arena, "%.*s:%d:%d", AP_TEXT_ARG(script),
						  f->line, f->column)
	       : f->line ? ap_printf(ctx->arena, "%.*s:%d", AP_TEXT_ARG(script), f->line)
			 : ap_strndup(ctx->arena, script.s ? script.s : "", script.n);
	*ret = ap_text_of(text);
	return text ? NULL : &ap_err_nomem;
}

static struct ap_err *fold(struct ap_ctx *ctx, struct ap_report *r)
{
	for (size_t i = 0; i < r->stack.frames.n; i++) {
		const struct ap_frame *f = &r->stack.frames.at[i];
		struct ap_report_line line = {.frame = i, .folded = 1, .at = f};

		if (f->kind != AP_FRAME_JS && f->kind != AP_FRAME_ASYNC)
			continue;
		if (f->user_code) {
			if (r->first_user_frame == SIZE_MAX)
				r->first_user_frame = i;
			AP_TRY(user_place(ctx, r, f, &line.place));
		} else {
			struct ap_report_line *last =
				r->where.n ? &r->where.at[r->where.n - 1] : NULL;

			line.place = library_of(f->script);
			if (last && !last->at->user_code && ap_text_eq(last->place, line.place)) {
				last->folded++;
				continue;
			}
		}
		if (!ap_vec_push(ctx->arena, &r->where, line))
			return &ap_err_nomem;
	}
	return NULL;
}

static bool add_local(struct ap_ctx *ctx, struct ap_report *r, const struct ap_variable *v)
{
	/* Interpreter registers without a variable's name. */
	bool temporary =
		v->name.n > 1 && v->name.s[0] == 'r' && v->name.s[1] >= '0' && v->name.s[1] <= '9';

	size_t room = ctx->args.given[OPT_HTML] ? MAX_PAGE_LOCALS : MAX_LOCALS;

	if (temporary || r->locals.n == room || v->value.type == AP_T_OPTIMISED_OUT ||
	    v->value.type == AP_T_UNREADABLE || v->value.type == AP_T_HOLE)
		return true;
	for (size_t i = 0; i < r->locals.n; i++) {
		if (ap_text_eq(r->locals.at[i].name, v->name))
			return true;
	}
	return ap_vec_push(ctx->arena, &r->locals, *v);
}

/* What stands in the variables of the user's innermost frame, and its line of source. */
static struct ap_err *look_into_frame(struct ap_ctx *ctx, struct ap_report *r)
{
	const struct ap_frame *f = &r->stack.frames.at[r->first_user_frame];
	struct ap_source source;
	ap_scope_vec scopes = {0};

	for (size_t i = 0; i < f->arguments.n; i++) {
		if (!add_local(ctx, r, &f->arguments.at[i]))
			return &ap_err_nomem;
	}
	if (!f->callee.has_ref)
		return NULL;
	AP_ERR_AUTO no_scopes =
		ctx->model->ops->scopes(ctx->model, f->callee.ref, f, ctx->arena, &scopes);
	for (size_t i = 0; !no_scopes && i < scopes.n; i++) {
		enum ap_scope_kind kind = scopes.at[i].kind;

		if (kind != AP_SCOPE_LOCAL && kind != AP_SCOPE_BLOCK && kind != AP_SCOPE_CATCH)
			break;
		for (size_t k = 0; k < scopes.at[i].variables.n; k++) {
			if (!add_local(ctx, r, &scopes.at[i].variables.at[k]))
				return &ap_err_nomem;
		}
	}
	AP_ERR_AUTO no_source =
		ctx->model->ops->source(ctx->model, f->callee.ref, f, ctx->arena, &source);
	if (!no_source && source.line) {
		struct ap_text line = ap_source_line(&source, source.line);
		int indent = 0;

		for (; line.n && (*line.s == ' ' || *line.s == '\t'); line.s++, line.n--)
			indent++;
		r->has_source = line.n > 0;
		r->source_line = line;
		r->source_column = source.column > indent ? source.column - indent : 0;
	}
	return NULL;
}

static struct ap_err *stack(struct ap_ctx *ctx, struct ap_report *r)
{
	ap_thread_vec threads = {0};

	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	for (size_t i = 0; i < threads.n; i++) {
		r->n_workers += threads.at[i].role == AP_ROLE_WORKER;
		r->n_js_threads += threads.at[i].role != AP_ROLE_NATIVE;
	}
	if (!threads.n)
		return NULL;
	AP_TRY(ap_stack_of(ctx, ap_representative_thread(&threads), true, &r->stack));
	r->has_stack = true;
	AP_TRY(fold(ctx, r));
	return r->first_user_frame == SIZE_MAX ? NULL : look_into_frame(ctx, r);
}

/* Of a core or crash file: all but the graph's part. */
static struct ap_err *look_at_model(struct ap_ctx *ctx, struct ap_report *r)
{
	r->has_model = true;
	AP_TRY(ctx->model->ops->info(ctx->model, ctx->arena, &r->info));
	AP_TRY(ctx->model->ops->verdict(ctx->model, ctx->arena, &r->verdict));
	AP_TRY(ap_masked_command_line(ctx, &r->info, &r->command_line));
	AP_TRY(stack(ctx, r));
	for (size_t i = 0; i < r->info.memory.n; i++) {
		r->memory_bytes += r->info.memory.at[i].bytes;
		if (!ap_vec_push(ctx->arena, &r->memory, r->info.memory.at[i]))
			return &ap_err_nomem;
	}
	return NULL;
}

/* What the page is called in a browser's tab: the script that ran, and the process. */
static struct ap_err *title(struct ap_ctx *ctx, struct ap_report *r)
{
	struct ap_text name = r->info.title.value;
	char *text;

	for (size_t i = 1; !name.n && i < r->info.argv.n; i++)
		name = ap_base_name(r->info.argv.at[i]);
	if (!name.n)
		name = AP_TEXT("node");
	text = r->has_model ? ap_printf(ctx->arena, "%.*s, process %d", AP_TEXT_ARG(name),
					(int)r->info.pid)
			    : ap_strdup(ctx->arena, "heap snapshot");
	r->title = ap_text_of(text);
	return text ? NULL : &ap_err_nomem;
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_report *r = ap_alloc(ctx->arena, sizeof(*r));
	const char *html = ctx->args.given[OPT_HTML] ? ctx->args.text[OPT_HTML] : NULL;

	if (!r)
		return &ap_err_nomem;
	r->first_user_frame = SIZE_MAX;
	if (!ctx->model && !html)
		return ap_err_hint(
			ap_err_new(
				AP_E_UNSUPPORTED,
				"a heap snapshot tells of no death: its first screen is `suspects`"),
			"report --html FILE makes a page of it");
	if (ctx->model)
		AP_TRY(look_at_model(ctx, r));
	AP_TRY(ap_report_cause(ctx, r,
			       html                         ? AP_REPORT_ALL
			       : ctx->args.given[OPT_QUICK] ? AP_REPORT_QUICK
							    : AP_REPORT_FULL));
	AP_TRY(ap_report_also(ctx, r));
	if (html) {
		AP_TRY(title(ctx, r));
		AP_TRY(ap_report_html(ctx, r, html, ctx->args.given[OPT_FORCE]));
		r->html = html;
	}
	*ret_data = r;
	return NULL;
}

static struct ap_text masked(struct ap_ctx *ctx, struct ap_text text)
{
	AP_STR_AUTO str = {0};

	if (!text.s || ap_session_show_secrets(ctx->session))
		return text;
	ap_mask_value(&str, (struct ap_text){0}, text);
	return ap_str_text(&str, ctx->arena);
}

static void json_verdict(struct ap_ctx *ctx, struct ap_json *j, const struct ap_verdict *v)
{
	ap_json_object(j, "verdict");
	ap_json_cstr(j, "kind", ap_verdict_kind_name(v->kind));
	ap_json_cstr(j, "certainty", ap_certainty_name(v->certainty));
	ap_json_text(j, "text", masked(ctx, v->text));
	ap_json_text(j, "evidence", v->evidence.n ? v->evidence : (struct ap_text){0});
	if (v->has_error)
		ap_json_value(ctx, j, "error", &v->error);
	else
		ap_json_null(j, "error");
	ap_json_text(j, "error_name", v->error_name);
	ap_json_text(j, "error_message", masked(ctx, v->error_message));
	ap_json_text(j, "error_stack", masked(ctx, v->error_stack));
	ap_json_array(j, "causes");
	for (size_t i = 0; i < v->causes.n; i++)
		ap_json_text(j, NULL, masked(ctx, v->causes.at[i]));
	ap_json_end_array(j);
	if (v->heap_used)
		ap_json_uint(j, "heap_used", v->heap_used);
	else
		ap_json_null(j, "heap_used");
	if (v->heap_limit)
		ap_json_uint(j, "heap_limit", v->heap_limit);
	else
		ap_json_null(j, "heap_limit");
	ap_json_end_object(j);
}

static void json_stack(struct ap_json *j, const struct ap_report *r)
{
	ap_json_object(j, "stack");
	if (r->has_stack) {
		ap_json_int(j, "tid", r->stack.info.tid);
		ap_json_cstr(j, "role", ap_thread_role_name(r->stack.info.role));
		ap_json_text(j, "doing", r->stack.info.doing);
	} else {
		ap_json_null(j, "tid");
		ap_json_null(j, "role");
		ap_json_null(j, "doing");
	}
	ap_json_array(j, "frames");
	for (size_t i = 0; i < r->where.n; i++) {
		const struct ap_report_line *line = &r->where.at[i];
		const struct ap_frame *f = line->at;

		ap_json_object(j, NULL);
		ap_json_uint(j, "frame", line->frame);
		ap_json_cstr(j, "kind", ap_frame_kind_name(f->kind));
		ap_json_text(j, "function", f->function);
		ap_json_text(j, "script", f->script);
		ap_json_position(j, "line", f->line);
		ap_json_position(j, "column", f->column);
		ap_json_bool(j, "user_code", f->user_code);
		ap_json_text(j, "library", f->user_code ? (struct ap_text){0} : line->place);
		ap_json_uint(j, "folded", line->folded);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void json_memory(struct ap_json *j, const struct ap_report *r)
{
	ap_json_object(j, "memory");
	ap_json_uint(j, "bytes", r->memory_bytes);
	ap_json_array(j, "kinds");
	for (size_t i = 0; i < r->memory.n; i++) {
		const struct ap_memory_kind *kind = &r->memory.at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "name", kind->name);
		ap_json_uint(j, "bytes", kind->bytes);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void json_also(struct ap_json *j, const struct ap_report *r)
{
	const struct ap_activity_counts *n = &r->counts;
	const struct {
		const char *key;
		uint64_t count;
	} counts[] = {
		{"servers", n->servers},       {"sockets", n->sockets},   {"children", n->children},
		{"watchers", n->watchers},     {"requests", n->requests}, {"timers", n->timers},
		{"immediates", n->immediates},
	};

	ap_json_object(j, "also");
	ap_json_uint(j, "workers", r->n_workers);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (r->has_counts)
			ap_json_uint(j, counts[i].key, counts[i].count);
		else
			ap_json_null(j, counts[i].key);
	}
	ap_json_text(j, "text", r->also.n ? r->also : (struct ap_text){0});
	ap_json_end_object(j);
}

static void json_suspects(struct ap_json *j, const struct ap_report *r)
{
	if (r->looked) {
		ap_json_told(j, &r->told);
	} else {
		ap_json_array(j, "suspects");
		ap_json_end_array(j);
		ap_json_array(j, "patterns");
		ap_json_end_array(j);
		ap_json_null(j, "duplicate_string_bytes");
		ap_json_null(j, "outside_bytes");
	}
	ap_json_bool(j, "suspects_looked_for", r->looked);
}

static void json_trust(struct ap_json *j, const struct ap_report *r)
{
	ap_json_object(j, "trust");
	ap_json_uint(j, "core_bytes", r->info.core_bytes);
	ap_json_uint(j, "core_expected_bytes", r->info.core_expected_bytes);
	if (r->info.minicore_of)
		ap_json_uint(j, "minicore_of_bytes", r->info.minicore_of);
	else
		ap_json_null(j, "minicore_of_bytes");
	ap_json_bool(j, "truncated", r->info.truncated);
	ap_json_text(j, "layout", r->info.layout);
	ap_json_array(j, "warnings");
	for (size_t i = 0; i < r->info.warnings.n; i++)
		ap_json_text(j, NULL, r->info.warnings.at[i]);
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct ap_report *r = p;

	ap_json_object(j, "data");
	if (r->has_model) {
		json_verdict(ctx, j, &r->verdict);
		ap_json_process(ctx, j, "process", &r->info, r->command_line);
		json_stack(j, r);
		json_memory(j, r);
	}
	json_suspects(j, r);
	if (r->has_model) {
		json_also(j, r);
		json_trust(j, r);
	}
	ap_json_cstr(j, "html", r->html);
	ap_json_end_object(j);
}

const struct ap_cmd ap_cmd_report = {
	.names = {[AP_PLAIN] = "report|summary"},
	.group = AP_GROUP_DIED,
	.summary = "the first screen: who died, of what, where",
	.synopsis = {[AP_PLAIN] = "[-q] [--html FILE [-f]]"},
	.help = "Every statement carries how sure it is: certain, likely or a guess. Frames of libraries are "
		"folded; their numbers are those of `bt`. What looks secret is masked. If memory ran out, or the "
		"process still lived, it looks for what keeps most memory alive, which takes seconds for each GB "
		"of heap; with -q only if that takes less than one.\n"
		"--html writes one page for a ticket that needs nothing else: suspects with their paths, "
		"constructors by what they keep, stack, values. It runs no script and loads nothing.",
	.options = options,
	.example = "report",
	.needs_model = true,
	.snapshot_too = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = ap_report_text},
};
