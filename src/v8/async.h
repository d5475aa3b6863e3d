/*
 * Async stacks: which suspended functions wait for the running microtask (or a promise).
 *
 * The walk is V8's own (Isolate::CaptureSimpleStackTrace): from the promise of the running async
 * function to the one reaction that waits for it, and on.
 */
#ifndef AP_V8_ASYNC_H
#define AP_V8_ASYNC_H

#include "v8/function.h"

struct ap_async_frame {
	struct ap_text function; /* as V8 prints it: "async main", "async Promise.all (index 0)" */
	struct ap_place place;
	ap_tagged callee;    /* JSFunction, 0 for combinators */
	ap_tagged generator; /* the suspended JSGeneratorObject, 0 for combinators */
};

typedef AP_VEC(struct ap_async_frame) ap_async_frame_vec;

/* The functions that wait for what the isolate's running microtask computes. */
struct ap_err *ap_async_frames(struct ap_v8 *v8, const struct ap_isolate *isolate,
			       struct ap_arena *arena, ap_async_frame_vec *ret_frames);
/* The functions that wait for a pending promise, nearest first. */
struct ap_err *ap_async_frames_of_promise(struct ap_v8 *v8, ap_tagged promise,
					  struct ap_arena *arena, ap_async_frame_vec *frames);

#endif
