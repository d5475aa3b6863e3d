/*
 * The rules by which V8's roots are found in an Isolate. None is an offset alone: where a fact says
 * where to look, what stands there must be what it should be.
 *
 * Root table: around the maps of free space and fillers, as far as words are references, into the
 * read-only space too. Builtins: a long run of references to Code. Caches of the startup snapshot:
 * vectors of references. Microtasks: the ring that the last word of a native context points to.
 */
#include "heap/roots.h"

#include <stdlib.h>

#include "v8/function.h"

enum {
	HEAP_BYTES = 0x8000, /* what of the Heap is looked at */
	MAX_ISOLATE_WORDS = 0x48000 / 8,
	MAX_MISSES = 5,
	MIN_BUILTINS = 100,
	MIN_FIRST_BUILTINS = 3,
	MIN_TABLE = 100,
	MIN_CACHE = 64,
	EXIT_FRAME = 32, /* bytes of an exit frame below its frame pointer */
	MAX_TASKS = 1 << 24,
	MAX_CACHE = 1 << 22,
	MAX_STACK = 64 << 20,
	TOP_BEFORE = 0x60, /* ThreadLocalTop around its frame pointers */
	TOP_AFTER = 0x28,
	MAX_CONTEXTS = 64,
};

bool ap_root_add(struct ap_root_finder *f, enum ap_root_kind kind, ap_tagged object, ap_addr slot,
		 bool weak)
{
	struct ap_roots *r = f->roots;

	if (!ap_is_object(object) || !ap_body_exists(f->b, object))
		return true;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8192;
		struct ap_root *grown = realloc(r->at, cap * sizeof(*grown));

		if (!grown)
			return !(f->failed = true);
		r->at = grown;
		r->cap = cap;
	}
	r->at[r->n++] = (struct ap_root){
		.object = object, .slot = slot, .kind = (uint8_t)kind, .weak = weak};
	if (weak)
		r->weak_handles++;
	else
		r->by_kind[kind]++;
	return true;
}

void ap_roots_close(struct ap_roots *roots)
{
	free(roots->at);
	*roots = (struct ap_roots){0};
}

static bool is_heap_word(const struct ap_root_finder *f, size_t i)
{
	return ap_is_object(f->w[i]) && ap_body_exists(f->b, f->w[i]);
}

/* The type of the objects that the map at word `i` is of; -1 if none stands there. */
static int map_of_type(const struct ap_root_finder *f, size_t i)
{
	struct ap_body body;
	const struct ap_v8 *v8 = f->b->heap->v8;

	if (!ap_is_object(f->w[i]) || !ap_body_get(f->b, f->w[i], &body) ||
	    body.map->type != F(v8, T_MAP))
		return -1;
	return (int)(ap_body_u32(&body, F(v8, MAP_INSTANCE_TYPE) & ~3) >>
			     (8 * (F(v8, MAP_INSTANCE_TYPE) & 3)) &
		     0xffff);
}

/* In the root table; holes have a map but no memory (14.6). */
static bool is_table_word(const struct ap_root_finder *f, size_t i)
{
	const struct ap_heap *heap = f->b->heap;
	const struct ap_heap_page *page;

	if (is_heap_word(f, i))
		return true;
	if (!ap_is_object(f->w[i]))
		return false;
	page = ap_heap_page_at(heap, f->w[i] - 1);
	return page && strcmp(heap->spaces.at[page->space].name, "read-only") == 0;
}

static size_t find_triple(const struct ap_root_finder *f)
{
	const struct ap_v8 *v8 = f->b->heap->v8;

	for (size_t i = 0; i + 2 < f->n; i++) {
		if (map_of_type(f, i) == F(v8, T_FREE_SPACE) &&
		    map_of_type(f, i + 1) == F(v8, T_FILLER) &&
		    map_of_type(f, i + 2) == F(v8, T_FILLER))
			return i;
	}
	return SIZE_MAX;
}

/*
 * The cache of numbers' strings, which a full collection empties before it marks
 * (Heap::MarkCompactPrologue): pairs of a number and a string in a root of its own.
 */
