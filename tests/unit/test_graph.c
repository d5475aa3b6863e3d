/* The pull reader, graphs of a few nodes, dominators against a naive computation, snapshot files.
 */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json_read.h"
#include "graph/dominators.h"
#include "graph/snapshot.h"
#include "graph/trace.h"

/* Hands the input out in pieces of `step` bytes, so that every token is cut somewhere. */
struct pieces {
	const char *data;
	size_t left, step;
};

static struct ap_err *next_piece(void *arg, const uint8_t **ret_p, size_t *ret_n)
{
	struct pieces *p = arg;
	size_t n = p->left < p->step ? p->left : p->step;

	*ret_p = (const uint8_t *)p->data;
	*ret_n = n;
	p->data += n;
	p->left -= n;
	return NULL;
}

static void reader_values(void **state)
{
	static const char json[] =
		" { \"a\\n\\u00e9\\ud83d\\ude00\\ud83d!\" : [1, 18446744073709551615 ,0],\n"
		"\"skip\":{\"x\":[true,null,-1.5e+3,{\"y\":[]},\"]\"]} } ";
	struct ap_text text;
	uint64_t v;

	(void)state;
	for (size_t step = 1; step < sizeof(json); step++) {
		struct pieces pieces = {json, sizeof(json) - 1, step};
		struct ap_json_reader r;
		bool first = true, inner = true;

		ap_json_read_init(&r, (struct ap_json_source){next_piece, &pieces}, 100);
		assert_true(ap_json_read_token(&r, '{'));
		assert_true(ap_json_read_more(&r, &first, '}'));
		assert_true(ap_json_read_key(&r, &text));
		assert_true(ap_text_is(text, "a\n\xc3\xa9\xf0\x9f\x98\x80\xed\xa0\xbd!"));
		assert_true(ap_json_read_token(&r, '['));
		assert_true(ap_json_read_more(&r, &inner, ']') && ap_json_read_uint(&r, &v) &&
			    v == 1);
		assert_true(ap_json_read_more(&r, &inner, ']') && ap_json_read_uint(&r, &v) &&
			    v == UINT64_MAX);
		assert_true(ap_json_read_more(&r, &inner, ']') && ap_json_read_uint(&r, &v) &&
			    v == 0);
		assert_false(ap_json_read_more(&r, &inner, ']'));
		assert_true(ap_json_read_more(&r, &first, '}'));
		assert_true(ap_json_read_key(&r, &text) && ap_text_is(text, "skip"));
		assert_true(ap_json_read_skip(&r));
		assert_false(ap_json_read_more(&r, &first, '}'));
		assert_true(ap_json_read_end(&r));
		assert_null(ap_json_read_error(&r));
		ap_json_read_close(&r);
	}
}

