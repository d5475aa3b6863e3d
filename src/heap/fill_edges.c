/*
 * All edges of one object: those that V8's snapshots name, then its map, then every reference left
 * over, by number and hidden (V8HeapExplorer::ExtractReferences, IndexedReferencesExtractor).
 */
#include <stdlib.h>

#include "heap/fill.h"

void ap_edge_internal(struct ap_edges *e, enum ap_edge_type type, uint32_t name, ap_tagged to,
		      uint32_t word)
{
	uint32_t node;

	if (!(to & 1))
		return;
	node = ap_fill_essential(e->f, to);
	if (node == AP_NO_NODE)
		return;
	ap_edge_put(e, type, name, node);
	if (word)
		ap_edge_seen(e, word);
}

void ap_edge_value(struct ap_edges *e, enum ap_edge_type type, uint32_t name, ap_tagged to,
		   uint32_t word)
{
	uint32_t node;

	if (!(to & 1))
		return;
	node = ap_fill_node(e->f, to);
	if (node != AP_NO_NODE)
		ap_edge_put(e, type, name, node);
	if (word)
		ap_edge_seen(e, word);
}

static void numbered(struct ap_edges *e, const struct ap_body *body, uint32_t first, uint32_t from,
		     uint32_t to)
{
	for (uint32_t i = from; i < to && i < body->n; i++)
		ap_edge_internal(e, ap_is_weak(body->w[i]) ? AP_EDGE_WEAK : AP_EDGE_INTERNAL,
				 AP_NAME_NUMBER | (i - first), body->w[i], i);
}

/* How many elements an array says it has, as far as it has memory for them. */
static uint32_t array_end(const struct ap_body *body, uint32_t first)
{
	uint64_t length = body->n > 1 && ap_is_smi(body->w[1]) ? body->w[1] >> 32 : 0;

	return first + length < body->n ? first + (uint32_t)length : body->n;
}

static int type_of(const struct ap_fill *f, ap_tagged w)
{
	struct ap_body body;

	return ap_body_get(&f->bodies, w, &body) ? body.map->type : -1;
}

static void map_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	const struct ap_v8 *v8 = f->v8;
	uint32_t word = (uint32_t)F(v8, MAP_TRANSITIONS) / 8;
	ap_tagged transitions = word < body->n ? body->w[word] : 0;
	int type = type_of(f, transitions);

	if (ap_is_weak(transitions))
		ap_edge_internal(e, AP_EDGE_WEAK, AP_TX_TRANSITION, transitions, word);
	else if (type == F(v8, T_TRANSITION_ARRAY))
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_TRANSITIONS, transitions, word);
	else if (type >= F(v8, T_FIXED_ARRAY) && type < F(v8, T_BYTE_ARRAY))
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_TRANSITION, transitions, word);
	else if (type >= 0 &&
		 (ap_body_u32(body, F(v8, MAP_BIT_FIELD3)) >> F(v8, MAP_PROTOTYPE_SHIFT) & 1))
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_PROTOTYPE_INFO, transitions, word);

	word = (uint32_t)F(v8, MAP_DESCRIPTORS) / 8;
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_DESCRIPTORS,
			 ap_body_word(body, F(v8, MAP_DESCRIPTORS)), word);
	word = (uint32_t)F(v8, MAP_PROTOTYPE) / 8;
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_PROTOTYPE,
			 ap_body_word(body, F(v8, MAP_PROTOTYPE)), word);

	word = (uint32_t)F(v8, MAP_CONSTRUCTOR) / 8;
	ap_tagged constructor = ap_body_word(body, F(v8, MAP_CONSTRUCTOR));
	int own = (int)(ap_body_u32(body, F(v8, MAP_INSTANCE_TYPE) & ~3) >>
				(8 * (F(v8, MAP_INSTANCE_TYPE) & 3)) &
			0xffff);
	uint32_t name = AP_TX_CONSTRUCTOR;
	type = type_of(f, constructor);
	if (ap_type_is_context(v8, own) || (own == F(v8, T_MAP) && F(v8, SNAPSHOT_MAP_CONTEXTS)))
		name = AP_TX_NATIVE_CONTEXT;
	else if (type == F(v8, T_MAP))
		name = AP_TX_BACK_POINTER;
	else if (type == F(v8, T_FUNCTION_TEMPLATE_INFO))
		name = AP_TX_CONSTRUCTOR_DATA;
	ap_edge_internal(e, AP_EDGE_INTERNAL, name, constructor, word);
	word = (uint32_t)F(v8, MAP_DEPENDENT_CODE) / 8;
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_DEPENDENT_CODE,
			 ap_body_word(body, F(v8, MAP_DEPENDENT_CODE)), word);
}

