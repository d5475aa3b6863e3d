/*
 * Frame translations of optimised code: byte code that says which frames a place in machine code
 * stands for, and where their values are (src/deoptimizer/translation-opcode.h,
 * frame-translation-builder.cc).
 *
 * Ownership: a translation only points into the image.
 *
 * The numbers of the opcodes move with every V8; they come from the names that the binary holds
 * (9.4 to 11.3), else from the list of translation.c whose operand counts are all those of the
 * binary's own table.
 */
#ifndef AP_V8_TRANSLATION_H
#define AP_V8_TRANSLATION_H

#include "v8/v8_private.h"

/* What an opcode means to us. */
enum ap_translation_op {
	AP_TR_UNKNOWN,
	AP_TR_BEGIN,
	AP_TR_MATCH_PREVIOUS,
	AP_TR_FEEDBACK, /* no value */
	/* Frames, outermost first. */
	AP_TR_FRAME_JS,         /* bytecode offset, literal of the SharedFunctionInfo, ... */
	AP_TR_FRAME_BUILTIN_JS, /* a builtin that JavaScript sees: id, literal, ... */
	AP_TR_FRAME_CONSTRUCT,  /* the next frame is called by `new` */
	AP_TR_FRAME_ARGUMENTS,  /* actual arguments of the next frame */
	AP_TR_FRAME_OTHER,
	/* Values. */
	AP_TR_VALUE, /* one we do not read: in a register, dropped, or to be built */
	AP_TR_LITERAL,
	AP_TR_TAGGED_SLOT,
	AP_TR_INT32_SLOT,
	AP_TR_UINT32_SLOT,
	AP_TR_INT64_SLOT,
	AP_TR_FLOAT_SLOT,
	AP_TR_DOUBLE_SLOT,
	AP_TR_HOLEY_DOUBLE_SLOT,
	AP_TR_CAPTURED_OBJECT, /* operand: so many values follow that belong to it */
	AP_TR_STRING_CONCAT,   /* two follow */
};

static inline bool ap_translation_is_frame(enum ap_translation_op op)
{
	return op >= AP_TR_FRAME_JS && op <= AP_TR_FRAME_OTHER;
}
static inline bool ap_translation_is_value(enum ap_translation_op op)
{
	return op >= AP_TR_VALUE;
}

struct ap_translation {
	struct ap_v8 *v8;
	struct ap_cursor at;
	const uint8_t *begin;
	/* MATCH_PREVIOUS_TRANSLATION: the basis, and how many opcodes more come from it. */
	struct ap_cursor basis;
	bool has_basis;
	uint32_t left_in_basis, since_basis;
	uint32_t steps;   /* taken; bounds hostile input */
	int32_t n_frames; /* that BEGIN announces */
};

struct ap_translation_step {
	enum ap_translation_op op;
	int32_t operands[2]; /* the first two, signed */
};

/* The translation at `index` of the table, behind its opening BEGIN. */
bool ap_translation_open(struct ap_v8 *v8, ap_tagged table, int32_t index,
			 struct ap_translation *ret);
/* The next opcode; false at the end, or when it does not decode: then frames are missing. */
bool ap_translation_next(struct ap_translation *t, struct ap_translation_step *ret);

#endif
