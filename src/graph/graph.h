/*
 * What a heap is to every question about memory: nodes, typed edges, sizes, names and roots, as flat
 * arrays. Knows no V8: a snapshot file or an index of a core fills it, six nodes in a test do too.
 *
 * Ownership: a graph owns all its arrays until ap_graph_close(). It is filled once by a builder
 * (nodes with their edges in order) and never changes after ap_graph_finish().
 *
 * Memory: 26 bytes a node, 8 bytes an edge, and the texts. Node 0 is the root of everything. Node
 * indices are 32 bits wide, of which 29 are used (536 million nodes): the type of an edge stands in
 * the other three bits of its target. Sizes are bytes.
 */
#ifndef AP_GRAPH_GRAPH_H
#define AP_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* In the order of V8's own list, with its words. */
#define AP_NODE_TYPES(X)                                                                           \
	X(HIDDEN, "hidden")                                                                        \
	X(ARRAY, "array")                                                                          \
	X(STRING, "string")                                                                        \
	X(OBJECT, "object")                                                                        \
	X(CODE, "code")                                                                            \
	X(CLOSURE, "closure")                                                                      \
	X(REGEXP, "regexp")                                                                        \
	X(NUMBER, "number")                                                                        \
	X(NATIVE, "native")                                                                        \
	X(SYNTHETIC, "synthetic")                                                                  \
	X(CONCATENATED, "concatenated string")                                                     \
	X(SLICED, "sliced string")                                                                 \
	X(SYMBOL, "symbol")                                                                        \
	X(BIGINT, "bigint")                                                                        \
	X(SHAPE, "object shape")                                                                   \
	X(WASM, "wasm object")

enum ap_node_type {
#define X(id, name) AP_NODE_##id,
	AP_NODE_TYPES(X)
#undef X
		AP_N_NODE_TYPES
};

/*
 * PAIR is V8's internal edge from a WeakMap's table to a value: the key's edge counts instead, so this
 * one retains nothing. In files it is an internal edge, which only its name tells from others.
 */
#define AP_EDGE_TYPES(X)                                                                           \
	X(CONTEXT, "context")                                                                      \
	X(ELEMENT, "element")                                                                      \
	X(PROPERTY, "property")                                                                    \
	X(INTERNAL, "internal")                                                                    \
	X(HIDDEN, "hidden")                                                                        \
	X(SHORTCUT, "shortcut")                                                                    \
	X(WEAK, "weak")                                                                            \
	X(PAIR, "internal")

enum ap_edge_type {
#define X(id, name) AP_EDGE_##id,
	AP_EDGE_TYPES(X)
#undef X
		AP_N_EDGE_TYPES
};

const char *ap_node_type_name(enum ap_node_type type);
const char *ap_edge_type_name(enum ap_edge_type type);

enum { AP_GRAPH_MAX_NODES = 1 << 29 };
#define AP_NO_NODE UINT32_MAX

struct ap_edge {
	uint32_t target; /* the node, its upper three bits the type */
	uint32_t name;   /* index of a text; for elements and hidden edges the number itself */
};

/* Where an object's constructor or function was written. */
struct ap_location {
	uint32_t node, script_id, line, column; /* line and column count from 0, as V8's */
};

struct ap_graph {
	uint32_t n_nodes, n_edges, n_texts, n_locations;
	uint8_t *types;        /* enum ap_node_type */
	uint8_t *detachedness; /* 0 unknown, 1 attached, 2 detached */
	uint32_t *names;       /* text of each node */
	uint64_t *ids;         /* V8's id, or the address in a core */
	uint64_t *sizes;       /* self size */
	uint32_t *first_edge;  /* n_nodes + 1 */
	struct ap_edge *edges;
	uint64_t *text_at; /* n_texts + 1 offsets into text_bytes */
	char *text_bytes;
	struct ap_location *locations; /* ascending by node */
	uint32_t *by_id;               /* nodes ascending by id; NULL while ids ascend themselves */
	uint64_t extra_native_bytes;   /* what V8 knew to be allocated outside, in no node */
	bool ids_are_addresses;
	uint64_t unknown_types; /* nodes and edges of types we do not know: taken as hidden */
};

static inline uint32_t ap_edge_to(struct ap_edge e)
{
	return e.target & (AP_GRAPH_MAX_NODES - 1);
}

static inline enum ap_edge_type ap_edge_type(struct ap_edge e)
{
	return (enum ap_edge_type)(e.target >> 29);
}

/* Whether the edge keeps its target alive, as V8's DevTools counts it. */
static inline bool ap_edge_retains(struct ap_edge e, uint32_t from)
{
	enum ap_edge_type type = ap_edge_type(e);

	return type < AP_EDGE_SHORTCUT || (type == AP_EDGE_SHORTCUT && from == 0);
}

static inline bool ap_edge_is_numbered(struct ap_edge e)
{
	enum ap_edge_type type = ap_edge_type(e);

	return type == AP_EDGE_ELEMENT || type == AP_EDGE_HIDDEN;
}

static inline struct ap_text ap_graph_text(const struct ap_graph *g, uint32_t text)
{
	return (struct ap_text){g->text_bytes + g->text_at[text],
				(size_t)(g->text_at[text + 1] - g->text_at[text])};
}

static inline struct ap_text ap_node_name(const struct ap_graph *g, uint32_t node)
{
	return ap_graph_text(g, g->names[node]);
}

/* The text of a named edge; an empty one for numbered edges. */
static inline struct ap_text ap_edge_name(const struct ap_graph *g, struct ap_edge e)
{
	return ap_edge_is_numbered(e) ? (struct ap_text){"", 0} : ap_graph_text(g, e.name);
}

/* The node of that id, or AP_NO_NODE. */
uint32_t ap_graph_find(const struct ap_graph *g, uint64_t id);
/* The first edge of `node` with that name, or NULL. */
const struct ap_edge *ap_graph_edge(const struct ap_graph *g, uint32_t node, const char *name);
/* The place that belongs to the node, or NULL. */
const struct ap_location *ap_graph_location(const struct ap_graph *g, uint32_t node);

/*
 * Building: ap_graph_add_node() begins a node, ap_graph_add_edge() adds to the node begun last. Edges
 * may lead to nodes that come later. All return false when memory or the index is exhausted, which
 * ap_graph_finish() reports.
 */
struct ap_graph_builder {
	struct ap_graph *graph;
	size_t node_cap, edge_cap, text_cap, bytes_cap, location_cap;
	uint64_t n_bytes;
	bool nomem, too_many;
};

struct ap_graph_node {
	enum ap_node_type type;
	uint8_t detachedness;
	uint32_t name;
	uint64_t id, size;
};

/* The counts are hints: memory for that many is taken at once. */
struct ap_err *ap_graph_builder_init(struct ap_graph_builder *b, size_t n_nodes, size_t n_edges);
bool ap_graph_add_node(struct ap_graph_builder *b, const struct ap_graph_node *node);
bool ap_graph_add_edge(struct ap_graph_builder *b, enum ap_edge_type type, uint32_t name, uint32_t to);
/* Texts are numbered from 0 in the order they are added. */
bool ap_graph_add_text(struct ap_graph_builder *b, struct ap_text text);
bool ap_graph_add_location(struct ap_graph_builder *b, struct ap_location location);
/*
 * Checks that every edge and name leads somewhere, and hands the graph over. The builder is empty
 * afterwards, whatever comes back.
 */
struct ap_err *ap_graph_finish(struct ap_graph_builder *b, struct ap_graph **ret_graph);
void ap_graph_builder_fini(struct ap_graph_builder *b);

void ap_graph_close(struct ap_graph *g);

#endif
