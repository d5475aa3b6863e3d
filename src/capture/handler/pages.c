#include "capture/handler/pages.h"

#include <stdlib.h>
#include <sys/mman.h>

static void *zeroed(size_t bytes)
{
	/* Straight from the kernel: untouched pages cost nothing, and all goes back at once. */
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

struct ap_err *ap_pages_open(size_t cap, struct ap_pages *ret_pages)
{
	struct ap_pages pages = {.cap = cap, .n_table = 64};

	while (pages.n_table < cap * 2)
		pages.n_table *= 2;
	pages.at = zeroed(cap * sizeof(*pages.at));
	pages.bytes = zeroed(cap * AP_HANDLE_PAGE);
	pages.table = zeroed(pages.n_table * sizeof(*pages.table));
	if (!pages.at || !pages.bytes || !pages.table) {
		ap_pages_close(&pages);
		return &ap_err_nomem;
	}
	*ret_pages = pages;
	return NULL;
}

void ap_pages_close(struct ap_pages *pages)
{
	if (pages->at)
		munmap(pages->at, pages->cap * sizeof(*pages->at));
	if (pages->bytes)
		munmap(pages->bytes, pages->cap * AP_HANDLE_PAGE);
	if (pages->table)
		munmap(pages->table, pages->n_table * sizeof(*pages->table));
	*pages = (struct ap_pages){0};
}

static uint32_t *slot_of(const struct ap_pages *pages, uint64_t addr)
{
	size_t mask = pages->n_table - 1;
	size_t i = (size_t)((addr / AP_HANDLE_PAGE * 0x9e3779b97f4a7c15ull) >> 32) & mask;

	while (pages->table[i] && pages->at[pages->table[i] - 1].addr != addr)
		i = (i + 1) & mask;
	return &pages->table[i];
}

struct ap_page *ap_pages_find(const struct ap_pages *pages, uint64_t addr)
{
	uint32_t slot = *slot_of(pages, addr & ~(uint64_t)(AP_HANDLE_PAGE - 1));

	return slot ? &pages->at[slot - 1] : NULL;
}

struct ap_page *ap_pages_keep(struct ap_pages *pages, const struct ap_dying *dying, uint64_t addr)
{
	addr &= ~(uint64_t)(AP_HANDLE_PAGE - 1);
	uint32_t *slot = slot_of(pages, addr);

	if (*slot)
		return &pages->at[*slot - 1];
	if (ap_pages_full(pages))
		return NULL;
	if (!dying->read(dying->arg, addr, pages->bytes + pages->n * AP_HANDLE_PAGE,
			 AP_HANDLE_PAGE)) {
		pages->unreadable++;
		return NULL;
	}
	pages->at[pages->n].addr = addr;
	*slot = (uint32_t)++pages->n;
	return &pages->at[*slot - 1];
}

const uint8_t *ap_pages_bytes(const struct ap_pages *pages, const struct ap_page *page)
{
	return pages->bytes + (size_t)(page - pages->at) * AP_HANDLE_PAGE;
}

static int by_address(const void *a, const void *b, void *arg)
{
	const struct ap_page *at = arg;
	uint64_t x = at[*(const uint32_t *)a].addr, y = at[*(const uint32_t *)b].addr;

	return x < y ? -1 : x > y;
}

void ap_pages_sort(const struct ap_pages *pages, uint32_t *ret_order)
{
	for (size_t i = 0; i < pages->n; i++)
		ret_order[i] = (uint32_t)i;
	qsort_r(ret_order, pages->n, sizeof(*ret_order), by_address, pages->at);
}
