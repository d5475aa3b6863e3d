/*
 * JavaScript frames: what one machine frame (a frame pointer and the address it returns to) means.
 *
 * Ownership as in v8/v8.h. One machine frame of optimised code gives several frames, innermost
 * first.
 */
#ifndef AP_V8_FRAME_H
#define AP_V8_FRAME_H

#include "v8/function.h"

enum ap_v8_frame_kind {
	AP_V8_FRAME_UNKNOWN, /* no V8 frame, or one that does not decode */
	AP_V8_FRAME_TYPED,   /* entry, exit, stub ...: `type` is its number */
	AP_V8_FRAME_BUILTIN, /* a builtin called like a function: `function` is set */
	AP_V8_FRAME_INTERPRETED,
	AP_V8_FRAME_BASELINE,
	AP_V8_FRAME_MAGLEV,
	AP_V8_FRAME_TURBOFAN,
};

struct ap_v8_frame {
	enum ap_v8_frame_kind kind;
	bool inlined;      /* no machine frame of its own: the caller's code holds it */
	bool is_construct; /* called by `new` */
	ap_addr fp, pc;
	unsigned type;      /* AP_V8_FRAME_TYPED */
	ap_tagged function; /* JSFunction; 0 if only `shared` is known (inlined frames) */
	ap_tagged shared, context, bytecode;
	int32_t offset; /* bytecode offset; -1 unknown */
	bool has_receiver;
	struct ap_slot receiver;
	size_t n_arguments;        /* actual ones, without the receiver */
	struct ap_slot *arguments; /* tagged 0 with is_missing: the optimiser dropped it */
	bool *argument_missing;    /* NULL: none is */
	/* Interpreter registers r0.., for locals; of optimised code those that it still needs. */
	size_t n_registers;
	struct ap_slot *registers;
	bool *register_missing; /* NULL: none is */
};

typedef AP_VEC(struct ap_v8_frame) ap_v8_frame_vec;

/*
 * Decodes the machine frame at `fp` whose code is at `pc` (a return address unless `exact_pc`).
 * Appends one frame or more; AP_V8_FRAME_UNKNOWN when it is none of V8's.
 */
struct ap_err *ap_v8_frame_decode(struct ap_v8 *v8, ap_addr fp, ap_addr pc, bool exact_pc,
				  struct ap_arena *arena, ap_v8_frame_vec *frames);
/*
 * Where the function of the frame at `fp` stands while a builtin that made no frame of its own runs
 * for it: the return address into its compiled code that lies above `sp`.
 */
bool ap_v8_frame_return(struct ap_v8 *v8, ap_addr fp, ap_addr sp, ap_addr *ret_pc);
const char *ap_v8_frame_type_name(struct ap_v8 *v8, unsigned type);

/*
 * code.c: compiled code. `code` is a Code object; `instructions` its first instruction.
 */
struct ap_code {
	ap_tagged code;
	ap_addr start, end; /* instructions */
	unsigned kind;      /* V8's CodeKind */
	bool is_baseline;
};

/* The Code that holds `pc`: first guess the function's own, else found from the pc itself. */
bool ap_code_at(struct ap_v8 *v8, ap_tagged function, ap_addr pc, struct ap_code *ret);
/*
 * The machine code of a Code, of the InstructionStream in front of it, or of a JSFunction; false
 * for builtins, whose code is the binary's, and for functions of 13.6 and later, which reach theirs
 * through a table outside the heap.
 */
bool ap_code_of(struct ap_v8 *v8, ap_tagged object, struct ap_code *ret);
/* "InterpreterEntryTrampoline" for a pc in the embedded builtins or their copy; NULL else. */
const char *ap_builtin_name(struct ap_v8 *v8, ap_addr pc, struct ap_arena *arena);
/* Is pc in the builtins inside the binary or in a copy of them near the code range (12.4 and
 * later)? */
bool ap_is_builtin_pc(struct ap_v8 *v8, ap_addr pc);
/* Sparkplug: the bytecode offset of a pc (tables: one VLQ per bytecode). */
bool ap_baseline_offset(struct ap_v8 *v8, const struct ap_code *code, ap_tagged bytecode,
			ap_addr pc, bool exact_pc, int32_t *ret_offset);
/* Is this the code of `function`? False where a frame pointer is still the caller's. */
bool ap_code_is_of(struct ap_v8 *v8, const struct ap_code *code, ap_tagged function);
/* deopt.c: the SharedFunctionInfo that optimised code was compiled from. */
bool ap_code_shared(struct ap_v8 *v8, const struct ap_code *code, ap_tagged *ret);
bool ap_code_is_maglev(const struct ap_v8 *v8, const struct ap_code *code);
bool ap_code_is_optimised(const struct ap_v8 *v8, const struct ap_code *code);
/* Does optimised code that called the frame above do so by `new`, without a construct frame
 * between? */
bool ap_deopt_calls_new(struct ap_v8 *v8, const struct ap_code *code, ap_addr fp, ap_addr pc);
/* deopt.c: frames of Maglev and TurboFan code at `pc`, innermost first, appended to `frames`. */
bool ap_deopt_frames(struct ap_v8 *v8, const struct ap_code *code, ap_addr fp, ap_addr pc,
		     bool exact_pc, struct ap_arena *arena, ap_v8_frame_vec *frames);

#endif
