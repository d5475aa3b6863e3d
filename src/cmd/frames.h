/*
 * Stacks and the selected frame: shared by bt, frame, locals, scope, source and the report.
 *
 * Ownership: everything lives in the command's arena.
 */
#ifndef AP_CMD_FRAMES_H
#define AP_CMD_FRAMES_H

#include "cmd/cmd.h"

struct ap_thread;

struct ap_stack {
	size_t thread; /* index in the model's list */
	struct ap_thread_info info;
	ap_frame_vec frames; /* innermost first, all kinds; `frame N` counts in this list */
};

/* The thread to speak of first: the one that crashed, else the main one. */
size_t ap_representative_thread(const ap_thread_vec *threads);
/* The selected one, else that one. */
size_t ap_chosen_thread(struct ap_ctx *ctx, const ap_thread_vec *threads);
struct ap_err *ap_stack_of(struct ap_ctx *ctx, size_t thread, bool values,
			   struct ap_stack *ret_stack);
/*
 * The selected frame; if none was chosen, the first one of the user's code in the representative
 * thread, else the first JavaScript one, else the first.
 */
struct ap_err *ap_selected_frame(struct ap_ctx *ctx, bool values, struct ap_stack *ret_stack,
				 size_t *ret_index);
/*
 * A thread's registers: of `tid`, or if that is NULL of ap_chosen_thread(). The thread is the
 * image's, the index that of the model's list.
 */
struct ap_err *ap_registers_of(struct ap_ctx *ctx, const uint64_t *tid, size_t *ret_index,
			       const struct ap_thread **ret_thread);
bool ap_frame_is_js(const struct ap_frame *frame); /* js, async, builtin with a function */

/* "Store.load", "node::Abort()", "Builtins_X": what a frame is called in plain text. */
struct ap_text ap_frame_title(const struct ap_frame *frame);
/* "/app/x.js:3:7", "node", "builtin"; built in the arena. */
struct ap_text ap_frame_place(const struct ap_frame *frame, struct ap_arena *arena);
/* The last part of a path. */
struct ap_text ap_base_name(struct ap_text path);

/* One of `bt`'s frames[]; in bt.c. */
void ap_json_frame(struct ap_ctx *ctx, struct ap_json *j, const char *key,
		   const struct ap_frame *frame);

/* mdb's and llnode's forms, in bt_mdb.c and bt_llnode.c. */
struct ap_mdb_frames {
	bool all, verbose;
	const char *function, *property;
	uint64_t lines;
	size_t skipped; /* elided frames not yet said */
	bool unknown_property;
};
void ap_mdb_frame(struct ap_ctx *ctx, const struct ap_frame *frame, struct ap_mdb_frames *state);
void ap_mdb_frames_end(struct ap_ctx *ctx, struct ap_mdb_frames *state);
void ap_llnode_frame(struct ap_ctx *ctx, const struct ap_frame *frame, size_t index, bool selected);
void ap_llnode_thread(struct ap_ctx *ctx, const struct ap_stack *stack, size_t number);

#endif
