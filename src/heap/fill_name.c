/*
 * What each node is: V8HeapExplorer::AddEntry. One pass over all live objects; it also notes what
 * the later passes ask for: objects that V8 leaves out, keys of accessors, pairs of WeakMaps,
 * memory outside the heap.
 */
#include <elf.h>
#include <stdlib.h>

#include "heap/fill.h"
#include "v8/naming.h"

enum {
	MAX_NAME_UNITS = 1024, /* StringsStorage::kMaxNameSize */
	MAX_BOUND = 1 << 16,
	CLEAR_BYTES = 1 << 20,
	REPORT_EVERY = 1 << 18,
	THE_HOLE = 5, /* RootIndex::kTheHoleValue, from the map of free space on (9.4 to 13.6) */
	PRIVATE_NODE = AP_NODE_HIDDEN,
};

struct naming {
	struct ap_fill *f;
	AP_VEC(ap_tagged) accessors; /* keys, in `keep` */
	AP_VEC(ap_addr) tables;
	struct ap_arena keep;
	uint32_t max_bound;
	ap_tagged the_hole, constructor; /* of the object that was named last */
};

/* A string that the graph takes as it stands: one byte a character, all of them ASCII. */
static bool plain_text(const struct ap_v8 *v8, const struct ap_body *body, struct ap_text *ret)
{
	int type = body->map->type;
	uint32_t n = ap_body_u32(body, F(v8, STRING_LENGTH));
	uint64_t at = (uint64_t)F(v8, STRING_CHARS);
	const char *s = (const char *)body->w + at;

	if ((type & F(v8, STRING_REPRESENTATION_MASK)) != 0 || !(type & F(v8, STRING_ONE_BYTE_TAG)))
		return false;
	n = n < MAX_NAME_UNITS ? n : MAX_NAME_UNITS;
	if (at + n > body->n * 8ull)
		return false;
	for (uint32_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] >= 0x80)
			return false;
	}
	*ret = (struct ap_text){s, n};
	return true;
}

static uint32_t string_text(struct ap_fill *f, ap_tagged string)
{
	struct ap_body body;
	struct ap_text text;

	if (ap_body_get(&f->bodies, string, &body) && ap_type_is_string(f->v8, body.map->type) &&
	    plain_text(f->v8, &body, &text))
		/* The core stays mapped as long as the graph is there; a page's copy does not. */
		return body.page->copied ? ap_fill_text(f, text)
					 : ap_text_pool_borrow(&f->texts, text);
	return ap_fill_text(f, ap_v8_text(f->v8, string, MAX_NAME_UNITS, &f->arena));
}

static uint32_t system_text(struct ap_fill *f, const char *prefix, struct ap_text name)
{
	return name.n ? ap_fill_text(f, ap_text_of(ap_printf(&f->arena, "%s%.*s", prefix,
							     AP_TEXT_ARG(name))))
		      : AP_TX_NONE;
}

static uint32_t shared_text(struct ap_fill *f, ap_tagged shared)
{
	struct ap_function_info info;
	uint32_t text;

	if (ap_map64_get(&f->shared, shared & ~3ull, &text))
		return text;
	text = AP_TX_NONE;
	if (ap_shared_info(f->v8, shared, &f->arena, &info))
		text = ap_fill_text(f, info.name);
	if (!ap_map64_put(&f->shared, shared & ~3ull, text))
		f->failed = true;
	return text;
}

static uint32_t symbol_name(struct ap_fill *f, const struct ap_body *body, uint8_t *type)
{
	const struct ap_v8 *v8 = f->v8;
	uint32_t flags = ap_body_u32(body, F(v8, SYMBOL_FLAGS)), text = AP_TX_NO_SYMBOL;
	ap_tagged description = ap_body_word(body, F(v8, SYMBOL_NAME));
	struct ap_text name = ap_v8_text(f->v8, description, MAX_NAME_UNITS, &f->arena);
	bool private = flags & (uint32_t)F(v8, SYMBOL_PRIVATE_MASK);

	/* Brands of classes are private names to V8. */
	if (name.s && (flags & (uint32_t)F(v8, SYMBOL_PRIVATE_NAME)))
		text = ap_fill_text(f, name);
	else if (name.s)
		text = ap_fill_text(
			f, ap_text_of(ap_printf(&f->arena, "<symbol %.*s>", AP_TEXT_ARG(name))));
	if (!ap_map64_put(&f->symbols, body->address, text))
		f->failed = true;
	*type = private ? (uint8_t)PRIVATE_NODE : (uint8_t)AP_NODE_SYMBOL;
	return private ? AP_TX_PRIVATE_SYMBOL : AP_TX_SYMBOL;
}

