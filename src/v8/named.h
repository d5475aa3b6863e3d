/*
 * The names that V8's heap snapshots give to references between its own objects, see named.def.
 *
 * Ownership: names are constants. Offsets are bytes from the untagged object.
 */
#ifndef AP_V8_NAMED_H
#define AP_V8_NAMED_H

#include "v8/v8.h"

struct ap_named_field {
	int type; /* instance type */
	int offset;
	const char *name;
	bool weak;
};

/* Calls `fn` for each field that this V8 has, in V8's order. */
void ap_v8_each_named_field(const struct ap_v8 *v8,
			    void (*fn)(void *arg, const struct ap_named_field *field), void *arg);

/* V8's name of a slot of a native context, or NULL: native_context.def. */
const char *ap_v8_native_slot_name(const struct ap_v8 *v8, int slot);

#endif
