#include "node/loop.h"

enum {
	/* uv_handle_t */
	HANDLE_DATA = 0,
	HANDLE_LOOP = 8,
	HANDLE_TYPE = 16,
	HANDLE_QUEUE = 32, /* next, prev */
	HANDLE_FLAGS = 88,
	/* uv_stream_t: tcp, pipe, tty */
	STREAM_QUEUED = 96,
	STREAM_CONNECT = 120,
	STREAM_FD = 184,
	STREAM_CONNECTION_CB = 224,
	PIPE_NAME = 256,
	/* the others */
	UDP_QUEUED = 96,
	UDP_FD = 176,
	POLL_FD = 152,
	PROCESS_PID = 104,
	SIGNAL_NUMBER = 104,
	FS_EVENT_PATH = 96,
	FS_POLL_CONTEXT = 96,
	POLL_CONTEXT_PATH = 800, /* of libuv's struct poll_ctx */
	/* uv_req_t and what extends it */
	REQUEST_TYPE = 8,
	FS_TYPE = 64,
	FS_PATH = 104,
	FS_NEW_PATH = 272,
	FS_FILE = 280,
	ADDRINFO_HOST = 128,
	ADDRINFO_SERVICE = 136,
	/* flags */
	CLOSING = 1,
	CLOSED = 2,
	ACTIVE = 4,
	REFERENCED = 8,
	READABLE = 0x4000,
	WRITABLE = 0x8000,
	/* how far into a wrap its handle or request is looked for */
	WRAP_BYTES = 1024,
	PATH_MAX_BYTES = 4096,
};

const char *ap_uv_type_name(unsigned type)
{
	static const char *const names[AP_UV_N_TYPES] = {
		[AP_UV_ASYNC] = "async",       [AP_UV_CHECK] = "check",
		[AP_UV_FS_EVENT] = "fs_event", [AP_UV_FS_POLL] = "fs_poll",
		[AP_UV_HANDLE] = "handle",     [AP_UV_IDLE] = "idle",
		[AP_UV_PIPE] = "pipe",         [AP_UV_POLL] = "poll",
		[AP_UV_PREPARE] = "prepare",   [AP_UV_PROCESS] = "process",
		[AP_UV_STREAM] = "stream",     [AP_UV_TCP] = "tcp",
		[AP_UV_TIMER] = "timer",       [AP_UV_TTY] = "tty",
		[AP_UV_UDP] = "udp",           [AP_UV_SIGNAL] = "signal",
	};

	return type < AP_UV_N_TYPES ? names[type] : NULL;
}

bool ap_uv_is_linked_handle(const struct ap_image *image, ap_addr address, ap_addr *ret_loop,
			    unsigned *ret_type)
{
	ap_addr loop, next, prev, back;
	uint32_t type;

	if (address & 7 || !ap_image_u32(image, address + HANDLE_TYPE, &type) ||
	    !ap_uv_type_name(type) || !ap_image_u64(image, address + HANDLE_LOOP, &loop) ||
	    loop & 7 || !ap_image_u64(image, address + HANDLE_QUEUE, &next) ||
	    !ap_image_u64(image, address + HANDLE_QUEUE + 8, &prev) ||
	    !ap_image_u64(image, next + 8, &back) || back != address + HANDLE_QUEUE ||
	    !ap_image_u64(image, prev, &back) || back != address + HANDLE_QUEUE ||
	    !ap_image_u64(image, loop, &back))
		return false;
	*ret_loop = loop;
	*ret_type = type;
	return true;
}

static struct ap_text text_at(const struct ap_image *image, ap_addr pointer, struct ap_arena *arena)
{
	ap_addr at;
	char *text;

	if (!ap_image_u64(image, pointer, &at) || !at)
		return (struct ap_text){NULL, 0};
	text = ap_image_cstr(image, at, PATH_MAX_BYTES, arena);
	return text ? ap_text_of(text) : (struct ap_text){NULL, 0};
}

static const char *stream_state(const struct ap_image *image, ap_addr h, uint32_t flags)
{
	ap_addr listening = 0, connecting = 0;
	uint32_t both = flags & (READABLE | WRITABLE);

	if (flags & (CLOSING | CLOSED))
		return "closing";
	if (ap_image_u64(image, h + STREAM_CONNECTION_CB, &listening) && listening)
		return "listening";
	if (ap_image_u64(image, h + STREAM_CONNECT, &connecting) && connecting)
		return "connecting";
	if (both == (READABLE | WRITABLE))
		return "open";
	return both == READABLE ? "read-only" : both == WRITABLE ? "write-only" : "unconnected";
}

bool ap_uv_handle_read(const struct ap_image *image, ap_addr address, struct ap_arena *arena,
		       struct ap_uv_handle *ret)
{
	struct ap_uv_handle h = {.address = address, .fd = -1, .pid = -1, .signal = -1};
	uint32_t flags, n = 0;
	ap_addr context;
	unsigned type;

