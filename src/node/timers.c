/*
 * lib/internal/timers.js (the same names in Node 12 to 26): timerListMap has one TimersList per
 * duration, a circle of Timeouts through _idleNext that begins and ends in the list; immediateQueue
 * has head and tail, its Immediates hang together by _idleNext too. `expiry` and `_idleStart` count
 * from the moment when the Environment was made: timer_base, a word of the Environment.
 */
#include "node/timers.h"

#include <stdlib.h>

#include "v8/element.h"

enum {
	MAX_TIMERS = 1 << 22,
	TIMER_TIMEOUT = 128, /* uv_timer_t.timeout, absolute in the loop's ms */
	ENVIRONMENT_BYTES = 8192,
	BASE_SLACK_MS = 10000,
};

struct reader {
	const struct ap_node_env *env;
	struct ap_v8 *v8;
	struct ap_arena *arena;
	ap_node_timer_vec *rows;
	bool has_base;
	double base, now; /* ms of the loop's clock */
	double smallest_expiry;
	bool has_expiry;
};

static bool number_property(struct ap_v8 *v8, ap_tagged object, const char *name, double *ret)
{
	struct ap_own own;

	if (!ap_own_find(v8, object, name, &own) || own.kind != AP_OWN_DATA || !own.readable)
		return false;
	if (own.slot.is_raw_double) {
		*ret = own.slot.number;
		return true;
	}
	return ap_v8_number(v8, own.slot.tagged, ret);
}

static bool object_property(struct ap_v8 *v8, ap_tagged object, const char *name, ap_tagged *ret)
{
	struct ap_own own;

	if (!ap_own_find(v8, object, name, &own) || own.kind != AP_OWN_DATA || !own.readable ||
	    own.slot.is_raw_double || !ap_type_is_receiver(v8, ap_v8_type(v8, own.slot.tagged)))
		return false;
	*ret = own.slot.tagged;
	return true;
}

static bool is_true(struct ap_v8 *v8, ap_tagged object, const char *symbol)
{
	ap_tagged value;

	return ap_node_symbol_value(v8, object, symbol, &value) &&
	       ap_v8_oddball(v8, value) == AP_ODDBALL_TRUE;
}

static struct ap_err *add_timeout(struct reader *r, ap_tagged object)
{
	struct ap_node_timer t = {.object = object, .after_ms = -1};
	double start, repeat;

	(void)object_property(r->v8, object, "_onTimeout", &t.callback);
	(void)number_property(r->v8, object, "_idleTimeout", &t.after_ms);
	if (number_property(r->v8, object, "_repeat", &repeat) && repeat > 0)
		t.kind = AP_TIMER_INTERVAL;
	t.referenced = is_true(r->v8, object, "refed");
	/* Relative to the base for now: it is known when all lists have been seen. */
	if (number_property(r->v8, object, "_idleStart", &start) && t.after_ms >= 0) {
		t.has_due = true;
		t.due_in_ms = start + t.after_ms;
	}
	return ap_vec_push(r->arena, r->rows, t) ? NULL : &ap_err_nomem;
}

static struct ap_err *add_list(struct reader *r, ap_tagged list)
{
	ap_tagged item = list;
	double expiry;

	if (number_property(r->v8, list, "expiry", &expiry) &&
	    (!r->has_expiry || expiry < r->smallest_expiry)) {
		r->smallest_expiry = expiry;
		r->has_expiry = true;
	}
	/* Appended at _idlePrev; the oldest is _idlePrev of the list, as L.peek() has it. */
	while (object_property(r->v8, item, "_idlePrev", &item) && item != list) {
		if (r->rows->n == MAX_TIMERS)
			break;
		AP_TRY(add_timeout(r, item));
	}
	return NULL;
}

static struct ap_err *add_lists(struct reader *r, ap_tagged map)
{
	struct ap_element_iter elements;
	struct ap_own_element element;
	struct ap_own_iter properties;
	struct ap_own own;

