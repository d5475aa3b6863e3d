#include "graph/snapshot.h"

#include <string.h>

#include "base/json.h"

enum {
	N_FIELDS = 7,
	N_LOCATION_FIELDS = 4,
	DRAIN_BYTES = 1 << 18,
	SHORT_STRING_UNITS = 64,
};
/*
 * Readers take all strings as one text, whose length V8 limits to about 2^29 units: beyond the
 * budget strings are cut short.
 */
#define STRING_BUDGET 400000000u

struct writer {
	const struct ap_graph *g;
	const struct ap_snapshot_sink *sink;
	struct ap_str buffer;
	struct ap_snapshot_written written;
	uint64_t numbers; /* that are names: 0 to this */
};

static struct ap_err *drain(struct writer *w, size_t above)
{
	if (w->buffer.failed)
		return &ap_err_nomem;
	if (w->buffer.n < above || !w->buffer.n)
		return NULL;
	AP_TRY(w->sink->write(w->sink->arg, w->buffer.s, w->buffer.n));
	w->written.bytes += w->buffer.n;
	ap_str_clear(&w->buffer);
	return NULL;
}

static void number(struct ap_str *str, uint64_t v)
{
	char digits[21];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	ap_str_add(str, digits + at, sizeof(digits) - at);
}

/* Numbers between commas, on a line of their own. */
static void row(struct ap_str *str, bool first, const uint64_t *values, int n)
{
	for (int i = 0; i < n; i++) {
		if (i || !first)
			ap_str_addc(str, ',');
		number(str, values[i]);
	}
	ap_str_addc(str, '\n');
}

/* The file's own number of a node: that of the graph, or V8's way of counting. */
static uint64_t id_of(const struct ap_graph *g, uint32_t v)
{
	if (!g->ids_are_addresses)
		return ap_node_id(g, v);
	return g->types[v] == AP_NODE_NATIVE ? 2 * (uint64_t)v + 2 : 2 * (uint64_t)v + 1;
}

static void header(struct writer *w)
{
	struct ap_str *out = &w->buffer;
	const struct ap_graph *g = w->g;

	ap_str_adds(
		out,
		"{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\","
		"\"edge_count\",\"trace_node_id\",\"detachedness\"],\"node_types\":[[");
	for (int i = 0; i < AP_N_NODE_TYPES; i++)
		ap_str_addf(out, "%s\"%s\"", i ? "," : "", ap_node_type_name((enum ap_node_type)i));
	ap_str_adds(out,
		    "],\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],"
		    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[");
	for (int i = 0; i < AP_EDGE_PAIR; i++)
		ap_str_addf(out, "%s\"%s\"", i ? "," : "", ap_edge_type_name((enum ap_edge_type)i));
	ap_str_addf(
		out,
		"],\"string_or_number\",\"node\"],\"trace_function_info_fields\":[\"function_id\","
		"\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],\"trace_node_fields\":[\"id\","
		"\"function_info_index\",\"count\",\"size\",\"children\"],\"sample_fields\":[\"timestamp_us\","
		"\"last_assigned_id\"],\"location_fields\":[\"object_index\",\"script_id\",\"line\","
		"\"column\"]},\"node_count\":%u,\"edge_count\":%u,\"trace_function_count\":0,"
		"\"extra_native_bytes\":%llu},\n",
		g->n_nodes, g->n_edges, (unsigned long long)g->extra_native_bytes);
}

static struct ap_err *nodes(struct writer *w)
{
	const struct ap_graph *g = w->g;

	ap_str_adds(&w->buffer, "\"nodes\":[");
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		uint64_t size = ap_node_size(g, v);

		if (size > UINT32_MAX) {
			size = UINT32_MAX;
			w->written.cut_sizes++;
		}
		const uint64_t values[N_FIELDS] = {
			g->types[v],
			g->names[v],
			id_of(g, v),
			size,
			g->first_edge[v + 1] - g->first_edge[v],
			0,
			ap_node_detachedness(g, v),
		};
		row(&w->buffer, v == 0, values, N_FIELDS);
		AP_TRY(drain(w, DRAIN_BYTES));
	}
	ap_str_adds(&w->buffer, "],\n");
	return NULL;
}

static struct ap_err *edges(struct writer *w)
{
	const struct ap_graph *g = w->g;

	ap_str_adds(&w->buffer, "\"edges\":[");
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		for (uint32_t i = g->first_edge[v]; i < g->first_edge[v + 1]; i++) {
			struct ap_edge e = ap_edge_at(g, v, i);
			enum ap_edge_type type = ap_edge_type(e);
			bool named_by_number = (e.name & AP_NAME_NUMBER) && !ap_edge_is_numbered(e);
			uint32_t name_number = e.name & ~AP_NAME_NUMBER;

			if (i)
				ap_str_addc(&w->buffer, ',');
			if (named_by_number && name_number >= w->numbers)
				w->numbers = name_number + 1ull;
			number(&w->buffer, type == AP_EDGE_PAIR ? AP_EDGE_INTERNAL : type);
			ap_str_addc(&w->buffer, ',');
			number(&w->buffer,
			       named_by_number ? g->n_texts + (uint64_t)name_number : e.name);
			ap_str_addc(&w->buffer, ',');
			number(&w->buffer, (uint64_t)ap_edge_to(e) * N_FIELDS);
			ap_str_addc(&w->buffer, '\n');
			AP_TRY(drain(w, DRAIN_BYTES));
		}
	}
	ap_str_adds(&w->buffer, "],\n");
	return NULL;
}

