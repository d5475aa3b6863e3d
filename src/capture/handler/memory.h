/*
 * The dying process as the handler sees it: what its core would hold, and a way to read any of it.
 *
 * Ownership: a view only points; whoever fills it keeps headers, notes and the reader's argument
 * alive. Addresses and sizes in bytes.
 */
#ifndef AP_CAPTURE_HANDLER_MEMORY_H
#define AP_CAPTURE_HANDLER_MEMORY_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "elf/core.h"

enum { AP_HANDLE_PAGE = 4096 };

struct ap_dying {
	const struct ap_core_header *header;
	const struct ap_core_notes *notes;
	const uint8_t *raw_notes; /* as the kernel wrote them */
	size_t n_raw_notes;
	/* Exactly `bytes` at `addr`; false when that memory cannot be read. */
	bool (*read)(void *arg, uint64_t addr, void *buf, size_t bytes);
	void *arg;
};

#endif
