/* Variables of contexts: V8HeapExplorer::ExtractContextReferences. */
#include "heap/fill.h"
#include "v8/function.h"

enum {
	SLOT_WORD = 2, /* word of slot 0 */
	FLAG_STRICT = 1 << 5,
	FLAG_DECLARATION = 1 << 6,
	FLAG_EXTENSION = 1 << 26,
	NAMES_HEADER = 3, /* of a NameToIndexHashTable: elements, deleted, capacity */
};

/* Only contexts that hold declarations name their variables. */
static bool is_declaration(const struct ap_scope_info *scope)
{
	switch (scope->type) {
	case AP_SCOPE_TYPE_FUNCTION:
	case AP_SCOPE_TYPE_SCRIPT:
	case AP_SCOPE_TYPE_MODULE:
		return true;
	case AP_SCOPE_TYPE_EVAL:
		return scope->flags & FLAG_STRICT;
	case AP_SCOPE_TYPE_BLOCK:
		return scope->flags & FLAG_DECLARATION;
	default:
		return false;
	}
}

static void variable(struct ap_edges *e, const struct ap_body *body, ap_tagged name, uint64_t slot)
{
	uint32_t text = ap_fill_key(e->f, name);

	if (text != AP_NO_TEXT && SLOT_WORD + slot < body->n)
		ap_edge_value(e, AP_EDGE_CONTEXT, text, body->w[SLOT_WORD + slot],
			      (uint32_t)(SLOT_WORD + slot));
}

static void variables(struct ap_edges *e, const struct ap_body *body, const struct ap_body *info,
		      const struct ap_scope_info *scope)
{
	const struct ap_fill *f = e->f;
	uint64_t first = (uint64_t)ap_scope_first_slot(f->v8, scope);
	struct ap_body table;

	if (!scope->names_table) {
		for (int i = 0; i < scope->n_locals; i++)
			variable(e, body, ap_body_word(info, scope->names + 8 * (int64_t)i),
				 first + (uint64_t)i);
	} else if (ap_body_get(&f->bodies, scope->names_table, &table)) {
		/* (name, index) pairs in any order. */
		for (uint32_t i = SLOT_WORD + NAMES_HEADER; i + 1 < table.n; i += 2) {
			if (ap_is_object(table.w[i]) && ap_is_smi(table.w[i + 1]) &&
			    ap_smi(table.w[i + 1]) >= 0 && ap_smi(table.w[i + 1]) < scope->n_locals)
				variable(e, body, table.w[i],
					 first + (uint64_t)ap_smi(table.w[i + 1]));
		}
	}
	if (scope->function_name && scope->function_slot >= 0)
		variable(e, body, scope->function_name, (uint64_t)scope->function_slot);
}

void ap_fill_context(struct ap_edges *e, const struct ap_body *body, const struct ap_shape *shape)
{
	const struct ap_fill *f = e->f;
	struct ap_v8 *v8 = f->v8;
	struct ap_scope_info scope;
	struct ap_body info;
	ap_tagged scope_info = body->n > SLOT_WORD ? body->w[SLOT_WORD] : 0;
	uint32_t extension = SLOT_WORD + 2;

	bool known = ap_body_get(&f->bodies, scope_info, &info) &&
		     info.map->type == F(v8, T_SCOPE_INFO) &&
		     ap_scope_info_known(v8, scope_info, &scope);
	if (shape->kind == AP_FILL_CONTEXT && known && is_declaration(&scope))
		variables(e, body, &info, &scope);
	ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_SCOPE_INFO, scope_info, SLOT_WORD);
	if (body->n > SLOT_WORD + 1)
		ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_PREVIOUS, body->w[SLOT_WORD + 1],
				 SLOT_WORD + 1);
	if (shape->kind == AP_FILL_CONTEXT) {
		if (known && (scope.flags & FLAG_EXTENSION) && extension < body->n)
			ap_edge_internal(e, AP_EDGE_INTERNAL, AP_TX_EXTENSION, body->w[extension],
					 extension);
		return;
	}
	/* Every slot of a native context has a name of its own, but for the links of lists at its
	 * end. */
	const struct ap_tagged_rule *rule = &f->rules.by_type[body->map->type];
	uint64_t length = ap_is_smi(body->w[1]) ? body->w[1] >> 32 : 0;
	for (uint32_t i = extension; i < SLOT_WORD + length && i < body->n; i++) {
		if (!ap_tagged_is_weak(rule, body, i))
			ap_edge_internal(e, AP_EDGE_INTERNAL, ap_fill_native_slot(f, i - SLOT_WORD),
					 body->w[i], i);
	}
}
