#include "live/inspector.h"

#include <stdlib.h>

#include "base/json.h"
#include "live/clock.h"
#include "live/endpoint.h"
#include "live/listeners.h"
#include "live/websocket.h"

enum {
	LIST_LIMIT = 1 << 20,
	CLOSE_MS = 2000,
	POLL_MS = 10,
	MAX_EVENTS = 100000, /* that are passed over while one waits for an answer */
};

struct ap_inspector {
	struct ap_target *target;
	struct ap_inspector_options options;
	struct ap_endpoint endpoint;
	struct ap_websocket *socket;
	uint64_t last_id;
};

static struct ap_websocket_peer peer_of(const struct ap_inspector *i)
{
	return (struct ap_websocket_peer){
		.address = i->endpoint.address,
		.port = i->endpoint.port,
		.timeout_ms = i->options.timeout_ms,
		.cancelled = i->options.cancelled,
		.arg = i->options.arg,
	};
}

static struct ap_err *connect_socket(struct ap_inspector *i)
{
	struct ap_websocket_peer peer = peer_of(i);
	AP_STR_AUTO list = {0};
	struct ap_arena arena;
	struct ap_text path;

	AP_TRY(ap_http_get(&peer, "/json/list", LIST_LIMIT, &list));
	ap_arena_init(&arena, LIST_LIMIT * 4);
	struct ap_err *err = ap_protocol_read_targets(list.s ? list.s : "", list.n, &arena, &path);
	if (!err) {
		char *copy = ap_strndup(&arena, path.s, path.n);

		err = copy ? ap_websocket_open(&peer, copy, AP_PROTOCOL_MAX, &i->socket)
			   : &ap_err_nomem;
	}
	ap_arena_close(&arena);
	return err;
}

struct ap_err *ap_inspector_open(struct ap_target *target,
				 const struct ap_inspector_options *options,
				 struct ap_inspector **ret_inspector)
{
	struct ap_inspector *i = calloc(1, sizeof(*i));

	if (!i)
		return &ap_err_nomem;
	i->target = target;
	i->options = *options;
	struct ap_err *err = ap_endpoint_find(target, options, &i->endpoint);
	if (!err)
		err = ap_endpoint_enter(target);
	if (!err)
		err = connect_socket(i);
	if (err) {
		free(i);
		return err;
	}
	*ret_inspector = i;
	return NULL;
}

/* Evaluates without waiting for an answer: it closes the connection on which one would come. */
static void ask_to_end(struct ap_inspector *i, const char *expression)
{
	struct ap_arena arena;

	ap_arena_init(&arena, 1 << 20);
	unsigned timeout = i->options.timeout_ms;
	i->options.timeout_ms = CLOSE_MS;
	ap_err_free(ap_inspector_evaluate(i, expression, true, &arena, NULL));
	i->options.timeout_ms = timeout;
	ap_arena_close(&arena);
}

static bool still_listens(const struct ap_inspector *i)
{
	AP_LISTENERS_AUTO own = {0};
	AP_ERR_AUTO err = ap_listeners_read(i->target->pid, false, &own);

	return !err && ap_listeners_find(&own, i->endpoint.inode);
}

static bool wait_shut(const struct ap_inspector *i)
{
	for (uint64_t deadline = ap_now_ms() + CLOSE_MS; ap_now_ms() < deadline;
	     ap_sleep_ms(POLL_MS)) {
		if (!still_listens(i))
			return true;
	}
	return false;
}

/*
 * From a timer, when no JavaScript waits below us to go on; at once in the middle of a loop, where
 * no timer would ever come. Both were seen to leave Node 16 to 26 running and able to open again.
 */
static bool shut(struct ap_inspector *i)
{
	ask_to_end(
		i,
		"/\\n.*\\n/.test(new Error().stack) ? process._debugEnd() : void setTimeout(() => process._debugEnd(), 1)");
	if (wait_shut(i))
		return true;
	ask_to_end(i, "process._debugEnd()");
	return wait_shut(i);
}

