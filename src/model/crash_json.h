/*
 * A JSON file as a tree of numbered nodes: a crash file is small (8 MB), and its parts refer to
 * each other across the whole of it.
 *
 * Ownership: the document owns its nodes and texts until ap_jdoc_close(); texts are copies, so that
 * the bytes it was read from may go.
 *
 * Hostile input: at most AP_JDOC_DEPTH levels (a panic dump has 3,000), reading is a loop and never
 * recursion, and memory is bounded by the number of bytes read.
 */
#ifndef AP_MODEL_CRASH_JSON_H
#define AP_MODEL_CRASH_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { AP_JDOC_DEPTH = 10000 };

enum ap_jkind {
	AP_J_NULL,
	AP_J_FALSE,
	AP_J_TRUE,
	AP_J_NUMBER,
	AP_J_STRING,
	AP_J_ARRAY,
	AP_J_OBJECT
};

struct ap_jnode {
	enum ap_jkind kind;
	uint32_t n;           /* children */
	uint32_t child, next; /* numbers of nodes; 0: none */
	struct ap_text key;   /* of a member of an object; s == NULL else */
	struct ap_text text;  /* strings, and numbers as they were written */
};

struct ap_jdoc {
	struct ap_jnode *at; /* at[0] is no node, the root is 1 */
	uint32_t n, cap;
	struct ap_arena arena;
};

struct ap_err *ap_jdoc_read(const void *data, size_t bytes, struct ap_jdoc *ret);
void ap_jdoc_close(struct ap_jdoc *doc);

/* The member of that name of an object, or 0; of node 0 too. */
uint32_t ap_jget(const struct ap_jdoc *doc, uint32_t node, const char *key);
uint32_t ap_jget_text(const struct ap_jdoc *doc, uint32_t node, struct ap_text key);
/* A string; s == NULL if it is none. */
struct ap_text ap_jtext(const struct ap_jdoc *doc, uint32_t node);
/* The string member of that name. */
struct ap_text ap_jget_string(const struct ap_jdoc *doc, uint32_t node, const char *key);
bool ap_jnumber(const struct ap_jdoc *doc, uint32_t node, double *ret);
/* A whole number of at most 2^53, or `otherwise`. */
int64_t ap_jget_int(const struct ap_jdoc *doc, uint32_t node, const char *key, int64_t otherwise);
bool ap_jget_true(const struct ap_jdoc *doc, uint32_t node, const char *key);

static inline bool ap_jis(const struct ap_jdoc *doc, uint32_t node, enum ap_jkind kind)
{
	return node && doc->at[node].kind == kind;
}

#define AP_JEACH(doc, parent, i)                                                                   \
	for (uint32_t i = (parent) ? (doc)->at[parent].child : 0; i; i = (doc)->at[i].next)

#endif
