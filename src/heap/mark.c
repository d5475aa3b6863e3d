/*
 * Which objects live: a walk from the roots along strong references, as the collector would do it.
 *
 * In threads, each with a stack of its own; who has nothing left to do is given a part of
 * another's. What is to be looked at stands in a short queue first, so that it is in the cache when
 * its turn comes: else the walk would wait for memory at every object. A reference is marked at
 * once, and only when its turn comes it is asked whether an object begins there: one access less
 * for every reference.
 *
 * A value of a WeakMap waits for its key. Tables are set aside until all else is marked; then one
 * thread goes through them: entries whose key is not live yet are kept by key.
 */
#include "heap/mark.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	QUEUE = 16,
	LOOK_EVERY = 4096, /* objects, for ^C and progress */
	MIN_SHARE = 64,
	MAX_SHARE = 8192,
};

struct waiting {
	ap_tagged key, value;
	size_t next; /* + 1 */
};

struct share {
	struct share *next;
	size_t n;
	ap_addr at[];
};

/* What the threads have in common. */
struct marking {
	struct ap_bodies *b;
	const struct ap_tagged_rules *rules;
	const struct ap_paint *paint;
	const struct ap_heap_watch *watch;
	uint64_t expected;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct share *shares;
	size_t n_threads, n_idle, n_helpers;
	atomic_bool wanted; /* somebody is idle */
	atomic_bool stop, failed;
	_Atomic uint64_t done;
};

struct marker {
	struct marking *all;
	struct ap_bodies *b;
	struct ap_owned_state *owned; /* NULL: not asked for */
	ap_addr *stack;
	size_t n, cap;
	struct {
		ap_addr address;
		const struct ap_body_page *page;
	} queue[QUEUE];
	uint8_t *seen; /* maps that were marked, by place in heap->maps */
	unsigned head, queued;
	ap_addr *tables;
	size_t n_tables, tables_cap;
	bool last;     /* all else is marked */
	size_t number; /* 0: the calling thread */
	struct waiting *waiting;
	size_t n_waiting, waiting_cap;
	size_t *by_key; /* + 1 */
	size_t buckets;
};

static bool put(struct marker *m, ap_addr **list, size_t *n, size_t *cap, ap_addr a)
{
	if (*n == *cap) {
		size_t bigger = *cap ? *cap * 2 : 1 << 12;
		ap_addr *grown = realloc(*list, bigger * sizeof(*grown));

		if (!grown) {
			atomic_store(&m->all->failed, true);
			return false;
		}
		*list = grown;
		*cap = bigger;
	}
	(*list)[(*n)++] = a;
	return true;
}

/* Marks what `w` points to; false if it was marked, or nothing is there. */
static inline bool paint(struct marker *m, ap_tagged w)
{
	ap_addr address = w & ~3ull;
	const struct ap_body_slot *s;

	if (address - m->b->constants < m->b->constants_bytes || !(w & 1) || (address & 7) ||
	    !(s = ap_body_slot_at(m->b, address)) || (s->large && address != s->start))
		return false;
	/* Read-only objects live, and lead nowhere else. */
	if (s->read_only && !s->large)
		return false;
	uint64_t word = (address - s->start) / 8, bit = 1ull << (word % 64);
	_Atomic uint64_t *words = ap_paint_words(m->all->paint, s->first + word / 64);
	return !(atomic_load_explicit(words, memory_order_relaxed) & bit) &&
	       !(atomic_fetch_or_explicit(words, bit, memory_order_relaxed) & bit);
}

static inline void push(struct marker *m, ap_tagged w)
{
	if (paint(m, w))
		(void)put(m, &m->stack, &m->n, &m->cap, w & ~3ull);
}

static bool is_live(const struct marker *m, ap_tagged w)
{
	uint64_t word;
	const struct ap_body_page *p = ap_body_find(m->b, w, &word);

	if (!p || (p->read_only && !p->large))
		return p != NULL;
	return atomic_load_explicit(&m->all->paint->pages[p - m->b->pages][word / 64 * 2],
				    memory_order_relaxed) >>
		       (word % 64) &
	       1;
}

static size_t bucket_of(const struct marker *m, ap_tagged key)
{
	return (size_t)((key >> 3) * 0x9e3779b97f4a7c15u >> 20) & (m->buckets - 1);
}

