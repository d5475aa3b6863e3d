#include "v8/async.h"

#include "v8/naming.h"

enum {
	MAX_CHAIN = 10000,
	MAX_ROOTS = 1500,
	/* Slots of the contexts that promise builtins close over (src/builtins/promise*.h); the
	 * first is MIN_CONTEXT_SLOTS in all versions. */
	SLOT_GENERATOR = 2,
	SLOT_PROMISE = 2,
	SLOT_CAPABILITY = 3,
	GENERATOR_EXECUTING = -2,
};

static bool is_generator(struct ap_v8 *v8, ap_tagged w)
{
	int type = ap_is_object(w) ? ap_v8_type(v8, w) : -1;

	return type >= 0 &&
	       (type == F(v8, T_JS_ASYNC_FUNCTION) || type == F(v8, T_JS_ASYNC_GENERATOR));
}

/* What a builtin handler closes over; false for handlers that a program wrote. */
static bool handler_context(struct ap_v8 *v8, ap_tagged handler, ap_tagged *ret_context)
{
	struct ap_function_info info;
	struct ap_arena scratch;

	ap_arena_init(&scratch, 1 << 20);
	bool ok = ap_function_info(v8, handler, &scratch, &info) && !info.script && info.context;
	ap_arena_close(&scratch);
	if (ok)
		*ret_context = info.context;
	return ok;
}

/* The generator that an await continues, or 0. */
static ap_tagged handler_generator(struct ap_v8 *v8, ap_tagged handler)
{
	ap_tagged context;
	uint64_t w;

	if (handler_context(v8, handler, &context) &&
	    ap_context_slot(v8, context, SLOT_GENERATOR, &w) && is_generator(v8, w))
		return w;
	return 0;
}

/* A PromiseCapability's promise, or the promise itself. */
static bool promise_of(struct ap_v8 *v8, ap_tagged promise_or_capability, ap_tagged *ret)
{
	uint64_t w = promise_or_capability;

	if (ap_v8_is(v8, w, AP_F_T_PROMISE_CAPABILITY) &&
	    !ap_v8_word(v8, w, F(v8, CAPABILITY_PROMISE), &w))
		return false;
	if (!ap_v8_is(v8, w, AP_F_T_JS_PROMISE))
		return false;
	*ret = w;
	return true;
}

/* The promise that a suspended async function or generator will settle. */
static bool generator_promise(struct ap_v8 *v8, ap_tagged generator, ap_tagged *ret)
{
	uint64_t w;

	if (ap_v8_is(v8, generator, AP_F_T_JS_ASYNC_FUNCTION))
		return ap_v8_word(v8, generator, F(v8, ASYNC_FUNCTION_PROMISE), &w) &&
		       promise_of(v8, w, ret);
	/* An async generator settles the promise of the first request in its queue. */
	return ap_v8_word(v8, generator, F(v8, ASYNC_GENERATOR_QUEUE), &w) && ap_is_object(w) &&
	       ap_v8_is(v8, w, AP_F_T_ASYNC_GENERATOR_REQUEST) &&
	       ap_v8_word(v8, w, F(v8, ASYNC_REQUEST_PROMISE), &w) && promise_of(v8, w, ret);
}

static struct ap_err *push_generator(struct ap_v8 *v8, ap_tagged generator, struct ap_arena *arena,
				     ap_async_frame_vec *frames)
{
	struct ap_async_frame frame = {.generator = generator};
	struct ap_function_info info;
	uint64_t function, receiver = 0;
	int32_t position = -1;

	if (!ap_v8_word(v8, generator, F(v8, GENERATOR_FUNCTION), &function) ||
	    !ap_function_info(v8, function, arena, &info))
		return NULL;
	(void)ap_v8_word(v8, generator, F(v8, GENERATOR_RECEIVER), &receiver);
	struct ap_call_site site = {
		.function = function,
		.receiver = receiver,
		.is_async = true,
		.is_strict = info.is_strict,
		.is_toplevel = receiver && ap_receiver_is_toplevel(v8, receiver),
	};
	frame.callee = function;
	frame.function = ap_call_site_name(v8, &site, arena);
	if (!frame.function.n || ap_text_is(frame.function, "async "))
		frame.function = AP_TEXT("async <anonymous>");
	(void)ap_generator_position(v8, generator, &position);
	if (info.script)
		(void)ap_script_place(v8, info.script, position, arena, &frame.place);
	return ap_vec_push(arena, frames, frame) ? NULL : &ap_err_nomem;
}

/* Promise.all and its kin: which element of which call, from the closure that takes its result. */
static struct ap_err *push_combinator(struct ap_v8 *v8, ap_tagged closure, const char *name,
				      struct ap_arena *arena, ap_async_frame_vec *frames)
{
	struct ap_async_frame frame = {.callee = 0};
	int32_t index = 0;

	/* The element's index + 1 stands where objects keep their identity hash. */
	(void)ap_v8_smi(v8, closure, F(v8, OBJECT_PROPERTIES), &index);
	char *text =
		ap_printf(arena, "async Promise.%s (index %d)", name, index > 0 ? index - 1 : 0);
	if (!text)
		return &ap_err_nomem;
	frame.function = ap_text_of(text);
	return ap_vec_push(arena, frames, frame) ? NULL : &ap_err_nomem;
}

