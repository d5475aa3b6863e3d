/*
 * Frames of optimised code. One machine frame stands for the function that was compiled and all
 * that were inlined at that place; which ones, and where each of them is, is what deoptimisation
 * data is for.
 *
 * The way is V8's own (OptimizedFrame::Summarize in src/execution/frames.cc): the safepoint table
 * behind the instructions gives the deoptimisation entry of a return address, the entry gives a
 * translation, the translation gives frames and values.
 */
#include "v8/deopt.h"

enum {
	MAX_FRAMES = 1024,
	MAX_VALUES = 1 << 16, /* of one frame */
};

/* ---- values ---- */

/* Slots count down from the caller's: 0 is the return address, 1 the saved fp, -1 the receiver. */
static bool slot_word(const struct ap_v8 *v8, ap_addr fp, int32_t slot, uint64_t *ret)
{
	return ap_image_u64(v8->image, fp + (uint64_t)(8 - 8 * (int64_t)slot), ret);
}

static struct ap_deopt_value value_of_double(double v)
{
	return (struct ap_deopt_value){.slot = {.is_raw_double = true, .number = v}};
}

static struct ap_deopt_value value_of_integer(int64_t v)
{
	if (v >= INT32_MIN && v <= INT32_MAX)
		return (struct ap_deopt_value){.slot = {.tagged = (uint64_t)v << 32}};
	return value_of_double((double)v);
}

static struct ap_deopt_value value_read(struct ap_v8 *v8, const struct ap_deopt_data *d, ap_addr fp,
					const struct ap_translation_step *step)
{
	const struct ap_deopt_value missing = {.missing = true};
	int32_t operand = step->operands[0];
	uint64_t w;
	double number;
	float single;

	if (step->op == AP_TR_LITERAL) {
		struct ap_deopt_value v = missing;

		/* 9.4 and 10.2 say "optimised out" with an oddball of that name. */
		if (ap_deopt_literal(v8, d, operand, &v.slot.tagged))
			v.missing = ap_is_object(v.slot.tagged) &&
				    ap_v8_oddball(v8, v.slot.tagged) == AP_ODDBALL_OTHER;
		return v;
	}
	if (step->op < AP_TR_TAGGED_SLOT || step->op > AP_TR_HOLEY_DOUBLE_SLOT ||
	    !slot_word(v8, fp, operand, &w))
		return missing;
	switch (step->op) {
	case AP_TR_TAGGED_SLOT:
		return (struct ap_deopt_value){.slot = {.tagged = w}};
	case AP_TR_INT32_SLOT:
		return value_of_integer((int32_t)w);
	case AP_TR_UINT32_SLOT:
		return value_of_integer((uint32_t)w);
	case AP_TR_INT64_SLOT:
		return value_of_integer((int64_t)w);
	case AP_TR_FLOAT_SLOT:
		memcpy(&single, &w, sizeof(single));
		return value_of_double((double)single);
	default:
		memcpy(&number, &w, sizeof(number));
		/* The hole is a NaN of its own: undefined, which has no number. */
		return step->op == AP_TR_HOLEY_DOUBLE_SLOT && number != number
			       ? missing
			       : value_of_double(number);
	}
}

/* ---- frames ---- */

static bool frame_of_step(struct ap_v8 *v8, const struct ap_deopt_data *d,
			  const struct ap_translation_step *step, struct ap_deopt_frame *ret)
{
	struct ap_deopt_frame f = {.op = step->op, .offset = -1};

	if (step->op == AP_TR_FRAME_JS || step->op == AP_TR_FRAME_BUILTIN_JS) {
		if (!ap_deopt_literal(v8, d, step->operands[1], &f.shared) ||
		    !ap_v8_is(v8, f.shared, AP_F_T_SHARED_FUNCTION_INFO))
			return false;
		if (step->op == AP_TR_FRAME_JS)
			f.offset = step->operands[0];
	}
	*ret = f;
	return true;
}

/* All frames of one translation, outermost first. */
static bool frames_translate(struct ap_v8 *v8, const struct ap_deopt_data *d, int32_t translation,
			     ap_addr fp, struct ap_arena *arena, ap_deopt_frame_vec *frames)
{
	struct ap_translation t;
	struct ap_translation_step step;
	uint64_t nested = 0;

	if (!ap_translation_open(v8, d->translations, translation, &t))
		return false;
	while (ap_translation_next(&t, &step)) {
		if (ap_translation_is_frame(step.op)) {
			struct ap_deopt_frame f;

			if (frames->n >= MAX_FRAMES || !frame_of_step(v8, d, &step, &f) ||
			    !ap_vec_push(arena, frames, f))
				return false;
			nested = 0;
			continue;
		}
		if (!ap_translation_is_value(step.op))
			continue;
		/* Values inside an object that the optimiser never built. */
		if (nested)
			nested--;
		else if (frames->n) {
			struct ap_deopt_frame *f = &frames->at[frames->n - 1];

			if (f->values.n >= MAX_VALUES ||
			    !ap_vec_push(arena, &f->values, value_read(v8, d, fp, &step)))
				return false;
		}
		if (step.op == AP_TR_CAPTURED_OBJECT && step.operands[0] > 0)
			nested += (uint32_t)step.operands[0];
		else if (step.op == AP_TR_STRING_CONCAT)
			nested += 2;
	}
	/* Fewer frames than announced: something did not decode, and who calls whom would be wrong.
	 */
	return frames->n != 0 && t.n_frames > 0 && frames->n == (size_t)t.n_frames;
}