static void reader_refuses(void **state)
{
	static const struct {
		const char *json, *message;
	} cases[] = {
		{"", "ends"},
		{"[1", "ends"},
		{"[1}", "expected"},
		{"\"abc", "ends"},
		{"\"a\nb\"", "character"},
		{"\"\\x\"", "escape"},
		{"\"\\u12g4\"", "hex"},
		{"{1:2}", "string"},
		{"\"0123456789012345678901234567890123456789\"", "more than"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
		 "levels"},
		{"@", "value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ap_json_memory memory = {cases[i].json, strlen(cases[i].json)};
		struct ap_json_reader r;

		ap_json_read_init(&r, ap_json_source_memory(&memory), 32);
		assert_false(ap_json_read_skip(&r));
		assert_false(ap_json_read_skip(&r));
		struct ap_err *err = ap_json_read_error(&r);
		assert_non_null(err);
		if (!strstr(err->message, cases[i].message))
			fail_msg("%s: %s", cases[i].json, err->message);
		ap_err_free(err);
		ap_json_read_close(&r);
	}
	for (int i = 0; i < 3; i++) {
		static const char *const numbers[] = {"18446744073709551616", "-1", "1.5"};
		struct ap_json_memory memory = {numbers[i], strlen(numbers[i])};
		struct ap_json_reader r;
		uint64_t v;

		ap_json_read_init(&r, ap_json_source_memory(&memory), 32);
		assert_false(ap_json_read_uint(&r, &v));
		ap_json_read_close(&r);
	}
}

/* "0>1 0>2w 1>3": nodes of size 1, 10, 100 ... for n nodes; w weak, s shortcut, others property. */
static struct ap_graph *graph_of(const char *edges, uint32_t n)
{
	struct ap_graph_builder b;
	struct ap_graph *g = NULL;
	uint64_t size = 1;

	assert_null(ap_graph_builder_init(&b, 0, 0));
	assert_true(ap_graph_add_text(&b, AP_TEXT("x")));
	for (uint32_t v = 0; v < n; v++, size *= 10) {
		const struct ap_graph_node node = {AP_NODE_OBJECT, 0, 0, v * 2 + 1, size};

		assert_true(ap_graph_add_node(&b, &node));
		for (const char *p = edges; *p; p += strspn(p, " ")) {
			unsigned from, to;
			int used = 0;

			assert_int_equal(sscanf(p, "%u>%u%n", &from, &to, &used), 2);
			p += used;
			enum ap_edge_type type = *p == 'w'   ? AP_EDGE_WEAK
						 : *p == 's' ? AP_EDGE_SHORTCUT
							     : AP_EDGE_PROPERTY;
			p += *p == 'w' || *p == 's';
			if (from == v)
				assert_true(ap_graph_add_edge(&b, type, 0, to));
		}
	}
	struct ap_err *err = ap_graph_finish(&b, &g);
	assert_null(err);
	return g;
}

static void six_nodes(void **state)
{
	static const struct {
		const char *edges;
		uint32_t n, idom[6];
		uint64_t retained[6];
	} cases[] = {
		{"0>1 0>2 1>3 2>3 3>4 4>5",
		 6,
		 {0, 0, 0, 0, 3, 4},
		 {111111, 10, 100, 111000, 110000, 100000}},
		{"0>1 1>2 2>3 3>1 3>4 4>5",
		 6,
		 {0, 0, 1, 2, 3, 4},
		 {111111, 111110, 111100, 111000, 110000, 100000}},
		/* Weak edges and shortcuts do not retain, but shortcuts of the root do. */
		{"0>1 1>2 0>3s 3>2w 3>4 1>4s 4>5",
		 6,
		 {0, 0, 1, 0, 3, 4},
		 {111111, 110, 100, 111000, 110000, 100000}},
		/* What nothing retains hangs on the root: 2, then the cycle of 3 and 4. */
		{"0>1 1>2w 2>1 3>4 4>3 1>3w", 5, {0, 0, 0, 0, 3}, {11111, 10, 100, 11000, 10000}},
		{"0>0 0>1 1>1", 2, {0, 0}, {11, 10}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ap_graph *g = graph_of(cases[i].edges, cases[i].n);
		struct ap_dominators d;

		assert_null(ap_dominators_compute(g, &d));
		for (uint32_t v = 0; v < g->n_nodes; v++) {
			assert_int_equal(d.idom[v], cases[i].idom[v]);
			assert_int_equal(d.retained[v], cases[i].retained[v]);
		}
		assert_int_equal(d.first_child[0], 0);
		assert_int_equal(d.first_child[g->n_nodes], g->n_nodes - 1);
		ap_dominators_close(&d);
		ap_graph_close(g);
	}
}

static uint32_t random_state = 12345;

static uint32_t pick(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

/* Reached from the root without going through `without`. */
static void flood(const struct ap_graph *g, uint32_t without, bool *seen, uint32_t *stack)
{
	uint32_t n = 0;

	memset(seen, 0, g->n_nodes);
	if (without == 0)
		return;
	seen[0] = true;
	stack[n++] = 0;
	while (n) {
		uint32_t v = stack[--n];

		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);
			uint32_t to = ap_edge_to(e);

			if (ap_edge_retains(e, v) && to != without && !seen[to]) {
				seen[to] = true;
				stack[n++] = to;
			}
		}
	}
}

static void random_graphs(void **state)
{
	enum { MAX = 60 };
	bool seen[MAX];
	uint32_t stack[MAX];

	(void)state;
	for (int round = 0; round < 3000; round++) {
		uint32_t n = 2 + pick(MAX - 2), extra = pick(3 * n);
		struct ap_graph_builder b;
		struct ap_graph *g;
		struct ap_dominators d;
		uint8_t from[4 * MAX], to[4 * MAX];
		uint32_t edges = 0;

		/* A spanning tree keeps everything reachable; the rest leads anywhere. */
		for (uint32_t v = 1; v < n; v++, edges++) {
			from[edges] = (uint8_t)pick(v);
			to[edges] = (uint8_t)v;
		}
		for (uint32_t i = 0; i < extra; i++, edges++) {
			from[edges] = (uint8_t)pick(n);
			to[edges] = (uint8_t)pick(n);
		}
		assert_null(ap_graph_builder_init(&b, n, edges));
		ap_graph_add_text(&b, AP_TEXT(""));
		for (uint32_t v = 0; v < n; v++) {
			const struct ap_graph_node node = {AP_NODE_OBJECT, 0, 0, v, 1 + pick(100)};

			ap_graph_add_node(&b, &node);
			for (uint32_t i = 0; i < edges; i++) {
				if (from[i] == v)
					ap_graph_add_edge(&b,
							  i >= n && pick(5) == 0 ? AP_EDGE_WEAK
										 : AP_EDGE_ELEMENT,
							  0, to[i]);
			}
		}
		assert_null(ap_graph_finish(&b, &g));
		assert_null(ap_dominators_compute(g, &d));
		/* v's retained size is what becomes unreachable without v: the definition itself.
		 */
		for (uint32_t v = 0; v < n; v++) {
			uint64_t lost = 0;

			flood(g, v, seen, stack);
			for (uint32_t u = 0; u < n; u++)
				lost += seen[u] ? 0 : ap_node_size(g, u);
			assert_int_equal(d.retained[v], lost);
			if (v)
				assert_false(seen[v]);
		}
		ap_dominators_close(&d);
		ap_graph_close(g);
	}
}

/* root -> owner -> table -> value; the stack and a handle have the table in hand, too, and one
 * object alone. */
static void held_in_passing(void **state)
{
	enum { ROOT, GC, STACK, HANDLES, OWNER, TABLE, VALUE, TEMPORARY, N };
	static const uint8_t edges[][2] = {{ROOT, GC},        {ROOT, OWNER},  {GC, STACK},
					   {GC, HANDLES},     {STACK, TABLE}, {STACK, TEMPORARY},
					   {HANDLES, TABLE},  {OWNER, TABLE}, {TABLE, VALUE},
					   {TEMPORARY, VALUE}};
	static const uint32_t idom[N] = {ROOT, ROOT, GC, GC, ROOT, OWNER, TABLE, STACK};
	struct ap_graph_builder b;
	struct ap_graph *g;
	struct ap_dominators d;

	(void)state;
	assert_null(ap_graph_builder_init(&b, N, sizeof(edges) / sizeof(edges[0])));
	ap_graph_add_text(&b, AP_TEXT(""));
	ap_graph_add_text(&b, AP_TEXT("(Stack roots)"));
	ap_graph_add_text(&b, AP_TEXT("(Handle scope)"));
	for (uint32_t v = 0; v < N; v++) {
		const struct ap_graph_node node = {v < OWNER ? AP_NODE_SYNTHETIC : AP_NODE_OBJECT,
						   0,
						   v == STACK     ? 1
						   : v == HANDLES ? 2
								  : 0,
						   v, v < OWNER ? 0 : 10};

		ap_graph_add_node(&b, &node);
		for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
			if (edges[i][0] == v)
				ap_graph_add_edge(&b, AP_EDGE_ELEMENT, 0, edges[i][1]);
		}
	}
	assert_null(ap_graph_finish(&b, &g));
	assert_null(ap_dominators_compute(g, &d));
	for (uint32_t v = 0; v < N; v++)
		assert_int_equal(d.idom[v], idom[v]);
	assert_int_equal(d.retained[OWNER], 30);
	assert_int_equal(d.retained[STACK], 10);
	assert_int_equal(d.retained[ROOT], 40);
	ap_dominators_close(&d);
	ap_graph_close(g);
}

