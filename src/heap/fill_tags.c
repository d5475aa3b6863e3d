/*
 * What belongs to an object is named after it where it has no name of its own:
 * V8HeapExplorer::TagObject. The first tag in the order of the heap stays, the last type wins.
 */
#include "heap/fill.h"
#include "v8/naming.h"

enum {
	MAX_POOL_DEPTH = 3,
	N_TYPES_KEPT = 0xff,
	SCRIPT_FIRST = 10, /* word behind eval_from_shared_or_wrapped_arguments */
};

static void tag_over(struct ap_fill *f, ap_tagged w, uint32_t name, uint8_t type, bool over)
{
	uint32_t node;

	if (!ap_is_object(w) || (ap_fill_special(f, w) & AP_SPECIAL_INESSENTIAL))
		return;
	node = ap_fill_node(f, w);
	if (node == AP_NO_NODE)
		return;
	if (over || f->graph->names[node] == AP_TX_NONE)
		f->graph->names[node] = name;
	if (type != N_TYPES_KEPT && F(f->v8, SNAPSHOT_TAGS) >= 1)
		f->graph->types[node] = type;
}

static void tag(struct ap_fill *f, ap_tagged w, uint32_t name, uint8_t type)
{
	tag_over(f, w, name, type, false);
}

static bool is_trusted_array(const struct ap_fill *f, const struct ap_body *body)
{
	return ap_has_fact(f->v8, AP_F_T_TRUSTED_FIXED_ARRAY) &&
	       body->map->type == F(f->v8, T_TRUSTED_FIXED_ARRAY);
}

/* Constant pools hold the pools of what they describe, two deep. */
static void tag_pool(struct ap_fill *f, ap_tagged pool)
{
	struct {
		struct ap_body body;
		uint32_t at;
	} stack[MAX_POOL_DEPTH];
	int depth = 0;

	if (!ap_body_get(&f->bodies, pool, &stack[0].body))
		return;
	stack[0].at = 2;
	tag_over(f, pool, AP_TX_TAG_CONSTANTS, AP_NODE_CODE, is_trusted_array(f, &stack[0].body));
	while (depth >= 0) {
		struct ap_body *body = &stack[depth].body, child;
		const struct ap_v8 *v8 = f->v8;

		if (stack[depth].at >= body->n) {
			depth--;
			continue;
		}
		ap_tagged w = body->w[stack[depth].at++];
		if (!ap_is_object(w) || !ap_body_get(&f->bodies, w, &child) ||
		    (child.map->type != F(v8, T_FIXED_ARRAY) && !is_trusted_array(f, &child)))
			continue;
		tag_over(f, w, AP_TX_TAG_CONSTANTS, AP_NODE_CODE, is_trusted_array(f, &child));
		if (depth + 2 < MAX_POOL_DEPTH) {
			stack[++depth].body = child;
			stack[depth].at = 2;
		}
	}
}

static void tag_code(struct ap_fill *f, const struct ap_body *body)
{
	const struct ap_v8 *v8 = f->v8;
	ap_tagged positions = ap_body_word(body, F(v8, CODE_POSITIONS));
	bool baseline = (ap_body_u32(body, F(v8, CODE_FLAGS)) & (uint32_t)F(v8, CODE_KIND_MASK)) ==
			(uint32_t)F(v8, CODE_KIND_BASELINE);
	struct ap_body deopt;

	if (!F(v8, SNAPSHOT_CODE_STREAM))
		tag(f, ap_body_word(body, F(v8, CODE_RELOCATION)), AP_TX_TAG_RELOCATION,
		    AP_NODE_CODE);
	if (baseline) {
		tag(f, positions, AP_TX_TAG_BYTECODE_OFFSETS, AP_NODE_CODE);
		return;
	}
	tag(f, positions, AP_TX_TAG_POSITIONS, AP_NODE_CODE);
	ap_tagged w = ap_body_word(body, F(v8, CODE_DEOPT_DATA));
	tag(f, w, AP_TX_TAG_DEOPT, AP_NODE_CODE);
	if (!ap_body_get(&f->bodies, w, &deopt) || deopt.n < 3)
		return;
	tag(f, deopt.w[2], AP_TX_TAG_DEOPT, AP_NODE_CODE);
	tag(f, ap_body_word(&deopt, 16 + 8 * (int64_t)F(v8, DEOPT_LITERALS)), AP_TX_TAG_DEOPT,
	    AP_NODE_CODE);
	tag(f, ap_body_word(&deopt, 16 + 8 * (int64_t)F(v8, DEOPT_INLINING_POSITIONS)),
	    AP_TX_TAG_DEOPT, AP_NODE_CODE);
}

