/* The page map of this very process: every present page once, in order, whatever the kernel's
 * buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "os/pagemap.h"

/* Over the 4096 regions of one call, and no multiple of the kernel's own 512. */
enum { PAGES = 9990, TAIL = 700 };

static uint8_t *chequered(void)
{
	uint8_t *p = mmap(NULL, PAGES * AP_PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	assert_int_equal(madvise(p, PAGES * AP_PAGE, MADV_NOHUGEPAGE), 0);
	for (size_t i = 1; i < PAGES; i += 2)
		p[i * AP_PAGE] = 1;
	return p;
}

static void check(const struct ap_pagemap *map, const uint8_t *p, size_t pages)
{
	AP_RUNS_AUTO runs = {0};
	uint64_t start = (uintptr_t)p;

	assert_null(ap_pagemap_scan(map, start, start + pages * AP_PAGE, false, &runs));
	assert_int_equal(runs.n, pages / 2);
	for (size_t i = 0; i < runs.n; i++) {
		assert_int_equal(runs.at[i].start, start + (2 * i + 1) * AP_PAGE);
		assert_int_equal(runs.at[i].end, runs.at[i].start + AP_PAGE);
	}
}

static void test_every_page_once(void **state)
{
	struct ap_pagemap map;
	uint8_t *p = chequered();

	(void)state;
	assert_null(ap_pagemap_open(getpid(), &map));
	for (int way = map.scan ? 0 : 1; way < 2; way++) {
		map.scan = way == 0; /* and the fallback of older kernels */
		check(&map, p, PAGES);
		check(&map, p, TAIL);
		check(&map, p, 2 * 512);
		check(&map, p, 2 * 4096);
		check(&map, p, 2 * 4097);
	}
	ap_pagemap_close(&map);
	munmap(p, PAGES * AP_PAGE);
}

/* A whole address space, of which the end is reached only after many regions. */
static void test_no_region_twice(void **state)
{
	AP_RUNS_AUTO runs = {0};
	struct ap_pagemap map;
	uint8_t *p = chequered();

	(void)state;
	assert_null(ap_pagemap_open(getpid(), &map));
	if (!map.scan)
		skip();
	assert_null(ap_pagemap_scan(&map, 0, 0x7ffffffff000, true, &runs));
	assert_true(runs.n >= PAGES / 2);
	for (size_t i = 1; i < runs.n; i++)
		assert_true(runs.at[i].start >= runs.at[i - 1].end);
	ap_pagemap_close(&map);
	munmap(p, PAGES * AP_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_page_once),
		cmocka_unit_test(test_no_region_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
