/* The order of things: what lives, its shapes, its names, then edges. */
#include "heap/fill_graph.h"

#include <stdlib.h>

#include "heap/fill.h"

static void close_fill(struct ap_fill *f)
{
	ap_map64_close(&f->special);
	ap_map64_close(&f->shared);
	ap_map64_close(&f->places);
	ap_map64_close(&f->root_names);
	free(f->builtin_names);
	ap_map64_close(&f->symbols);
	ap_map64_close(&f->getters);
	ap_map64_close(&f->setters);
	ap_map64_close(&f->natives);
	ap_map64_close(&f->bound);
	ap_text_pool_close(&f->texts);
	ap_graph_builder_fini(&f->builder);
	free(f->shapes);
	free(f->props);
	free(f->native);
	free(f->pairs);
	ap_roots_close(&f->roots);
	ap_tagged_close(&f->rules);
	ap_bodies_close(&f->bodies);
	ap_arena_close(&f->arena);
}

static struct ap_err *first_texts(struct ap_fill *f)
{
	static const char *const texts[] = {
#define X(id, text) text,
		AP_FILL_TEXTS(X)
#undef X
	};

	for (uint32_t i = 0; i < AP_N_FILL_TEXTS; i++) {
		if (ap_fill_text(f, ap_text_of(texts[i])) != i)
			return &ap_err_nomem;
	}
	return NULL;
}

/* Memory outside the heap, after the objects. */
static void native_nodes(struct ap_fill *f)
{
	struct ap_graph *g = f->graph;

	for (size_t i = 0; i < f->n_native; i++) {
		uint32_t node = f->first_native + (uint32_t)i;

		g->types[node] = AP_NODE_NATIVE;
		g->names[node] = f->native[i].name;
		f->failed |= !ap_graph_set_node(&f->builder, node, f->native[i].address,
						f->native[i].bytes);
	}
}

/* V8's own objects first: what they share with a program's keeps their name. */
static bool all_tags(struct ap_fill *f, bool objects)
{
	for (size_t i = 0; i < f->bodies.n_pages; i++) {
		const struct ap_body_page *page = &f->bodies.pages[i];
		struct ap_objects it = {0};
		struct ap_body body;
		ap_addr a;

		if (f->watch && f->watch->cancelled && *f->watch->cancelled)
			return false;
		while (ap_bodies_next(page, true, &it, &a)) {
			if (ap_body_on_page(&f->bodies, page, a, &body) &&
			    ap_shape_of(f, &body)->is_object == objects)
				ap_fill_tags(f, &body, ap_shape_of(f, &body));
		}
	}
	return true;
}

static struct ap_err *fill(struct ap_fill *f)
{
	AP_TRY(ap_bodies_open(f->heap, &f->bodies));
	AP_TRY(ap_tagged_open(&f->bodies, &f->rules));
	AP_TRY(ap_roots_find(&f->bodies, &f->roots));
	AP_TRY(ap_bodies_mark(&f->bodies, &f->rules, f->watch, &f->roots));
	AP_TRY(ap_graph_builder_init(&f->builder, 0, 0));
	f->graph = f->builder.graph;
	ap_text_pool_open(&f->texts, &f->builder);
	AP_TRY(first_texts(f));
	AP_TRY(ap_fill_shapes(f));
	ap_fill_root_lists(f);
	f->first_native = f->base + f->bodies.n_live;
	if (f->bodies.n_live > AP_GRAPH_MAX_NODES - f->base)
		return ap_err_new(AP_E_LIMIT,
				  "the heap has %u live objects, more than can be numbered",
				  f->bodies.n_live);
	if (!ap_graph_add_all(&f->builder, f->first_native, 0))
		return &ap_err_nomem;
	ap_fill_root_nodes(f);
	AP_TRY(ap_fill_names(f));
	if (!ap_graph_add_all(&f->builder, f->first_native + (uint32_t)f->n_native, 0))
		return &ap_err_nomem;
	native_nodes(f);
	AP_TRY(ap_fill_all_edges(f));
	if (!all_tags(f, false) || !all_tags(f, true))
		return &ap_err_cancelled;
	ap_fill_builtin_tags(f);
	f->graph->ids_are_addresses = true;
	return f->failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_heap_graph(struct ap_heap *heap, const struct ap_heap_watch *watch,
			     struct ap_graph **ret_graph, struct ap_fill_summary *ret_summary)
{
	struct ap_fill *f = calloc(1, sizeof(*f));
	struct ap_graph *graph;

	if (!f)
		return &ap_err_nomem;
	f->heap = heap;
	f->v8 = heap->v8;
	f->watch = watch;
	ap_arena_init(&f->arena, 0);
	struct ap_err *err = fill(f);
	if (!err)
		err = ap_graph_finish(&f->builder, &graph);
	if (!err) {
		struct ap_fill_summary s = {
			.roots = f->roots.n,
			.weak_handles = f->roots.weak_handles,
			.guessed = f->roots.guessed,
			.live_objects = f->bodies.n_live,
		};
		for (uint32_t i = f->base; i < f->first_native; i++)
			s.live_bytes += ap_node_size(graph, i);
		*ret_graph = graph;
		*ret_summary = s;
	}
	close_fill(f);
	free(f);
	return err;
}
