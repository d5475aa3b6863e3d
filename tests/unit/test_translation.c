/* Frame translations of optimised code: the byte code itself, without a V8 behind it. */
#include "unit.h"

#include "v8/translation.h"

enum {
	AT = 0x10000,
	META_MAP = 0x100, /* offsets in the memory */
	BYTES_MAP = 0x200,
	ARRAY = 0x400,
	MEMORY = 0x1000,
	MAP_TYPE = 7,
	BYTES_TYPE = 9,
};

/* Opcodes of our own, with MATCH_PREVIOUS_TRANSLATION last. */
enum { BEGIN, JS, LITERAL, SLOT, OUT, MATCH, N_OPS };
static const uint8_t ops[N_OPS] = {AP_TR_BEGIN,       AP_TR_FRAME_JS, AP_TR_LITERAL,
				   AP_TR_TAGGED_SLOT, AP_TR_VALUE,    AP_TR_MATCH_PREVIOUS};
static const int32_t counts[N_OPS] = {3, 3, 1, 1, 0, 1};

struct world {
	uint8_t memory[MEMORY];
	struct ap_image *image;
	struct ap_v8 v8;
	struct ap_v8_private private;
};

static void fact(struct world *w, enum ap_fact_id id, int32_t value)
{
	w->v8.profile.facts[id].value = value;
}

static void put(struct world *w, size_t at, uint64_t value)
{
	memcpy(w->memory + at, &value, sizeof(value));
}

static ap_tagged world_open(struct world *w, const uint8_t *bytes, size_t n)
{
	uint16_t type = MAP_TYPE;

	memset(w, 0, sizeof(*w));
	for (int i = 0; i < AP_N_FACTS; i++)
		w->v8.profile.facts[i].value = AP_FACT_NONE;
	fact(w, AP_F_MAP_INSTANCE_TYPE, 12);
	fact(w, AP_F_MAP_INSTANCE_SIZE, 8);
	fact(w, AP_F_MAP_INOBJECT_START, 9);
	fact(w, AP_F_MAP_USED_SIZE, 10);
	fact(w, AP_F_MAP_BIT_FIELD, 14);
	fact(w, AP_F_MAP_BIT_FIELD2, 15);
	fact(w, AP_F_MAP_BIT_FIELD3, 16);
	fact(w, AP_F_MAP_PROTOTYPE, 24);
	fact(w, AP_F_MAP_CONSTRUCTOR, 32);
	fact(w, AP_F_MAP_DESCRIPTORS, 40);
	fact(w, AP_F_T_MAP, MAP_TYPE);
	fact(w, AP_F_T_BYTE_ARRAY, BYTES_TYPE);
	fact(w, AP_F_FIXED_ARRAY_LENGTH, 8);
	fact(w, AP_F_BYTE_ARRAY_DATA, 16);
	put(w, META_MAP, AT + META_MAP + 1);
	memcpy(w->memory + META_MAP + 12, &type, sizeof(type));
	put(w, BYTES_MAP, AT + META_MAP + 1);
	type = BYTES_TYPE;
	memcpy(w->memory + BYTES_MAP + 12, &type, sizeof(type));
	put(w, ARRAY, AT + BYTES_MAP + 1);
	put(w, ARRAY + 8, (uint64_t)n << 32);
	memcpy(w->memory + ARRAY + 16, bytes, n);
	struct ap_segment segment = {.start = AT,
				     .end = AT + MEMORY,
				     .data = w->memory,
				     .flags = PF_R,
				     .origin = AP_SEGMENT_TEST};
	assert_ok(ap_image_of_segments(&segment, 1, &w->image));
	w->v8.image = w->image;
	w->v8.private = &w->private;
	w->v8.tables.translation_counts = counts;
	w->v8.tables.n_translations = N_OPS;
	w->private.translations.ops = ops;
	w->private.translations.has_match = true;
	w->private.translations.searched = true;
	return AT + ARRAY + 1;
}

static void world_close(struct world *w)
{
	free(w->v8.maps.at);
	ap_image_close(w->image);
}

static void expect(struct ap_translation *t, enum ap_translation_op op, int32_t a, int32_t b)
{
	struct ap_translation_step step;

	assert_true(ap_translation_next(t, &step));
	assert_int_equal(step.op, op);
	assert_int_equal(step.operands[0], a);
	assert_int_equal(step.operands[1], b);
}

/* Signed operands carry their sign in bit 0. */
#define S(v) (uint8_t)((v) < 0 ? -(v)*2 + 1 : (v)*2)

