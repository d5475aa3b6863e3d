/*
 * The nodes in front of all objects: the root, "(GC roots)" and V8's lists of roots, in its order
 * and with its names (V8HeapExplorer::SetGcSubrootReference): what stands in the root table is
 * called by its name there, a builtin by its number and name, everything else by its number.
 */
#include <stdlib.h>

#include "heap/fill.h"

enum { MAX_GLOBALS = 64, ROOT_ID_STEP = 2, UNREAD = -1 };

/* The lists that this V8 has, in its order. */
static void choose_lists(struct ap_fill *f)
{
	static const struct {
		struct ap_fill_root_list list;
		uint8_t places[6];
	} all[] = {
#define AP_ROOT_UNREAD UNREAD
#define ROOT_LIST(kind, name, ...) {{name, AP_ROOT_##kind}, {__VA_ARGS__}},
#include "heap/root_lists.def"
#undef AP_ROOT_UNREAD
	};
	bool unknown = false;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		unsigned place = all[i].places[f->v8->profile.table_line];

		if (!place)
			continue;
		f->root_lists[place - 1] = all[i].list;
		f->n_root_lists = place > f->n_root_lists ? place : f->n_root_lists;
		unknown |= all[i].list.kind == AP_ROOT_GUESSED;
	}
	/* V8 guesses nothing. */
	if (f->roots.guessed && !unknown)
		f->root_lists[f->n_root_lists++] =
			(struct ap_fill_root_list){"(Unknown)", AP_ROOT_GUESSED};
}

/* Names of the root table's entries by object; of two entries with one object the first. */
static void name_table(struct ap_fill *f)
{
	for (size_t i = 0; i < f->roots.n; i++) {
		const struct ap_root *r = &f->roots.at[i];
		uint32_t known;

		if ((r->kind != AP_ROOT_READ_ONLY && r->kind != AP_ROOT_STRONG) ||
		    ap_map64_get(&f->root_names, r->object & ~3ull, &known))
			continue;
		const char *name = ap_v8_root_name(f->v8, r->number, &f->arena);
		if (name)
			f->failed |= !ap_map64_put(&f->root_names, r->object & ~3ull,
						   ap_fill_text(f, ap_text_of(name)));
	}
}

static const char *builtin_name(struct ap_fill *f, const struct ap_root *root)
{
	return root->kind == AP_ROOT_BUILTINS ? ap_v8_builtin_name(f->v8, root->number, &f->arena)
					      : NULL;
}

/* "7 / Abort", of those that have a node: they are counted. */
static void name_builtins(struct ap_fill *f)
{
	size_t n = 0;

	f->builtin_names = calloc(f->roots.by_kind[AP_ROOT_BUILTINS] + 1, sizeof(uint32_t));
	f->failed |= !f->builtin_names;
	for (size_t i = 0; i < f->roots.n && !f->failed; i++) {
		const struct ap_root *r = &f->roots.at[i];

		if (r->kind != AP_ROOT_BUILTINS || ap_fill_node(f, r->object) == AP_NO_NODE)
			continue;
		const char *name = builtin_name(f, r);
		n++;
		f->builtin_names[n - 1] =
			name ? ap_fill_text(f,
					    ap_text_of(ap_printf(&f->arena, "%zu / %s", n, name)))
			     : AP_NAME_NUMBER | (uint32_t)n;
	}
}

void ap_fill_root_lists(struct ap_fill *f)
{
	choose_lists(f);
	name_table(f);
	name_builtins(f);
	ap_arena_close(&f->arena);
	ap_arena_init(&f->arena, 0);
	f->base = AP_FILL_ROOT_NODES + f->n_root_lists;
}

void ap_fill_root_nodes(struct ap_fill *f)
{
	struct ap_graph *g = f->graph;

	for (uint32_t i = 0; i < f->base; i++) {
		const char *name = i == 0   ? ""
				   : i == 1 ? "(GC roots)"
					    : f->root_lists[i - AP_FILL_ROOT_NODES].name;

		g->types[i] = AP_NODE_SYNTHETIC;
		g->names[i] = ap_fill_text(f, ap_text_of(name));
		f->failed |= !ap_graph_set_node(&f->builder, i, ROOT_ID_STEP * (uint64_t)i + 1, 0);
	}
}

