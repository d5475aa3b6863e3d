/* The full form of what runs: functions, classes, generators, promises, errors. */
#include "model/core_value.h"

enum {
	TOKEN_OFFSET_UNKNOWN = UINT16_MAX,
	MAX_BOUND = 100,
	CLASS_POSITIONS_START = 8,
	CLASS_POSITIONS_END = 16
};

/* Where the text of a function begins and ends: a class is more than its constructor. */
static void text_range(struct ap_detail_job *job, const struct ap_function_info *info,
		       int32_t *start, int32_t *end)
{
	struct ap_v8 *v8 = job->v8;
	struct ap_own_iter it;
	struct ap_own own;
	uint16_t token;

	*start = info->start;
	*end = info->end;
	if (info->start >= 0 && ap_v8_u16(v8, info->shared, F(v8, SFI_TOKEN_OFFSET), &token) &&
	    token != TOKEN_OFFSET_UNKNOWN && token <= info->start)
		*start = info->start - token;
	if (info->kind != AP_FN_CLASS_CONSTRUCTOR || !ap_own_begin(v8, job->object, &it))
		return;
	/* V8 hangs a ClassPositions under a private symbol on every class. */
	while (ap_own_next(&it, &own)) {
		int32_t from, to;

		if (own.kind == AP_OWN_DATA && own.readable &&
		    ap_v8_is(v8, own.slot.tagged, AP_F_T_CLASS_POSITIONS) &&
		    ap_v8_smi(v8, own.slot.tagged, CLASS_POSITIONS_START, &from) &&
		    ap_v8_smi(v8, own.slot.tagged, CLASS_POSITIONS_END, &to)) {
			*start = from;
			*end = to;
			return;
		}
	}
}

struct ap_err *ap_detail_function(struct ap_detail_job *job)
{
	struct ap_function_info info;
	struct ap_place place = {.line = 0};
	int32_t start, end;

	if (!ap_function_info(job->v8, job->object, job->arena, &info)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	AP_TRY(ap_extra_text(job, "name", ap_function_name(job->v8, job->object, job->arena)));
	/* Function.prototype and exports of WebAssembly have a script, but no JavaScript in it. */
	if (info.is_native_code && info.kind == AP_FN_NORMAL)
		info.kind = AP_FN_BUILTIN;
	AP_TRY(ap_extra_text(job, "function_kind", ap_text_of(ap_function_kind_name(info.kind))));
	if (info.script && !ap_script_place(job->v8, info.script, info.start, job->arena, &place))
		place.script = ap_script_name(job->v8, info.script, job->arena);
	AP_TRY(ap_extra_place(job, &place));
	if (!info.script || info.is_native_code)
		return NULL;
	text_range(job, &info, &start, &end);
	if (end < start || start < 0)
		return NULL;
	uint64_t units = (uint64_t)end - (uint64_t)start;
	if (job->limits->text_units && units > job->limits->text_units) {
		job->d->truncated = true;
		end = start + (int32_t)job->limits->text_units;
	}
	job->d->self.text = ap_script_text(job->v8, info.script, start, end, job->arena);
	return NULL;
}

struct ap_err *ap_detail_bound(struct ap_detail_job *job)
{
	AP_VEC(struct ap_value) list = {0};
	struct ap_v8 *v8 = job->v8;
	struct ap_extra extra = {.key = "bound_arguments", .kind = AP_EXTRA_VALUES};
	AP_STR_AUTO name = {0};
	uint64_t target = job->object, arguments, word;
	uint32_t n;

