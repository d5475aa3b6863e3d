/*
 * objects = ::findjsobjects = v8 findjsobjects: what its files share. Ownership: everything lives
 * in the command's arena, but the groups, which are the heap's.
 */
#ifndef AP_CMD_OBJECTS_PARTS_H
#define AP_CMD_OBJECTS_PARTS_H

#include "cmd/objects.h"
#include "cmd/objects_marks.h"

enum {
	OPT_CONSTRUCTOR,
	OPT_PROPERTY,
	OPT_KIND,
	OPT_LIST,
	OPT_ALL,
	OPT_INTERNAL,
	OPT_LIMIT,
	OPT_DETAILED,
	OPT_VERBOSE,
	OPT_MARK,
	OPT_REFERRERS,
	OPT_BRK
};

struct ap_objects_answer {
	struct ap_heap_summary summary;
	struct ap_heap_liveness liveness;
	AP_VEC(const struct ap_heap_group *) groups; /* what the filters leave */
	AP_VEC(uint64_t) addresses;                  /* instances, when they are asked for */
	bool list;                                   /* addresses, not groups */
	bool representatives;
	bool marking; /* -m, -r */
	struct ap_marks marks;
	uint64_t hidden_groups, hidden_count, hidden_bytes;
};

/* objects_filter.c: -c, -p, -k, a name as a word. */
struct ap_err *ap_objects_check_kind(const char *word);
bool ap_objects_filtered(const struct ap_ctx *ctx);
bool ap_objects_passes(const struct ap_ctx *ctx, const struct ap_heap_group *g);
/* Left out unless it is asked for. */
bool ap_objects_hidden(const struct ap_ctx *ctx, const struct ap_heap_group *g);

/* objects_text.c */
void ap_objects_json(struct ap_ctx *ctx, const void *p, struct ap_json *j);
void ap_objects_text(struct ap_ctx *ctx, const void *p);
void ap_objects_text_mdb(struct ap_ctx *ctx, const void *p);
void ap_objects_text_llnode(struct ap_ctx *ctx, const void *p);

#endif
