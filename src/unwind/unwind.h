/*
 * Native stacks: call frame information where a module has it (libdw), frame pointers elsewhere
 * (JIT code, V8's embedded builtins and their copies).
 *
 * Ownership: struct ap_unwind borrows the image and owns the call frame tables that it opens;
 * frames are built in the caller's arena.
 */
#ifndef AP_UNWIND_UNWIND_H
#define AP_UNWIND_UNWIND_H

#include "base/arena.h"
#include "image/image.h"

struct ap_unwind;

struct ap_native_frame {
	ap_addr pc; /* return address, but the faulting instruction in the first frame */
	ap_addr sp;
	ap_addr fp; /* rbp while this frame runs (its caller's, if it made no frame); 0: unknown */
	bool exact_pc; /* pc is the instruction itself (first frame, signal frame) */
};

typedef AP_VEC(struct ap_native_frame) ap_native_frame_vec;

/* No module is opened before the first stack is asked for. */
struct ap_err *ap_unwind_open(const struct ap_image *image, struct ap_unwind **ret_unwind);
void ap_unwind_close(struct ap_unwind *unwind);

/*
 * The stack of a thread, innermost first, at most `limit` frames (0: 16384). Where unwinding breaks
 * off although the stack goes on, it continues with the frame that called out to a library that is
 * not here, or at the first of `resume` (frame pointers known from elsewhere, ascending, such as
 * V8's last exit frame) that lies above, with the caller of that frame; *ret_broken tells that it
 * broke off, resumed or not: frames are missing. Never loops: stack pointers must rise, but for a
 * few signal handlers on stacks of their own.
 */
struct ap_err *ap_unwind_thread(struct ap_unwind *unwind, const struct ap_thread *thread,
				const ap_addr *resume, size_t n_resume, size_t limit,
				struct ap_arena *arena, ap_native_frame_vec *ret_frames,
				bool *ret_broken);

/* Demangles a C++ name into the arena; returns `name` itself if it is none, or absurdly long. */
const char *ap_demangle(const char *name, struct ap_arena *arena);

#endif
