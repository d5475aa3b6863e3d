/*
 * The layout of V8's frames on x86-64 (src/execution/frame-constants.h, frames.cc):
 *
 *   fp+16+8*i  arguments, the receiver first      fp-16  JSFunction
 *   fp+8       return address                     fp-24  argument count
 *   fp+0       caller's fp                        fp-32  BytecodeArray       (interpreter,
 * baseline) fp-8       context, or type<<1 of typed ones  fp-40  Smi offset, or
 * FeedbackVector/FeedbackCell
 */
#include "v8/frame.h"

enum {
	MAX_ARGUMENTS = 65536,
	MAX_REGISTERS = 65536,
	MAX_TYPE = 64,
	MAX_STUB_BYTES = 4096,
};

static const struct {
	enum ap_fact_id fact;
	const char *name;
} type_names[] = {
	{AP_F_FRAME_ENTRY, "EntryFrame"},
	{AP_F_FRAME_CONSTRUCT_ENTRY, "ConstructEntryFrame"},
	{AP_F_FRAME_EXIT, "ExitFrame"},
	{AP_F_FRAME_BUILTIN_EXIT, "BuiltinExitFrame"},
	{AP_F_FRAME_API_CALLBACK_EXIT, "ApiCallbackExitFrame"},
	{AP_F_FRAME_API_CONSTRUCT_EXIT, "ApiConstructExitFrame"},
	{AP_F_FRAME_API_NAMED_ACCESSOR_EXIT, "ApiNamedAccessorExitFrame"},
	{AP_F_FRAME_API_INDEXED_ACCESSOR_EXIT, "ApiIndexedAccessorExitFrame"},
	{AP_F_FRAME_BUILTIN, "BuiltinFrame"},
	{AP_F_FRAME_INTERNAL, "InternalFrame"},
	{AP_F_FRAME_CONSTRUCT, "ConstructFrame"},
	{AP_F_FRAME_FAST_CONSTRUCT, "FastConstructFrame"},
	{AP_F_FRAME_STUB, "StubFrame"},
};

const char *ap_v8_frame_type_name(struct ap_v8 *v8, unsigned type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
		if (v8->profile.facts[type_names[i].fact].value == (int32_t)type)
			return type_names[i].name;
	}
	return "InternalFrame";
}

static bool frame_word(const struct ap_v8 *v8, ap_addr fp, int64_t offset, uint64_t *ret)
{
	return ap_image_u64(v8->image, fp + (uint64_t)offset, ret);
}

/*
 * Were we called by `new`: is the caller's frame a construct frame, or code that was optimised to
 * call a derived class's constructor without one (13.6 and later)?
 */
static bool frame_called_by_new(struct ap_v8 *v8, ap_addr fp)
{
	uint64_t caller, marker, pc, function;
	struct ap_code code;

	if (!frame_word(v8, fp, 0, &caller) || caller <= fp || !frame_word(v8, caller, -8, &marker))
		return false;
	if (marker & 1)
		return frame_word(v8, fp, 8, &pc) &&
		       frame_word(v8, caller, F(v8, FP_FUNCTION), &function) &&
		       ap_code_at(v8, function, pc, &code) &&
		       ap_deopt_calls_new(v8, &code, caller, pc);
	marker >>= 1;
	return marker < MAX_TYPE && ((int64_t)marker == F(v8, FRAME_CONSTRUCT) ||
				     (int64_t)marker == F(v8, FRAME_FAST_CONSTRUCT));
}

/* Receiver and actual arguments of a frame with its own machine frame. */
static struct ap_err *frame_arguments(struct ap_v8 *v8, struct ap_v8_frame *f,
				      struct ap_arena *arena)
{
	uint64_t argc, w;

	if (frame_word(v8, f->fp, F(v8, FP_ARGS), &w)) {
		f->has_receiver = true;
		f->receiver = (struct ap_slot){.tagged = w};
	}
	if (!frame_word(v8, f->fp, F(v8, FP_ARGC), &argc) || argc > MAX_ARGUMENTS)
		return NULL;
	size_t n = (size_t)argc - (argc ? (size_t)F(v8, ARGC_HAS_RECEIVER) : 0);
	f->arguments = ap_alloc_array(arena, n ? n : 1, sizeof(*f->arguments));
	if (!f->arguments)
		return &ap_err_nomem;
	while (f->n_arguments < n) {
		if (!frame_word(v8, f->fp, F(v8, FP_ARGS) + 8 + 8 * (int64_t)f->n_arguments, &w))
			break;
		f->arguments[f->n_arguments++] = (struct ap_slot){.tagged = w};
	}
	return NULL;
}

/* The interpreter's register file lies below the fixed part; baseline code keeps the same layout.
 */
