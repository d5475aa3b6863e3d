#include "live/websocket.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>

#include "live/clock.h"

enum { WAKE_MS = 50, CHUNK_BYTES = 64 << 10, CLOSE_MS = 500 };

enum state { CONNECTING, OPEN, CLOSED };
enum wanted { AN_OPEN_SOCKET, A_MESSAGE };

struct ap_websocket {
	struct ap_websocket_peer peer;
	struct lws_context *context;
	struct lws *wsi;
	lws_sorted_usec_list_t wake;
	enum state state;
	bool http;
	unsigned status;  /* of an HTTP answer */
	char reason[160]; /* why it failed, "" if it did not */
	size_t max_in;
	struct ap_str in;        /* the message or body that arrives */
	bool in_whole, in_taken; /* it is all there; the caller has it */
	struct ap_str out;       /* LWS_PRE bytes, then the message to send */
	bool out_waits, closing;
};

static void fail(struct ap_websocket *s, struct ap_text reason)
{
	if (!*s->reason)
		snprintf(s->reason, sizeof(s->reason), "%.*s", AP_TEXT_ARG(reason));
	s->state = CLOSED;
}

/* False: close the connection. */
static bool take(struct ap_websocket *s, const void *data, size_t bytes)
{
	if (bytes > s->max_in - s->in.n) {
		fail(s, AP_TEXT("it sent more than we take"));
		return false;
	}
	ap_str_add(&s->in, data, bytes);
	return !s->in.failed;
}

static int on_message(struct ap_websocket *s, struct lws *wsi, const void *data, size_t bytes)
{
	/* lws keeps back what comes while the flow is stopped; were it not so, nothing is mixed up.
	 */
	if (s->in_whole || !take(s, data, bytes))
		return -1;
	if (lws_is_final_fragment(wsi) && !lws_remaining_packet_payload(wsi)) {
		s->in_whole = true;
		/* One at a time: the next one waits in the socket until this one was read. */
		lws_rx_flow_control(wsi, 0);
	}
	return 0;
}

static int on_http_data(struct lws *wsi)
{
	char chunk[CHUNK_BYTES + LWS_PRE], *p = chunk + LWS_PRE;
	int n = CHUNK_BYTES;

	return lws_http_client_read(wsi, &p, &n) < 0 ? -1 : 0;
}

static int on_writable(struct ap_websocket *s, struct lws *wsi)
{
	if (s->closing) {
		lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
		return -1;
	}
	if (!s->out_waits)
		return 0;
	s->out_waits = false;
	size_t n = s->out.n - LWS_PRE;
	return lws_write(wsi, (unsigned char *)s->out.s + LWS_PRE, n, LWS_WRITE_TEXT) < (int)n ? -1
											       : 0;
}

static int callback(struct lws *wsi, enum lws_callback_reasons why, void *user, void *data,
		    size_t bytes)
{
	struct lws_context *context = lws_get_context(wsi);
	struct ap_websocket *s = context ? lws_context_user(context) : NULL;

	if (!s || (s->wsi && wsi != s->wsi))
		return lws_callback_http_dummy(wsi, why, user, data, bytes);
	switch (why) {
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		fail(s, data ? (struct ap_text){data, bytes} : AP_TEXT("no connection"));
		return 0;
	case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
		s->status = lws_http_client_http_response(wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP:
		return on_http_data(wsi);
	case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ:
		return take(s, data, bytes) ? 0 : -1;
	case LWS_CALLBACK_COMPLETED_CLIENT_HTTP:
		s->in_whole = true;
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		s->state = OPEN;
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		return on_message(s, wsi, data, bytes);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return s->http ? 0 : on_writable(s, wsi);
	case LWS_CALLBACK_CLIENT_CLOSED:
	case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
		s->state = CLOSED;
		return 0;
	default:
		return lws_callback_http_dummy(wsi, why, user, data, bytes);
	}
}

static const struct lws_protocols protocols[] = {
	{.name = "autopsy", .callback = callback, .rx_buffer_size = CHUNK_BYTES},
	{0},
};

/* lws_service() sleeps until something happens: this does. */
static void on_wake(lws_sorted_usec_list_t *wake)
{
	(void)wake;
}

static void turn(struct ap_websocket *s)
{
	lws_sul_schedule(s->context, 0, &s->wake, on_wake, WAKE_MS * LWS_US_PER_MS);
	lws_service(s->context, 0);
}

static bool is_done(const struct ap_websocket *s, enum wanted wanted)
{
	return s->state == CLOSED || s->in_whole || (wanted == AN_OPEN_SOCKET && s->state == OPEN);
}

/* Until it is done, the deadline, or somebody asks us to stop. */
static struct ap_err *wait_for(struct ap_websocket *s, enum wanted wanted, unsigned timeout_ms)
{
	uint64_t deadline = ap_now_ms() + timeout_ms;

	while (!is_done(s, wanted)) {
		if (s->peer.cancelled && s->peer.cancelled(s->peer.arg))
			return &ap_err_cancelled;
		if (ap_now_ms() >= deadline)
			return ap_err_new(AP_E_LIMIT, "nothing came from port %u in %u ms",
					  s->peer.port, timeout_ms);
		turn(s);
	}
	return NULL;
}

static struct ap_err *connect_to(const struct ap_websocket_peer *peer, const char *path, bool http,
				 size_t max_in, struct ap_websocket **ret)
{
	struct ap_websocket *s = calloc(1, sizeof(*s));
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.protocols = protocols,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.user = s,
		.fd_limit_per_thread = 16,
		.pt_serv_buf_size = CHUNK_BYTES,
		.options = LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS,
	};
	char host[80];

	if (!s)
		return &ap_err_nomem;
	lws_set_log_level(0, NULL);
	s->peer = *peer;
	s->http = http;
	s->max_in = max_in;
	s->context = lws_create_context(&info);
	if (!s->context) {
		free(s);
		return ap_err_new(AP_E_IO, "libwebsockets does not start");
	}
	snprintf(host, sizeof(host), strchr(peer->address, ':') ? "[%s]:%u" : "%s:%u",
		 peer->address, peer->port);
	struct lws_client_connect_info to = {
		.context = s->context,
		.address = peer->address,
		.port = peer->port,
		.path = path,
		.host = host,
		.method = http ? "GET" : NULL,
		.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT,
		.local_protocol_name = protocols[0].name,
		.ietf_version_or_minus_one = -1,
		.pwsi = &s->wsi,
	};
	if (!lws_client_connect_via_info(&to) && !*s->reason)
		fail(s, AP_TEXT("no connection"));
	*ret = s;
	return NULL;
}

