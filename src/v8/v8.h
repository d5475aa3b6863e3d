/*
 * V8 inside an image: isolates, tagged words, maps, strings. The only layer that knows layouts.
 *
 * Ownership: struct ap_v8 borrows the image and owns its caches; results are built in the caller's
 * arena. All functions bound their work: chains are depth-limited, lengths are checked against what
 * the memory holds, and a word that does not decode gives `false` or AP_E_FAULT, never a guess.
 *
 * A tagged word is a Smi (bit 0 clear, value in the upper 32 bits) or a heap object (low bits 01;
 * 11 is a weak reference). Offsets are bytes from the untagged object.
 */
#ifndef AP_V8_V8_H
#define AP_V8_V8_H

#include "base/arena.h"
#include "base/str.h"
#include "image/image.h"
#include "v8/profile.h"

typedef uint64_t ap_tagged;

static inline bool ap_is_smi(ap_tagged w)
{
	return !(w & 1);
}
static inline int32_t ap_smi(ap_tagged w)
{
	return (int32_t)(w >> 32);
}
static inline bool ap_is_object(ap_tagged w)
{
	return (w & 3) == 1;
}
static inline bool ap_is_weak(ap_tagged w)
{
	return (w & 3) == 3;
}

/* What we keep of a Map; `address` is tagged. */
struct ap_map_info {
	ap_tagged address;
	uint16_t type;
	uint8_t size_words, inobject_start, used_or_unused, bit_field, bit_field2;
	uint32_t bit_field3;
	ap_tagged prototype, constructor, descriptors;
};

struct ap_isolate {
	ap_addr address;
	size_t thread;       /* index of the thread that runs it; SIZE_MAX unknown */
	bool thread_guessed; /* helpers of V8 carry it, too, and nothing tells which one runs it */
	ap_addr c_entry_fp;  /* frame pointer of the innermost exit frame; 0: in JavaScript or idle
			      */
	bool is_main;
};

struct ap_v8_private;

/* Static tables of the binary; NULL where it lacks them. */
struct ap_v8_tables {
	const uint8_t *bytecode_sizes; /* [3][n_bytecodes] */
	size_t n_bytecodes;
	const int32_t *translation_counts;
	size_t n_translations;
	ap_addr root_names, builtins; /* arrays of RootsTable's names, of BuiltinMetadata */
	size_t n_roots, n_builtins;
	size_t first_root;            /* the number of the map of free space */
	ap_addr blob_start, blob_end; /* embedded builtins in the binary, in memory addresses */
};

struct ap_v8 {
	const struct ap_image *image;
	const struct ap_module *module; /* that holds V8 */
	struct ap_profile profile;
	struct ap_v8_tables tables;
	AP_VEC(struct ap_isolate) isolates;
	struct ap_arena arena; /* of the session */
	struct {
		struct ap_map_info *at;
		size_t n, cap;
	} maps;            /* cache, open addressing by address */
	ap_tagged map_map; /* the last map of maps seen; 0 before */
	struct ap_v8_private *private;
};

/* Names that the binary has: "one_pointer_filler_map", of the root table's entry so many words
 * after the map of free space; "Abort". NULL if there is none. */
const char *ap_v8_root_name(const struct ap_v8 *v8, int32_t number, struct ap_arena *arena);
const char *ap_v8_builtin_name(const struct ap_v8 *v8, int32_t number, struct ap_arena *arena);

struct ap_err *ap_v8_open(const struct ap_image *image, struct ap_v8 **ret_v8);
void ap_v8_close(struct ap_v8 *v8);

/* Value of a fact; AP_FACT_NONE where this V8 has no such thing. */
#define F(v8, id) ((v8)->profile.facts[AP_F_##id].value)
static inline bool ap_has_fact(const struct ap_v8 *v8, enum ap_fact_id id)
{
	return v8->profile.facts[id].value != AP_FACT_NONE;
}

/* The word at `offset` of a tagged object. */
static inline bool ap_v8_word(const struct ap_v8 *v8, ap_tagged object, int64_t offset,
			      uint64_t *ret)
{
	return (object & 1) && ap_image_u64(v8->image, (object & ~3ull) + (uint64_t)offset, ret);
}
static inline bool ap_v8_u32(const struct ap_v8 *v8, ap_tagged object, int64_t offset,
			     uint32_t *ret)
{
	return (object & 1) && ap_image_u32(v8->image, (object & ~3ull) + (uint64_t)offset, ret);
}
static inline bool ap_v8_u16(const struct ap_v8 *v8, ap_tagged object, int64_t offset,
			     uint16_t *ret)
{
	return (object & 1) && ap_image_u16(v8->image, (object & ~3ull) + (uint64_t)offset, ret);
}
/* A word that must be a Smi. */
static inline bool ap_v8_smi(const struct ap_v8 *v8, ap_tagged object, int64_t offset, int32_t *ret)
{
	uint64_t w;

	if (!ap_v8_word(v8, object, offset, &w) || !ap_is_smi(w))
		return false;
	*ret = ap_smi(w);
	return true;
}

