#include "live/uv_signals.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/*
 * uv_signal_t on 64-bit Linux (libuv 1.43 to 1.51, Node 16 to 26): UV_HANDLE_FIELDS take 96 bytes,
 * then come signal_cb, signum and tree_entry {left, right, parent, colour}.
 */
enum {
	HANDLE_TYPE = 16,
	HANDLE_SIGNUM = 104,
	HANDLE_LEFT = 112,
	HANDLE_RIGHT = 120,
	HANDLE_BYTES = 144,
	UV_SIGNAL = 16, /* of uv_handle_type */
	MAX_HANDLES = 4096,
	MAX_PENDING = 128, /* deeper than a red-black tree of MAX_HANDLES can be */
	AT_ENTRY_TYPE = 9,
};

static bool read_at(int mem, uint64_t addr, void *buf, size_t bytes)
{
	return pread(mem, buf, bytes, (off_t)addr) == (ssize_t)bytes;
}

/* Where the program was loaded, less where it was linked. */
static bool load_bias(pid_t pid, struct ap_elf *elf, uint64_t *ret_bias)
{
	AP_STR_AUTO auxv = {0};
	char path[64];
	uint64_t pair[2];

	*ret_bias = 0;
	if (!ap_elf_is_dynamic(elf))
		return true;
	snprintf(path, sizeof(path), "/proc/%d/auxv", pid);
	AP_ERR_AUTO err = ap_proc_read(path, 4096, &auxv);
	for (size_t at = 0; !err && at + sizeof(pair) <= auxv.n; at += sizeof(pair)) {
		memcpy(pair, auxv.s + at, sizeof(pair));
		if (pair[0] == AT_ENTRY_TYPE) {
			*ret_bias = pair[1] - ap_elf_entry(elf);
			return true;
		}
	}
	return false;
}

static enum ap_own_handler search(int mem, uint64_t tree, int wanted)
{
	uint64_t pending[MAX_PENDING], child[2];
	size_t n_pending = 0, n_seen = 0;
	uint8_t handle[HANDLE_BYTES];
	uint32_t type, signum;

	if (!read_at(mem, tree, &pending[0], sizeof(pending[0])))
		return AP_OWN_UNKNOWN;
	n_pending = pending[0] != 0;
	while (n_pending) {
		if (++n_seen > MAX_HANDLES ||
		    !read_at(mem, pending[--n_pending], handle, sizeof(handle)))
			return AP_OWN_UNKNOWN;
		memcpy(&type, handle + HANDLE_TYPE, sizeof(type));
		memcpy(&signum, handle + HANDLE_SIGNUM, sizeof(signum));
		if (type != UV_SIGNAL || !signum || signum > 64)
			return AP_OWN_UNKNOWN; /* another libuv: nothing is claimed */
		if ((int)signum == wanted)
			return AP_OWN_YES;
		memcpy(&child[0], handle + HANDLE_LEFT, sizeof(child[0]));
		memcpy(&child[1], handle + HANDLE_RIGHT, sizeof(child[1]));
		for (int i = 0; i < 2; i++) {
			if (!child[i])
				continue;
			if (n_pending == MAX_PENDING)
				return AP_OWN_UNKNOWN;
			pending[n_pending++] = child[i];
		}
	}
	return AP_OWN_NO;
}

enum ap_own_handler ap_uv_handles_signal(pid_t pid, struct ap_elf *elf, uint64_t tree, int signal)
{
	char path[64];
	uint64_t bias;

	if (!load_bias(pid, elf, &bias))
		return AP_OWN_UNKNOWN;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	int mem = open(path, O_RDONLY | O_CLOEXEC);
	if (mem < 0)
		return AP_OWN_UNKNOWN;
	enum ap_own_handler found = search(mem, tree + bias, signal);
	close(mem);
	return found;
}
