/* Two graphs of one program, matched by structure, and what changed by who holds it. */
#include "unit.h"

#include "base/arena.h"
#include "graph/growth.h"
#include "graph/texts.h"

struct edge {
	enum ap_edge_type type;
	const char *name; /* NULL: of elements, by their order */
	int to;
};

struct node {
	enum ap_node_type type;
	const char *name;
	uint64_t size;
	struct edge edges[8]; /* as far as `to` is not 0 */
};

/* Ids are of one kind, but none of one graph is one of the other. */
static struct ap_study *study_of(const struct node *nodes, size_t n, uint64_t first_id)
{
	struct ap_graph_builder b;
	struct ap_graph *g;
	struct ap_study *s;
	struct ap_text_pool texts;

	assert_ok(ap_graph_builder_init(&b, n, 0));
	ap_text_pool_open(&texts, &b);
	for (size_t v = 0; v < n; v++) {
		const struct ap_graph_node node = {
			.type = nodes[v].type,
			.name = ap_text_pool_add(&texts, ap_text_of(nodes[v].name)),
			.id = first_id + v,
			.size = nodes[v].size,
		};

		assert_true(ap_graph_add_node(&b, &node));
		for (uint32_t i = 0; i < 8 && nodes[v].edges[i].to; i++) {
			const struct edge *e = &nodes[v].edges[i];
			uint32_t name = e->name ? ap_text_pool_add(&texts, ap_text_of(e->name)) : i;

			assert_true(ap_graph_add_edge(&b, e->type, name, (uint32_t)e->to));
		}
	}
	ap_text_pool_close(&texts);
	assert_ok(ap_graph_finish(&b, &g));
	assert_ok(ap_study_open(g, &s));
	return s;
}

#define P(name, to)                                                                                \
	{                                                                                          \
		AP_EDGE_PROPERTY, name, to                                                         \
	}
#define E(to)                                                                                      \
	{                                                                                          \
		AP_EDGE_ELEMENT, NULL, to                                                          \
	}
#define OBJECT(name, size, ...)                                                                    \
	{                                                                                          \
		AP_NODE_OBJECT, name, size,                                                        \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define STRING(text)                                                                               \
	{                                                                                          \
		AP_NODE_STRING, text, 16,                                                          \
		{                                                                                  \
			{                                                                          \
				0                                                                  \
			}                                                                          \
		}                                                                                  \
	}
#define ROOT(to)                                                                                   \
	{                                                                                          \
		AP_NODE_SYNTHETIC, "", 0,                                                          \
		{                                                                                  \
			{                                                                          \
				AP_EDGE_SHORTCUT, "global", to                                     \
			}                                                                          \
		}                                                                                  \
	}
#define STUDY(first_id, ...)                                                                       \
	study_of((const struct node[]){__VA_ARGS__},                                               \
		 sizeof((const struct node[]){__VA_ARGS__}) / sizeof(struct node), first_id)

struct compared {
	struct ap_study *old, *new;
	struct ap_matches m;
	struct ap_arena arena;
	struct ap_growth *rows;
	size_t n;
};

static void compare(struct compared *c)
{
	int64_t sum = 0;

	const volatile sig_atomic_t stop = 1;

	ap_arena_init(&c->arena, 0);
	c->new->graph->cancelled = &stop;
	assert_ptr_equal(ap_graph_match(c->old->graph, c->new->graph, &c->m), &ap_err_cancelled);
	c->new->graph->cancelled = NULL;
	assert_ok(ap_graph_match(c->old->graph, c->new->graph, &c->m));
	assert_ok(ap_study_growth(c->old, c->new, &c->m, &c->arena, &c->rows, &c->n));
	for (size_t i = 0; i < c->n; i++)
		sum += c->rows[i].delta;
	assert_int_equal(
		sum, (int64_t)(c->new->dominators.retained[0] - c->old->dominators.retained[0]));
}

static void close_all(struct compared *c)
{
	ap_matches_close(&c->m);
	ap_study_close(c->old);
	ap_study_close(c->new);
	ap_arena_close(&c->arena);
}

/* A queue moves on: the first is gone, one is new, and the rest stands at other places. */
static void moved_on(void **state)
{
	struct compared c = {
		.old = STUDY(100, ROOT(1), OBJECT("global", 8, P("queue", 2)),
			     OBJECT("Array", 16, E(3), E(5), E(7)), OBJECT("Job", 32, P("name", 4)),
			     STRING("a"), OBJECT("Job", 32, P("name", 6)), STRING("b"),
			     OBJECT("Job", 32, P("name", 8)), STRING("c")),
		.new = STUDY(200, ROOT(1), OBJECT("global", 8, P("queue", 2)),
			     OBJECT("Array", 24, E(3), E(5), E(7)), OBJECT("Job", 32, P("name", 4)),
			     STRING("b"), OBJECT("Job", 32, P("name", 6)), STRING("c"),
			     OBJECT("Job", 32, P("name", 8)), STRING("d")),
	};

	(void)state;
	compare(&c);
	assert_int_equal(c.m.new_of[3], AP_NO_NODE);
	assert_int_equal(c.m.new_of[5], 3);
	assert_int_equal(c.m.new_of[7], 5);
	assert_int_equal(c.m.old_of[7], AP_NO_NODE);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.rows[0].holder, 2);
	assert_int_equal(c.rows[0].kind, AP_GROWTH_SAME);
	assert_int_equal(c.rows[0].new_count, 2);
	assert_int_equal(c.rows[0].gone_bytes, 48);
	assert_int_equal(c.rows[0].resized_bytes, 8);
	assert_int_equal(c.rows[0].delta, 8);
	assert_int_equal(c.rows[0].entries, 1);
	assert_true(ap_text_is(c.rows[0].entry_class, "Job"));
	close_all(&c);
}