void ap_fill_builtin_tags(struct ap_fill *f)
{
	/* A builtin's Code was called a handle in 11.3, code since. */
	static const char *const what[] = {"", " handle", " code"};

	for (size_t i = 0; i < f->roots.n; i++) {
		const char *name = builtin_name(f, &f->roots.at[i]);
		uint32_t node = ap_fill_node(f, f->roots.at[i].object);

		if (name && node != AP_NO_NODE)
			f->graph->names[node] = ap_fill_text(
				f, ap_text_of(ap_printf(&f->arena, "(%s builtin%s)", name,
							what[F(f->v8, SNAPSHOT_CODE_NAMES)])));
	}
}

static void put_root(struct ap_edges *e, enum ap_edge_type type, ap_tagged object, uint32_t node,
		     uint32_t number)
{
	uint32_t name = AP_NAME_NUMBER | number;

	(void)ap_map64_get(&e->f->root_names, object & ~3ull, &name);
	ap_edge_put(e, type, name, node);
}

static bool is_internalized(const struct ap_fill *f, const struct ap_heap_map *map)
{
	return ap_type_is_string(f->v8, map->type) && !(map->type & 0x20); /* kIsNotInternalizedMask
									    */
}

/* V8 lists all strings of its table, although the table holds them weakly. */
static void string_table(struct ap_edges *e)
{
	const struct ap_fill *f = e->f;
	uint32_t n = 0;

	for (size_t i = 0; i < f->bodies.n_pages; i++) {
		const struct ap_body_page *page = &f->bodies.pages[i];
		struct ap_objects it = {0};
		uint32_t node = f->base + page->first;
		ap_addr a;

		for (; ap_bodies_next(page, true, &it, &a); node++) {
			struct ap_body body;

			if (ap_body_on_page(&f->bodies, page, a, &body) &&
			    is_internalized(f, body.map))
				put_root(e, AP_EDGE_INTERNAL, a, node, ++n);
		}
	}
}

/* The table of external strings lists them without keeping them, though V8's snapshots say it did.
 */
static enum ap_edge_type root_edge_type(const struct ap_root *r)
{
	if (r->weak && r->kind == AP_ROOT_GLOBAL)
		return AP_EDGE_WEAK;
	return r->weak && r->kind == AP_ROOT_EXTERNAL_STRINGS ? AP_EDGE_PAIR : AP_EDGE_INTERNAL;
}

static void root_edges(struct ap_edges *e, int kind)
{
	const struct ap_fill *f = e->f;
	uint32_t n = 0;

	if (kind == AP_ROOT_INTERNALIZED)
		string_table(e);
	for (size_t i = 0; i < f->roots.n; i++) {
		const struct ap_root *r = &f->roots.at[i];
		uint32_t node;

		if (r->kind != kind)
			continue;
		node = ap_fill_node(f, r->object);
		if (node == AP_NO_NODE)
			continue;
		n++;
		if (kind == AP_ROOT_BUILTINS)
			ap_edge_put(e, AP_EDGE_INTERNAL, f->builtin_names[n - 1], node);
		else
			put_root(e, root_edge_type(r), r->object, node, n);
	}
}

/* The user's globals hang on the root itself, so that distances begin there. */
static void global_edges(struct ap_edges *e)
{
	const struct ap_fill *f = e->f;
	const struct ap_v8 *v8 = f->v8;
	uint32_t seen[MAX_GLOBALS], n = 0;

	for (size_t i = 0; i < f->roots.n && n < MAX_GLOBALS; i++) {
		const struct ap_root *r = &f->roots.at[i];
		struct ap_body body;
		uint32_t node, k = 0;

		if (r->weak || !ap_body_get(&f->bodies, r->object, &body) ||
		    body.map->type != F(v8, T_NATIVE_CONTEXT))
			continue;
		node = ap_fill_node(f, F(v8, SNAPSHOT_PROXY_SHORTCUTS)
					       ? r->object
					       : ap_body_word(&body, F(v8, FIXED_ARRAY_DATA) + 16));
		while (k < n && seen[k] != node)
			k++;
		if (node == AP_NO_NODE || k < n)
			continue;
		seen[n++] = node;
		/* "(GC roots)" is the first. */
		ap_edge_put(e, AP_EDGE_SHORTCUT, AP_NAME_NUMBER | (n + 1), node);
	}
}

void ap_fill_root_edges(struct ap_edges *e, uint32_t node)
{
	if (node == 0) {
		ap_edge_put(e, AP_EDGE_ELEMENT, 1, 1);
		global_edges(e);
	} else if (node == 1) {
		for (uint32_t i = 0; i < e->f->n_root_lists; i++)
			ap_edge_put(e, AP_EDGE_ELEMENT, i + 1, AP_FILL_ROOT_NODES + i);
	} else {
		root_edges(e, e->f->root_lists[node - AP_FILL_ROOT_NODES].kind);
	}
}
