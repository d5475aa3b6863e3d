/*
 * A checked reader over foreign bytes: every length comes from the input and none is trusted.
 *
 * Ownership: a cursor only points into memory that its creator keeps alive. The first read past
 * the end sets `bad` and makes this and all later reads return zero, so a parser checks once.
 * All multi-byte values are little-endian (x86-64 is the only target).
 */
#ifndef AP_BASE_CURSOR_H
#define AP_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct ap_cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct ap_cursor ap_cursor_of(const void *data, size_t bytes)
{
	return (struct ap_cursor){data, (const uint8_t *)data + bytes, false};
}

static inline size_t ap_cursor_left(const struct ap_cursor *c)
{
	return c->bad ? 0 : (size_t)(c->end - c->p);
}

/* `n` bytes and moves on, or NULL. */
static inline const uint8_t *ap_cursor_bytes(struct ap_cursor *c, uint64_t n)
{
	if (c->bad || n > (uint64_t)(c->end - c->p)) {
		c->bad = true;
		return NULL;
	}
	const uint8_t *p = c->p;
	c->p += n;
	return p;
}

#define AP_CURSOR_INT(name, type)                                                                  \
	static inline type ap_cursor_##name(struct ap_cursor *c)                                   \
	{                                                                                          \
		const uint8_t *p = ap_cursor_bytes(c, sizeof(type));                               \
		type v = 0;                                                                        \
		if (p)                                                                             \
			memcpy(&v, p, sizeof(v));                                                  \
		return v;                                                                          \
	}
AP_CURSOR_INT(u8, uint8_t)
AP_CURSOR_INT(u16, uint16_t)
AP_CURSOR_INT(u32, uint32_t)
AP_CURSOR_INT(u64, uint64_t)
#undef AP_CURSOR_INT

/* A NUL-terminated string inside the input, or NULL. */
static inline const char *ap_cursor_cstr(struct ap_cursor *c)
{
	const uint8_t *nul = c->bad ? NULL : memchr(c->p, 0, (size_t)(c->end - c->p));

	if (!nul) {
		c->bad = true;
		return NULL;
	}
	const char *s = (const char *)c->p;
	c->p = nul + 1;
	return s;
}

/* V8's variable-length quantities: 7 bits a byte, bit 7 says that more follow. */
static inline uint32_t ap_cursor_vlq(struct ap_cursor *c)
{
	uint32_t v = 0;

	for (unsigned shift = 0; shift < 35; shift += 7) {
		uint8_t b = ap_cursor_u8(c);

		if (shift < 32)
			v |= (uint32_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

/* The signed form: bit 0 is the sign. */
static inline int32_t ap_cursor_vlq_signed(struct ap_cursor *c)
{
	uint32_t v = ap_cursor_vlq(c);

	return v & 1 ? -(int32_t)(v >> 1) : (int32_t)(v >> 1);
}

#endif
