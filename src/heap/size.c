/* How large an object is: by its map, or by size.def where the map leaves it open. */
#include "heap/heap_private.h"

enum ap_size_how {
	SIZE_DEFAULT, /* like a FixedArray */
	SIZE_SMI,
	SIZE_U32,
	SIZE_U16,
	SIZE_STRING_1,
	SIZE_STRING_2,
	SIZE_PROPERTY_ARRAY,
	SIZE_FEEDBACK_METADATA,
	SIZE_PREPARSE_DATA,
	SIZE_BIGINT,
	SIZE_SCOPE_INFO,
	SIZE_SWISS,
	SIZE_SMALL_ORDERED,
	SIZE_FREE_SPACE,
	SIZE_CODE,
	SIZE_INSTRUCTION_STREAM,
	SIZE_REST,
};

enum {
	PROPERTY_ARRAY_LENGTH_MASK = 0x3ff, /* the rest of the word is the identity hash */
	SIZED_BY_CODE = 16,        /* header of an InstructionStream that holds no size itself */
	FEEDBACK_SLOTS_A_WORD = 6, /* five bits a slot: FeedbackMetadata::VectorICComputer */
};

/* An object whose first `have` bytes are in hand; the rest is read from the image. */
struct body {
	const struct ap_v8 *v8;
	ap_addr address;
	const uint8_t *at;
	uint64_t have;
};

static bool get(const struct body *b, uint64_t offset, void *ret, size_t n)
{
	if (offset + n <= b->have) {
		memcpy(ret, b->at + offset, n);
		return true;
	}
	return ap_image_read(b->v8->image, b->address + offset, ret, n);
}

static bool get_u32(const struct body *b, uint64_t offset, uint64_t *ret)
{
	uint32_t v;

	if (!get(b, offset, &v, sizeof(v)))
		return false;
	*ret = v;
	return true;
}

static bool get_u16(const struct body *b, uint64_t offset, uint64_t *ret)
{
	uint16_t v;

	if (!get(b, offset, &v, sizeof(v)))
		return false;
	*ret = v;
	return true;
}

static bool get_smi(const struct body *b, uint64_t offset, uint64_t *ret)
{
	uint64_t w;

	if (!get(b, offset, &w, sizeof(w)) || (w & 0xffffffff) || (int64_t)w < 0)
		return false;
	*ret = w >> 32;
	return true;
}

