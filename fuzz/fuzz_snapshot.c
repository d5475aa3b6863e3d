/* A heap snapshot file: read in pieces, its dominators and paths found, written and read again, and
 * compared with that. */
#include <stdint.h>
#include <stdlib.h>

#include "graph/dominators.h"
#include "graph/growth.h"
#include "graph/snapshot.h"
#include "graph/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

struct pieces {
	const uint8_t *p;
	size_t left;
};

static struct ap_err *next(void *arg, const uint8_t **ret_p, size_t *ret_n)
{
	struct pieces *in = arg;
	size_t n = in->left < 61 ? in->left : 61;

	*ret_p = in->p;
	*ret_n = n;
	in->p += n;
	in->left -= n;
	return NULL;
}

static struct ap_err *write_str(void *arg, const void *data, size_t bytes)
{
	ap_str_add(arg, data, bytes);
	return NULL;
}

/* Whoever is matched is so both ways, and what changed adds up. Takes both over. */
static void compare(struct ap_graph *old, struct ap_graph *new)
{
	struct ap_study *a, *b;
	struct ap_growth *rows;
	struct ap_matches m;
	struct ap_arena arena;
	uint64_t sum = 0, pairs = 0;
	size_t n;

	if (ap_study_open(old, &a) || ap_study_open(new, &b) || ap_graph_match(old, new, &m))
		abort();
	for (uint32_t v = 0; v < old->n_nodes; v++) {
		pairs += m.new_of[v] != AP_NO_NODE;
		if (m.new_of[v] != AP_NO_NODE && m.old_of[m.new_of[v]] != v)
			abort();
	}
	ap_arena_init(&arena, 0);
	if (pairs != m.n || ap_study_growth(a, b, &m, &arena, &rows, &n))
		abort();
	for (size_t i = 0; i < n; i++)
		sum += (uint64_t)rows[i].delta;
	if (sum != b->dominators.retained[0] - a->dominators.retained[0])
		abort();
	ap_arena_close(&arena);
	ap_matches_close(&m);
	ap_study_close(a);
	ap_study_close(b);
}

/* Takes the graph over. */
static void again(struct ap_graph *g)
{
	AP_STR_AUTO out = {0};
	const struct ap_snapshot_sink sink = {write_str, &out};
	struct ap_snapshot_written written;
	struct ap_graph *copy;

	if (ap_snapshot_write(g, &sink, &written))
		abort();
	struct ap_json_memory memory = {out.s, out.n};
	if (ap_snapshot_read(ap_json_source_memory(&memory), out.n, &copy) ||
	    copy->n_nodes != g->n_nodes || copy->n_edges != g->n_edges ||
	    copy->n_texts != g->n_texts)
		abort();
	compare(g, copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct pieces in = {data, bytes};
	struct ap_graph *g;
	struct ap_dominators d;
	struct ap_traces t;
	struct ap_arena arena;
	AP_ERR_AUTO err = ap_snapshot_read((struct ap_json_source){next, &in}, bytes, &g);

	if (err)
		return 0;
	if (ap_dominators_compute(g, &d) || ap_traces_compute(g, &t))
		abort();
	uint64_t sum = 0;
	for (uint32_t v = 0; v < g->n_nodes; v++)
		sum += ap_node_size(g, v);
	if (d.retained[0] != sum) /* modulo 2^64, as sizes may be anything */
		abort();
	ap_arena_init(&arena, 1 << 26);
	for (uint32_t v = 0; v < g->n_nodes && v < 50; v++) {
		ap_path *paths;
		size_t n;
		uint64_t retainers;

		if (ap_trace_paths(g, &t, v, 3, &arena, &paths, &n, &retainers))
			break;
	}
	ap_arena_close(&arena);
	ap_traces_close(&t);
	ap_dominators_close(&d);
	again(g);
	return 0;
}
