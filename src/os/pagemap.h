/*
 * Which pages of a process hold something: PAGEMAP_SCAN (kernel 6.7), else /proc/PID/pagemap.
 *
 * Ownership: struct ap_pagemap owns its descriptor; struct ap_runs its table.
 */
#ifndef AP_OS_PAGEMAP_H
#define AP_OS_PAGEMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum { AP_PAGE = 4096 };

/* Of a page, as in linux/fs.h of 6.7; older headers lack them. */
enum ap_page_category {
	AP_PAGE_WPALLOWED = 1 << 0,
	AP_PAGE_WRITTEN = 1 << 1,
	AP_PAGE_FILE = 1 << 2,
	AP_PAGE_PRESENT = 1 << 3,
	AP_PAGE_SWAPPED = 1 << 4,
	AP_PAGE_PFNZERO = 1 << 5,
};

struct ap_run {
	uint64_t start, end;
	unsigned categories;
};

struct ap_runs {
	struct ap_run *at;
	size_t n, cap;
};

void ap_runs_close(struct ap_runs *runs);
#define AP_RUNS_AUTO AP_CLEANUP(ap_runs_close) struct ap_runs
/* Joins the last run when it touches and agrees. */
bool ap_runs_push(struct ap_runs *runs, uint64_t start, uint64_t end, unsigned categories);
uint64_t ap_runs_bytes(const struct ap_runs *runs);

struct ap_pagemap {
	int fd;
	bool scan; /* PAGEMAP_SCAN works */
};

struct ap_err *ap_pagemap_open(pid_t pid, struct ap_pagemap *ret_pagemap);
void ap_pagemap_close(struct ap_pagemap *pagemap);
/*
 * Appends the present or swapped pages of [start, end) that are not the zero page. Telling file
 * pages from others (`files`) needs a look at every page and takes three times as long.
 */
struct ap_err *ap_pagemap_scan(const struct ap_pagemap *pagemap, uint64_t start, uint64_t end,
			       bool files, struct ap_runs *runs);
/* The same pages are write-protected as they are listed (they must be registered for that). */
struct ap_err *ap_pagemap_scan_protect(const struct ap_pagemap *pagemap, uint64_t start,
				       uint64_t end, bool files, bool only_written,
				       struct ap_runs *runs);

#endif