static uint32_t map_name(struct ap_fill *f, const struct ap_body *body, uint32_t otherwise,
			 uint8_t *type)
{
	const struct ap_v8 *v8 = f->v8;
	int32_t at = F(v8, MAP_INSTANCE_TYPE);
	int of = (int)(ap_body_u32(body, at & ~3) >> (8 * (at & 3)) & 0xffff);

	if (!body->page->read_only && F(v8, SNAPSHOT_SYSTEM_TYPES) >= 2)
		*type = AP_NODE_SHAPE;
	if (!ap_type_is_string(v8, of))
		return otherwise;
	/* STRING_TYPE_LIST of src/objects/instance-type.h. */
	static const char *const shapes[] = {"", "Cons", "External", "Sliced", "", "Thin", "", ""};
	bool one_byte = of & F(v8, STRING_ONE_BYTE_TAG), internalized = !(of & 0x20),
	     uncached = of & 0x10;
	const char *shape = shapes[of & F(v8, STRING_REPRESENTATION_MASK) & 7];
	const char *name = F(v8, SNAPSHOT_HOLES) == 0
				   ? ap_printf(&f->arena, "system / Map (%s%s%s%s%s)",
					       uncached && *shape == 'E' ? "Uncached" : "", shape,
					       one_byte ? "OneByte" : "",
					       internalized ? "Internalized" : "", "String")
				   : ap_printf(&f->arena, "system / Map (%s%s%s%s%s)",
					       uncached && *shape == 'E' ? "Uncached" : "", shape,
					       internalized ? "Internalized"
					       : *shape     ? ""
							    : "Seq",
					       one_byte ? "OneByte" : "TwoByte", "String");
	return ap_fill_text(f, ap_text_of(name));
}

static uint32_t name_of(struct naming *n, const struct ap_body *body, const struct ap_shape *shape,
			uint8_t *type)
{
	struct ap_fill *f = n->f;
	const struct ap_v8 *v8 = f->v8;
	ap_tagged object = body->address + 1;
	struct ap_text name;

	*type = shape->type;
	n->constructor = shape->constructor;
	switch ((enum ap_fill_naming)shape->naming) {
	case AP_NAME_OF_SHAPE:
		return shape->name;
	case AP_NAME_OF_STRING:
		return string_text(f, object);
	case AP_NAME_OF_OBJECT:
		name = ap_snapshot_name(f->v8, object, &f->arena, &n->constructor);
		if (F(v8, SNAPSHOT_PLAIN_NAMES) == 2 &&
		    body->map->type == F(v8, T_JS_GLOBAL_OBJECT))
			name = ap_text_of(
				ap_printf(&f->arena, "%.*s (global*)", AP_TEXT_ARG(name)));
		else if (F(v8, SNAPSHOT_PLAIN_NAMES) == 2 &&
			 body->map->type == F(v8, T_JS_GLOBAL_PROXY))
			name = ap_text_of(ap_printf(&f->arena, "%.*s (global)", AP_TEXT_ARG(name)));
		return ap_fill_text(f, name);
	case AP_NAME_OF_ODDBALL:
		return string_text(f, ap_body_word(body, F(v8, ODDBALL_TO_STRING)));
	case AP_NAME_OF_FUNCTION:
		return shared_text(f, ap_body_word(body, F(v8, FUNCTION_SHARED)));
	case AP_NAME_OF_REGEXP:
		return string_text(f, ap_body_word(body, F(v8, REGEXP_SOURCE)));
	case AP_NAME_OF_SHARED:
		return shared_text(f, object);
	case AP_NAME_OF_SCRIPT:
		name = ap_v8_text(f->v8, ap_body_word(body, F(v8, SCRIPT_NAME)), MAX_NAME_UNITS,
				  &f->arena);
		return system_text(f, F(v8, SNAPSHOT_LONG_CODE_NAMES) ? "system / Script / " : "",
				   name);
	case AP_NAME_OF_SYMBOL:
		return symbol_name(f, body, type);
	case AP_NAME_OF_MAP:
		return map_name(f, body, shape->name, type);
	}
	return AP_TX_NONE;
}

