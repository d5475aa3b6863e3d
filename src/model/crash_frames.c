/* Threads, frames, scopes and sources of a crash file. */
#include <stdlib.h>

#include "model/crash_private.h"

enum { MAX_FRAMES = 1000, MAX_LEVELS = 256 };

static bool starts_with(struct ap_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.s, prefix, n) == 0;
}

static int one_based(int64_t zero_based)
{
	return zero_based >= 0 && zero_based < INT32_MAX - 1 ? (int)zero_based + 1 : 0;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

/* The protocol makes URLs of CommonJS paths; V8 itself, and so a core, knows the path. */
static struct ap_text path_of_url(struct ap_text url, struct ap_arena *arena)
{
	AP_STR_AUTO path = {0};

	for (size_t i = 7; i < url.n; i++) {
		int high = url.s[i] == '%' && i + 2 < url.n ? hex(url.s[i + 1]) : -1;
		int low = high >= 0 ? hex(url.s[i + 2]) : -1;

		if (low >= 0) {
			ap_str_addc(&path, (char)(high << 4 | low));
			i += 2;
		} else {
			ap_str_addc(&path, url.s[i]);
		}
	}
	return ap_str_text(&path, arena);
}

static uint32_t script_of(const struct ap_crash *crash, struct ap_text id)
{
	return id.s ? ap_jget_text(&crash->doc, ap_jget(&crash->doc, crash->root, "Scripts"), id)
		    : 0;
}

struct ap_text ap_crash_script_name(const struct ap_crash *crash, struct ap_text script_id,
				    struct ap_text url, struct ap_arena *arena)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t params = ap_jget(doc, script_of(crash, script_id), "params");
	struct ap_text known = ap_jget_string(doc, params, "url");

	if (known.n)
		url = known;
	if (!url.n)
		return (struct ap_text){0};
	return starts_with(url, "file:///") && !ap_jget_true(doc, params, "isModule")
		       ? path_of_url(url, arena)
		       : url;
}

static void read_place(struct ap_crash *crash, uint32_t frame, struct ap_crash_frame *f)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t at = ap_jget(doc, frame, "location"),
		 start = ap_jget(doc, frame, "functionLocation");

	f->script_id = ap_jget_string(doc, at, "scriptId");
	f->script = ap_crash_script_name(crash, f->script_id, ap_jget_string(doc, frame, "url"),
					 &crash->doc.arena);
	f->line = one_based(ap_jget_int(doc, at, "lineNumber", -1));
	f->column = one_based(ap_jget_int(doc, at, "columnNumber", -1));
	f->first_line = one_based(ap_jget_int(doc, start, "lineNumber", -1));
	f->first_column = one_based(ap_jget_int(doc, start, "columnNumber", -1));
	AP_JEACH(doc, ap_jget(doc, frame, "scopeChain"), i)
	{
		if (!ap_text_is(ap_jget_string(doc, i, "type"), "local"))
			continue;
		f->last_line = one_based(
			ap_jget_int(doc, ap_jget(doc, i, "endLocation"), "lineNumber", -1));
		break;
	}
}

/*
 * What the paused frame calls `bark`, the error's stack calls `Dog.bark`. The frames of both agree
 * in line, and all but the innermost in column too.
 */
static struct ap_text name_in_stack(const struct ap_crash *crash, const struct ap_crash_frame *f)
{
	const struct ap_jdoc *doc = &crash->doc;

	AP_JEACH(doc, ap_jget(doc, crash->error, "frames"), i)
	{
		struct ap_text name = ap_jget_string(doc, i, "function");
		size_t n = f->name.n;

		if (!f->line || ap_jget_int(doc, i, "line", 0) != f->line ||
		    !ap_text_eq(ap_jget_string(doc, i, "script"), f->script))
			continue;
		if (ap_jget_int(doc, i, "column", 0) == f->column ||
		    (n && name.n >= n && memcmp(ap_text_end(name) - n, f->name.s, n) == 0))
			return name;
	}
	return f->name;
}

static struct ap_err *add_frame(struct ap_crash *crash, struct ap_crash_frame f)
{
	return ap_vec_push(&crash->doc.arena, &crash->frames, f) ? NULL : &ap_err_nomem;
}