static void tag_feedback(struct ap_fill *f, const struct ap_body *body)
{
	uint32_t first = (uint32_t)F(f->v8, FEEDBACK_VECTOR_HEADER) / 8;

	for (uint32_t i = first; i < body->n; i++) {
		struct ap_body slot;

		if (ap_is_object(body->w[i]) && ap_body_get(&f->bodies, body->w[i], &slot) &&
		    (slot.map->type == F(f->v8, T_WEAK_FIXED_ARRAY) ||
		     slot.map->type == F(f->v8, T_FIXED_ARRAY)))
			tag(f, body->w[i], AP_TX_TAG_FEEDBACK, AP_NODE_CODE);
	}
}

/* Compiled code is called after the function that it is of. */
static void tag_shared(struct ap_fill *f, const struct ap_body *body)
{
	const struct ap_v8 *v8 = f->v8;
	int32_t how = F(v8, SNAPSHOT_CODE_NAMES);
	ap_tagged data = ap_body_word(body, F(v8, SFI_DATA));
	struct ap_body code;

	tag(f, body->address + 1, AP_TX_TAG_SHARED, N_TYPES_KEPT);
	if (!ap_body_get(&f->bodies, data, &code) || code.map->type != F(v8, T_CODE))
		return;
	struct ap_text name = ap_debug_name(f->v8, body->address + 1, &f->arena);
	char *text = name.n ? ap_printf(&f->arena, "(code for %.*s)", AP_TEXT_ARG(name)) : NULL;
	char *stream =
		name.n ? ap_printf(&f->arena, "(instruction stream for %.*s)", AP_TEXT_ARG(name))
		       : NULL;
	uint32_t code_text = ap_fill_text(f, ap_text_of(text ? text : "(BASELINE code)"));
	uint32_t stream_text =
		ap_fill_text(f, ap_text_of(stream ? stream : "(BASELINE instruction stream)"));

	/* 11.3 gives the stream the code's name, 12.4 and later name both. */
	if (how != 1)
		tag_over(f, data, code_text, N_TYPES_KEPT, false);
	if (how >= 1)
		tag_over(f, ap_body_word(&code, F(v8, CODE_INSTRUCTION_STREAM)),
			 how == 1 ? code_text : stream_text, N_TYPES_KEPT, false);
}

