/* The named references of JavaScript objects: V8HeapExplorer::ExtractJSObjectReferences and what it
 * calls. */
#include "heap/fill.h"

enum {
	DICTIONARY_HEADER = 3, /* elements, deleted, capacity */
	ARRAY_FIRST = 2,       /* word of the first element */
};

/* A getter and setter: the pair, then each of the two that exists. */
static void accessor_edges(struct ap_edges *e, ap_tagged key, ap_tagged pair, uint32_t word)
{
	const struct ap_fill *f = e->f;
	struct ap_body body;
	uint32_t name = ap_fill_key(f, key), text;

	if (!ap_body_get(&f->bodies, pair, &body) || body.map->type != F(f->v8, T_ACCESSOR_PAIR) ||
	    name == AP_NO_TEXT)
		return;
	ap_edge_value(e, AP_EDGE_PROPERTY, name, pair, word);
	ap_tagged getter = ap_body_word(&body, F(f->v8, ACCESSOR_GETTER));
	ap_tagged setter = ap_body_word(&body, F(f->v8, ACCESSOR_SETTER));
	if (!(ap_fill_special(f, getter) & AP_SPECIAL_ODDBALL) &&
	    ap_map64_get(&f->getters, key, &text))
		ap_edge_value(e, AP_EDGE_PROPERTY, text, getter, 0);
	if (!(ap_fill_special(f, setter) & AP_SPECIAL_ODDBALL) &&
	    ap_map64_get(&f->setters, key, &text))
		ap_edge_value(e, AP_EDGE_PROPERTY, text, setter, 0);
}

static void property_edge(struct ap_edges *e, ap_tagged key, ap_tagged value, bool accessor,
			  uint32_t word)
{
	uint32_t name;

	if (accessor) {
		accessor_edges(e, key, value, word);
		return;
	}
	name = ap_fill_key(e->f, key);
	if (name != AP_NO_TEXT)
		ap_edge_value(e, name == AP_TX_NONE ? AP_EDGE_INTERNAL : AP_EDGE_PROPERTY, name,
			      value, word);
}

static void fast_properties(struct ap_edges *e, const struct ap_body *body,
			    const struct ap_shape *shape)
{
	const struct ap_fill *f = e->f;
	struct ap_body array = {0};
	bool have_array = false;

	for (uint32_t i = 0; i < shape->n_props; i++) {
		const struct ap_fill_prop *p = &f->props[shape->first_prop + i];
		ap_tagged value = p->value;
		uint32_t word = 0;

		if (p->how == AP_PROP_IN_OBJECT) {
			word = p->index;
			if (word >= body->n)
				continue;
			value = body->w[word];
		} else if (p->how == AP_PROP_IN_ARRAY) {
			if (!have_array &&
			    !ap_body_get(&f->bodies,
					 ap_body_word(body, F(f->v8, OBJECT_PROPERTIES)), &array))
				return;
			have_array = true;
			if (array.map->type != F(f->v8, T_PROPERTY_ARRAY) ||
			    (uint32_t)ARRAY_FIRST + p->index >= array.n)
				continue;
			value = array.w[ARRAY_FIRST + p->index];
		}
		if (p->accessor)
			accessor_edges(e, p->key, value, word);
		else if (p->name != AP_NO_TEXT)
			ap_edge_value(e,
				      p->name == AP_TX_NONE ? AP_EDGE_INTERNAL : AP_EDGE_PROPERTY,
				      p->name, value, word);
	}
}

/* Capacity of a hash table whose entries begin behind `prefix` words, as far as there is memory. */
static uint32_t capacity(const struct ap_body *table, uint32_t prefix, uint32_t entry)
{
	uint32_t first = ARRAY_FIRST + DICTIONARY_HEADER + prefix;
	uint64_t n = table->n > 4 && ap_is_smi(table->w[4]) ? table->w[4] >> 32 : 0;
	uint32_t room = table->n > first ? (table->n - first) / entry : 0;

	return n < room ? (uint32_t)n : room;
}

