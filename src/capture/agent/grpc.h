/*
 * Calls to a gRPC server on a unix socket: HTTP/2 from the first byte on (no TLS, no upgrade), one
 * message there and one back.
 *
 * Ownership: struct ap_grpc owns its handle until ap_grpc_close(). One deadline holds for all calls
 * of it.
 */
#ifndef AP_CAPTURE_AGENT_GRPC_H
#define AP_CAPTURE_AGENT_GRPC_H

#include "base/err.h"
#include "base/str.h"

struct ap_grpc {
	void *curl; /* NULL: closed */
	uint64_t deadline_ms;
	const char *socket;
};

struct ap_err *ap_grpc_open(const char *socket, double seconds, struct ap_grpc *ret);
void ap_grpc_close(struct ap_grpc *grpc);
#define AP_GRPC_AUTO AP_CLEANUP(ap_grpc_close) struct ap_grpc
/*
 * `method` is "runtime.v1.RuntimeService/ContainerStatus". AP_E_NOTFOUND: the server knows no such
 * thing; AP_E_UNSUPPORTED: no such method; AP_E_IO: it could not be asked.
 */
struct ap_err *ap_grpc_call(struct ap_grpc *grpc, const char *method, const struct ap_str *request,
			    struct ap_str *ret_answer);
/* The message of an answer's body: one frame, not compressed, and nothing behind it. */
struct ap_err *ap_grpc_unframe(struct ap_text body, struct ap_text *ret_message);

#endif