static void code_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	const struct ap_v8 *v8 = f->v8;
	uint32_t deopt = (uint32_t)F(v8, CODE_DEOPT_DATA) / 8,
		 positions = (uint32_t)F(v8, CODE_POSITIONS) / 8;

	if (!F(v8, SNAPSHOT_CODE_STREAM)) {
		/* Trampolines of builtins have a Smi there, or code, and nothing else. */
		int type = type_of(f, ap_body_word(body, F(v8, CODE_RELOCATION)));

		if (type != F(v8, T_BYTE_ARRAY))
			return;
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_RELOCATION_INFO,
				 ap_body_word(body, F(v8, CODE_RELOCATION)),
				 (uint32_t)F(v8, CODE_RELOCATION) / 8);
	} else {
		ap_tagged stream = ap_body_word(body, F(v8, CODE_INSTRUCTION_STREAM));

		if (type_of(f, stream) != F(v8, T_INSTRUCTION_STREAM))
			return;
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_INSTRUCTION_STREAM, stream,
				 (uint32_t)F(v8, CODE_INSTRUCTION_STREAM) / 8);
	}
	if (deopt >= body->n || positions >= body->n)
		return;
	bool baseline = (ap_body_u32(body, F(v8, CODE_FLAGS)) & (uint32_t)F(v8, CODE_KIND_MASK)) ==
			(uint32_t)F(v8, CODE_KIND_BASELINE);
	ap_edge_internal(e, AP_EDGE_INTERNAL, baseline ? AP_TX_INTERPRETER_DATA : AP_TX_DEOPT_DATA,
			 body->w[deopt], deopt);
	ap_edge_internal(e, AP_EDGE_INTERNAL, baseline ? AP_TX_BYTECODE_OFFSETS : AP_TX_POSITIONS,
			 body->w[positions], positions);
}

static void stream_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_v8 *v8 = e->f->v8;

	if (!F(v8, SNAPSHOT_CODE_STREAM))
		return;
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_CODE, ap_body_word(body, F(v8, STREAM_CODE)),
			 (uint32_t)F(v8, STREAM_CODE) / 8);
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_RELOCATION_INFO, ap_body_word(body, 16), 2);
}

static void ephemeron_edges(struct ap_edges *e, const struct ap_body *body, uint32_t node)
{
	const struct ap_fill *f = e->f;

	for (uint32_t i = AP_EPHEMERON_FIRST; i + 1 < body->n; i += 2) {
		if (F(f->v8, SNAPSHOT_WEAK_KEYS)) {
			ap_edge_internal(e, AP_EDGE_WEAK, AP_NAME_NUMBER | (i - 2), body->w[i], i);
			ap_edge_internal(e, AP_EDGE_WEAK, AP_NAME_NUMBER | (i - 1), body->w[i + 1],
					 i + 1);
		} else {
			ap_edge_seen(e, i);
			ap_edge_seen(e, i + 1);
		}
	}
	/* Few graphs have many: the pairs are ascending by key, not by table. */
	for (size_t i = 0; i < f->n_pairs; i++) {
		if (f->pairs[i].table == node)
			ap_edge_put(e, AP_EDGE_PAIR, f->pairs[i].name, f->pairs[i].value);
	}
}