static struct ap_err *frame_registers(struct ap_v8 *v8, struct ap_v8_frame *f,
				      struct ap_arena *arena)
{
	uint32_t bytes;

	if (!ap_v8_u32(v8, f->bytecode, F(v8, BYTECODE_FRAME_SIZE), &bytes) || bytes % 8 ||
	    bytes / 8 > MAX_REGISTERS)
		return NULL;
	f->registers = ap_alloc_array(arena, bytes / 8 + 1, sizeof(*f->registers));
	if (!f->registers)
		return &ap_err_nomem;
	for (size_t i = 0; i < bytes / 8; i++) {
		if (!frame_word(v8, f->fp, F(v8, FP_REGISTERS) - 8 * (int64_t)i,
				&f->registers[i].tagged))
			break;
		f->n_registers = i + 1;
	}
	return NULL;
}

static struct ap_err *frame_push(ap_v8_frame_vec *frames, struct ap_arena *arena,
				 const struct ap_v8_frame *f)
{
	return ap_vec_push(arena, frames, *f) ? NULL : &ap_err_nomem;
}

/* A C++ builtin called from JavaScript: its frame names the target (BuiltinExitFrameConstants). */
static struct ap_err *frame_builtin_exit(struct ap_v8 *v8, struct ap_v8_frame *f,
					 struct ap_arena *arena)
{
	uint64_t target, new_target, argc, w;

	if (!frame_word(v8, f->fp, F(v8, FP_EXIT_TARGET), &target) ||
	    !ap_type_is_function(v8, ap_v8_type(v8, target)))
		return NULL;
	f->kind = AP_V8_FRAME_BUILTIN;
	f->function = target;
	if (frame_word(v8, f->fp, F(v8, FP_EXIT_NEW_TARGET), &new_target))
		f->is_construct = ap_is_object(new_target) && !ap_v8_is_undefined(v8, new_target);
	if (frame_word(v8, f->fp, F(v8, FP_EXIT_RECEIVER), &w)) {
		f->has_receiver = true;
		f->receiver = (struct ap_slot){.tagged = w};
	}
	/* argc counts receiver, target, new target, argc itself and a padding word. */
	if (!frame_word(v8, f->fp, F(v8, FP_EXIT_ARGC), &argc) || !ap_is_smi(argc) ||
	    ap_smi(argc) < 5 || ap_smi(argc) > MAX_ARGUMENTS)
		return NULL;
	size_t n = (size_t)ap_smi(argc) - 5;
	f->arguments = ap_alloc_array(arena, n ? n : 1, sizeof(*f->arguments));
	if (!f->arguments)
		return &ap_err_nomem;
	while (f->n_arguments < n &&
	       frame_word(v8, f->fp, F(v8, FP_EXIT_RECEIVER) + 8 + 8 * (int64_t)f->n_arguments, &w))
		f->arguments[f->n_arguments++] = (struct ap_slot){.tagged = w};
	return NULL;
}

static struct ap_err *frame_bytecode(struct ap_v8 *v8, struct ap_v8_frame *f,
				     const struct ap_code *code, bool exact_pc,
				     struct ap_arena *arena)
{
	uint64_t w;

	AP_TRY(frame_arguments(v8, f, arena));
	AP_TRY(frame_registers(v8, f, arena));
	f->offset = -1;
	if (!frame_word(v8, f->fp, F(v8, FP_OFFSET), &w))
		return NULL;
	if (ap_is_smi(w)) {
		f->kind = AP_V8_FRAME_INTERPRETED;
		if (ap_smi(w) >= 0 && ap_has_fact(v8, AP_F_BYTECODE_HEADER))
			f->offset = ap_smi(w) - (F(v8, BYTECODE_HEADER) - 1);
		return NULL;
	}
	/* A feedback vector or cell in place of the offset: Sparkplug. */
	f->kind = AP_V8_FRAME_BASELINE;
	if (code) {
		(void)ap_baseline_offset(v8, code, f->bytecode, f->pc, exact_pc, &f->offset);
	} else if (exact_pc) {
		/* The part of the prologue that all baseline code shares: not begun yet. */
		const char *builtin = ap_builtin_name(v8, f->pc, arena);

		if (builtin && strcmp(builtin, "BaselineOutOfLinePrologue") == 0)
			f->offset = 0;
	}
	return NULL;
}

