/*
 * Inside of the heap's index, shared by the files of heap/.
 *
 * Threads: workers only read the image, the facts and the pages; each has its own cache of maps and
 * its own counters, which the calling thread merges. ap_v8_*() functions with caches of their own
 * are for the calling thread only.
 */
#ifndef AP_HEAP_PRIVATE_H
#define AP_HEAP_PRIVATE_H

#include <stdatomic.h>

#include "heap/heap.h"
#include "heap/slab.h"
#include "v8/v8.h"

enum {
	AP_CHUNK_BYTES = 256 * 1024, /* src/heap/memory-chunk-layout.h: kAlignment */
	AP_MAX_GAPS_LISTED = 4096,
	AP_MAX_BUFFERS = 4096,
	AP_MAX_THREADS = 16,
};

/* What a heap is at: HeapState of src/heap/heap.h. */
enum ap_gc_state { AP_GC_NONE, AP_GC_SCAVENGE, AP_GC_MARK_COMPACT, AP_GC_MINOR, AP_GC_TEAR_DOWN };

struct ap_heap_page {
	ap_addr chunk, start, end; /* the area: [start, end) */
	ap_addr owner;             /* the Space, 0 unknown */
	uint64_t flags;
	ap_addr header; /* where V8's own pointers to the page go: the chunk or its metadata */
	bool from_space, to_space; /* flags of young pages */
	bool semi;                 /* of a semi-space; large objects have pages of their own */
	bool collecting;           /* its heap is in the middle of a collection */
	bool linked;               /* in its space's list */
	bool released;             /* in no list: given back, not yet used again */
	bool current;              /* its semi-space allocates in it */
	uint32_t space;            /* index into heap->spaces */
	bool large;                /* one object */
	bool stale;                /* content is of an earlier cycle: not walked */
	bool unused;               /* stale because its high-water mark says so, which may lag */
	bool walked;
	uint32_t objects;
	uint64_t first; /* number of its first object among all, for dense numbering */
	uint64_t *bits; /* a bit per word of the area; NULL while empty, and for large pages */
	uint64_t *room; /* for them */
	uint64_t *live; /* of those the live ones, if that is known; of a large page one word */
};

/* An allocation buffer: [top, limit) is reserved and holds no object. */
struct ap_heap_buffer {
	ap_addr top, limit;
};

/* How the size of an object is found, see size.def. */
struct ap_size_rule {
	uint8_t how;    /* enum ap_size_how */
	uint8_t header; /* bytes */
	uint8_t element;
	uint8_t length_at;
};

/* Of the objects of a map. */
struct ap_map_sum {
	uint64_t count, bytes;
	uint64_t elements, properties, backing; /* bytes of what they own */
	ap_addr first;                          /* the lowest */
};

struct ap_heap_map {
	ap_tagged address; /* of the map, tagged */
	uint16_t type;
	uint8_t size_words; /* 0: by its rule */
	uint8_t kind;       /* enum ap_heap_kind */
	struct ap_size_rule rule;
	uint64_t count, bytes;
	ap_addr first; /* lowest object */
	/* group.c, of the live objects (or of all, where that is unknown) and of the dead ones: */
	struct ap_map_sum sums[2];
	uint32_t groups[2]; /* index, or AP_NO_GROUP */
	bool per_object;    /* its objects differ in name or properties: see heap->singles */
};

/* Maps by address, open addressing; one per thread and one for all. */
struct ap_map_table {
	struct ap_heap_map *at;
	size_t n, cap;
	ap_tagged meta[8]; /* maps of maps that were proven */
	unsigned n_meta;
};

struct ap_page_layout {
	bool found;
	bool in_metadata;               /* fields stand in the block that chunk + 8 points to */
	int area_start, area_end, heap; /* word indexes */
	int64_t heap_offset;            /* Heap - Isolate */
	uint64_t votes, runner_up;
};

enum { AP_NO_GROUP = UINT32_MAX };

struct ap_type_name {
	int type;
	struct ap_text name; /* in the binary */
};

