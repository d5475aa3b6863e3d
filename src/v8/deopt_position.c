/*
 * Where an asynchronous signal hits optimised code, or a call that cannot deoptimise (an
 * allocation, the check of the stack's end): the code's source positions tell the place, and by an
 * inlining id through which calls it came to be there (src/codegen/source-position.h).
 */
#include "v8/deopt.h"

enum {
	POSITION_IS_EXTERNAL = 1,
	POSITION_OFFSET_MASK = 0x3fffffff,
	POSITION_INLINING_SHIFT = 31,
	POSITION_INLINING_MASK = 0xffff,
	INLINING_BYTES = 16, /* InliningPosition: position, function's index, padding */
	MAX_DEPTH = 1024,
};

static bool frame_at_position(struct ap_v8 *v8, ap_tagged shared, int64_t position,
			      struct ap_arena *arena, struct ap_deopt_frame *ret)
{
	struct ap_deopt_frame f = {.op = AP_TR_FRAME_JS, .shared = shared, .offset = -1};
	struct ap_function_info info;

	if (!ap_v8_is(v8, shared, AP_F_T_SHARED_FUNCTION_INFO) ||
	    !ap_shared_info(v8, shared, arena, &info))
		return false;
	if (info.bytecode && position >= 0 && !(position & POSITION_IS_EXTERNAL))
		(void)ap_bytecode_offset_of(v8, info.bytecode,
					    (int32_t)(position >> 1 & POSITION_OFFSET_MASK) - 1,
					    &f.offset);
	*ret = f;
	return true;
}

/* The position of the instruction that executes: the last entry at or before it. */
static bool position_of_pc(struct ap_v8 *v8, const struct ap_code *code, uint64_t at, int64_t *ret)
{
	struct ap_cursor c;
	uint64_t table;
	int64_t offset = -1, position = 0, found = -1;

	if (!ap_v8_word(v8, code->code, F(v8, CODE_POSITIONS), &table) ||
	    !ap_code_table(v8, table, &c))
		return false;
	while (ap_positions_next(v8, &c, &offset, &position, NULL) && offset <= (int64_t)at)
		found = position;
	*ret = found;
	return found >= 0;
}

bool ap_deopt_frames_of_position(struct ap_v8 *v8, const struct ap_deopt_data *d,
				 const struct ap_code *code, uint64_t at, struct ap_arena *arena,
				 ap_deopt_frame_vec *frames)
{
	struct ap_cursor inlining = {0};
	int64_t position;
	ap_tagged shared;
	uint64_t w;
	size_t n = 0;

	if (!ap_deopt_shared(v8, d, &shared) || !position_of_pc(v8, code, at, &position))
		return false;
	if (ap_v8_array_at(v8, d->array, (uint64_t)F(v8, DEOPT_INLINING_POSITIONS), &w) &&
	    ap_code_table(v8, w, &inlining))
		n = ap_cursor_left(&inlining) / INLINING_BYTES;
	for (size_t depth = 0;; depth++) {
		int64_t id = (position >> POSITION_INLINING_SHIFT & POSITION_INLINING_MASK) - 1;
		struct ap_deopt_frame f;
		ap_tagged inlined = shared;
		int32_t function;

		if (id >= 0) {
			if ((size_t)id >= n || depth >= MAX_DEPTH)
				return false;
			memcpy(&function, inlining.p + (size_t)id * INLINING_BYTES + 8,
			       sizeof(function));
			/* No literal: a function whose inlining leaves no trace. */
			if (!ap_deopt_literal(v8, d, function, &inlined))
				return false;
		}
		if (!frame_at_position(v8, inlined, position, arena, &f) ||
		    !ap_vec_push(arena, frames, f))
			return false;
		if (id < 0)
			break;
		memcpy(&position, inlining.p + (size_t)id * INLINING_BYTES, sizeof(position));
	}
	for (size_t i = 0; i < frames->n / 2; i++) {
		struct ap_deopt_frame other = frames->at[i];

		frames->at[i] = frames->at[frames->n - 1 - i];
		frames->at[frames->n - 1 - i] = other;
	}
	return true;
}