static struct ap_err *failure(const struct ap_websocket *s, const char *what)
{
	return ap_err_new(AP_E_IO, "%s at %s port %u failed: %s", what, s->peer.address,
			  s->peer.port,
			  *s->reason ? s->reason : "the other side closed the connection");
}

void ap_websocket_close(struct ap_websocket *s)
{
	if (!s)
		return;
	if (s->state == OPEN && !s->http) {
		uint64_t deadline = ap_now_ms() + CLOSE_MS;

		/* With a close frame, so that the other side knows at once. */
		s->closing = true;
		lws_rx_flow_control(s->wsi, 1);
		lws_callback_on_writable(s->wsi);
		while (s->state == OPEN && ap_now_ms() < deadline)
			turn(s);
	}
	lws_sul_schedule(s->context, 0, &s->wake, on_wake, LWS_SET_TIMER_USEC_CANCEL);
	lws_context_destroy(s->context);
	ap_str_close(&s->in);
	ap_str_close(&s->out);
	free(s);
}

struct ap_err *ap_http_get(const struct ap_websocket_peer *peer, const char *path, size_t limit,
			   struct ap_str *out)
{
	struct ap_websocket *s;

	AP_TRY(connect_to(peer, path, true, limit, &s));
	struct ap_err *err = wait_for(s, A_MESSAGE, peer->timeout_ms);
	if (!err && !s->in_whole)
		err = failure(s, "GET");
	else if (!err && s->status != 200)
		err = ap_err_new(AP_E_FORMAT, "%s port %u answers %u to %s: it is no inspector",
				 peer->address, peer->port, s->status, path);
	else if (!err)
		ap_str_add(out, s->in.s ? s->in.s : "", s->in.n);
	ap_websocket_close(s);
	return err ? err : out->failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_websocket_open(const struct ap_websocket_peer *peer, const char *path,
				 size_t max_message, struct ap_websocket **ret_socket)
{
	struct ap_websocket *s;

	AP_TRY(connect_to(peer, path, false, max_message, &s));
	struct ap_err *err = wait_for(s, AN_OPEN_SOCKET, peer->timeout_ms);
	if (!err && s->state != OPEN)
		err = failure(s, "a WebSocket");
	if (err) {
		ap_websocket_close(s);
		return err;
	}
	*ret_socket = s;
	return NULL;
}

struct ap_err *ap_websocket_send(struct ap_websocket *s, const char *text, size_t bytes)
{
	if (s->state != OPEN)
		return failure(s, "the connection");
	ap_str_clear(&s->out);
	ap_str_pad(&s->out, LWS_PRE, ' ');
	ap_str_add(&s->out, text, bytes);
	if (s->out.failed)
		return &ap_err_nomem;
	s->out_waits = true;
	lws_callback_on_writable(s->wsi);
	return NULL;
}

struct ap_err *ap_websocket_receive(struct ap_websocket *s, unsigned timeout_ms,
				    struct ap_text *ret_text)
{
	if (s->in_taken) {
		s->in_taken = s->in_whole = false;
		ap_str_clear(&s->in);
		if (s->state == OPEN)
			lws_rx_flow_control(s->wsi, 1);
	}
	AP_TRY(wait_for(s, A_MESSAGE, timeout_ms));
	if (!s->in_whole) {
		if (*s->reason)
			return failure(s, "the connection");
		*ret_text = (struct ap_text){0};
		return NULL;
	}
	s->in_taken = true;
	*ret_text = (struct ap_text){s->in.s ? s->in.s : "", s->in.n};
	return NULL;
}