static void tag_internal(struct ap_fill *f, const struct ap_body *body)
{
	const struct ap_v8 *v8 = f->v8;
	int type = body->map->type;
	uint8_t shape = F(v8, SNAPSHOT_SYSTEM_TYPES) >= 2 ? AP_NODE_SHAPE : N_TYPES_KEPT;
	bool bytecode = F(v8, SNAPSHOT_TAGS) >= 1;

	if (type == F(v8, T_BYTECODE_ARRAY) && bytecode) {
		tag_pool(f, ap_body_word(body, F(v8, BYTECODE_CONSTANTS)));
		tag(f, ap_body_word(body, F(v8, BYTECODE_HANDLERS)), AP_TX_TAG_HANDLERS,
		    AP_NODE_CODE);
		tag(f, ap_body_word(body, F(v8, BYTECODE_POSITIONS)), AP_TX_TAG_POSITIONS,
		    AP_NODE_CODE);
	} else if (type == F(v8, T_FEEDBACK_VECTOR) && bytecode) {
		tag_feedback(f, body);
	} else if (type == F(v8, T_ARRAY_BOILERPLATE) && bytecode) {
		tag(f, ap_body_word(body, 16), AP_TX_TAG_CONSTANT_ELEMENTS, AP_NODE_CODE);
	} else if (type == F(v8, T_ENUM_CACHE) && F(v8, SNAPSHOT_TAGS) >= 2) {
		tag(f, ap_body_word(body, 8), AP_TX_TAG_ENUM_CACHE, shape);
		tag(f, ap_body_word(body, 16), AP_TX_TAG_ENUM_CACHE, shape);
	} else if (type == F(v8, T_SCRIPT)) {
		tag(f, ap_body_word(body, 56), AP_TX_TAG_LINE_ENDS, AP_NODE_CODE);
		/* Which fields those are moved about: what is in them tells. */
		for (uint32_t i = SCRIPT_FIRST; F(v8, SNAPSHOT_SCRIPT_TAGS) && i < body->n; i++) {
			struct ap_body field;

			if (!ap_body_get(&f->bodies, body->w[i], &field))
				continue;
			if (field.map->type == F(v8, T_WEAK_FIXED_ARRAY))
				tag(f, body->w[i], AP_TX_TAG_INFOS, AP_NODE_CODE);
			else if (field.map->type == F(v8, T_FIXED_ARRAY))
				tag(f, body->w[i], AP_TX_TAG_HOST_OPTIONS, AP_NODE_CODE);
		}
	} else if (type == F(v8, T_SCOPE_INFO)) {
		struct ap_scope_info scope;

		if (F(v8, SNAPSHOT_SCRIPT_TAGS) &&
		    ap_scope_info_known(v8, body->address + 1, &scope) && scope.names_table)
			tag(f, scope.names_table, AP_TX_TAG_NAMES, AP_NODE_CODE);
	} else if (type == F(v8, T_SHARED_FUNCTION_INFO)) {
		tag_shared(f, body);
	} else if (type == F(v8, T_MAP)) {
		if (F(v8, SNAPSHOT_SCRIPT_TAGS))
			tag(f, ap_body_word(body, F(v8, MAP_VALIDITY_CELL)), AP_TX_NONE,
			    AP_NODE_SHAPE);
	} else if (type == F(v8, T_PROTOTYPE_INFO)) {
		tag(f, ap_body_word(body, F(v8, PROTOTYPE_INFO_USERS)), AP_TX_TAG_PROTOTYPE_USERS,
		    shape);
	} else if (type == F(v8, T_TRANSITION_ARRAY)) {
		tag(f, ap_body_word(body, 16), AP_TX_TAG_PROTOTYPE_TRANSITIONS, shape);
	} else if (type == F(v8, T_ALLOCATION_SITE)) {
		tag(f, ap_body_word(body, 24), AP_TX_DEPENDENT_CODE, AP_NODE_CODE);
	}
}

void ap_fill_tags(struct ap_fill *f, const struct ap_body *body, const struct ap_shape *shape)
{
	const struct ap_v8 *v8 = f->v8;

	switch ((enum ap_fill_kind)shape->kind) {
	case AP_FILL_BOUND:
		tag(f, ap_body_word(body, F(v8, BOUND_ARGUMENTS)), AP_TX_TAG_BOUND, N_TYPES_KEPT);
		/* fall through */
	case AP_FILL_OBJECT:
	case AP_FILL_FUNCTION:
		tag(f, ap_body_word(body, F(v8, OBJECT_PROPERTIES)), AP_TX_TAG_PROPERTIES,
		    N_TYPES_KEPT);
		tag(f, ap_body_word(body, F(v8, OBJECT_ELEMENTS)), AP_TX_TAG_ELEMENTS,
		    N_TYPES_KEPT);
		break;
	case AP_FILL_CODE:
		tag_code(f, body);
		break;
	case AP_FILL_STREAM:
		tag(f, ap_body_word(body, 16), AP_TX_TAG_RELOCATION, AP_NODE_CODE);
		break;
	default:
		tag_internal(f, body);
		break;
	}
}
