/*
 * Which pages belong into the core: what the kernel would dump by the process's own
 * coredump_filter, of that only the pages that exist.
 */
#include <stdlib.h>

#include "capture/snapshot/private.h"

/* Bits of coredump_filter, core(5). */
enum {
	F_ANON_PRIVATE = 1 << 0,
	F_ANON_SHARED = 1 << 1,
	F_FILE_PRIVATE = 1 << 2,
	F_FILE_SHARED = 1 << 3,
	F_ELF_HEADERS = 1 << 4,
	F_HUGE_PRIVATE = 1 << 5,
	F_HUGE_SHARED = 1 << 6,
};

/* TASK_SIZE of x86-64 with four levels, which the mmap of every program keeps to. */
#define USER_END 0x7ffffffff000ull

enum { WANT_ANON = 1, WANT_FILE = 2, WANT_HEADER = 4, WANT_WHOLE = 8 };

void ap_segs_close(struct ap_segs *segs)
{
	free(segs->at);
	*segs = (struct ap_segs){0};
}

bool ap_segs_push(struct ap_segs *segs, struct ap_corew_segment seg)
{
	if (segs->n == segs->cap) {
		size_t cap = segs->cap ? segs->cap * 2 : 1024;
		struct ap_corew_segment *grown = realloc(segs->at, cap * sizeof(*grown));

		if (!grown)
			return false;
		segs->at = grown;
		segs->cap = cap;
	}
	segs->at[segs->n++] = seg;
	return true;
}

uint64_t ap_segs_bytes(const struct ap_segs *segs)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < segs->n; i++)
		bytes += segs->at[i].bytes;
	return bytes;
}

static bool is_elf(const struct ap_snap *s, uint64_t addr)
{
	char magic[4];
	uint64_t unreadable = 0;

	ap_snap_read(s->pid, s->mem_fd, addr, magic, sizeof(magic), &unreadable);
	return !unreadable && memcmp(magic, ELFMAG, 4) == 0;
}

/* smaps gave the flags before the stop; a mapping made since then has none of the special ones. */
static unsigned known_flags(const struct ap_snap *s, const struct ap_mapping *m)
{
	size_t i = ap_maps_find(&s->known, m->start);

	if (m->flags & AP_MAP_FLAGS_KNOWN)
		return m->flags;
	if (i < s->known.n && s->known.at[i].start <= m->start)
		return m->flags | s->known.at[i].flags;
	return m->flags;
}

static unsigned wanted(const struct ap_snap *s, const struct ap_maps *maps,
		       const struct ap_mapping *m)
{
	const char *name = ap_mapping_name(maps, m);
	unsigned flags = known_flags(s, m), want = 0;
	bool shared = m->flags & AP_MAP_SHARED, file = *name == '/' || m->inode;

	if (m->start == s->scratch_start && s->scratch_end)
		return 0;
	if (strcmp(name, "[vdso]") == 0)
		return WANT_WHOLE;
	if (strncmp(name, "[vvar", 5) == 0 || strcmp(name, "[vsyscall]") == 0)
		return 0;
	if (flags & (AP_MAP_DEVICE | AP_MAP_DONTDUMP))
		return 0;
	if (flags & AP_MAP_HUGETLB)
		return s->filter & (shared ? F_HUGE_SHARED : F_HUGE_PRIVATE) ? WANT_ANON | WANT_FILE
									     : 0;
	if (shared) {
		/* Without a name in the file system it is memory: shm, memfd, /dev/zero. */
		size_t n = strlen(name);
		bool unnamed = !file || (n > 10 && strcmp(name + n - 10, " (deleted)") == 0) ||
			       strncmp(name, "anon_inode:", 11) == 0;

		return s->filter & (unnamed ? F_ANON_SHARED : F_FILE_SHARED) ? WANT_ANON | WANT_FILE
									     : 0;
	}
	if (s->filter & F_ANON_PRIVATE)
		want |= WANT_ANON;
	if (file && (s->filter & F_FILE_PRIVATE || m->flags & AP_MAP_WRITE))
		want |= WANT_FILE; /* data not yet modified: small, and debuggers ask for it */
	if (file && m->offset == 0 && m->flags & AP_MAP_READ && s->filter & F_ELF_HEADERS &&
	    is_elf(s, m->start))
		want |= WANT_HEADER;
	return want;
}

