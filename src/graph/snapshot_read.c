#include "graph/snapshot.h"

#include <string.h>

enum {
	MAX_FIELDS = 32,
	MAX_TYPES = 64,
	MAX_TEXT_BYTES = 1 << 28,
	TYPE_UNKNOWN = 0xff,
};

/* Positions of the fields that we want; -1: the file has none. */
struct fields {
	int n;
	int type, name, id, size, edges, detachedness; /* of a node */
	int to;                                        /* of an edge, with type and name */
	int node, script, line, column;                /* of a location */
};

struct state {
	struct ap_json_reader reader;
	struct ap_graph_builder builder;
	uint64_t bytes, node_count, edge_count;
	bool has_meta, has_nodes, has_edges, has_texts;
	struct fields node, edge, location;
	uint8_t node_types[MAX_TYPES], edge_types[MAX_TYPES];
	unsigned n_node_types, n_edge_types;
	uint64_t unknown_types;
};

static bool read_field_names(struct state *s, struct fields *f)
{
	struct ap_json_reader *r = &s->reader;
	struct ap_text name;
	bool first = true;

	*f = (struct fields){0, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
	const struct {
		const char *name;
		int *at;
	} known[] = {
		{"type", &f->type},
		{"name", &f->name},
		{"name_or_index", &f->name},
		{"id", &f->id},
		{"self_size", &f->size},
		{"edge_count", &f->edges},
		{"detachedness", &f->detachedness},
		{"to_node", &f->to},
		{"object_index", &f->node},
		{"script_id", &f->script},
		{"line", &f->line},
		{"column", &f->column},
	};
	if (!ap_json_read_token(r, '['))
		return false;
	while (ap_json_read_more(r, &first, ']')) {
		if (!ap_json_read_text(r, &name))
			return false;
		if (f->n == MAX_FIELDS)
			return ap_json_read_fail(r, "more than %d fields", MAX_FIELDS);
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			if (ap_text_is(name, known[i].name))
				*known[i].at = f->n;
		}
		f->n++;
	}
	return !r->failed;
}

/* The first item of node_types or edge_types lists the types by name, the rest says nothing new. */
static bool read_type_names(struct state *s, const char *(*known)(unsigned), unsigned n_known,
			    uint8_t *types, unsigned *n_types)
{
	struct ap_json_reader *r = &s->reader;
	struct ap_text name;
	bool first = true, inner = true;

	*n_types = 0;
	if (!ap_json_read_token(r, '['))
		return false;
	while (ap_json_read_more(r, &first, ']')) {
		if (!inner || ap_json_peek(r) != '[') {
			if (!ap_json_read_skip(r))
				return false;
			continue;
		}
		if (!ap_json_read_token(r, '['))
			return false;
		while (ap_json_read_more(r, &inner, ']')) {
			if (!ap_json_read_text(r, &name))
				return false;
			if (*n_types == MAX_TYPES)
				return ap_json_read_fail(r, "more than %d types", MAX_TYPES);
			uint8_t type = TYPE_UNKNOWN;
			for (unsigned i = 0; i < n_known && type == TYPE_UNKNOWN; i++) {
				if (ap_text_is(name, known(i)))
					type = (uint8_t)i;
			}
			types[(*n_types)++] = type;
		}
		inner = false;
	}
	return !r->failed;
}

static const char *node_type(unsigned i)
{
	return ap_node_type_name((enum ap_node_type)i);
}

static const char *edge_type(unsigned i)
{
	return ap_edge_type_name((enum ap_edge_type)i);
}

static bool read_meta(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	struct ap_text key;
	bool first = true;

	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}')) {
		bool ok;

		if (!ap_json_read_key(r, &key))
			return false;
		if (ap_text_is(key, "node_fields"))
			ok = read_field_names(s, &s->node);
		else if (ap_text_is(key, "edge_fields"))
			ok = read_field_names(s, &s->edge);
		else if (ap_text_is(key, "location_fields"))
			ok = read_field_names(s, &s->location);
		else if (ap_text_is(key, "node_types"))
			ok = read_type_names(s, node_type, AP_N_NODE_TYPES, s->node_types,
					     &s->n_node_types);
		else if (ap_text_is(key, "edge_types"))
			ok = read_type_names(s, edge_type, AP_EDGE_PAIR, s->edge_types,
					     &s->n_edge_types);
		else
			ok = ap_json_read_skip(r);
		if (!ok)
			return false;
	}
	if (r->failed)
		return false;
	if (!s->node.n || s->node.type < 0 || s->node.name < 0 || s->node.id < 0 ||
	    s->node.size < 0 || s->node.edges < 0)
		return ap_json_read_fail(
			r, "node_fields lacks type, name, id, self_size or edge_count");
	if (!s->edge.n || s->edge.type < 0 || s->edge.name < 0 || s->edge.to < 0)
		return ap_json_read_fail(r, "edge_fields lacks type, name_or_index or to_node");
	if (!s->n_node_types || !s->n_edge_types)
		return ap_json_read_fail(r, "node_types or edge_types are missing");
	s->has_meta = true;
	return true;
}

