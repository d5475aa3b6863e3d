/*
 * The pages of the heap, found by what they say of themselves: every chunk starts at a multiple of
 * 256 KB with a header (since 13.6 with a pointer to one) that holds where its objects begin and
 * end and whose Heap it is. Which words those are is voted on by all chunks; the facts only
 * confirm.
 */
#include <stdlib.h>

#include "heap/heap_private.h"

enum {
	HEAD_WORDS = 16,
	MAX_AREA_START = 0x8000,   /* of a chunk: header and, for code, a guard page */
	MAX_HEAP_OFFSET = 0x40000, /* of a Heap inside its Isolate */
	MAX_VOTES = 4096,
	MAX_VOTERS = 1 << 16,
	MAX_CHUNKS = 1 << 20, /* of 256 KB; a core may name the same bytes again and again */
	MAX_LARGE = 1 << 30,  /* no V8 makes a larger object: FixedArray::kMaxLength words */
	MAX_SPACES = 256,
	FROM_PAGE = 1 << 3, /* src/heap/memory-chunk-layout.h and basic-memory-chunk.h, 9.4 to 14.6
			     */
	TO_PAGE = 1 << 4,
	SPACE_NAME = 64,
};

struct vote {
	bool in_metadata;
	int start, end, heap;
	int64_t offset;
	uint64_t n;
};

struct voting {
	struct vote votes[MAX_VOTES];
	size_t n;
};

static void cast(struct voting *v, bool in_metadata, int start, int end, int heap, int64_t offset)
{
	for (size_t i = 0; i < v->n; i++) {
		struct vote *o = &v->votes[i];

		if (o->in_metadata == in_metadata && o->start == start && o->end == end &&
		    o->heap == heap && o->offset == offset) {
			o->n++;
			return;
		}
	}
	if (v->n < MAX_VOTES)
		v->votes[v->n++] = (struct vote){in_metadata, start, end, heap, offset, 1};
}

static void vote_on(const struct ap_v8 *v8, struct voting *v, ap_addr chunk, const uint64_t *w,
		    bool in_metadata)
{
	for (int i = 0; i < HEAD_WORDS; i++) {
		if (w[i] <= chunk || w[i] > chunk + MAX_AREA_START)
			continue;
		for (int j = 0; j < HEAD_WORDS; j++) {
			if (w[j] <= w[i] || w[j] > chunk + AP_CHUNK_BYTES)
				continue;
			for (int h = 0; h < HEAD_WORDS; h++) {
				for (size_t k = 0; k < v8->isolates.n && k < 64; k++) {
					ap_addr isolate = v8->isolates.at[k].address;

					if (w[h] >= isolate && w[h] - isolate < MAX_HEAP_OFFSET)
						cast(v, in_metadata, i, j, h,
						     (int64_t)(w[h] - isolate));
				}
			}
		}
	}
}

struct chunk {
	ap_addr at;
	uint64_t head[HEAD_WORDS];
};

/* Every chunk that the core may hold, with its head. */
struct chunks {
	struct ap_arena arena;
	AP_VEC(struct chunk) v;
};

static struct ap_err *read_chunks(const struct ap_v8 *v8, struct chunks *ret)
{
	size_t n;
	const struct ap_segment *segments = ap_image_segments(v8->image, &n);
	struct chunk c;

