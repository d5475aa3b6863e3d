/*
 * The messages of Kubernetes' Container Runtime Interface (runtime.v1, the same bytes as v1alpha2)
 * that tell whose container a crash was in. Requests are written, answers read; who carries them is
 * grpc.h's business.
 *
 * Ownership: what is read lives in the caller's arena. Texts end at their first NUL; what an answer
 * does not say is "" or 0. Answers are the runtime's, labels and annotations in them a tenant's:
 * all of it is bounded.
 */
#ifndef AP_CAPTURE_AGENT_CRI_H
#define AP_CAPTURE_AGENT_CRI_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct ap_cri_pair {
	const char *key, *value;
};
typedef AP_VEC(struct ap_cri_pair) ap_cri_pairs;
typedef AP_VEC(const char *) ap_cri_texts;

struct ap_cri_container {
	const char *id, *name, *sandbox;
	const char *image;     /* as the pod's specification says it */
	const char *image_ref; /* what the runtime made of it: a digest or an id */
	const char *reason, *log_path;
	uint64_t attempt, state;
	int64_t created_ns, started_ns, finished_ns, exit_code;
	ap_cri_pairs labels, annotations;
};
typedef AP_VEC(struct ap_cri_container) ap_cri_containers;

struct ap_cri_sandbox {
	const char *id, *name, *uid, *namespace_, *runtime_handler;
	uint64_t attempt, state;
	int64_t created_ns;
	ap_cri_pairs labels, annotations;
};

struct ap_cri_image {
	const char *id, *username;
	ap_cri_texts tags, digests;
	uint64_t bytes;
};

/* "CONTAINER_RUNNING" and so on, as crictl prints it. */
const char *ap_cri_container_state(uint64_t state);
const char *ap_cri_sandbox_state(uint64_t state);

/* Of ContainerStatus, PodSandboxStatus: {id}. */
void ap_cri_ask_id(struct ap_str *out, const char *id);
/* Of ListContainers: by id, or all of a sandbox; the other one is NULL. */
void ap_cri_ask_list(struct ap_str *out, const char *id, const char *sandbox);
void ap_cri_ask_image(struct ap_str *out, const char *ref);

struct ap_err *ap_cri_read_container(struct ap_text answer, struct ap_arena *arena,
				     struct ap_cri_container *ret);
struct ap_err *ap_cri_read_list(struct ap_text answer, struct ap_arena *arena,
				ap_cri_containers *ret);
struct ap_err *ap_cri_read_sandbox(struct ap_text answer, struct ap_arena *arena,
				   struct ap_cri_sandbox *ret);
/* AP_E_NOTFOUND if the runtime does not know the image. */
struct ap_err *ap_cri_read_image(struct ap_text answer, struct ap_arena *arena,
				 struct ap_cri_image *ret);

#endif
