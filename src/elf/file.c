#include "elf/file.h"

#include <libelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "elf/note.h"
#include "os/map.h"

struct symbol_at {
	uint64_t value;
	uint32_t index; /* into the symbol table */
};

struct ap_elf {
	char *path;
	struct ap_map map;
	Elf *elf;
	Elf64_Ehdr header;
	Elf64_Phdr *phdrs;
	size_t n_phdrs;
	const uint8_t *syms; /* .symtab, else .dynsym: Elf64_Sym, of any alignment in a hostile file
			      */
	size_t n_syms;
	const char *names;
	size_t names_bytes;
	bool has_symtab;
	struct symbol_at *by_address; /* lazily, sorted */
	size_t n_by_address;
};

static struct ap_err *elf_check_header(const struct ap_map *map, const char *path,
				       Elf64_Ehdr *header)
{
	const uint8_t *id = map->data;

	if (map->bytes < sizeof(*header) || memcmp(id, ELFMAG, SELFMAG) != 0)
		return ap_err_new(AP_E_FORMAT, "%s is not an ELF file", path);
	if (id[EI_CLASS] != ELFCLASS64 || id[EI_DATA] != ELFDATA2LSB)
		return ap_err_new(AP_E_UNSUPPORTED, "%s is not a 64-bit little-endian ELF file",
				  path);
	memcpy(header, id, sizeof(*header));
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT, "%s is %s, not a program or library", path,
				   header->e_type == ET_CORE ? "a core file" : "an object file"),
			"usage: autopsy [NODE] CORE: one program and one core");
	if (header->e_machine != EM_X86_64)
		return ap_err_new(AP_E_UNSUPPORTED, "%s is for another processor (ELF machine %u)",
				  path, header->e_machine);
	return NULL;
}

/* Finds the symbol table to use; a file without one is fine. */
static void elf_load_symbols(struct ap_elf *elf)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf->elf, scn))) {
		Elf64_Shdr *sh = elf64_getshdr(scn);

		if (!sh || (sh->sh_type != SHT_SYMTAB && sh->sh_type != SHT_DYNSYM))
			continue;
		if (sh->sh_type == SHT_DYNSYM && elf->has_symtab)
			continue;
		Elf_Data *syms = elf_rawdata(scn, NULL);
		Elf_Scn *str_scn = elf_getscn(elf->elf, sh->sh_link);
		Elf_Data *names = str_scn ? elf_rawdata(str_scn, NULL) : NULL;
		if (!syms || !names || !names->d_size ||
		    ((const char *)names->d_buf)[names->d_size - 1] != '\0')
			continue;
		elf->syms = syms->d_buf;
		elf->n_syms = syms->d_size / sizeof(Elf64_Sym);
		elf->names = names->d_buf;
		elf->names_bytes = names->d_size;
		elf->has_symtab = sh->sh_type == SHT_SYMTAB;
	}
}

struct ap_err *ap_elf_open(const char *path, struct ap_elf **ret_elf)
{
	struct ap_elf *elf = calloc(1, sizeof(*elf));
	struct ap_err *err;

	if (!elf)
		return &ap_err_nomem;
	elf->path = strdup(path);
	if (!elf->path) {
		ap_elf_close(elf);
		return &ap_err_nomem;
	}
	err = ap_map_open(path, &elf->map, NULL);
	if (!err)
		err = elf_check_header(&elf->map, path, &elf->header);
	if (err) {
		ap_elf_close(elf);
		return err;
	}
	elf_version(EV_CURRENT);
	elf->elf = elf_memory((char *)(uintptr_t)elf->map.data, elf->map.bytes);
	if (!elf->elf || elf_kind(elf->elf) != ELF_K_ELF ||
	    elf_getphdrnum(elf->elf, &elf->n_phdrs) < 0) {
		err = ap_err_new(AP_E_FORMAT, "%s: %s", path, elf_errmsg(-1));
		ap_elf_close(elf);
		return err;
	}
	elf->phdrs = elf->n_phdrs ? elf64_getphdr(elf->elf) : NULL;
	if (!elf->phdrs)
		elf->n_phdrs = 0;
	elf_load_symbols(elf);
	*ret_elf = elf;
	return NULL;
}

void ap_elf_close(struct ap_elf *elf)
{
	if (!elf)
		return;
	if (elf->elf)
		elf_end(elf->elf);
	ap_map_close(&elf->map);
	free(elf->by_address);
	free(elf->path);
	free(elf);
}

const char *ap_elf_path(const struct ap_elf *elf)
{
	return elf->path;
}

uint64_t ap_elf_entry(const struct ap_elf *elf)
{
	return elf->header.e_entry;
}

bool ap_elf_is_dynamic(const struct ap_elf *elf)
{
	return elf->header.e_type == ET_DYN;
}

bool ap_elf_has_symtab(const struct ap_elf *elf)
{
	return elf->has_symtab;
}

const uint8_t *ap_elf_data(const struct ap_elf *elf, uint64_t *ret_bytes)
{
	*ret_bytes = elf->map.bytes;
	return elf->map.data;
}

const Elf64_Phdr *ap_elf_segments(const struct ap_elf *elf, size_t *ret_n)
{
	*ret_n = elf->n_phdrs;
	return elf->phdrs;
}

const void *ap_elf_at(const struct ap_elf *elf, uint64_t vaddr, uint64_t len)
{
	for (size_t i = 0; i < elf->n_phdrs; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type != PT_LOAD || vaddr < ph->p_vaddr)
			continue;
		uint64_t off = vaddr - ph->p_vaddr;
		if (off >= ph->p_filesz || len > ph->p_filesz - off)
			continue;
		if (ph->p_offset > elf->map.bytes || ph->p_filesz > elf->map.bytes - ph->p_offset)
			return NULL;
		return elf->map.data + ph->p_offset + off;
	}
	return NULL;
}