/* An object whose group its map does not tell. */
struct ap_heap_single {
	ap_addr address;
	uint64_t bytes, elements, properties, backing;
	uint32_t group;
	bool dead;
};

typedef AP_VEC(struct ap_heap_gap) ap_gap_vec;

struct ap_heap {
	struct ap_v8 *v8;
	struct ap_arena arena;
	struct ap_page_layout layout;
	AP_VEC(struct ap_heap_page) pages; /* by address */
	AP_VEC(struct ap_heap_space) spaces;
	AP_VEC(struct ap_heap_buffer) buffers; /* by top */
	struct ap_map_table maps;
	struct ap_size_rule *rules; /* by instance type */
	uint8_t *kinds;             /* by instance type */
	ap_gap_vec gaps;
	uint64_t all_gaps, index_bytes;
	double seconds;
	bool scanned;
	bool searched; /* for more buffers */
	bool judged;   /* whether what was moved is still whole */
	bool named_types;
	AP_VEC(struct ap_type_name) type_names; /* names.c */
	AP_VEC(uint64_t) marks;
	struct ap_slab bits; /* of all pages' */
	/* live.c */
	struct ap_slab live;
	bool liveness_known;
	const char *why_unknown; /* tried in vain */
	/* group.c */
	bool grouped, grouped_dead;
	struct ap_arena group_arena;
	AP_VEC(struct ap_heap_group) groups;
	AP_VEC(struct ap_heap_single) singles; /* by address */
};

static inline bool ap_map_is_free(const struct ap_heap *heap, const struct ap_heap_map *map)
{
	return map->type == F(heap->v8, T_FREE_SPACE) || map->type == F(heap->v8, T_FILLER);
}

enum { AP_N_TYPES = 65536 };

/* pages.c */
struct ap_err *ap_heap_find_pages(struct ap_heap *heap);
/* Into the spaces' sums, when it is known which pages are in use. */
void ap_heap_count_pages(struct ap_heap *heap);
/* The page whose area holds `address`, or NULL. */
struct ap_heap_page *ap_heap_page_at(const struct ap_heap *heap, ap_addr address);
/* scan.c: what looks like pages, where the layout of real ones is unknown. */
struct ap_err *ap_heap_scan(struct ap_heap *heap);
/* collecting.c */
enum ap_gc_state ap_heap_gc_state(const struct ap_heap *heap, size_t isolate);
/* Makes from-space stale where a mark-compact has not exchanged the halves yet; after the buffers
 * were found. */
void ap_heap_choose_halves(struct ap_heap *heap);
/*
 * What is moved is whole until the last of it has moved and all references were updated; from then
 * on its maps are gone. Makes such halves stale, by what the walk could not explain; true if there
 * is one: then the walk must be made anew.
 */
bool ap_heap_drop_moved(struct ap_heap *heap);
/* lists.c: which pages are in use; what is in no list is stale. */
struct ap_err *ap_heap_use_lists(struct ap_heap *heap);
/* buffers.c */
struct ap_err *ap_heap_find_buffers(struct ap_heap *heap);
/* Those that would explain the walk's gaps. If any is found, the walk must be made anew. */
struct ap_err *ap_heap_find_more_buffers(struct ap_heap *heap, bool *ret_found);
/* size.c */
struct ap_err *ap_heap_load_rules(struct ap_heap *heap);
/* Bytes of the object of that map at `address`; 0 if that cannot be. `at` are its bytes in hand. */
uint64_t ap_heap_size(const struct ap_heap *heap, const struct ap_heap_map *map, ap_addr address,
		      const uint8_t *at, uint64_t have);
/* In 11.3 its Code knows the size of machine code, and that of a dead one may be swept before it:
 * whether what is at hand in place of the Code is something else. */
bool ap_heap_code_is_gone(const struct ap_heap *heap, const struct ap_heap_map *map,
			  ap_addr address);