static bool is_string_cache(const struct ap_root_finder *f, ap_tagged w)
{
	const struct ap_v8 *v8 = f->b->heap->v8;
	struct ap_body array, item;
	uint32_t pairs = 0;

	if (!ap_body_get(f->b, w, &array))
		return false;
	if (ap_has_fact(v8, AP_F_T_DOUBLE_STRING_CACHE) &&
	    array.map->type == F(v8, T_DOUBLE_STRING_CACHE))
		return true;
	if (array.n < 2 + MIN_CACHE)
		return false;
	for (uint32_t i = 2; i + 1 < array.n; i += 2) {
		bool number = ap_is_smi(array.w[i]), string = false;

		if (!number && ap_body_get(f->b, array.w[i], &item))
			number = item.map->type == F(v8, T_HEAP_NUMBER) ||
				 item.map->type == F(v8, T_ODDBALL);
		if (ap_is_smi(array.w[i + 1]))
			string = array.w[i + 1] == 0;
		else if (ap_body_get(f->b, array.w[i + 1], &item))
			string = ap_type_is_string(v8, item.map->type) ||
				 item.map->type == F(v8, T_ODDBALL);
		if (!number || !string)
			return false;
		pairs++;
	}
	return pairs > 0;
}

/* The first of the strong roots: an AccessorInfo, which no read-only root is (9.4 to 14.6). */
static size_t first_strong(const struct ap_root_finder *f, size_t triple, size_t end)
{
	struct ap_body body;

	for (size_t i = triple; i < end; i++) {
		if (ap_is_object(f->w[i]) && ap_body_get(f->b, f->w[i], &body) &&
		    body.map->type == F(f->b->heap->v8, T_ACCESSOR_INFO))
			return i;
	}
	return end;
}

static bool add_table(struct ap_root_finder *f, size_t *ret_first, size_t *ret_end)
{
	size_t triple = find_triple(f), first, end, last;
	unsigned misses = 0;

	if (triple == SIZE_MAX)
		return false;
	/* Where the binary does not tell how long it is, a word in front may pass for one of it. */
	size_t before = f->b->heap->v8->tables.n_roots ? f->b->heap->v8->tables.first_root : triple;
	first = triple;
	while (first > 0 && triple - first < before && is_table_word(f, first - 1))
		first--;
	for (last = end = triple; end < f->n && misses <= MAX_MISSES; end++) {
		if (is_table_word(f, end)) {
			last = end;
			misses = 0;
		} else {
			misses++;
		}
	}
	size_t strong = first_strong(f, triple, last + 1);
	for (size_t i = first; i <= last; i++) {
		size_t n = f->roots->n;

		ap_root_add(f, i < strong ? AP_ROOT_READ_ONLY : AP_ROOT_STRONG, f->w[i],
			    f->isolate + 8 * i, false);
		if (f->roots->n == n)
			continue;
		f->roots->at[n].number = (int32_t)((int64_t)i - (int64_t)triple);
		f->roots->at[n].cache = i >= strong && is_string_cache(f, f->w[i]);
	}
	*ret_first = first;
	*ret_end = last + 1;
	return last - first >= MIN_TABLE;
}

static bool is_code(const struct ap_root_finder *f, size_t i)
{
	struct ap_body body;

	return ap_is_object(f->w[i]) && ap_body_get(f->b, f->w[i], &body) &&
	       body.map->type == F(f->b->heap->v8, T_CODE);
}

static void add_run_of_builtins(struct ap_root_finder *f, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		size_t n = f->roots->n;

		ap_root_add(f, AP_ROOT_BUILTINS, f->w[i], f->isolate + 8 * i, false);
		if (f->roots->n > n)
			f->roots->at[n].number = (int32_t)(i - from);
	}
}

/* The first few stand a second time where they are at hand (IsolateData's tier 0 table, from 10.2
 * on), and V8 lists them again. */
static void add_first_builtins(struct ap_root_finder *f, size_t table, size_t end)
{
	for (size_t i = 0; i < f->n; i = i == table ? end : i + 1) {
		size_t n = 0;

		while (i != table && i + n < f->n && table + n < end &&
		       f->w[i + n] == f->w[table + n])
			n++;
		if (n >= MIN_FIRST_BUILTINS) {
			add_run_of_builtins(f, i, i + n);
			return;
		}
	}
}

static bool add_builtins(struct ap_root_finder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t end = i;

		while (end < f->n && is_code(f, end))
			end++;
		if (end - i >= MIN_BUILTINS) {
			add_run_of_builtins(f, i, end);
			add_first_builtins(f, i, end);
			return true;
		}
		i = end;
	}
	return false;
}