/* What the object, as a key of WeakMaps, keeps alive. */
static void key_edges(struct ap_edges *e, uint32_t node)
{
	const struct ap_fill *f = e->f;
	size_t lo = 0, hi = f->n_pairs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->pairs[mid].key < node)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < f->n_pairs && f->pairs[lo].key == node; lo++)
		ap_edge_put(e, AP_EDGE_INTERNAL, f->pairs[lo].name, f->pairs[lo].value);
}

static void named_edges(struct ap_edges *e, const struct ap_body *body,
			const struct ap_shape *shape)
{
	const struct ap_fill *f = e->f;

	for (uint16_t i = 0; i < shape->n_fields; i++) {
		const struct ap_fill_field *field = &f->fields[shape->first_field + i];

		if (field->word >= body->n)
			continue;
		ap_tagged w = body->w[field->word];
		ap_edge_internal(e, field->weak || ap_is_weak(w) ? AP_EDGE_WEAK : AP_EDGE_INTERNAL,
				 field->text, w, field->word);
	}
}

/* A reference that V8 would see although its target was not dumped: a hole (14.6). */
static bool is_reference(const struct ap_fill *f, ap_tagged w)
{
	const struct ap_heap_page *page;

	if (!(w & 1) || (w >> 48))
		return false;
	if (ap_body_exists(&f->bodies, w))
		return true;
	page = (w & 7) == 1 ? ap_heap_page_at(f->heap, w - 1) : NULL;
	return page && f->heap->spaces.at[page->space].isolate == SIZE_MAX;
}

static void embedded_edges(struct ap_edges *e, const struct ap_body *body, uint32_t index)
{
	const struct ap_fill *f = e->f;
	struct ap_embedded it = ap_embedded_begin(&f->bodies, &f->rules, body);
	bool weak;
	ap_tagged w;

	while (ap_embedded_next(&f->bodies, &it, &w, &weak)) {
		uint32_t node = ap_fill_essential(f, w);

		if (node != AP_NO_NODE && weak && !F(f->v8, SNAPSHOT_WEAK_HIDDEN))
			ap_edge_put(e, AP_EDGE_WEAK, AP_NAME_NUMBER | index, node);
		else if (node != AP_NO_NODE)
			ap_edge_put(e, AP_EDGE_HIDDEN, index, node);
		index++;
	}
}

static void hidden_edges(struct ap_edges *e, const struct ap_body *body)
{
	const struct ap_fill *f = e->f;
	const struct ap_tagged_rule *rule = &f->rules.by_type[body->map->type];
	uint32_t end = ap_tagged_words(rule, body);
	/* A map that is left out has a number all the same. */
	uint32_t index = (ap_fill_special(f, body->w[0]) & AP_SPECIAL_INESSENTIAL) != 0;

	uint32_t first = body->map->type == F(f->v8, T_CALL_SITE_INFO)
				 ? (uint32_t)F(f->v8, SNAPSHOT_CALL_SITE_TWICE) / 8
				 : 0;

	for (uint32_t k = first ? 0 : 1; k < end; k++) {
		uint32_t i = k ? k : first;
		ap_tagged w = i < body->n ? body->w[i] : 0;
		uint32_t node;

		if (rule->how == AP_TAGGED_RAW && i > rule->at && i < rule->to)
			continue;
		if (!(w & 1) || (e->seen[i / 64] >> (i % 64) & 1) || !is_reference(f, w))
			continue;
		if (ap_is_weak(w)) {
			node = ap_fill_essential(f, w);
			if (node != AP_NO_NODE)
				ap_edge_put(e,
					    F(f->v8, SNAPSHOT_WEAK_HIDDEN) ? AP_EDGE_HIDDEN
									   : AP_EDGE_WEAK,
					    F(f->v8, SNAPSHOT_WEAK_HIDDEN) ? index
									   : AP_NAME_NUMBER | index,
					    node);
			index++;
			continue;
		}
		node = ap_fill_essential(f, w);
		/* Links of weak lists that V8 leaves out by their place. */
		if (node != AP_NO_NODE &&
		    !(rule->how != AP_TAGGED_ALL && ap_tagged_is_weak(rule, body, i) &&
		      (rule->how != AP_TAGGED_LAST || i + 1 == 2 + (body->w[1] >> 32))))
			ap_edge_put(e, AP_EDGE_HIDDEN, index, node);
		index++;
	}
	if (rule->how == AP_TAGGED_STREAM)
		embedded_edges(e, body, index);
}

