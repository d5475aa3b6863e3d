/*
 * What a heap is to every question about memory: nodes, typed edges, sizes, names and roots, as
 * flat arrays. Knows no V8: a snapshot file or an index of a core fills it, six nodes in a test do
 * too.
 *
 * Ownership: a graph owns all its arrays until ap_graph_close(). It is filled once by a builder
 * (nodes with their edges in order) and never changes after ap_graph_finish().
 *
 * Memory: 25 bytes a node, 4 bytes an edge, each list of edges' names once (objects of one shape
 * share theirs), each place in a source once, and the texts. Node 0 is the root of everything. Node
 * indices are 32 bits wide, of which 29 are used (536 million nodes): the type of an edge stands in
 * the other three bits of its target. Sizes are bytes; those of 4 GiB and more stand apart.
 */
#ifndef AP_GRAPH_GRAPH_H
#define AP_GRAPH_GRAPH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map64.h"
#include "base/str.h"
#include "graph/lists.h"

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
 * PAIR is V8's internal edge from a WeakMap's table to a value: the key's edge counts instead, so
 * this one retains nothing. In files it is an internal edge, which only its name tells from others.
 * So is that from a core's table of external strings.
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
/* In the name of a named edge: its name is the number that the other bits are, no text. */
#define AP_NAME_NUMBER (UINT32_C(1) << 31)
#define AP_NO_NODE UINT32_MAX

struct ap_edge {
	uint32_t target; /* the node, its upper three bits the type */
	uint32_t name;   /* index of a text, or AP_NAME_NUMBER; of elements and hidden edges the
			    number */
};

/* Where a function was written: that of a closure, or the constructor of an object. */
struct ap_location {
	uint32_t script_id, line, column; /* line and column count from 0, as V8's */
};

/* From `node` on, ids are this much and what stands in `low_ids`. */
struct ap_id_base {
	uint32_t node;
	uint64_t base;
};

struct ap_large_node {
	uint32_t node;
	uint64_t size;
};

/*
 * Where a text stands, in 64 bits: its length (28 bits) and its offset in `text_bytes`, or, with
 * the topmost bit, its length (16 bits) and its address in memory that outlives the graph.
 */
enum { AP_TEXT_OFFSET_BITS = 35, AP_TEXT_POINTER_BITS = 47, AP_TEXT_LENGTH_BITS = 28 };
#define AP_TEXT_OFFSET ((UINT64_C(1) << AP_TEXT_OFFSET_BITS) - 1)
#define AP_TEXT_POINTER ((UINT64_C(1) << AP_TEXT_POINTER_BITS) - 1)

struct ap_graph {
	uint32_t n_nodes, n_edges, n_texts, n_places;
	uint8_t *types;        /* enum ap_node_type */
	uint8_t *detachedness; /* 0 unknown, 1 attached, 2 detached; NULL: all unknown */
	uint32_t *names;       /* text of each node */
	uint32_t *low_ids;     /* ap_node_id() */
	uint32_t *low_sizes;   /* ap_node_size() */
	uint32_t *first_edge;  /* n_nodes + 1 */
	uint32_t *first_name;  /* where in `edge_names` the names of a node's edges begin */
	uint32_t *targets; /* of edges: the node, in the upper three bits the type; ap_edge_at() */
	uint32_t *edge_names;
	struct ap_id_base *id_bases; /* ascending by node */
	struct ap_large_node *large; /* ascending by node */
	uint32_t n_id_bases, n_large;
	uint64_t *text_at; /* ap_graph_text() */
	char *text_bytes;
	struct ap_location *places; /* each once */
	uint32_t *placed; /* of each node: the number of its place, from 1; 0 none; NULL: no node
			     has one */
	uint32_t n_edge_names;
	uint32_t *by_id; /* nodes ascending by id; NULL while ids ascend themselves, in two runs at
			    most */
	uint32_t second_run; /* the node where the second run begins; n_nodes: there is only one */
	uint64_t extra_native_bytes; /* what V8 knew to be allocated outside, in no node */
	bool ids_are_addresses;
	uint64_t unknown_types; /* nodes and edges of types we do not know: taken as hidden */
	/* ^C: what takes long on the graph looks here now and then, and ends with AP_E_CANCELLED.
	 * NULL: nobody can stop it. Whoever asks for the work sets it. */
	const volatile sig_atomic_t *cancelled;
};

static inline bool ap_graph_cancelled(const struct ap_graph *g)
{
	return g->cancelled && *g->cancelled;
}

/* The edge number `i` of all, one of those of `from`. */
static inline struct ap_edge ap_edge_at(const struct ap_graph *g, uint32_t from, uint32_t i)
{
	return (struct ap_edge){g->targets[i],
				g->edge_names[g->first_name[from] + (i - g->first_edge[from])]};
}

