/* What V8 calls its types: from the metadata symbols of the binary, which name them all. */
#include "heap/heap_private.h"

/* "v8dbg_type_WeakCell__WEAK_CELL_TYPE" = 301 */
static bool on_symbol(const struct ap_symbol *symbol, void *p)
{
	static const char prefix[] = "v8dbg_type_";
	struct ap_heap *heap = p;
	const char *name = symbol->name + sizeof(prefix) - 1, *end;
	const int32_t *value;

	if (strncmp(symbol->name, prefix, sizeof(prefix) - 1) != 0 || !(end = strstr(name, "__")))
		return true;
	value = ap_elf_at(heap->v8->module->elf, symbol->value, sizeof(*value));
	if (!value)
		return true;
	const struct ap_type_name entry = {*value, {name, (size_t)(end - name)}};
	heap->named_types = ap_vec_push(&heap->arena, &heap->type_names, entry);
	return heap->named_types;
}

struct ap_text ap_heap_type_name(struct ap_heap *heap, int type)
{
	struct ap_text known = ap_v8_type_name(heap->v8, type, &heap->group_arena);

	if (known.n < 5 || strncmp(known.s, "type ", 5) != 0 || !heap->v8->module ||
	    !heap->v8->module->elf)
		return known;
	if (!heap->named_types) {
		heap->type_names.n = 0;
		heap->named_types = true;
		ap_elf_each_symbol(heap->v8->module->elf, on_symbol, heap);
	}
	for (size_t i = 0; i < heap->type_names.n; i++) {
		if (heap->type_names.at[i].type == type)
			return heap->type_names.at[i].name;
	}
	return known;
}
