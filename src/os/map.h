/*
 * A whole file mapped read-only.
 *
 * Ownership: struct ap_map owns its mapping until ap_map_close(); the bytes are never written, and
 * since they are file pages they cost no private memory.
 */
#ifndef AP_OS_MAP_H
#define AP_OS_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct ap_map {
	const uint8_t *data;
	uint64_t bytes;
};

/* `path` names the file in messages. The descriptor stays the caller's. */
struct ap_err *ap_map_fd(int fd, const char *path, struct ap_map *ret_map);
/* With `ret_fd` the descriptor stays open and becomes the caller's; it may be NULL. */
struct ap_err *ap_map_open(const char *path, struct ap_map *ret_map, int *ret_fd);
/* Bytes of [offset, offset + bytes) that are not holes: pages the process never touched are. */
uint64_t ap_map_present(int fd, uint64_t offset, uint64_t bytes);
/* The first offset from `offset` on that is no hole; UINT64_MAX: only holes follow. */
uint64_t ap_map_next_data(int fd, uint64_t offset);
/*
 * Maps all pages of mapped memory at once, before they are read: cheaper than a fault every 16 of
 * them. Only a hint; kernels before 5.14 know nothing of it.
 */
void ap_map_fetch(const uint8_t *at, uint64_t bytes);
void ap_map_close(struct ap_map *map);

#endif
