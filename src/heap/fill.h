/*
 * Filling a graph from the heap: what the files heap/fill*.c share.
 *
 * Ownership: struct ap_fill owns its tables until the graph is handed over; nodes and edges are
 * V8's own (src/profiler/heap-snapshot-generator.cc), so that whoever knows one of its snapshots
 * knows this graph.
 *
 * Nodes: the root, "(GC roots)", V8's lists of roots, the live objects by address, then
 * memory outside the heap. Two passes over the objects: one counts and names edges, one writes
 * where they lead; both go by threads, and all names are known before.
 */
#ifndef AP_HEAP_FILL_H
#define AP_HEAP_FILL_H

#include "base/map64.h"
#include "graph/texts.h"
#include "heap/fill_graph.h"
#include "heap/roots.h"
#include "heap/tagged.h"

#define AP_FILL_TEXTS(X)                                                                           \
	X(NONE, "")                                                                                \
	X(MAP, "map")                                                                              \
	X(PROPERTIES, "properties")                                                                \
	X(ELEMENTS, "elements")                                                                    \
	X(PROTO, "__proto__")                                                                      \
	X(PROTOTYPE, "prototype")                                                                  \
	X(INITIAL_MAP, "initial_map")                                                              \
	X(FEEDBACK_CELL, "feedback_cell")                                                          \
	X(SHARED, "shared")                                                                        \
	X(CONTEXT, "context")                                                                      \
	X(CODE, "code")                                                                            \
	X(FIRST, "first")                                                                          \
	X(SECOND, "second")                                                                        \
	X(PARENT, "parent")                                                                        \
	X(ACTUAL, "actual")                                                                        \
	X(TRANSITION, "transition")                                                                \
	X(TRANSITIONS, "transitions")                                                              \
	X(PROTOTYPE_INFO, "prototype_info")                                                        \
	X(DESCRIPTORS, "descriptors")                                                              \
	X(NATIVE_CONTEXT, "native_context")                                                        \
	X(GLOBAL_OBJECT, "global_object")                                                          \
	X(BACK_POINTER, "back_pointer")                                                            \
	X(CONSTRUCTOR_DATA, "constructor_function_data")                                           \
	X(CONSTRUCTOR, "constructor")                                                              \
	X(DEPENDENT_CODE, "dependent_code")                                                        \
	X(SCOPE_INFO, "scope_info")                                                                \
	X(PREVIOUS, "previous")                                                                    \
	X(EXTENSION, "extension")                                                                  \
	X(ENUM_CACHE, "enum_cache")                                                                \
	X(RELOCATION_INFO, "relocation_info")                                                      \
	X(INSTRUCTION_STREAM, "instruction_stream")                                                \
	X(INTERPRETER_DATA, "interpreter_data")                                                    \
	X(BYTECODE_OFFSETS, "bytecode_offset_table")                                               \
	X(DEOPT_DATA, "deoptimization_data")                                                       \
	X(POSITIONS, "source_position_table")                                                      \
	X(BACKING_STORE, "backing_store")                                                          \
	X(EXTERNAL_DATA, "system / ExternalStringData")                                            \
	X(BUFFER_DATA, "system / JSArrayBufferData")                                               \
	X(SYMBOL, "symbol")                                                                        \
	X(PRIVATE_SYMBOL, "private symbol")                                                        \
	X(BIGINT, "bigint")                                                                        \
	X(NUMBER, "heap number")                                                                   \
	X(CONS, "(concatenated string)")                                                           \
	X(SLICED, "(sliced string)")                                                               \
	X(BIND, "native_bind")                                                                     \
	X(NO_SYMBOL, "<symbol>")                                                                   \
	X(TAG_ELEMENTS, "(object elements)")                                                       \
	X(TAG_PROPERTIES, "(object properties)")                                                   \
	X(TAG_BOUND, "(bound arguments)")                                                          \
	X(TAG_CONSTANTS, "(constant pool)")                                                        \
	X(TAG_HANDLERS, "(handler table)")                                                         \
	X(TAG_POSITIONS, "(source position table)")                                                \
	X(TAG_BYTECODE_OFFSETS, "(bytecode offset table)")                                         \
	X(TAG_RELOCATION, "(code relocation info)")                                                \
	X(TAG_DEOPT, "(code deopt data)")                                                          \
	X(TAG_CONSTANT_ELEMENTS, "(constant elements)")                                            \
	X(TAG_ENUM_CACHE, "(enum cache)")                                                          \
	X(TAG_FEEDBACK, "(feedback)")                                                              \
	X(TAG_NAMES, "(context local names)")                                                      \
	X(TAG_LINE_ENDS, "(script line ends)")                                                     \
	X(TAG_INFOS, "(script infos)")                                                             \
	X(TAG_HOST_OPTIONS, "(host-defined options)")                                              \
	X(TAG_SHARED, "(shared function info)")                                                    \
	X(TAG_PROTOTYPE_USERS, "(prototype users)")                                                \
	X(TAG_PROTOTYPE_TRANSITIONS, "(prototype transitions)")