struct ap_build_id ap_build_id_of_notes(const void *notes, size_t bytes)
{
	struct ap_cursor c = ap_cursor_of(notes, bytes);
	struct ap_build_id id = {.n = 0};
	struct ap_note note;

	while (ap_note_next(&c, &note)) {
		if (note.type == NT_GNU_BUILD_ID && note.name_bytes == 4 &&
		    memcmp(note.name, "GNU", 4) == 0 && note.desc_bytes <= AP_BUILD_ID_MAX) {
			memcpy(id.bytes, note.desc, note.desc_bytes);
			id.n = note.desc_bytes;
			break;
		}
	}
	return id;
}

struct ap_build_id ap_elf_build_id(const struct ap_elf *elf)
{
	struct ap_build_id id = {.n = 0};

	for (size_t i = 0; i < elf->n_phdrs && !id.n; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type == PT_NOTE && ph->p_offset <= elf->map.bytes &&
		    ph->p_filesz <= elf->map.bytes - ph->p_offset)
			id = ap_build_id_of_notes(elf->map.data + ph->p_offset, ph->p_filesz);
	}
	return id;
}

bool ap_build_id_eq(struct ap_build_id a, struct ap_build_id b)
{
	return a.n && a.n == b.n && memcmp(a.bytes, b.bytes, a.n) == 0;
}

char *ap_build_id_hex(struct ap_build_id id, char buf[static 2 * AP_BUILD_ID_MAX + 1])
{
	if (!id.n)
		return strcpy(buf, "none");
	for (size_t i = 0; i < id.n; i++)
		sprintf(buf + 2 * i, "%02x", id.bytes[i]);
	return buf;
}

static Elf64_Sym elf_sym(const struct ap_elf *elf, size_t index)
{
	Elf64_Sym sym;

	memcpy(&sym, elf->syms + index * sizeof(sym), sizeof(sym));
	return sym;
}

static bool elf_symbol(const struct ap_elf *elf, size_t index, struct ap_symbol *ret)
{
	Elf64_Sym sym = elf_sym(elf, index);

	if (sym.st_name >= elf->names_bytes)
		return false;
	*ret = (struct ap_symbol){
		.name = elf->names + sym.st_name,
		.value = sym.st_value,
		.size = sym.st_size,
		.type = ELF64_ST_TYPE(sym.st_info),
		.shndx = sym.st_shndx,
	};
	return true;
}

void ap_elf_each_symbol(struct ap_elf *elf, bool (*fn)(const struct ap_symbol *, void *), void *arg)
{
	struct ap_symbol symbol;

	for (size_t i = 1; i < elf->n_syms; i++) {
		if (!elf_symbol(elf, i, &symbol) || symbol.shndx == SHN_UNDEF)
			continue;
		if (!fn(&symbol, arg))
			return;
	}
}

bool ap_elf_symbol_named(struct ap_elf *elf, const char *name, struct ap_symbol *ret_symbol)
{
	for (size_t i = 1; i < elf->n_syms; i++) {
		struct ap_symbol symbol;

		if (elf_symbol(elf, i, &symbol) && symbol.shndx != SHN_UNDEF &&
		    strcmp(symbol.name, name) == 0) {
			*ret_symbol = symbol;
			return true;
		}
	}
	return false;
}

static int symbol_at_cmp(const void *a, const void *b)
{
	const struct symbol_at *x = a, *y = b;

	return x->value < y->value ? -1 : x->value > y->value;
}

static void elf_index_addresses(struct ap_elf *elf)
{
	if (elf->by_address || !elf->n_syms)
		return;
	elf->by_address = malloc(elf->n_syms * sizeof(*elf->by_address));
	if (!elf->by_address)
		return;
	for (size_t i = 1; i < elf->n_syms && i <= UINT32_MAX; i++) {
		Elf64_Sym sym = elf_sym(elf, i);
		unsigned type = ELF64_ST_TYPE(sym.st_info);

		/* V8's builtins are FUNC or, in hand-written assembly, NOTYPE with a size of 0. */
		if (sym.st_shndx == SHN_UNDEF || sym.st_shndx >= SHN_LORESERVE ||
		    (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE &&
		     type != STT_GNU_IFUNC))
			continue;
		elf->by_address[elf->n_by_address++] =
			(struct symbol_at){sym.st_value, (uint32_t)i};
	}
	qsort(elf->by_address, elf->n_by_address, sizeof(*elf->by_address), symbol_at_cmp);
}

bool ap_elf_symbol_at(struct ap_elf *elf, uint64_t vaddr, struct ap_symbol *ret_symbol)
{
	elf_index_addresses(elf);
	size_t lo = 0, hi = elf->n_by_address;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (elf->by_address[mid].value <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Several symbols may start at one address: prefer one whose size covers us. */
	bool found = false;
	for (size_t i = lo, seen = 0; i-- > 0 && seen < 16; seen++) {
		struct ap_symbol symbol;

		if (!elf_symbol(elf, elf->by_address[i].index, &symbol) || !symbol.name[0])
			continue;
		if (symbol.size && vaddr - symbol.value < symbol.size) {
			*ret_symbol = symbol;
			return true;
		}
		if (!symbol.size && !found && lo - i <= 2 && symbol.type != STT_OBJECT) {
			*ret_symbol = symbol;
			found = true;
		}
	}
	return found;
}
