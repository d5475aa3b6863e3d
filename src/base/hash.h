/* FNV-1a, 64 bits: of short texts, and where a hash is kept in files or compared between hosts. */
#ifndef AP_BASE_HASH_H
#define AP_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#define AP_FNV1A UINT64_C(0xcbf29ce484222325) /* of nothing */

/* Goes on from `h` with more bytes. */
static inline uint64_t ap_fnv1a(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001b3);
	return h;
}

#endif
