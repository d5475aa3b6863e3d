/* Strings by their text: the largest, the most often repeated, and those that match an expression.
 */
#include <regex.h>
#include <stdlib.h>

#include "base/map64.h"
#include "heap/heap_private.h"

enum {
	MAX_TEXT_UNITS = 200,       /* of a row */
	MAX_MATCH_UNITS = 1 << 20,  /* that an expression looks at */
	MAX_JOINED_UNITS = 1 << 28, /* that it looks at in all concatenated strings, which may share
				       their parts */
	MAX_HASH_BYTES = 1 << 20,   /* longer texts are told apart by length and this much */
};

/* Shapes of strings: StringRepresentationTag. */
enum { SEQUENTIAL, CONS, EXTERNAL };

struct entry {
	uint64_t hash; /* never 0 */
	uint64_t address;
	uint32_t count;
	uint32_t length;
	uint64_t bytes;
};

struct strings {
	struct ap_heap *heap;
	const struct ap_heap_strings_options *options;
	regex_t regex;
	struct entry *at;
	size_t n, cap;
	struct ap_str text;
	uint64_t count, bytes;
	const struct ap_heap_watch *watch;
	struct ap_map64 parts; /* concatenated strings inside of others */
	uint64_t joined, unsearched;
	bool failed, stopped;
};

static size_t slot_of(const struct strings *s, uint64_t hash, uint32_t length)
{
	size_t i = (size_t)(hash >> 20) & (s->cap - 1);

	while (s->at[i].hash && (s->at[i].hash != hash || s->at[i].length != length))
		i = (i + 1) & (s->cap - 1);
	return i;
}

static bool grow(struct strings *s)
{
	struct strings old = *s;

	s->cap = old.cap ? old.cap * 2 : 1 << 14;
	s->at = calloc(s->cap, sizeof(*s->at));
	if (!s->at) {
		*s = old;
		return false;
	}
	for (size_t i = 0; i < old.cap; i++) {
		if (old.at[i].hash)
			s->at[slot_of(s, old.at[i].hash, old.at[i].length)] = old.at[i];
	}
	free(old.at);
	return true;
}

/* A text's bytes, eight at a time; different texts of a length meet once in 2^64. */
static uint64_t hash_of(const uint8_t *p, uint64_t n)
{
	uint64_t h = 0x9ae16a3b2f90404fu ^ n;

	for (; n >= 8; p += 8, n -= 8) {
		uint64_t w;

		memcpy(&w, p, sizeof(w));
		h = (h ^ w) * 0x9ddfea08eb382d69u;
		h ^= h >> 29;
	}
	for (; n; p++, n--)
		h = (h ^ *p) * 0x100000001b3u;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ h >> 29 ? h ^ h >> 29 : 1;
}

static bool matches(struct strings *s, ap_addr address, uint32_t length)
{
	ap_str_clear(&s->text);
	(void)ap_v8_string_range(s->heap->v8, address + 1, 0,
				 length < MAX_MATCH_UNITS ? length : MAX_MATCH_UNITS, &s->text);
	return s->text.s && regexec(&s->regex, s->text.s, 0, NULL, 0) == 0;
}

static bool is_joined(const struct ap_v8 *v8, int type)
{
	return ap_type_is_string(v8, type) && (type & F(v8, STRING_REPRESENTATION_MASK)) == CONS;
}

/* Of a rope only the whole is looked at: `s += x` leaves one for each step, each inside of the
 * next. */
static bool on_joined(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct strings *s = p;
	struct ap_v8 *v8 = s->heap->v8;
	const int32_t at[] = {F(v8, CONS_FIRST), F(v8, CONS_SECOND)};
	uint64_t part;

	(void)bytes;
	(void)group;
	for (int i = 0; i < 2; i++) {
		if (ap_image_u64(v8->image, address + (uint64_t)at[i], &part) &&
		    ap_is_object(part) && is_joined(v8, ap_v8_type(v8, part)) &&
		    !ap_map64_put(&s->parts, part, 1))
			s->failed = true;
	}
	return !s->failed;
}

