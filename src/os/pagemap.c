#include "os/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* struct pm_scan_arg and friends of linux/fs.h, 6.7. */
struct scan_region {
	uint64_t start, end, categories;
};

struct scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
	uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define SCAN_IOCTL _IOWR('f', 16, struct scan_arg)
enum { SCAN_WP_MATCHING = 1, REGIONS = 4096, RUNS_LIMIT = 1 << 24 };

void ap_runs_close(struct ap_runs *runs)
{
	free(runs->at);
	*runs = (struct ap_runs){0};
}

bool ap_runs_push(struct ap_runs *runs, uint64_t start, uint64_t end, unsigned categories)
{
	struct ap_run *last = runs->n ? &runs->at[runs->n - 1] : NULL;

	if (last && last->end == start && last->categories == categories) {
		last->end = end;
		return true;
	}
	if (runs->n == runs->cap) {
		size_t cap = runs->cap ? runs->cap * 2 : 1024;
		struct ap_run *grown =
			cap > RUNS_LIMIT ? NULL : realloc(runs->at, cap * sizeof(*grown));

		if (!grown)
			return false;
		runs->at = grown;
		runs->cap = cap;
	}
	runs->at[runs->n++] = (struct ap_run){start, end, categories};
	return true;
}

uint64_t ap_runs_bytes(const struct ap_runs *runs)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < runs->n; i++)
		bytes += runs->at[i].end - runs->at[i].start;
	return bytes;
}

struct ap_err *ap_pagemap_open(pid_t pid, struct ap_pagemap *ret_pagemap)
{
	char path[64];
	struct scan_region region;
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = 0,
		.end = AP_PAGE,
		.vec = (uintptr_t)&region,
		.vec_len = 1,
		.category_mask = AP_PAGE_PRESENT,
		.return_mask = AP_PAGE_PRESENT,
	};

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", path);
	*ret_pagemap = (struct ap_pagemap){fd, ioctl(fd, SCAN_IOCTL, &arg) >= 0};
	return NULL;
}

void ap_pagemap_close(struct ap_pagemap *pagemap)
{
	if (pagemap->fd > 0)
		close(pagemap->fd);
	pagemap->fd = 0;
}

static struct ap_err *scan(const struct ap_pagemap *pagemap, struct scan_arg *arg,
			   struct ap_runs *runs)
{
	struct scan_region *regions = malloc(REGIONS * sizeof(*regions));
	uint64_t end = arg->end;

	if (!regions)
		return &ap_err_nomem;
	arg->size = sizeof(*arg);
	arg->vec = (uintptr_t)regions;
	arg->vec_len = REGIONS;
	while (arg->start < end) {
		long n = ioctl(pagemap->fd, SCAN_IOCTL, arg);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			struct ap_err *err = ap_err_errno(errno, "cannot scan the page tables");

			free(regions);
			return err;
		}
		for (long i = 0; i < n; i++) {
			if (!ap_runs_push(runs, regions[i].start, regions[i].end,
					  (unsigned)regions[i].categories)) {
				free(regions);
				return &ap_err_nomem;
			}
		}
		/*
		 * With room left it went to the end, whatever walk_end says: the kernel (seen
		 * in 6.18) leaves in it where its own buffer of 512 regions was full last, and who
		 * goes on from there gets the rest twice.
		 */
		if (n < REGIONS)
			break;
		uint64_t next =
			regions[n - 1].end > arg->walk_end ? regions[n - 1].end : arg->walk_end;
		if (next <= arg->start)
			break;
		arg->start = next;
	}
	free(regions);
	return NULL;
}

/* Eight bytes a page: bit 63 present, 62 swapped, 61 file page or shared. */
static struct ap_err *read_pagemap(const struct ap_pagemap *pagemap, uint64_t start, uint64_t end,
				   struct ap_runs *runs)
{
	uint64_t entries[4096];

	for (uint64_t at = start; at < end;) {
		uint64_t want = (end - at) / AP_PAGE;
		size_t bytes = 8 * (want < 4096 ? want : 4096);
		ssize_t n = pread(pagemap->fd, entries, bytes, (off_t)(at / AP_PAGE * 8));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ap_err_errno(errno, "cannot read the page map");
		if (n < 8)
			break; /* past the end of the address space */
		for (ssize_t i = 0; i < n / 8; i++, at += AP_PAGE) {
			unsigned c = (entries[i] >> 63 & 1 ? AP_PAGE_PRESENT : 0) |
				     (entries[i] >> 62 & 1 ? AP_PAGE_SWAPPED : 0);

			if (!c)
				continue;
			if (entries[i] >> 61 & 1)
				c |= AP_PAGE_FILE;
			if (!ap_runs_push(runs, at, at + AP_PAGE, c))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

struct ap_err *ap_pagemap_scan(const struct ap_pagemap *pagemap, uint64_t start, uint64_t end,
			       bool files, struct ap_runs *runs)
{
	struct scan_arg arg = {
		.start = start,
		.end = end,
		.category_inverted = AP_PAGE_PFNZERO,
		.category_mask = AP_PAGE_PFNZERO,
		.category_anyof_mask = AP_PAGE_PRESENT | AP_PAGE_SWAPPED,
		.return_mask = (files ? AP_PAGE_FILE : 0) | AP_PAGE_WRITTEN,
	};

	if (!pagemap->scan)
		return read_pagemap(pagemap, start, end, runs);
	return scan(pagemap, &arg, runs);
}

struct ap_err *ap_pagemap_scan_protect(const struct ap_pagemap *pagemap, uint64_t start,
				       uint64_t end, bool files, bool only_written,
				       struct ap_runs *runs)
{
	uint64_t written = only_written ? AP_PAGE_WRITTEN : 0;
	struct scan_arg arg = {
		.flags = SCAN_WP_MATCHING,
		.start = start,
		.end = end,
		.category_inverted = AP_PAGE_PFNZERO,
		.category_mask = AP_PAGE_PFNZERO | written,
		.category_anyof_mask = AP_PAGE_PRESENT | AP_PAGE_SWAPPED,
		.return_mask = files ? AP_PAGE_FILE : AP_PAGE_WPALLOWED,
	};

	return scan(pagemap, &arg, runs);
}
