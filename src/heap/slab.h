/*
 * Zeroed memory in one piece, in large pages where the kernel has them: bit maps over the heap are
 * read and written all over.
 *
 * Ownership: the caller's, until ap_slab_close(). Memory that is not touched costs nothing.
 */
#ifndef AP_HEAP_SLAB_H
#define AP_HEAP_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

struct ap_slab {
	void *at;
	size_t bytes;
};

static inline bool ap_slab_open(struct ap_slab *s, uint64_t words)
{
	size_t bytes = words && words <= SIZE_MAX / 8 ? words * 8 : words ? SIZE_MAX : 8;
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	*s = (struct ap_slab){p, bytes};
	return true;
}

/* Gives back what lies behind the first `words`. */
static inline void ap_slab_trim(struct ap_slab *s, uint64_t words)
{
	size_t keep = ((words ? words : 1) * 8 + 4095) & ~(size_t)4095;

	if (keep >= s->bytes || munmap((char *)s->at + keep, s->bytes - keep) != 0)
		return;
	s->bytes = keep;
}

static inline void ap_slab_close(struct ap_slab *s)
{
	if (s->at)
		munmap(s->at, s->bytes);
	*s = (struct ap_slab){NULL, 0};
}

#endif