static uint64_t size_of(const struct ap_fill *f, const struct ap_body *body)
{
	const struct ap_v8 *v8 = f->v8;
	uint64_t size = body->n * 8ull;

	if (!F(v8, SNAPSHOT_SHARED_SIZES))
		return size;
	if (body->page->read_only)
		return 0;
	if (ap_type_is_string(v8, body->map->type) &&
	    (body->map->type & F(v8, STRING_REPRESENTATION_MASK)) == 2)
		size += (uint64_t)ap_body_u32(body, F(v8, STRING_LENGTH)) *
			(body->map->type & F(v8, STRING_ONE_BYTE_TAG) ? 1 : 2);
	return size;
}

static void note_special(struct naming *n, const struct ap_body *body)
{
	struct ap_fill *f = n->f;
	const struct ap_v8 *v8 = f->v8;
	int type = body->map->type;
	uint64_t length = body->n > 1 ? body->w[1] : 1;
	uint32_t flags = 0;

	if (type == F(v8, T_ODDBALL)) {
		enum ap_oddball kind = ap_v8_oddball(f->v8, body->address + 1);

		flags = AP_SPECIAL_INESSENTIAL | AP_SPECIAL_ODDBALL;
		flags |= kind == AP_ODDBALL_HOLE ? AP_SPECIAL_HOLE : 0;
		flags |= kind == AP_ODDBALL_UNDEFINED ? AP_SPECIAL_UNDEFINED : 0;
	} else if (ap_has_fact(v8, AP_F_T_HOLE) && type == F(v8, T_HOLE)) {
		bool the_hole = body->address + 1 == n->the_hole;

		flags = the_hole ? AP_SPECIAL_HOLE : 0;
		flags |= the_hole || F(v8, SNAPSHOT_HOLES) == 2 ? AP_SPECIAL_INESSENTIAL : 0;
	} else if ((type == F(v8, T_FIXED_ARRAY) || type == F(v8, T_WEAK_FIXED_ARRAY) ||
		    type == F(v8, T_BYTE_ARRAY)) &&
		   length == 0) {
		uint32_t known;

		flags = AP_SPECIAL_INESSENTIAL;
		/* The one at the lowest address; its map is fixed_array_map. */
		if (ap_map64_get(&f->special, (uint64_t)type + 1, &known))
			return;
		f->failed |= !ap_map64_put(&f->special, (uint64_t)type + 1, 1);
		if (type == F(v8, T_FIXED_ARRAY))
			f->failed |= !ap_map64_put(&f->special, body->w[0] & ~3ull,
						   AP_SPECIAL_INESSENTIAL);
	} else if ((type == F(v8, T_DESCRIPTOR_ARRAY) ||
		    type == F(v8, T_STRONG_DESCRIPTOR_ARRAY)) &&
		   (length & 0xffff) == 0) {
		flags = AP_SPECIAL_INESSENTIAL;
	} else if (type == F(v8, T_MAP)) {
		int32_t at = F(v8, MAP_INSTANCE_TYPE);
		int of = (int)(ap_body_u32(body, at & ~3) >> (8 * (at & 3)) & 0xffff);

		if (of == F(v8, T_CELL) || of == F(v8, T_PROPERTY_CELL) ||
		    of == F(v8, T_SHARED_FUNCTION_INFO) || of == F(v8, T_FREE_SPACE) ||
		    of == F(v8, T_FILLER))
			flags = AP_SPECIAL_INESSENTIAL;
	}
	if (flags)
		f->failed |= !ap_map64_put(&f->special, body->address, flags);
}