	for (size_t s = 0; s < n; s++) {
		const struct ap_segment *seg = &segments[s];
		ap_addr chunk = (seg->start + AP_CHUNK_BYTES - 1) & ~(uint64_t)(AP_CHUNK_BYTES - 1);

		if (!seg->data ||
		    (seg->origin != AP_SEGMENT_CORE && seg->origin != AP_SEGMENT_TEST))
			continue;
		for (;
		     chunk >= seg->start && chunk < seg->end && seg->end - chunk >= sizeof(c.head);
		     chunk += AP_CHUNK_BYTES) {
			ap_addr touched = ap_image_next_touched(v8->image, seg, chunk);

			/* Zeros are no header: the next chunk with anything in it. */
			if (touched >= chunk + sizeof(c.head)) {
				chunk = touched & ~(uint64_t)(AP_CHUNK_BYTES - 1);
				if (touched >= seg->end || seg->end - chunk < sizeof(c.head) ||
				    chunk + sizeof(c.head) <= touched)
					continue;
			}
			c.at = chunk;
			if (ret->v.n == MAX_CHUNKS)
				return NULL;
			if (ap_image_peek(v8->image, seg, chunk, c.head, sizeof(c.head)) &&
			    !ap_vec_push(&ret->arena, &ret->v, c))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

static bool read_metadata(const struct ap_v8 *v8, ap_addr chunk, const uint64_t *head,
			  uint64_t *ret)
{
	return head[1] && !(head[1] & 7) &&
	       (head[1] < chunk || head[1] >= chunk + AP_CHUNK_BYTES) &&
	       ap_image_read(v8->image, head[1], ret, HEAD_WORDS * 8);
}

static struct ap_err *find_layout(struct ap_heap *heap, const struct chunks *chunks)
{
	struct voting *voting = calloc(1, sizeof(*voting));
	const struct vote *best = NULL;
	uint64_t runner_up = 0;

	if (!voting)
		return &ap_err_nomem;
	for (size_t i = 0; i < chunks->v.n && i < MAX_VOTERS; i++) {
		const struct chunk *c = &chunks->v.at[i];
		uint64_t metadata[HEAD_WORDS];

		vote_on(heap->v8, voting, c->at, c->head, false);
		if (read_metadata(heap->v8, c->at, c->head, metadata))
			vote_on(heap->v8, voting, c->at, metadata, true);
	}
	for (size_t i = 0; i < voting->n; i++) {
		const struct vote *v = &voting->votes[i];

		if (!best || v->n > best->n) {
			runner_up = best ? best->n : 0;
			best = v;
		} else if (v->n > runner_up) {
			runner_up = v->n;
		}
	}
	/* Real headers agree dozens of times, accidents once or twice. */
	if (best && best->n >= 4 && best->n >= 2 * runner_up)
		heap->layout = (struct ap_page_layout){
			true,       best->in_metadata, best->start, best->end,
			best->heap, best->offset,      best->n,     runner_up,
		};
	free(voting);
	return NULL;
}

/* "SemiSpace" of a Space's vtable symbol _ZTVN2v88internal9SemiSpaceE, as a person calls it. */
static const char *space_name_of(const struct ap_v8 *v8, ap_addr owner)
{
	static const struct {
		const char *v8_name, *name;
	} names[] = {
		{"SemiSpace", "new"},
		{"PagedNewSpace", "new"},
		{"PagedSpaceForNewSpace", "new"},
		{"SemiSpaceNewSpace", "new"},
		{"NewLargeObjectSpace", "new large"},
		{"OldSpace", "old"},
		{"StickySpace", "sticky"},
		{"OldLargeObjectSpace", "large"},
		{"CodeSpace", "code"},
		{"CodeLargeObjectSpace", "code large"},
		{"MapSpace", "map"},
		{"SharedSpace", "shared"},
		{"SharedLargeObjectSpace", "shared large"},
		{"TrustedSpace", "trusted"},
		{"TrustedLargeObjectSpace", "trusted large"},
		{"SharedTrustedSpace", "shared trusted"},
		{"SharedTrustedLargeObjectSpace", "shared trusted large"},
		{"ReadOnlySpace", "read-only"},
	};
	static const char prefix[] = "_ZTVN2v88internal";
	const struct ap_module *module;
	struct ap_symbol symbol;
	uint64_t vtable, offset;

	if (!owner || !ap_image_u64(v8->image, owner, &vtable) ||
	    !ap_image_symbol(v8->image, vtable, &symbol, &module, &offset) ||
	    strncmp(symbol.name, prefix, sizeof(prefix) - 1) != 0)
		return NULL;
	const char *name = symbol.name + sizeof(prefix) - 1;
	size_t length = 0;
	while (*name >= '0' && *name <= '9' && length < SPACE_NAME)
		length = length * 10 + (size_t)(*name++ - '0');
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i].v8_name) == length &&
		    strncmp(name, names[i].v8_name, length) == 0)
			return names[i].name;
	}
	return NULL;
}

