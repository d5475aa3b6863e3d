#include "capture/handler/walk.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of an object whose size nobody knows; V8's maps and functions are shorter. */
enum { WORDS = 16 };
enum { ARRAY_KEEP_BYTES = 64 << 10, ARRAY_FOLLOW_WORDS = 256, ARRAY_FOLLOW_DEPTH = 5 };
enum { STACK_BYTES = 1 << 20, STACK_TOP_BYTES = 64 << 10, STACK_RED_ZONE = 128 };
enum { MODULE_DATA_BYTES = 4 << 20, SMALL_SEGMENT_BYTES = 64 << 10 };
/* Of the addresses that stand most often on the stacks: V8's isolate and the program's own great
 * objects. */
enum {
	FREQUENT = 24,
	FREQUENT_BEFORE_BYTES = 4 << 10,
	FREQUENT_AFTER_BYTES = 64 << 10,
	COUNTED_MAX = 1 << 13
};
enum { QUEUE_MAX = 1 << 17, TEXTS_MAX = 4096, SMALL_TEXT_BYTES = 256 << 10 };

struct range {
	uint64_t start, end;
	uint32_t flags;
};

struct text {
	uint64_t start, bytes;
};

struct counted {
	uint64_t addr;
	uint32_t times;
};

struct walk {
	const struct ap_dying *dying;
	const struct ap_walk_limits *limits;
	struct ap_pages *pages;
	struct range *ranges;
	size_t n_ranges, last;
	uint64_t *queue, *next;
	size_t n_queue, n_next;
	struct text *texts;
	size_t n_texts;
	struct counted *counted; /* by hash of the address */
	size_t n_counted;
	uint64_t text_bytes, waiting_bytes; /* of texts: kept, and to be kept at the end */
	uint64_t deadline_ns, cpu_deadline_ns;
	unsigned depth;
	struct ap_walk_result result;
};

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int range_cmp(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* The memory that the core would hold, sorted. */
static struct ap_err *load_ranges(struct walk *w)
{
	const struct ap_core_header *h = w->dying->header;

	w->ranges = calloc(h->n_phdrs ? h->n_phdrs : 1, sizeof(*w->ranges));
	if (!w->ranges)
		return &ap_err_nomem;
	for (size_t i = 0; i < h->n_phdrs; i++) {
		const Elf64_Phdr *ph = &h->phdrs[i];
		uint64_t end;

		if (ph->p_type == PT_LOAD && ph->p_filesz &&
		    !__builtin_add_overflow(ph->p_vaddr, ph->p_filesz, &end))
			w->ranges[w->n_ranges++] = (struct range){ph->p_vaddr, end, ph->p_flags};
	}
	qsort(w->ranges, w->n_ranges, sizeof(*w->ranges), range_cmp);
	return NULL;
}

static const struct range *range_of(struct walk *w, uint64_t addr)
{
	size_t lo = 0, hi = w->n_ranges;

	if (w->last < hi && addr >= w->ranges[w->last].start && addr < w->ranges[w->last].end)
		return &w->ranges[w->last];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->ranges[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == w->n_ranges || addr < w->ranges[lo].start)
		return NULL;
	w->last = lo;
	return &w->ranges[lo];
}

static void keep(struct walk *w, uint64_t start, uint64_t end)
{
	for (uint64_t at = start & ~(uint64_t)(AP_HANDLE_PAGE - 1);
	     at < end && !ap_pages_full(w->pages); at += AP_HANDLE_PAGE)
		(void)ap_pages_keep(w->pages, w->dying, at);
}

static void push(struct walk *w, uint64_t addr)
{
	if (w->n_next < QUEUE_MAX)
		w->next[w->n_next++] = addr;
}

/* What might be a pointer: kept, and followed in the next round. */
static void consider(struct walk *w, uint64_t word)
{
	uint64_t addr = word & ~(uint64_t)3;
	const struct range *r;

	/* Nothing is mapped in the first megabyte, nor in the kernel's half. */
	if (word < 1 << 20 || word >> 47 || !(r = range_of(w, addr)))
		return;
	if (addr & 7 || (word & 3) == 2) {
		/* No object, but perhaps a return address into code that the process made. */
		if (r->flags & PF_X)
			(void)ap_pages_keep(w->pages, w->dying, addr);
		return;
	}
	struct ap_page *page = ap_pages_keep(w->pages, w->dying, addr);
	if (!page)
		return;
	unsigned at = (unsigned)(addr % AP_HANDLE_PAGE) / 8;
	if (page->followed[at / 8] & 1u << at % 8)
		return;
	page->followed[at / 8] |= (uint8_t)(1u << at % 8);
	push(w, addr);
}

static size_t read_words(struct walk *w, uint64_t addr, uint64_t end, uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++, addr += 8) {
		if (addr + 8 > end)
			return i;
		struct ap_page *page = ap_pages_keep(w->pages, w->dying, addr);
		if (!page)
			return i;
		memcpy(&words[i], ap_pages_bytes(w->pages, page) + addr % AP_HANDLE_PAGE, 8);
	}
	return n;
}

