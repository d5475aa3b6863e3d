/*
 * JSPromise (src/objects/js-promise.tq): while pending, reactions_or_result holds the
 * PromiseReactions, newest first. An await's handlers are builtins whose context holds the
 * generator; those of Promise.all and its kin hold the capability of the combined promise (see
 * async.c).
 */
#include "v8/builtin.h"

enum {
	MAX_REACTIONS = 10000, /* looked at in one question */
	MAX_PENDING = 256,     /* chained promises that wait to be looked at */
	STATUS_MASK = 3,
	FLAG_HANDLED = 1 << 2,
};

bool ap_promise_read(struct ap_v8 *v8, ap_tagged promise, struct ap_promise *ret)
{
	struct ap_promise p;
	int32_t flags;

	if (!ap_v8_is(v8, promise, AP_F_T_JS_PROMISE) ||
	    !ap_v8_smi(v8, promise, F(v8, PROMISE_FLAGS), &flags) ||
	    (flags & STATUS_MASK) == STATUS_MASK ||
	    !ap_v8_word(v8, promise, F(v8, PROMISE_RESULT), &p.result))
		return false;
	p.state = (enum ap_promise_state)(flags & STATUS_MASK);
	p.handled = flags & FLAG_HANDLED;
	*ret = p;
	return true;
}

/* Looks into what a builtin handler closes over: a generator, or a promise that it settles. */
static ap_tagged handler_target(struct ap_v8 *v8, ap_tagged handler, bool *ret_is_generator)
{
	struct ap_function_info info;
	struct ap_arena scratch;
	ap_tagged found = 0;

	ap_arena_init(&scratch, 1 << 20);
	if (ap_function_info(v8, handler, &scratch, &info) && !info.script && info.context) {
		int first = F(v8, CONTEXT_MIN_SLOTS);

		for (int slot = first; slot <= first + 1 && !found; slot++) {
			uint64_t w;
			int type;

			if (!ap_context_slot(v8, info.context, slot, &w) || !ap_is_object(w))
				continue;
			type = ap_v8_type(v8, w);
			if (type < 0)
				continue;
			if (type == F(v8, T_JS_ASYNC_FUNCTION) ||
			    type == F(v8, T_JS_ASYNC_GENERATOR)) {
				*ret_is_generator = true;
				found = w;
			} else if (type == F(v8, T_JS_PROMISE) ||
				   (type == F(v8, T_PROMISE_CAPABILITY) &&
				    ap_v8_word(v8, w, F(v8, CAPABILITY_PROMISE), &w) &&
				    ap_v8_is(v8, w, AP_F_T_JS_PROMISE))) {
				*ret_is_generator = false;
				found = w;
			}
		}
	}
	ap_arena_close(&scratch);
	return found;
}

struct ap_err *ap_promise_awaiters(struct ap_v8 *v8, ap_tagged promise, struct ap_arena *arena,
				   ap_tagged_vec *ret)
{
	ap_tagged pending[MAX_PENDING];
	size_t n_pending = 0, next_pending = 0, budget = MAX_REACTIONS;
	ap_tagged_vec list = {0};

	pending[n_pending++] = promise;
	while (next_pending < n_pending) {
		struct ap_promise p;
		size_t first = list.n;
		ap_tagged reaction;

		if (!ap_promise_read(v8, pending[next_pending++], &p) ||
		    p.state != AP_PROMISE_PENDING)
			continue;
		for (reaction = p.result; ap_is_object(reaction) && budget; budget--) {
			uint64_t fulfill = 0, reject = 0, derived = 0;
			bool is_generator = false;
			ap_tagged target;

			if (!ap_v8_is(v8, reaction, AP_F_T_PROMISE_REACTION) ||
			    !ap_v8_word(v8, reaction, F(v8, REACTION_FULFILL), &fulfill) ||
			    !ap_v8_word(v8, reaction, F(v8, REACTION_REJECT), &reject) ||
			    !ap_v8_word(v8, reaction, F(v8, REACTION_PROMISE), &derived) ||
			    !ap_v8_word(v8, reaction, F(v8, REACTION_NEXT), &reaction))
				break;
			target = handler_target(v8, fulfill, &is_generator);
			if (!target)
				target = handler_target(v8, reject, &is_generator);
			if (!target && ap_v8_is(v8, derived, AP_F_T_PROMISE_CAPABILITY))
				(void)ap_v8_word(v8, derived, F(v8, CAPABILITY_PROMISE), &derived);
			if (!target)
				target = derived;
			if (is_generator) {
				if (!ap_vec_push(arena, &list, target))
					return &ap_err_nomem;
			} else if (n_pending < MAX_PENDING) {
				pending[n_pending++] = target;
			}
		}
		for (size_t i = first, j = list.n; i + 1 < j; i++) { /* newest first, so far */
			ap_tagged swap = list.at[--j];

			list.at[j] = list.at[i];
			list.at[i] = swap;
		}
	}
	*ret = list;
	return NULL;
}