static uint64_t align(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* Code of 9.4 and 10.2 holds its instructions, which begin behind a header as long as its
 * alignment. */
static uint64_t code_size(const struct body *b)
{
	const struct ap_v8 *v8 = b->v8;
	uint64_t instructions, metadata, start = (uint64_t)F(v8, CODE_INSTRUCTION_START);

	if (ap_has_fact(v8, AP_F_T_INSTRUCTION_STREAM) ||
	    !ap_has_fact(v8, AP_F_CODE_INSTRUCTION_START) ||
	    !get_u32(b, (uint64_t)F(v8, CODE_INSTRUCTION_SIZE), &instructions) ||
	    !get_u32(b, (uint64_t)F(v8, CODE_METADATA_SIZE), &metadata))
		return 0;
	return align(start + align(instructions + metadata, 8), start >= 128 ? 64 : 32);
}

static bool is_code(const struct ap_v8 *v8, ap_tagged w)
{
	uint64_t map;
	uint16_t type;

	return ap_v8_map_word(v8, w, &map) && ap_v8_u16(v8, map, F(v8, MAP_INSTANCE_TYPE), &type) &&
	       type == F(v8, T_CODE);
}

bool ap_heap_code_is_gone(const struct ap_heap *heap, const struct ap_heap_map *map,
			  ap_addr address)
{
	const struct ap_v8 *v8 = heap->v8;
	uint64_t code, word;

	return map->type == F(v8, T_INSTRUCTION_STREAM) &&
	       F(v8, STREAM_INSTRUCTIONS) <= SIZED_BY_CODE &&
	       ap_image_u64(v8->image, address + (uint64_t)F(v8, STREAM_CODE), &code) &&
	       (code & 7) == 1 && ap_heap_page_at(heap, code) &&
	       ap_image_u64(v8->image, code - 1, &word) && !is_code(v8, code);
}

/* 11.3 keeps its sizes in its Code, later ones the size of the body in itself. */
static uint64_t instruction_stream_size(const struct body *b)
{
	const struct ap_v8 *v8 = b->v8;
	uint64_t code, instructions, metadata, start = (uint64_t)F(v8, STREAM_INSTRUCTIONS);

	if (start > SIZED_BY_CODE)
		return get_u32(b, 24, &instructions) ? align(start + instructions, 64) : 0;
	if (!get(b, (uint64_t)F(v8, STREAM_CODE), &code, sizeof(code)) || !ap_is_object(code))
		return 0;
	const struct body c = {.v8 = v8, .address = code - 1};
	if (!is_code(v8, code) ||
	    !get_u32(&c, (uint64_t)F(v8, CODE_INSTRUCTION_SIZE), &instructions) ||
	    !get_u32(&c, (uint64_t)F(v8, CODE_METADATA_SIZE), &metadata))
		return 0;
	return align(start + align(instructions + metadata, 8), 64);
}

/* The variable part of src/objects/scope-info.tq, in its order. */
static uint64_t scope_info_size(const struct body *b)
{
	enum {
		SAVED_CLASS_VARIABLE = 10,
		FUNCTION_VARIABLE = 12,
		INFERRED_NAME = 14,
		OUTER = 22,
		IS_EMPTY = 29,
		LOCALS_BLOCK_LIST = 28,
		RECEIVER = 7,
		MAX_MODULE_VARIABLES = 1 << 20,
	};
	const struct ap_v8 *v8 = b->v8;
	uint64_t flags, locals, module_variables = 0, words = 0;
	uint64_t at = (uint64_t)F(v8, SCOPE_INFO_VARIABLE);
	bool new_order = F(v8, SCOPE_TYPE_ORDER) == 1;

	if (!get_u32(b, (uint64_t)F(v8, SCOPE_INFO_FLAGS), &flags) ||
	    !get_smi(b, (uint64_t)F(v8, SCOPE_INFO_LOCALS), &locals))
		return 0;
	unsigned type = flags & 15;
	bool is_module = type == (new_order ? 5 : 3), is_function = type == (new_order ? 4 : 2);
	bool has_positions = !ap_has_fact(v8, AP_F_SCOPE_INFO_START); /* else in the fixed part */
	bool old_positions = type == 1 || type == 2 || type == 3 || type == 4 ||
			     (type == 0 && F(v8, SCOPE_INFO_CLASS_POSITIONS)) ||
			     (type == 8 && F(v8, SCOPE_INFO_REALM_POSITIONS));

	bool count_first = is_module && F(v8, SCOPE_INFO_MODULE_COUNT_FIRST);

	if (count_first && !get_smi(b, at, &module_variables))
		return 0;
	words += count_first;
	/* ScopeInfo::kScopeInfoMaxInlinedLocalNamesSize */
	bool inlined = !ap_has_fact(v8, AP_F_SCOPE_INFO_MAX_INLINED) ||
		       locals < (uint64_t)F(v8, SCOPE_INFO_MAX_INLINED);
	words += inlined ? locals : 1;
	words += locals;
	words += flags >> SAVED_CLASS_VARIABLE & 1;
	if (F(v8, SCOPE_INFO_HAS_RECEIVER_SLOT)) {
		unsigned receiver = flags >> RECEIVER & 3;

		words += receiver == 1 || receiver == 2;
	}
	words += (flags >> FUNCTION_VARIABLE & 3) ? 2 : 0;
	words += flags >> INFERRED_NAME & 1;
	if (has_positions && old_positions && !(flags >> IS_EMPTY & 1))
		words += 2;
	words += flags >> OUTER & 1;
	if (has_positions)
		words += flags >> LOCALS_BLOCK_LIST & 1;
	if (is_module) {
		words++; /* the module info */
		if (!count_first && !get_smi(b, at + 8 * words++, &module_variables))
			return 0;
		if (module_variables > MAX_MODULE_VARIABLES)
			return 0;
		words += 3 * module_variables;
	}
	words += is_function && F(v8, SCOPE_INFO_UNUSED_PARAMETERS);
	return at + 8 * words;
}

static uint64_t special_size(const struct ap_size_rule *rule, const struct body *b)
{
	const struct ap_v8 *v8 = b->v8;
	uint64_t n, m;
	uint8_t bytes[3];

	switch (rule->how) {
	case SIZE_PROPERTY_ARRAY:
		return get_smi(b, 8, &n) || get_u32(b, 12, &n)
			       ? 16 + 8 * (n & PROPERTY_ARRAY_LENGTH_MASK)
			       : 0;
	case SIZE_FEEDBACK_METADATA:
		if (!get_u32(b, 8, &n))
			return 0;
		n = 16 + 4 * ((n + FEEDBACK_SLOTS_A_WORD - 1) / FEEDBACK_SLOTS_A_WORD);
		/* 13.6 and later: the parameter counts of the closures it creates, u16 each. */
		if (F(v8, SCOPE_TYPE_ORDER) == 1) {
			if (!get_u32(b, 12, &m))
				return 0;
			n += 2 * m;
		}
		return align(n, 8);
	case SIZE_PREPARSE_DATA:
		return get_u32(b, 8, &n) && get_u32(b, 12, &m) ? align(16 + n, 8) + 8 * m : 0;
	case SIZE_BIGINT:
		return get_u32(b, 8, &n) ? 16 + 8 * (n >> 1) : 0;
	case SIZE_SCOPE_INFO:
		return scope_info_size(b);
	case SIZE_SWISS:
		return get_u32(b, 12, &n) ? align(24 + 18 * n + 16, 8) : 0;
	case SIZE_SMALL_ORDERED:
		/* u8 counts of elements, deleted, buckets; table; buckets and chains of a byte
		 * each. */
		if (!get(b, 8, bytes, sizeof(bytes)))
			return 0;
		n = (uint64_t)bytes[2] * 2;
		return align(16 + n * rule->element + bytes[2] + n, 8);
	case SIZE_FREE_SPACE:
		return get_smi(b, 8, &n) ? n * (F(v8, FREE_SPACE_IN_WORDS) ? 8 : 1) : 0;
	case SIZE_CODE:
		return code_size(b);
	case SIZE_INSTRUCTION_STREAM:
		return instruction_stream_size(b);
	default:
		return 0;
	}
}

uint64_t ap_heap_size(const struct ap_heap *heap, const struct ap_heap_map *map, ap_addr address,
		      const uint8_t *at, uint64_t have)
{
	const struct body b = {heap->v8, address, at, have};
	const struct ap_size_rule *rule = &map->rule;
	uint64_t n;

	if (map->size_words)
		return map->size_words * 8u;
	switch (rule->how) {
	case SIZE_DEFAULT:
	case SIZE_SMI:
		return get_smi(&b, rule->length_at, &n) ? align(rule->header + n * rule->element, 8)
							: 0;
	case SIZE_U32:
	case SIZE_STRING_1:
	case SIZE_STRING_2:
		return get_u32(&b, rule->length_at, &n) ? align(rule->header + n * rule->element, 8)
							: 0;
	case SIZE_U16:
		return get_u16(&b, rule->length_at, &n) ? align(rule->header + n * rule->element, 8)
							: 0;
	case SIZE_REST: {
		const struct ap_heap_page *page;

		if (!F(heap->v8, HOLE_FILLS_PAGE))
			return 8;
		page = ap_heap_page_at(heap, address);
		return page ? page->end - address : 0;
	}
	default:
		return special_size(rule, &b);
	}
}

struct ap_err *ap_heap_load_rules(struct ap_heap *heap)
{
	const struct ap_v8 *v8 = heap->v8;

	heap->rules = ap_alloc_array(&heap->arena, AP_N_TYPES, sizeof(*heap->rules));
	if (!heap->rules)
		return &ap_err_nomem;
	for (size_t i = 0; i < AP_N_TYPES; i++)
		heap->rules[i] = (struct ap_size_rule){SIZE_DEFAULT, 16, 8, 8};
#define SIZE(type, how, header, element, at)                                                       \
	if (ap_has_fact(v8, AP_F_##type) && F(v8, type) >= 0 && F(v8, type) < AP_N_TYPES)          \
		heap->rules[F(v8, type)] =                                                         \
			(struct ap_size_rule){SIZE_##how, (uint8_t)(header), element, at};
#include "heap/size.def"
#undef SIZE
	/* Strings that hold their characters; the other shapes have their size in the map. */
	for (int32_t t = 0; t < F(v8, T_FIRST_NONSTRING) && t < AP_N_TYPES; t++) {
		bool one_byte = t & F(v8, STRING_ONE_BYTE_TAG);

		heap->rules[t] = (struct ap_size_rule){
			one_byte ? SIZE_STRING_1 : SIZE_STRING_2, (uint8_t)F(v8, STRING_CHARS),
			one_byte ? 1 : 2, (uint8_t)F(v8, STRING_LENGTH)};
	}
	return NULL;
}