static void wait_for(struct marker *m, ap_tagged key, ap_tagged value)
{
	if (m->n_waiting == m->waiting_cap) {
		size_t cap = m->waiting_cap ? m->waiting_cap * 2 : 1024;
		struct waiting *grown = realloc(m->waiting, cap * sizeof(*grown));
		size_t *by_key = calloc(cap, sizeof(*by_key));

		if (grown)
			m->waiting = grown;
		if (!grown || !by_key) {
			free(by_key);
			atomic_store(&m->all->failed, true);
			return;
		}
		free(m->by_key);
		m->by_key = by_key;
		m->waiting_cap = m->buckets = cap;
		for (size_t i = 0; i < m->n_waiting; i++) {
			size_t at = bucket_of(m, m->waiting[i].key);

			m->waiting[i].next = m->by_key[at];
			m->by_key[at] = i + 1;
		}
	}
	size_t at = bucket_of(m, key);
	m->waiting[m->n_waiting] = (struct waiting){key, value, m->by_key[at]};
	m->by_key[at] = ++m->n_waiting;
}

static void wake(struct marker *m, ap_tagged key)
{
	for (size_t i = m->by_key[bucket_of(m, key)]; i; i = m->waiting[i - 1].next) {
		if (m->waiting[i - 1].key == key)
			push(m, m->waiting[i - 1].value);
	}
}

static void mark_table(struct marker *m, const struct ap_body *table)
{
	for (uint32_t i = AP_EPHEMERON_FIRST; i + 1 < table->n; i += 2) {
		ap_tagged key = table->w[i], value = table->w[i + 1];

		if (!ap_is_object(key) || !ap_is_object(value) || !ap_body_exists(m->b, value))
			continue;
		if (is_live(m, key) || !ap_body_exists(m->b, key))
			push(m, value);
		else
			wait_for(m, ap_body_tagged(m->b, key), value);
	}
}

static void mark_body(struct marker *m, const struct ap_body *body)
{
	const struct ap_tagged_rules *rules = m->all->rules;
	const struct ap_tagged_rule *rule = &rules->by_type[body->map->type];
	uint32_t end = ap_tagged_words(rule, body);
	ap_tagged before = 0;

	if (m->owned)
		ap_owned_note(m->owned, body);
	uint8_t *seen = &m->seen[body->map - m->b->heap->maps.at];
	if (!*seen) {
		*seen = 1;
		push(m, body->w[0]);
	}
	if (rule->how == AP_TAGGED_EPHEMERONS) {
		if (m->last)
			mark_table(m, body);
		else
			(void)put(m, &m->tables, &m->n_tables, &m->tables_cap, body->address);
		return;
	}
	if (rule->how == AP_TAGGED_ALL) {
		for (uint32_t i = 1; i < end; i++) {
			ap_tagged w = body->w[i];

			/* Lists often hold the same again and again. */
			if (ap_is_object(w) && w != before)
				push(m, w);
			before = w;
		}
		return;
	}
	for (uint32_t i = 1; i < end; i++) {
		if (ap_is_object(body->w[i]) && !ap_tagged_is_weak(rule, body, i))
			push(m, body->w[i]);
	}
	if (rule->how == AP_TAGGED_STREAM) {
		struct ap_embedded it = ap_embedded_begin(m->b, rules, body);
		bool weak;
		ap_tagged w;

		while (ap_embedded_next(m->b, &it, &w, &weak)) {
			if (!weak)
				push(m, w);
		}
	}
	if (rule->how == AP_TAGGED_FUNCTION)
		push(m, ap_dispatch_code(m->b, rules, body));
}

/* The next object: what was put into the queue QUEUE turns ago; false if there is none. */
static bool next_object(struct marker *m, ap_addr *ret, const struct ap_body_page **ret_page)
{
	while (m->n && m->queued < QUEUE) {
		ap_addr a = m->stack[--m->n];
		const struct ap_body_page *p = ap_body_page_at(m->b, a);
		uint64_t offset = a - p->start;
		unsigned at = (m->head + m->queued++) % QUEUE;

		__builtin_prefetch(p->at + offset);
		__builtin_prefetch(p->at + offset + 64);
		if (!p->large)
			__builtin_prefetch(&p->bits[offset / 512]);
		m->queue[at].address = a;
		m->queue[at].page = p;
	}
	if (!m->queued)
		return false;
	*ret = m->queue[m->head].address;
	*ret_page = m->queue[m->head].page;
	m->head = (m->head + 1) % QUEUE;
	m->queued--;
	return true;
}