/* Values as slots with a mark for what is missing. */
static bool values_copy(const struct ap_deopt_value *values, size_t n, struct ap_arena *arena,
			struct ap_slot **ret_slots, bool **ret_missing)
{
	struct ap_slot *slots = ap_alloc_array(arena, n ? n : 1, sizeof(*slots));
	bool *missing = ap_alloc_array(arena, n ? n : 1, sizeof(*missing));

	if (!slots || !missing)
		return false;
	for (size_t i = 0; i < n; i++) {
		slots[i] = values[i].slot;
		missing[i] = values[i].missing;
	}
	*ret_slots = slots;
	*ret_missing = missing;
	return true;
}

static bool frame_arguments(struct ap_v8_frame *out, const struct ap_deopt_value *values, size_t n,
			    struct ap_arena *arena)
{
	if (!values_copy(values, n, arena, &out->arguments, &out->argument_missing))
		return false;
	out->n_arguments = n;
	return true;
}

/* Behind function, receiver, parameters and context; the accumulator comes last. */
static bool frame_registers(struct ap_v8 *v8, const struct ap_deopt_frame *f, int formal_parameters,
			    struct ap_arena *arena, struct ap_v8_frame *out)
{
	size_t first = 3 + (formal_parameters > 0 ? (size_t)formal_parameters : 0);
	uint32_t bytes;

	/* What is not all there has not the shape that was thought. */
	if (f->op != AP_TR_FRAME_JS || formal_parameters < 0 || !out->bytecode ||
	    !ap_v8_u32(v8, out->bytecode, F(v8, BYTECODE_FRAME_SIZE), &bytes) || bytes % 8 ||
	    f->values.n != first + bytes / 8 + 1)
		return true;
	if (!values_copy(f->values.at + first, bytes / 8, arena, &out->registers,
			 &out->register_missing))
		return false;
	out->n_registers = bytes / 8;
	return true;
}

/*
 * Values of a frame: function, receiver, formal parameters, context, registers. Of the arguments'
 * frame before it: function, receiver, actual arguments.
 */
static bool frame_values(struct ap_v8 *v8, const struct ap_deopt_frame *f, int formal_parameters,
			 struct ap_arena *arena, struct ap_v8_frame *out)
{
	const struct ap_deopt_value *v = f->values.at;
	size_t n = f->values.n, formal = formal_parameters > 0 ? (size_t)formal_parameters : 0;

	if (n > 0 && !v[0].missing && !v[0].slot.is_raw_double &&
	    ap_type_is_function(v8, ap_v8_type(v8, v[0].slot.tagged)))
		out->function = v[0].slot.tagged;
	if (n > 1 && !v[1].missing) {
		out->has_receiver = true;
		out->receiver = v[1].slot;
	}
	if (n > 2 + formal && !v[2 + formal].missing && !v[2 + formal].slot.is_raw_double &&
	    ap_type_is_context(v8, ap_v8_type(v8, v[2 + formal].slot.tagged)))
		out->context = v[2 + formal].slot.tagged;
	if (f->extra.n >= 2)
		return frame_arguments(out, f->extra.at + 2, f->extra.n - 2, arena);
	if (formal_parameters < 0 || n < 2 + formal)
		return true;
	return frame_arguments(out, v + 2, formal, arena);
}

static bool frame_build(struct ap_v8 *v8, const struct ap_deopt_frame *f,
			const struct ap_v8_frame *base, bool inlined, struct ap_arena *arena,
			struct ap_v8_frame *ret)
{
	struct ap_v8_frame out = *base;
	struct ap_function_info info;
	int32_t length;

	if (!ap_shared_info(v8, f->shared, arena, &info))
		return false;
	out.shared = f->shared;
	out.is_construct = f->is_construct;
	out.inlined = inlined;
	if (f->op == AP_TR_FRAME_BUILTIN_JS) {
		out.kind = AP_V8_FRAME_BUILTIN;
	} else {
		out.bytecode = info.bytecode;
		if (info.bytecode &&
		    ap_v8_smi(v8, info.bytecode, F(v8, BYTECODE_LENGTH), &length) &&
		    f->offset >= 0 && f->offset < length)
			out.offset = f->offset;
	}
	if (!frame_registers(v8, f, info.formal_parameters, arena, &out))
		return false;
	/* The outermost function's receiver and arguments are on the stack. */
	if (inlined && !frame_values(v8, f, info.formal_parameters, arena, &out))
		return false;
	*ret = out;
	return true;
}