static void note_memory(struct ap_fill *f, ap_addr at, uint64_t bytes, uint32_t name)
{
	uint32_t known;

	if (!at || bytes >> 47 || ap_map64_get(&f->natives, at, &known))
		return;
	if (f->n_native == f->native_cap) {
		size_t cap = f->native_cap ? f->native_cap * 2 : 256;
		struct ap_fill_native *grown = realloc(f->native, cap * sizeof(*grown));

		if (!grown) {
			f->failed = true;
			return;
		}
		f->native = grown;
		f->native_cap = cap;
	}
	f->failed |= !ap_map64_put(&f->natives, at, (uint32_t)f->n_native);
	f->native[f->n_native++] = (struct ap_fill_native){at, bytes, name};
}

static void note_buffer(struct ap_fill *f, const struct ap_body *body)
{
	note_memory(f, ap_body_word(body, F(f->v8, BUFFER_BACKING_STORE)),
		    ap_body_word(body, F(f->v8, BUFFER_BYTE_LENGTH)), AP_TX_BUFFER_DATA);
}

/*
 * Characters of an external string that were allocated, not those of Node's own sources in its
 * binary. Newer V8s count them as the string's own (size_of()).
 */
static void note_external(struct ap_fill *f, const struct ap_body *body)
{
	struct ap_v8 *v8 = f->v8;
	uint64_t bytes = ap_body_u32(body, F(v8, STRING_LENGTH));
	const struct ap_segment *s;
	ap_addr data;

	if (F(v8, SNAPSHOT_SHARED_SIZES) ||
	    !ap_v8_string_external(v8, body->address + 1, body->map->type, &data))
		return;
	s = ap_image_segment_at(v8->image, data);
	if (!s || s->origin != AP_SEGMENT_CORE || !(s->flags & PF_W))
		return;
	bytes *= body->map->type & F(v8, STRING_ONE_BYTE_TAG) ? 1 : 2;
	/* No more than there is. */
	note_memory(f, ap_body_word(body, F(v8, EXTERNAL_RESOURCE)),
		    bytes < s->end - data ? bytes : s->end - data, AP_TX_EXTERNAL_DATA);
}

/* Keys of getters and setters of objects that are hash tables. */
static void note_dictionary(struct naming *n, const struct ap_body *body)
{
	struct ap_fill *f = n->f;
	const struct ap_v8 *v8 = f->v8;
	bool global = body->map->type == F(v8, T_JS_GLOBAL_OBJECT);
	uint32_t first = 5 + (uint32_t)(global ? F(v8, GLOBAL_DICTIONARY_PREFIX)
					       : F(v8, NAME_DICTIONARY_PREFIX));
	struct ap_body table, cell;

	if (!ap_body_get(&f->bodies, ap_body_word(body, F(v8, OBJECT_PROPERTIES)), &table))
		return;
	for (uint32_t i = first; i < table.n; i += global ? 1 : 3) {
		ap_tagged key = table.w[i], details = i + 2 < table.n ? table.w[i + 2] : 0;

		if (global) {
			if (!ap_body_get(&f->bodies, key, &cell) ||
			    cell.map->type != F(v8, T_PROPERTY_CELL))
				continue;
			key = ap_body_word(&cell, F(v8, PROPERTY_CELL_NAME));
			details = ap_body_word(&cell, F(v8, PROPERTY_CELL_DETAILS));
		}
		if (ap_is_object(key) && ap_is_smi(details) &&
		    ((uint32_t)ap_smi(details) & (uint32_t)F(v8, DETAILS_KIND_MASK)))
			f->failed |= !ap_vec_push(&n->keep, &n->accessors, key);
	}
}

static void note(struct naming *n, const struct ap_body *body, const struct ap_shape *shape)
{
	const struct ap_fill *f = n->f;
	struct ap_body arguments;

	if (body->page->read_only)
		note_special(n, body);
	switch (shape->kind) {
	case AP_FILL_BUFFER:
		note_buffer(n->f, body);
		break;
	case AP_FILL_EXTERNAL:
		note_external(n->f, body);
		break;
	case AP_FILL_EPHEMERONS:
		n->f->failed |= !ap_vec_push(&n->keep, &n->tables, body->address);
		break;
	case AP_FILL_BOUND:
		if (ap_body_get(&f->bodies, ap_body_word(body, F(f->v8, BOUND_ARGUMENTS)),
				&arguments) &&
		    arguments.n > n->max_bound + 2 && arguments.n < MAX_BOUND)
			n->max_bound = arguments.n - 2;
		break;
	default:
		break;
	}
	if (shape->dictionary && (shape->kind == AP_FILL_OBJECT || shape->kind == AP_FILL_FUNCTION))
		note_dictionary(n, body);
}