/* Texts that every graph has; their numbers are their places here. */
enum ap_fill_text {
#define X(id, text) AP_TX_##id,
	AP_FILL_TEXTS(X)
#undef X
		AP_N_FILL_TEXTS
};

/* How an object's references get their names. */
enum ap_fill_kind {
	AP_FILL_PLAIN, /* none has one but what named.def gives */
	AP_FILL_OBJECT,
	AP_FILL_FUNCTION,
	AP_FILL_BOUND,
	AP_FILL_BUFFER,
	AP_FILL_GLOBAL_PROXY,
	AP_FILL_CONS,
	AP_FILL_SLICED,
	AP_FILL_THIN,
	AP_FILL_EXTERNAL, /* string */
	AP_FILL_MAP,
	AP_FILL_ARRAY,      /* its elements are named by number */
	AP_FILL_WEAK_ARRAY, /* WeakArrayList */
	AP_FILL_DESCRIPTORS,
	AP_FILL_CONTEXT,
	AP_FILL_NATIVE_CONTEXT,
	AP_FILL_EPHEMERONS,
	AP_FILL_CODE,
	AP_FILL_STREAM,
};

/* How a node gets its name. */
enum ap_fill_naming {
	AP_NAME_OF_SHAPE,
	AP_NAME_OF_STRING,
	AP_NAME_OF_OBJECT, /* each is asked for its constructor */
	AP_NAME_OF_FUNCTION,
	AP_NAME_OF_REGEXP,
	AP_NAME_OF_SHARED,
	AP_NAME_OF_SCRIPT,
	AP_NAME_OF_SYMBOL,
	AP_NAME_OF_MAP,
	AP_NAME_OF_ODDBALL,
};

enum ap_prop_how { AP_PROP_IN_OBJECT, AP_PROP_IN_ARRAY, AP_PROP_CONSTANT };

/* One property of all objects of a map. */
struct ap_fill_prop {
	ap_tagged key, value; /* value: of constants */
	uint32_t name;        /* text of the key, once the names are known; AP_NO_TEXT */
	uint16_t index;       /* word of the object, or element of its property array */
	uint8_t how;          /* enum ap_prop_how */
	bool accessor;
};

/* What all objects of a map have in common. */
struct ap_shape {
	uint8_t kind, naming, type;         /* ap_fill_kind, ap_fill_naming, ap_node_type */
	uint8_t n_embedder, first_embedder; /* words */
	bool dictionary, fast_elements, dictionary_elements, is_object, is_array;
	uint32_t name; /* text */
	uint32_t first_prop, n_props;
	uint16_t first_field, n_fields; /* in ap_fill.fields */
	ap_tagged prototype;
	ap_tagged constructor; /* that named them; 0 if none did, or each is asked */
};

struct ap_fill_field {
	int type;
	uint32_t text;
	uint16_t word;
	bool weak;
};

