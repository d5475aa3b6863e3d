#include "capture/agent/protobuf.h"

struct ap_pb ap_pb_of(struct ap_text message)
{
	return (struct ap_pb){.c = ap_cursor_of(message.s ? message.s : "", message.n)};
}

static uint64_t varint(struct ap_cursor *c)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 70; shift += 7) {
		uint8_t b = ap_cursor_u8(c);

		/* Of the tenth byte one bit is left. */
		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (!(b & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}

bool ap_pb_next(struct ap_pb *pb)
{
	if (pb->bad || !ap_cursor_left(&pb->c))
		return false;
	uint64_t tag = varint(&pb->c);

	pb->value = 0;
	pb->bytes = (struct ap_text){"", 0};
	pb->field = (uint32_t)(tag >> 3);
	pb->wire = (enum ap_pb_wire)(tag & 7);
	if (!pb->field || tag >> 32) {
		pb->bad = true;
		return false;
	}
	switch (pb->wire) {
	case AP_PB_VARINT:
		pb->value = varint(&pb->c);
		break;
	case AP_PB_FIXED64:
		pb->value = ap_cursor_u64(&pb->c);
		break;
	case AP_PB_FIXED32:
		pb->value = ap_cursor_u32(&pb->c);
		break;
	case AP_PB_BYTES: {
		uint64_t n = varint(&pb->c);
		const uint8_t *p = ap_cursor_bytes(&pb->c, n);

		if (p)
			pb->bytes = (struct ap_text){(const char *)p, (size_t)n};
		break;
	}
	default: /* groups, which nobody has used since 2008, and what does not exist */
		pb->c.bad = true;
	}
	pb->bad = pb->c.bad;
	return !pb->bad;
}

static void put_varint(struct ap_str *out, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		ap_str_addc(out, (char)(v | 0x80));
	ap_str_addc(out, (char)v);
}

void ap_pb_put_bytes(struct ap_str *out, uint32_t field, struct ap_text bytes)
{
	put_varint(out, (uint64_t)field << 3 | AP_PB_BYTES);
	put_varint(out, bytes.n);
	ap_str_add(out, bytes.s, bytes.n);
}

void ap_pb_put_uint(struct ap_str *out, uint32_t field, uint64_t value)
{
	put_varint(out, (uint64_t)field << 3 | AP_PB_VARINT);
	put_varint(out, value);
}