/* What is kept short: names of edges once a shape, ids and sizes in 32 bits while they fit. */
static void compact_arrays(void **state)
{
	enum { N = 1000, EDGES = 3 };
	static const char lasting[] = "in a mapped core";
	struct ap_graph_builder b;
	struct ap_graph *g;

	(void)state;
	assert_null(ap_graph_builder_init(&b, 0, 0));
	ap_graph_add_text(&b, AP_TEXT(""));
	ap_graph_borrow_text(&b, (struct ap_text){lasting, 5});
	ap_graph_add_text(&b, AP_TEXT("name"));
	for (uint32_t v = 0; v < N; v++) {
		/* Every hundredth page of a core lies somewhere else; a few objects are huge. */
		const struct ap_graph_node node = {
			.type = AP_NODE_OBJECT,
			.detachedness = v == 700 ? 2 : 0,
			.name = v % 3,
			.id = (uint64_t)(v / 100 * 7 % 10) << 40 | v << 4,
			.size = v % 400 == 1 ? UINT32_MAX + (uint64_t)v : v};

		assert_true(ap_graph_add_node(&b, &node));
		/* Two shapes by turns, and nodes without any edge. */
		for (uint32_t k = 0; v % 5 && k < EDGES; k++)
			assert_true(ap_graph_add_edge(&b, AP_EDGE_PROPERTY,
						      AP_NAME_NUMBER | (v % 2 * 100 + k),
						      (v + k) % N));
	}
	assert_null(ap_graph_finish(&b, &g));
	assert_int_equal(g->n_edge_names, 2 * EDGES);
	for (uint32_t v = 0; v < N; v++) {
		assert_int_equal(ap_node_id(g, v), (uint64_t)(v / 100 * 7 % 10) << 40 | v << 4);
		assert_int_equal(ap_graph_find(g, ap_node_id(g, v)), v);
		assert_int_equal(ap_node_size(g, v), v % 400 == 1 ? UINT32_MAX + (uint64_t)v : v);
		assert_int_equal(ap_node_detachedness(g, v), v == 700 ? 2 : 0);
		assert_int_equal(g->first_edge[v + 1] - g->first_edge[v], v % 5 ? EDGES : 0);
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);
			uint32_t k = i - g->first_edge[v];

			assert_int_equal(ap_edge_from(g, i), v);
			assert_int_equal(ap_edge_to(e), (v + k) % N);
			assert_int_equal(e.name, AP_NAME_NUMBER | (v % 2 * 100 + k));
		}
	}
	assert_true(ap_text_is(ap_node_name(g, 1), "in a "));
	assert_ptr_equal(ap_node_name(g, 1).s, lasting);
	assert_true(ap_text_is(ap_node_name(g, 2), "name"));
	ap_graph_close(g);
}

