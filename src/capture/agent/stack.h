/*
 * Of what a crash died, in a few lines: stack.json, and the fingerprint that tells whether two
 * crashes are the same death.
 *
 * Ownership: struct ap_stack_summary lives in the caller's arena.
 *
 * The fingerprint is a hash of the verdict's kind and of function and script of the first eight
 * JavaScript frames, without lines and columns, so that it survives an edit above; of a program
 * without JavaScript, of the first eight native frames.
 */
#ifndef AP_CAPTURE_AGENT_STACK_H
#define AP_CAPTURE_AGENT_STACK_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { AP_STACK_FRAMES = 8, AP_FINGERPRINT_SIZE = 17 };

struct ap_stack_frame {
	const char *function, *script; /* of native frames symbol and module; NULL unknown */
	int64_t line, column;          /* -1 unknown */
};

struct ap_stack_summary {
	const char *verdict_kind, *certainty, *verdict; /* NULL: unknown */
	const char *kind;                               /* "js", "native", "unknown" */
	struct ap_stack_frame frames[AP_STACK_FRAMES];
	size_t n_frames;
	char fingerprint[AP_FINGERPRINT_SIZE]; /* "" for kind "unknown" */
	const char *error;                     /* why there is none; NULL */
};

/* From what `autopsy CORE --json -e report -e bt` prints: an envelope a line. */
struct ap_err *ap_stack_parse(const char *text, size_t bytes, struct ap_arena *arena,
			      struct ap_stack_summary *ret_summary);
void ap_stack_write(const struct ap_stack_summary *summary, struct ap_str *out);

#endif
