/* What a map says of all its objects: how their references are named, and which properties they
 * have. */
#include <stdlib.h>

#include "heap/fill.h"
#include "v8/named.h"
#include "v8/naming.h"

enum {
	DESCRIPTOR_BYTES = 24,
	MAX_PROPS = 1 << 28,
	HOLEY_ELEMENTS = 3, /* PACKED_ELEMENTS is 2: src/objects/elements-kind.h */
	PACKED_ELEMENTS = 2,
	REPRESENTATION_SMI = 1,
};

static void note_field(void *arg, const struct ap_named_field *field)
{
	struct ap_fill *f = arg;

	if (f->n_fields == sizeof(f->fields) / sizeof(f->fields[0])) {
		f->failed = true;
		return;
	}
	f->fields[f->n_fields++] =
		(struct ap_fill_field){field->type, ap_fill_text(f, ap_text_of(field->name)),
				       (uint16_t)(field->offset / 8), field->weak};
}

/* Those of one type stand together in named.def. */
static void find_fields(const struct ap_fill *f, int type, struct ap_shape *shape)
{
	size_t i = 0;

	while (i < f->n_fields && f->fields[i].type != type)
		i++;
	shape->first_field = (uint16_t)i;
	while (i < f->n_fields && f->fields[i].type == type)
		i++;
	shape->n_fields = (uint16_t)(i - shape->first_field);
}

static bool in_list(struct ap_text name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t length = strlen(list[i]);
		/* "UncompiledData*" */
		bool prefix = list[i][length - 1] == '*';

		if (prefix ? name.n >= length - 1 && memcmp(name.s, list[i], length - 1) == 0
			   : ap_text_is(name, list[i]))
			return true;
	}
	return false;
}

/* V8HeapExplorer::GetSystemEntryType, by V8's names of its types. */
static enum ap_node_type system_type(const struct ap_fill *f, struct ap_text name)
{
	static const char *const code[] = {
		"AllocationSite",
		"ArrayBoilerplateDescription",
		"BytecodeArray",
		"ClosureFeedbackCellArray",
		"Code",
		"FeedbackCell",
		"FeedbackMetadata",
		"FeedbackVector",
		"InstructionStream",
		"InterpreterData",
		"LoadHandler",
		"ObjectBoilerplateDescription",
		"PreparseData",
		"RegExpBoilerplateDescription",
		"ScopeInfo",
		"StoreHandler",
		"TemplateObjectDescription",
		"Turbofan*",
		"UncompiledData*",
		"CodeDataContainer",
	};
	static const char *const wrappers[] = {"BytecodeWrapper", "CodeWrapper"};
	static const char *const shape[] = {"DescriptorArray", "StrongDescriptorArray",
					    "TransitionArray", "PrototypeInfo", "EnumCache"};
	int32_t rules = F(f->v8, SNAPSHOT_SYSTEM_TYPES);

	if (rules >= 1 && in_list(name, code, sizeof(code) / sizeof(code[0])))
		return AP_NODE_CODE;
	if (rules >= 3 && in_list(name, wrappers, sizeof(wrappers) / sizeof(wrappers[0])))
		return AP_NODE_CODE;
	if (rules >= 2 && in_list(name, shape, sizeof(shape) / sizeof(shape[0])))
		return AP_NODE_SHAPE;
	return AP_NODE_HIDDEN;
}

static bool is_type(const struct ap_v8 *v8, int type, enum ap_fact_id id)
{
	return v8->profile.facts[id].value != AP_FACT_NONE && v8->profile.facts[id].value == type;
}

/* FixedArray and what is one to V8: hash tables and the like. */
static bool is_fixed_array(const struct ap_v8 *v8, int type)
{
	return type >= F(v8, T_FIXED_ARRAY) && type < F(v8, T_BYTE_ARRAY) &&
	       !is_type(v8, type, AP_F_T_EPHEMERON_HASH_TABLE);
}

