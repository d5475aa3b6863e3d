/*
 * The programs and libraries behind the address space, and the pages they serve.
 *
 * A kernel core leaves out what a file on disk can give back: code and constants. Those pages are
 * read from the file only when its build-id equals the one that the core holds.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cursor.h"
#include "image/image_private.h"

/* A hostile core may name a million libraries, each to be searched; a real process has some
 * hundred. */
enum { MAX_MODULES = 2048 };
/* Without program headers to tell; no Node is larger, and no library is that far from its program.
 */
enum { MODULE_MAX_BYTES = 512 << 20 };

/* The build-id inside the ELF header page that the kernel dumps for every mapped ELF file. */
static struct ap_build_id module_memory_build_id(const struct ap_image *image, ap_addr start,
						 uint64_t *ret_bias, bool *ret_is_elf,
						 uint64_t *ret_bytes)
{
	Elf64_Ehdr eh;
	struct ap_build_id id = {.n = 0};
	uint64_t first_vaddr = UINT64_MAX, last_vaddr = 0;

	*ret_is_elf = false;
	*ret_bias = 0;
	*ret_bytes = 0;
	if (!ap_image_read(image, start, &eh, sizeof(eh)) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phnum > 128)
		return id;
	*ret_is_elf = true;
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < eh.e_phnum; i++) {
			Elf64_Phdr ph;
			uint8_t notes[1024];

			if (!ap_image_read(image, start + eh.e_phoff + i * sizeof(ph), &ph,
					   sizeof(ph)))
				return id;
			if (pass == 0 && ph.p_type == PT_LOAD && ph.p_vaddr < first_vaddr)
				first_vaddr = ph.p_vaddr & ~4095ull;
			if (pass == 0 && ph.p_type == PT_LOAD &&
			    ph.p_memsz <= UINT64_MAX - ph.p_vaddr &&
			    ph.p_vaddr + ph.p_memsz > last_vaddr)
				last_vaddr = ph.p_vaddr + ph.p_memsz;
			if (pass == 1 && ph.p_type == PT_NOTE && !id.n &&
			    ph.p_filesz <= sizeof(notes) &&
			    ap_image_read(image, *ret_bias + ph.p_vaddr, notes, ph.p_filesz))
				id = ap_build_id_of_notes(notes, ph.p_filesz);
		}
		if (pass == 0) {
			*ret_bias = eh.e_type == ET_DYN && first_vaddr != UINT64_MAX
					    ? start - first_vaddr
					    : 0;
			*ret_bytes = last_vaddr > first_vaddr ? last_vaddr - first_vaddr : 0;
		}
	}
	return id;
}

/* One module per run of NT_FILE entries of the same path that starts with an ELF header. */
static struct ap_err *modules_find(struct ap_image *image)
{
	ap_addr entry = ap_core_auxv(&image->notes, AT_ENTRY);

	for (size_t i = 0; i < image->notes.files.n && image->modules.n < MAX_MODULES;) {
		const struct ap_core_file *first = &image->notes.files.at[i];
		struct ap_module m = {
			.path = first->path, .start = first->start, .end = first->end};
		bool is_elf = false;
		uint64_t bytes;

		m.build_id = module_memory_build_id(image, m.start, &m.bias, &is_elf, &bytes);
		/*
		 * V8 (20 and later) maps its builtins from the program's file a second time, beside
		 * its code range, terabytes away: a module ends where its program headers say.
		 */
		uint64_t most = bytes ? bytes : MODULE_MAX_BYTES;
		for (i++; i < image->notes.files.n; i++) {
			const struct ap_core_file *f = &image->notes.files.at[i];

			if (strcmp(f->path, m.path) != 0 || f->file_offset == 0 ||
			    f->start - m.start >= most)
				break;
			if (f->end > m.end)
				m.end = f->end;
		}
		if (first->file_offset != 0)
			continue;
		/* A core without ELF header pages (coredump_filter bit 4 off) still has its
		 * program. */
		m.is_main = entry >= m.start && entry < m.end;
		if (!is_elf && !m.is_main && !strstr(m.path, ".so"))
			continue;
		m.state = AP_MODULE_MISSING;
		if (!ap_vec_push(&image->arena, &image->modules, m))
			return &ap_err_nomem;
	}
	return NULL;
}