static struct ap_err *locations(struct writer *w)
{
	const struct ap_graph *g = w->g;
	bool any = false;

	ap_str_adds(&w->buffer,
		    "\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n"
		    "\"locations\":[");
	for (uint32_t v = 0; v < g->n_nodes; v++) {
		const struct ap_location *l = ap_graph_location(g, v);

		if (!l)
			continue;
		const uint64_t values[N_LOCATION_FIELDS] = {(uint64_t)v * N_FIELDS, l->script_id,
							    l->line, l->column};
		row(&w->buffer, !any, values, N_LOCATION_FIELDS);
		any = true;
		AP_TRY(drain(w, DRAIN_BYTES));
	}
	ap_str_adds(&w->buffer, "],\n");
	return NULL;
}

static struct ap_text cut(struct ap_text text)
{
	/* Never inside a character: continuation bytes begin with the bits 10. */
	size_t n = SHORT_STRING_UNITS;

	while (n && ((unsigned char)text.s[n] & 0xc0) == 0x80)
		n--;
	return (struct ap_text){text.s, n};
}

static struct ap_err *texts(struct writer *w)
{
	const struct ap_graph *g = w->g;
	uint64_t used = 0;
	struct ap_json j;

	ap_str_adds(&w->buffer, "\"strings\":[");
	ap_json_init(&j, &w->buffer, NULL);
	for (uint32_t i = 0; i < g->n_texts; i++) {
		struct ap_text text = ap_graph_text(g, i);

		if (used > STRING_BUDGET && text.n > SHORT_STRING_UNITS) {
			text = cut(text);
			w->written.cut_strings++;
		}
		used += text.n + 4;
		ap_json_text(&j, NULL, text);
		ap_str_addc(&w->buffer, '\n');
		AP_TRY(drain(w, DRAIN_BYTES));
	}
	/* Numbers that are names come after all texts, up to the largest. */
	for (uint64_t i = 0; i < w->numbers; i++) {
		ap_str_adds(&w->buffer, i || g->n_texts ? ",\"" : "\"");
		number(&w->buffer, i);
		ap_str_adds(&w->buffer, "\"\n");
		AP_TRY(drain(w, DRAIN_BYTES));
	}
	ap_str_adds(&w->buffer, "]}\n");
	return NULL;
}

struct ap_err *ap_snapshot_write(const struct ap_graph *g, const struct ap_snapshot_sink *sink,
				 struct ap_snapshot_written *ret_written)
{
	struct writer w = {.g = g, .sink = sink};
	struct ap_err *err;

	header(&w);
	err = nodes(&w);
	if (!err)
		err = edges(&w);
	if (!err)
		err = locations(&w);
	if (!err)
		err = texts(&w);
	if (!err)
		err = drain(&w, 0);
	ap_str_close(&w.buffer);
	if (!err)
		*ret_written = w.written;
	return err;
}
