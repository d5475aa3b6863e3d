/*
 * What the container's runtime knows of a crash: asked once, off the crash path, and written beside
 * the crash as pod.json and container.log. The runtime keeps its record of a container for a while
 * after its end.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_AGENT_ENRICH_H
#define AP_CAPTURE_AGENT_ENRICH_H

#include "capture/spool/config.h"
#include "capture/spool/record.h"

enum ap_enrich_end {
	AP_ENRICH_DONE,
	AP_ENRICH_LATER,   /* the runtime could not be asked; nothing was written */
	AP_ENRICH_SKIPPED, /* a rule by label removed the crash */
};

/*
 * `last`: there will be no other attempt, so that a runtime that does not answer becomes pod.json's
 * "error". Without an answer rules by label stay open: the crash is kept, and `rule_action` in
 * pod.json is null.
 */
struct ap_err *ap_enrich(const struct ap_spool *spool, const struct ap_config *config,
			 const struct ap_record *record, bool last, enum ap_enrich_end *ret_end);
/* For so long after a crash a runtime that does not answer is asked again. */
enum { AP_ENRICH_SECONDS = 600 };
/* Whether there is something to ask for. */
bool ap_enrich_wanted(const struct ap_config *config, const struct ap_record *record);

#endif