bool ap_snap_has_files(const struct ap_maps *maps, const struct ap_mapping *m)
{
	return m->inode || m->flags & AP_MAP_SHARED || *ap_mapping_name(maps, m) == '/';
}

struct ap_err *ap_snap_scan(struct ap_snap *s, const struct ap_pagemap *pagemap,
			    const struct ap_maps *maps, struct ap_runs *runs)
{
	(void)s;
	for (size_t i = 0; i < maps->n;) {
		const struct ap_mapping *m = &maps->at[i++];
		uint64_t start = m->start, end = m->end;
		bool files = ap_snap_has_files(maps, m);

		if (m->end > USER_END)
			continue;
		/* One call for neighbours, also over the holes between them. */
		while (pagemap->scan && i < maps->n && maps->at[i].end <= USER_END &&
		       ap_snap_has_files(maps, &maps->at[i]) == files)
			end = maps->at[i++].end;
		AP_TRY(ap_pagemap_scan(pagemap, start, end, files, runs));
	}
	return NULL;
}

struct ap_err *ap_snap_select(struct ap_snap *s, const struct ap_maps *maps,
			      const struct ap_runs *runs, struct ap_runs *ret_selected)
{
	size_t r = 0;

	for (size_t i = 0; i < maps->n; i++) {
		const struct ap_mapping *m = &maps->at[i];
		unsigned want = wanted(s, maps, m);
		uint64_t from = m->start;

		if (!want)
			continue;
		if (want & WANT_WHOLE) {
			if (!ap_runs_push(ret_selected, m->start, m->end, AP_PAGE_WRITTEN))
				return &ap_err_nomem;
			continue;
		}
		if (want & WANT_HEADER) {
			from += AP_PAGE;
			if (!ap_runs_push(ret_selected, m->start, from, AP_PAGE_WRITTEN))
				return &ap_err_nomem;
		}
		while (r < runs->n && runs->at[r].end <= from)
			r++;
		for (size_t k = r; k < runs->n && runs->at[k].start < m->end; k++) {
			const struct ap_run *run = &runs->at[k];
			uint64_t a = run->start > from ? run->start : from;
			uint64_t b = run->end < m->end ? run->end : m->end;

			if (!(want & (run->categories & AP_PAGE_FILE ? WANT_FILE : WANT_ANON)))
				continue;
			if (a < b &&
			    !ap_runs_push(ret_selected, a, b, run->categories & AP_PAGE_WRITTEN))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

static uint32_t segment_flags(const struct ap_mapping *m)
{
	return (m->flags & AP_MAP_READ ? PF_R : 0) | (m->flags & AP_MAP_WRITE ? PF_W : 0) |
	       (m->flags & AP_MAP_EXEC ? PF_X : 0);
}

struct ap_err *ap_snap_segments(struct ap_snap *s, const struct ap_maps *maps,
				const struct ap_runs *selected, struct ap_segs *segs)
{
	size_t k = 0;
	uint64_t inside_until = 0;

	(void)s;
	for (size_t i = 0; i < maps->n && k < selected->n; i++) {
		const struct ap_mapping *m = &maps->at[i];
		const char *name = ap_mapping_name(maps, m);
		bool anonymous = *name != '/' && !m->inode;
		uint32_t flags = segment_flags(m);

		/* A run may span several mappings that touch. */
		for (; k < selected->n && selected->at[k].start < m->end; k++) {
			const struct ap_run *run = &selected->at[k];
			struct ap_corew_segment *last = segs->n ? &segs->at[segs->n - 1] : NULL;
			uint64_t a = run->start > m->start ? run->start : m->start;
			uint64_t b = run->end < m->end ? run->end : m->end;
			uint64_t gap = last ? a - (last->vaddr + last->bytes) : UINT64_MAX;

			if (a >= b)
				continue;
			if (last && last->flags == flags &&
			    (gap == 0 || (anonymous && inside_until == m->end &&
					  gap <= AP_GAP_PAGES * AP_PAGE)))
				last->bytes = b - last->vaddr;
			else if (!ap_segs_push(segs, (struct ap_corew_segment){.vaddr = a,
									       .bytes = b - a,
									       .flags = flags}))
				return &ap_err_nomem;
			inside_until = m->end;
			if (run->end > m->end)
				break;
		}
	}
	return NULL;
}
