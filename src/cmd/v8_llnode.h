/* What v8 inspect and the one-line form of values share. */
#ifndef AP_CMD_V8_LLNODE_H
#define AP_CMD_V8_LLNODE_H

#include "cmd/values.h"

enum { AP_LLNODE_LENGTH = 16 }; /* of strings and lists, unless a flag says else */

struct ap_text ap_llnode_text(const struct ap_detail *detail, const char *key);
int64_t ap_llnode_int(const struct ap_detail *detail, const char *key);
/* "0xADDR:", nothing for what has no address. */
void ap_llnode_address(struct ap_out *out, const struct ap_value *value);
/* The whole of a primitive, its strings cut at `length` (0: not); false for objects. */
bool ap_llnode_primitive(struct ap_out *out, const struct ap_value *value, size_t length);
/* What stands between '<' and '>' of an object without its contents. */
void ap_llnode_head(struct ap_ctx *ctx, const struct ap_detail *detail);

#endif