static void dictionary_properties(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	const struct ap_v8 *v8 = f->v8;
	bool global = body->map->type == F(v8, T_JS_GLOBAL_OBJECT);
	uint32_t prefix = (uint32_t)(global ? F(v8, GLOBAL_DICTIONARY_PREFIX)
					    : F(v8, NAME_DICTIONARY_PREFIX));
	struct ap_body table, cell;

	if (!ap_body_get(&f->bodies, ap_body_word(body, F(v8, OBJECT_PROPERTIES)), &table))
		return;
	uint32_t first = ARRAY_FIRST + DICTIONARY_HEADER + prefix, entry = global ? 1 : 3;
	uint32_t n = capacity(&table, prefix, entry);
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t *w = table.w + first + (size_t)i * entry;

		if (!global) {
			if (ap_is_object(w[0]) && ap_fill_key(f, w[0]) != AP_NO_TEXT)
				property_edge(e, w[0], w[1],
					      (uint32_t)ap_smi(w[2]) &
						      (uint32_t)F(v8, DETAILS_KIND_MASK),
					      0);
			continue;
		}
		if (!ap_body_get(&f->bodies, w[0], &cell) ||
		    cell.map->type != F(v8, T_PROPERTY_CELL))
			continue;
		property_edge(e, ap_body_word(&cell, F(v8, PROPERTY_CELL_NAME)),
			      ap_body_word(&cell, F(v8, PROPERTY_CELL_VALUE)),
			      (uint32_t)ap_smi(ap_body_word(&cell, F(v8, PROPERTY_CELL_DETAILS))) &
				      (uint32_t)F(v8, DETAILS_KIND_MASK),
			      0);
	}
}

static bool number_of(const struct ap_fill *f, ap_tagged w, uint32_t *ret)
{
	struct ap_body body;
	double d;

	if (ap_is_smi(w)) {
		*ret = (uint32_t)ap_smi(w);
		return true;
	}
	if (!ap_body_get(&f->bodies, w, &body) || body.map->type != F(f->v8, T_HEAP_NUMBER) ||
	    body.n < 2)
		return false;
	memcpy(&d, &body.w[1], sizeof(d));
	*ret = d >= 0 && d < 4294967296.0 ? (uint32_t)d : 0;
	return true;
}

static void element_edges(struct ap_edges *e, const struct ap_body *body,
			  const struct ap_shape *shape)
{
	const struct ap_fill *f = e->f;
	const struct ap_v8 *v8 = f->v8;
	struct ap_body store;
	uint32_t n, key;

	if (!ap_body_get(&f->bodies, ap_body_word(body, F(v8, OBJECT_ELEMENTS)), &store))
		return;
	if (shape->fast_elements) {
		n = store.n > ARRAY_FIRST ? store.n - ARRAY_FIRST : 0;
		if (shape->is_array) {
			ap_tagged length = ap_body_word(body, F(v8, ARRAY_LENGTH));

			n = ap_is_smi(length) && (uint32_t)ap_smi(length) < n
				    ? (uint32_t)ap_smi(length)
				    : n;
		}
		for (uint32_t i = 0; i < n; i++) {
			ap_tagged w = store.w[ARRAY_FIRST + i];

			if ((w & 1) && !(ap_fill_special(f, w) & AP_SPECIAL_HOLE))
				ap_edge_value(e, AP_EDGE_ELEMENT, i, w, 0);
		}
		return;
	}
	if (!shape->dictionary_elements)
		return;
	uint32_t prefix = (uint32_t)F(v8, NUMBER_DICTIONARY_PREFIX);
	uint32_t first = ARRAY_FIRST + DICTIONARY_HEADER + prefix;
	n = capacity(&store, prefix, 3);
	for (uint32_t i = 0; i < n; i++) {
		const uint64_t *w = store.w + first + (size_t)i * 3;

		if (number_of(f, w[0], &key))
			ap_edge_value(e, AP_EDGE_ELEMENT, key, w[1], 0);
	}
}

