/*
 * A pull reader over the small XML documents that S3 answers with.
 *
 * Ownership: the reader borrows its input and owns one buffer for the text of the moment, until
 * ap_xml_close(). No document type, no processing of instructions, no outer entities; at most
 * AP_XML_MAX_DEPTH elements deep. Input is hostile: the first thing that is no XML ends it.
 */
#ifndef AP_SHIP_XML_H
#define AP_SHIP_XML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

enum { AP_XML_MAX_DEPTH = 16, AP_XML_NAME_SIZE = 64 };

enum ap_xml_event {
	AP_XML_OPEN,  /* an element began: `path` ends with its name */
	AP_XML_CLOSE, /* it ended: `text` is what stood directly in it; `path` still names it */
	AP_XML_END,
	AP_XML_BAD,
};

struct ap_xml {
	const char *p, *end;
	size_t depth;
	char names[AP_XML_MAX_DEPTH][AP_XML_NAME_SIZE]; /* without their name space's prefix */
	struct ap_str text;
	bool closing; /* the last element was an empty one or has ended: to be taken off first */
	bool pending; /* <a/>: its end comes next */
	bool seen, bad;
};

void ap_xml_init(struct ap_xml *xml, const char *s, size_t bytes);
void ap_xml_close(struct ap_xml *xml);
enum ap_xml_event ap_xml_next(struct ap_xml *xml);
/* Whether the element of the moment is `name`, directly inside `parent` (NULL: at the root). */
bool ap_xml_is(const struct ap_xml *xml, const char *parent, const char *name);

#endif
