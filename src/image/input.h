/*
 * Turns what the user named (a plain file, a compressed one, a FIFO, "-") into mapped bytes.
 *
 * Ownership: the caller owns the returned map. A compressed or piped input is spooled to an
 * unlinked temporary file, which vanishes with the map; 1 GB or 5 % of that disk, whichever is
 * larger, stays free.
 */
#ifndef AP_IMAGE_INPUT_H
#define AP_IMAGE_INPUT_H

#include "base/err.h"
#include "os/map.h"

/* `*ret_fd` is a descriptor of the mapped bytes, to ask for holes in them; the caller closes it. */
struct ap_err *ap_input_map(const char *path, struct ap_map *ret_map, int *ret_fd);
/*
 * The first bytes of a file, unpacked, to tell what it is. *ret_n is 0 for what can be read only
 * once (a FIFO, "-") or not at all: whoever opens it then says why.
 */
void ap_input_peek(const char *path, void *buf, size_t bytes, size_t *ret_n);

#endif
