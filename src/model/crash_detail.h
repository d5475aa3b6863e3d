/* One question for the inside of a value of a crash file; its results are the arena's. */
#ifndef AP_MODEL_CRASH_DETAIL_H
#define AP_MODEL_CRASH_DETAIL_H

#include "model/crash_private.h"

struct ap_crash_job {
	struct ap_crash *crash;
	struct ap_arena *arena;
	const struct ap_detail_limits *limits;
	struct ap_detail *d;
	uint32_t node;  /* the RemoteObject */
	uint32_t entry; /* what RemoteObjects holds of it, 0 if nothing */
};

/* Whether a list that has `n` items is full; says so in the detail then. */
bool ap_crash_full(struct ap_crash_job *job, size_t n);
struct ap_value ap_crash_job_value(const struct ap_crash_job *job, uint32_t node);
struct ap_err *ap_crash_extra(struct ap_crash_job *job, struct ap_extra extra);
/* The number in "Map(2)", or -1. */
int64_t ap_crash_count(const struct ap_crash_job *job);

/* The keys that only this type has. */
struct ap_err *ap_crash_kind_extras(struct ap_crash_job *job);
struct ap_err *ap_crash_frame_extras(struct ap_crash_job *job, const struct ap_crash_frame *frame);

#endif