/* The first translation is the basis; the second repeats three opcodes, differs, repeats one. */
enum { SECOND = 15 }; /* where it begins */
/* clang-format off */
static const uint8_t two[] = {
	BEGIN, 0, S(1), S(1), /* no basis, one frame, one of JavaScript */
	JS, S(5), S(2), S(0),
	LITERAL, S(1),
	SLOT, S(-1),
	SLOT, S(3),
	OUT,
	BEGIN, SECOND, S(1), S(1), /* the basis is so many bytes back */
	N_OPS + 3,
	SLOT, S(7),
	MATCH, 1,
};
/* clang-format on */

static void test_plain(void **state)
{
	struct world w;
	struct ap_translation t;
	struct ap_translation_step step;
	ap_tagged table = world_open(&w, two, sizeof(two));

	(void)state;
	assert_true(ap_translation_open(&w.v8, table, 0, &t));
	assert_int_equal(t.n_frames, 1);
	expect(&t, AP_TR_FRAME_JS, 5, 2);
	expect(&t, AP_TR_LITERAL, 1, 0);
	expect(&t, AP_TR_TAGGED_SLOT, -1, 0);
	expect(&t, AP_TR_TAGGED_SLOT, 3, 0);
	expect(&t, AP_TR_VALUE, 0, 0);
	/* The next BEGIN is the end of this one. */
	assert_false(ap_translation_next(&t, &step));
	world_close(&w);
}

static void test_match_previous(void **state)
{
	struct world w;
	struct ap_translation t;
	struct ap_translation_step step;
	ap_tagged table = world_open(&w, two, sizeof(two));

	(void)state;
	assert_true(ap_translation_open(&w.v8, table, SECOND, &t));
	assert_int_equal(t.n_frames, 1);
	expect(&t, AP_TR_FRAME_JS, 5, 2);
	expect(&t, AP_TR_LITERAL, 1, 0);
	expect(&t, AP_TR_TAGGED_SLOT, -1, 0);
	expect(&t, AP_TR_TAGGED_SLOT, 7, 0);
	/* One of the basis stands for the one that differed, so it goes on behind it. */
	expect(&t, AP_TR_VALUE, 0, 0);
	assert_false(ap_translation_next(&t, &step));
	world_close(&w);
}

static void test_refused(void **state)
{
	static const uint8_t no_basis[] = {BEGIN, 0, S(1), S(1), N_OPS + 2, OUT};
	static const uint8_t far_basis[] = {OUT, BEGIN, 9, S(1), S(1), OUT};
	static const uint8_t nested[] = {BEGIN, 0, S(1), S(1), MATCH,    1,
					 BEGIN, 6, S(1), S(1), N_OPS + 1};
	struct world w;
	struct ap_translation t;
	struct ap_translation_step step;
	ap_tagged table;

	(void)state;
	table = world_open(&w, no_basis, sizeof(no_basis));
	assert_true(ap_translation_open(&w.v8, table, 0, &t));
	assert_false(ap_translation_next(&t, &step));
	assert_false(ap_translation_open(&w.v8, table, -1, &t));
	assert_false(ap_translation_open(&w.v8, table, 5, &t));
	assert_false(ap_translation_open(&w.v8, table, sizeof(no_basis), &t));
	assert_false(ap_translation_open(&w.v8, AT + BYTES_MAP + 1, 0, &t));
	world_close(&w);
	table = world_open(&w, far_basis, sizeof(far_basis));
	assert_false(ap_translation_open(&w.v8, table, 1, &t));
	world_close(&w);
	table = world_open(&w, nested, sizeof(nested));
	assert_true(ap_translation_open(&w.v8, table, 6, &t));
	assert_false(ap_translation_next(&t, &step));
	world_close(&w);
}

/* Cut at every byte and filled with noise: it ends, inside the bytes. */
static void test_hostile(void **state)
{
	uint32_t seed = 1;

	(void)state;
	for (size_t n = 0; n <= sizeof(two); n++) {
		struct world w;
		struct ap_translation t;
		struct ap_translation_step step;
		ap_tagged table = world_open(&w, two, n);

		for (int32_t index = 0; index <= (int32_t)n; index++) {
			if (!ap_translation_open(&w.v8, table, index, &t))
				continue;
			while (ap_translation_next(&t, &step))
				;
		}
		world_close(&w);
	}
	for (int round = 0; round < 2000; round++) {
		uint8_t noise[64];
		struct world w;
		struct ap_translation t;
		struct ap_translation_step step;

		for (size_t i = 0; i < sizeof(noise); i++) {
			seed = seed * 1664525 + 1013904223;
			noise[i] = (uint8_t)(seed >> 24);
			if (seed >> 16 & 1)
				noise[i] %= 12;
		}
		ap_tagged table = world_open(&w, noise, sizeof(noise));
		for (int32_t index = 0; index < (int32_t)sizeof(noise); index++) {
			if (!ap_translation_open(&w.v8, table, index, &t))
				continue;
			while (ap_translation_next(&t, &step))
				;
		}
		world_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_match_previous),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