/* What was marked may be no object: a word that only looks like a reference. */
static bool is_start(const struct ap_body_page *p, ap_addr a)
{
	uint64_t word = (a - p->start) / 8;

	return p->large || (p->bits[word / 64] >> (word % 64) & 1);
}

/* Half of the stack for whoever is idle: from its bottom, where the larger parts hang. */
static void give(struct marker *m)
{
	struct marking *all = m->all;
	size_t n = m->n / 2 < MAX_SHARE ? m->n / 2 : MAX_SHARE;
	struct share *s = malloc(sizeof(*s) + n * sizeof(s->at[0]));

	if (!s) /* then it remains here */
		return;
	s->n = n;
	memcpy(s->at, m->stack, n * sizeof(s->at[0]));
	memmove(m->stack, m->stack + n, (m->n - n) * sizeof(s->at[0]));
	m->n -= n;
	pthread_mutex_lock(&all->lock);
	s->next = all->shares;
	all->shares = s;
	atomic_store(&all->wanted, false);
	pthread_cond_signal(&all->changed);
	pthread_mutex_unlock(&all->lock);
}

/* False if no thread has anything left. */
static bool take(struct marker *m)
{
	struct marking *all = m->all;
	struct share *s = NULL;

	pthread_mutex_lock(&all->lock);
	all->n_idle++;
	while (!all->shares && all->n_idle < all->n_threads && !atomic_load(&all->stop) &&
	       !atomic_load(&all->failed)) {
		atomic_store(&all->wanted, true);
		pthread_cond_wait(&all->changed, &all->lock);
	}
	if (all->shares && !atomic_load(&all->stop) && !atomic_load(&all->failed)) {
		s = all->shares;
		all->shares = s->next;
		all->n_idle--;
		atomic_store(&all->wanted, all->n_idle > 0);
	} else {
		pthread_cond_broadcast(&all->changed);
	}
	pthread_mutex_unlock(&all->lock);
	for (size_t i = 0; s && i < s->n; i++)
		(void)put(m, &m->stack, &m->n, &m->cap, s->at[i]);
	free(s);
	return s != NULL;
}

static bool look(struct marker *m, uint64_t n)
{
	struct marking *all = m->all;
	uint64_t done = atomic_fetch_add(&all->done, n) + n;

	if (all->watch && all->watch->report && !m->number)
		all->watch->report(all->watch->arg, "finding what is alive", done, all->expected,
				   done);
	if (all->watch && all->watch->cancelled && *all->watch->cancelled)
		atomic_store(&all->stop, true);
	return !atomic_load(&all->stop) && !atomic_load(&all->failed);
}

/* Until the own stack is empty; false if it was stopped. */
static bool drain(struct marker *m)
{
	struct ap_body body;
	const struct ap_body_page *page;
	uint64_t n = 0;
	ap_addr a;

	while (next_object(m, &a, &page)) {
		uint64_t word;

		if (!is_start(page, a)) {
			/* No object, or one that has moved. */
			page = page->collecting ? ap_body_moved(m->b, page, a, &word) : NULL;
			if (page)
				push(m, page->start + 8 * word + 1);
		} else if (ap_body_on_page(m->b, page, a, &body)) {
			mark_body(m, &body);
			if (m->n_waiting)
				wake(m, a + 1);
		}
		if (m->n >= MIN_SHARE &&
		    atomic_load_explicit(&m->all->wanted, memory_order_relaxed))
			give(m);
		if (++n == LOOK_EVERY) {
			if (!look(m, n))
				return false;
			n = 0;
		}
	}
	return true;
}

/* Memory that is touched for the first time is cleared by the kernel: not by one thread alone. */
static void touch(struct marker *m)
{
	enum { STEP = 2 << 20 };
	const struct ap_slab *slab = &m->all->paint->slab;

	for (size_t at = (m->number - 1) * STEP; at < slab->bytes; at += m->all->n_helpers * STEP)
		atomic_fetch_or_explicit((_Atomic uint64_t *)((char *)slab->at + at), 0,
					 memory_order_relaxed);
}

static void *run(void *arg)
{
	struct marker *m = arg;

	if (m->number)
		touch(m);
	while (drain(m)) {
		if (!take(m))
			return NULL;
	}
	/* Stopped, or out of memory: nobody may go on waiting for this thread's share. */
	pthread_mutex_lock(&m->all->lock);
	pthread_cond_broadcast(&m->all->changed);
	pthread_mutex_unlock(&m->all->lock);
	return NULL;
}

