/* Handles, requests and timers of every isolate of a core. */
#include "model/activity.h"
#include "model/core_private.h"
#include "model/symbols.h"
#include "node/handles.h"
#include "node/timers.h"
#include "v8/naming.h"

static pid_t thread_of(const struct ap_core_model *core, const struct ap_isolate *isolate)
{
	size_t n;
	const struct ap_thread *threads = ap_image_threads(core->image, &n);

	return isolate->thread < n ? threads[isolate->thread].tid : 0;
}

/* "node::TCPWrap" of "vtable for node::TCPWrap". */
static struct ap_text class_of(const struct ap_core_model *core, uint64_t vtable,
			       struct ap_arena *arena)
{
	static const char before[] = "vtable for ";
	const struct ap_module *module;
	const char *name;
	uint64_t offset;

	if (!ap_symbol_text(core->image, vtable, arena, &name, &module, &offset) ||
	    strncmp(name, before, sizeof(before) - 1) != 0)
		return (struct ap_text){NULL, 0};
	return ap_text_of(name + sizeof(before) - 1);
}

static struct ap_err *describe(struct ap_core_model *core, uint64_t ref, struct ap_arena *arena,
			       struct ap_value *ret)
{
	if (!ref) {
		*ret = (struct ap_value){.type = AP_T_NULL};
		return NULL;
	}
	return ap_core_describe(&core->base, ref, arena, ret);
}

/* Where a function begins in the source. */
static void place_of(struct ap_core_model *core, ap_tagged function, struct ap_arena *arena,
		     struct ap_code_place *ret)
{
	struct ap_function_info info;
	struct ap_place place = {.script = {NULL, 0}};

	if (!function || !ap_function_info(core->v8, function, arena, &info))
		return;
	ret->function = ap_function_debug_name(core->v8, function, arena);
	if (!info.script)
		return;
	if (!ap_script_place(core->v8, info.script, info.start, arena, &place))
		place.script = ap_script_name(core->v8, info.script, arena);
	ret->script = place.script;
	ret->line = place.line;
	ret->column = place.column;
}

static struct ap_endpoint endpoint(const struct ap_node_endpoint *e)
{
	return (struct ap_endpoint){e->address, e->address.s ? e->port : -1};
}

static struct ap_err *handles_of(struct ap_core_model *core, const struct ap_node_env *env,
				 struct ap_arena *arena, void *arg)
{
	ap_handle_vec *out = arg;
	struct ap_node_wraps list;
	struct ap_node_handle h;
	bool more;

	ap_node_handles_begin(env, &list);
	for (;;) {
		AP_TRY(ap_node_handle_next(&list, arena, &h, &more));
		if (!more)
			break;
		struct ap_handle row = {
			.tid = thread_of(core, env->isolate),
			.address = h.wrap.address,
			.class = class_of(core, h.wrap.vtable, arena),
			.fd = -1,
			.pid = -1,
			.signal = -1,
			.queued_bytes = -1,
			.local = endpoint(&h.local),
			.remote = endpoint(&h.remote),
			.host = h.host,
			.command = h.command,
		};

		if (h.has_uv) {
			row.kind = ap_text_of(ap_uv_type_name(h.uv.type));
			row.state = ap_text_of(h.uv.state);
			row.referenced = h.uv.referenced && !h.uv.closing;
			row.active = h.uv.active;
			row.closing = h.uv.closing;
			row.fd = h.uv.fd;
			row.pid = h.uv.pid;
			row.signal = h.uv.signal;
			row.path = h.uv.path;
			row.queued_bytes = h.uv.has_queued_bytes ? (int64_t)h.uv.queued_bytes : -1;
		} else {
			ap_core_gap(core, h.wrap.address);
		}
		AP_TRY(describe(core, h.wrap.object, arena, &row.object));
		AP_TRY(describe(core, h.owner, arena, &row.owner));
		if (!ap_vec_push(arena, out, row))
			return &ap_err_nomem;
	}
	if (list.broken)
		ap_core_gap(core, list.head);
	return NULL;
}

static struct ap_err *requests_of(struct ap_core_model *core, const struct ap_node_env *env,
				  struct ap_arena *arena, void *arg)
{
	ap_request_vec *out = arg;
	struct ap_node_wraps list;
	struct ap_node_request r;
	bool more;

	ap_node_requests_begin(env, &list);
	for (;;) {
		AP_TRY(ap_node_request_next(&list, arena, &r, &more));
		if (!more)
			break;
		struct ap_request row = {
			.tid = thread_of(core, env->isolate),
			.address = r.wrap.address,
			.class = class_of(core, r.wrap.vtable, arena),
			.kind = ap_text_of(r.has_uv ? r.uv.kind : NULL),
			.operation = ap_text_of(r.has_uv ? r.uv.operation : NULL),
			.path = r.uv.path,
			.new_path = r.uv.new_path,
			.host = r.uv.host,
			.service = r.uv.service,
			.fd = r.has_uv ? r.uv.fd : -1,
			.remote = endpoint(&r.remote),
		};

		AP_TRY(describe(core, r.wrap.object, arena, &row.object));
		AP_TRY(describe(core, r.owner, arena, &row.owner));
		AP_TRY(describe(core, r.callback, arena, &row.callback));
		place_of(core, r.callback, arena, &row.place);
		if (!ap_vec_push(arena, out, row))
			return &ap_err_nomem;
	}
	if (list.broken)
		ap_core_gap(core, list.head);
	return NULL;
}