/* The capability of a combinator's element closure: 0 if `handler` is none. */
static ap_tagged combinator_capability(struct ap_v8 *v8, ap_tagged handler)
{
	ap_tagged context;
	uint64_t w;

	if (handler_context(v8, handler, &context) &&
	    ap_context_slot(v8, context, SLOT_CAPABILITY, &w) &&
	    ap_v8_is(v8, w, AP_F_T_PROMISE_CAPABILITY))
		return w;
	return 0;
}

/* One step up from the single reaction of a pending promise; false where the chain ends. */
static struct ap_err *chain_step(struct ap_v8 *v8, ap_tagged reaction, struct ap_arena *arena,
				 ap_async_frame_vec *frames, ap_tagged *promise, bool *ret_goes_on)
{
	uint64_t fulfill = 0, reject = 0, target = 0, w;
	ap_tagged generator, capability, context;

	*ret_goes_on = false;
	if (!ap_v8_word(v8, reaction, F(v8, REACTION_FULFILL), &fulfill) ||
	    !ap_v8_word(v8, reaction, F(v8, REACTION_REJECT), &reject) ||
	    !ap_v8_word(v8, reaction, F(v8, REACTION_PROMISE), &target))
		return NULL;
	generator = handler_generator(v8, fulfill);
	if (generator) {
		AP_TRY(push_generator(v8, generator, arena, frames));
		*ret_goes_on = generator_promise(v8, generator, promise);
		return NULL;
	}
	capability = combinator_capability(v8, fulfill);
	if (capability) {
		/* allSettled listens with both handlers, all only for success. */
		bool both = combinator_capability(v8, reject) != 0;

		AP_TRY(push_combinator(v8, fulfill, both ? "allSettled" : "all", arena, frames));
		*ret_goes_on = promise_of(v8, capability, promise);
		return NULL;
	}
	capability = combinator_capability(v8, reject);
	if (capability) {
		AP_TRY(push_combinator(v8, reject, "any", arena, frames));
		*ret_goes_on = promise_of(v8, capability, promise);
		return NULL;
	}
	if (handler_context(v8, fulfill, &context) &&
	    ap_context_slot(v8, context, SLOT_PROMISE, &w) && ap_v8_is(v8, w, AP_F_T_JS_PROMISE)) {
		*promise = w; /* the resolve function of a promise */
		*ret_goes_on = true;
		return NULL;
	}
	*ret_goes_on = promise_of(v8, target, promise);
	return NULL;
}

struct ap_err *ap_async_frames_of_promise(struct ap_v8 *v8, ap_tagged promise,
					  struct ap_arena *arena, ap_async_frame_vec *frames)
{
	for (int i = 0; i < MAX_CHAIN; i++) {
		int32_t flags;
		uint64_t reaction, next;
		bool goes_on;

		/* Pending, and exactly one reaction: else nobody can say who waits. */
		if (!ap_v8_smi(v8, promise, F(v8, PROMISE_FLAGS), &flags) || (flags & 3) != 0 ||
		    !ap_v8_word(v8, promise, F(v8, PROMISE_RESULT), &reaction) ||
		    !ap_v8_is(v8, reaction, AP_F_T_PROMISE_REACTION) ||
		    !ap_v8_word(v8, reaction, F(v8, REACTION_NEXT), &next) || !ap_is_smi(next))
			return NULL;
		AP_TRY(chain_step(v8, reaction, arena, frames, &promise, &goes_on));
		if (!goes_on)
			return NULL;
	}
	return NULL;
}

/* The current_microtask root: the only root that is ever a reaction job. */
static ap_tagged running_reaction_job(struct ap_v8 *v8, const struct ap_isolate *isolate)
{
	for (unsigned i = 0; i < MAX_ROOTS; i++) {
		uint64_t w;
		int type;

		if (!ap_image_u64(v8->image,
				  isolate->address + (uint64_t)F(v8, ISOLATE_ROOTS) + 8ull * i, &w))
			break;
		type = ap_is_object(w) ? ap_v8_type(v8, w) : -1;
		if (type >= 0 && (type == F(v8, T_FULFILL_JOB) || type == F(v8, T_REJECT_JOB)))
			return w;
	}
	return 0;
}

struct ap_err *ap_async_frames(struct ap_v8 *v8, const struct ap_isolate *isolate,
			       struct ap_arena *arena, ap_async_frame_vec *ret_frames)
{
	ap_tagged job = running_reaction_job(v8, isolate), generator, promise;
	uint64_t handler = 0, target = 0;
	int32_t continuation;

	if (!job || !ap_v8_word(v8, job, F(v8, JOB_HANDLER), &handler) ||
	    !ap_v8_word(v8, job, F(v8, JOB_PROMISE), &target))
		return NULL;
	generator = handler_generator(v8, handler);
	if (generator) {
		if (!ap_v8_smi(v8, generator, F(v8, GENERATOR_CONTINUATION), &continuation) ||
		    continuation != GENERATOR_EXECUTING ||
		    !generator_promise(v8, generator, &promise))
			return NULL;
	} else if (!promise_of(v8, target, &promise)) {
		return NULL;
	}
	return ap_async_frames_of_promise(v8, promise, arena, ret_frames);
}
