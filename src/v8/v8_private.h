/* Inside of struct ap_v8 that no other layer may see. */
#ifndef AP_V8_PRIVATE_H
#define AP_V8_PRIVATE_H

#include "base/cursor.h"
#include "v8/v8.h"

struct ap_line_table {
	ap_tagged script;
	const uint32_t *starts; /* UTF-16 units, n lines */
	size_t n;
	uint32_t units; /* of the text that were counted: fewer than it has where it breaks off */
};

enum { AP_MAX_BUILTIN_COPIES = 16 };

struct ap_v8_private {
	AP_VEC(struct ap_line_table) lines;
	struct {
		ap_addr start[AP_MAX_BUILTIN_COPIES]; /* each as long as the original */
		size_t n;
		bool searched;
	} builtin_copies;
	struct {
		const uint8_t *ops; /* enum ap_translation_op by opcode, or NULL */
		bool has_match;     /* MATCH_PREVIOUS_TRANSLATION exists */
		bool searched;
	} translations;
	struct {
		const char **at; /* by opcode, or NULL */
		bool searched;
	} bytecode_names;
	uint64_t vain_steps; /* of searches for code */
};

/* isolate.c: fills v8->isolates. */
struct ap_err *ap_v8_find_isolates(struct ap_v8 *v8);
/* tables.c: the static tables of the binary. */
void ap_v8_load_tables(struct ap_v8 *v8);
/* validate.c: samples every group and judges it. */
void ap_v8_validate(struct ap_v8 *v8);
/* code.c: the bytes of a table of compiled code, a ByteArray of either kind. */
bool ap_code_table(struct ap_v8 *v8, ap_tagged array, struct ap_cursor *ret);
/*
 * bytecode.c: one entry of a position table, of bytecode or of machine code; false at its end or
 * when it is none. Both start from offset -1 and position 0; the position packs an external flag
 * (bit 0), the script offset plus 1 (30 bits) and the inlining id plus 1.
 */
bool ap_positions_next(const struct ap_v8 *v8, struct ap_cursor *c, int64_t *offset,
		       int64_t *position, bool *ret_is_statement);
/* The bytes of a (Trusted)ByteArray that a BytecodeArray points to, a view into the image. */
bool ap_bytecode_table(struct ap_v8 *v8, ap_tagged array, const uint8_t **ret_data, size_t *ret_n);
/* The first bytecode of the expression at a source position. */
bool ap_bytecode_offset_of(struct ap_v8 *v8, ap_tagged bytecode, int32_t position,
			   int32_t *ret_offset);

#endif
