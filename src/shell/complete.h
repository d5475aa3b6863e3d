/*
 * What the word before the cursor may become.
 *
 * Ownership: candidates live in the caller's arena.
 */
#ifndef AP_SHELL_COMPLETE_H
#define AP_SHELL_COMPLETE_H

#include "shell/shell.h"

struct ap_candidates {
	AP_VEC(struct ap_text) names; /* sorted */
	size_t typed;                 /* how many bytes of each stand before the cursor already */
	bool open;                    /* something may follow at once: no blank behind it */
};

/* `line` up to the cursor: `n` bytes. */
void ap_complete(struct ap_session *session, const char *line, size_t n, struct ap_arena *arena,
		 struct ap_candidates *ret_candidates);

#endif