/* Tries one file for the module; true when it is the right one (or cannot be proven wrong). */
static bool module_try(struct ap_module *m, const char *path, bool force)
{
	struct ap_elf *elf;
	struct ap_err *err = ap_elf_open(path, &elf);

	if (err) {
		ap_err_free(err);
		return false;
	}
	struct ap_build_id id = ap_elf_build_id(elf);
	if (m->build_id.n && id.n && !ap_build_id_eq(id, m->build_id) && !force) {
		m->state = AP_MODULE_MISMATCH;
		ap_elf_close(elf);
		return false;
	}
	m->state = m->build_id.n && id.n ? AP_MODULE_OK : AP_MODULE_UNPROVEN;
	m->elf = elf;
	return true;
}

/* `name` as the PATH finds it. */
static bool module_try_path(struct ap_module *m, const char *name)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		const char *colon = strchrnul(path, ':');
		char file[PATH_MAX];

		if (colon > path &&
		    snprintf(file, sizeof(file), "%.*s/%s", (int)(colon - path), path, name) <
			    (int)sizeof(file) &&
		    access(file, X_OK) == 0 && module_try(m, file, false))
			return true;
		path = *colon ? colon + 1 : colon;
	}
	return false;
}

/* A file of the same name beside the core: cores travel with their binaries. */
static bool module_try_beside(struct ap_module *m, const char *core_path, const char *name)
{
	const char *slash = strrchr(core_path, '/');
	char file[PATH_MAX];

	return snprintf(file, sizeof(file), "%.*s%s", slash ? (int)(slash - core_path + 1) : 0,
			core_path, name) < (int)sizeof(file) &&
	       access(file, R_OK) == 0 && module_try(m, file, false);
}

static struct ap_err *module_mismatch(const struct ap_module *m, const char *path)
{
	char want[2 * AP_BUILD_ID_MAX + 1], have[2 * AP_BUILD_ID_MAX + 1];
	struct ap_elf *elf;

	AP_TRY(ap_elf_open(path, &elf));
	ap_build_id_hex(m->build_id, want);
	ap_build_id_hex(ap_elf_build_id(elf), have);
	ap_elf_close(elf);
	return ap_err_hint(
		ap_err_new(
			AP_E_MISMATCH,
			"%s is not the program that made this core: build-id %s, the core's is %s",
			path, have, want),
		"the core names %s; leave the program out to have it searched, or add --force to use this one all the same",
		m->path);
}

static struct ap_err *modules_open(struct ap_image *image, const struct ap_image_options *options)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		struct ap_module *m = &image->modules.at[i];
		const char *slash = strrchr(m->path, '/');
		const char *name = slash ? slash + 1 : m->path;

		if (m->is_main && options->node_path) {
			if (!module_try(m, options->node_path, options->force)) {
				if (m->state == AP_MODULE_MISMATCH)
					return module_mismatch(m, options->node_path);
				struct ap_elf *elf;

				AP_TRY(ap_elf_open(options->node_path, &elf));
				ap_elf_close(elf);
			}
			continue;
		}
		/* "/usr/bin/node (deleted)": an upgrade replaced it; the build-id decides. */
		if (!module_try(m, m->path, false) && !module_try_beside(m, image->path, name) &&
		    m->is_main)
			module_try_path(m, "node");
	}
	return NULL;
}

/* Adds to `list` the parts of `add` that no segment in it covers. Both are sorted. */
static bool segments_fill(struct ap_arena *arena, const struct ap_segment *list, size_t n,
			  const struct ap_segment *add, size_t n_add, struct ap_segment **ret_list,
			  size_t *ret_n)
{
	AP_VEC(struct ap_segment) out = {0};
	size_t i = 0;

	for (size_t k = 0; k < n_add; k++) {
		struct ap_segment rest = add[k];

		while (rest.start < rest.end) {
			while (i < n && list[i].end <= rest.start) {
				if (!ap_vec_push(arena, &out, list[i]))
					return false;
				i++;
			}
			struct ap_segment part = rest;
			if (i < n && list[i].start < rest.end)
				part.end = list[i].start > rest.start ? list[i].start : rest.start;
			if (part.end > part.start && !ap_vec_push(arena, &out, part))
				return false;
			uint64_t skip = i < n && list[i].start < rest.end ? list[i].end - rest.start
									  : rest.end - rest.start;
			if (skip > rest.end - rest.start)
				skip = rest.end - rest.start;
			rest.start += skip;
			if (rest.data)
				rest.data += skip;
		}
	}
	for (; i < n; i++) {
		if (!ap_vec_push(arena, &out, list[i]))
			return false;
	}
	*ret_list = out.at;
	*ret_n = out.n;
	return true;
}

