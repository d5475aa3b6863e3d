/*
 * A kept crash as its files tell it: meta.json (who), state.json (what is there of it), and, made
 * by the agent, pod.json (whose container) and stack.json (of what).
 *
 * Ownership: texts live in the caller's arena; what a file does not say is NULL, or -1 for numbers.
 * The files are read with limits and trusted in nothing: they went through a hostile process's
 * hands.
 */
#ifndef AP_CAPTURE_SPOOL_RECORD_H
#define AP_CAPTURE_SPOOL_RECORD_H

#include "base/arena.h"
#include "capture/spool/spool.h"

struct ap_record {
	char uuid[AP_UUID_SIZE];
	double time; /* seconds since the epoch */
	/* meta.json */
	const char *host, *hostname, *comm, *exe, *build_id, *signal_name;
	const char *cgroup, *container, *pod, *namespace_;
	int64_t pid, uid, signal;
	/* state.json */
	const char *state;  /* "done", "capturing"; "interrupted": nobody is writing it any more */
	const char *core;   /* "whole", "cut", "none" */
	const char *reason; /* why not whole */
	int64_t core_bytes, stored_bytes, mini_bytes, count;
	/* stack.json */
	const char *fingerprint, *verdict, *verdict_kind, *top;
	/* pod.json, made by the agent: pod and namespace as well */
	const char *container_name, *image, *image_digest, *rule_action;
	int64_t n_label_rules; /* state.json's: rules that wait for the agent; -1 as 0 */
	/* what lies there */
	bool have_core, have_cut, have_mini, have_stack, have_pod;
};

struct ap_err *ap_record_read(const struct ap_spool *spool, const char *uuid,
			      struct ap_arena *arena, struct ap_record *ret_record);
/* From the text of any of the files; fields that it does not have stay as they are. */
struct ap_err *ap_record_parse(const char *text, size_t bytes, struct ap_arena *arena,
			       struct ap_record *record);
/* The last part of the executable's name, else what the process called itself. */
const char *ap_record_program(const struct ap_record *record);

#endif
