/*
 * meta.json: who died, of what, where, with which limits and libraries. Written by the worker, from
 * text that the dying process had a hand in; secrets are masked.
 *
 * Ownership: everything is appended to the caller's string.
 */
#ifndef AP_CAPTURE_HANDLER_META_H
#define AP_CAPTURE_HANDLER_META_H

#include "capture/handler/context.h"
#include "capture/handler/memory.h"
#include "elf/file.h"

enum { AP_META_SCHEMA = 1 };

/* `dying` may be NULL: then modules and threads are unknown. */
void ap_meta_write(const char *uuid, const struct ap_context *context, const struct ap_dying *dying,
		   struct ap_str *out);
/* Without any of what the process had a hand in but its name, for when the worker failed. */
void ap_meta_write_least(const char *uuid, const struct ap_kernel_args *args, struct ap_str *out);
/* The build-id of the program itself, from the dying process's memory; empty if there is none. */
struct ap_build_id ap_meta_program_id(const struct ap_dying *dying);

#endif
