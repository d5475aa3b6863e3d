/*
 * Memory that lives as long as one command, one session or one table.
 *
 * Ownership: everything allocated from an arena belongs to the arena and dies with
 * ap_arena_close(); nothing is freed singly. Allocation returns NULL when memory or the arena's
 * limit is exhausted, so that the print of a hostile object fails politely.
 */
#ifndef AP_BASE_ARENA_H
#define AP_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ap_arena_block;

struct ap_arena {
	struct ap_arena_block *head;
	size_t used_bytes;
	size_t limit_bytes; /* 0: no limit */
};

void ap_arena_init(struct ap_arena *arena, size_t limit_bytes);
void ap_arena_close(struct ap_arena *arena);

/* Zeroed memory aligned for any type, or NULL. */
void *ap_alloc(struct ap_arena *arena, size_t bytes);
/* `n` zeroed elements of `size` bytes; NULL also when the product overflows. */
void *ap_alloc_array(struct ap_arena *arena, size_t n, size_t size);
char *ap_strndup(struct ap_arena *arena, const char *s, size_t n);
char *ap_strdup(struct ap_arena *arena, const char *s);
char *ap_vprintf(struct ap_arena *arena, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
char *ap_printf(struct ap_arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A growable array inside an arena: struct { TYPE *at; size_t n, cap; }. */
#define AP_VEC(type)                                                                               \
	struct {                                                                                   \
		type *at;                                                                          \
		size_t n, cap;                                                                     \
	}

bool ap_vec_grow_(struct ap_arena *arena, void **at, size_t n, size_t *cap, size_t size);

/* Appends `item`; false when out of memory. */
#define ap_vec_push(arena, vec, ...)                                                               \
	(((vec)->n < (vec)->cap ||                                                                 \
	  ap_vec_grow_((arena), (void **)&(vec)->at, (vec)->n, &(vec)->cap, sizeof(*(vec)->at)))   \
		 ? ((vec)->at[(vec)->n++] = __VA_ARGS__, true)                                     \
		 : false)

#endif
