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
#include "v8/v8.h"

enum {
	AP_CHUNK_BYTES = 256 * 1024, /* src/heap/memory-chunk-layout.h: kAlignment */
	AP_MAX_GAPS_LISTED = 4096,
	AP_MAX_BUFFERS = 4096,
	AP_MAX_THREADS = 16,
};

struct ap_heap_page {
	ap_addr chunk, start, end; /* the area: [start, end) */
	ap_addr owner;             /* the Space, 0 unknown */
	uint32_t space;            /* index into heap->spaces */
	bool large;                /* one object */
	bool stale;                /* content is of an earlier cycle: not walked */
	bool unused;               /* stale because its high-water mark says so, which may lag */
	bool walked;
	uint32_t objects;
	uint64_t first; /* number of its first object among all, for dense numbering */
	uint64_t *bits; /* a bit per word of the area; NULL while empty, and for large pages */
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

struct ap_heap_map {
	ap_tagged address; /* of the map, tagged */
	uint16_t type;
	uint8_t size_words; /* 0: by its rule */
	uint8_t kind;       /* enum ap_heap_kind */
	struct ap_size_rule rule;
	uint64_t count, bytes;
	ap_addr first; /* lowest object */
	/* group.c: */
	uint64_t elements, properties, backing; /* bytes of what its objects own */
	uint32_t group;   /* index, or AP_NO_GROUP */
	bool per_object;  /* its objects differ in name or properties: see heap->singles */
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
	bool in_metadata;           /* fields stand in the block that chunk + 8 points to */
	int area_start, area_end, heap; /* word indexes */
	int64_t heap_offset;        /* Heap - Isolate */
	uint64_t votes, runner_up;
};

enum { AP_NO_GROUP = UINT32_MAX };

/* An object whose group its map does not tell. */
struct ap_heap_single {
	ap_addr address;
	uint64_t bytes, elements, properties, backing;
	uint32_t group;
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
	/* group.c */
	bool grouped;
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
/* The page whose area holds `address`, or NULL. */
struct ap_heap_page *ap_heap_page_at(const struct ap_heap *heap, ap_addr address);
/* buffers.c */
struct ap_err *ap_heap_find_buffers(struct ap_heap *heap);
/* Those that would explain the walk's gaps. If any is found, the walk must be made anew. */
struct ap_err *ap_heap_find_more_buffers(struct ap_heap *heap, bool *ret_found);
/* size.c */
struct ap_err *ap_heap_load_rules(struct ap_heap *heap);
/* Bytes of the object of that map at `address`; 0 if that cannot be. `at` are its bytes in hand. */
uint64_t ap_heap_size(const struct ap_heap *heap, const struct ap_heap_map *map, ap_addr address,
		      const uint8_t *at, uint64_t have);
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
	uint64_t present; /* a bit for each 4 KB from the area's first such page on; all set if in place */
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
/* The objects of a page by address; zero the iterator first. */
struct ap_objects {
	uint64_t i, bits;
	bool begun;
};
bool ap_objects_next(const struct ap_heap_page *page, struct ap_objects *it, ap_addr *ret);
/* group.c */
void ap_heap_forget_groups(struct ap_heap *heap);
/* names.c: V8's name of a type, as DevTools shows it: "system / Map". */
struct ap_text ap_heap_type_name(struct ap_heap *heap, int type);

/* A word that points to an object that was searched for. */
struct ap_hit {
	ap_addr target, holder;
	uint32_t offset_words;
	bool weak;
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