	if (!ap_uv_is_linked_handle(image, address, &h.loop, &type) ||
	    !ap_image_u32(image, address + HANDLE_FLAGS, &flags))
		return false;
	h.type = (enum ap_uv_type)type;
	h.active = flags & ACTIVE;
	h.referenced = flags & REFERENCED;
	h.closing = flags & (CLOSING | CLOSED);
	switch (h.type) {
	case AP_UV_TCP:
	case AP_UV_PIPE:
	case AP_UV_TTY:
		if (ap_image_u32(image, address + STREAM_FD, &n))
			h.fd = (int)n;
		h.state = stream_state(image, address, flags);
		h.has_queued_bytes = ap_image_u64(image, address + STREAM_QUEUED, &h.queued_bytes);
		if (h.type == AP_UV_PIPE)
			h.path = text_at(image, address + PIPE_NAME, arena);
		break;
	case AP_UV_UDP:
		if (ap_image_u32(image, address + UDP_FD, &n))
			h.fd = (int)n;
		h.has_queued_bytes = ap_image_u64(image, address + UDP_QUEUED, &h.queued_bytes);
		break;
	case AP_UV_POLL:
		if (ap_image_u32(image, address + POLL_FD, &n))
			h.fd = (int)n;
		break;
	case AP_UV_PROCESS:
		if (ap_image_u32(image, address + PROCESS_PID, &n) && n)
			h.pid = (int)n;
		break;
	case AP_UV_SIGNAL:
		if (ap_image_u32(image, address + SIGNAL_NUMBER, &n) && n)
			h.signal = (int)n;
		break;
	case AP_UV_FS_EVENT:
		h.path = text_at(image, address + FS_EVENT_PATH, arena);
		break;
	case AP_UV_FS_POLL:
		if (ap_image_u64(image, address + FS_POLL_CONTEXT, &context) && context) {
			char *path = ap_image_cstr(image, context + POLL_CONTEXT_PATH,
						   PATH_MAX_BYTES, arena);

			h.path = path ? ap_text_of(path) : (struct ap_text){NULL, 0};
		}
		break;
	default:
		break;
	}
	*ret = h;
	return true;
}

bool ap_uv_handle_of(const struct ap_image *image, ap_addr wrap, ap_addr loop,
		     struct ap_arena *arena, struct ap_uv_handle *ret)
{
	for (uint64_t at = 8; at < WRAP_BYTES; at += 8) {
		ap_addr handle, data;
		struct ap_uv_handle h;

		if (!ap_image_u64(image, wrap + at, &handle))
			return false;
		if (handle && ap_image_u64(image, handle + HANDLE_DATA, &data) && data == wrap &&
		    ap_uv_handle_read(image, handle, arena, &h) && (!loop || h.loop == loop)) {
			*ret = h;
			return true;
		}
	}
	return false;
}

static const char *request_kind(unsigned type)
{
	static const char *const names[] = {
		/* uv_req_type */
		[2] = "connect", [3] = "write", [4] = "shutdown",    [5] = "udp_send",
		[6] = "fs",      [7] = "work",  [8] = "getaddrinfo", [9] = "getnameinfo",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

static const char *fs_operation(unsigned type)
{
	static const char *const names[] = {
		/* uv_fs_type */
		NULL,       "open",     "close",     "read",    "write",    "sendfile", "stat",
		"lstat",    "fstat",    "ftruncate", "utime",   "futime",   "access",   "chmod",
		"fchmod",   "fsync",    "fdatasync", "unlink",  "rmdir",    "mkdir",    "mkdtemp",
		"rename",   "scandir",  "link",      "symlink", "readlink", "chown",    "fchown",
		"realpath", "copyfile", "lchown",    "opendir", "readdir",  "closedir", "statfs",
		"mkstemp",  "lutime",
	};

	return type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;
}

/* Operations on a file that is open already. */
static bool has_file(const char *operation)
{
	static const char *const names[] = {"close", "read",      "write",  "sendfile",
					    "fstat", "ftruncate", "futime", "fchmod",
					    "fsync", "fdatasync", "fchown"};

	for (size_t i = 0; operation && i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(operation, names[i]) == 0)
			return true;
	}
	return false;
}

bool ap_uv_request_of(const struct ap_image *image, ap_addr wrap, struct ap_arena *arena,
		      struct ap_uv_request *ret)
{
	for (uint64_t at = 8; at < WRAP_BYTES; at += 8) {
		struct ap_uv_request r = {.address = wrap + at, .fd = -1};
		ap_addr data;
		uint32_t type, n;

		if (!ap_image_u64(image, r.address, &data))
			return false;
		if (data != wrap || !ap_image_u32(image, r.address + REQUEST_TYPE, &type) ||
		    !request_kind(type))
			continue;
		r.kind = request_kind(type);
		if (type == 6 && ap_image_u32(image, r.address + FS_TYPE, &n)) {
			r.operation = fs_operation(n);
			r.path = text_at(image, r.address + FS_PATH, arena);
			r.new_path = text_at(image, r.address + FS_NEW_PATH, arena);
			if (has_file(r.operation) && ap_image_u32(image, r.address + FS_FILE, &n))
				r.fd = (int)n;
		}
		if (type == 8) {
			r.host = text_at(image, r.address + ADDRINFO_HOST, arena);
			r.service = text_at(image, r.address + ADDRINFO_SERVICE, arena);
		}
		*ret = r;
		return true;
	}
	return false;
}