uint32_t ap_fill_key(const struct ap_fill *f, ap_tagged key)
{
	uint32_t node, text;

	if (ap_map64_get(&f->symbols, key & ~3ull, &text))
		return text;
	node = ap_fill_node(f, key);
	return node != AP_NO_NODE && f->graph->types[node] == AP_NODE_STRING ? f->graph->names[node]
									     : AP_NO_TEXT;
}

static void accessor_texts(struct ap_fill *f, ap_tagged key)
{
	uint32_t text = ap_fill_key(f, key), known;

	if (text == AP_NO_TEXT || ap_map64_get(&f->getters, key, &known))
		return;
	bool symbol = ap_map64_get(&f->symbols, key & ~3ull, &known);
	/* Symbols come without "get". */
	struct ap_text name = ap_graph_text(f->graph, text);
	char *get = ap_printf(&f->arena, "get %.*s", AP_TEXT_ARG(name));
	char *set = ap_printf(&f->arena, "set %.*s", AP_TEXT_ARG(name));
	f->failed |=
		!ap_map64_put(&f->getters, key, symbol ? text : ap_fill_text(f, ap_text_of(get)));
	f->failed |=
		!ap_map64_put(&f->setters, key, symbol ? text : ap_fill_text(f, ap_text_of(set)));
}

static void all_accessors(struct naming *n)
{
	struct ap_fill *f = n->f;

	for (size_t i = 0; i < f->n_props; i++) {
		f->props[i].name = ap_fill_key(f, f->props[i].key);
		if (f->props[i].accessor)
			accessor_texts(f, f->props[i].key);
	}
	for (size_t i = 0; i < n->accessors.n; i++)
		accessor_texts(f, n->accessors.at[i]);
	for (uint32_t i = 0; i < n->max_bound; i++)
		f->failed |= !ap_map64_put(
			&f->bound, i + 1,
			ap_fill_text(f, ap_text_of(ap_printf(&f->arena, "bound_argument_%u", i))));
}

static int by_address(const void *pa, const void *pb)
{
	const struct ap_fill_native *a = pa, *b = pb;

	return a->address < b->address ? -1 : a->address > b->address;
}

static int by_key(const void *pa, const void *pb)
{
	const struct ap_fill_pair *a = pa, *b = pb;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return a->table < b->table ? -1 : a->table > b->table;
}

static void add_pair(struct ap_fill *f, uint32_t table, ap_tagged key, ap_tagged value)
{
	uint32_t k = ap_fill_node(f, key), v = ap_fill_node(f, value);

	if (!ap_is_object(key) || !ap_is_object(value) || k == AP_NO_NODE || v == AP_NO_NODE ||
	    (ap_fill_special(f, key) & AP_SPECIAL_UNDEFINED))
		return;
	if (f->n_pairs == f->pairs_cap) {
		size_t cap = f->pairs_cap ? f->pairs_cap * 2 : 1024;
		struct ap_fill_pair *grown = realloc(f->pairs, cap * sizeof(*grown));

		if (!grown) {
			f->failed = true;
			return;
		}
		f->pairs = grown;
		f->pairs_cap = cap;
	}
	f->pairs[f->n_pairs++] = (struct ap_fill_pair){k, table, v, AP_TX_NONE};
}

static void all_pairs(struct naming *n)
{
	struct ap_fill *f = n->f;
	const struct ap_graph *g = f->graph;

	for (size_t i = 0; i < n->tables.n && !f->failed; i++) {
		struct ap_body body;
		uint32_t table = ap_fill_node(f, n->tables.at[i] + 1);

		if (!ap_body_get(&f->bodies, n->tables.at[i] + 1, &body))
			continue;
		for (uint32_t k = AP_EPHEMERON_FIRST; k + 1 < body.n; k += 2)
			add_pair(f, table, body.w[k], body.w[k + 1]);
	}
	if (f->n_pairs)
		qsort(f->pairs, f->n_pairs, sizeof(*f->pairs), by_key);
	for (size_t i = 0; i < f->n_pairs && !f->failed; i++) {
		struct ap_fill_pair *p = &f->pairs[i];
		char *name = ap_printf(
			&f->arena,
			"%zu / part of key (%.*s @%u) -> value (%.*s @%u) pair in WeakMap (table @%u)",
			i + 1, AP_TEXT_ARG(ap_node_name(g, p->key)), 2 * p->key + 1,
			AP_TEXT_ARG(ap_node_name(g, p->value)), 2 * p->value + 1, 2 * p->table + 1);

		p->name = ap_fill_text(f, ap_text_of(name));
	}
}