/* The frames of the error's text, where there was no pause at all. */
static struct ap_err *frames_of_error(struct ap_crash *crash)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t list = ap_jget(doc, crash->error, "frames");

	crash->from_text = true;
	AP_JEACH(doc, list, i)
	{
		struct ap_crash_frame f = {
			.function = ap_jget_string(doc, i, "function"),
			.script = ap_jget_string(doc, i, "script"),
			.line = one_based(ap_jget_int(doc, i, "line", 0) - 1),
			.column = one_based(ap_jget_int(doc, i, "column", 0) - 1),
			.async = ap_jget_true(doc, i, "async"),
		};

		f.name = f.function;
		if (crash->frames.n < MAX_FRAMES)
			AP_TRY(add_frame(crash, f));
	}
	return NULL;
}

struct ap_err *ap_crash_read_frames(struct ap_crash *crash)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t list = ap_jget(doc, crash->pause, "callFrames");

	crash->from_text = ap_jget_true(doc, crash->pause, "fromText");
	if (!ap_jis(doc, list, AP_J_ARRAY) || !doc->at[list].n)
		return frames_of_error(crash);
	AP_JEACH(doc, list, i)
	{
		struct ap_crash_frame f = {.node = i,
					   .name = ap_jget_string(doc, i, "functionName"),
					   .async = ap_jget_true(doc, i, "async")};

		if (doc->at[i].kind != AP_J_OBJECT || crash->frames.n == MAX_FRAMES)
			continue;
		if (!f.name.s)
			f.name = AP_TEXT("");
		read_place(crash, i, &f);
		f.function = crash->from_text ? f.name : name_in_stack(crash, &f);
		AP_TRY(add_frame(crash, f));
	}
	return NULL;
}

static pid_t thread_id(const struct ap_crash *crash, bool *ret_worker)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t report = ap_jget(doc, crash->root, "Report");
	int64_t pid = ap_jget_int(doc, crash->process, "pid", -1);

	*ret_worker = ap_jis(doc, ap_jget(doc, crash->process, "mainThread"), AP_J_FALSE);
	if (*ret_worker)
		return (pid_t)ap_jget_int(doc, crash->process, "threadId", 0);
	if (pid < 0)
		pid = ap_jget_int(doc, crash->header, "processId", -1);
	if (pid < 0)
		pid = ap_jget_int(doc, report, "processId", -1);
	if (pid < 0)
		pid = ap_jget_int(doc, crash->root, "init.process.pid", 0);
	return pid > 0 && pid < INT32_MAX ? (pid_t)pid : 0;
}

struct ap_err *ap_crash_threads(struct ap_model *model, struct ap_arena *arena, ap_thread_vec *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	ap_thread_vec out = {0};
	struct ap_thread_info info = {.crashed = true};
	bool worker;

	/* The kernel's id of the main thread is the process's; of a worker the file has Node's own.
	 */
	info.tid = thread_id(crash, &worker);
	info.role = worker ? AP_ROLE_WORKER : AP_ROLE_MAIN;
	info.doing =
		crash->from_text ? AP_TEXT("as the error's own stack tells") : AP_TEXT("throwing");
	info.top = AP_TEXT("");
	if (!ap_vec_push(arena, &out, info))
		return &ap_err_nomem;
	*ret = out;
	return NULL;
}

struct ap_err *ap_crash_frames(struct ap_model *model, size_t thread,
			       const struct ap_frames_options *options, struct ap_arena *arena,
			       ap_frame_vec *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	ap_frame_vec out = {0};

	if (thread)
		return ap_err_new(AP_E_NOTFOUND, "a crash file holds one thread");
	for (size_t i = 0; i < crash->frames.n; i++) {
		const struct ap_crash_frame *f = &crash->frames.at[i];
		struct ap_frame frame = {
			.kind = f->async ? AP_FRAME_ASYNC : AP_FRAME_JS,
			.function = f->function,
			.name = f->name,
			.script = f->script,
			.line = f->line,
			.column = f->column,
			.user_code = ap_script_is_user_code(f->script),
			.callee = ap_crash_frame_value(crash, i),
		};
		uint32_t receiver = ap_jget(&crash->doc, f->node, "this");

		if (f->async && !options->async)
			continue;
		if (options->limit && out.n == options->limit)
			break;
		if (options->values && receiver && !crash->from_text) {
			frame.has_receiver = true;
			frame.receiver =
				ap_crash_value(crash, receiver, AP_CRASH_SHORT_UNITS, arena);
		}
		if (!ap_vec_push(arena, &out, frame))
			return &ap_err_nomem;
	}
	*ret = out;
	return NULL;
}