void ap_inspector_leave(struct ap_inspector *i)
{
	if (!i)
		return;
	ap_websocket_close(i->socket);
	free(i);
}

bool ap_inspector_close(struct ap_inspector *i)
{
	bool fine = !i || i->endpoint.was_open || ap_target_wait_end(i->target, 0) || shut(i);

	ap_inspector_leave(i);
	return fine;
}

void ap_inspector_set_timeout(struct ap_inspector *i, unsigned timeout_ms)
{
	i->options.timeout_ms = timeout_ms;
}

uint16_t ap_inspector_port(const struct ap_inspector *i)
{
	return i->endpoint.port;
}

bool ap_inspector_was_open(const struct ap_inspector *i)
{
	return i->endpoint.was_open;
}

static struct ap_err *send_call(struct ap_inspector *i, const char *method, const char *params)
{
	AP_STR_AUTO text = {0};

	ap_str_addf(&text, "{\"id\":%llu,\"method\":\"%s\"", (unsigned long long)++i->last_id,
		    method);
	if (params)
		ap_str_addf(&text, ",\"params\":%s", params);
	ap_str_addc(&text, '}');
	return text.failed ? &ap_err_nomem : ap_websocket_send(i->socket, text.s, text.n);
}

struct ap_err *ap_inspector_call(struct ap_inspector *i, const char *method, const char *params,
				 const char *until_event, struct ap_arena *arena,
				 struct ap_text *ret_body)
{
	AP_TRY(send_call(i, method, params));
	for (unsigned n = 0; n < MAX_EVENTS; n++) {
		struct ap_protocol_message message;
		struct ap_text text;

		AP_TRY(ap_websocket_receive(i->socket, i->options.timeout_ms, &text));
		if (!text.s) {
			*ret_body = text;
			return NULL;
		}
		AP_TRY(ap_protocol_read(text.s, text.n, arena, &message));
		if (!message.is_reply && until_event && ap_text_is(message.method, until_event)) {
			*ret_body = (struct ap_text){0};
			return NULL;
		}
		if (!message.is_reply || message.id != i->last_id)
			continue;
		if (message.error.s)
			return ap_err_new(AP_E_UNSUPPORTED, "%s was refused: %.*s", method,
					  AP_TEXT_ARG(message.error));
		*ret_body = message.body.s ? message.body : AP_TEXT("{}");
		return NULL;
	}
	return ap_err_new(AP_E_LIMIT, "%s was not answered in %d messages", method, MAX_EVENTS);
}

struct ap_err *ap_inspector_evaluate(struct ap_inspector *i, const char *expression, bool by_value,
				     struct ap_arena *arena, struct ap_protocol_value *ret)
{
	AP_STR_AUTO params = {0};
	struct ap_protocol_value value = {0};
	struct ap_json j;
	struct ap_text body;

	ap_json_init(&j, &params, NULL);
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "expression", expression);
	ap_json_bool(&j, "includeCommandLineAPI", true);
	ap_json_bool(&j, "silent", true);
	ap_json_bool(&j, "returnByValue", by_value);
	ap_json_cstr(&j, "objectGroup", "autopsy");
	ap_json_end_object(&j);
	if (params.failed)
		return &ap_err_nomem;
	AP_TRY(ap_inspector_call(i, "Runtime.evaluate", params.s, NULL, arena, &body));
	if (!body.s)
		return ap_err_new(AP_E_IO, "process %d closed the connection", i->target->pid);
	AP_TRY(ap_protocol_read_value(body, arena, &value));
	if (value.exception.s)
		return ap_err_new(AP_E_FORMAT, "process %d threw: %.*s", i->target->pid,
				  AP_TEXT_ARG(value.exception));
	if (ret)
		*ret = value;
	return NULL;
}