/* What V8's snapshots leave out, or ask for, by address. */
enum {
	AP_SPECIAL_INESSENTIAL = 1,
	AP_SPECIAL_ODDBALL = 2,
	AP_SPECIAL_HOLE = 4,
	AP_SPECIAL_UNDEFINED = 8
};

/* A pair in a WeakMap, by nodes; ascending by key. */
struct ap_fill_pair {
	uint32_t key, table, value, name;
};

struct ap_fill_native {
	ap_addr address; /* of a buffer's memory, of an external string's resource */
	uint64_t bytes;
	uint32_t name;
};

/* A node below "(GC roots)". */
struct ap_fill_root_list {
	const char *name;
	int kind; /* enum ap_root_kind, or none of them: nothing is read for it */
};

enum { AP_MAX_ROOT_LISTS = 32 };

struct ap_fill {
	struct ap_heap *heap;
	struct ap_v8 *v8;
	const struct ap_heap_watch *watch;
	struct ap_bodies bodies;
	struct ap_tagged_rules rules;
	struct ap_roots roots;
	struct ap_arena arena; /* of names on their way, cleared now and then */
	struct ap_graph_builder builder;
	struct ap_graph *graph; /* the builder's */
	struct ap_text_pool texts;
	struct ap_shape *shapes; /* by place in heap->maps */
	struct ap_fill_prop *props;
	size_t n_props, props_cap;
	struct ap_fill_field fields[128];
	size_t n_fields;
	struct ap_map64 special; /* address: AP_SPECIAL_* */
	struct ap_map64 shared;  /* SharedFunctionInfo: the name of its functions */
	struct ap_fill_root_list root_lists[AP_MAX_ROOT_LISTS];
	uint32_t n_root_lists;
	struct ap_map64 root_names;       /* object of the root table: its name there */
	uint32_t *builtin_names;          /* "7 / Abort", in the order of the roots */
	struct ap_map64 places;           /* SharedFunctionInfo: the place of its functions */
	struct ap_map64 symbols;          /* Symbol: its text as a key */
	struct ap_map64 getters, setters; /* key: "get key" */
	struct ap_map64 bound;            /* i + 1: "bound_argument_i" */
	uint32_t slots[512];              /* names of a native context's slots */
	struct ap_map64 natives;          /* address of memory: its place in `native` */
	struct ap_fill_native *native;
	size_t n_native, native_cap;
	struct ap_fill_pair *pairs;
	size_t n_pairs, pairs_cap;
	uint32_t base;         /* node of the first object */
	uint32_t first_native; /* node */
	bool failed;
};

static inline const struct ap_shape *ap_shape_of(const struct ap_fill *f,
						 const struct ap_body *body)
{
	return &f->shapes[body->map - f->heap->maps.at];
}

/* The node of a tagged word; AP_NO_NODE if it is none that lives. */
static inline uint32_t ap_fill_node(const struct ap_fill *f, ap_tagged w)
{
	uint32_t number = ap_body_number(&f->bodies, w);

	return number == UINT32_MAX ? AP_NO_NODE : f->base + number;
}

/* All of those lie in read-only space. */
static inline uint32_t ap_fill_special(const struct ap_fill *f, ap_tagged w)
{
	const struct ap_body_page *page = ap_body_page_at(&f->bodies, w & ~3ull);
	uint32_t flags = 0;

	if (page && page->read_only)
		(void)ap_map64_get(&f->special, w & ~3ull, &flags);
	return flags;
}

/* The same for one that V8's snapshots may leave out: then AP_NO_NODE too. */
static inline uint32_t ap_fill_essential(const struct ap_fill *f, ap_tagged w)
{
	uint64_t word;
	const struct ap_body_page *page = ap_body_find(&f->bodies, w, &word);
	uint32_t flags = 0;

	if (!page || (page->read_only && ap_map64_get(&f->special, w & ~3ull, &flags) &&
		      (flags & AP_SPECIAL_INESSENTIAL)))
		return AP_NO_NODE;
	uint32_t number = ap_body_number_at(page, word);
	return number == UINT32_MAX ? AP_NO_NODE : f->base + number;
}

