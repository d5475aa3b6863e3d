#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 64 * 1024, ALIGN = 16 };

struct ap_arena_block {
	struct ap_arena_block *next;
	size_t used, size;
	_Alignas(ALIGN) unsigned char data[];
};

void ap_arena_init(struct ap_arena *arena, size_t limit_bytes)
{
	*arena = (struct ap_arena){.limit_bytes = limit_bytes};
}

void ap_arena_close(struct ap_arena *arena)
{
	struct ap_arena_block *block = arena->head;

	while (block) {
		struct ap_arena_block *next = block->next;

		free(block);
		block = next;
	}
	arena->head = NULL;
	arena->used_bytes = 0;
}

void *ap_alloc(struct ap_arena *arena, size_t bytes)
{
	struct ap_arena_block *block = arena->head;

	if (bytes > SIZE_MAX - ALIGN - sizeof(*block))
		return NULL;
	bytes = (bytes + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (arena->limit_bytes && bytes > arena->limit_bytes - arena->used_bytes)
		return NULL;
	if (!block || block->size - block->used < bytes) {
		size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
		struct ap_arena_block *fresh = calloc(1, sizeof(*fresh) + size);

		if (!fresh)
			return NULL;
		fresh->size = size;
		/* An oversized block goes behind the head, so that the head keeps its free room. */
		if (block && bytes > BLOCK_BYTES) {
			fresh->next = block->next;
			block->next = fresh;
		} else {
			fresh->next = block;
			arena->head = fresh;
		}
		block = fresh;
	}
	void *p = block->data + block->used;
	block->used += bytes;
	arena->used_bytes += bytes;
	return p;
}

void *ap_alloc_array(struct ap_arena *arena, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return ap_alloc(arena, bytes);
}

char *ap_strndup(struct ap_arena *arena, const char *s, size_t n)
{
	char *copy = n < SIZE_MAX ? ap_alloc(arena, n + 1) : NULL;

	if (copy)
		memcpy(copy, s, n);
	return copy;
}

char *ap_strdup(struct ap_arena *arena, const char *s)
{
	return ap_strndup(arena, s, strlen(s));
}

char *ap_vprintf(struct ap_arena *arena, const char *fmt, va_list ap)
{
	va_list again;

	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	char *text = n < 0 ? NULL : ap_alloc(arena, (size_t)n + 1);
	if (text)
		vsnprintf(text, (size_t)n + 1, fmt, ap);
	return text;
}

char *ap_printf(struct ap_arena *arena, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = ap_vprintf(arena, fmt, ap);
	va_end(ap);
	return text;
}

bool ap_vec_grow_(struct ap_arena *arena, void **at, size_t n, size_t *cap, size_t size)
{
	size_t fresh_cap = *cap ? *cap * 2 : 8;
	void *fresh = fresh_cap > *cap ? ap_alloc_array(arena, fresh_cap, size) : NULL;

	if (!fresh)
		return false;
	if (n)
		memcpy(fresh, *at, n * size);
	*at = fresh;
	*cap = fresh_cap;
	return true;
}