static bool space_of(struct ap_heap *heap, size_t isolate, const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < heap->spaces.n; i++) {
		if (heap->spaces.at[i].isolate == isolate &&
		    strcmp(heap->spaces.at[i].name, name) == 0) {
			*ret = (uint32_t)i;
			return true;
		}
	}
	const struct ap_heap_space space = {.isolate = isolate, .name = name};
	*ret = (uint32_t)heap->spaces.n;
	return heap->spaces.n < MAX_SPACES && ap_vec_push(&heap->arena, &heap->spaces, space);
}

static size_t isolate_of(const struct ap_heap *heap, uint64_t heap_word)
{
	const struct ap_v8 *v8 = heap->v8;

	for (size_t i = 0; i < v8->isolates.n; i++) {
		if (heap_word == v8->isolates.at[i].address + (uint64_t)heap->layout.heap_offset)
			return i;
	}
	return SIZE_MAX;
}

/* A field of the header that only the facts know; 0 where they do not fit the layout voted for. */
static uint64_t known_field(const struct ap_heap *heap, const uint64_t *fields, enum ap_fact_id id)
{
	const struct ap_v8 *v8 = heap->v8;
	int32_t offset = v8->profile.facts[id].value;

	if (offset < 0 || offset / 8 >= HEAD_WORDS ||
	    F(v8, PAGE_AREA_START) != heap->layout.area_start * 8)
		return 0;
	return fields[offset / 8];
}

/* Adds the page that the chunk is, if it is one; false if out of memory. */
static bool add_page(struct ap_heap *heap, const struct chunk *c)
{
	const ap_addr chunk = c->at;
	const uint64_t *head = c->head;
	const struct ap_v8 *v8 = heap->v8;
	const struct ap_page_layout *l = &heap->layout;
	uint64_t metadata[HEAD_WORDS], have;
	const uint64_t *w = head;

	if (l->in_metadata) {
		if (!read_metadata(v8, chunk, head, metadata))
			return true;
		w = metadata;
	}
	struct ap_heap_page page = {
		.chunk = chunk, .start = w[l->area_start], .end = w[l->area_end]};
	size_t isolate = isolate_of(heap, w[l->heap]);
	/* Read-only pages belong to no heap (10.2 and later). */
	if (isolate == SIZE_MAX && w[l->heap] != 0)
		return true;
	if (page.start <= chunk || page.start > chunk + MAX_AREA_START || (page.start & 7) ||
	    (page.end & 7) || page.end <= page.start || page.end - page.start > MAX_LARGE)
		return true;
	page.large = page.end > chunk + AP_CHUNK_BYTES;
	if (isolate == SIZE_MAX && page.large)
		return true;
	/* An area that begins nowhere is no page. */
	if (!ap_image_view(v8->image, page.start, &have))
		return true;
	uint64_t flags = known_field(heap, head, AP_F_PAGE_FLAGS);
	if (isolate != SIZE_MAX)
		page.owner = known_field(heap, w, AP_F_PAGE_OWNER);
	const char *name = isolate == SIZE_MAX ? "read-only" : space_name_of(v8, page.owner);
	bool young = flags & (FROM_PAGE | TO_PAGE);

	page.flags = flags;
	page.header = l->in_metadata ? head[1] : chunk;
	page.from_space = flags & FROM_PAGE;
	page.to_space = !page.from_space && (flags & TO_PAGE);
	if (isolate != SIZE_MAX) {
		enum ap_gc_state state = ap_heap_gc_state(heap, isolate);

		page.collecting = state != AP_GC_NONE && state != AP_GC_TEAR_DOWN;
	}

	if (!name)
		name = page.large ? "large" : young ? "new" : "old";
	uint64_t high_water = known_field(heap, w, AP_F_PAGE_HIGH_WATER);
	/* Pages of large objects, however small, keep no high-water mark. */
	bool marked = !page.large && !strstr(name, "large");
	page.semi = (page.from_space || page.to_space) && marked;
	if (page.semi) {
		/* Emptied by the last cycle, or not used by this one: what stands there is of an
		 * earlier one. */
		page.unused = page.to_space && high_water == page.start - chunk;
		page.stale = (page.from_space && !page.collecting) || page.unused;
	} else if (isolate != SIZE_MAX && marked && high_water == page.start - chunk &&
		   known_field(heap, w, AP_F_PAGE_ALLOCATED) == page.end - page.start) {
		/* A page in the making: all of it counts as allocated until it is given to the free
		 * list, and it may come from a pool, full of what another isolate left there. */
		page.unused = page.stale = true;
	}
	return space_of(heap, isolate, name, &page.space) &&
	       ap_vec_push(&heap->arena, &heap->pages, page);
}

