/*
 * Crashes in a bucket, as list, info, fetch and debug see them.
 *
 * Ownership: struct ap_remotes owns all texts until ap_remotes_close(). What the bucket holds is
 * not trusted.
 */
#ifndef AP_TOOLS_REMOTE_H
#define AP_TOOLS_REMOTE_H

#include "capture/spool/record.h"
#include "tools/store.h"

enum { AP_REMOTE_THREADS = 8 };

struct ap_remote {
	const char *key;
	char etag[AP_ETAG_SIZE];
	uint64_t bytes;
	double time;             /* as far as its name or the store tells */
	struct ap_record record; /* uuid "" if the name has none */
	const char *meta, *state, *pod, *stack, *dump_info; /* the files' texts; NULL: not there */
	bool known;                                         /* the bundle was looked into */
	const char *error;                                  /* why not */
};

struct ap_remotes {
	const struct ap_ship_config *config;
	const char *address;
	struct ap_store store;
	struct ap_arena arena, threads[AP_REMOTE_THREADS];
	AP_VEC(struct ap_remote) all; /* newest first */
};

/* Every bundle under the address, by name only. */
struct ap_err *ap_remotes_open(const struct ap_ship_config *config, const char *address,
			       struct ap_remotes *ret);
void ap_remotes_close(struct ap_remotes *remotes);
/* Looks into the beginnings of bundles [from, to), several at once. A bundle that cannot be read
 * has an error. */
void ap_remotes_know(struct ap_remotes *remotes, size_t from, size_t to);
/* By a beginning or end of its id, by its key or the end of it; NULL or "last": the newest. */
struct ap_err *ap_remotes_find(struct ap_remotes *remotes, const char *id, struct ap_remote **ret);

#endif
