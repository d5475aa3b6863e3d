/*
 * A name is looked for in each module's table, not in an index of our own: that takes two
 * milliseconds, and few names are ever typed.
 */
#include "model/symbols.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "unwind/unwind.h"

const char *ap_module_name(const struct ap_module *module)
{
	const char *slash = module->path ? strrchr(module->path, '/') : NULL;

	return slash ? slash + 1 : module->path ? module->path : "?";
}

const char *ap_symbol_demangled(const char *name, struct ap_arena *arena)
{
	return ap_demangle(name, arena);
}

/* A C++ name as a person types it, with or without its parameters. */
struct search {
	const char *wanted;
	char last[128]; /* "5Abort": how the mangled form spells the last part of the name */
	bool found, whole;
	uint64_t value;
};

static bool same_function(const char *demangled, const char *wanted)
{
	size_t n = strlen(wanted);

	return strncmp(demangled, wanted, n) == 0 && (!demangled[n] || demangled[n] == '(');
}

static bool compare_demangled(const struct ap_symbol *symbol, void *arg)
{
	struct search *search = arg;
	struct ap_arena arena;

	if (symbol->name[0] != '_' || symbol->name[1] != 'Z' || !strstr(symbol->name, search->last))
		return true;
	ap_arena_init(&arena, 0);
	if (same_function(ap_demangle(symbol->name, &arena), search->wanted)) {
		/* What the compiler split off a function (".cold", ".part.0") bears its name, too:
		 * only where there is nothing else. */
		search->whole = !strchr(symbol->name, '.');
		if (search->whole || !search->found)
			search->value = symbol->value;
		search->found = true;
	}
	ap_arena_close(&arena);
	return !search->whole;
}

/* The identifier in front of the parameters; false if the text holds none. */
static bool last_part(const char *name, char *ret, size_t bytes)
{
	size_t end = strcspn(name, "("), start = end;

	while (start && (isalnum((unsigned char)name[start - 1]) || name[start - 1] == '_'))
		start--;
	if (start == end || end - start > 100)
		return false;
	/* A constructor's name is not written out in the mangled form, its class is. */
	if (start >= 3 && name[start - 1] == '~')
		return false;
	int n = snprintf(ret, bytes, "%zu", end - start);
	if (n <= 0 || (size_t)n + (end - start) >= bytes)
		return false;
	memcpy(ret + n, name + start, end - start);
	ret[(size_t)n + (end - start)] = '\0';
	return true;
}

static bool find_in(const struct ap_module *module, const char *name, uint64_t *ret_address)
{
	struct search search = {.wanted = name};
	struct ap_symbol symbol;

	if (!module->elf)
		return false;
	if (ap_elf_symbol_named(module->elf, name, &symbol)) {
		/* The place in a thread's block is no address. */
		if (symbol.type == STT_TLS)
			return false;
		*ret_address = symbol.value + module->bias;
		return true;
	}
	if (!strpbrk(name, ":(") || !last_part(name, search.last, sizeof(search.last)))
		return false;
	ap_elf_each_symbol(module->elf, compare_demangled, &search);
	if (search.found)
		*ret_address = search.value + module->bias;
	return search.found;
}

bool ap_symbol_find(const struct ap_image *image, const char *name, uint64_t *ret_address)
{
	const char *tick = strchr(name, '`');
	const char *symbol = tick ? tick + 1 : name;
	size_t n, object = tick ? (size_t)(tick - name) : 0;
	const struct ap_module *modules = ap_image_modules(image, &n);
	const struct ap_module *program = ap_image_main_module(image);

	if (!*symbol)
		return false;
	if (!tick && program && find_in(program, symbol, ret_address))
		return true;
	for (size_t i = 0; i < n; i++) {
		const char *own = ap_module_name(&modules[i]);

		/* "a.out`main" is what mdb called the program, "libc`abort" any libc.so.6. */
		if (tick &&
		    !(strncmp(own, name, object) == 0 && (!own[object] || own[object] == '.')) &&
		    !(modules[i].is_main && object == 5 && strncmp(name, "a.out", 5) == 0))
			continue;
		if (find_in(&modules[i], symbol, ret_address))
			return true;
	}
	return false;
}

bool ap_symbol_text(const struct ap_image *image, uint64_t address, struct ap_arena *arena,
		    const char **ret_name, const struct ap_module **ret_module,
		    uint64_t *ret_offset)
{
	struct ap_symbol symbol;

	if (!ap_image_symbol(image, address, &symbol, ret_module, ret_offset))
		return false;
	*ret_name = ap_demangle(symbol.name, arena);
	return true;
}

const char *ap_symbol_label(const struct ap_image *image, uint64_t address, struct ap_arena *arena)
{
	const struct ap_module *module;
	const char *name, *label;
	uint64_t offset;

	if (!image || !ap_symbol_text(image, address, arena, &name, &module, &offset))
		label = ap_printf(arena, "0x%" PRIx64, address);
	else if (module->is_main)
		label = offset ? ap_printf(arena, "%s+0x%" PRIx64, name, offset) : name;
	else
		label = offset ? ap_printf(arena, "%s`%s+0x%" PRIx64, ap_module_name(module), name,
					   offset)
			       : ap_printf(arena, "%s`%s", ap_module_name(module), name);
	return label ? label : "?";
}