/* V8's id, or the address in a core. */
uint64_t ap_node_id(const struct ap_graph *g, uint32_t node);
uint64_t ap_large_node_size(const struct ap_graph *g, uint32_t node);

/* Self size in bytes. */
static inline uint64_t ap_node_size(const struct ap_graph *g, uint32_t node)
{
	return g->low_sizes[node] < UINT32_MAX ? g->low_sizes[node] : ap_large_node_size(g, node);
}

static inline uint8_t ap_node_detachedness(const struct ap_graph *g, uint32_t node)
{
	return g->detachedness ? g->detachedness[node] : 0;
}

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
	uint64_t at = g->text_at[text];

	if (at >> 63)
		return (struct ap_text){(const char *)(uintptr_t)(at & AP_TEXT_POINTER),
					at >> AP_TEXT_POINTER_BITS & UINT16_MAX};
	return (struct ap_text){g->text_bytes + (at & AP_TEXT_OFFSET),
				(size_t)(at >> AP_TEXT_OFFSET_BITS)};
}

static inline struct ap_text ap_node_name(const struct ap_graph *g, uint32_t node)
{
	return ap_graph_text(g, g->names[node]);
}

/* A number as a text, which lives until the thread asks for 64 more. */
struct ap_text ap_number_text(uint32_t number);

/* The text of a named edge; an empty one for numbered edges. Keep no pointers to names that are
 * numbers. */
static inline struct ap_text ap_edge_name(const struct ap_graph *g, struct ap_edge e)
{
	if (ap_edge_is_numbered(e))
		return (struct ap_text){"", 0};
	return e.name & AP_NAME_NUMBER ? ap_number_text(e.name & ~AP_NAME_NUMBER)
				       : ap_graph_text(g, e.name);
}

/* The node of that id, or AP_NO_NODE. */
uint32_t ap_graph_find(const struct ap_graph *g, uint64_t id);
/* Where the first edge of `node` with that name leads, or AP_NO_NODE. */
uint32_t ap_graph_follow(const struct ap_graph *g, uint32_t node, const char *name);
/* The node that edge number `edge` leaves. */
uint32_t ap_edge_from(const struct ap_graph *g, uint32_t edge);
/* The place that belongs to the node, or NULL. */
static inline const struct ap_location *ap_graph_location(const struct ap_graph *g, uint32_t node)
{
	return g->placed && g->placed[node] ? &g->places[g->placed[node] - 1] : NULL;
}

/*
 * Building: ap_graph_add_node() begins a node, ap_graph_add_edge() adds to the node begun last.
 * Edges may lead to nodes that come later. All return false when memory or the index is exhausted,
 * which ap_graph_finish() reports.
 */
struct ap_graph_builder {
	struct ap_graph *graph;
	struct ap_name_lists lists;
	struct ap_map64 places; /* a place's hash: its number */
	uint32_t naming;        /* the node whose edges are being added */
	size_t node_cap, edge_cap, text_cap, bytes_cap, place_cap, id_base_cap, large_cap;
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
bool ap_graph_add_edge(struct ap_graph_builder *b, enum ap_edge_type type, uint32_t name,
		       uint32_t to);
/* Texts are numbered from 0 in the order they are added. */
bool ap_graph_add_text(struct ap_graph_builder *b, struct ap_text text);
/* The same for bytes that outlive the graph, as a mapped core's: only where they are is kept, if it
 * fits. */
bool ap_graph_borrow_text(struct ap_graph_builder *b, struct ap_text text);
/* The number of that place, the same for the same; 0 without memory. */
uint32_t ap_graph_add_place(struct ap_graph_builder *b, struct ap_location place);
/* The place of a node that is there already. */
bool ap_graph_put_place(struct ap_graph_builder *b, uint32_t node, uint32_t place);
/*
 * For whoever knows the counts and fills the arrays itself, in any order: `n_nodes` nodes and
 * `n_edges` edges are there at once, with any content. All must be set before ap_graph_finish():
 * ids and sizes by ap_graph_set_node() in the order of nodes, names of edges by
 * ap_graph_take_names().
 */
bool ap_graph_add_all(struct ap_graph_builder *b, uint32_t n_nodes, uint32_t n_edges);
bool ap_graph_set_node(struct ap_graph_builder *b, uint32_t i, uint64_t id, uint64_t size);
/* The lists that `first_name` leads into; they are empty afterwards. */
void ap_graph_take_names(struct ap_graph_builder *b, struct ap_name_lists *lists);
/*
 * Checks that every edge and name leads somewhere, and hands the graph over. The builder is empty
 * afterwards, whatever comes back.
 */
struct ap_err *ap_graph_finish(struct ap_graph_builder *b, struct ap_graph **ret_graph);
void ap_graph_builder_fini(struct ap_graph_builder *b);

void ap_graph_close(struct ap_graph *g);

#endif
