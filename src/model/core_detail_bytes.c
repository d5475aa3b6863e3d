/* The full form of buffers and of the views on them. */
#include "model/core_value.h"

/* As hexadecimal, up to the limit; s == NULL if the bytes are not in the core. */
static struct ap_text bytes_hex(struct ap_detail_job *job, ap_addr data, uint64_t length)
{
	static const char digits[] = "0123456789abcdef";
	AP_STR_AUTO out = {0};
	uint64_t n = length, done = 0;

	if (!length)
		return AP_TEXT("");
	if (job->limits->bytes && n > job->limits->bytes) {
		n = job->limits->bytes;
		job->d->truncated = true;
	}
	while (done < n) {
		uint64_t have;
		const uint8_t *p = ap_image_view(job->v8->image, data + done, &have);

		if (!p) {
			ap_core_gap(job->core, data + done);
			if (!done)
				return (struct ap_text){NULL, 0};
			job->d->truncated = true;
			break;
		}
		for (uint64_t i = 0; i < have && done < n; i++, done++) {
			ap_str_addc(&out, digits[p[i] >> 4]);
			ap_str_addc(&out, digits[p[i] & 15]);
		}
	}
	return ap_str_text(&out, job->arena);
}

/* Bytes that may begin a sequence and how many follow; the first of those has a narrower range. */
static unsigned sequence(uint8_t lead, uint8_t *low, uint8_t *high)
{
	*low = 0x80;
	*high = 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (lead == 0xe0)
			*low = 0xa0;
		if (lead == 0xed)
			*high = 0x9f;
		return 2;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (lead == 0xf0)
			*low = 0x90;
		if (lead == 0xf4)
			*high = 0x8f;
		return 3;
	}
	return 0;
}

/* UTF-8 as the WHATWG decoder and V8 read it: each broken part becomes one U+FFFD. */
static void decode(const uint8_t *p, uint64_t n, uint64_t max_units, bool *cut, struct ap_str *out)
{
	uint64_t i = 0, units = 0;

	while (i < n) {
		uint8_t low, high;
		unsigned more, got = 0;

		if (units >= max_units) {
			*cut = true;
			return;
		}
		units++;
		if (p[i] < 0x80) {
			ap_str_addc(out, (char)p[i++]);
			continue;
		}
		more = sequence(p[i], &low, &high);
		while (got < more && i + 1 + got < n && p[i + 1 + got] >= low &&
		       p[i + 1 + got] <= high) {
			got++;
			low = 0x80;
			high = 0xbf;
		}
		if (more && got == more)
			ap_str_add(out, (const char *)p + i, 1 + more);
		else
			ap_str_adds(out, "\xef\xbf\xbd");
		units += more == 3 && got == more;
		i += 1 + got;
	}
}

static struct ap_text bytes_text(struct ap_detail_job *job, ap_addr data, uint64_t length)
{
	AP_STR_AUTO out = {0};
	uint64_t max = job->limits->text_units ? job->limits->text_units : UINT64_MAX, have;
	const uint8_t *p;

	if (!length)
		return AP_TEXT("");
	p = ap_image_view(job->v8->image, data, &have);
	if (!p)
		return (struct ap_text){NULL, 0};
	if (have > length)
		have = length;
	if (have < length)
		job->d->truncated = true;
	decode(p, have, max, &job->d->truncated, &out);
	return ap_str_text(&out, job->arena);
}

static struct ap_err *detail_buffer(struct ap_detail_job *job)
{
	struct ap_buffer b;

	if (!ap_buffer_read(job->v8, job->object, &b)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	AP_TRY(ap_extra_int(job, "byte_length", (int64_t)b.byte_length));
	AP_TRY(b.resizable ? ap_extra_int(job, "max_byte_length", (int64_t)b.max_byte_length)
			   : ap_extra_null(job, "max_byte_length"));
	AP_TRY(ap_extra_bool(job, "detached", b.detached));
	/* Small ones that a typed array made for itself have no memory of their own yet. */
	return ap_extra_text(job, "bytes_hex",
			     b.data || !b.byte_length ? bytes_hex(job, b.data, b.byte_length)
						      : (struct ap_text){NULL, 0});
}

struct ap_err *ap_detail_bytes(struct ap_detail_job *job)
{
	enum ap_type type = job->d->self.type;
	struct ap_view view;

	if (type == AP_T_ARRAYBUFFER || type == AP_T_SHAREDARRAYBUFFER)
		return detail_buffer(job);
	if (!ap_view_read(job->v8, job->object, &view)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	if (type != AP_T_DATAVIEW) {
		job->d->length = (int64_t)view.length;
		AP_TRY(ap_extra_text(job, "array_type", ap_text_of(ap_typed_name(view.type))));
	}
	AP_TRY(ap_extra_int(job, "byte_length", (int64_t)view.byte_length));
	AP_TRY(ap_extra_int(job, "byte_offset", (int64_t)view.byte_offset));
	AP_TRY(ap_extra_ref(job, "buffer", view.buffer));
	if (type == AP_T_BUFFER) {
		AP_TRY(ap_extra_text(job, "bytes_hex",
				     bytes_hex(job, view.data, view.byte_length)));
		job->d->self.text = bytes_text(job, view.data, view.byte_length);
	}
	return NULL;
}
