/*
 * Frames of optimised code. One machine frame stands for the function that was compiled and all that were
 * inlined at that place; which ones, and where each of them is, is what deoptimisation data is for.
 *
 * The way is V8's own (OptimizedFrame::Summarize in src/execution/frames.cc): the safepoint table behind
 * the instructions gives the deoptimisation entry of a return address, the entry gives a translation, the
 * translation gives frames and values.
 */
#include "v8/frame.h"
#include "v8/translation.h"

enum {
	DEOPT_TRANSLATIONS = 0, /* indices in the data's array (objects/deoptimization-data.h) */
	DEOPT_ENTRY_WORDS = 3,
	DEOPT_ENTRY_TRANSLATION = 1,
	DEOPT_ENTRY_PC = 2,
	MAX_ENTRIES = 1 << 20,
	MAX_FRAMES = 1024,
	MAX_VALUES = 1 << 16, /* of one frame */
	SAFEPOINT_MAX_BYTES = 4,
};

struct deopt_data {
	ap_tagged array, translations, literals;
	uint32_t n_entries, n_literals;
};

/* A value as a translation gives it. */
struct deopt_value {
	struct ap_slot slot;
	bool missing;
};

struct deopt_frame {
	enum ap_translation_op op;
	bool is_construct;
	int32_t offset;
	ap_tagged shared;
	AP_VEC(struct deopt_value) values; /* function, receiver, parameters, context ... */
	AP_VEC(struct deopt_value) extra;  /* of the arguments' frame before it */
};

typedef AP_VEC(struct deopt_frame) deopt_frame_vec;