static bool make_room(struct ap_edges *e, uint32_t words)
{
	uint32_t need = (words + 63) / 64;

	if (need > e->seen_words) {
		uint64_t *grown = realloc(e->seen, need * sizeof(*grown));

		if (!grown)
			return !(e->failed = true);
		e->seen = grown;
		e->seen_words = need;
	}
	memset(e->seen, 0, need * sizeof(*e->seen));
	return true;
}

void ap_fill_edges(struct ap_edges *e, const struct ap_body *body, uint32_t node)
{
	const struct ap_fill *f = e->f;
	const struct ap_shape *shape = ap_shape_of(f, body);

	if (!make_room(e, body->n))
		return;
	switch ((enum ap_fill_kind)shape->kind) {
	case AP_FILL_PLAIN:
		named_edges(e, body, shape);
		break;
	case AP_FILL_OBJECT:
	case AP_FILL_FUNCTION:
	case AP_FILL_BOUND:
	case AP_FILL_BUFFER:
	case AP_FILL_GLOBAL_PROXY:
		named_edges(e, body, shape);
		ap_fill_object(e, body, shape);
		break;
	case AP_FILL_EXTERNAL:
		ap_fill_memory(e, ap_body_word(body, F(f->v8, EXTERNAL_RESOURCE)));
		break;
	case AP_FILL_CONS:
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_FIRST,
				 ap_body_word(body, F(f->v8, CONS_FIRST)), 2);
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_SECOND,
				 ap_body_word(body, F(f->v8, CONS_SECOND)), 3);
		break;
	case AP_FILL_SLICED:
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_PARENT,
				 ap_body_word(body, F(f->v8, SLICED_PARENT)), 2);
		break;
	case AP_FILL_THIN:
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_ACTUAL,
				 ap_body_word(body, F(f->v8, THIN_ACTUAL)), 2);
		break;
	case AP_FILL_MAP:
		map_edges(e, body);
		break;
	case AP_FILL_ARRAY:
		numbered(e, body, 2, 2, array_end(body, 2));
		break;
	case AP_FILL_WEAK_ARRAY:
		numbered(e, body, 3, 3, array_end(body, 3));
		break;
	case AP_FILL_DESCRIPTORS: {
		uint32_t first = (uint32_t)F(f->v8, DESCRIPTORS_HEADER) / 8;
		uint32_t cache = (uint32_t)F(f->v8, DESCRIPTORS_ENUM_CACHE) / 8;

		if (cache < body->n)
			ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_ENUM_CACHE, body->w[cache],
					 cache);
		numbered(e, body, first, first, body->n);
		break;
	}
	case AP_FILL_CONTEXT:
	case AP_FILL_NATIVE_CONTEXT:
		ap_fill_context(e, body, shape);
		break;
	case AP_FILL_EPHEMERONS:
		ephemeron_edges(e, body, node);
		break;
	case AP_FILL_CODE:
		code_edges(e, body);
		break;
	case AP_FILL_STREAM:
		stream_edges(e, body);
		break;
	}
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_MAP, body->w[0], 0);
	hidden_edges(e, body);
	if (f->n_pairs)
		key_edges(e, node);
}