static bool is_text_byte(uint8_t c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 32 && c < 127) || c >= 0xa0;
}

/* Bytes of a character: 1 or 2, 0 for what is no text. */
static unsigned text_width(const uint8_t *s, size_t n)
{
	size_t odd_zeros = 0, good = 0;

	for (size_t i = 0; i < n; i++) {
		good += is_text_byte(s[i]);
		odd_zeros += i % 2 && !s[i];
	}
	if (good == n)
		return 1;
	return odd_zeros * 8 >= n * 3 ? 2 : 0; /* three quarters of its units are Latin */
}

/* The first word of what V8 allocates: the tagged pointer to a map, which the core would hold. */
static bool is_map_word(struct walk *w, uint64_t word)
{
	return (word & 7) == 1 && word >> 20 && !(word >> 47) && range_of(w, word);
}

/* A long text {map, hash, length, characters}, as every V8 of 64 bits without compression has it.
 */
static void consider_text(struct walk *w, uint64_t addr, uint64_t end, const uint64_t *words,
			  size_t n)
{
	uint64_t length = n >= WORDS ? words[1] >> 32 : 0;
	unsigned width;

	if (length < (WORDS - 2) * 8 || length > INT32_MAX || !is_map_word(w, words[0]) ||
	    !(width = text_width((const uint8_t *)&words[2], (WORDS - 2) * 8)))
		return;
	uint64_t bytes = 16 + length * width;
	if (bytes > end - addr)
		return;
	if (bytes <= SMALL_TEXT_BYTES && w->text_bytes + bytes <= w->limits->texts_bytes) {
		w->text_bytes += bytes;
		keep(w, addr, addr + bytes);
	} else if (w->n_texts < TEXTS_MAX) {
		w->texts[w->n_texts++] = (struct text){addr, bytes};
		if (bytes <= w->limits->text_bytes &&
		    w->text_bytes + w->waiting_bytes + bytes <= w->limits->texts_bytes)
			w->waiting_bytes += bytes;
	}
}

/* An array {map, length, items}: the items of near ones are followed, of far ones only kept. */
static void consider_array(struct walk *w, uint64_t addr, uint64_t end, const uint64_t *words,
			   size_t n)
{
	uint64_t items[ARRAY_FOLLOW_WORDS];
	uint64_t length = n < 2 ? 0 : words[1] << 32 ? words[1] : words[1] >> 32;

	if (length <= WORDS || length > 1 << 20 || !is_map_word(w, words[0]))
		return;
	uint64_t bytes = 16 + length * 8;
	if (bytes > ARRAY_KEEP_BYTES)
		bytes = ARRAY_KEEP_BYTES;
	if (bytes > end - addr)
		bytes = end - addr;
	keep(w, addr, addr + bytes);
	if (w->depth > ARRAY_FOLLOW_DEPTH)
		return;
	size_t got = read_words(w, addr + WORDS * 8, addr + bytes, items, ARRAY_FOLLOW_WORDS);
	for (size_t i = 0; i < got; i++)
		consider(w, items[i]);
}