/* A std::vector of references at word `i`, where the facts say that it is. */
static void add_vector(struct ap_root_finder *f, enum ap_fact_id fact, enum ap_root_kind kind,
		       bool weak)
{
	const struct ap_v8 *v8 = f->b->heap->v8;
	int32_t offset = v8->profile.facts[fact].value;
	size_t i = (size_t)offset / 8;
	uint64_t good = 0, all = 0, w;

	if (offset < 0 || i + 2 >= f->n || f->w[i] >= f->w[i + 1] || f->w[i + 1] > f->w[i + 2] ||
	    (f->w[i + 1] - f->w[i]) / 8 > MAX_CACHE || ((f->w[i] | f->w[i + 1]) & 7) ||
	    f->w[i + 2] == f->handle_limit)
		return;
	for (ap_addr a = f->w[i]; a < f->w[i + 1] && ap_image_u64(v8->image, a, &w); a += 8, all++)
		good += ap_is_object(w) && ap_body_exists(f->b, w);
	if (good * 10 < all * 9)
		return;
	for (ap_addr a = f->w[i]; a < f->w[i + 1] && ap_image_u64(v8->image, a, &w); a += 8)
		ap_root_add(f, kind, w, a, weak);
}

/* {vtable, size, capacity, start, ring}: `size` tasks from `start` on, modulo the capacity. */
static void add_queue(struct ap_root_finder *f, ap_addr queue)
{
	const struct ap_image *image = f->b->heap->v8->image;
	uint64_t q[5], w;

	if (!queue || (queue & 7) || !ap_image_read(image, queue, q, sizeof(q)) || q[1] > q[2] ||
	    q[2] > MAX_TASKS || (q[2] && q[3] >= q[2]))
		return;
	for (uint64_t i = 0; i < q[1]; i++) {
		ap_addr slot = q[4] + 8 * ((q[3] + i) % q[2]);

		if (!ap_image_u64(image, slot, &w))
			return;
		ap_root_add(f, AP_ROOT_MICROTASKS, w, slot, false);
	}
}

static void add_microtasks(struct ap_root_finder *f, size_t first_root)
{
	const struct ap_v8 *v8 = f->b->heap->v8;
	ap_addr queues[MAX_CONTEXTS];
	size_t n = 0, n_roots = f->roots->n;

	for (size_t i = first_root; i < n_roots; i++) {
		struct ap_body body;
		size_t k = 0;

		if (!ap_body_get(f->b, f->roots->at[i].object, &body) ||
		    body.map->type != F(v8, T_NATIVE_CONTEXT))
			continue;
		ap_addr queue = body.w[body.n - 1];
		while (k < n && queues[k] != queue)
			k++;
		if (k < n || n == MAX_CONTEXTS)
			continue;
		queues[n++] = queue;
		add_queue(f, queue);
	}
}

/* What the thread is at: its context and the error in flight. */
static void add_thread_top(struct ap_root_finder *f, size_t table_first, size_t table_end)
{
	const struct ap_v8 *v8 = f->b->heap->v8;
	int64_t from = F(v8, ISOLATE_C_ENTRY_FP) - TOP_BEFORE,
		to = F(v8, ISOLATE_JS_ENTRY_SP) + TOP_AFTER;

	for (int64_t at = from < 0 ? 0 : from & ~7ll; at < to && (size_t)at / 8 < f->n; at += 8) {
		size_t i = (size_t)at / 8;

		if ((i < table_first || i >= table_end) && is_heap_word(f, i))
			ap_root_add(f, AP_ROOT_STACK, f->w[i], f->isolate + 8 * i, false);
	}
}

static struct ap_err *find_in_isolate(struct ap_root_finder *f)
{
	const struct ap_heap *heap = f->b->heap;
	size_t first_root = f->roots->n, table_first = 0, table_end = 0;
	uint64_t bytes = (uint64_t)heap->layout.heap_offset + HEAP_BYTES;

	f->n = bytes / 8 < MAX_ISOLATE_WORDS ? bytes / 8 : MAX_ISOLATE_WORDS;
	f->w = calloc(f->n, sizeof(*f->w));
	if (!f->w)
		return &ap_err_nomem;
	/* A core may end in the middle of it. */
	for (size_t i = 0; i < f->n; i++) {
		if (!ap_image_u64(heap->v8->image, f->isolate + 8 * i, &f->w[i]))
			f->w[i] = 0;
	}
	bool table = add_table(f, &table_first, &table_end);
	bool handles = ap_roots_handle_scopes(f);
	bool globals = ap_roots_global_handles(f);
	bool eternal = ap_roots_eternal_handles(f);
	bool builtins = add_builtins(f);
	add_vector(f, AP_F_ISOLATE_STARTUP_CACHE, AP_ROOT_STARTUP, false);
	add_vector(f, AP_F_ISOLATE_SHAREABLE_CACHE, AP_ROOT_SHAREABLE, false);
	add_vector(f, AP_F_ISOLATE_EXTERNAL_STRINGS, AP_ROOT_EXTERNAL_STRINGS, true);
	add_thread_top(f, table_first, table_end);
	add_microtasks(f, first_root);
	(void)handles; /* there may be none: the scopes are empty */
	(void)eternal;
	if (!table || !globals || !builtins)
		f->roots->guessed = true;
	free(f->w);
	f->w = NULL;
	return f->failed ? &ap_err_nomem : NULL;
}