bool ap_v8_frame_return(struct ap_v8 *v8, ap_addr fp, ap_addr sp, ap_addr *ret_pc)
{
	uint64_t function, bytecode, w;

	if ((fp & 7) || (sp & 7) || sp >= fp ||
	    !frame_word(v8, fp, F(v8, FP_FUNCTION), &function) ||
	    !ap_type_is_function(v8, ap_v8_type(v8, function)))
		return false;
	if (frame_word(v8, fp, F(v8, FP_BYTECODE), &bytecode) && ap_is_object(bytecode) &&
	    ap_v8_is(v8, bytecode, AP_F_T_BYTECODE_ARRAY) &&
	    frame_word(v8, fp, F(v8, FP_OFFSET), &w) && ap_is_smi(w))
		return false; /* interpreted: the builtin is the handler of a bytecode */
	/* What the builtin pushed, then the return address; then the frame itself. */
	for (ap_addr at = sp;
	     at < fp && at - sp < MAX_STUB_BYTES && ap_image_u64(v8->image, at, &w); at += 8) {
		const struct ap_segment *s;
		struct ap_code code;

		if (ap_is_object(w) && ap_v8_type(v8, w) >= 0)
			continue;
		s = ap_image_segment_at(v8->image, w);
		if (!s || !(s->flags & PF_X) || !ap_code_at(v8, function, w, &code) ||
		    w == code.start || !(code.is_baseline || ap_code_is_optimised(v8, &code)) ||
		    !ap_code_is_of(v8, &code, function))
			continue;
		*ret_pc = w;
		return true;
	}
	return false;
}

struct ap_err *ap_v8_frame_decode(struct ap_v8 *v8, ap_addr fp, ap_addr pc, bool exact_pc,
				  struct ap_arena *arena, ap_v8_frame_vec *frames)
{
	struct ap_v8_frame f = {.kind = AP_V8_FRAME_UNKNOWN, .fp = fp, .pc = pc, .offset = -1};
	const struct ap_v8_frame unknown = f;
	uint64_t context, function, bytecode;
	struct ap_code code;

	if ((fp & 7) || !frame_word(v8, fp, F(v8, FP_CONTEXT), &context))
		return frame_push(frames, arena, &f);
	if (!(context & 1)) {
		if (context >> 1 >= MAX_TYPE || !context)
			return frame_push(frames, arena, &f);
		f.kind = AP_V8_FRAME_TYPED;
		f.type = (unsigned)(context >> 1);
		if ((int32_t)f.type == F(v8, FRAME_BUILTIN_EXIT))
			AP_TRY(frame_builtin_exit(v8, &f, arena));
		return frame_push(frames, arena, &f);
	}
	if (!ap_type_is_context(v8, ap_v8_type(v8, context)) ||
	    !frame_word(v8, fp, F(v8, FP_FUNCTION), &function) ||
	    !ap_type_is_function(v8, ap_v8_type(v8, function)))
		return frame_push(frames, arena, &f);
	f.function = function;
	f.context = context;
	f.is_construct = frame_called_by_new(v8, fp);
	bool has_code = !ap_is_builtin_pc(v8, pc) && ap_code_at(v8, function, pc, &code) &&
			(code.is_baseline || ap_code_is_optimised(v8, &code));
	/* Before its frame was made, after it was taken down: what fp shows is the caller. */
	if (has_code && exact_pc && !ap_code_is_of(v8, &code, function))
		return frame_push(frames, arena, &unknown);
	/*
	 * Code that was optimised while it ran (on-stack replacement) keeps the fixed part of the
	 * frame that it took over, with an offset of long ago: the pc decides.
	 */
	if (!(has_code && ap_code_is_optimised(v8, &code)) &&
	    frame_word(v8, fp, F(v8, FP_BYTECODE), &bytecode) && ap_is_object(bytecode) &&
	    ap_v8_is(v8, bytecode, AP_F_T_BYTECODE_ARRAY)) {
		f.bytecode = bytecode;
		AP_TRY(frame_bytecode(v8, &f, has_code ? &code : NULL, exact_pc, arena));
		return frame_push(frames, arena, &f);
	}
	if (has_code) {
		size_t before = frames->n;

		if (ap_deopt_frames(v8, &code, fp, pc, exact_pc, arena, frames) &&
		    frames->n > before) {
			/* The outermost frame owns the machine frame: its arguments are on the
			 * stack. */
			struct ap_v8_frame *outer = &frames->at[frames->n - 1];

			outer->function = function;
			outer->context = context;
			outer->is_construct = f.is_construct;
			return frame_arguments(v8, outer, arena);
		}
		/* Compiled code without a deoptimisation point here: the function is certain. */
		frames->n = before;
		f.kind = code.is_baseline               ? AP_V8_FRAME_BASELINE
			 : ap_code_is_maglev(v8, &code) ? AP_V8_FRAME_MAGLEV
							: AP_V8_FRAME_TURBOFAN;
		AP_TRY(frame_arguments(v8, &f, arena));
		return frame_push(frames, arena, &f);
	}
	f.kind = AP_V8_FRAME_BUILTIN;
	AP_TRY(frame_arguments(v8, &f, arena));
	return frame_push(frames, arena, &f);
}
