/*
 * Whose crash it was in Kubernetes: pod.json.
 *
 * Ownership: struct ap_pod lives in the caller's arena; what is not known is NULL.
 *
 * `pod_info`, `ps_info`, `image_info` are what `crictl pods`, `ps` and `img` print of them with -o
 * json: the metadata files of a core-dump-handler's bundle.
 */
#ifndef AP_CAPTURE_AGENT_POD_H
#define AP_CAPTURE_AGENT_POD_H

#include "base/json.h"
#include "capture/agent/cri.h"
#include "capture/agent/logtail.h"

struct ap_pod {
	const char *socket, *version; /* who was asked: "/run/containerd/containerd.sock",
					 "runtime.v1" */
	const struct ap_cri_sandbox *sandbox;
	const struct ap_cri_container *container; /* NULL: it was the pod's own, the one that holds
						     its namespaces */
	const ap_cri_containers *containers;      /* all of the pod */
	const struct ap_cri_image *image;
	const char *image_error;
	bool have_log; /* container.log was written */
	struct ap_log_tail log;
	const char *log_error;
	const char *rule;   /* of those by label, the one that decided; NULL: none */
	const char *action; /* what it, or what comes behind them, says; NULL: there are no rules by
			       label */
	const char *error;  /* why the above is missing */
	const char *container_id;
};

void ap_pod_write(const struct ap_pod *pod, struct ap_str *out);
/* The first of the image's digests ("sha256:..."), NULL: it has none. */
const char *ap_pod_image_digest(const struct ap_pod *pod);

#endif