static void describe_string(const struct ap_v8 *v8, int type, struct ap_shape *s)
{
	s->type = AP_NODE_STRING;
	s->naming = AP_NAME_OF_STRING;
	switch (type & F(v8, STRING_REPRESENTATION_MASK)) {
	case 1:
		s->kind = AP_FILL_CONS;
		s->type = AP_NODE_CONCATENATED;
		s->naming = AP_NAME_OF_SHAPE;
		s->name = AP_TX_CONS;
		break;
	case 2:
		s->kind = AP_FILL_EXTERNAL;
		break;
	case 3:
		s->kind = AP_FILL_SLICED;
		s->type = AP_NODE_SLICED;
		s->naming = AP_NAME_OF_SHAPE;
		s->name = AP_TX_SLICED;
		break;
	case 5:
		s->kind = AP_FILL_THIN;
		break;
	default:
		break;
	}
}

static void describe_receiver(struct ap_fill *f, const struct ap_heap_map *map,
			      const struct ap_map_info *info, struct ap_shape *s)
{
	const struct ap_v8 *v8 = f->v8;
	int type = map->type, elements = ap_map_elements_kind(v8, info);

	s->kind = AP_FILL_OBJECT;
	s->type = AP_NODE_OBJECT;
	s->is_object = true;
	s->is_array = is_type(v8, type, AP_F_T_JS_ARRAY);
	s->prototype = info->prototype;
	s->dictionary = ap_map_is_dictionary(v8, info);
	s->fast_elements = elements == PACKED_ELEMENTS || elements == HOLEY_ELEMENTS;
	s->dictionary_elements = elements == F(v8, ELEMENTS_DICTIONARY_KIND);
	if (ap_type_is_function(v8, type)) {
		s->kind = AP_FILL_FUNCTION;
		s->type = AP_NODE_CLOSURE;
		s->naming = AP_NAME_OF_FUNCTION;
		return;
	}
	struct ap_text name = ap_snapshot_name(f->v8, map->first + 1, &f->arena, &s->constructor);
	if (is_type(v8, type, AP_F_T_JS_BOUND_FUNCTION)) {
		s->kind = AP_FILL_BOUND;
		s->type = AP_NODE_CLOSURE;
		s->name = AP_TX_BIND;
		return;
	}
	if (is_type(v8, type, AP_F_T_JS_REG_EXP)) {
		s->type = AP_NODE_REGEXP;
		s->naming = AP_NAME_OF_REGEXP;
		return;
	}
	if (is_type(v8, type, AP_F_T_JS_ARRAY_BUFFER))
		s->kind = AP_FILL_BUFFER;
	else if (is_type(v8, type, AP_F_T_JS_GLOBAL_PROXY))
		s->kind = AP_FILL_GLOBAL_PROXY;
	bool api = is_type(v8, type, AP_F_T_JS_API_OBJECT) ||
		   is_type(v8, type, AP_F_T_JS_SPECIAL_API_OBJECT) ||
		   (type > F(v8, T_JS_OBJECT) && type > F(v8, T_JS_API_OBJECT) &&
		    type < F(v8, T_JS_DATA_VIEW) && F(v8, T_JS_DATA_VIEW) > 2000);
	uint32_t first = (uint32_t)F(v8, EMBEDDER_FIELDS) / 8;
	if (api && info->inobject_start > first) {
		s->first_embedder = (uint8_t)first;
		s->n_embedder = (uint8_t)(info->inobject_start - first);
	}
	/* A toStringTag of its own may name an object. */
	if ((info->bit_field3 >> F(v8, MAP_INTERESTING_SHIFT) & 1) ||
	    is_type(v8, type, AP_F_T_JS_GLOBAL_OBJECT) ||
	    is_type(v8, type, AP_F_T_JS_GLOBAL_PROXY)) {
		s->naming = AP_NAME_OF_OBJECT;
		return;
	}
	s->name = ap_fill_text(f, name);
}