static ap_tagged find_the_hole(const struct ap_fill *f)
{
	const struct ap_v8 *v8 = f->v8;

	for (size_t i = 0; i + THE_HOLE < f->roots.n; i++) {
		struct ap_body map, hole;
		int32_t at = F(v8, MAP_INSTANCE_TYPE);

		if (f->roots.at[i].kind != AP_ROOT_READ_ONLY ||
		    !ap_body_get(&f->bodies, f->roots.at[i].object, &map) ||
		    map.map->type != F(v8, T_MAP) ||
		    (int)(ap_body_u32(&map, at & ~3) >> (8 * (at & 3)) & 0xffff) !=
			    F(v8, T_FREE_SPACE))
			continue;
		ap_tagged w = f->roots.at[i + THE_HOLE].object;
		if (ap_body_get(&f->bodies, w, &hole) && hole.map->type == F(v8, T_HOLE))
			return w;
	}
	return 0;
}

static bool tick(struct ap_fill *f, uint32_t done)
{
	if (f->arena.used_bytes > CLEAR_BYTES) {
		ap_arena_close(&f->arena);
		ap_arena_init(&f->arena, 0);
	}
	if (done % REPORT_EVERY || !f->watch)
		return true;
	if (f->watch->report)
		f->watch->report(f->watch->arg, "naming objects", done, f->bodies.n_live, done);
	return !f->watch->cancelled || !*f->watch->cancelled;
}

static bool name_page(struct naming *n, const struct ap_body_page *page)
{
	struct ap_fill *f = n->f;
	struct ap_graph *g = f->graph;
	struct ap_objects it = {0};
	uint32_t node = f->base + page->first;
	ap_addr a;

	for (; ap_bodies_next(page, true, &it, &a) && !f->failed; node++) {
		struct ap_body body;

		g->types[node] = AP_NODE_HIDDEN;
		g->names[node] = AP_TX_NONE;
		if (!ap_body_on_page(&f->bodies, page, a, &body)) {
			f->failed |= !ap_graph_set_node(&f->builder, node, a, 0);
			continue;
		}
		const struct ap_shape *shape = ap_shape_of(f, &body);
		g->names[node] = name_of(n, &body, shape, &g->types[node]);
		f->failed |= !ap_graph_set_node(&f->builder, node, a, size_of(f, &body));
		if (shape->is_object)
			ap_fill_place(f, &body, shape, n->constructor, node);
		note(n, &body, shape);
		if (!tick(f, node))
			return false;
	}
	return true;
}

struct ap_err *ap_fill_names(struct ap_fill *f)
{
	struct naming n = {.f = f};
	bool stopped = false;

	ap_arena_init(&n.keep, 0);
	if (ap_has_fact(f->v8, AP_F_T_HOLE))
		n.the_hole = find_the_hole(f);
	for (size_t i = 0; i < f->bodies.n_pages && !f->failed && !stopped; i++)
		stopped = !name_page(&n, &f->bodies.pages[i]);
	if (!stopped && !f->failed) {
		all_accessors(&n);
		all_pairs(&n);
		if (f->n_native)
			qsort(f->native, f->n_native, sizeof(*f->native), by_address);
		for (size_t i = 0; i < f->n_native; i++)
			f->failed |= !ap_map64_put(&f->natives, f->native[i].address, (uint32_t)i);
	}
	ap_arena_close(&n.keep);
	ap_arena_close(&f->arena);
	ap_arena_init(&f->arena, 0);
	if (f->failed)
		return &ap_err_nomem;
	return stopped ? &ap_err_cancelled : NULL;
}