/* A list of a million nodes, with edges back: no recursion, and no more than a few steps a node. */
static void deep_list(void **state)
{
	enum { N = 1000000 };
	struct ap_graph_builder b;
	struct ap_graph *g;
	struct ap_dominators d;
	struct ap_traces t;
	struct ap_arena arena;
	ap_path path;

	(void)state;
	assert_null(ap_graph_builder_init(&b, N, 2 * N));
	ap_graph_add_text(&b, AP_TEXT("next"));
	for (uint32_t v = 0; v < N; v++) {
		const struct ap_graph_node node = {AP_NODE_OBJECT, 0, 0, v, 8};

		ap_graph_add_node(&b, &node);
		if (v + 1 < N)
			ap_graph_add_edge(&b, AP_EDGE_PROPERTY, 0, v + 1);
		if (v > 10)
			ap_graph_add_edge(&b, AP_EDGE_PROPERTY, 0, v - 1 - pick(10));
	}
	assert_null(ap_graph_finish(&b, &g));
	/* ^C ends what takes long, and leaves nothing behind. */
	const volatile sig_atomic_t stop = 1;
	g->cancelled = &stop;
	assert_ptr_equal(ap_dominators_compute(g, &d), &ap_err_cancelled);
	assert_ptr_equal(ap_traces_compute(g, &t), &ap_err_cancelled);
	g->cancelled = NULL;
	assert_null(ap_dominators_compute(g, &d));
	for (uint32_t v = 1; v < N; v++) {
		assert_int_equal(d.idom[v], v - 1);
		assert_int_equal(d.retained[v], 8ull * (N - v));
	}
	assert_true(d.work < 8ull * N);
	assert_null(ap_traces_compute(g, &t));
	ap_arena_init(&arena, 0);
	assert_null(ap_trace_path(g, &t, N - 1, &arena, &path));
	assert_int_equal(path.n, 1);
	assert_int_equal(path.at[0].repeats, N - 2);
	ap_arena_close(&arena);
	ap_traces_close(&t);
	ap_dominators_close(&d);
	ap_graph_close(g);
}