static bool read_header(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	struct ap_text key;
	uint64_t extra = 0;
	bool first = true, ok;

	if (s->has_meta)
		return ap_json_read_fail(r, "a second \"snapshot\"");
	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}')) {
		if (!ap_json_read_key(r, &key))
			return false;
		if (ap_text_is(key, "meta"))
			ok = read_meta(s);
		else if (ap_text_is(key, "node_count"))
			ok = ap_json_read_uint(r, &s->node_count);
		else if (ap_text_is(key, "edge_count"))
			ok = ap_json_read_uint(r, &s->edge_count);
		else if (ap_text_is(key, "extra_native_bytes"))
			ok = ap_json_read_uint(r, &extra);
		else
			ok = ap_json_read_skip(r);
		if (!ok)
			return false;
	}
	if (r->failed)
		return false;
	if (!s->has_meta)
		return ap_json_read_fail(r, "\"snapshot\" has no \"meta\"");
	if (s->node_count > AP_GRAPH_MAX_NODES || s->edge_count >= UINT32_MAX)
		return ap_json_read_fail(r,
					 "node_count or edge_count is beyond what any heap holds");
	/* Each number takes two bytes at least: what the file claims beyond its size is not
	 * believed. */
	uint64_t nodes = s->node_count, edges = s->edge_count;
	if (nodes > s->bytes / (2 * (unsigned)s->node.n))
		nodes = 0;
	if (edges > s->bytes / (2 * (unsigned)s->edge.n))
		edges = 0;
	struct ap_err *err = ap_graph_builder_init(&s->builder, nodes, edges);
	if (err) {
		r->failed = true;
		r->error = err;
		return false;
	}
	s->builder.graph->extra_native_bytes = extra;
	return true;
}

/* One row of a flat list of numbers; *ret_any false at its end. */
static bool read_row(struct state *s, int n, bool *first, uint64_t *row, bool *ret_any)
{
	struct ap_json_reader *r = &s->reader;

	*ret_any = false;
	for (int i = 0; i < n; i++) {
		if (!ap_json_read_more(r, first, ']'))
			return i ? ap_json_read_fail(r, "the list ends inside an item")
				 : !r->failed;
		if (!ap_json_read_uint(r, &row[i]))
			return false;
	}
	*ret_any = true;
	return true;
}

static bool memory(struct state *s)
{
	struct ap_json_reader *r = &s->reader;

	if (s->builder.nomem && !r->failed) {
		r->failed = true;
		r->error = &ap_err_nomem;
		return false;
	}
	return ap_json_read_fail(r, "more nodes, edges or strings than we can number");
}

static bool read_nodes(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	const struct fields *f = &s->node;
	uint64_t row[MAX_FIELDS], sum = 0;
	bool first = true, any;

	if (!s->has_meta || s->has_nodes)
		return ap_json_read_fail(r, "\"nodes\" in front of \"snapshot\", or twice");
	s->has_nodes = true;
	if (!ap_json_read_token(r, '['))
		return false;
	while (read_row(s, f->n, &first, row, &any) && any) {
		uint8_t type =
			row[f->type] < s->n_node_types ? s->node_types[row[f->type]] : TYPE_UNKNOWN;

		if (row[f->name] >= UINT32_MAX)
			return ap_json_read_fail(r, "a name beyond 32 bits");
		if (row[f->edges] > s->edge_count - sum)
			return ap_json_read_fail(r,
						 "the nodes claim more edges than edge_count, %llu",
						 (unsigned long long)s->edge_count);
		s->unknown_types += type == TYPE_UNKNOWN;
		const struct ap_graph_node node = {
			.type = type == TYPE_UNKNOWN ? AP_NODE_HIDDEN : (enum ap_node_type)type,
			.detachedness = f->detachedness >= 0 && row[f->detachedness] <= 2
						? (uint8_t)row[f->detachedness]
						: 0,
			.name = (uint32_t)row[f->name],
			.id = row[f->id],
			.size = row[f->size],
		};
		if (!ap_graph_add_node(&s->builder, &node))
			return memory(s);
		/* Edges come later in the file, in the order of the nodes. */
		s->builder.graph->first_edge[s->builder.graph->n_nodes - 1] = (uint32_t)sum;
		sum += row[f->edges];
	}
	if (r->failed)
		return false;
	if (s->builder.graph->n_nodes != s->node_count)
		return ap_json_read_fail(r, "%u nodes, but node_count says %llu",
					 s->builder.graph->n_nodes,
					 (unsigned long long)s->node_count);
	if (sum != s->edge_count)
		return ap_json_read_fail(r, "the nodes have %llu edges, but edge_count says %llu",
					 (unsigned long long)sum,
					 (unsigned long long)s->edge_count);
	return true;
}

