#include "ship/answer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ship/xml.h"

/* More than S3 puts into a page. */
enum { MAX_OF_A_PAGE = 10000 };

void ap_etag_clean(const char *s, size_t bytes, char ret_etag[static AP_ETAG_SIZE])
{
	size_t n = 0;

	ret_etag[0] = '\0';
	while (bytes && isspace((unsigned char)*s))
		s++, bytes--;
	if (bytes >= 2 && s[0] == 'W' && s[1] == '/')
		s += 2, bytes -= 2;
	for (size_t i = 0; i < bytes; i++) {
		if (s[i] == '"' || isspace((unsigned char)s[i]))
			continue;
		if (n + 1 == AP_ETAG_SIZE || !isgraph((unsigned char)s[i])) {
			ret_etag[0] = '\0';
			return;
		}
		ret_etag[n++] = (char)tolower((unsigned char)s[i]);
	}
	ret_etag[n] = '\0';
}

static struct ap_err *no_answer(const char *what)
{
	return ap_err_hint(ap_err_new(AP_E_FORMAT, "the store's answer is no %s", what),
			   "is the endpoint an S3 one, and is there a proxy between?");
}

static bool number(const struct ap_xml *x, uint64_t most, uint64_t *ret)
{
	const char *s = x->text.s ? x->text.s : "";
	char *end;

	s += strspn(s, " \t\r\n");
	errno = 0;
	unsigned long long v = strtoull(s, &end, 10);
	end += strspn(end, " \t\r\n");
	if (!isdigit((unsigned char)*s) || *end || errno || v > most)
		return false;
	*ret = v;
	return true;
}

static const char *text(const struct ap_xml *x, struct ap_arena *arena)
{
	return ap_strndup(arena, x->text.s ? x->text.s : "", x->text.n);
}

