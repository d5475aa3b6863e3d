/*
 * Bytecodes one by one. Their sizes are in the binary (Bytecodes::kBytecodeSizes); their names are
 * those of the handlers that the interpreter's dispatch table points to
 * (src/interpreter/interpreter.h):
 *
 *     Interpreter { Isolate *isolate_; ...; Address dispatch_table_[3 * 256]; }
 *
 * The isolate points to the Interpreter: to what begins, after a word or two, with addresses of
 * builtins, one for each bytecode. Seen in 9.4 to 14.6.
 */
#include "v8/interpreter.h"

#include "v8/frame.h"
#include "v8/v8_private.h"

enum {
	/* The prefixes that double or quadruple the operands come first among the bytecodes. */
	WIDE,
	EXTRA_WIDE,
	DEBUG_BREAK_WIDE,
	DEBUG_BREAK_EXTRA_WIDE,
	MAX_BYTECODE_BYTES = 1 << 28,
	N_OPCODES = 256,
	N_SHORT_STARS = 16,
	ISOLATE_BYTES = 0x18000, /* the field stands below 0x10000 in all six lines */
	TABLE_SEARCH_BYTES = 32,
	PROBE = 5, /* the prefixes all have handlers */
	MIN_HANDLERS = 150,
};

bool ap_bytecodes_begin(struct ap_v8 *v8, ap_tagged bytecode, struct ap_bytecodes *ret)
{
	int32_t length;
	uint64_t have;

	if (!v8->tables.bytecode_sizes || !ap_v8_is(v8, bytecode, AP_F_T_BYTECODE_ARRAY) ||
	    !ap_v8_smi(v8, bytecode, F(v8, BYTECODE_LENGTH), &length) || length <= 0 ||
	    length > MAX_BYTECODE_BYTES)
		return false;
	const uint8_t *p = ap_image_view(
		v8->image, (bytecode & ~3ull) + (uint64_t)F(v8, BYTECODE_HEADER), &have);
	if (!p || have < (uint64_t)length)
		return false;
	*ret = (struct ap_bytecodes){.v8 = v8, .data = p, .length = (uint32_t)length};
	return true;
}

bool ap_bytecodes_next(struct ap_bytecodes *b, struct ap_bytecode_step *ret)
{
	const struct ap_v8_tables *t = &b->v8->tables;
	struct ap_cursor c = ap_cursor_of(b->data + b->at, b->length - b->at);
	struct ap_bytecode_step step = {.offset = b->at, .operand_bytes = 1};
	size_t scale = 0;

	if (b->broken || b->at >= b->length)
		return false;
	step.opcode = ap_cursor_u8(&c);
	if (step.opcode <= DEBUG_BREAK_EXTRA_WIDE) {
		scale = step.opcode == WIDE || step.opcode == DEBUG_BREAK_WIDE ? 1 : 2;
		step.operand_bytes = (uint8_t)(1 << scale);
		step.opcode = ap_cursor_u8(&c);
	}
	b->broken = true;
	if (c.bad || step.opcode >= t->n_bytecodes)
		return false;
	uint8_t size = t->bytecode_sizes[scale * t->n_bytecodes + step.opcode];
	if (!size)
		return false;
	step.n_operands_bytes = size - 1u;
	step.operands = ap_cursor_bytes(&c, size - 1u);
	if (!step.operands)
		return false;
	step.size = size + (scale ? 1u : 0u);
	b->at += step.size;
	b->broken = false;
	*ret = step;
	return true;
}

bool ap_bytecode_operand(const struct ap_bytecode_step *step, uint32_t i, uint32_t *ret)
{
	struct ap_cursor c = ap_cursor_of(step->operands, step->n_operands_bytes);

	(void)ap_cursor_bytes(&c, (uint64_t)i * step->operand_bytes);
	uint32_t operand = step->operand_bytes == 1   ? ap_cursor_u8(&c)
			   : step->operand_bytes == 2 ? ap_cursor_u16(&c)
						      : ap_cursor_u32(&c);
	if (c.bad)
		return false;
	*ret = operand;
	return true;
}

/* Registers are frame slots counted in words from fp, downwards from that of r0. */
static bool register_operand(const struct ap_v8 *v8, const struct ap_bytecode_step *step,
			     uint32_t i, int32_t *ret)
{
	uint32_t operand;

	if (!ap_bytecode_operand(step, i, &operand))
		return false;
	int32_t slot = step->operand_bytes == 1   ? (int8_t)operand
		       : step->operand_bytes == 2 ? (int16_t)operand
						  : (int32_t)operand;
	int64_t reg = (int64_t)F(v8, FP_REGISTERS) / 8 - slot;
	if (reg < INT32_MIN || reg > INT32_MAX)
		return false;
	*ret = (int32_t)reg;
	return true;
}

bool ap_bytecode_store(const struct ap_v8 *v8, const struct ap_bytecode_step *step,
		       int32_t *ret_register, int32_t *ret_source)
{
	int32_t star0 = F(v8, OP_STAR0), source = -1, target;

	if (step->opcode <= star0 && step->opcode > star0 - N_SHORT_STARS)
		target = star0 - step->opcode;
	else if (step->opcode == F(v8, OP_STAR)) {
		if (!register_operand(v8, step, 0, &target))
			return false;
	} else if (step->opcode != F(v8, OP_MOV) || !register_operand(v8, step, 0, &source) ||
		   !register_operand(v8, step, 1, &target))
		return false;
	*ret_register = target;
	*ret_source = source;
	return true;
}