static void function_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	const struct ap_v8 *v8 = f->v8;
	uint32_t prototype = (uint32_t)F(v8, FUNCTION_PROTOTYPE) / 8;
	ap_tagged w =
		prototype < body->n && body->map->size_words > prototype ? body->w[prototype] : 0;
	struct ap_body target;

	if (w && ap_body_get(&f->bodies, w, &target)) {
		if (ap_type_is_receiver(v8, target.map->type)) {
			ap_edge_value(e, AP_EDGE_PROPERTY, AP_TX_PROTOTYPE, w, prototype);
		} else if (target.map->type == F(v8, T_MAP)) {
			ap_edge_value(e, AP_EDGE_PROPERTY, AP_TX_PROTOTYPE,
				      ap_body_word(&target, F(v8, MAP_PROTOTYPE)), 0);
			ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_INITIAL_MAP, w, prototype);
		}
	}
	static const struct {
		enum ap_fact_id offset;
		enum ap_fill_text name;
	} fields[] = {
		{AP_F_FUNCTION_FEEDBACK_CELL, AP_TX_FEEDBACK_CELL},
		{AP_F_FUNCTION_SHARED, AP_TX_SHARED},
		{AP_F_FUNCTION_CONTEXT, AP_TX_CONTEXT},
		{AP_F_FUNCTION_CODE, AP_TX_CODE},
	};
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int32_t offset = v8->profile.facts[fields[i].offset].value;

		if (offset != AP_FACT_NONE)
			ap_edge_internal(e, AP_EDGE_INTERNAL, fields[i].name,
					 ap_body_word(body, offset), (uint32_t)offset / 8);
	}
	if (ap_has_fact(v8, AP_F_FUNCTION_DISPATCH))
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_CODE,
				 ap_dispatch_code(&f->bodies, &f->rules, body), 0);
}

static void bound_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	struct ap_body arguments;
	uint32_t text;

	if (!ap_body_get(&f->bodies, ap_body_word(body, F(f->v8, BOUND_ARGUMENTS)), &arguments))
		return;
	for (uint32_t i = ARRAY_FIRST; i < arguments.n; i++) {
		/* fill_name.c has made the names; keys are 1-based. */
		if (ap_map64_get(&f->bound, i - ARRAY_FIRST + 1, &text))
			ap_edge_value(e, AP_EDGE_SHORTCUT, text, arguments.w[i], 0);
	}
}

void ap_fill_memory(struct ap_edges *e, ap_addr at)
{
	const struct ap_fill *f = e->f;
	uint32_t i;

	if (ap_map64_get(&f->natives, at, &i))
		ap_edge_put(e, AP_EDGE_INTERNAL, AP_TX_BACKING_STORE, f->first_native + i);
}

static void proxy_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	struct ap_body map, context;

	if (!F(f->v8, SNAPSHOT_PROXY_SHORTCUTS))
		return;
	/* Its map's map names the native context, as that of every map of that context does. */
	if (!ap_body_get(&f->bodies, body->w[0], &map) ||
	    !ap_body_get(&f->bodies, map.w[0], &map) ||
	    !ap_body_get(&f->bodies, ap_body_word(&map, F(f->v8, MAP_CONSTRUCTOR)), &context) ||
	    context.map->type != F(f->v8, T_NATIVE_CONTEXT))
		return;
	ap_edge_value(e, AP_EDGE_SHORTCUT, AP_TX_NATIVE_CONTEXT, context.address + 1, 0);
	ap_edge_value(e, AP_EDGE_SHORTCUT, AP_TX_GLOBAL_OBJECT,
		      ap_body_word(&context, F(f->v8, FIXED_ARRAY_DATA) + 16), 0);
}

void ap_fill_object(struct ap_edges *e, const struct ap_body *body, const struct ap_shape *shape)
{
	const struct ap_v8 *v8 = e->f->v8;

	if (shape->kind == AP_FILL_BUFFER) {
		ap_fill_memory(e, ap_body_word(body, F(v8, BUFFER_BACKING_STORE)));
		return;
	}
	if (shape->kind == AP_FILL_GLOBAL_PROXY) {
		proxy_edges(e, body);
		return;
	}
	if (shape->dictionary)
		dictionary_properties(e, body);
	else
		fast_properties(e, body, shape);
	element_edges(e, body, shape);
	for (uint32_t i = 0; i < shape->n_embedder && shape->first_embedder + i < body->n; i++)
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_NAME_NUMBER | i,
				 body->w[shape->first_embedder + i], shape->first_embedder + i);
	ap_edge_value(e, AP_EDGE_PROPERTY, AP_TX_PROTO, shape->prototype, 0);
	if (shape->kind == AP_FILL_FUNCTION)
		function_edges(e, body);
	else if (shape->kind == AP_FILL_BOUND)
		bound_edges(e, body);
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_PROPERTIES,
			 ap_body_word(body, F(v8, OBJECT_PROPERTIES)),
			 (uint32_t)F(v8, OBJECT_PROPERTIES) / 8);
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_ELEMENTS,
			 ap_body_word(body, F(v8, OBJECT_ELEMENTS)),
			 (uint32_t)F(v8, OBJECT_ELEMENTS) / 8);
}