/* The file mappings that an opened module can serve. */
static bool segments_of_files(struct ap_image *image, struct ap_segment **ret_list, size_t *ret_n)
{
	AP_VEC(struct ap_segment) out = {0};

	for (size_t i = 0; i < image->notes.files.n; i++) {
		const struct ap_core_file *f = &image->notes.files.at[i];
		const struct ap_module *m = ap_image_module_of_path(image, f->path);
		uint64_t bytes;

		if (!m || !m->elf || f->end <= f->start ||
		    (out.n && f->start < out.at[out.n - 1].end)) /* described twice */
			continue;
		const uint8_t *data = ap_elf_data(m->elf, &bytes);
		if (f->file_offset >= bytes)
			continue;
		uint64_t n = f->end - f->start;
		if (n > bytes - f->file_offset)
			n = bytes - f->file_offset;
		struct ap_segment s = {f->start,        f->start + n, data + f->file_offset,
				       AP_SEGMENT_FILE, PF_R,         f->path};
		if (!ap_vec_push(&image->arena, &out, s))
			return false;
	}
	*ret_list = out.at;
	*ret_n = out.n;
	return true;
}

static int file_cmp(const void *a, const void *b)
{
	const struct ap_core_file *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static struct ap_err *modules_serve(struct ap_image *image)
{
	AP_VEC(struct ap_segment) sure = {0}, absent = {0};
	struct ap_segment *files, *list;
	size_t n_files, n;

	for (size_t i = 0; i < image->segments.n; i++) {
		struct ap_segment s = image->segments.at[i];
		/* Lost writable pages held the program's own data: the file's bytes would be wrong.
		 */
		bool keep = s.data || (s.origin == AP_SEGMENT_CUT && (s.flags & PF_W));
		bool ok = keep ? ap_vec_push(&image->arena, &sure, s)
			       : ap_vec_push(&image->arena, &absent, s);

		if (!ok)
			return &ap_err_nomem;
	}
	if (!segments_of_files(image, &files, &n_files) ||
	    !segments_fill(&image->arena, sure.at, sure.n, files, n_files, &list, &n) ||
	    !segments_fill(&image->arena, list, n, absent.at, absent.n, &image->segments.at,
			   &image->segments.n))
		return &ap_err_nomem;
	image->segments.cap = image->segments.n;
	/* Names, and the permissions that a served part inherits. */
	for (size_t i = 0, k = 0; i < image->segments.n; i++) {
		struct ap_segment *s = &image->segments.at[i];

		while (k < image->notes.files.n && image->notes.files.at[k].end <= s->start)
			k++;
		if (k < image->notes.files.n && image->notes.files.at[k].start <= s->start)
			s->path = image->notes.files.at[k].path;
	}
	return NULL;
}

static void modules_inherit_flags(struct ap_image *image, const struct ap_segment *before, size_t n)
{
	for (size_t i = 0, k = 0; i < image->segments.n; i++) {
		struct ap_segment *s = &image->segments.at[i];

		while (k < n && before[k].end <= s->start)
			k++;
		if (s->origin == AP_SEGMENT_FILE && k < n && before[k].start <= s->start)
			s->flags = before[k].flags;
	}
}

struct ap_err *ap_image_load_modules(struct ap_image *image, const struct ap_image_options *options)
{
	const struct ap_segment *before = image->segments.at;
	size_t n = image->segments.n;

	if (image->notes.files.n)
		qsort(image->notes.files.at, image->notes.files.n, sizeof(*image->notes.files.at),
		      file_cmp);
	AP_TRY(modules_find(image));
	AP_TRY(modules_open(image, options));
	AP_TRY(modules_serve(image));
	modules_inherit_flags(image, before, n);
	return NULL;
}