/* kind.c */
struct ap_err *ap_heap_load_kinds(struct ap_heap *heap);
/* walk.c: how many threads share `jobs`. */
size_t ap_heap_threads(size_t jobs);
/* maps.c */
struct ap_heap_map *ap_map_get(const struct ap_heap *heap, struct ap_map_table *table,
			       ap_tagged address);
/* The bytes of a page's area: in place, or put together in `scratch` (AP_CHUNK_BYTES large). */
struct ap_page_bytes {
	const uint8_t *at;
	uint64_t n;       /* in hand; of large pages perhaps not all */
	uint64_t present; /* a bit for each 4 KB from the area's first such page on; all set if in
			     place */
	ap_addr base;     /* address of that first 4 KB */
};
void ap_page_bytes(const struct ap_heap *heap, const struct ap_heap_page *page, uint8_t *scratch,
		   struct ap_page_bytes *ret);
/* Only what is in the table already. */
struct ap_heap_map *ap_map_find(const struct ap_map_table *table, ap_tagged address);
bool ap_map_merge(struct ap_map_table *into, const struct ap_map_table *from);
void ap_map_table_close(struct ap_map_table *table);
/* parallel.c: `fn` for each walked page, in up to n threads with a state each; false if stopped. */
typedef bool ap_page_fn(void *state, const struct ap_heap_page *page,
			const struct ap_page_bytes *bytes);
bool ap_heap_parallel(struct ap_heap *heap, const struct ap_heap_watch *watch, const char *what,
		      ap_page_fn *fn, void *states, size_t state_bytes, size_t n);
enum ap_which { AP_ALL_OBJECTS, AP_LIVE_OBJECTS, AP_DEAD_OBJECTS };

/* The objects of a page by address; zero the iterator first. Live and dead only where that is
 * known. */
struct ap_objects {
	uint64_t i, bits;
	bool begun;
	enum ap_which which;
};
bool ap_objects_next(const struct ap_heap_page *page, struct ap_objects *it, ap_addr *ret);
/* live.c: what is known before anything is marked; NULL, or why it cannot be. */
const char *ap_heap_unknowable(const struct ap_heap *heap);
/* Keeps what was marked, in the paint's memory. */
struct ap_bodies;
struct ap_paint;
void ap_heap_keep_live(struct ap_heap *heap, const struct ap_bodies *b, struct ap_paint *paint);
void ap_heap_forget_live(struct ap_heap *heap);
static inline uint64_t ap_page_words(const struct ap_heap_page *page)
{
	return page->large ? 1 : (page->end - page->start + 511) / 512;
}
static inline bool ap_page_is_live(const struct ap_heap_page *page, ap_addr address)
{
	uint64_t word = page->large ? 0 : (address - page->start) / 8;

	return page->live[word / 64] >> (word % 64) & 1;
}
/* group.c */
void ap_heap_forget_groups(struct ap_heap *heap);
/* names.c: V8's name of a type, as DevTools shows it: "system / Map". */
struct ap_text ap_heap_type_name(struct ap_heap *heap, int type);

/* A word that points to an object that was searched for. */
struct ap_hit {
	ap_addr target, holder;
	uint32_t offset_words;
	bool weak;
	bool dead; /* the holder, as far as that is known */
};

/* refs.c: all words of all objects that point to one of `targets` (sorted); by holder and slot. */
struct ap_hits {
	struct ap_arena arena; /* of the result: ap_hits_close() */
	AP_VEC(struct ap_hit) list;
};
struct ap_err *ap_heap_find_words(struct ap_heap *heap, const struct ap_heap_watch *watch,
				  const ap_addr *targets, size_t n, struct ap_hits *ret_hits);
void ap_hits_close(struct ap_hits *hits);
/* refname.c: false if `holder` is only a part of something: then *ret_part is set. */
bool ap_heap_name_ref(struct ap_heap *heap, ap_addr holder, int64_t offset, ap_addr part,
		      int64_t part_offset, struct ap_arena *arena, struct ap_heap_ref *ret);
/* A store or table that belongs to an object: who holds it is asked next. */
bool ap_heap_is_part(struct ap_heap *heap, ap_addr holder);

#endif