static void add_stacks(struct ap_root_finder *f)
{
	const struct ap_image *image = f->b->heap->v8->image;
	size_t n;
	const struct ap_thread *threads = ap_image_threads(image, &n);

	for (size_t t = 0; t < n; t++) {
		/* What a helper that marks has in its registers is being marked, not held by it. */
		if (ap_v8_is_helper(f->b->heap->v8, t))
			continue;
		ap_addr sp = (threads[t].regs[AP_REG_RSP] + 7) & ~7ull;
		const struct ap_isolate *isolate = ap_v8_isolate_of_thread(f->b->heap->v8, t);
		bool in_native = isolate && isolate->c_entry_fp > sp + EXIT_FRAME &&
				 !(isolate->c_entry_fp & 7);
		uint64_t have;

		/* Native code that JavaScript called holds handles, no references: what is on its
		 * part of the stack is stale. */
		if (in_native)
			sp = isolate->c_entry_fp - EXIT_FRAME;
		const uint8_t *p = ap_image_view(image, sp, &have);
		for (int r = 0; !in_native && r < AP_N_REGS; r++)
			ap_root_add(f, AP_ROOT_STACK, threads[t].regs[r], 0, false);
		const struct ap_segment *segment = ap_image_segment_at(image, sp);
		if (!p || !segment || !(segment->flags & PF_W))
			continue;
		have = have < segment->end - sp ? have : segment->end - sp;
		for (uint64_t at = 0; at + 8 <= have && at < MAX_STACK; at += 8) {
			uint64_t w;

			memcpy(&w, p + at, sizeof(w));
			ap_root_add(f, AP_ROOT_STACK, w, sp + at, false);
		}
	}
}

/* Without handles everything outside the heap that looks like a reference keeps its object. */
static void add_everything(struct ap_root_finder *f)
{
	size_t n;
	const struct ap_segment *segments = ap_image_segments(f->b->heap->v8->image, &n);

	for (size_t s = 0; s < n && !f->failed; s++) {
		const struct ap_segment *seg = &segments[s];

		if (!seg->data || !(seg->flags & PF_W) || (seg->start & 7) ||
		    (seg->origin != AP_SEGMENT_CORE && seg->origin != AP_SEGMENT_TEST))
			continue;
		for (ap_addr a = seg->start; a + 8 <= seg->end && !f->failed;) {
			const struct ap_heap_page *page = ap_heap_page_at(f->b->heap, a);
			uint64_t w;

			if (page) {
				a = page->end;
				continue;
			}
			memcpy(&w, seg->data + (a - seg->start), sizeof(w));
			ap_root_add(f, AP_ROOT_GUESSED, w, a, false);
			a += 8;
		}
	}
}

/* By kind, each in the order in which V8 visits it: weak ones after all strong ones. */
static bool sort_roots(struct ap_roots *roots)
{
	struct ap_root *sorted = malloc((roots->n + 1) * sizeof(*sorted));
	size_t n = 0;

	if (!sorted)
		return false;
	for (int kind = 0; kind < AP_N_ROOT_KINDS; kind++) {
		for (int weak = 0; weak < 2; weak++) {
			for (size_t i = 0; i < roots->n; i++) {
				if (roots->at[i].kind == kind && roots->at[i].weak == weak)
					sorted[n++] = roots->at[i];
			}
		}
	}
	free(roots->at);
	roots->at = sorted;
	return true;
}

struct ap_err *ap_roots_find(const struct ap_bodies *b, struct ap_roots *ret)
{
	struct ap_roots roots = {0};
	struct ap_root_finder f = {.b = b, .roots = &roots};
	const struct ap_v8 *v8 = b->heap->v8;
	struct ap_err *err = NULL;

	for (size_t i = 0; i < v8->isolates.n && !err; i++) {
		f.isolate = v8->isolates.at[i].address;
		f.handle_limit = 0;
		err = find_in_isolate(&f);
	}
	add_stacks(&f);
	if (roots.guessed)
		add_everything(&f);
	if (f.failed || !sort_roots(&roots))
		err = &ap_err_nomem;
	if (err) {
		ap_roots_close(&roots);
		return err;
	}
	for (size_t i = 0; i < b->heap->spaces.n; i++)
		roots.expected += b->heap->spaces.at[i].objects;
	*ret = roots;
	return NULL;
}