static double when(const struct ap_xml *x)
{
	struct tm tm = {0};
	const char *end = x->text.s ? strptime(x->text.s, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	return end ? (double)timegm(&tm) : 0;
}

static bool is_true(const struct ap_xml *x)
{
	return x->text.s && strcmp(x->text.s, "true") == 0;
}

struct ap_err *ap_answer_list(const char *xml, size_t bytes, struct ap_arena *arena,
			      struct ap_s3_page *ret)
{
	static const char root[] = "ListBucketResult";
	struct ap_s3_page page = {.next = NULL};
	struct ap_s3_object o = {.key = NULL};
	bool more = false, ok = true, root_seen = false;
	const char *next = NULL;
	enum ap_xml_event e;
	struct ap_xml x;

	ap_xml_init(&x, xml, bytes);
	while (ok && (e = ap_xml_next(&x)) < AP_XML_END) {
		if (e == AP_XML_OPEN) {
			root_seen = root_seen || ap_xml_is(&x, NULL, root);
			if (ap_xml_is(&x, root, "Contents"))
				o = (struct ap_s3_object){.key = NULL};
		} else if (ap_xml_is(&x, "Contents", "Key")) {
			ok = (o.key = text(&x, arena)) != NULL;
		} else if (ap_xml_is(&x, "Contents", "Size")) {
			ok = number(&x, INT64_MAX, &o.bytes);
		} else if (ap_xml_is(&x, "Contents", "ETag")) {
			ap_etag_clean(x.text.s ? x.text.s : "", x.text.n, o.etag);
		} else if (ap_xml_is(&x, "Contents", "LastModified")) {
			o.time = when(&x);
		} else if (ap_xml_is(&x, root, "Contents")) {
			ok = o.key && page.objects.n < MAX_OF_A_PAGE &&
			     ap_vec_push(arena, &page.objects, o);
		} else if (ap_xml_is(&x, root, "IsTruncated")) {
			more = is_true(&x);
		} else if (ap_xml_is(&x, root, "NextContinuationToken")) {
			ok = (next = text(&x, arena)) != NULL;
		}
	}
	ok = ok && !x.bad && root_seen && !(more && (!next || !*next));
	ap_xml_close(&x);
	if (!ok)
		return no_answer("list of objects");
	page.next = more ? next : NULL;
	*ret = page;
	return NULL;
}

struct ap_err *ap_answer_parts(const char *xml, size_t bytes, struct ap_arena *arena,
			       struct ap_s3_parts *ret)
{
	static const char root[] = "ListPartsResult";
	struct ap_s3_parts parts = {.next = 0};
	struct ap_s3_part part = {0};
	bool more = false, ok = true, root_seen = false;
	uint64_t next = 0, v;
	enum ap_xml_event e;
	struct ap_xml x;

	ap_xml_init(&x, xml, bytes);
	while (ok && (e = ap_xml_next(&x)) < AP_XML_END) {
		if (e == AP_XML_OPEN) {
			root_seen = root_seen || ap_xml_is(&x, NULL, root);
			if (ap_xml_is(&x, root, "Part"))
				part = (struct ap_s3_part){0};
		} else if (ap_xml_is(&x, "Part", "PartNumber")) {
			ok = number(&x, 10000, &v);
			part.number = ok ? (unsigned)v : 0;
		} else if (ap_xml_is(&x, "Part", "Size")) {
			ok = number(&x, INT64_MAX, &part.bytes);
		} else if (ap_xml_is(&x, "Part", "ETag")) {
			ap_etag_clean(x.text.s ? x.text.s : "", x.text.n, part.etag);
		} else if (ap_xml_is(&x, root, "Part")) {
			ok = part.number && parts.parts.n < MAX_OF_A_PAGE &&
			     ap_vec_push(arena, &parts.parts, part);
		} else if (ap_xml_is(&x, root, "IsTruncated")) {
			more = is_true(&x);
		} else if (ap_xml_is(&x, root, "NextPartNumberMarker") && x.text.n) {
			ok = number(&x, 10000, &next);
		}
	}
	ok = ok && !x.bad && root_seen && !(more && !next);
	ap_xml_close(&x);
	if (!ok)
		return no_answer("list of parts");
	parts.next = more ? (unsigned)next : 0;
	*ret = parts;
	return NULL;
}

struct ap_err *ap_answer_uploads(const char *xml, size_t bytes, struct ap_arena *arena,
				 struct ap_s3_pendings *ret)
{
	static const char root[] = "ListMultipartUploadsResult";
	struct ap_s3_pendings all = {.next_key = NULL};
	struct ap_s3_pending one = {.key = NULL};
	bool more = false, ok = true, root_seen = false;
	enum ap_xml_event e;
	struct ap_xml x;

	ap_xml_init(&x, xml, bytes);
	while (ok && (e = ap_xml_next(&x)) < AP_XML_END) {
		if (e == AP_XML_OPEN) {
			root_seen = root_seen || ap_xml_is(&x, NULL, root);
			if (ap_xml_is(&x, root, "Upload"))
				one = (struct ap_s3_pending){.key = NULL};
		} else if (ap_xml_is(&x, "Upload", "Key")) {
			ok = (one.key = text(&x, arena)) != NULL;
		} else if (ap_xml_is(&x, "Upload", "UploadId")) {
			ok = (one.id = text(&x, arena)) != NULL;
		} else if (ap_xml_is(&x, "Upload", "Initiated")) {
			one.time = when(&x);
		} else if (ap_xml_is(&x, root, "Upload")) {
			ok = one.key && one.id && all.uploads.n < MAX_OF_A_PAGE &&
			     ap_vec_push(arena, &all.uploads, one);
		} else if (ap_xml_is(&x, root, "IsTruncated")) {
			more = is_true(&x);
		} else if (ap_xml_is(&x, root, "NextKeyMarker")) {
			ok = (all.next_key = text(&x, arena)) != NULL;
		} else if (ap_xml_is(&x, root, "NextUploadIdMarker")) {
			ok = (all.next_id = text(&x, arena)) != NULL;
		}
	}
	ok = ok && !x.bad && root_seen && !(more && (!all.next_key || !*all.next_key));
	ap_xml_close(&x);
	if (!ok)
		return no_answer("list of uploads");
	if (!more)
		all.next_key = all.next_id = NULL;
	*ret = all;
	return NULL;
}

struct ap_err *ap_answer_initiated(const char *xml, size_t bytes, struct ap_arena *arena,
				   const char **ret_id)
{
	static const char root[] = "InitiateMultipartUploadResult";
	const char *id = NULL;
	enum ap_xml_event e;
	bool ok = true;
	struct ap_xml x;

	ap_xml_init(&x, xml, bytes);
	while (ok && (e = ap_xml_next(&x)) < AP_XML_END) {
		if (e == AP_XML_CLOSE && ap_xml_is(&x, root, "UploadId"))
			ok = (id = text(&x, arena)) != NULL;
	}
	ok = ok && !x.bad && id && *id;
	ap_xml_close(&x);
	if (!ok)
		return no_answer("beginning of an upload");
	*ret_id = id;
	return NULL;
}

struct ap_err *ap_answer_completed(const char *xml, size_t bytes, struct ap_arena *arena,
				   char ret_etag[static AP_ETAG_SIZE])
{
	static const char root[] = "CompleteMultipartUploadResult";
	char etag[AP_ETAG_SIZE] = "";
	struct ap_s3_refusal refusal;
	bool root_seen = false;
	enum ap_xml_event e;
	struct ap_xml x;

	ap_xml_init(&x, xml, bytes);
	while ((e = ap_xml_next(&x)) < AP_XML_END) {
		root_seen = root_seen || ap_xml_is(&x, NULL, root);
		if (e == AP_XML_CLOSE && ap_xml_is(&x, root, "ETag"))
			ap_etag_clean(x.text.s ? x.text.s : "", x.text.n, etag);
	}
	bool ok = !x.bad && root_seen && etag[0];
	ap_xml_close(&x);
	if (ok) {
		memcpy(ret_etag, etag, sizeof(etag));
		return NULL;
	}
	ap_answer_refusal(xml, bytes, arena, &refusal);
	if (!refusal.code)
		return no_answer("end of an upload");
	return ap_err_new(AP_E_IO, "the store could not join the parts: %s%s%s", refusal.code,
			  refusal.message ? ": " : "", refusal.message ? refusal.message : "");
}

void ap_answer_refusal(const char *xml, size_t bytes, struct ap_arena *arena,
		       struct ap_s3_refusal *ret)
{
	struct ap_s3_refusal r = {NULL, NULL, NULL};
	enum ap_xml_event e;
	struct ap_xml x;

	ap_xml_init(&x, xml, bytes);
	while ((e = ap_xml_next(&x)) < AP_XML_END) {
		if (e != AP_XML_CLOSE)
			continue;
		if (ap_xml_is(&x, "Error", "Code"))
			r.code = text(&x, arena);
		else if (ap_xml_is(&x, "Error", "Message"))
			r.message = text(&x, arena);
		else if (ap_xml_is(&x, "Error", "Region"))
			r.region = text(&x, arena);
	}
	bool ok = !x.bad;
	ap_xml_close(&x);
	*ret = ok ? r : (struct ap_s3_refusal){NULL, NULL, NULL};
}