	for (int i = 0; i < MAX_BOUND && ap_v8_is(v8, target, AP_F_T_JS_BOUND_FUNCTION); i++) {
		ap_str_adds(&name, "bound ");
		if (!ap_v8_word(v8, target, F(v8, BOUND_TARGET), &target))
			break;
	}
	struct ap_text inner = ap_function_name(job->v8, target, job->arena);
	ap_str_add(&name, inner.s, inner.n);
	AP_TRY(ap_extra_text(job, "name", ap_str_text(&name, job->arena)));
	AP_TRY(ap_extra_field(job, "bound_target", F(v8, BOUND_TARGET)));
	AP_TRY(ap_extra_field(job, "bound_this", F(v8, BOUND_THIS)));
	if (!ap_v8_word(v8, job->object, F(v8, BOUND_ARGUMENTS), &arguments) ||
	    !ap_v8_array_length(v8, arguments, &n)) {
		ap_core_gap(job->core, job->object & ~3ull);
		n = 0;
	}
	for (uint32_t i = 0; i < n && !ap_detail_full(job, i); i++) {
		struct ap_value value = ap_value_unreadable("this argument is not in the core");

		if (ap_v8_array_at(v8, arguments, i, &word))
			AP_TRY(ap_core_describe(&job->core->base, word, job->arena, &value));
		if (!ap_vec_push(job->arena, &list, value))
			return &ap_err_nomem;
	}
	extra.values = list.at;
	extra.n = list.n;
	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_detail_generator(struct ap_detail_job *job)
{
	static const char *const states[] = {
		[AP_GENERATOR_START] = "suspended-start",
		[AP_GENERATOR_SUSPENDED] = "suspended",
		[AP_GENERATOR_RUNNING] = "running",
		[AP_GENERATOR_CLOSED] = "closed",
	};
	struct ap_generator g;

	if (!ap_generator_read(job->v8, job->object, job->arena, &g)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	AP_TRY(ap_extra_text(job, "state", ap_text_of(states[g.state])));
	AP_TRY(ap_extra_ref(job, "function", g.function));
	AP_TRY(ap_extra_text(job, "function_name", g.name));
	AP_TRY(ap_extra_place(job, &g.place));
	AP_TRY(ap_extra_ref(job, "receiver", g.receiver));
	if (job->d->self.type == AP_T_ASYNC_FUNCTION)
		return g.promise ? ap_extra_ref(job, "promise", g.promise)
				 : ap_extra_null(job, "promise");
	return NULL;
}

struct ap_err *ap_detail_promise(struct ap_detail_job *job)
{
	static const char *const states[] = {
		[AP_PROMISE_PENDING] = "pending",
		[AP_PROMISE_FULFILLED] = "fulfilled",
		[AP_PROMISE_REJECTED] = "rejected",
	};
	AP_VEC(struct ap_waiter) list = {0};
	struct ap_extra extra = {.key = "awaited_by", .kind = AP_EXTRA_WAITERS};
	struct ap_promise p;
	ap_tagged_vec waiting;

	if (!ap_promise_read(job->v8, job->object, &p)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	AP_TRY(ap_extra_text(job, "state", ap_text_of(states[p.state])));
	AP_TRY(p.state == AP_PROMISE_PENDING ? ap_extra_null(job, "value")
					     : ap_extra_ref(job, "value", p.result));
	AP_TRY(ap_extra_bool(job, "handled", p.handled));
	AP_TRY(ap_promise_awaiters(job->v8, job->object, job->arena, &waiting));
	for (size_t i = 0; i < waiting.n && !ap_detail_full(job, i); i++) {
		struct ap_waiter waiter = {.line = 0};
		struct ap_generator g;

		AP_TRY(ap_core_describe(&job->core->base, waiting.at[i], job->arena,
					&waiter.generator));
		if (ap_generator_read(job->v8, waiting.at[i], job->arena, &g)) {
			waiter.function = g.name;
			waiter.script = g.place.script;
			waiter.line = g.place.line;
			waiter.column = g.place.column;
		}
		if (!ap_vec_push(job->arena, &list, waiter))
			return &ap_err_nomem;
	}
	extra.waiters = list.at;
	extra.n = list.n;
	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_detail_error(struct ap_detail_job *job)
{
	uint32_t max_units = job->limits->text_units && job->limits->text_units < UINT32_MAX
				     ? (uint32_t)job->limits->text_units
				     : UINT32_MAX;
	struct ap_own own;
	bool cut = false;

	AP_TRY(ap_extra_text(job, "name",
			     ap_error_text(job->v8, job->object, "name", max_units, job->arena)));
	AP_TRY(ap_extra_text(
		job, "message",
		ap_error_text(job->v8, job->object, "message", max_units, job->arena)));
	AP_TRY(ap_extra_text(job, "stack",
			     ap_error_stack(job->v8, job->object, max_units, job->arena, &cut)));
	job->d->truncated = job->d->truncated || cut;
	if (ap_own_find(job->v8, job->object, "cause", &own) && own.kind == AP_OWN_DATA &&
	    own.readable) {
		struct ap_value value;

		AP_TRY(ap_core_slot(job->core, &own.slot, job->arena, &value));
		return ap_extra_value(job, "cause", &value);
	}
	return ap_extra_null(job, "cause");
}