/* Frames that JavaScript does not see tell of the next one: called by new, with these arguments. */
static void frames_join(ap_deopt_frame_vec *frames)
{
	const struct ap_deopt_frame *arguments = NULL;
	bool is_construct = false;
	size_t n = 0;

	for (size_t i = 0; i < frames->n; i++) {
		struct ap_deopt_frame *f = &frames->at[i];

		if (f->op == AP_TR_FRAME_CONSTRUCT) {
			is_construct = true;
		} else if (f->op == AP_TR_FRAME_ARGUMENTS) {
			arguments = f;
		} else if (f->op == AP_TR_FRAME_JS || f->op == AP_TR_FRAME_BUILTIN_JS) {
			struct ap_deopt_frame joined = *f;

			joined.is_construct = is_construct;
			if (arguments) {
				joined.extra.at = arguments->values.at;
				joined.extra.n = arguments->values.n;
			}
			frames->at[n++] = joined;
			arguments = NULL;
			is_construct = false;
		}
	}
	frames->n = n;
}

/* ---- what frame.c asks ---- */

bool ap_code_is_of(struct ap_v8 *v8, const struct ap_code *code, ap_tagged function)
{
	struct ap_arena scratch;
	struct ap_function_info info;
	struct ap_deopt_data data;
	ap_tagged shared, bytecode;
	bool is_of = true;

	ap_arena_init(&scratch, 1 << 20);
	if (!ap_function_info(v8, function, &scratch, &info))
		is_of = false;
	else if (code->is_baseline)
		is_of = !info.bytecode ||
			!ap_v8_word(v8, code->code, F(v8, CODE_DEOPT_DATA), &bytecode) ||
			!ap_v8_is(v8, bytecode, AP_F_T_BYTECODE_ARRAY) || bytecode == info.bytecode;
	else
		is_of = !ap_deopt_data_read(v8, code->code, &data) ||
			!ap_deopt_shared(v8, &data, &shared) || shared == info.shared;
	ap_arena_close(&scratch);
	return is_of;
}

bool ap_code_shared(struct ap_v8 *v8, const struct ap_code *code, ap_tagged *ret)
{
	struct ap_deopt_data data;

	return ap_code_is_optimised(v8, code) && ap_deopt_data_read(v8, code->code, &data) &&
	       ap_deopt_shared(v8, &data, ret);
}

bool ap_deopt_calls_new(struct ap_v8 *v8, const struct ap_code *code, ap_addr fp, ap_addr pc)
{
	struct ap_arena scratch;
	ap_deopt_frame_vec found = {0};
	struct ap_deopt_data data;
	int32_t translation;
	bool calls_new = false;

	if (F(v8, OPTIMISED_CALLS_NEW) != 1 || !ap_code_is_optimised(v8, code) ||
	    pc <= code->start || !ap_deopt_data_read(v8, code->code, &data) ||
	    !ap_deopt_translation(v8, &data, code, pc, &translation))
		return false;
	ap_arena_init(&scratch, 16 << 20);
	if (frames_translate(v8, &data, translation, fp, &scratch, &found))
		calls_new = found.at[found.n - 1].op == AP_TR_FRAME_CONSTRUCT;
	ap_arena_close(&scratch);
	return calls_new;
}

bool ap_deopt_frames(struct ap_v8 *v8, const struct ap_code *code, ap_addr fp, ap_addr pc,
		     bool exact_pc, struct ap_arena *arena, ap_v8_frame_vec *frames)
{
	struct ap_v8_frame base = {
		.kind = ap_code_is_maglev(v8, code) ? AP_V8_FRAME_MAGLEV : AP_V8_FRAME_TURBOFAN,
		.fp = fp,
		.pc = pc,
		.offset = -1,
	};
	ap_deopt_frame_vec found = {0};
	struct ap_deopt_data data;
	int32_t translation;
	size_t before = frames->n;

	if (!ap_code_is_optimised(v8, code) || pc < code->start ||
	    !ap_deopt_data_read(v8, code->code, &data))
		return false;
	if (!exact_pc && ap_deopt_translation(v8, &data, code, pc, &translation)) {
		if (!frames_translate(v8, &data, translation, fp, arena, &found))
			return false;
	} else if (!ap_deopt_frames_of_position(v8, &data, code,
						pc - code->start -
							(exact_pc || pc == code->start ? 0 : 1),
						arena, &found)) {
		return false;
	}
	frames_join(&found);
	for (size_t i = found.n; i-- > 0;) {
		struct ap_v8_frame f;

		if (!frame_build(v8, &found.at[i], &base, i > 0, arena, &f) ||
		    !ap_vec_push(arena, frames, f)) {
			frames->n = before;
			return false;
		}
	}
	return frames->n > before;
}
