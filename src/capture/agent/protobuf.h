/*
 * Protocol Buffers as they stand on the wire: just what the container runtime's interface needs.
 *
 * Ownership: a reader points into bytes that its creator keeps alive; the writer appends to the
 * caller's struct ap_str. Every length is checked against what is left; a damaged message ends the
 * reading with `bad`, so that a caller checks once, behind its loop.
 */
#ifndef AP_CAPTURE_AGENT_PROTOBUF_H
#define AP_CAPTURE_AGENT_PROTOBUF_H

#include "base/cursor.h"
#include "base/str.h"

enum ap_pb_wire { AP_PB_VARINT = 0, AP_PB_FIXED64 = 1, AP_PB_BYTES = 2, AP_PB_FIXED32 = 5 };

struct ap_pb {
	struct ap_cursor c;
	uint32_t field; /* of what ap_pb_next() found */
	enum ap_pb_wire wire;
	uint64_t value;       /* of a number */
	struct ap_text bytes; /* of AP_PB_BYTES: a text or a message */
	bool bad;
};

struct ap_pb ap_pb_of(struct ap_text message);
/* The next field; false at the end, and when the message is damaged. */
bool ap_pb_next(struct ap_pb *pb);

void ap_pb_put_bytes(struct ap_str *out, uint32_t field, struct ap_text bytes);
void ap_pb_put_uint(struct ap_str *out, uint32_t field, uint64_t value);

#endif