	if (ap_elements_begin(r->v8, map, &elements)) {
		while (ap_elements_next(&elements, &element)) {
			own = element.own;
			if (!element.is_char && own.kind == AP_OWN_DATA && own.readable &&
			    !own.slot.is_raw_double &&
			    ap_type_is_receiver(r->v8, ap_v8_type(r->v8, own.slot.tagged)))
				AP_TRY(add_list(r, own.slot.tagged));
		}
	}
	if (ap_own_begin(r->v8, map, &properties)) {
		while (ap_own_next(&properties, &own)) {
			if (own.kind == AP_OWN_DATA && own.readable && !own.slot.is_raw_double &&
			    ap_type_is_receiver(r->v8, ap_v8_type(r->v8, own.slot.tagged)))
				AP_TRY(add_list(r, own.slot.tagged));
		}
	}
	return NULL;
}

static struct ap_err *add_immediates(struct reader *r, ap_tagged queue)
{
	ap_tagged item;

	for (bool more = object_property(r->v8, queue, "head", &item);
	     more && r->rows->n < MAX_TIMERS;
	     more = object_property(r->v8, item, "_idleNext", &item)) {
		struct ap_node_timer t = {
			.kind = AP_TIMER_IMMEDIATE, .object = item, .after_ms = -1};

		/* Those that were cleared or have run stay linked while their batch runs. */
		if (!object_property(r->v8, item, "_onImmediate", &t.callback))
			continue;
		t.referenced = is_true(r->v8, item, "refed");
		if (!ap_vec_push(r->arena, r->rows, t))
			return &ap_err_nomem;
	}
	return NULL;
}

/*
 * The timer handle is due, or was last, at base + the smallest expiry (a list in service stays in
 * the map), give or take what passed between two readings of the clock; the exact base stands in
 * the Environment.
 */
static void find_base(struct reader *r)
{
	const struct ap_image *image = r->v8->image;
	uint64_t timeout, now, best = 0;

	if (!ap_node_loop_time(r->env, &now) || !r->has_expiry || !r->env->timer ||
	    !ap_image_u64(image, r->env->timer + TIMER_TIMEOUT, &timeout) ||
	    now > (uint64_t)1 << 44 || timeout > (uint64_t)1 << 44)
		return;
	double guess = (double)timeout - r->smallest_expiry, best_distance = BASE_SLACK_MS;
	for (uint64_t at = 8; at < ENVIRONMENT_BYTES; at += 8) {
		uint64_t word;

		if (!ap_image_u64(image, r->env->address + at, &word))
			break;
		if (!word || word > now)
			continue;
		double distance = (double)word - guess;
		distance = distance < 0 ? -distance : distance;
		if (distance < best_distance) {
			best_distance = distance;
			best = word;
		}
	}
	if (!best)
		return;
	r->has_base = true;
	r->base = (double)best;
	r->now = (double)now;
}

static int compare_due(const void *pa, const void *pb)
{
	const struct ap_node_timer *a = pa, *b = pb;

	if ((a->kind == AP_TIMER_IMMEDIATE) != (b->kind == AP_TIMER_IMMEDIATE))
		return a->kind == AP_TIMER_IMMEDIATE ? -1 : 1;
	if (a->due_in_ms != b->due_in_ms)
		return a->due_in_ms < b->due_in_ms ? -1 : 1;
	return (a->object > b->object) - (a->object < b->object);
}

struct ap_err *ap_node_timers(const struct ap_node_env *env, struct ap_arena *arena,
			      ap_node_timer_vec *ret, bool *ret_found)
{
	struct reader r = {.env = env, .v8 = env->v8, .arena = arena};
	ap_node_timer_vec rows = {0};
	ap_tagged map, queue;

	r.rows = &rows;
	if (!ap_node_internal_variable(env, "timerListMap", &map)) {
		*ret_found = false;
		return NULL;
	}
	if (ap_node_internal_variable(env, "immediateQueue", &queue))
		AP_TRY(add_immediates(&r, queue));
	size_t first = rows.n;
	AP_TRY(add_lists(&r, map));
	find_base(&r);
	for (size_t i = first; i < rows.n; i++) {
		struct ap_node_timer *t = &rows.at[i];

		t->has_due = t->has_due && r.has_base;
		t->due_in_ms = t->has_due ? t->due_in_ms + r.base - r.now : 0;
	}
	/* Immediates keep their order. */
	if (rows.n > first)
		qsort(rows.at + first, rows.n - first, sizeof(*rows.at), compare_due);
	*ret = rows;
	*ret_found = true;
	return NULL;
}