static int by_address(const void *a, const void *b)
{
	const struct ap_heap_page *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Headers may lie: areas must not overlap. What claims to be large loses, else the later one. */
static void drop_overlaps(struct ap_heap *heap)
{
	size_t n = 0;

	for (size_t i = 0; i < heap->pages.n; i++) {
		struct ap_heap_page page = heap->pages.at[i];

		while (n && page.start < heap->pages.at[n - 1].end && heap->pages.at[n - 1].large)
			n--;
		if (n && page.start < heap->pages.at[n - 1].end)
			continue;
		heap->pages.at[n++] = page;
	}
	heap->pages.n = n;
}

static struct ap_err *scan(struct ap_heap *heap)
{
	AP_TRY(ap_heap_scan(heap));
	if (!heap->pages.n)
		return ap_err_hint(
			ap_err_new(AP_E_LAYOUT, "no pages of V8's heap were recognised"),
			"the core may lack them, or this V8 is unknown: `profile` tells");
	return NULL;
}

static struct ap_err *find_pages(struct ap_heap *heap, struct chunks *chunks)
{
	AP_TRY(read_chunks(heap->v8, chunks));
	AP_TRY(find_layout(heap, chunks));
	if (!heap->layout.found)
		return scan(heap);
	for (size_t i = 0; i < chunks->v.n; i++) {
		if (!add_page(heap, &chunks->v.at[i]))
			return &ap_err_nomem;
	}
	return NULL;
}

struct ap_err *ap_heap_find_pages(struct ap_heap *heap)
{
	struct chunks chunks = {0};

	ap_arena_init(&chunks.arena, 0);
	struct ap_err *err = find_pages(heap, &chunks);
	ap_arena_close(&chunks.arena);
	if (err)
		return err;
	if (heap->pages.n)
		qsort(heap->pages.at, heap->pages.n, sizeof(*heap->pages.at), by_address);
	drop_overlaps(heap);
	if (!heap->layout.found)
		return NULL;
	return ap_heap_use_lists(heap);
}

void ap_heap_count_pages(struct ap_heap *heap)
{
	for (size_t i = 0; i < heap->pages.n; i++) {
		const struct ap_heap_page *page = &heap->pages.at[i];
		struct ap_heap_space *space = &heap->spaces.at[page->space];

		space->pages++;
		space->skipped_pages += page->stale;
		if (!page->stale)
			space->area_bytes += page->end - page->start;
	}
}

struct ap_heap_page *ap_heap_page_at(const struct ap_heap *heap, ap_addr address)
{
	size_t lo = 0, hi = heap->pages.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (heap->pages.at[mid].end <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < heap->pages.n && address >= heap->pages.at[lo].start ? &heap->pages.at[lo]
									 : NULL;
}