static void follow(struct walk *w, uint64_t addr)
{
	const struct range *r = range_of(w, addr);
	uint64_t words[WORDS];

	if (!r)
		return;
	uint64_t end = r->end;
	size_t n = read_words(w, addr, end, words, WORDS);
	w->result.objects++;
	for (size_t i = 0; i < n; i++)
		consider(w, words[i]);
	consider_text(w, addr, end, words, n);
	consider_array(w, addr, end, words, n);
}

/* How often an untagged pointer into the process's own data stands on the stacks. */
static void count(struct walk *w, uint64_t word)
{
	const struct range *r;

	if (word & 7 || word < 1 << 20 || word >> 47 || !(r = range_of(w, word)) ||
	    !(r->flags & PF_W))
		return;
	size_t i = (size_t)((word >> 3) * 0x9e3779b97f4a7c15ull >> 32) & (COUNTED_MAX - 1);
	while (w->counted[i].times && w->counted[i].addr != word)
		i = (i + 1) & (COUNTED_MAX - 1);
	if (!w->counted[i].times && w->n_counted++ == COUNTED_MAX / 2) {
		w->n_counted--;
		return; /* so that the search always ends */
	}
	w->counted[i].addr = word;
	w->counted[i].times++;
}

static int counted_cmp(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	return x->times > y->times ? -1 : x->times < y->times;
}

static void keep_frequent(struct walk *w)
{
	qsort(w->counted, COUNTED_MAX, sizeof(*w->counted), counted_cmp);
	for (size_t i = 0; i < FREQUENT && w->counted[i].times; i++) {
		uint64_t addr = w->counted[i].addr;
		const struct range *r = range_of(w, addr);
		uint64_t start = addr - r->start > FREQUENT_BEFORE_BYTES
					 ? addr - FREQUENT_BEFORE_BYTES
					 : r->start;
		uint64_t end =
			r->end - addr > FREQUENT_AFTER_BYTES ? addr + FREQUENT_AFTER_BYTES : r->end;

		keep(w, start, end);
	}
}

/* The used part of the stack that `sp` stands in. Of a very deep one both ends. */
static void keep_stack(struct walk *w, uint64_t sp)
{
	const struct range *r = range_of(w, sp);

	if (!r)
		return;
	uint64_t start = sp - r->start > STACK_RED_ZONE ? sp - STACK_RED_ZONE : r->start,
		 end = r->end;
	if (end - start > STACK_BYTES) {
		uint64_t top = end - STACK_TOP_BYTES;

		keep(w, top, end);
		end = start + STACK_BYTES - STACK_TOP_BYTES;
	}
	keep(w, start, end);
	for (uint64_t at = start & ~7ull; at + 8 <= end; at += 8) {
		struct ap_page *page = ap_pages_find(w->pages, at);
		uint64_t word;

		if (!page) {
			at |= AP_HANDLE_PAGE - 8;
			continue;
		}
		memcpy(&word, ap_pages_bytes(w->pages, page) + at % AP_HANDLE_PAGE, 8);
		consider(w, word);
		/* Not what points into the stack itself. */
		if (word < r->start || word >= r->end)
			count(w, word);
	}
}

/* Data of programs and libraries, the first pages of their files, the kernel's own page. */
static void keep_modules(struct walk *w)
{
	const struct ap_core_notes *notes = w->dying->notes;

	for (size_t i = 0, f = 0; i < w->n_ranges; i++) {
		const struct range *r = &w->ranges[i];

		while (f < notes->files.n && notes->files.at[f].end <= r->start)
			f++;
		bool of_file = f < notes->files.n && notes->files.at[f].start <= r->start;
		/* .bss: behind the data of its file, without a file of its own. */
		bool behind = !of_file && f > 0 && notes->files.at[f - 1].end == r->start;
		uint64_t bytes = r->end - r->start;

		if ((of_file || behind)
			    ? bytes <= MODULE_DATA_BYTES
			    : r->flags & PF_X && !(r->flags & PF_W) && bytes <= SMALL_SEGMENT_BYTES)
			keep(w, r->start, r->end);
	}
}