static struct ap_err *timers_of(struct ap_core_model *core, const struct ap_node_env *env,
				struct ap_arena *arena, void *arg)
{
	ap_timer_vec *out = arg;
	ap_node_timer_vec timers = {0};
	bool found;

	AP_TRY(ap_node_timers(env, arena, &timers, &found));
	if (!found)
		return ap_err_new(AP_E_NOTFOUND, "Node's lists of timers were not found");
	for (size_t i = 0; i < timers.n; i++) {
		const struct ap_node_timer *t = &timers.at[i];
		struct ap_timer row = {
			.tid = thread_of(core, env->isolate),
			.kind = (enum ap_timer_kind)t->kind,
			.after_ms = t->after_ms,
			.has_due = t->has_due,
			.due_in_ms = t->due_in_ms,
			.referenced = t->referenced,
		};

		AP_TRY(describe(core, t->object, arena, &row.object));
		AP_TRY(describe(core, t->callback, arena, &row.callback));
		place_of(core, t->callback ? ap_node_callback(core->v8, t->callback, 0, arena) : 0,
			 arena, &row.place);
		if (!ap_vec_push(arena, out, row))
			return &ap_err_nomem;
	}
	return NULL;
}

/* Every isolate is asked; what fails for one is a gap, and an error only if it fails for all. */
static struct ap_err *each_env(struct ap_model *model, struct ap_arena *arena,
			       struct ap_err *(*ask)(struct ap_core_model *,
						     const struct ap_node_env *, struct ap_arena *,
						     void *),
			       void *arg)
{
	struct ap_core_model *core = ap_core_of(model);
	struct ap_err *first = NULL;
	size_t answered = 0;

	AP_TRY(ap_core_need_v8(core));
	AP_TRY(ap_profile_require(&core->v8->profile, AP_G_NODE));
	AP_TRY(ap_profile_require(&core->v8->profile, AP_G_OBJECTS));
	for (size_t i = 0; i < core->v8->isolates.n; i++) {
		struct ap_node_env env;
		struct ap_err *err = ap_node_environment(core->v8, &core->v8->isolates.at[i], &env);

		if (!err)
			err = ask(core, &env, arena, arg);
		if (!err) {
			answered++;
			continue;
		}
		if (err == &ap_err_nomem) {
			ap_err_free(first);
			return err;
		}
		ap_core_gap(core, core->v8->isolates.at[i].address);
		if (first)
			ap_err_free(err);
		else
			first = err;
	}
	if (!answered)
		return first ? first : ap_err_new(AP_E_NOTFOUND, "the core holds no isolate");
	ap_err_free(first);
	return NULL;
}

enum { MAX_COUNTED = 100000 }; /* handles or requests of a loop */

static struct ap_err *count_of(struct ap_core_model *core, const struct ap_node_env *env,
			       struct ap_arena *arena, void *arg)
{
	struct ap_activity_counts *n = arg;
	struct ap_node_wraps list;
	struct ap_node_wrap wrap;
	ap_node_timer_vec timers = {0};
	bool found;

	ap_node_handles_begin(env, &list);
	for (size_t i = 0; ap_node_wraps_next(&list, &wrap); i++) {
		struct ap_uv_handle h;

		if (i == MAX_COUNTED) {
			n->more = true;
			break;
		}
		if (!ap_uv_handle_of(core->image, wrap.address, env->loop, arena, &h))
			continue;
		n->servers += h.state && strcmp(h.state, "listening") == 0;
		n->sockets += h.type == AP_UV_UDP || (h.state && strcmp(h.state, "listening") != 0);
		n->children += h.type == AP_UV_PROCESS;
		n->watchers += h.type == AP_UV_FS_EVENT || h.type == AP_UV_FS_POLL;
	}
	ap_node_requests_begin(env, &list);
	for (size_t i = 0; ap_node_wraps_next(&list, &wrap); i++) {
		if (i == MAX_COUNTED) {
			n->more = true;
			break;
		}
		n->requests++;
	}
	AP_TRY(ap_node_timers(env, arena, &timers, &found));
	for (size_t i = 0; i < timers.n; i++) {
		bool immediate = timers.at[i].kind == AP_TIMER_IMMEDIATE;

		n->immediates += immediate;
		n->timers += !immediate;
	}
	return NULL;
}

static struct ap_err *core_count(struct ap_model *model, struct ap_activity_counts *ret)
{
	struct ap_activity_counts counts = {0};
	struct ap_arena arena;

	ap_arena_init(&arena, 0);
	struct ap_err *err = each_env(model, &arena, count_of, &counts);
	ap_arena_close(&arena);
	if (err)
		return err;
	*ret = counts;
	return NULL;
}

static struct ap_err *core_handles(struct ap_model *model, struct ap_arena *arena,
				   ap_handle_vec *ret)
{
	ap_handle_vec rows = {0};

	AP_TRY(each_env(model, arena, handles_of, &rows));
	*ret = rows;
	return NULL;
}

static struct ap_err *core_requests(struct ap_model *model, struct ap_arena *arena,
				    ap_request_vec *ret)
{
	ap_request_vec rows = {0};

	AP_TRY(each_env(model, arena, requests_of, &rows));
	*ret = rows;
	return NULL;
}

static struct ap_err *core_timers(struct ap_model *model, struct ap_arena *arena, ap_timer_vec *ret)
{
	ap_timer_vec rows = {0};

	AP_TRY(each_env(model, arena, timers_of, &rows));
	*ret = rows;
	return NULL;
}

const struct ap_activity_ops ap_core_activity = {
	.count = core_count,
	.handles = core_handles,
	.requests = core_requests,
	.timers = core_timers,
};