/* Whether a concatenated string is to be looked at, and matches: its text is in s->text then. */
static bool joined_matches(struct strings *s, ap_addr address, uint32_t length)
{
	uint64_t second;
	uint32_t n = length < MAX_MATCH_UNITS ? length : MAX_MATCH_UNITS, seen;

	/* One that was made flat stands for its first part. */
	if (!s->options->pattern || ap_map64_get(&s->parts, address + 1, &seen) ||
	    !ap_image_u64(s->heap->v8->image, address + (uint64_t)F(s->heap->v8, CONS_SECOND),
			  &second) ||
	    !ap_v8_string_length(s->heap->v8, second, &seen) || !seen)
		return false;
	if (s->joined + n > MAX_JOINED_UNITS) {
		s->unsearched++;
		return false;
	}
	s->joined += n;
	return matches(s, address, length);
}

static bool add(struct strings *s, uint64_t hash, bool one_byte, ap_addr address, uint32_t length,
		uint64_t bytes)
{
	s->count++;
	s->bytes += bytes;
	if (s->n * 2 >= s->cap && !grow(s)) {
		s->failed = true;
		return false;
	}
	struct entry *e = &s->at[slot_of(s, hash ^ !one_byte, length)];
	if (!e->hash) {
		*e = (struct entry){hash ^ !one_byte, address, 0, length, bytes};
		e->hash += !e->hash;
		s->n++;
	}
	e->count += e->count < UINT32_MAX;
	return true;
}

static bool on_string(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct strings *s = p;
	const struct ap_v8 *v8 = s->heap->v8;
	int type = ap_v8_type(s->heap->v8, address + 1);
	uint32_t length;
	uint64_t have, n, hash;

	(void)group;
	if (!ap_type_is_string(v8, type) || !ap_v8_string_length(s->heap->v8, address + 1, &length))
		return true;
	unsigned shape = (unsigned)(type & F(v8, STRING_REPRESENTATION_MASK));
	bool one_byte = type & F(v8, STRING_ONE_BYTE_TAG);
	if (s->watch && s->watch->cancelled && *s->watch->cancelled) {
		s->stopped = true;
		return false;
	}
	if (shape == CONS) {
		if (!joined_matches(s, address, length))
			return true;
		n = s->text.n < MAX_HASH_BYTES ? s->text.n : MAX_HASH_BYTES;
		return add(s, hash_of((const uint8_t *)s->text.s, n), one_byte, address, length,
			   bytes);
	}
	if (shape != SEQUENTIAL && shape != EXTERNAL)
		return true;
	n = length;
	if (!one_byte)
		n *= 2;
	if (shape == SEQUENTIAL) {
		const uint8_t *at =
			ap_image_view(v8->image, address + (uint64_t)F(v8, STRING_CHARS), &have);

		if (!at || have < n)
			return true;
		hash = hash_of(at, n < MAX_HASH_BYTES ? n : MAX_HASH_BYTES);
	} else {
		/* Told apart by the resource that holds the text. */
		uint64_t resource;

		if (!ap_v8_word(v8, address + 1, F(v8, EXTERNAL_RESOURCE), &resource))
			return true;
		hash = hash_of((const uint8_t *)&resource, sizeof(resource));
		bytes += n;
	}
	if (s->options->pattern && !matches(s, address, length))
		return true;
	return add(s, hash, one_byte, address, length, bytes);
}

static int by_bytes(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->address < y->address ? -1 : 1;
}

static uint64_t wasted(const struct entry *e)
{
	return e->bytes * (e->count - 1);
}

static int by_waste(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	uint64_t p = wasted(x), q = wasted(y);

	if (p != q)
		return p > q ? -1 : 1;
	return by_bytes(a, b);
}

static struct ap_err *rows(struct strings *s, struct ap_arena *arena, struct ap_heap_strings *ret)
{
	struct ap_heap_strings result = {.count = s->count,
					 .bytes = s->bytes,
					 .distinct = s->n,
					 .unsearched = s->unsearched};
	size_t n = 0, limit;