static inline uint32_t ap_fill_text(struct ap_fill *f, struct ap_text text)
{
	return ap_text_pool_add(&f->texts, text.s ? text : (struct ap_text){"", 0});
}

/* fill_shape.c */
struct ap_err *ap_fill_shapes(struct ap_fill *f);
/* fill_name.c: types, names, sizes and ids of all nodes of objects; special objects, pairs and
 * natives. */
struct ap_err *ap_fill_names(struct ap_fill *f);
/* The text of a property's key; AP_NO_TEXT if it is none. */
uint32_t ap_fill_key(const struct ap_fill *f, ap_tagged key);
/* The name of a slot of a native context. */
static inline uint32_t ap_fill_native_slot(const struct ap_fill *f, uint32_t slot)
{
	return slot < sizeof(f->slots) / sizeof(f->slots[0]) && f->slots[slot]
		       ? f->slots[slot]
		       : AP_NAME_NUMBER | slot;
}

/* fill_place.c: the place of a JavaScript object's function, or of its constructor. */
void ap_fill_place(struct ap_fill *f, const struct ap_body *body, const struct ap_shape *shape,
		   ap_tagged constructor, uint32_t node);

/* Where the edges of one object go. */
struct ap_edges {
	const struct ap_fill *f;
	uint32_t *at; /* NULL: they are only counted, and named */
	struct ap_name_lists names;
	uint32_t n;
	uint64_t *seen; /* a bit for each word that has its edge */
	uint32_t seen_words;
	bool failed;
};

static inline void ap_edge_put(struct ap_edges *e, enum ap_edge_type type, uint32_t name,
			       uint32_t to)
{
	if (e->at)
		e->at[e->n] = to | (uint32_t)type << 29;
	else if (!ap_name_lists_add(&e->names, name))
		e->failed = true;
	e->n++;
}

static inline void ap_edge_seen(struct ap_edges *e, uint32_t word)
{
	e->seen[word / 64] |= 1ull << (word % 64);
}

/* An internal or weak reference: V8 leaves out what is everywhere. `word`: 0 if it is no field. */
void ap_edge_internal(struct ap_edges *e, enum ap_edge_type type, uint32_t name, ap_tagged to,
		      uint32_t word);
/* A property, element or variable: all but Smis. */
void ap_edge_value(struct ap_edges *e, enum ap_edge_type type, uint32_t name, ap_tagged to,
		   uint32_t word);

/* In front of the objects: the root of all, "(GC roots)", then V8's lists of roots. */
enum { AP_FILL_ROOT_NODES = 2 };

/* fill_roots.c: chooses and names the lists, so that the number of nodes before the objects is
 * known. */
void ap_fill_root_lists(struct ap_fill *f);
void ap_fill_root_nodes(struct ap_fill *f);
void ap_fill_root_edges(struct ap_edges *e, uint32_t node);
/* Code of builtins is named after them. */
void ap_fill_builtin_tags(struct ap_fill *f);

/* fill_pass.c: all edges of all nodes. */
struct ap_err *ap_fill_all_edges(struct ap_fill *f);
/* fill_edges.c: all edges of an object. */
void ap_fill_edges(struct ap_edges *e, const struct ap_body *body, uint32_t node);
/* fill_object.c: those of a JavaScript object that have names. */
void ap_fill_object(struct ap_edges *e, const struct ap_body *body, const struct ap_shape *shape);
/* The edge to memory outside the heap, if it is known. */
void ap_fill_memory(struct ap_edges *e, ap_addr at);
/* fill_context.c */
void ap_fill_context(struct ap_edges *e, const struct ap_body *body, const struct ap_shape *shape);
/* fill_tags.c: names and types that V8 gives to what belongs to an object. */
void ap_fill_tags(struct ap_fill *f, const struct ap_body *body, const struct ap_shape *shape);

#endif
