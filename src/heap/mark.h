/*
 * Marking what lives, in threads.
 *
 * Ownership: everything is the caller's. `paint` was opened for these bodies and is spent
 * afterwards.
 */
#ifndef AP_HEAP_MARK_H
#define AP_HEAP_MARK_H

#include "heap/owned.h"
#include "heap/roots.h"
#include "heap/tagged.h"

/*
 * Paints what the roots keep alive, and counts it in the states, one a thread (or NULL).
 * AP_E_CANCELLED on ^C. Words may be painted that are no objects: ap_paint_live() leaves them out.
 */
struct ap_err *ap_mark(struct ap_bodies *b, const struct ap_tagged_rules *rules,
		       const struct ap_heap_watch *watch, const struct ap_roots *roots,
		       const struct ap_paint *paint, struct ap_owned_state *owned,
		       size_t n_threads);

#endif