	for (size_t i = 0; i < s->cap; i++) {
		if (!s->at[i].hash)
			continue;
		result.wasted += wasted(&s->at[i]);
		s->at[n++] = s->at[i];
	}
	if (n)
		qsort(s->at, n, sizeof(*s->at), s->options->duplicates ? by_waste : by_bytes);
	limit = s->options->limit && s->options->limit < n ? (size_t)s->options->limit : n;
	struct ap_heap_string *list = ap_alloc_array(arena, limit ? limit : 1, sizeof(*list));
	if (!list)
		return &ap_err_nomem;
	for (size_t i = 0; i < limit; i++) {
		const struct entry *e = &s->at[i];

		list[i] = (struct ap_heap_string){
			.address = e->address,
			.length = e->length,
			.bytes = e->bytes,
			.count = e->count,
			.wasted = wasted(e),
			.text = ap_v8_text(s->heap->v8, e->address + 1, MAX_TEXT_UNITS, arena),
		};
	}
	result.rows = list;
	result.n = limit;
	*ret = result;
	return NULL;
}

struct ap_err *ap_heap_strings(struct ap_heap *heap, const struct ap_heap_watch *watch,
			       const struct ap_heap_strings_options *options,
			       struct ap_arena *arena, struct ap_heap_strings *ret)
{
	struct strings s = {.heap = heap, .options = options, .watch = watch};
	char message[200];
	int bad;

	if (options->pattern &&
	    (bad = regcomp(&s.regex, options->pattern, REG_EXTENDED | REG_NOSUB)) != 0) {
		regerror(bad, &s.regex, message, sizeof(message));
		return ap_err_new(AP_E_USAGE, "\"%s\": %s", options->pattern, message);
	}
	struct ap_err *err = NULL;
	if (options->pattern)
		err = ap_heap_each_kind(heap, watch, 1 << AP_HEAP_CONS_STRING, options->dead,
					on_joined, &s);
	if (!err && !s.failed)
		err = ap_heap_each_kind(heap, watch,
					1 << AP_HEAP_STRING |
						(options->pattern ? 1 << AP_HEAP_CONS_STRING : 0),
					options->dead, on_string, &s);
	if (!err)
		err = s.failed    ? &ap_err_nomem
		      : s.stopped ? &ap_err_cancelled
				  : rows(&s, arena, ret);
	if (options->pattern)
		regfree(&s.regex);
	ap_map64_close(&s.parts);
	free(s.at);
	ap_str_close(&s.text);
	return err;
}

struct equal {
	struct ap_v8 *v8;
	struct ap_arena *arena;
	struct ap_text text;
	struct ap_str read;
	AP_VEC(uint64_t) found;
	bool failed;
};

static bool on_candidate(void *p, uint64_t address, uint64_t bytes, size_t group)
{
	struct equal *e = p;
	uint32_t length;

	(void)bytes;
	(void)group;
	/* A UTF-16 unit takes one to three bytes of text. */
	if (!ap_v8_string_length(e->v8, address + 1, &length) || length > e->text.n ||
	    (uint64_t)length * 3 < e->text.n)
		return true;
	ap_str_clear(&e->read);
	if (!ap_v8_string_range(e->v8, address + 1, 0, length, &e->read) ||
	    e->read.n != e->text.n || (e->text.n && memcmp(e->read.s, e->text.s, e->text.n) != 0))
		return true;
	e->failed = !ap_vec_push(e->arena, &e->found, address);
	return !e->failed;
}

struct ap_err *ap_heap_strings_equal(struct ap_heap *heap, const struct ap_heap_watch *watch,
				     struct ap_text text, bool dead, struct ap_arena *arena,
				     const uint64_t **ret_addresses, size_t *ret_n)
{
	struct equal e = {.v8 = heap->v8, .arena = arena, .text = text};
	struct ap_err *err = ap_heap_each_kind(heap, watch,
					       1 << AP_HEAP_STRING | 1 << AP_HEAP_CONS_STRING |
						       1 << AP_HEAP_SLICED_STRING,
					       dead, on_candidate, &e);
	ap_str_close(&e.read);
	if (err || e.failed)
		return err ? err : &ap_err_nomem;
	*ret_addresses = e.found.at;
	*ret_n = e.found.n;
	return NULL;
}