static int text_cmp(const void *a, const void *b)
{
	const struct text *x = a, *y = b;

	return x->bytes < y->bytes ? -1 : x->bytes > y->bytes;
}

/* The long texts, shortest first, until the room for them is full. */
static void keep_texts(struct walk *w)
{
	if (w->n_texts)
		qsort(w->texts, w->n_texts, sizeof(*w->texts), text_cmp);
	for (size_t i = 0; i < w->n_texts; i++) {
		uint64_t bytes = w->texts[i].bytes;
		uint64_t room = (uint64_t)(w->pages->cap - w->pages->n) * AP_HANDLE_PAGE;

		if (bytes <= w->limits->text_bytes && bytes <= room &&
		    w->text_bytes + bytes <= w->limits->texts_bytes) {
			w->text_bytes += bytes;
			keep(w, w->texts[i].start, w->texts[i].start + bytes);
		} else {
			w->result.texts_out++;
			w->result.texts_out_bytes += bytes;
		}
	}
}

static void walk_rounds(struct walk *w)
{
	for (w->depth = 1; w->n_next && w->depth <= w->limits->depth; w->depth++) {
		uint64_t *swap = w->queue;

		w->queue = w->next;
		w->n_queue = w->n_next;
		w->next = swap;
		w->n_next = 0;
		for (size_t i = 0; i < w->n_queue; i++) {
			/* The sources that were met on the way need room as well. */
			if ((w->pages->cap - w->pages->n) * AP_HANDLE_PAGE <= w->waiting_bytes) {
				w->result.stopped = "room";
				return;
			}
			if (i % 64 == 0 && (now_ns(CLOCK_MONOTONIC) > w->deadline_ns ||
					    now_ns(CLOCK_THREAD_CPUTIME_ID) > w->cpu_deadline_ns)) {
				w->result.stopped = "time";
				return;
			}
			follow(w, w->queue[i]);
		}
		w->result.depth = w->depth;
	}
}

struct ap_err *ap_walk(const struct ap_dying *dying, const struct ap_walk_limits *limits,
		       struct ap_pages *pages, struct ap_walk_result *ret_result)
{
	struct walk w = {
		.dying = dying,
		.limits = limits,
		.pages = pages,
		.deadline_ns = now_ns(CLOCK_MONOTONIC) + limits->time_ms * 1000000u,
		.cpu_deadline_ns = now_ns(CLOCK_THREAD_CPUTIME_ID) + limits->cpu_ms * 1000000u,
	};
	struct ap_err *err = load_ranges(&w);

	w.queue = malloc(QUEUE_MAX * sizeof(*w.queue));
	w.next = malloc(QUEUE_MAX * sizeof(*w.next));
	w.texts = malloc(TEXTS_MAX * sizeof(*w.texts));
	w.counted = calloc(COUNTED_MAX, sizeof(*w.counted));
	if (!err && (!w.queue || !w.next || !w.texts || !w.counted))
		err = &ap_err_nomem;
	if (!err) {
		/* The thread that died comes first in the notes: its pages come first if room is
		 * short. */
		for (size_t i = 0; i < dying->notes->threads.n; i++) {
			const uint64_t *regs = dying->notes->threads.at[i].regs;

			keep_stack(&w, regs[AP_REG_RSP]);
			for (unsigned r = 0; r < AP_N_REGS; r++) {
				consider(&w, regs[r]);
				count(&w, regs[r]);
			}
		}
		keep_modules(&w);
		keep_frequent(&w);
		walk_rounds(&w);
		keep_texts(&w);
		*ret_result = w.result;
	}
	free(w.ranges);
	free(w.queue);
	free(w.next);
	free(w.texts);
	free(w.counted);
	return err;
}