static bool array_length(struct ap_v8 *v8, ap_tagged array, uint32_t *ret)
{
	int32_t n;

	if (!ap_is_object(array) || !ap_v8_smi(v8, array, F(v8, FIXED_ARRAY_LENGTH), &n) || n < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool entry_smi(struct ap_v8 *v8, const struct deopt_data *d, uint32_t entry, uint32_t field, int32_t *ret)
{
	uint64_t w;

	if (entry >= d->n_entries ||
	    !ap_v8_array_at(v8, d->array,
			    (uint64_t)F(v8, DEOPT_FIRST_ENTRY) + (uint64_t)entry * DEOPT_ENTRY_WORDS + field, &w) ||
	    !ap_is_smi(w))
		return false;
	*ret = ap_smi(w);
	return true;
}

static bool deopt_data_read(struct ap_v8 *v8, ap_tagged code, struct deopt_data *ret)
{
	struct deopt_data d;
	uint32_t n, first = (uint32_t)F(v8, DEOPT_FIRST_ENTRY);

	if (!ap_v8_word(v8, code, F(v8, CODE_DEOPT_DATA), &d.array) || !array_length(v8, d.array, &n) ||
	    n < first + DEOPT_ENTRY_WORDS || (n - first) % DEOPT_ENTRY_WORDS != 0 ||
	    n / DEOPT_ENTRY_WORDS > MAX_ENTRIES ||
	    !ap_v8_array_at(v8, d.array, DEOPT_TRANSLATIONS, &d.translations) ||
	    !ap_v8_array_at(v8, d.array, (uint64_t)F(v8, DEOPT_LITERALS), &d.literals) ||
	    !array_length(v8, d.literals, &d.n_literals))
		return false;
	d.n_entries = (n - first) / DEOPT_ENTRY_WORDS;
	*ret = d;
	return true;
}

static bool literal(struct ap_v8 *v8, const struct deopt_data *d, int32_t index, ap_tagged *ret)
{
	uint64_t w;

	if (index < 0 || (uint32_t)index >= d->n_literals || !ap_v8_array_at(v8, d->literals, (uint64_t)index, &w))
		return false;
	/* Literals may be held weakly; a cleared one has an upper half only. */
	if (ap_is_weak(w)) {
		if ((uint32_t)w == 3)
			return false;
		w &= ~2ull;
	}
	*ret = w;
	return true;
}

/* ---- the safepoint table: return address -> entry ---- */

static uint32_t cursor_bytes_le(struct ap_cursor *c, unsigned bytes)
{
	const uint8_t *p = ap_cursor_bytes(c, bytes);
	uint32_t v = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

/*
 * Does the entry belong to this place? Its own pc is where the call returns to (TurboFan) or the exit to
 * which the return address is redirected once the code is invalid (Maglev): either way the two tables
 * vouch for each other.
 */
static bool entry_agrees(struct ap_v8 *v8, const struct deopt_data *d, int64_t index, uint32_t pc, uint32_t trampoline)
{
	int32_t entry_pc;

	return index >= 0 && index < d->n_entries &&
	       entry_smi(v8, d, (uint32_t)index, DEOPT_ENTRY_PC, &entry_pc) && entry_pc >= 0 &&
	       ((uint32_t)entry_pc == pc || (uint32_t)entry_pc == trampoline);
}

/* 9.4: entries of three 32-bit words, pc, index and trampoline, behind two words. */
static bool safepoint_entry_wide(struct ap_v8 *v8, const struct deopt_data *d, struct ap_cursor c, uint32_t pc,
				 uint32_t *ret)
{
	uint32_t n = ap_cursor_u32(&c);

	(void)ap_cursor_u32(&c);
	for (uint32_t i = 0; i < n && i < MAX_ENTRIES && !c.bad; i++) {
		uint32_t at = ap_cursor_u32(&c), index = ap_cursor_u32(&c), trampoline = ap_cursor_u32(&c);

		if (c.bad || (at != pc && trampoline != pc) || !entry_agrees(v8, d, (int32_t)index, at, trampoline))
			continue;
		*ret = index;
		return true;
	}
	return false;
}

/* Later: the sizes of the fields stand in a word of bit fields (src/codegen/safepoint-table.h). */
static bool safepoint_entry(struct ap_v8 *v8, const struct deopt_data *d, const struct ap_code *code, bool is_maglev,
			    uint32_t pc, uint32_t *ret)
{
	uint64_t have;
	uint32_t n, config;
	const uint8_t *p = ap_image_view(v8->image, code->end, &have);

	if (!p)
		return false;
	struct ap_cursor c = ap_cursor_of(p, have);
	if (!ap_has_fact(v8, AP_F_SAFEPOINT_CONFIG))
		return !is_maglev && safepoint_entry_wide(v8, d, c, pc, ret);
	/* The number of entries stands before the configuration. */
	(void)ap_cursor_bytes(&c, (uint64_t)F(v8, SAFEPOINT_CONFIG) - 4);
	n = ap_cursor_u32(&c);
	config = ap_cursor_u32(&c);
	bool has_deopt = config & 1;
	unsigned register_bytes = config >> 1 & 7, pc_bytes = config >> 4 & 7, index_bytes = config >> 7 & 7;

	if (!has_deopt || !pc_bytes || pc_bytes > SAFEPOINT_MAX_BYTES || index_bytes > SAFEPOINT_MAX_BYTES ||
	    register_bytes > SAFEPOINT_MAX_BYTES || n > MAX_ENTRIES)
		return false;
	if (is_maglev) {
		if (!ap_has_fact(v8, AP_F_MAGLEV_SAFEPOINT_SLOTS))
			return false;
		(void)ap_cursor_bytes(&c, (uint64_t)F(v8, MAGLEV_SAFEPOINT_SLOTS));
		register_bytes++; /* how many registers were pushed */
	}
	for (uint32_t i = 0; i < n && !c.bad; i++) {
		uint32_t at = cursor_bytes_le(&c, pc_bytes);
		int64_t index = (int64_t)cursor_bytes_le(&c, index_bytes) - 1;
		uint32_t trampoline = cursor_bytes_le(&c, pc_bytes) - 1;

		(void)ap_cursor_bytes(&c, register_bytes);
		if (c.bad || (at != pc && trampoline != pc) || !entry_agrees(v8, d, index, at, trampoline))
			continue;
		*ret = (uint32_t)index;
		return true;
	}
	return false;
}

/* Without a safepoint table that decodes: the entry whose pc is the return address (TurboFan). */
static bool entry_of_pc(struct ap_v8 *v8, const struct deopt_data *d, uint32_t pc, uint32_t *ret)
{
	for (uint32_t i = 0; i < d->n_entries; i++) {
		int32_t at;

		if (entry_smi(v8, d, i, DEOPT_ENTRY_PC, &at) && at > 0 && (uint32_t)at == pc) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* ---- values ---- */

/* Slots count down from the caller's: 0 is the return address, 1 the saved fp, -1 the receiver. */
static bool slot_word(const struct ap_v8 *v8, ap_addr fp, int32_t slot, uint64_t *ret)
{
	return ap_image_u64(v8->image, fp + (uint64_t)(8 - 8 * (int64_t)slot), ret);
}

static struct deopt_value value_of_double(double v)
{
	return (struct deopt_value){.slot = {.is_raw_double = true, .number = v}};
}

static struct deopt_value value_of_integer(int64_t v)
{
	if (v >= INT32_MIN && v <= INT32_MAX)
		return (struct deopt_value){.slot = {.tagged = (uint64_t)v << 32}};
	return value_of_double((double)v);
}

static struct deopt_value value_read(struct ap_v8 *v8, const struct deopt_data *d, ap_addr fp,
				     const struct ap_translation_step *step)
{
	const struct deopt_value missing = {.missing = true};
	int32_t operand = step->operands[0];
	uint64_t w;
	double number;
	float single;

	if (step->op == AP_TR_LITERAL) {
		struct deopt_value v = missing;

		/* 9.4 and 10.2 say "optimised out" with an oddball of that name. */
		if (literal(v8, d, operand, &v.slot.tagged))
			v.missing = ap_is_object(v.slot.tagged) &&
				    ap_v8_oddball(v8, v.slot.tagged) == AP_ODDBALL_OTHER;
		return v;
	}
	if (step->op < AP_TR_TAGGED_SLOT || step->op > AP_TR_HOLEY_DOUBLE_SLOT || !slot_word(v8, fp, operand, &w))
		return missing;
	switch (step->op) {
	case AP_TR_TAGGED_SLOT:
		return (struct deopt_value){.slot = {.tagged = w}};
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
		return step->op == AP_TR_HOLEY_DOUBLE_SLOT && number != number ? missing : value_of_double(number);
	}
}

/* ---- frames ---- */

static bool frame_of_step(struct ap_v8 *v8, const struct deopt_data *d, const struct ap_translation_step *step,
			  struct deopt_frame *ret)
{
	struct deopt_frame f = {.op = step->op, .offset = -1};

	if (step->op == AP_TR_FRAME_JS || step->op == AP_TR_FRAME_BUILTIN_JS) {
		if (!literal(v8, d, step->operands[1], &f.shared) ||
		    !ap_v8_is(v8, f.shared, AP_F_T_SHARED_FUNCTION_INFO))
			return false;
		if (step->op == AP_TR_FRAME_JS)
			f.offset = step->operands[0];
	}
	*ret = f;
	return true;
}

/* All frames of one entry, outermost first. */
static bool frames_translate(struct ap_v8 *v8, const struct deopt_data *d, uint32_t entry, ap_addr fp,
			     struct ap_arena *arena, deopt_frame_vec *frames)
{
	struct ap_translation t;
	struct ap_translation_step step;
	int32_t index;
	uint64_t nested = 0;

	if (!entry_smi(v8, d, entry, DEOPT_ENTRY_TRANSLATION, &index) ||
	    !ap_translation_open(v8, d->translations, index, &t))
		return false;
	while (ap_translation_next(&t, &step)) {
		if (ap_translation_is_frame(step.op)) {
			struct deopt_frame f;

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
			struct deopt_frame *f = &frames->at[frames->n - 1];

			if (f->values.n >= MAX_VALUES ||
			    !ap_vec_push(arena, &f->values, value_read(v8, d, fp, &step)))
				return false;
		}
		if (step.op == AP_TR_CAPTURED_OBJECT && step.operands[0] > 0)
			nested += (uint32_t)step.operands[0];
		else if (step.op == AP_TR_STRING_CONCAT)
			nested += 2;
	}
	return !t.at.bad && frames->n != 0;
}

static bool frame_arguments(struct ap_v8_frame *out, const struct deopt_value *values, size_t n,
			    struct ap_arena *arena)
{
	out->arguments = ap_alloc_array(arena, n ? n : 1, sizeof(*out->arguments));
	out->argument_missing = ap_alloc_array(arena, n ? n : 1, sizeof(*out->argument_missing));
	if (!out->arguments || !out->argument_missing)
		return false;
	for (size_t i = 0; i < n; i++) {
		out->arguments[i] = values[i].slot;
		out->argument_missing[i] = values[i].missing;
	}
	out->n_arguments = n;
	return true;
}

/* values: function, receiver, formal parameters, context, registers; `extra`: function, receiver, actual ones. */
static bool frame_values(struct ap_v8 *v8, const struct deopt_frame *f, int formal_parameters,
			 struct ap_arena *arena, struct ap_v8_frame *out)
{
	const struct deopt_value *v = f->values.at;
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

static bool frame_build(struct ap_v8 *v8, const struct deopt_frame *f, const struct ap_v8_frame *base,
			struct ap_arena *arena, struct ap_v8_frame *ret)
{
	struct ap_v8_frame out = *base;
	struct ap_function_info info;
	uint32_t length;

	if (!ap_shared_info(v8, f->shared, arena, &info))
		return false;
	out.shared = f->shared;
	out.is_construct = f->is_construct;
	out.inlined = true;
	if (f->op == AP_TR_FRAME_BUILTIN_JS) {
		out.kind = AP_V8_FRAME_BUILTIN;
	} else {
		out.bytecode = info.bytecode;
		if (info.bytecode && ap_v8_array_length(v8, info.bytecode, &length) && f->offset >= 0 &&
		    (uint32_t)f->offset < length)
			out.offset = f->offset;
	}
	if (!frame_values(v8, f, info.formal_parameters, arena, &out))
		return false;
	*ret = out;
	return true;
}

/* Frames that are none for JavaScript tell of the next one: called by new, called with these arguments. */
static void frames_join(deopt_frame_vec *frames)
{
	const struct deopt_frame *arguments = NULL;
	bool is_construct = false;
	size_t n = 0;

	for (size_t i = 0; i < frames->n; i++) {
		struct deopt_frame *f = &frames->at[i];

		if (f->op == AP_TR_FRAME_CONSTRUCT) {
			is_construct = true;
		} else if (f->op == AP_TR_FRAME_ARGUMENTS) {
			arguments = f;
		} else if (f->op == AP_TR_FRAME_JS || f->op == AP_TR_FRAME_BUILTIN_JS) {
			struct deopt_frame joined = *f;

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

bool ap_deopt_frames(struct ap_v8 *v8, const struct ap_code *code, ap_addr fp, ap_addr pc,
		     bool exact_pc, struct ap_arena *arena, ap_v8_frame_vec *frames)
{
	bool is_maglev = ap_has_fact(v8, AP_F_CODE_KIND_MAGLEV) && (int32_t)code->kind == F(v8, CODE_KIND_MAGLEV);
	struct ap_v8_frame base = {
		.kind = is_maglev ? AP_V8_FRAME_MAGLEV : AP_V8_FRAME_TURBOFAN,
		.fp = fp,
		.pc = pc,
		.offset = -1,
	};
	deopt_frame_vec found = {0};
	struct deopt_data data;
	uint32_t entry, at = (uint32_t)(pc - code->start);
	size_t before = frames->n;

	/* A place that an asynchronous signal hit has no entry. */
	if (exact_pc || code->is_baseline || pc <= code->start || !deopt_data_read(v8, code->code, &data))
		return false;
	if (!safepoint_entry(v8, &data, code, is_maglev, at, &entry) &&
	    (is_maglev || !entry_of_pc(v8, &data, at, &entry)))
		return false;
	if (!frames_translate(v8, &data, entry, fp, arena, &found))
		return false;
	frames_join(&found);
	for (size_t i = found.n; i-- > 0;) {
		struct ap_v8_frame f;

		if (!frame_build(v8, &found.at[i], &base, arena, &f))
			goto fail;
		f.inlined = i > 0;
		if (!ap_vec_push(arena, frames, f))
			goto fail;
	}
	return frames->n > before;
fail:
	frames->n = before;
	return false;
}
