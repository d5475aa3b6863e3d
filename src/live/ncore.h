/*
 * A JSON dump of a running program on demand: its panic (autopsy-node/panic, or the old `panic`
 * module) if it loaded one, else what can be seen of it through the inspector.
 *
 * Ownership: options point to the caller's memory; results hold none. Nothing here prints.
 */
#ifndef AP_LIVE_NCORE_H
#define AP_LIVE_NCORE_H

#include "live/inspector.h"

struct ap_ncore_options {
	struct ap_inspector_options inspector;
	const char *path;  /* NULL: where the program puts it; without its panic, ncore.PID here */
	bool keep_running; /* dump, but do not panic */
	bool show_secrets;
	unsigned panic_ms; /* how long a panic may take to write its dump */
	/* It answers: the rest takes moments. May be NULL. */
	void (*attached)(void *arg);
};

struct ap_ncore_result {
	char path[PATH_MAX];
	bool elsewhere; /* `path` is one of the program's own file system, which is not ours */
	uint64_t bytes;
	bool panic_loaded;
	bool ended;     /* the program: it panicked */
	bool left_open; /* the inspector that we opened could not be shut */
	bool was_open;  /* the inspector, before we came */
	uint16_t port;
	char version[32]; /* of Node, as the program says */
};

/* `target` is open. Whatever is returned, the program goes on unless it panicked. */
struct ap_err *ap_ncore_take(struct ap_target *target, const struct ap_ncore_options *options,
			     struct ap_ncore_result *ret_result);

/* What the first step answers; texts in the arena. */
struct ap_ncore_look {
	uint64_t pid; /* as the program sees itself */
	bool panic_loaded;
	struct ap_text version;
	struct ap_text dirs[4]; /* where its panic would write, in this order */
	size_t n_dirs;
};
struct ap_err *ap_ncore_read_look(struct ap_text json, struct ap_arena *arena,
				  struct ap_ncore_look *ret_look);
/* A JSON list of texts as words, or as the members of an object ("NAME=value"), secrets masked. */
struct ap_err *ap_ncore_mask_list(struct ap_text json, bool assignments, bool show_secrets,
				  struct ap_str *out);

#endif