/* A list gets a new head: the old one is the second now. */
static void new_head(void **state)
{
	struct compared c = {
		.old = STUDY(100, ROOT(1), OBJECT("global", 8, P("head", 2)),
			     OBJECT("Job", 32, P("name", 3), P("next", 4)), STRING("a"),
			     OBJECT("Job", 32, P("name", 5)), STRING("b")),
		.new = STUDY(200, ROOT(1), OBJECT("global", 8, P("head", 2)),
			     OBJECT("Job", 32, P("name", 3), P("next", 4)), STRING("z"),
			     OBJECT("Job", 32, P("name", 5), P("next", 6)), STRING("a"),
			     OBJECT("Job", 32, P("name", 7)), STRING("b")),
	};

	(void)state;
	compare(&c);
	assert_int_equal(c.m.new_of[2], 4);
	assert_int_equal(c.m.new_of[4], 6);
	assert_int_equal(c.n, 1);
	assert_int_equal(c.rows[0].holder, 1);
	assert_int_equal(c.rows[0].new_count, 2);
	assert_int_equal(c.rows[0].gone_count, 0);
	close_all(&c);
}

/* What is new and keeps more has a row of its own; so has what is gone. */
static void own_rows(void **state)
{
	struct compared c = {
		.old = STUDY(100, ROOT(1), OBJECT("global", 8, P("old", 2)),
			     OBJECT("Set", 32, P("a", 3), P("b", 4)), OBJECT("Item", 2000, {0}),
			     OBJECT("Item", 2000, {0})),
		.new = STUDY(200, ROOT(1), OBJECT("global", 8, P("cache", 2)),
			     OBJECT("Map", 32, P("a", 3), P("b", 4)), OBJECT("Entry", 1000, {0}),
			     OBJECT("Entry", 1000, {0})),
	};

	(void)state;
	compare(&c);
	assert_int_equal(c.n, 2);
	assert_int_equal(c.rows[0].kind, AP_GROWTH_NEW);
	assert_int_equal(c.rows[0].delta, 2032);
	assert_int_equal(c.rows[0].entries, 2);
	assert_true(ap_text_is(c.rows[0].entry_class, "Entry"));
	assert_int_equal(c.rows[1].kind, AP_GROWTH_GONE);
	assert_int_equal(c.rows[1].delta, -4032);
	assert_true(ap_text_is(c.rows[1].entry_class, "Item"));
	close_all(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moved_on),
		cmocka_unit_test(new_head),
		cmocka_unit_test(own_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
