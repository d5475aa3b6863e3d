/*
 * Which words of an object are references, and which of those keep their target alive.
 *
 * Ownership: struct ap_tagged_rules is the caller's until ap_tagged_close().
 *
 * Inside the words that may be tagged, a word is one if it points to the start of an object: raw
 * fields that stand between tagged ones (lengths, hashes, addresses outside the heap) do not.
 */
#ifndef AP_HEAP_TAGGED_H
#define AP_HEAP_TAGGED_H

#include "heap/bodies.h"

enum ap_tagged_how {
	AP_TAGGED_ALL,
	AP_TAGGED_NONE,       /* the map, then data */
	AP_TAGGED_HEAD,       /* the first words, then data */
	AP_TAGGED_PAIR,       /* two fields beginning at `at` are weak although tagged as strong */
	AP_TAGGED_ONE,        /* one such field */
	AP_TAGGED_LAST,       /* the last `at` slots of an array are */
	AP_TAGGED_EPHEMERONS, /* a value lives by its key and the table */
	AP_TAGGED_FUNCTION,   /* its code stands in the dispatch table (13.6 and later) */
	AP_TAGGED_RAW, /* what lies between words `at` and `to` is none, whatever it looks like */
	AP_TAGGED_STREAM, /* embedded in machine code, too */
};

struct ap_tagged_rule {
	uint8_t how;
	uint8_t head;   /* words that may be tagged; 0: all */
	uint8_t at, to; /* words */
};

struct ap_tagged_rules {
	struct ap_tagged_rule *by_type; /* AP_N_TYPES */
	ap_addr dispatch; /* JSDispatchTable, 0: this V8 has none, or it was not found */
};

struct ap_err *ap_tagged_open(const struct ap_bodies *b, struct ap_tagged_rules *ret);
void ap_tagged_close(struct ap_tagged_rules *rules);

/* The Code of a function by its dispatch handle, tagged; 0 if there is none. */
ap_tagged ap_dispatch_code(const struct ap_bodies *b, const struct ap_tagged_rules *rules,
			   const struct ap_body *function);

/* Words that may be references: [1, this). */
static inline uint32_t ap_tagged_words(const struct ap_tagged_rule *rule,
				       const struct ap_body *body)
{
	if (rule->how == AP_TAGGED_NONE)
		return 1;
	return rule->head && rule->head < body->n ? rule->head : body->n;
}

/* Whether the reference at `word` is weak by what the object is, whatever its tag. */
static inline bool ap_tagged_is_weak(const struct ap_tagged_rule *rule, const struct ap_body *body,
				     uint32_t word)
{
	switch (rule->how) {
	case AP_TAGGED_PAIR:
		return word == rule->at || word == rule->at + 1u;
	case AP_TAGGED_ONE:
		return word == rule->at;
	case AP_TAGGED_LAST: {
		uint64_t length = body->n > 1 ? body->w[1] >> 32 : 0;

		return word >= 2 + length - rule->at && word < 2 + length;
	}
	default:
		return false;
	}
}

/*
 * References inside machine code, in the order of their addresses: words of any alignment that
 * point to an object's start. (Relocation information would say the same; a chance hit in 2^45 is
 * no risk.) Optimised code holds maps, objects and cells weakly: Code::IsWeakObject.
 */
struct ap_embedded {
	const uint8_t *at, *end;
	bool optimised;
};
struct ap_embedded ap_embedded_begin(const struct ap_bodies *b, const struct ap_tagged_rules *rules,
				     const struct ap_body *stream);
bool ap_embedded_next(const struct ap_bodies *b, struct ap_embedded *it, ap_tagged *ret,
		      bool *ret_weak);

/* Where an EphemeronHashTable's pairs begin, and how many slots there are. */
enum { AP_EPHEMERON_FIRST = 5 }; /* map, length, elements, deleted, capacity */

#endif
