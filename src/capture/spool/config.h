/*
 * What the operator wants: /etc/autopsy/autopsy.conf, `key = value` a line, `#` comments; an
 * environment variable AUTOPSY_KEY wins over the file.
 *
 * Ownership: struct ap_config owns its rules until ap_config_close(). Sizes in bytes, times in
 * seconds.
 *
 * A handler must work whatever is in the file: what is wrong is remembered as a complaint, with its
 * line, and the default holds.
 */
#ifndef AP_CAPTURE_SPOOL_CONFIG_H
#define AP_CAPTURE_SPOOL_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum ap_rule_action {
	AP_RULE_CAPTURE,
	AP_RULE_MINI, /* minicore and facts, never the full core */
	AP_RULE_META, /* facts only */
	AP_RULE_SKIP, /* nothing at all */
	AP_RULE_PASS, /* to the handler or pattern that was here before (`chain`) */
};

enum ap_rule_key {
	AP_RULE_ANY,
	AP_RULE_EXE,
	AP_RULE_COMM,
	AP_RULE_UID,
	AP_RULE_SIGNAL,
	AP_RULE_CGROUP,
	AP_RULE_NAMESPACE, /* of Kubernetes */
	AP_RULE_POD,
	AP_RULE_CONTAINER,
	AP_RULE_ENV,   /* NAME=VALUE */
	AP_RULE_LABEL, /* of the pod, KEY=VALUE: decided later, by the agent */
	AP_N_RULE_KEYS,
};

struct ap_rule {
	enum ap_rule_action action;
	enum ap_rule_key key;
	const char *glob; /* as of fnmatch(3), over the whole text */
};

/* A part of the disk, or so many bytes. */
struct ap_amount {
	uint64_t bytes;
	double percent; /* 0: `bytes` counts */
};

/* Where crashes go from here, and who hears of it; "" is unset throughout. */
struct ap_ship_config {
	char bucket[256], prefix[512], endpoint[512], region[64], style[16];
	char keys_file[PATH_MAX / 4], ca_file[PATH_MAX / 4], proxy[512];
	char encryption[32], encryption_key[512];
	char name[256];    /* of a bundle, with {fields} */
	char cluster[128]; /* {cluster} in prefix and name */
	char event_url[1024], event_file[PATH_MAX / 4];
	uint64_t part_bytes;          /* of an upload */
	bool programs;                /* each executable once, too */
	double keep_seconds;          /* that a crash stays here after it was shipped */
	uint64_t tries;               /* of one request */
	double stall_seconds;         /* without a byte: the request failed */
	AP_VEC(const char *) folders; /* whose files are shipped as well */
};

struct ap_config {
	struct ap_arena arena;
	struct ap_ship_config ship;
	char spool[PATH_MAX / 2];
	char user[64];                /* of the worker; a name or a number */
	char chain[PATH_MAX];         /* core_pattern of old, for AP_RULE_PASS; "": none */
	AP_VEC(struct ap_rule) rules; /* the first that fits decides; none: capture */
	bool full;                    /* keep full cores at all */
	uint64_t core_max;    /* larger cores are not kept (their minicore is); 0: no limit */
	uint64_t mini_max;    /* raw bytes of a minicore's memory */
	uint64_t program_max; /* of an executable that is copied along; 0: never */
	double mini_seconds, core_seconds;
	double stall_seconds; /* without a byte to the disk: the dying process is let go */
	uint64_t rate_count;  /* full cores a program may leave in rate_seconds; 0: no limit */
	double rate_seconds;
	struct ap_amount reserve; /* stays free on the spool's disk */
	struct ap_amount quota;   /* of the spool */
	uint64_t keep_count;      /* crashes, the oldest goes first; 0: no limit */
	double keep_seconds;      /* 0: for ever */
	uint64_t workers;         /* compression threads */
	char cri[PATH_MAX];   /* socket of the container runtime; "": where they usually are, "none"
			       */
	double cri_seconds;   /* for all that is asked about a crash */
	double stack_seconds; /* for the reading of one minicore */
	uint64_t log_lines;   /* of the container's log; 0: none */
	char pod_logs[PATH_MAX]; /* NAMESPACE_POD_UID/CONTAINER/N.log */
	AP_VEC(const char *) complaints;
};

/* Where the file is if nobody says: /etc/autopsy/autopsy.conf, without root the XDG directory's. */
void ap_config_path(char *buf, size_t bytes);
/*
 * Reads the file (NULL: the usual one, which need not exist) and the environment. Only out of
 * memory is an error.
 */
struct ap_err *ap_config_load(const char *path, char *const *environment,
			      struct ap_config *ret_config);
/* The same from text. */
struct ap_err *ap_config_parse(const char *text, size_t bytes, struct ap_config *config);
void ap_config_init(struct ap_config *config);
void ap_config_close(struct ap_config *config);

const char *ap_rule_action_name(enum ap_rule_action action);
const char *ap_rule_key_name(enum ap_rule_key key);
/* Bytes that an amount means on a disk of so many. */
uint64_t ap_amount_of(struct ap_amount amount, uint64_t disk_bytes);

#endif
