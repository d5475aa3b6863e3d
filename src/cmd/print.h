/* What print and its twins in mdb and llnode share. */
#ifndef AP_CMD_PRINT_H
#define AP_CMD_PRINT_H

#include "cmd/cmd.h"

struct ap_print_item {
	struct ap_value value;
	bool has_detail; /* false for primitives */
	struct ap_detail detail;
	const char *missing; /* mdb: this member does not exist; NULL else */
	bool has_base;       /* mdb -b: the object that the member was taken from */
	uint64_t base;
};

struct ap_print {
	AP_VEC(struct ap_print_item) items; /* one, but mdb takes several members */
	struct ap_detail_limits limits;
	unsigned depth;
};

/* The full form of what `item->value` is. */
struct ap_err *ap_print_load(struct ap_ctx *ctx, const struct ap_detail_limits *limits,
			     struct ap_print_item *item);
void ap_print_json(struct ap_ctx *ctx, const void *data, struct ap_json *j);
/* print_plain.c */
void ap_print_plain(struct ap_ctx *ctx, const void *data);
/* v8_inspect.c */
struct ap_llnode_print {
	bool detailed, full_string, map, source;
	size_t length; /* of strings and arrays */
};
void ap_llnode_item(struct ap_ctx *ctx, const struct ap_print_item *item,
		    const struct ap_llnode_print *print);

#endif
