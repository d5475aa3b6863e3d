#include "image/image.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/str.h"
#include "image/image_private.h"
#include "image/input.h"

static int segment_cmp(const void *a, const void *b)
{
	const struct ap_segment *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? 1 : x->end > y->end ? -1 : 0;
}

void ap_image_sort_segments(struct ap_image *image)
{
	struct ap_segment *at = image->segments.at;
	size_t kept = 0;

	if (!image->segments.n)
		return;
	qsort(at, image->segments.n, sizeof(*at), segment_cmp);
	for (size_t i = 0; i < image->segments.n; i++) {
		struct ap_segment s = at[i];

		/* A hostile core may describe an address twice: the first range wins. */
		if (kept && s.start < at[kept - 1].end) {
			uint64_t cut = at[kept - 1].end - s.start;

			if (s.end <= at[kept - 1].end)
				continue;
			s.start += cut;
			if (s.data)
				s.data += cut;
		}
		at[kept++] = s;
	}
	image->segments.n = kept;
}

/* Splits each PT_LOAD into what the file holds, what it should hold, and what was not dumped. */
static struct ap_err *image_load_segments(struct ap_image *image)
{
	for (size_t i = 0; i < image->header.n_phdrs; i++) {
		const Elf64_Phdr *ph = &image->header.phdrs[i];
		uint64_t dumped = ph->p_filesz, have = 0;
		ap_addr end;

		if (ph->p_type != PT_LOAD || !ph->p_memsz ||
		    __builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end))
			continue;
		if (dumped > ph->p_memsz)
			dumped = ph->p_memsz;
		if (ph->p_offset < image->map.bytes) {
			have = image->map.bytes - ph->p_offset;
			if (have > dumped)
				have = dumped;
		}
		struct ap_segment s = {
			.start = ph->p_vaddr,
			.end = ph->p_vaddr + have,
			.data = have ? image->map.data + ph->p_offset : NULL,
			.origin = AP_SEGMENT_CORE,
			.flags = ph->p_flags,
		};
		if (have && !ap_vec_push(&image->arena, &image->segments, s))
			return &ap_err_nomem;
		if (have < dumped) {
			image->gaps.cut_bytes += dumped - have;
			image->gaps.cut_segments++;
			s = (struct ap_segment){ph->p_vaddr + have, ph->p_vaddr + dumped, NULL,
						AP_SEGMENT_CUT,     ph->p_flags,          NULL};
			if (!ap_vec_push(&image->arena, &image->segments, s))
				return &ap_err_nomem;
		}
		if (dumped < ph->p_memsz) {
			s = (struct ap_segment){ph->p_vaddr + dumped, end,         NULL,
						AP_SEGMENT_NONE,      ph->p_flags, NULL};
			if (!ap_vec_push(&image->arena, &image->segments, s))
				return &ap_err_nomem;
		}
		uint64_t file_end;
		if (!__builtin_add_overflow(ph->p_offset, ph->p_filesz, &file_end) &&
		    file_end > image->gaps.expected_bytes)
			image->gaps.expected_bytes = file_end;
	}
	image->gaps.file_bytes = image->map.bytes;
	image->gaps.minicore_of = image->notes.minicore_of;
	image->gaps.missing_headers = image->header.n_phdrs_missing;
	if (image->gaps.expected_bytes < image->map.bytes)
		image->gaps.expected_bytes = image->map.bytes;
	ap_image_sort_segments(image);
	return NULL;
}

static struct ap_err *image_load_threads(struct ap_image *image)
{
	for (size_t i = 0; i < image->notes.threads.n; i++) {
		const struct ap_core_thread *t = &image->notes.threads.at[i];
		struct ap_thread thread = {t->tid, t->signal, t->regs, t->fpregs};

		if (!ap_vec_push(&image->arena, &image->threads, thread))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *image_load_core(struct ap_image *image,
				      const struct ap_image_options *options)
{
	AP_TRY(ap_core_read_header(image->map.data, image->map.bytes, image->path, &image->arena,
				   &image->header));
	if (!image->header.n_phdrs && !image->header.n_phdrs_missing)
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT, "%s describes no memory at all: it is empty",
				   image->path),
			"whatever wrote it did not finish; look for another core of that crash");
	AP_TRY(ap_core_read_notes(image->map.data, image->map.bytes, &image->header, &image->arena,
				  &image->notes));
	AP_TRY(image_load_segments(image));
	AP_TRY(image_load_threads(image));
	AP_TRY(ap_image_load_modules(image, options));
	return ap_image_load_process(image);
}

