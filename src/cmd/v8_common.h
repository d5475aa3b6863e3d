/* What the commands that show V8's layouts share. Only files v8_*.c include this. */
#ifndef AP_CMD_V8_COMMON_H
#define AP_CMD_V8_COMMON_H

#include "cmd/commands.h"
#include "cmd/values.h"
#include "model/core.h"
#include "v8/v8.h"

/* The V8 of the target, or why there is none. */
struct ap_err *ap_require_v8(struct ap_ctx *ctx, struct ap_v8 **ret_v8);
/* The tagged word that the line speaks of: mdb's address or dot, elsewhere the first word. */
struct ap_err *ap_v8_address(struct ap_ctx *ctx, ap_tagged *ret_object);
/* "ADDR (TYPE)" as mdb_v8 wrote values, without a newline. */
void ap_v8_out_typed(struct ap_ctx *ctx, ap_tagged object);
/* The short form of a word, for JSON and for its type. */
struct ap_value ap_v8_describe(struct ap_ctx *ctx, ap_tagged object);

/* A constant that the binary's metadata symbols carry. */
struct ap_v8_constant {
	const char *name;  /* of the type, frame type or field */
	const char *class; /* fields only */
	const char *type;  /* fields only, as V8 names it: "Object", "Tagged_Context_", "char" */
	int value;
};
/* All fields of all classes, by class and name; v8_constants.c. */
struct ap_err *ap_v8_fields(struct ap_ctx *ctx, const struct ap_v8_constant **ret_fields,
			    size_t *ret_n);

/* v8_code.c: the instructions of a function or of a code object. */
struct ap_v8_code {
	ap_tagged object; /* the BytecodeArray or the Code */
	ap_addr start, end;
	bool is_bytecode;
	AP_VEC(struct ap_v8_instruction {
		ap_addr address;
		const char *text;
	})
	instructions; /* only if `disassemble` */
};
/* *ret_code stays untouched and *ret_found false where the object has none of its own. */
struct ap_err *ap_v8_code_read(struct ap_ctx *ctx, ap_tagged object, bool disassemble,
			       bool *ret_found, struct ap_v8_code *ret_code);
/* The members of an open object. */
void ap_v8_code_json(const struct ap_v8_code *code, struct ap_json *j);
void ap_v8_code_text(struct ap_ctx *ctx, const struct ap_v8_code *code);

#endif
