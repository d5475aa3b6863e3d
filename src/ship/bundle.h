/*
 * A crash as one zip, in the layout of core-dump-handler, written as a stream: texts first, so that
 * whoever has the beginning knows what it is; the core last.
 *
 * Ownership: nothing is kept. Memory is bounded, whatever the size of the members. The same members
 * give the same bytes, so that an upload can be taken up again.
 */
#ifndef AP_SHIP_BUNDLE_H
#define AP_SHIP_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum { AP_BUNDLE_NAME_SIZE = 201 };

struct ap_bundle_member {
	const char *suffix; /* behind the bundle's name: "-dump-info.json" */
	const char *text;   /* NULL: what `fd` holds, from its beginning */
	size_t bytes;
	int fd;
	bool zstd; /* `fd` is unpacked on the way */
};

typedef struct ap_err *(*ap_sink_fn)(void *arg, const void *data, size_t bytes);

struct ap_err *ap_bundle_write(const char *name, const struct ap_bundle_member *members, size_t n,
			       int64_t mtime, ap_sink_fn sink, void *arg);

struct ap_bundle_field {
	const char *name, *value; /* NULL: "unknown" */
};

#define AP_BUNDLE_TEMPLATE "{uuid}-dump-{timestamp}-{hostname}-{exe_name}-{pid}-{signal}"

/*
 * The template with its {fields}: values lose what does not belong into a file's name. Always
 * unlike another crash's: without {uuid} the end of it is appended; what is too long or asks for an
 * unknown field becomes the uuid alone.
 */
void ap_bundle_name(const char *template, const struct ap_bundle_field *fields, size_t n,
		    const char *uuid, char ret_name[static AP_BUNDLE_NAME_SIZE]);
/* The same for a prefix of keys, in which the template's slashes stay. False: an unknown field, or
 * too long. */
bool ap_bundle_prefix(const char *template, const struct ap_bundle_field *fields, size_t n,
		      struct ap_str *out);

#endif
