/*
 * The layout profile: a set of named facts about the V8 in this core, each with its source.
 *
 * Sources, each later one fills what is missing and confirms or disputes what is there: metadata
 * symbols of the binary in use (v8dbg_*), the table of facts.def for the nearest V8 line, discovery
 * in the core. A disputed fact switches its group off, unless the table overrides it with evidence.
 *
 * Ownership: the profile lives inside struct ap_v8.
 */
#ifndef AP_V8_PROFILE_H
#define AP_V8_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/image.h"

/* Facts that only work together; a group that fails switches off what needs it. */
#define AP_FACT_GROUPS(X)                                                                          \
	X(TYPES, "types", "kinds of values")                                                       \
	X(MAPS, "maps", "every object")                                                            \
	X(STRINGS, "strings", "strings, numbers and symbols")                                      \
	X(OBJECTS, "objects", "properties and elements")                                           \
	X(FUNCTIONS, "functions", "functions, scripts and places")                                 \
	X(SCOPES, "scopes", "closure variables")                                                   \
	X(FRAMES, "frames", "JavaScript frames")                                                   \
	X(BYTECODE, "bytecode", "executing lines")                                                 \
	X(LOCALS, "locals", "names of local variables")                                            \
	X(CODE, "code", "frames of compiled code")                                                 \
	X(COLLECTIONS, "collections", "Map, Set and weak collections")                             \
	X(PROMISES, "promises", "promises, generators and async frames")                           \
	X(BUFFERS, "buffers", "buffers, dates and regular expressions")                            \
	X(ISOLATE, "isolate", "finding the isolate")                                               \
	X(NODE, "node", "handles, requests and timers of Node")

enum ap_fact_group {
#define X(id, name, what) AP_G_##id,
	AP_FACT_GROUPS(X)
#undef X
		AP_N_GROUPS,
};

enum ap_fact_id {
#define FACT(id, ...) AP_F_##id,
#include "v8/facts.def"
#undef FACT
	AP_N_FACTS,
};

enum { AP_FACT_NONE = INT32_MIN }; /* this V8 has no such thing, or it is unknown */

enum ap_fact_source {
	AP_FACT_UNKNOWN,
	AP_FACT_METADATA,   /* a v8dbg_ or nodedbg_ symbol of the binary */
	AP_FACT_TABLE,      /* facts.def for exactly this V8 line */
	AP_FACT_NEAREST,    /* facts.def for the nearest older line: to be validated */
	AP_FACT_DISCOVERED, /* found in the core itself */
};

struct ap_fact {
	int32_t value;
	enum ap_fact_source source;
	bool confirmed; /* two sources agree */
	bool disputed;
	int32_t other; /* the losing value of a dispute */
};

struct ap_group_state {
	bool on;
	uint32_t checked, good; /* validation samples */
	const char *why_off;    /* sentence, or NULL */
};

struct ap_profile {
	int v8_major, v8_minor, v8_build, v8_patch;
	const char *v8_version; /* text as the binary has it */
	int table_line;         /* column of facts.def in use */
	bool table_exact;       /* that column is of this very V8 line */
	bool metadata;          /* the binary carries metadata symbols */
	struct ap_fact facts[AP_N_FACTS];
	struct ap_group_state groups[AP_N_GROUPS];
};

const char *ap_fact_name(enum ap_fact_id id);
const char *ap_fact_symbol(enum ap_fact_id id); /* pattern, or NULL */
enum ap_fact_group ap_fact_group_of(enum ap_fact_id id);
const char *ap_fact_source_name(enum ap_fact_source source);
const char *ap_group_name(enum ap_fact_group group);
const char *ap_group_what(enum ap_fact_group group);
/* "9.4" ... of a table column. */
const char *ap_table_line_name(int line);

/* Builds the profile from the module that holds V8: symbols, version, table. */
struct ap_err *ap_profile_build(const struct ap_image *image, const struct ap_module *module,
				struct ap_arena *arena, struct ap_profile *ret_profile);
/* The error that commands give when their group is off, or NULL. */
struct ap_err *ap_profile_require(const struct ap_profile *profile, enum ap_fact_group group);
/* Notes one validation sample of a group. */
static inline void ap_profile_sample(struct ap_profile *profile, enum ap_fact_group group,
				     bool good)
{
	profile->groups[group].checked++;
	profile->groups[group].good += good;
}
/* At least 99 % of 50 samples or more, all of fewer. */
bool ap_samples_fit(unsigned checked, unsigned good);
/* Switches off the groups whose samples fail: under 99 % of 50 or more, or any of fewer. */
void ap_profile_judge(struct ap_profile *profile, struct ap_arena *arena);

#endif