/*
 * map.c: the word that says what an object is. A collection in progress leaves there, untagged,
 * where the object is now; all else of the old copy stays as it was.
 */
bool ap_v8_map_word(const struct ap_v8 *v8, ap_tagged object, uint64_t *ret_map);
/* The map of an object, or NULL if it is no heap object. Valid until ap_v8_close(). */
bool ap_v8_map(struct ap_v8 *v8, ap_tagged object, struct ap_map_info *ret_map);
/* The instance type, or -1. */
int ap_v8_type(struct ap_v8 *v8, ap_tagged object);
static inline bool ap_v8_is(struct ap_v8 *v8, ap_tagged object, enum ap_fact_id type)
{
	int32_t want = v8->profile.facts[type].value;

	return want != AP_FACT_NONE && ap_v8_type(v8, object) == want;
}
/* "Map", "FixedArray": V8's name of an instance type (type.c). */
struct ap_text ap_v8_type_name(const struct ap_v8 *v8, int type, struct ap_arena *arena);
bool ap_type_is_string(const struct ap_v8 *v8, int type);
bool ap_type_is_receiver(const struct ap_v8 *v8, int type);
bool ap_type_is_function(const struct ap_v8 *v8, int type); /* JSFunction and its subtypes */
bool ap_type_is_context(const struct ap_v8 *v8, int type);
int ap_map_elements_kind(const struct ap_v8 *v8, const struct ap_map_info *map);
bool ap_map_is_dictionary(const struct ap_v8 *v8, const struct ap_map_info *map);

/* A FixedArray-like object: length in elements, checked against memory; elements by index. */
bool ap_v8_array_length(struct ap_v8 *v8, ap_tagged array, uint32_t *ret_length);
static inline bool ap_v8_array_at(const struct ap_v8 *v8, ap_tagged array, uint64_t index,
				  uint64_t *ret)
{
	return ap_v8_word(v8, array, F(v8, FIXED_ARRAY_DATA) + (int64_t)(8 * index), ret);
}

enum ap_oddball {
	AP_ODDBALL_NONE = -1,
	AP_ODDBALL_FALSE,
	AP_ODDBALL_TRUE,
	AP_ODDBALL_NULL,
	AP_ODDBALL_UNDEFINED,
	AP_ODDBALL_HOLE,
	AP_ODDBALL_OTHER,
};
/* string.c */
enum ap_oddball ap_v8_oddball(struct ap_v8 *v8, ap_tagged object);
static inline bool ap_v8_is_undefined(struct ap_v8 *v8, ap_tagged w)
{
	return ap_v8_oddball(v8, w) == AP_ODDBALL_UNDEFINED;
}
/* Length in UTF-16 code units. */
bool ap_v8_string_length(struct ap_v8 *v8, ap_tagged string, uint32_t *ret_units);
/* Where the characters of an external string of this type lie. */
bool ap_v8_string_external(struct ap_v8 *v8, ap_tagged string, int type, ap_addr *ret_data);
/*
 * Appends units [start, start + units) of any string shape as WTF-8. False when some part is
 * unreadable or the shape is hostile; what was readable before is appended all the same.
 */
bool ap_v8_string_range(struct ap_v8 *v8, ap_tagged string, uint32_t start, uint32_t units,
			struct ap_str *out);
/* The text of a string, cut after `max_units`; s == NULL if it is no readable string. */
struct ap_text ap_v8_text(struct ap_v8 *v8, ap_tagged string, uint32_t max_units,
			  struct ap_arena *arena);
bool ap_v8_text_equals(struct ap_v8 *v8, ap_tagged string, const char *ascii);
/* A Smi or a HeapNumber as a double. */
bool ap_v8_number(struct ap_v8 *v8, ap_tagged value, double *ret);

/* The isolate of a thread, or NULL. */
const struct ap_isolate *ap_v8_isolate_of_thread(const struct ap_v8 *v8, size_t thread);
/* Whether a thread surely runs no JavaScript: V8's own helpers, which mark or compile what others
 * run. */
bool ap_v8_is_helper(const struct ap_v8 *v8, size_t thread);

#endif
