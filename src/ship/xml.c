#include "ship/xml.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 64 << 10 };

void ap_xml_init(struct ap_xml *xml, const char *s, size_t bytes)
{
	*xml = (struct ap_xml){.p = s, .end = s ? s + bytes : s};
}

void ap_xml_close(struct ap_xml *xml)
{
	ap_str_close(&xml->text);
}

static enum ap_xml_event bad(struct ap_xml *xml)
{
	xml->bad = true;
	return AP_XML_BAD;
}

static bool at(const struct ap_xml *xml, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(xml->end - xml->p) >= n && memcmp(xml->p, s, n) == 0;
}

/* Moves behind the next `s`. */
static bool skip_past(struct ap_xml *xml, const char *s)
{
	const char *hit = memmem(xml->p, (size_t)(xml->end - xml->p), s, strlen(s));

	if (hit)
		xml->p = hit + strlen(s);
	return hit;
}

static void add_code_point(struct ap_str *out, uint32_t c)
{
	if (c < 0x80) {
		ap_str_addc(out, (char)c);
	} else if (c < 0x800) {
		ap_str_addc(out, (char)(0xc0 | c >> 6));
		ap_str_addc(out, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		ap_str_addc(out, (char)(0xe0 | c >> 12));
		ap_str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		ap_str_addc(out, (char)(0x80 | (c & 0x3f)));
	} else {
		ap_str_addc(out, (char)(0xf0 | c >> 18));
		ap_str_addc(out, (char)(0x80 | (c >> 12 & 0x3f)));
		ap_str_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
		ap_str_addc(out, (char)(0x80 | (c & 0x3f)));
	}
}

static bool entity(struct ap_xml *xml)
{
	static const struct {
		const char *name;
		char c;
	} known[] = {
		{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
	uint32_t c = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (at(xml, known[i].name)) {
			ap_str_addc(&xml->text, known[i].c);
			xml->p += strlen(known[i].name);
			return true;
		}
	}
	if (!at(xml, "&#"))
		return false;
	bool hex = at(xml, "&#x");
	const char *p = xml->p + (hex ? 3 : 2), *first = p;
	for (; p < xml->end && p < first + 8; p++) {
		uint32_t digit = *p >= '0' && *p <= '9' ? (uint32_t)(*p - '0')
				 : hex && (*p | 32) >= 'a' && (*p | 32) <= 'f'
					 ? (uint32_t)((*p | 32) - 'a' + 10)
					 : 99;
		if (digit == 99)
			break;
		c = c * (hex ? 16 : 10) + digit;
	}
	/* A NUL would cut a key short. */
	if (p == first || p >= xml->end || *p != ';' || !c || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		return false;
	xml->p = p + 1;
	add_code_point(&xml->text, c);
	return true;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == ':' || (c & 0x80);
}

static bool read_name(struct ap_xml *xml, char ret[static AP_XML_NAME_SIZE])
{
	const char *from = xml->p;

	while (xml->p < xml->end && is_name(*xml->p)) {
		if (*xml->p == ':')
			from = xml->p + 1;
		xml->p++;
	}
	size_t n = (size_t)(xml->p - from);
	if (!n || n >= AP_XML_NAME_SIZE)
		return false;
	memcpy(ret, from, n);
	ret[n] = '\0';
	return true;
}

static void skip_blanks(struct ap_xml *xml)
{
	while (xml->p < xml->end && strchr(" \t\r\n", *xml->p) && *xml->p)
		xml->p++;
}

/* Attributes are skipped: S3 says nothing in them. True at '>' or '/'. */
static bool skip_attributes(struct ap_xml *xml)
{
	while (xml->p < xml->end && *xml->p != '>' && *xml->p != '/') {
		if (*xml->p == '"' || *xml->p == '\'') {
			char quote[2] = {*xml->p++, '\0'};

			if (!skip_past(xml, quote))
				return false;
		} else if (*xml->p == '<') {
			return false;
		} else {
			xml->p++;
		}
	}
	return xml->p < xml->end;
}

static enum ap_xml_event open_element(struct ap_xml *xml)
{
	xml->p++;
	if (xml->depth == AP_XML_MAX_DEPTH || (xml->seen && !xml->depth) ||
	    !read_name(xml, xml->names[xml->depth]) || !skip_attributes(xml))
		return bad(xml);
	if (*xml->p == '/') {
		if (!at(xml, "/>"))
			return bad(xml);
		xml->p++;
		xml->pending = true;
	}
	xml->p++;
	xml->depth++;
	xml->seen = true;
	ap_str_clear(&xml->text);
	return AP_XML_OPEN;
}

static enum ap_xml_event close_element(struct ap_xml *xml)
{
	char name[AP_XML_NAME_SIZE];

	xml->p += 2;
	if (!xml->depth || !read_name(xml, name) || strcmp(name, xml->names[xml->depth - 1]) != 0)
		return bad(xml);
	skip_blanks(xml);
	if (xml->p == xml->end || *xml->p != '>')
		return bad(xml);
	xml->p++;
	xml->closing = true;
	return AP_XML_CLOSE;
}

enum ap_xml_event ap_xml_next(struct ap_xml *xml)
{
	if (xml->bad)
		return AP_XML_BAD;
	if (xml->pending) {
		xml->pending = false;
		xml->closing = true;
		return AP_XML_CLOSE;
	}
	if (xml->closing) {
		xml->closing = false;
		xml->depth--;
		ap_str_clear(&xml->text);
	}
	while (xml->p < xml->end) {
		if (at(xml, "<!--")) {
			if (!skip_past(xml, "-->"))
				return bad(xml);
		} else if (at(xml, "<?")) {
			if (!skip_past(xml, "?>"))
				return bad(xml);
		} else if (at(xml, "<!")) {
			return bad(xml);
		} else if (at(xml, "</")) {
			return close_element(xml);
		} else if (*xml->p == '<') {
			return open_element(xml);
		} else if (!xml->depth) {
			skip_blanks(xml);
			if (xml->p < xml->end && *xml->p != '<')
				return bad(xml);
		} else if (xml->text.n >= MAX_TEXT || !*xml->p) {
			return bad(xml);
		} else if (*xml->p == '&') {
			if (!entity(xml))
				return bad(xml);
		} else {
			ap_str_addc(&xml->text, *xml->p++);
		}
	}
	return xml->depth || !xml->seen || xml->text.failed ? bad(xml) : AP_XML_END;
}

bool ap_xml_is(const struct ap_xml *xml, const char *parent, const char *name)
{
	return xml->depth && strcmp(xml->names[xml->depth - 1], name) == 0 &&
	       (parent ? xml->depth > 1 && strcmp(xml->names[xml->depth - 2], parent) == 0
		       : xml->depth == 1);
}