struct ap_err *ap_image_open_core(const char *path, const struct ap_image_options *options,
				  struct ap_image **ret_image)
{
	struct ap_image *image = calloc(1, sizeof(*image));

	if (!image)
		return &ap_err_nomem;
	image->fd = -1;
	ap_arena_init(&image->arena, 0);
	image->path = strdup(path);
	struct ap_err *err =
		image->path ? ap_input_map(path, &image->map, &image->fd) : &ap_err_nomem;
	if (!err)
		err = image_load_core(image, options);
	if (err) {
		ap_image_close(image);
		return err;
	}
	*ret_image = image;
	return NULL;
}

struct ap_err *ap_image_of_segments(const struct ap_segment *segments, size_t n,
				    struct ap_image **ret_image)
{
	struct ap_image *image = calloc(1, sizeof(*image));

	if (!image)
		return &ap_err_nomem;
	image->fd = -1;
	for (size_t i = 0; i < n; i++) {
		if (!ap_vec_push(&image->arena, &image->segments, segments[i])) {
			ap_image_close(image);
			return &ap_err_nomem;
		}
	}
	ap_image_sort_segments(image);
	*ret_image = image;
	return NULL;
}

void ap_image_close(struct ap_image *image)
{
	if (!image)
		return;
	for (size_t i = 0; i < image->modules.n; i++)
		ap_elf_close(image->modules.at[i].elf);
	ap_map_close(&image->map);
	if (image->fd >= 0)
		close(image->fd);
	ap_arena_close(&image->arena);
	free(image->path);
	free(image);
}

const char *ap_image_path(const struct ap_image *image)
{
	return image->path ? image->path : "memory";
}

const struct ap_segment *ap_image_segments(const struct ap_image *image, size_t *ret_n)
{
	*ret_n = image->segments.n;
	return image->segments.at;
}

const struct ap_module *ap_image_modules(const struct ap_image *image, size_t *ret_n)
{
	*ret_n = image->modules.n;
	return image->modules.at;
}

const struct ap_thread *ap_image_threads(const struct ap_image *image, size_t *ret_n)
{
	*ret_n = image->threads.n;
	return image->threads.at;
}

const struct ap_process *ap_image_process(const struct ap_image *image)
{
	return &image->process;
}

const struct ap_image_gaps *ap_image_gaps(const struct ap_image *image)
{
	return &image->gaps;
}

uint64_t ap_image_auxv(const struct ap_image *image, uint64_t type)
{
	return ap_core_auxv(&image->notes, type);
}

const struct ap_core_file *ap_image_files(const struct ap_image *image, size_t *ret_n)
{
	*ret_n = image->notes.files.n;
	return image->notes.files.at;
}

/* The last segment found, per thread: reads cluster. It is only a hint, checked before use. */
static _Thread_local size_t last_hit;

const struct ap_segment *ap_image_segment_at(const struct ap_image *image, ap_addr addr)
{
	const struct ap_segment *at = image->segments.at;
	size_t n = image->segments.n, lo = 0, hi = n, hint = last_hit;

	if (hint < n && addr >= at[hint].start && addr < at[hint].end)
		return &at[hint];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == n || addr < at[lo].start)
		return NULL;
	last_hit = lo;
	return &at[lo];
}

const struct ap_module *ap_image_module_at(const struct ap_image *image, ap_addr addr)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		const struct ap_module *m = &image->modules.at[i];

		if (addr >= m->start && addr < m->end)
			return m;
	}
	return NULL;
}

const struct ap_module *ap_image_module_of_path(const struct ap_image *image, const char *path)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		if (strcmp(image->modules.at[i].path, path) == 0)
			return &image->modules.at[i];
	}
	return NULL;
}

const struct ap_module *ap_image_main_module(const struct ap_image *image)
{
	for (size_t i = 0; i < image->modules.n; i++) {
		if (image->modules.at[i].is_main)
			return &image->modules.at[i];
	}
	return NULL;
}

uint64_t ap_image_touched(const struct ap_image *image, const struct ap_segment *segment)
{
	if (segment->origin != AP_SEGMENT_CORE || image->fd < 0)
		return segment->data ? segment->end - segment->start : 0;
	return ap_map_present(image->fd, (uint64_t)(segment->data - image->map.data),
			      segment->end - segment->start);
}

