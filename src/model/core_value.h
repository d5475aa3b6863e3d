/*
 * What the files model/core_value.c and model/core_detail*.c share: values and their full forms.
 *
 * Ownership: all results are built in the caller's arena.
 */
#ifndef AP_MODEL_CORE_VALUE_H
#define AP_MODEL_CORE_VALUE_H

#include "model/core_private.h"
#include "v8/builtin.h"

/* A number that stands in no word of its own. */
struct ap_value ap_core_number(double number, struct ap_arena *arena);
/* ap_core_describe() with another limit for strings. */
struct ap_err *ap_core_describe_limited(struct ap_core_model *core, uint64_t ref,
					uint32_t max_units, struct ap_arena *arena,
					struct ap_value *ret);
/* 0 map keys, 1 map entries, 2 map values, 3 set entries, 4 set values; -1 none of them. */
int ap_core_collection_iterator(struct ap_v8 *v8, int type);

/* The work on one full form. */
struct ap_detail_job {
	struct ap_core_model *core;
	struct ap_v8 *v8;
	struct ap_arena *arena;
	const struct ap_detail_limits *limits;
	ap_tagged object;
	struct ap_map_info map;
	struct ap_detail *d;
};

/* Adds an extra; the value forms describe the word first. All fail only for memory. */
struct ap_err *ap_extra_null(struct ap_detail_job *job, const char *key);
struct ap_err *ap_extra_text(struct ap_detail_job *job, const char *key, struct ap_text text);
struct ap_err *ap_extra_int(struct ap_detail_job *job, const char *key, int64_t number);
struct ap_err *ap_extra_bool(struct ap_detail_job *job, const char *key, bool value);
struct ap_err *ap_extra_value(struct ap_detail_job *job, const char *key,
			      const struct ap_value *value);
/* The tagged word at `offset` of the object, as a value. */
struct ap_err *ap_extra_field(struct ap_detail_job *job, const char *key, int64_t offset);
struct ap_err *ap_extra_ref(struct ap_detail_job *job, const char *key, ap_tagged ref);
/* Line and column, null when unknown. */
struct ap_err *ap_extra_place(struct ap_detail_job *job, const struct ap_place *place);
/* No room for item number `n` of a list: notes the cut. */
bool ap_detail_full(struct ap_detail_job *job, size_t n);

/* core_detail_list.c: properties, elements, entries. */
struct ap_err *ap_detail_properties(struct ap_detail_job *job);
struct ap_err *ap_detail_elements(struct ap_detail_job *job);
struct ap_err *ap_detail_entries(struct ap_detail_job *job, ap_tagged table, bool is_map);
/* core_detail_kind.c: what only this type has. */
struct ap_err *ap_detail_kind(struct ap_detail_job *job);
/* core_detail_code.c: functions, generators, promises. core_detail_bytes.c: buffers and views. */
struct ap_err *ap_detail_function(struct ap_detail_job *job);
struct ap_err *ap_detail_bound(struct ap_detail_job *job);
struct ap_err *ap_detail_generator(struct ap_detail_job *job);
struct ap_err *ap_detail_promise(struct ap_detail_job *job);
struct ap_err *ap_detail_error(struct ap_detail_job *job);
struct ap_err *ap_detail_bytes(struct ap_detail_job *job);

#endif
