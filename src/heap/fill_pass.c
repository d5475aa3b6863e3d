/*
 * The two passes over all objects: edges are counted and named, then written. Pages are shared out
 * among threads.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "heap/fill.h"

/* One of the two passes: pages are shared out among threads. */
struct edge_pass {
	struct ap_fill *f;
	atomic_size_t next;
	_Atomic uint64_t done;
	atomic_bool stop, failed;
	bool write;
	/* While counting: each thread keeps lists of its own, and whose a page's are. */
	struct ap_name_lists names[AP_MAX_THREADS];
	uint8_t *namer; /* of each page */
};

struct edge_thread {
	struct edge_pass *pass;
	uint8_t index;
};

static void pass_page(struct edge_pass *p, struct ap_edges *e, const struct ap_body_page *page)
{
	struct ap_fill *f = p->f;
	struct ap_graph *g = f->graph;
	struct ap_objects it = {0};
	uint32_t node = f->base + page->first;
	ap_addr a;

	for (; ap_bodies_next(page, true, &it, &a); node++) {
		struct ap_body body;

		e->n = 0;
		e->at = p->write ? g->targets + g->first_edge[node] : NULL;
		if (ap_body_on_page(&f->bodies, page, a, &body))
			ap_fill_edges(e, &body, node);
		if (p->write)
			continue;
		g->first_edge[node] = e->n;
		e->failed |= !ap_name_lists_end(&e->names, &g->first_name[node]);
	}
}

static void *run(void *arg)
{
	const struct edge_thread *thread = arg;
	struct edge_pass *p = thread->pass;
	struct ap_fill *f = p->f;
	struct ap_edges e = {.f = f};

	while (!atomic_load(&p->stop)) {
		size_t i = atomic_fetch_add(&p->next, 1);

		if (i >= f->bodies.n_pages)
			break;
		if (!p->write)
			p->namer[i] = thread->index;
		pass_page(p, &e, &f->bodies.pages[i]);
		atomic_fetch_add(&p->done, 1);
		if (e.failed) {
			atomic_store(&p->failed, true);
			atomic_store(&p->stop, true);
		}
		if (f->watch && f->watch->cancelled && *f->watch->cancelled)
			atomic_store(&p->stop, true);
	}
	free(e.seen);
	p->names[thread->index] = e.names;
	return NULL;
}

static struct ap_err *run_pass(struct edge_pass *p)
{
	pthread_t threads[AP_MAX_THREADS];
	struct edge_thread args[AP_MAX_THREADS];
	bool started[AP_MAX_THREADS] = {0};
	size_t n = ap_heap_threads(p->f->bodies.n_pages);

	for (size_t i = 0; i < n; i++)
		args[i] = (struct edge_thread){p, (uint8_t)i};
	for (size_t i = 1; i < n; i++)
		started[i] = pthread_create(&threads[i], NULL, run, &args[i]) == 0;
	run(&args[0]);
	for (size_t i = 1; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
	}
	if (atomic_load(&p->failed))
		return &ap_err_nomem;
	return atomic_load(&p->stop) ? &ap_err_cancelled : NULL;
}

/* A thread's list, or its copy among those of all. */
static bool share_list(struct ap_name_lists *all, const struct ap_name_lists *own, uint32_t *copies,
		       uint32_t n, uint32_t *start)
{
	uint32_t from = *start;

	if (!n) {
		*start = 0;
		return true;
	}
	if (copies[from] == UINT32_MAX) {
		for (uint32_t i = 0; i < n; i++) {
			if (!ap_name_lists_add(all, own->at[from + i]))
				return false;
		}
		if (!ap_name_lists_end(all, &copies[from]))
			return false;
	}
	*start = copies[from];
	return true;
}

/* The lists of all threads as one; `first_edge` still counts. */
static bool share_lists(struct edge_pass *p, struct ap_name_lists *all)
{
	const struct ap_fill *f = p->f;
	struct ap_graph *g = f->graph;
	bool ok = true;

	for (size_t thread = 0; ok && thread < AP_MAX_THREADS; thread++) {
		struct ap_name_lists *own = &p->names[thread];
		uint32_t *copies;

		if (!own->n)
			continue;
		copies = malloc(own->n * sizeof(*copies));
		ok = copies;
		if (ok)
			memset(copies, 0xff, own->n * sizeof(*copies));
		for (size_t i = 0; ok && i < f->bodies.n_pages; i++) {
			const struct ap_body_page *page = &f->bodies.pages[i];
			uint32_t node = f->base + page->first;
			uint32_t end = f->base + (i + 1 < f->bodies.n_pages ? page[1].first
									    : f->bodies.n_live);

			for (; ok && p->namer[i] == thread && node < end; node++)
				ok = share_list(all, own, copies, g->first_edge[node],
						&g->first_name[node]);
		}
		free(copies);
		ap_name_lists_close(own);
	}
	return ok;
}

static struct ap_err *count_edges(struct ap_fill *f, struct ap_name_lists *names)
{
	struct edge_pass p = {.f = f, .namer = calloc(f->bodies.n_pages + 1, 1)};
	struct ap_err *err = p.namer ? run_pass(&p) : &ap_err_nomem;

	if (!err && !share_lists(&p, names))
		err = &ap_err_nomem;
	for (size_t i = 0; i < AP_MAX_THREADS; i++)
		ap_name_lists_close(&p.names[i]);
	free(p.namer);
	return err;
}

struct ap_err *ap_fill_all_edges(struct ap_fill *f)
{
	struct edge_pass write = {.f = f, .write = true};
	struct ap_graph *g = f->graph;
	struct ap_edges first = {.f = f};
	uint64_t total = 0;

	for (uint32_t i = 0; i < f->base; i++) {
		first.n = 0;
		ap_fill_root_edges(&first, i);
		g->first_edge[i] = first.n;
		first.failed |= !ap_name_lists_end(&first.names, &g->first_name[i]);
	}
	for (size_t i = 0; i < f->n_native; i++)
		g->first_edge[f->first_native + i] = g->first_name[f->first_native + i] = 0;
	struct ap_err *err = first.failed ? &ap_err_nomem : count_edges(f, &first.names);
	ap_graph_take_names(&f->builder, &first.names);
	AP_TRY(err);
	for (uint32_t i = 0; i < g->n_nodes; i++) {
		uint32_t n = g->first_edge[i];

		g->first_edge[i] = (uint32_t)total;
		total += n;
		if (total >= UINT32_MAX)
			return ap_err_new(AP_E_LIMIT,
					  "the heap has more than 4 billion references");
	}
	g->first_edge[g->n_nodes] = (uint32_t)total;
	if (!ap_graph_add_all(&f->builder, g->n_nodes, (uint32_t)total))
		return &ap_err_nomem;
	for (uint32_t i = 0; i < f->base; i++) {
		struct ap_edges e = {.f = f, .at = g->targets + g->first_edge[i]};

		ap_fill_root_edges(&e, i);
	}
	return run_pass(&write);
}
