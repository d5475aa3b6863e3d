/*
 * An executable or shared library on disk: its segments, build-id and symbols (over libelf).
 *
 * Ownership: struct ap_elf owns the mapping and the index it builds; symbol names point into the
 * mapping and live as long as it does.
 */
#ifndef AP_ELF_FILE_H
#define AP_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { AP_BUILD_ID_MAX = 64 };

struct ap_build_id {
	uint8_t bytes[AP_BUILD_ID_MAX];
	size_t n; /* 0: none */
};

struct ap_symbol {
	const char *name;
	uint64_t value; /* virtual address as linked; for STT_TLS the offset in the TLS block */
	uint64_t size;
	uint8_t type;   /* STT_* */
	uint16_t shndx; /* SHN_UNDEF: not defined here */
};

struct ap_elf;

struct ap_err *ap_elf_open(const char *path, struct ap_elf **ret_elf);
void ap_elf_close(struct ap_elf *elf);

const char *ap_elf_path(const struct ap_elf *elf);
uint64_t ap_elf_entry(const struct ap_elf *elf);
bool ap_elf_is_dynamic(const struct ap_elf *elf); /* ET_DYN: addresses are relative to a bias */
struct ap_build_id ap_elf_build_id(const struct ap_elf *elf);
const uint8_t *ap_elf_data(const struct ap_elf *elf, uint64_t *ret_bytes);
/* The program headers; `*ret_n` of them. */
const Elf64_Phdr *ap_elf_segments(const struct ap_elf *elf, size_t *ret_n);
/* File bytes behind the linked address, at least `len` of them, or NULL (also for .bss). */
const void *ap_elf_at(const struct ap_elf *elf, uint64_t vaddr, uint64_t len);

/* Calls `fn` for each defined symbol of .symtab (else .dynsym) until it returns false. */
void ap_elf_each_symbol(struct ap_elf *elf, bool (*fn)(const struct ap_symbol *, void *),
			void *arg);
/* The function or object that holds `vaddr`. Builds a sorted index at its first use. */
bool ap_elf_symbol_at(struct ap_elf *elf, uint64_t vaddr, struct ap_symbol *ret_symbol);
bool ap_elf_symbol_named(struct ap_elf *elf, const char *name, struct ap_symbol *ret_symbol);
bool ap_elf_has_symtab(const struct ap_elf *elf);

bool ap_build_id_eq(struct ap_build_id a, struct ap_build_id b);
/* Lower-case hex; "none" for an empty one. */
char *ap_build_id_hex(struct ap_build_id id, char buf[static 2 * AP_BUILD_ID_MAX + 1]);
/* The GNU build-id among ELF notes, or an empty one. */
struct ap_build_id ap_build_id_of_notes(const void *notes, size_t bytes);

#endif