/* A variable of the program says more than the stack of the moment, even if it is further away. */
static void stack_last(void **state)
{
	enum { ROOT, STACK, GLOBAL, CONTEXT, HELD, ONLY_STACK, N };
	static const char *const texts[] = {"",     "(Stack roots)", "global", "system / Context",
					    "Held", "cache"};
	static const struct ap_graph_node nodes[N] = {
		{AP_NODE_SYNTHETIC, 0, 0, 1, 0}, {AP_NODE_SYNTHETIC, 1, 0, 3, 0},
		{AP_NODE_OBJECT, 2, 0, 5, 8},    {AP_NODE_OBJECT, 3, 0, 7, 8},
		{AP_NODE_OBJECT, 4, 0, 9, 8},    {AP_NODE_OBJECT, 4, 0, 11, 8},
	};
	struct ap_graph_builder b;
	struct ap_graph *g;
	struct ap_traces t;
	struct ap_arena arena;
	ap_path path;

	(void)state;
	assert_null(ap_graph_builder_init(&b, N, 16));
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ap_graph_add_text(&b, ap_text_of(texts[i]));
	for (uint32_t v = 0; v < N; v++) {
		ap_graph_add_node(&b, &nodes[v]);
		if (v == ROOT) {
			ap_graph_add_edge(&b, AP_EDGE_ELEMENT, 0, STACK);
			ap_graph_add_edge(&b, AP_EDGE_SHORTCUT, 2, GLOBAL);
		} else if (v == STACK) {
			ap_graph_add_edge(&b, AP_EDGE_ELEMENT, 0, HELD);
			ap_graph_add_edge(&b, AP_EDGE_ELEMENT, 1, ONLY_STACK);
		} else if (v == GLOBAL) {
			ap_graph_add_edge(&b, AP_EDGE_PROPERTY, 5, CONTEXT);
		} else if (v == CONTEXT) {
			ap_graph_add_edge(&b, AP_EDGE_CONTEXT, 5, HELD);
		}
	}
	assert_null(ap_graph_finish(&b, &g));
	assert_null(ap_traces_compute(g, &t));
	ap_arena_init(&arena, 0);
	assert_null(ap_trace_path(g, &t, HELD, &arena, &path));
	assert_int_equal(path.n, 3);
	assert_int_equal(path.at[0].to, GLOBAL);
	assert_null(ap_trace_path(g, &t, ONLY_STACK, &arena, &path));
	assert_int_equal(path.n, 2);
	assert_int_equal(path.at[0].to, STACK);
	ap_arena_close(&arena);
	ap_traces_close(&t);
	ap_graph_close(g);
}

static struct ap_err *to_str(void *arg, const void *data, size_t bytes)
{
	ap_str_add(arg, data, bytes);
	return NULL;
}

static const char head[] =
	"{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\"],"
	"\"node_types\":[[\"hidden\",\"object\",\"synthetic\"],\"string\"],"
	"\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
	"\"edge_types\":[[\"element\",\"property\",\"internal\"],\"x\",\"node\"]},";

static struct ap_err *read_text(const char *rest, struct ap_graph **ret)
{
	AP_STR_AUTO json = {0};

	ap_str_adds(&json, head);
	ap_str_adds(&json, rest);
	struct ap_json_memory memory = {json.s, json.n};
	return ap_snapshot_read(ap_json_source_memory(&memory), json.n, ret);
}

static void snapshots(void **state)
{
	struct ap_graph *g, *again;
	struct ap_dominators d;
	struct ap_snapshot_written written;
	AP_STR_AUTO out = {0};

	(void)state;
	/* 1 the key, 2 the table of a WeakMap, 3 the value: the key's edge counts. */
	struct ap_err *err = read_text(
		"\"node_count\":4,\"edge_count\":4},\"nodes\":[2,0,1,0,2,1,1,3,16,1,1,2,5,32,1,1,1,7,64,0],"
		"\"edges\":[0,1,5,0,2,10,2,3,15,2,3,15],\"strings\":[\"\",\"K\",\"T\","
		"\"1 / part of key (K @3) -> value (V @7) pair in WeakMap (table @5)\",\"\\ud800\"]}",
		&g);
	assert_null(err);
	assert_null(ap_dominators_compute(g, &d));
	assert_int_equal(d.retained[1], 16 + 64);
	assert_int_equal(d.retained[2], 32);
	assert_int_equal(ap_graph_find(g, 5), 2);
	assert_int_equal(ap_graph_find(g, 6), AP_NO_NODE);
	ap_dominators_close(&d);

	const struct ap_snapshot_sink sink = {to_str, &out};
	assert_null(ap_snapshot_write(g, &sink, &written));
	assert_int_equal(written.bytes, out.n);
	struct ap_json_memory memory = {out.s, out.n};
	err = ap_snapshot_read(ap_json_source_memory(&memory), out.n, &again);
	assert_null(err);
	assert_int_equal(again->n_nodes, 4);
	assert_int_equal(again->n_edges, 4);
	assert_memory_equal(again->targets, g->targets, 4 * sizeof(*g->targets));
	for (uint32_t v = 0; v < 4; v++) {
		assert_int_equal(ap_node_size(again, v), ap_node_size(g, v));
		assert_int_equal(ap_node_id(again, v), ap_node_id(g, v));
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++)
			assert_int_equal(ap_edge_at(again, v, i).name, ap_edge_at(g, v, i).name);
	}
	assert_true(ap_text_is(ap_graph_text(again, 4), "\xed\xa0\x80"));
	ap_graph_close(again);
	ap_graph_close(g);
}

