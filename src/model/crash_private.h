/* The crash model's inside, shared by the files of model/crash*.c. */
#ifndef AP_MODEL_CRASH_PRIVATE_H
#define AP_MODEL_CRASH_PRIVATE_H

#include "model/crash.h"
#include "model/crash_json.h"

enum ap_crash_kind {
	AP_CRASH_FILE,  /* Version 1, of autopsy-node */
	AP_CRASH_OLD,   /* inspector-postmortem: ids dangle, no Error, no Process */
	AP_CRASH_PANIC, /* plain JSON of the state, no stack but in words */
};

/* An object of the program: by its id in the file. */
struct ap_crash_id {
	struct ap_text id;
	uint32_t entry;  /* what RemoteObjects knows of it */
	uint32_t remote; /* the first RemoteObject with this id, 0 if nothing refers to it */
};

struct ap_crash_frame {
	struct ap_text function, name, script, script_id;
	int line, column;             /* 1-based, 0 unknown */
	int first_line, first_column; /* of the function, 0 unknown */
	int last_line;
	bool async;
	uint32_t node; /* its call frame, 0 if it was read from a stack's text */
};

struct ap_crash {
	struct ap_model base;
	struct ap_jdoc doc; /* its arena holds what the model keeps */
	enum ap_crash_kind kind;
	char *path;
	uint64_t bytes;
	struct ap_crash_id *ids; /* sorted by id */
	size_t n_ids;
	AP_VEC(struct ap_crash_frame) frames;
	uint32_t root, error, pause, process, header, state; /* nodes; 0: not there */
	size_t n_pauses;
	bool from_text; /* the frames are those of the error's stack text */
	/* of a panic: its parts as the text of panic.error says them */
	struct ap_text error_name, error_message, error_stack;
	AP_VEC(struct ap_text) causes;
};

static inline struct ap_crash *ap_crash_of(struct ap_model *model)
{
	return (struct ap_crash *)model;
}

/*
 * References: a value's is its node's number * 16 + 1 (of an object, the first node with its id),
 * so the address without the tag is a multiple of 16. A frame's function has a bit that no node
 * has.
 */
#define AP_CRASH_FRAME_BIT (1ull << 40)

static inline uint64_t ap_crash_frame_ref(size_t index)
{
	return AP_CRASH_FRAME_BIT | ((uint64_t)index + 1) << 4 | 1;
}

/* NULL if `ref` is not a frame's function. */
const struct ap_crash_frame *ap_crash_frame_of(const struct ap_crash *crash, uint64_t ref);
/* The node behind a reference, 0 if nothing has it. */
uint32_t ap_crash_node_of(const struct ap_crash *crash, uint64_t ref);
const struct ap_crash_id *ap_crash_find_id(const struct ap_crash *crash, struct ap_text id);
/* What RemoteObjects holds of this RemoteObject, 0 if nothing. */
uint32_t ap_crash_entry(const struct ap_crash *crash, uint32_t remote);
/* The value of the internal property `name` ("[[Target]]") of an entry, 0 if it has none. */
uint32_t ap_crash_internal(const struct ap_crash *crash, uint32_t entry, const char *name);
/* The value of the own property, 0 if it has none or an accessor. */
uint32_t ap_crash_member(const struct ap_crash *crash, uint32_t entry, const char *name);

/* The value that a node stands for; `max_units` of a string, 0 for all. */
struct ap_value ap_crash_value(const struct ap_crash *crash, uint32_t node, size_t max_units,
			       struct ap_arena *arena);
struct ap_value ap_crash_frame_value(const struct ap_crash *crash, size_t index);
struct ap_value ap_crash_unreadable(const char *reason);
enum { AP_CRASH_SHORT_UNITS = 1024 };

/* crash_stack.c: texts of stacks. */
struct ap_err *ap_crash_stack_frames(struct ap_crash *crash, struct ap_text stack);
struct ap_err *ap_crash_read_panic(struct ap_crash *crash, struct ap_text error);
/* crash_frames.c: the frames of the pause, once, when the file is opened. */
struct ap_err *ap_crash_read_frames(struct ap_crash *crash);
/* V8's name of a script: a path for CommonJS, a URL else. */
struct ap_text ap_crash_script_name(const struct ap_crash *crash, struct ap_text script_id,
				    struct ap_text url, struct ap_arena *arena);

struct ap_err *ap_crash_info(struct ap_model *, struct ap_arena *, struct ap_info *ret);
struct ap_err *ap_crash_verdict(struct ap_model *, struct ap_arena *, struct ap_verdict *ret);
struct ap_err *ap_crash_threads(struct ap_model *, struct ap_arena *, ap_thread_vec *ret);
struct ap_err *ap_crash_frames(struct ap_model *, size_t thread, const struct ap_frames_options *,
			       struct ap_arena *, ap_frame_vec *ret);
struct ap_err *ap_crash_scopes(struct ap_model *, uint64_t ref, const struct ap_frame *frame,
			       struct ap_arena *, ap_scope_vec *ret);
struct ap_err *ap_crash_describe(struct ap_model *, uint64_t ref, struct ap_arena *,
				 struct ap_value *ret);
struct ap_err *ap_crash_detail(struct ap_model *, uint64_t ref, const struct ap_detail_limits *,
			       struct ap_arena *, struct ap_detail *ret);
struct ap_err *ap_crash_source(struct ap_model *, uint64_t ref, const struct ap_frame *frame,
			       struct ap_arena *, struct ap_source *ret);
struct ap_err *ap_crash_named(struct ap_model *, struct ap_text name, struct ap_arena *,
			      struct ap_value *ret);

#endif