/* "Closure (outer)": the name of the protocol for people, and of [[Scopes]]. False for the global
 * one. */
static bool scope_kind(struct ap_text word, enum ap_scope_kind *ret)
{
	static const struct {
		const char *word;
		enum ap_scope_kind kind;
	} kinds[] = {
		{"local", AP_SCOPE_LOCAL},   {"closure", AP_SCOPE_CLOSURE},
		{"block", AP_SCOPE_BLOCK},   {"catch", AP_SCOPE_CATCH},
		{"with", AP_SCOPE_WITH},     {"script", AP_SCOPE_SCRIPT},
		{"module", AP_SCOPE_MODULE}, {"eval", AP_SCOPE_EVAL},
		{"class", AP_SCOPE_CLASS},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].word);

		if (word.n >= n && strncasecmp(word.s, kinds[i].word, n) == 0) {
			*ret = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static struct ap_text in_parentheses(struct ap_text text)
{
	const char *open = text.n && text.s[text.n - 1] == ')' ? memchr(text.s, '(', text.n) : NULL;

	return open ? (struct ap_text){open + 1, (size_t)(ap_text_end(text) - open) - 2}
		    : (struct ap_text){0};
}

static struct ap_err *add_scope(const struct ap_crash *crash, enum ap_scope_kind kind,
				struct ap_text owner, uint32_t object, struct ap_arena *arena,
				ap_scope_vec *out)
{
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_scope scope = {.kind = kind, .owner = owner};
	uint32_t entry = ap_crash_entry(crash, object);

	if (out->n == MAX_LEVELS)
		return NULL;
	if (kind != AP_SCOPE_LOCAL)
		scope.context = ap_crash_value(crash, object, 0, arena).address;
	AP_JEACH(doc, ap_jget(doc, entry, "result"), i)
	{
		struct ap_variable v = {.name = ap_jget_string(doc, i, "name")};

		/* Until Node 14 scopes, like all objects, had their prototype as a property. */
		if (!v.name.s || (crash->kind == AP_CRASH_OLD && ap_text_is(v.name, "__proto__")))
			continue;
		v.value = ap_crash_value(crash, ap_jget(doc, i, "value"), AP_CRASH_SHORT_UNITS,
					 arena);
		if (!ap_vec_push(arena, &scope.variables, v))
			return &ap_err_nomem;
	}
	return ap_vec_push(arena, out, scope) ? NULL : &ap_err_nomem;
}

static struct ap_err *no_variables(const struct ap_crash *crash)
{
	if (crash->kind == AP_CRASH_PANIC)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "a panic dump holds no variables of frames"),
			"`print state` shows what the program kept; AUTOPSY_TIER=armed with "
			"autopsy-node/register keeps variables");
	if (crash->kind == AP_CRASH_FILE && crash->from_text)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "this crash file holds no variables of frames"),
			"run the program with AUTOPSY_TIER=armed to keep them; `print error` and "
			"`print state` show what is there");
	return ap_err_hint(
		ap_err_new(AP_E_NOTFOUND, "this crash file holds no variables of this frame"),
		"frames of Node itself, and the program's own beyond the 30th, are kept without");
}

static struct ap_err *scopes_of_frame(const struct ap_crash *crash, const struct ap_crash_frame *f,
				      struct ap_arena *arena, ap_scope_vec *out)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t chain = ap_jget(doc, f->node, "scopeChain");

	if (!ap_jis(doc, chain, AP_J_ARRAY) || !doc->at[chain].n)
		return no_variables(crash);
	AP_JEACH(doc, chain, i)
	{
		struct ap_text owner = ap_jget_string(doc, i, "name");
		enum ap_scope_kind kind;

		if (!scope_kind(ap_jget_string(doc, i, "type"), &kind))
			continue;
		if (kind == AP_SCOPE_LOCAL && !owner.s)
			owner = f->name;
		AP_TRY(add_scope(crash, kind, owner, ap_jget(doc, i, "object"), arena, out));
	}
	return NULL;
}

