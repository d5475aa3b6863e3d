/*
 * Whose process it is in a container: what the control group's name tells, which is written by the
 * container's runtime and not by the process.
 *
 * Ownership: texts are copied into the structure.
 */
#ifndef AP_CAPTURE_HANDLER_IDENTITY_H
#define AP_CAPTURE_HANDLER_IDENTITY_H

#include "base/str.h"

struct ap_identity {
	char cgroup[1024];    /* the longest of /proc/PID/cgroup */
	char container[80];   /* hex digits; "" outside of containers */
	char runtime[24];     /* "cri-containerd", "docker", "libpod", "crio"; "" unknown */
	char pod_uid[64];     /* "" if it is in no pod */
	char namespace_[256]; /* these two from the names of the pods' log directories; "" unknown
			       */
	char pod[256];
};

/* From the text of /proc/PID/cgroup. */
void ap_identity_parse(const char *text, size_t bytes, struct ap_identity *ret_identity);
/* Finds namespace and name of the pod among DIR/NAMESPACE_NAME_UID (/var/log/pods). */
void ap_identity_find_pod(const char *dir, struct ap_identity *identity);

#endif
