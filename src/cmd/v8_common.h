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

#endif