static struct ap_err *scopes_of_function(const struct ap_crash *crash, uint32_t node,
					 struct ap_arena *arena, ap_scope_vec *out)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t entry = ap_crash_entry(crash, node);

	/* The target of a bound one; bound ones may be bound again. */
	for (int i = 0; i < 16 && ap_crash_internal(crash, entry, "[[TargetFunction]]"); i++)
		entry = ap_crash_entry(crash,
				       ap_crash_internal(crash, entry, "[[TargetFunction]]"));
	uint32_t list = ap_crash_internal(crash, entry, "[[Scopes]]");
	if (!list)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "this file holds no scopes of this value"),
			"functions that the armed tier met near the crash have them");
	AP_JEACH(doc, ap_jget(doc, ap_crash_entry(crash, list), "result"), i)
	{
		uint32_t scope = ap_jget(doc, i, "value");
		struct ap_text description = ap_jget_string(doc, scope, "description");
		enum ap_scope_kind kind;

		if (!scope_kind(description, &kind))
			continue;
		AP_TRY(add_scope(crash, kind, in_parentheses(description), scope, arena, out));
	}
	return NULL;
}

struct ap_err *ap_crash_scopes(struct ap_model *model, uint64_t ref, const struct ap_frame *frame,
			       struct ap_arena *arena, ap_scope_vec *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	const struct ap_crash_frame *f = ap_crash_frame_of(crash, frame ? frame->callee.ref : ref);
	uint32_t node = ap_crash_node_of(crash, ref);
	ap_scope_vec out = {0};

	if (f)
		AP_TRY(scopes_of_frame(crash, f, arena, &out));
	else if (node)
		AP_TRY(scopes_of_function(crash, node, arena, &out));
	else
		return no_variables(crash);
	*ret = out;
	return NULL;
}

static struct ap_err *no_source(const struct ap_crash *crash, struct ap_text script, uint32_t node)
{
	struct ap_text reason = ap_jget_string(&crash->doc, node, "omitted");

	if (crash->kind == AP_CRASH_PANIC)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "a panic dump holds no sources"),
				   "read the file itself, if you have the same version of it");
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
				      "the source of %.*s is not in the crash file%s%.*s",
				      AP_TEXT_ARG(script.n ? script : AP_TEXT("this function")),
				      reason.n ? ": left out as " : "", AP_TEXT_ARG(reason)),
			   ap_text_is(reason, "builtin")
				   ? "it belongs to Node of that version"
				   : "read the file itself, if you have the same version of it");
}

struct ap_err *ap_crash_source(struct ap_model *model, uint64_t ref, const struct ap_frame *frame,
			       struct ap_arena *arena, struct ap_source *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	const struct ap_jdoc *doc = &crash->doc;
	const struct ap_crash_frame *f = ap_crash_frame_of(crash, ref);
	uint32_t node = f ? 0 : ap_crash_node_of(crash, ref);
	struct ap_text id = f ? f->script_id : (struct ap_text){0};
	struct ap_source source = {.text_first_line = 1};
	int64_t start = 0;

	if (f) {
		source.script = f->script;
		source.first_line = f->first_line;
		source.last_line = f->last_line;
	} else {
		uint32_t entry = ap_crash_entry(crash, node);
		uint32_t at = ap_jget(doc, ap_crash_internal(crash, entry, "[[FunctionLocation]]"),
				      "value");
		struct ap_text description = ap_jget_string(doc, node, "description");

		id = ap_jget_string(doc, at, "scriptId");
		source.script = ap_crash_script_name(crash, id, (struct ap_text){0}, arena);
		source.first_line = one_based(ap_jget_int(doc, at, "lineNumber", -1));
		source.last_line = source.first_line;
		for (size_t i = 0; i < description.n; i++)
			source.last_line += description.s[i] == '\n';
	}
	uint32_t script = script_of(crash, id);
	source.text = ap_jget_string(doc, script, "source");
	if (!source.text.n)
		return no_source(crash, source.script, script);
	start = ap_jget_int(doc, ap_jget(doc, script, "params"), "startLine", 0);
	if (start > 0 && start < 1000000)
		source.text_first_line = (int)start + 1;
	if (frame) {
		source.line = frame->line;
		source.column = frame->column;
	}
	*ret = source;
	return NULL;
}
