/*
 * One ELF note after another, trusting none of its lengths.
 *
 * Ownership: a note only points into the bytes that the cursor reads.
 */
#ifndef AP_ELF_NOTE_H
#define AP_ELF_NOTE_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cursor.h"

struct ap_note {
	const uint8_t *name; /* name_bytes of them, as a rule with the final NUL */
	uint32_t name_bytes;
	uint32_t type;
	const uint8_t *desc;
	uint32_t desc_bytes;
};

/* False at the end, or when the next note does not fit into what is left. */
static inline bool ap_note_next(struct ap_cursor *c, struct ap_note *ret)
{
	struct ap_note note;

	if (ap_cursor_left(c) < sizeof(Elf64_Nhdr))
		return false;
	note.name_bytes = ap_cursor_u32(c);
	note.desc_bytes = ap_cursor_u32(c);
	note.type = ap_cursor_u32(c);
	note.name = ap_cursor_bytes(c, ((uint64_t)note.name_bytes + 3) & ~3ull);
	note.desc = ap_cursor_bytes(c, note.desc_bytes);
	if (!note.desc)
		return false;
	/* The padding of the last note may be missing: that ends the cursor, not this note. */
	(void)ap_cursor_bytes(c, -note.desc_bytes & 3u);
	*ret = note;
	return true;
}

#endif