static void mark_tables(struct marker *m, struct marker *of)
{
	struct ap_body body;

	for (size_t i = 0; i < of->n_tables; i++) {
		if (ap_body_get(m->b, of->tables[i] + 1, &body))
			mark_table(m, &body);
	}
	of->n_tables = 0;
}

/* Read-only objects live without being marked. */
static void note_read_only(const struct ap_bodies *b, struct ap_owned_state *owned)
{
	for (size_t i = 0; i < b->n_pages; i++) {
		const struct ap_body_page *p = &b->pages[i];
		struct ap_objects it = {0};
		struct ap_body body;
		ap_addr a;

		while (p->read_only && !p->large && ap_bodies_next(p, false, &it, &a)) {
			if (ap_body_on_page(b, p, a, &body))
				ap_owned_note(owned, &body);
		}
	}
}

static struct ap_err *mark_all(struct marking *all, const struct ap_roots *roots,
			       struct ap_owned_state *owned)
{
	struct marker markers[AP_MAX_THREADS] = {0};
	pthread_t threads[AP_MAX_THREADS];
	struct ap_body body;
	bool started[AP_MAX_THREADS] = {0};
	size_t n = all->n_threads;
	struct marker *m = &markers[0];

	for (size_t i = 0; i < n; i++) {
		markers[i] = (struct marker){
			.all = all, .b = all->b, .owned = owned ? &owned[i] : NULL, .number = i};
		markers[i].seen = calloc(all->b->heap->maps.cap + 1, 1);
		if (!markers[i].seen)
			atomic_store(&all->failed, true);
	}
	/* Nobody may wait for a thread that did not start, nor look for work before the roots are
	 * there. */
	pthread_mutex_lock(&all->lock);
	for (size_t i = 1; i < n && !atomic_load(&all->failed); i++) {
		started[i] = pthread_create(&threads[i], NULL, run, &markers[i]) == 0;
	}
	all->n_threads = 1;
	for (size_t i = 1; i < n; i++)
		all->n_threads += started[i];
	for (size_t i = 0; i < roots->n; i++) {
		/* It lives, but what it holds does not live by it. */
		if (roots->at[i].cache) {
			if (paint(m, ap_body_tagged(all->b, roots->at[i].object)) && owned &&
			    ap_body_get(all->b, roots->at[i].object, &body))
				ap_owned_note(owned, &body);
		} else if (!roots->at[i].weak)
			push(m, roots->at[i].object);
	}
	pthread_mutex_unlock(&all->lock);
	if (!atomic_load(&all->failed))
		run(m);
	for (size_t i = 1; i < n; i++) {
		if (started[i])
			pthread_join(threads[i], NULL);
	}
	m->last = true;
	for (size_t i = 0; i < n && !atomic_load(&all->stop) && !atomic_load(&all->failed); i++)
		mark_tables(m, &markers[i]);
	if (!atomic_load(&all->stop) && !atomic_load(&all->failed))
		(void)drain(m);
	for (size_t i = 0; i < n; i++) {
		free(markers[i].stack);
		free(markers[i].tables);
		free(markers[i].seen);
	}
	free(m->waiting);
	free(m->by_key);
	while (all->shares) {
		struct share *s = all->shares;

		all->shares = s->next;
		free(s);
	}
	if (atomic_load(&all->failed))
		return &ap_err_nomem;
	if (atomic_load(&all->stop))
		return &ap_err_cancelled;
	if (owned)
		note_read_only(all->b, owned);
	return NULL;
}

struct ap_err *ap_mark(struct ap_bodies *b, const struct ap_tagged_rules *rules,
		       const struct ap_heap_watch *watch, const struct ap_roots *roots,
		       const struct ap_paint *paint, struct ap_owned_state *owned, size_t n_threads)
{
	struct marking all = {.b = b,
			      .rules = rules,
			      .paint = paint,
			      .watch = watch,
			      .expected = roots->expected,
			      .n_threads = n_threads,
			      .n_helpers = n_threads - 1,
			      .lock = PTHREAD_MUTEX_INITIALIZER,
			      .changed = PTHREAD_COND_INITIALIZER};
	struct ap_err *err = mark_all(&all, roots, owned);

	pthread_mutex_destroy(&all.lock);
	pthread_cond_destroy(&all.changed);
	return err;
}