ap_addr ap_image_next_touched(const struct ap_image *image, const struct ap_segment *segment,
			      ap_addr addr)
{
	if (segment->origin != AP_SEGMENT_CORE || image->fd < 0 || !segment->data ||
	    addr < segment->start || addr >= segment->end)
		return addr;
	uint64_t offset = (uint64_t)(segment->data - image->map.data) + (addr - segment->start);
	uint64_t data = ap_map_next_data(image->fd, offset);
	return data - offset < segment->end - addr ? addr + (data - offset) : segment->end;
}

bool ap_image_peek(const struct ap_image *image, const struct ap_segment *segment, ap_addr addr,
		   void *buf, size_t bytes)
{
	if (!segment->data || addr < segment->start || addr > segment->end ||
	    segment->end - addr < bytes)
		return false;
	const uint8_t *p = segment->data + (addr - segment->start);

	if (segment->origin == AP_SEGMENT_CORE && image->fd >= 0 &&
	    pread(image->fd, buf, bytes, (off_t)(p - image->map.data)) == (ssize_t)bytes)
		return true;
	memcpy(buf, p, bytes);
	return true;
}

const uint8_t *ap_image_view(const struct ap_image *image, ap_addr addr, uint64_t *ret_bytes)
{
	const struct ap_segment *s = ap_image_segment_at(image, addr);

	if (!s || !s->data)
		return NULL;
	*ret_bytes = s->end - addr;
	return s->data + (addr - s->start);
}

bool ap_image_read(const struct ap_image *image, ap_addr addr, void *buf, size_t bytes)
{
	uint8_t *out = buf;

	while (bytes) {
		uint64_t have;
		const uint8_t *p = ap_image_view(image, addr, &have);

		if (!p)
			return false;
		if (have >= bytes) {
			memcpy(out, p, bytes);
			return true;
		}
		memcpy(out, p, have);
		out += have;
		addr += have;
		bytes -= have;
	}
	return true;
}

char *ap_image_cstr(const struct ap_image *image, ap_addr addr, size_t max, struct ap_arena *arena)
{
	AP_STR_AUTO text = {0};

	while (text.n < max) {
		uint64_t have;
		const uint8_t *p = ap_image_view(image, addr, &have);

		if (!p)
			return NULL;
		if (have > max - text.n)
			have = max - text.n;
		const uint8_t *nul = memchr(p, 0, have);
		ap_str_add(&text, (const char *)p, nul ? (size_t)(nul - p) : have);
		if (nul)
			break;
		addr += have;
	}
	return text.failed ? NULL : ap_strndup(arena, text.s ? text.s : "", text.n);
}

/* The linked address of file offset `offset`: the reverse of what a loader does. */
static bool elf_address_of_offset(const struct ap_elf *elf, uint64_t offset, uint64_t *ret_vaddr)
{
	size_t n;
	const Elf64_Phdr *ph = ap_elf_segments(elf, &n);

	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type == PT_LOAD && offset >= ph[i].p_offset &&
		    offset - ph[i].p_offset < ph[i].p_filesz) {
			*ret_vaddr = ph[i].p_vaddr + (offset - ph[i].p_offset);
			return true;
		}
	}
	return false;
}

/* The module behind an address and the address as linked, also where V8 maps its builtins again. */
static const struct ap_module *image_module_linked(const struct ap_image *image, ap_addr addr,
						   uint64_t *ret_vaddr)
{
	const struct ap_module *module = ap_image_module_at(image, addr);

	if (module) {
		*ret_vaddr = addr - module->bias;
		return module->elf ? module : NULL;
	}
	for (size_t i = 0; i < image->notes.files.n; i++) {
		const struct ap_core_file *f = &image->notes.files.at[i];

		if (addr < f->start || addr >= f->end)
			continue;
		module = ap_image_module_of_path(image, f->path);
		return module && module->elf &&
				       elf_address_of_offset(module->elf,
							     f->file_offset + (addr - f->start),
							     ret_vaddr)
			       ? module
			       : NULL;
	}
	return NULL;
}

bool ap_image_symbol(const struct ap_image *image, ap_addr addr, struct ap_symbol *ret_symbol,
		     const struct ap_module **ret_module, uint64_t *ret_offset)
{
	uint64_t vaddr;
	const struct ap_module *module = image_module_linked(image, addr, &vaddr);

	if (!module || !ap_elf_symbol_at(module->elf, vaddr, ret_symbol))
		return false;
	*ret_module = module;
	*ret_offset = vaddr - ret_symbol->value;
	return true;
}
