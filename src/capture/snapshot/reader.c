/* Memory of the target. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "capture/snapshot/private.h"

enum { OTHER_WAY = 256 << 10 };

void ap_snap_read_unpinned(int mem_fd, uint64_t addr, void *buf, uint64_t bytes,
			   uint64_t *unreadable)
{
	uint8_t *p = buf;

	while (bytes) {
		ssize_t n = pread(mem_fd, p, bytes, (off_t)addr);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* One page at a time over a hole. */
			uint64_t skip = AP_PAGE - addr % AP_PAGE;

			if (skip > bytes)
				skip = bytes;
			memset(p, 0, skip);
			*unreadable += skip;
			n = (ssize_t)skip;
		}
		p += n;
		addr += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
}

void ap_snap_read(pid_t pid, int mem_fd, uint64_t addr, void *buf, uint64_t bytes,
		  uint64_t *unreadable)
{
	uint8_t *p = buf;

	while (bytes) {
		/* Twice as fast as /proc/PID/mem, but it does not read what the process itself may
		 * not (PROT_NONE), and a filter around us may forbid it. */
		struct iovec local = {p, bytes}, remote = {(void *)(uintptr_t)addr, bytes};
		ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

		if (n <= 0) {
			/* Where one page may not be read, its neighbours hardly may. */
			uint64_t part = OTHER_WAY - addr % OTHER_WAY;

			if (part > bytes)
				part = bytes;
			ap_snap_read_unpinned(mem_fd, addr, p, part, unreadable);
			n = (ssize_t)part;
		}
		p += n;
		addr += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
}

void ap_snap_read_present(pid_t pid, int mem_fd, const struct ap_runs *runs, size_t *cursor,
			  uint64_t addr, void *buf, uint64_t bytes, uint64_t *unreadable)
{
	uint64_t end = addr + bytes;
	uint8_t *p = buf;

	while (addr < end) {
		while (*cursor < runs->n && runs->at[*cursor].end <= addr)
			++*cursor;
		const struct ap_run *run = *cursor < runs->n ? &runs->at[*cursor] : NULL;
		bool inside = run && run->start <= addr;
		uint64_t until = inside ? run->end : run ? run->start : end;
		uint64_t n = (until < end ? until : end) - addr;

		if (!inside)
			memset(p, 0, n);
		else if (pid)
			ap_snap_read(pid, mem_fd, addr, p, n, unreadable);
		else
			ap_snap_read_unpinned(mem_fd, addr, p, n, unreadable);
		p += n;
		addr += n;
	}
}
