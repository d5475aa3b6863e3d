/*
 * What ncore takes from others: the inspector's messages, its list of targets, what the program
 * says of itself, and the kernel's table of sockets (whose length others decide). The first byte
 * chooses.
 */
#include <stdint.h>
#include <stdlib.h>

#include "live/listeners.h"
#include "live/ncore.h"
#include "live/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void table(const char *text, size_t bytes)
{
	AP_LISTENERS_AUTO found = {0};

	ap_listeners_parse(text, bytes, false, &found);
	ap_listeners_parse(text, bytes, true, &found);
	for (size_t i = 0; i < found.n; i++) {
		char address[AP_ADDRESS_MAX];

		ap_listener_address(&found.at[i], address);
		(void)ap_listener_on_loopback(&found.at[i]);
	}
}

static void messages(const char *text, size_t bytes, struct ap_arena *arena)
{
	struct ap_protocol_message message;
	struct ap_protocol_value value;
	AP_ERR_AUTO err = ap_protocol_read(text, bytes, arena, &message);

	/* A body is a slice of the message and must be one that stands alone. */
	if (!err && message.body.s)
		ap_err_free(ap_protocol_read_value(message.body, arena, &value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *text = (const char *)data + 1;
	struct ap_ncore_look look;
	struct ap_text path;
	struct ap_arena arena;
	AP_STR_AUTO out = {0};

	if (!bytes--)
		return 0;
	ap_arena_init(&arena, 1 << 26);
	switch (data[0]) {
	case 'm':
		messages(text, bytes, &arena);
		break;
	case 't':
		ap_err_free(ap_protocol_read_targets(text, bytes, &arena, &path));
		break;
	case 'l':
		ap_err_free(ap_ncore_read_look((struct ap_text){text, bytes}, &arena, &look));
		break;
	case 'w':
		ap_err_free(ap_ncore_mask_list((struct ap_text){text, bytes}, false, false, &out));
		break;
	case 'e':
		ap_err_free(ap_ncore_mask_list((struct ap_text){text, bytes}, true, false, &out));
		break;
	default:
		table(text, bytes);
		break;
	}
	ap_arena_close(&arena);
	return 0;
}
