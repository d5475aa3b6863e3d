/*
 * Deoptimisation data: what optimised code keeps of the functions that it stands for. Inside of
 * deopt*.c.
 *
 * Ownership: everything borrows from the image or lives in the caller's arena.
 */
#ifndef AP_V8_DEOPT_H
#define AP_V8_DEOPT_H

#include "v8/frame.h"
#include "v8/translation.h"

struct ap_deopt_data {
	ap_tagged array, translations, literals;
	uint32_t n_entries, n_literals;
};

/* A value as a translation gives it. */
struct ap_deopt_value {
	struct ap_slot slot;
	bool missing;
};

struct ap_deopt_frame {
	enum ap_translation_op op;
	bool is_construct;
	int32_t offset; /* of the bytecode; -1 unknown */
	ap_tagged shared;
	AP_VEC(struct ap_deopt_value) values; /* function, receiver, parameters, context ... */
	AP_VEC(struct ap_deopt_value) extra;  /* of the arguments' frame before it */
};

typedef AP_VEC(struct ap_deopt_frame) ap_deopt_frame_vec;

/* deopt_data.c */
bool ap_deopt_data_read(struct ap_v8 *v8, ap_tagged code, struct ap_deopt_data *ret);
bool ap_deopt_literal(struct ap_v8 *v8, const struct ap_deopt_data *d, int32_t index,
		      ap_tagged *ret);
/* The function that was compiled. */
bool ap_deopt_shared(struct ap_v8 *v8, const struct ap_deopt_data *d, ap_tagged *ret);
/* The translation of a return address. */
bool ap_deopt_translation(struct ap_v8 *v8, const struct ap_deopt_data *d,
			  const struct ap_code *code, ap_addr pc, int32_t *ret_translation);
/* deopt_position.c: frames at `at` bytes into the instructions by source positions, outermost
 * first. */
bool ap_deopt_frames_of_position(struct ap_v8 *v8, const struct ap_deopt_data *d,
				 const struct ap_code *code, uint64_t at, struct ap_arena *arena,
				 ap_deopt_frame_vec *frames);

#endif
