/*
 * Static tables inside the binary: they spare us tables of our own for every version.
 */
#include "v8/v8_private.h"

enum { MAX_BYTECODES = 1024, MAX_TRANSLATIONS = 256 };

struct table_scan {
	struct ap_symbol sizes, counts, blob, blob_size;
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
	p = scan.blob_size.name ? ap_elf_at(v8->module->elf, scan.blob_size.value, 4) : NULL;
	if (p)
		memcpy(&blob_bytes, p, 4);
	if (scan.blob.name && blob_bytes) {
		t->blob_start = scan.blob.value + v8->module->bias;
		t->blob_end = t->blob_start + blob_bytes;
	}
}