static void lying_snapshots(void **state)
{
	static const struct {
		const char *rest, *message;
	} cases[] = {
		{"\"node_count\":2,\"edge_count\":0},\"nodes\":[2,0,1,0,0],\"edges\":[],\"strings\":[\"\"]}",
		 "node_count"},
		{"\"node_count\":1,\"edge_count\":1},\"nodes\":[2,0,1,0,0],\"edges\":[],\"strings\":[\"\"]}",
		 "edge_count"},
		{"\"node_count\":1,\"edge_count\":1},\"nodes\":[2,0,1,0,9],\"edges\":[],\"strings\":[\"\"]}",
		 "more edges"},
		{"\"node_count\":1,\"edge_count\":1},\"nodes\":[2,0,1,0,1],\"edges\":[0,0,5],\"strings\":[\"\"]}",
		 "no node begins"},
		{"\"node_count\":1,\"edge_count\":1},\"nodes\":[2,0,1,0,1],\"edges\":[0,0,3],\"strings\":[\"\"]}",
		 "no node begins"},
		{"\"node_count\":1,\"edge_count\":1},\"nodes\":[2,0,1,0,1],\"edges\":[1,7,0],\"strings\":[\"\"]}",
		 "strings"},
		{"\"node_count\":1,\"edge_count\":0},\"nodes\":[2,7,1,0,0],\"edges\":[],\"strings\":[\"\"]}",
		 "strings"},
		{"\"node_count\":1,\"edge_count\":0},\"nodes\":[2,0,1,0],\"edges\":[],\"strings\":[\"\"]}",
		 "inside an item"},
		{"\"node_count\":1,\"edge_count\":0},\"edges\":[],\"strings\":[\"\"]}",
		 "in front of"},
		{"\"node_count\":99999999999,\"edge_count\":0},", "beyond"},
		{"\"node_count\":400000000,\"edge_count\":4000000000},\"nodes\":[2,0,1,0,0",
		 "ends"},
		{"\"node_count\":1,\"edge_count\":0},\"nodes\":[2,0,1,0,0],\"edges\":[]}",
		 "missing"},
		{"\"node_count\":0,\"edge_count\":0},\"nodes\":[],\"edges\":[],\"strings\":[]}",
		 "no root"},
		{"\"node_count\":1,\"edge_count\":0},\"nodes\":[2,0,1,-1,0],\"edges\":[]}", "sign"},
		{"\"node_count\":1,\"edge_count\":0},\"nodes\":[2,0,1,1,0],\"edges\":[],\"strings\":[\"\"]}}",
		 "behind the end"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ap_graph *g = NULL;
		struct ap_err *err = read_text(cases[i].rest, &g);

		assert_non_null(err);
		assert_null(g);
		bool found = false;
		for (const struct ap_err *e = err; e; e = e->cause)
			found |= strstr(e->message, cases[i].message) != NULL;
		if (!found)
			fail_msg("%s: %s", cases[i].rest,
				 err->cause ? err->cause->message : err->message);
		ap_err_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reader_values),   cmocka_unit_test(reader_refuses),
		cmocka_unit_test(six_nodes),       cmocka_unit_test(random_graphs),
		cmocka_unit_test(held_in_passing), cmocka_unit_test(compact_arrays),
		cmocka_unit_test(deep_list),       cmocka_unit_test(stack_last),
		cmocka_unit_test(snapshots),       cmocka_unit_test(lying_snapshots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
