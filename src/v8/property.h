/*
 * Own properties of an object, whatever way V8 stores them, and what the object's map says of it.
 *
 * Ownership as in v8/v8.h: nothing is allocated; an iterator only points into the target. Every
 * step is bounded by what the containers' checked lengths allow.
 */
#ifndef AP_V8_PROPERTY_H
#define AP_V8_PROPERTY_H

#include "v8/function.h"

enum ap_own_kind {
	AP_OWN_DATA,
	AP_OWN_ACCESSOR, /* getter and setter in an AccessorPair */
	AP_OWN_NATIVE,   /* computed by V8: an AccessorInfo */
};

enum { AP_READ_ONLY = 1, AP_DONT_ENUM = 2, AP_DONT_DELETE = 4 }; /* PropertyAttributes */

struct ap_own {
	ap_tagged key; /* a String or a Symbol; for dictionary elements unused */
	enum ap_own_kind kind;
	unsigned attributes;
	bool readable;            /* false: the value could not be read */
	struct ap_slot slot;      /* AP_OWN_DATA */
	ap_tagged accessor;       /* AccessorPair or AccessorInfo */
	ap_tagged getter, setter; /* of a pair; 0 if absent */
	uint32_t order;           /* place in the order of creation */
	uint64_t address;         /* of the slot that holds the value, 0 if it has none */
};

struct ap_own_iter {
	struct ap_v8 *v8;
	ap_tagged object;
	struct ap_map_info map;
	ap_tagged table; /* descriptors, NameDictionary or GlobalDictionary */
	uint64_t i, n;
	enum { AP_OWN_FAST, AP_OWN_DICTIONARY, AP_OWN_GLOBAL, AP_OWN_NONE } mode;
	bool broken; /* the container itself could not be read, or not wholly */
};

/* False if `object` is no JavaScript object. */
bool ap_own_begin(struct ap_v8 *v8, ap_tagged object, struct ap_own_iter *ret_iter);
/* The next property; V8's own private symbols come too (see ap_key_kind()). */
bool ap_own_next(struct ap_own_iter *iter, struct ap_own *ret);
/* The own property of a name. */
bool ap_own_find(struct ap_v8 *v8, ap_tagged object, const char *name, struct ap_own *ret);
/* The same through the prototype chain. */
bool ap_own_lookup(struct ap_v8 *v8, ap_tagged object, const char *name, struct ap_own *ret);
/* The own or inherited tagged data value of a name; false for accessors. */
bool ap_own_value(struct ap_v8 *v8, ap_tagged object, const char *name, ap_tagged *ret);

/* May the object hold a toStringTag of its own? V8 keeps a flag. */
bool ap_own_may_be_tagged(const struct ap_own_iter *iter);

enum ap_key_kind {
	AP_KEY_STRING,
	AP_KEY_SYMBOL,
	AP_KEY_PRIVATE_NAME, /* #x */
	AP_KEY_HIDDEN,       /* private symbols of V8 and of embedders, brands */
};
enum ap_key_kind ap_key_kind(struct ap_v8 *v8, ap_tagged key);
/* The well-known symbol of that description ("Symbol.toStringTag"). */
bool ap_key_is_well_known(struct ap_v8 *v8, ap_tagged key, const char *description);

/* What a (non-private) AccessorPair or AccessorInfo holds, into ret's kind, getter and setter. */
void ap_own_accessor(struct ap_v8 *v8, ap_tagged accessor, struct ap_own *ret);

bool ap_map_is_extensible(const struct ap_v8 *v8, const struct ap_map_info *map);
bool ap_map_is_prototype(const struct ap_v8 *v8, const struct ap_map_info *map);
/* The constructor at the end of the map's back pointers: a JSFunction or a template, else 0. */
ap_tagged ap_map_constructor(struct ap_v8 *v8, const struct ap_map_info *map);

#endif