static void describe_internal(struct ap_fill *f, const struct ap_heap_map *map, struct ap_shape *s)
{
	const struct ap_v8 *v8 = f->v8;
	int type = map->type;
	/* Of two names of one type (9.4) the older. */
	struct ap_text name = is_type(v8, type, AP_F_T_STACK_FRAME_INFO)
				      ? AP_TEXT("StackFrameInfo")
				      : ap_heap_type_name(f->heap, type);

	s->type = (uint8_t)system_type(f, name);
	if (is_fixed_array(v8, type) || is_type(v8, type, AP_F_T_EPHEMERON_HASH_TABLE) ||
	    is_type(v8, type, AP_F_T_FIXED_DOUBLE_ARRAY) || is_type(v8, type, AP_F_T_BYTE_ARRAY)) {
		/* Nameless until its owner tags it. Boilerplates and the like are code all the
		 * same. */
		s->name = AP_TX_NONE;
		if (s->type != AP_NODE_CODE)
			s->type = AP_NODE_ARRAY;
	} else {
		s->name = ap_fill_text(
			f, ap_text_of(ap_printf(&f->arena, "system / %.*s", AP_TEXT_ARG(name))));
	}
	if (is_type(v8, type, AP_F_T_EPHEMERON_HASH_TABLE))
		s->kind = AP_FILL_EPHEMERONS;
	else if (is_fixed_array(v8, type) || is_type(v8, type, AP_F_T_WEAK_FIXED_ARRAY) ||
		 (is_type(v8, type, AP_F_T_TRANSITION_ARRAY) &&
		  F(v8, SNAPSHOT_TRANSITIONS_NUMBERED)) ||
		 (is_type(v8, type, AP_F_T_CLOSURE_FEEDBACK_CELL_ARRAY) &&
		  F(v8, SNAPSHOT_CELL_ARRAYS_NUMBERED)))
		s->kind = AP_FILL_ARRAY;
	else if (is_type(v8, type, AP_F_T_WEAK_ARRAY_LIST))
		s->kind = AP_FILL_WEAK_ARRAY;
	else if (is_type(v8, type, AP_F_T_DESCRIPTOR_ARRAY) ||
		 is_type(v8, type, AP_F_T_STRONG_DESCRIPTOR_ARRAY))
		s->kind = AP_FILL_DESCRIPTORS;
	else if (is_type(v8, type, AP_F_T_INSTRUCTION_STREAM)) {
		s->kind = AP_FILL_STREAM;
		s->name = AP_TX_NONE;
	} else if (is_type(v8, type, AP_F_T_CODE)) {
		s->kind = AP_FILL_CODE;
		s->type = AP_NODE_CODE;
		s->name = AP_TX_NONE; /* tagged after what it is of */
	} else if (is_type(v8, type, AP_F_T_MAP)) {
		s->kind = AP_FILL_MAP;
		s->naming = AP_NAME_OF_MAP;
	} else if (is_type(v8, type, AP_F_T_SHARED_FUNCTION_INFO)) {
		s->type = AP_NODE_CODE;
		s->naming = AP_NAME_OF_SHARED;
	} else if (is_type(v8, type, AP_F_T_SCRIPT)) {
		s->type = AP_NODE_CODE;
		s->naming = AP_NAME_OF_SCRIPT;
	} else if (is_type(v8, type, AP_F_T_ODDBALL) && F(v8, SNAPSHOT_PLAIN_NAMES)) {
		s->naming = AP_NAME_OF_ODDBALL;
	} else if (is_type(v8, type, AP_F_T_SYMBOL)) {
		s->type = AP_NODE_SYMBOL;
		s->naming = AP_NAME_OF_SYMBOL;
	} else if (is_type(v8, type, AP_F_T_BIGINT)) {
		s->type = AP_NODE_BIGINT;
		s->name = AP_TX_BIGINT;
	} else if (is_type(v8, type, AP_F_T_HEAP_NUMBER)) {
		s->type = AP_NODE_NUMBER;
		s->name = AP_TX_NUMBER;
	} else if (is_type(v8, type, AP_F_T_NATIVE_CONTEXT)) {
		s->kind = AP_FILL_NATIVE_CONTEXT;
		s->name = ap_fill_text(f, AP_TEXT("system / NativeContext"));
	} else if (ap_type_is_context(v8, type)) {
		s->kind = AP_FILL_CONTEXT;
		s->type = AP_NODE_OBJECT;
		s->name = ap_fill_text(f, AP_TEXT("system / Context"));
	}
}

static bool add_prop(struct ap_fill *f, const struct ap_fill_prop *prop)
{
	if (f->n_props == f->props_cap) {
		size_t cap = f->props_cap ? f->props_cap * 2 : 4096;
		struct ap_fill_prop *grown =
			cap <= MAX_PROPS ? realloc(f->props, cap * sizeof(*grown)) : NULL;

		if (!grown)
			return !(f->failed = true);
		f->props = grown;
		f->props_cap = cap;
	}
	f->props[f->n_props++] = *prop;
	return true;
}

