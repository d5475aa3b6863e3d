/* What V8 calls its types: from the metadata symbols of the binary, which name them all. */
#include "heap/heap_private.h"

struct type_arg {
	const struct ap_module *module;
	int type;
	const char *name;
	size_t n;
};

/* "v8dbg_type_WeakCell__WEAK_CELL_TYPE" = 301 */
static bool on_symbol(const struct ap_symbol *symbol, void *p)
{
	static const char prefix[] = "v8dbg_type_";
	struct type_arg *arg = p;
	const char *end;
	const int32_t *value;

	if (strncmp(symbol->name, prefix, sizeof(prefix) - 1) != 0 ||
	    !(end = strstr(symbol->name + sizeof(prefix) - 1, "__")))
		return true;
	value = ap_elf_at(arg->module->elf, symbol->value, sizeof(*value));
	if (!value || *value != arg->type)
		return true;
	arg->name = symbol->name + sizeof(prefix) - 1;
	arg->n = (size_t)(end - arg->name);
	return false;
}

struct ap_text ap_heap_type_name(struct ap_heap *heap, int type)
{
	struct type_arg arg = {.module = heap->v8->module, .type = type};
	struct ap_text known = ap_v8_type_name(heap->v8, type, &heap->group_arena);

	if (known.n < 5 || strncmp(known.s, "type ", 5) != 0 || !heap->v8->module ||
	    !heap->v8->module->elf)
		return known;
	ap_elf_each_symbol(heap->v8->module->elf, on_symbol, &arg);
	return arg.name ? (struct ap_text){arg.name, arg.n} : known;
}