/* Assigning to a parameter stores where the caller put it, above the receiver. */
static bool is_parameter(struct ap_v8 *v8, ap_tagged bytecode, int32_t target)
{
	int64_t index = (int64_t)(F(v8, FP_REGISTERS) - F(v8, FP_ARGS)) / 8 - target;
	uint32_t size;

	return ap_v8_u32(v8, bytecode, F(v8, BYTECODE_PARAMETER_SIZE), &size) && index > 0 &&
	       index < (int64_t)(size & 0xffff);
}

bool ap_bytecode_stores_plausible(struct ap_v8 *v8, ap_tagged bytecode)
{
	struct ap_bytecodes b;
	struct ap_bytecode_step step;
	int32_t target, source;
	uint32_t frame_bytes;

	if (!ap_bytecodes_begin(v8, bytecode, &b) ||
	    !ap_v8_u32(v8, bytecode, F(v8, BYTECODE_FRAME_SIZE), &frame_bytes))
		return false;
	while (ap_bytecodes_next(&b, &step)) {
		if (ap_bytecode_store(v8, &step, &target, &source) &&
		    (target < 0 || (uint32_t)target >= frame_bytes / 8) &&
		    !is_parameter(v8, bytecode, target))
			return false;
	}
	return !b.broken;
}

/* ---- names ---- */

static bool table_at(struct ap_v8 *v8, ap_addr table)
{
	unsigned handlers = 0;
	uint64_t w;

	for (unsigned i = 0; i < N_OPCODES; i++) {
		if (!ap_image_u64(v8->image, table + 8 * i, &w))
			return false;
		handlers += ap_is_builtin_pc(v8, w);
		if (i < PROBE && handlers <= i)
			return false;
	}
	return handlers >= MIN_HANDLERS;
}

static bool dispatch_table(struct ap_v8 *v8, ap_addr *ret)
{
	for (size_t n = 0; n < v8->isolates.n; n++) {
		ap_addr isolate = v8->isolates.at[n].address;
		uint64_t p;

		for (uint64_t i = 0; i < ISOLATE_BYTES && ap_image_u64(v8->image, isolate + i, &p);
		     i += 8) {
			if ((p & 7) || p < 4096)
				continue;
			for (ap_addr table = p; table < p + TABLE_SEARCH_BYTES; table += 8) {
				if (!table_at(v8, table))
					continue;
				*ret = table;
				return true;
			}
		}
	}
	return false;
}

static void names_load(struct ap_v8 *v8)
{
	static const char suffix[] = "Handler";
	const char **names = ap_alloc_array(&v8->arena, N_OPCODES, sizeof(*names));
	ap_addr table;
	unsigned star = 0;

	v8->private->bytecode_names.searched = true;
	if (!names || !dispatch_table(v8, &table))
		return;
	for (unsigned i = 0; i < N_OPCODES && i < v8->tables.n_bytecodes; i++) {
		uint64_t pc;

		if (!ap_image_u64(v8->image, table + 8 * i, &pc))
			continue;
		const char *name = ap_builtin_name(v8, pc, &v8->arena);
		size_t n = name ? strlen(name) : 0;
		if (n <= sizeof(suffix) - 1 || strcmp(name + n - (sizeof(suffix) - 1), suffix) != 0)
			continue;
		if (strcmp(name, "ShortStarHandler") == 0) /* Star15 comes first */
			names[i] = ap_printf(&v8->arena, "Star%d", N_SHORT_STARS - 1 - (int)star++);
		else
			names[i] = ap_strndup(&v8->arena, name, n - (sizeof(suffix) - 1));
	}
	v8->private->bytecode_names.at = names;
}

const char *ap_bytecode_name(struct ap_v8 *v8, uint8_t opcode)
{
	if (!v8->private->bytecode_names.searched)
		names_load(v8);
	return v8->private->bytecode_names.at ? v8->private->bytecode_names.at[opcode] : NULL;
}

bool ap_opcodes_discover(struct ap_v8 *v8)
{
	static const struct {
		enum ap_fact_id id;
		const char *name, *older;
	} wanted[] = {
		{AP_F_OP_STAR, "Star", NULL},
		{AP_F_OP_STAR0, "Star0", NULL},
		{AP_F_OP_MOV, "Mov", NULL},
		{AP_F_OP_LDA_THE_HOLE, "LdaTheHole", NULL},
		{AP_F_OP_GET_NAMED_PROPERTY, "GetNamedProperty", "LdaNamedProperty"},
	};
	int found[sizeof(wanted) / sizeof(wanted[0])];

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		found[i] = -1;
		for (unsigned op = 0; op < N_OPCODES && found[i] < 0; op++) {
			const char *name = ap_bytecode_name(v8, (uint8_t)op);

			if (name && (strcmp(name, wanted[i].name) == 0 ||
				     (wanted[i].older && strcmp(name, wanted[i].older) == 0)))
				found[i] = (int)op;
		}
		if (found[i] < 0)
			return false;
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		v8->profile.facts[wanted[i].id].value = found[i];
		v8->profile.facts[wanted[i].id].source = AP_FACT_DISCOVERED;
	}
	v8->profile.groups[AP_G_LOCALS].on = true;
	return true;
}