/* The properties of objects that are not hash tables: V8HeapExplorer::ExtractPropertyReferences. */
static void list_props(struct ap_fill *f, const struct ap_map_info *info, struct ap_shape *s)
{
	const struct ap_v8 *v8 = f->v8;
	uint32_t n = (info->bit_field3 & (uint32_t)F(v8, MAP_NOF_MASK)) >> F(v8, MAP_NOF_SHIFT);
	uint32_t in_object = info->size_words > info->inobject_start
				     ? (uint32_t)info->size_words - info->inobject_start
				     : 0;
	struct ap_body table;

	s->first_prop = (uint32_t)f->n_props;
	if (!n || !ap_body_get(&f->bodies, info->descriptors, &table))
		return;
	for (uint32_t i = 0; i < n && !f->failed; i++) {
		int64_t at = F(v8, DESCRIPTORS_HEADER) + DESCRIPTOR_BYTES * (int64_t)i;
		uint64_t details_word = ap_body_word(&table, at + 8);
		uint32_t details = (uint32_t)ap_smi(details_word);
		struct ap_fill_prop prop = {.key = ap_body_word(&table, at)};

		if ((uint64_t)at / 8 + 2 >= table.n || !ap_is_object(prop.key) ||
		    !ap_is_smi(details_word))
			return;
		prop.accessor = details & (uint32_t)F(v8, DETAILS_KIND_MASK);
		if (details & (uint32_t)F(v8, DETAILS_LOCATION_MASK)) {
			prop.how = AP_PROP_CONSTANT;
			prop.value = ap_body_word(&table, at + 16);
		} else {
			uint32_t index = (details & (uint32_t)F(v8, DETAILS_INDEX_MASK)) >>
					 F(v8, DETAILS_INDEX_SHIFT);
			uint32_t representation =
				(details & (uint32_t)F(v8, DETAILS_REPRESENTATION_MASK)) >>
				F(v8, DETAILS_REPRESENTATION_SHIFT);

			if (representation == REPRESENTATION_SMI ||
			    representation == (uint32_t)F(v8, DETAILS_REPRESENTATION_DOUBLE))
				continue;
			prop.how = index < in_object ? AP_PROP_IN_OBJECT : AP_PROP_IN_ARRAY;
			prop.index = (uint16_t)(index < in_object ? info->inobject_start + index
								  : index - in_object);
		}
		add_prop(f, &prop);
	}
	s->n_props = (uint32_t)(f->n_props - s->first_prop);
}

struct ap_err *ap_fill_shapes(struct ap_fill *f)
{
	const struct ap_heap *heap = f->heap;
	const struct ap_v8 *v8 = f->v8;

	f->shapes = calloc(heap->maps.cap ? heap->maps.cap : 1, sizeof(*f->shapes));
	if (!f->shapes)
		return &ap_err_nomem;
	ap_v8_each_named_field(v8, note_field, f);
	for (size_t i = 0; i < sizeof(f->slots) / sizeof(f->slots[0]); i++) {
		const char *name = ap_v8_native_slot_name(v8, (int)i);

		f->slots[i] = name ? ap_fill_text(f, ap_text_of(name)) : 0;
	}
	for (size_t i = 0; i < heap->maps.cap && !f->failed; i++) {
		const struct ap_heap_map *map = &heap->maps.at[i];
		struct ap_shape *s = &f->shapes[i];
		struct ap_map_info info;

		if (!map->address || !map->count || ap_map_is_free(heap, map) ||
		    !ap_v8_map(f->v8, map->first + 1, &info))
			continue;
		find_fields(f, map->type, s);
		if (ap_type_is_string(v8, map->type)) {
			describe_string(v8, map->type, s);
		} else if (ap_type_is_receiver(v8, map->type) &&
			   !is_type(v8, map->type, AP_F_T_JS_PROXY)) {
			describe_receiver(f, map, &info, s);
			if (!s->dictionary && s->kind != AP_FILL_BUFFER &&
			    s->kind != AP_FILL_GLOBAL_PROXY)
				list_props(f, &info, s);
		} else {
			describe_internal(f, map, s);
		}
	}
	ap_arena_close(&f->arena);
	ap_arena_init(&f->arena, 0);
	return f->failed ? &ap_err_nomem : NULL;
}
