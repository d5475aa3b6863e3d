/*
 * Static tables inside the binary: they spare us tables of our own for every version.
 */
#include "v8/v8_private.h"

enum {
	MAX_BYTECODES = 1024,
	MAX_TRANSLATIONS = 256,
	MAX_ROOTS = 4096,
	MAX_BUILTINS = 1 << 14,
	METADATA_BYTES = 24, /* of BuiltinMetadata: its name first (9.4 to 14.6) */
	MAX_NAME = 256,
};

struct table_scan {
	struct ap_symbol sizes, counts, roots, builtins, blob, blob_size;
};

static bool table_symbol(const struct ap_symbol *symbol, void *arg)
{
	static const struct {
		const char *name;
		size_t offset;
	} wanted[] = {
		{"_ZN2v88internal11interpreter9Bytecodes14kBytecodeSizesE",
		 offsetof(struct table_scan, sizes)},
		{"_ZZN2v88internal29TranslationOpcodeOperandCountENS0_17TranslationOpcodeEE6counts",
		 offsetof(struct table_scan, counts)},
		{"_ZN2v88internal10RootsTable11root_names_E", offsetof(struct table_scan, roots)},
		{"_ZN2v88internal12_GLOBAL__N_1L16builtin_metadataE",
		 offsetof(struct table_scan, builtins)},
		{"_ZN2v88internal12_GLOBAL__N_116builtin_metadataE",
		 offsetof(struct table_scan, builtins)},
		{"v8_Default_embedded_blob_code_", offsetof(struct table_scan, blob)},
		{"v8_Default_embedded_blob_code_data_", offsetof(struct table_scan, blob)},
		{"v8_Default_embedded_blob_code_size_", offsetof(struct table_scan, blob_size)},
	};
	struct table_scan *scan = arg;

	if (symbol->name[0] != '_' && symbol->name[0] != 'v')
		return true;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strcmp(symbol->name, wanted[i].name) != 0)
			continue;
		struct ap_symbol *slot = (struct ap_symbol *)((char *)scan + wanted[i].offset);

		/* 9.4 and 10.2 have a pointer of the short name beside the code itself,
		 * "..._data_". */
		if (slot == &scan->blob && slot->name && strlen(slot->name) > strlen(symbol->name))
			continue;
		*slot = *symbol;
	}
	return true;
}

static const char *name_at(const struct ap_v8 *v8, ap_addr at, struct ap_arena *arena)
{
	ap_addr name;

	return ap_image_u64(v8->image, at, &name) ? ap_image_cstr(v8->image, name, MAX_NAME, arena)
						  : NULL;
}

const char *ap_v8_root_name(const struct ap_v8 *v8, int32_t number, struct ap_arena *arena)
{
	const struct ap_v8_tables *t = &v8->tables;
	int64_t i = (int64_t)t->first_root + number;

	return i >= 0 && (size_t)i < t->n_roots
		       ? name_at(v8, t->root_names + 8 * (uint64_t)i, arena)
		       : NULL;
}

const char *ap_v8_builtin_name(const struct ap_v8 *v8, int32_t number, struct ap_arena *arena)
{
	const struct ap_v8_tables *t = &v8->tables;

	return number >= 0 && (size_t)number < t->n_builtins
		       ? name_at(v8, t->builtins + METADATA_BYTES * (uint64_t)number, arena)
		       : NULL;
}

/* Of roots and builtins; pointers in them are relocated in memory only. */
static void load_names(struct ap_v8 *v8, const struct table_scan *scan)
{
	struct ap_v8_tables *t = &v8->tables;

	if (scan->builtins.size && scan->builtins.size / METADATA_BYTES <= MAX_BUILTINS) {
		t->builtins = scan->builtins.value + v8->module->bias;
		t->n_builtins = scan->builtins.size / METADATA_BYTES;
	}
	if (!scan->roots.size || scan->roots.size / 8 > MAX_ROOTS)
		return;
	t->root_names = scan->roots.value + v8->module->bias;
	for (size_t i = 0; i < scan->roots.size / 8 && !t->n_roots; i++) {
		const char *name = name_at(v8, t->root_names + 8 * i, &v8->arena);

		if (name && strcmp(name, "free_space_map") == 0) {
			t->first_root = i;
			t->n_roots = scan->roots.size / 8;
		}
	}
}

void ap_v8_load_tables(struct ap_v8 *v8)
{
	struct table_scan scan = {0};
	struct ap_v8_tables *t = &v8->tables;
	uint32_t blob_bytes = 0;
	const void *p;

	ap_elf_each_symbol(v8->module->elf, table_symbol, &scan);
	/* 14.6 merged kBytecodeSizes into another symbol's name but kept the object. */
	if (scan.sizes.size && scan.sizes.size % 3 == 0 && scan.sizes.size / 3 <= MAX_BYTECODES) {
		t->bytecode_sizes = ap_elf_at(v8->module->elf, scan.sizes.value, scan.sizes.size);
		t->n_bytecodes = t->bytecode_sizes ? scan.sizes.size / 3 : 0;
	}
	if (scan.counts.size && scan.counts.size / 4 <= MAX_TRANSLATIONS) {
		t->translation_counts =
			ap_elf_at(v8->module->elf, scan.counts.value, scan.counts.size);
		t->n_translations = t->translation_counts ? scan.counts.size / 4 : 0;
	}
	load_names(v8, &scan);
	p = scan.blob_size.name ? ap_elf_at(v8->module->elf, scan.blob_size.value, 4) : NULL;
	if (p)
		memcpy(&blob_bytes, p, 4);
	if (scan.blob.name && blob_bytes) {
		t->blob_start = scan.blob.value + v8->module->bias;
		t->blob_end = t->blob_start + blob_bytes;
	}
}