static bool read_edges(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	const struct fields *f = &s->edge;
	const unsigned step = (unsigned)s->node.n;
	uint64_t row[MAX_FIELDS];
	bool first = true, any;

	if (!s->has_nodes || s->has_edges)
		return ap_json_read_fail(r, "\"edges\" in front of \"nodes\", or twice");
	s->has_edges = true;
	if (!ap_json_read_token(r, '['))
		return false;
	while (read_row(s, f->n, &first, row, &any) && any) {
		uint8_t type =
			row[f->type] < s->n_edge_types ? s->edge_types[row[f->type]] : TYPE_UNKNOWN;
		uint64_t to = row[f->to] / step;

		if (row[f->name] > UINT32_MAX)
			return ap_json_read_fail(r, "a name or index beyond 32 bits");
		if (row[f->to] % step || to >= s->node_count)
			return ap_json_read_fail(r, "an edge to %llu, where no node begins",
						 (unsigned long long)row[f->to]);
		/* The name of an edge of a type that we do not know may be a number: keep it as
		 * one. */
		s->unknown_types += type == TYPE_UNKNOWN;
		if (!ap_graph_add_edge(&s->builder,
				       type == TYPE_UNKNOWN ? AP_EDGE_HIDDEN
							    : (enum ap_edge_type)type,
				       (uint32_t)row[f->name], (uint32_t)to))
			return memory(s);
		if (s->builder.graph->n_edges > s->edge_count)
			break;
	}
	if (r->failed)
		return false;
	if (s->builder.graph->n_edges != s->edge_count)
		return ap_json_read_fail(r, "%u edges or more, but edge_count says %llu",
					 s->builder.graph->n_edges,
					 (unsigned long long)s->edge_count);
	return true;
}

static bool read_locations(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	const struct fields *f = &s->location;
	uint64_t row[MAX_FIELDS];
	bool first = true, any;

	if (f->n == 0 || f->node < 0 || f->script < 0 || f->line < 0 || f->column < 0 ||
	    !s->has_nodes)
		return ap_json_read_skip(r);
	if (!ap_json_read_token(r, '['))
		return false;
	while (read_row(s, f->n, &first, row, &any) && any) {
		uint64_t node = row[f->node] / (unsigned)s->node.n;

		if (row[f->node] % (unsigned)s->node.n || node >= s->node_count)
			return ap_json_read_fail(r, "a location of %llu, where no node begins",
						 (unsigned long long)row[f->node]);
		const struct ap_location place = {
			(uint32_t)row[f->script],
			(uint32_t)row[f->line],
			(uint32_t)row[f->column],
		};
		if (!ap_graph_put_place(&s->builder, (uint32_t)node,
					ap_graph_add_place(&s->builder, place)))
			return memory(s);
	}
	return !r->failed;
}

static bool read_texts(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	struct ap_text text;
	bool first = true;

	if (!s->has_nodes || s->has_texts)
		return ap_json_read_fail(r, "\"strings\" in front of \"nodes\", or twice");
	s->has_texts = true;
	if (!ap_json_read_token(r, '['))
		return false;
	while (ap_json_read_more(r, &first, ']')) {
		if (!ap_json_read_text(r, &text))
			return false;
		if (!ap_graph_add_text(&s->builder, text))
			return memory(s);
	}
	return !r->failed;
}

static bool read_file(struct state *s)
{
	struct ap_json_reader *r = &s->reader;
	struct ap_text key;
	bool first = true, ok;

	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}')) {
		if (!ap_json_read_key(r, &key))
			return false;
		if (ap_text_is(key, "snapshot"))
			ok = read_header(s);
		else if (ap_text_is(key, "nodes"))
			ok = read_nodes(s);
		else if (ap_text_is(key, "edges"))
			ok = read_edges(s);
		else if (ap_text_is(key, "locations"))
			ok = read_locations(s);
		else if (ap_text_is(key, "strings"))
			ok = read_texts(s);
		else
			ok = ap_json_read_skip(r);
		if (!ok)
			return false;
	}
	if (r->failed)
		return false;
	if (!s->has_edges || !s->has_texts)
		return ap_json_read_fail(r, "nodes, edges or strings are missing");
	return ap_json_read_end(r);
}

struct ap_err *ap_snapshot_read(struct ap_json_source source, uint64_t bytes,
				struct ap_graph **ret_graph)
{
	struct state s = {.bytes = bytes ? bytes : 1 << 20};
	struct ap_err *err;

	ap_json_read_init(&s.reader, source, MAX_TEXT_BYTES);
	if (read_file(&s)) {
		s.builder.graph->unknown_types = s.unknown_types;
		err = ap_graph_finish(&s.builder, ret_graph);
	} else {
		err = ap_json_read_error(&s.reader);
	}
	ap_json_read_close(&s.reader);
	ap_graph_builder_fini(&s.builder);
	return err ? ap_err_wrap(err, "this is no whole heap snapshot") : NULL;
}
