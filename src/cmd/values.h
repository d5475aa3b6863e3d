/*
 * Values as JSON (docs/json/print.md) and as text: shared by all commands that show values.
 *
 * Ownership: texts are the arena's or the out's; nothing is kept.
 */
#ifndef AP_CMD_VALUES_H
#define AP_CMD_VALUES_H

#include "cmd/cmd.h"

/* The short form. */
void ap_json_value(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		   const struct ap_value *value);
/*
 * The full form, `depth` levels of it. `detail` is `value`'s own, NULL for primitives; `limits`
 * hold for the details that further levels ask for.
 */
void ap_json_full_value(struct ap_ctx *ctx, struct ap_json *j, const char *key,
			const struct ap_value *value, const struct ap_detail *detail,
			const struct ap_detail_limits *limits, unsigned depth);
/* [] {name, value} */
void ap_json_variables(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		       const struct ap_variable *variables, size_t n);
/* Integers from 1, null when unknown. */
void ap_json_position(struct ap_json *j, const char *key, int position);

/* What `word` or dot means as a value: an address with or without its tag, or a tagged Smi. */
uint64_t ap_ref_of(uint64_t address);
/* An address as a person types it back: bare tagged word in mdb, 0x form elsewhere. */
void ap_out_ref(struct ap_out *out, enum ap_dialect dialect, const struct ap_value *value);

/* The preview, in colour by type. */
void ap_out_preview(struct ap_ctx *ctx, const struct ap_value *value);

/* "name = preview  0xADDR" on a line of its own. */
void ap_plain_variable(struct ap_ctx *ctx, const struct ap_variable *variable, int indent);

/* mdb's type text: `JSObject: Dog`, `SMI: value = 1`, `Oddball: "null"`, `ConsString: "x"`. */
void ap_mdb_type(struct ap_ctx *ctx, const struct ap_value *value);
/* V8's class name as mdb_v8's users know it: JSObject, JSArray, JSFunction, Oddball ... */
const char *ap_mdb_class(const struct ap_value *value);
/* "<anonymous> (as NAME)" and its like. */
void ap_mdb_function_name(struct ap_out *out, struct ap_text name, struct ap_text inferred);
/* Text as mdb prints it: not escaped, non-ASCII and control characters but newline become '?'. */
void ap_mdb_ascii(struct ap_out *out, struct ap_text text);

struct ap_mdb_print {
	bool addresses; /* -a */
	bool has_base;  /* -b */
	uint64_t base;
	uint64_t depth;
	uint64_t max_string; /* -N, 0: no limit */
};
/* ::jsprint's text of one value, without a newline at its end. */
void ap_mdb_value(struct ap_ctx *ctx, const struct ap_value *value,
		  const struct ap_mdb_print *print, int indent);

/* llnode's one-line form: 0xADDR:<Object: Dog>, <Smi: 1>. */
void ap_llnode_value(struct ap_ctx *ctx, const struct ap_value *value, size_t string_length);

#endif
