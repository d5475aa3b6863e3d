/*
 * Keys of a store: from a file in the form of ~/.aws/credentials, from a directory as Kubernetes
 * mounts a secret, or from the environment.
 *
 * Ownership: texts live in the caller's arena.
 */
#ifndef AP_SHIP_KEYS_H
#define AP_SHIP_KEYS_H

#include "base/arena.h"
#include "base/err.h"
#include "ship/sigv4.h"

/* `path` NULL or "": the environment, then ~/.aws/credentials. No keys at all: both are NULL. */
struct ap_err *ap_keys_find(const char *path, struct ap_arena *arena, struct ap_s3_keys *ret_keys);
/* From the text of such a file: `profile`'s section, or what stands before any. */
struct ap_err *ap_keys_parse(const char *text, size_t bytes, const char *profile,
			     struct ap_arena *arena, struct ap_s3_keys *ret_keys);

#endif
