/* Errors, arenas, strings, cursors and the JSON writer. */
#include "unit.h"

#include <errno.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/json.h"
#include "base/str.h"

static void errors(void **state)
{
	(void)state;
	struct ap_err *err = ap_err_new(AP_E_FORMAT, "%s at %d", "bad", 7);

	assert_string_equal(err->message, "bad at 7");
	assert_null(ap_err_find_hint(err));
	err = ap_err_hint(err, "first");
	err = ap_err_hint(err, "try %d", 2);
	err = ap_err_wrap(err, "opening %s", "x");
	assert_int_equal(err->code, AP_E_FORMAT);
	assert_string_equal(err->message, "opening x");
	assert_string_equal(err->cause->message, "bad at 7");
	assert_null(err->hint);
	assert_string_equal(ap_err_find_hint(err), "try 2");
	ap_err_free(err);

	err = ap_err_errno(ENOENT, "core");
	assert_string_equal(err->message, "core: No such file or directory");
	ap_err_free(err);

	/* The static ones are handed through, never changed and never freed. */
	err = ap_err_wrap(ap_err_hint(&ap_err_nomem, "no"), "while %s", "reading");
	assert_ptr_equal(err, &ap_err_nomem);
	ap_err_free(err);
	ap_err_free(NULL);
	assert_null(ap_err_wrap(NULL, "nothing"));
	assert_null(ap_err_hint(NULL, "nothing"));
	for (int code = AP_E_NOMEM; code <= AP_E_LIMIT; code++)
		assert_true(strcmp(ap_errc_name((enum ap_errc)code), "error") != 0);
}

static void arenas(void **state)
{
	struct ap_arena arena;
	AP_VEC(uint32_t) vec = {0};

	(void)state;
	ap_arena_init(&arena, 0);
	for (uint32_t i = 0; i < 100000; i++)
		assert_true(ap_vec_push(&arena, &vec, i));
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(vec.at[i], i);
	/* Zeroed, aligned, apart from each other, whatever the sizes. */
	for (size_t bytes = 0; bytes < 200000; bytes = bytes * 3 + 1) {
		uint8_t *p = ap_alloc(&arena, bytes), *q = ap_alloc(&arena, 1);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < bytes; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, bytes);
		assert_int_equal(*q, 0);
	}
	assert_null(ap_alloc(&arena, SIZE_MAX));
	assert_null(ap_alloc(&arena, SIZE_MAX - 20));
	assert_null(ap_alloc_array(&arena, SIZE_MAX / 4, 8));
	assert_string_equal(ap_printf(&arena, "%d-%s", 3, "x"), "3-x");
	assert_string_equal(ap_strndup(&arena, "abcdef", 3), "abc");
	ap_arena_close(&arena);
	ap_arena_close(&arena);

	ap_arena_init(&arena, 1000);
	assert_non_null(ap_alloc(&arena, 900));
	assert_null(ap_alloc(&arena, 200));
	assert_non_null(ap_alloc(&arena, 64));
	assert_null(ap_printf(&arena, "%1000d", 1));
	ap_arena_close(&arena);
}

static void strings(void **state)
{
	AP_STR_AUTO s = {0};
	struct ap_arena arena;

	(void)state;
	ap_str_addf(&s, "%s", "");
	assert_string_equal(s.s, "");
	ap_str_adds(&s, "ab");
	ap_str_addc(&s, 'c');
	ap_str_pad(&s, 3, '.');
	ap_str_addf(&s, "%05d", 42);
	assert_string_equal(s.s, "abc...00042");
	ap_str_clear(&s);
	for (int i = 0; i < 1000; i++)
		ap_str_addf(&s, "%d,", i);
	assert_int_equal(s.n, 10 * 2 + 90 * 3 + 900 * 4);

	ap_arena_init(&arena, 0);
	struct ap_text text = ap_str_text(&s, &arena);
	assert_int_equal(text.n, s.n);
	assert_true(ap_text_eq(text, (struct ap_text){s.s, s.n}));
	ap_arena_close(&arena);
	assert_true(ap_text_is(AP_TEXT("x"), "x"));
	assert_false(ap_text_is(AP_TEXT("x\0y"), "x"));
	assert_true(ap_text_eq((struct ap_text){NULL, 0}, AP_TEXT("")));

	/* A failure sticks and later appends do nothing. */
	ap_str_pad(&s, SIZE_MAX / 2, 'x');
	assert_true(s.failed);
	size_t n = s.n;
	ap_str_adds(&s, "more");
	assert_int_equal(s.n, n);
	ap_arena_init(&arena, 0);
	assert_null(ap_str_text(&s, &arena).s);
	ap_arena_close(&arena);
}

static void utf16(struct ap_str *s, const uint16_t *units, size_t n)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < n; i++) {
		bytes[2 * i] = (uint8_t)units[i];
		bytes[2 * i + 1] = (uint8_t)(units[i] >> 8);
	}
	ap_str_utf16(s, bytes, n);
}

#define UTF16(s, ...)                                                                              \
	utf16((s), (const uint16_t[]){__VA_ARGS__}, sizeof((uint16_t[]){__VA_ARGS__}) / 2)

static void wtf8(void **state)
{
	AP_STR_AUTO s = {0};

	(void)state;
	ap_str_latin1(&s, (const uint8_t *)"a\xe9\xffz", 4);
	ap_str_latin1(&s, NULL, 0);
	assert_string_equal(s.s, "a\xc3\xa9\xc3\xbfz");
	ap_str_clear(&s);
	UTF16(&s, 'a', 0x20ac, 0xd83d, 0xde00, 0);
	assert_int_equal(s.n, 9);
	assert_memory_equal(s.s, "a\xe2\x82\xac\xf0\x9f\x98\x80\0", 9);

	/* A pair split over two appends (a cons string) becomes one; lone ones stay themselves. */
	ap_str_clear(&s);
	UTF16(&s, 0xd83d);
	UTF16(&s, 0xde00);
	assert_string_equal(s.s, "\xf0\x9f\x98\x80");
	ap_str_clear(&s);
	UTF16(&s, 0xde00, 0xd83d, 0xd83d, 'x', 0xdc00);
	assert_string_equal(s.s, "\xed\xb8\x80\xed\xa0\xbd\xed\xa0\xbdx\xed\xb0\x80");
	/* U+D7FF and U+E000 lie beside the surrogates. */
	ap_str_clear(&s);
	UTF16(&s, 0xd7ff, 0xdc00, 0xe000);
	assert_string_equal(s.s, "\xed\x9f\xbf\xed\xb0\x80\xee\x80\x80");
}

static void utf8_decoding(void **state)
{
	static const struct {
		const char *bytes;
		size_t n, used;
		uint32_t cp;
	} cases[] = {
		{"a", 1, 1, 'a'},
		{"\0", 1, 1, 0},
		{"\xc3\xa9", 2, 2, 0xe9},
		{"\xe2\x82\xac", 3, 3, 0x20ac},
		{"\xf0\x9f\x98\x80", 4, 4, 0x1f600},
		{"\xf4\x8f\xbf\xbf", 4, 4, 0x10ffff},
		{"\xed\xa0\xbd", 3, 3, 0xd83d}, /* WTF-8 */
		{"\x80", 1, 1, 0xfffd},
		{"\xc0\x80", 2, 1, 0xfffd}, /* overlong */
		{"\xc1\xbf", 2, 1, 0xfffd},
		{"\xe0\x80\x80", 3, 1, 0xfffd},
		{"\xe0\x9f\xbf", 3, 1, 0xfffd},
		{"\xf0\x80\x80\x80", 4, 1, 0xfffd},
		{"\xf4\x90\x80\x80", 4, 1, 0xfffd}, /* beyond Unicode */
		{"\xf7\xbf\xbf\xbf", 4, 1, 0xfffd},
		{"\xf8\x88\x80\x80\x80", 5, 1, 0xfffd},
		{"\xff", 1, 1, 0xfffd},
		{"\xe2\x82", 2, 1, 0xfffd}, /* cut off */
		{"\xf0\x9f\x98", 3, 1, 0xfffd},
		{"\xe2\x41\x41", 3, 1, 0xfffd},
		{"\xef\xbf\xbd", 3, 3, 0xfffd},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* On the heap, so that a sanitizer sees a read past the end. */
		char *copy = malloc(cases[i].n);
		memcpy(copy, cases[i].bytes, cases[i].n);
		const char *p = copy;

		assert_int_equal(ap_utf8_next(&p, copy + cases[i].n), cases[i].cp);
		assert_int_equal(p - copy, cases[i].used);
		free(copy);
	}
}

static void cursors(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 'h', 'i', 0, 'x'};
	struct ap_cursor c = ap_cursor_of(bytes, sizeof(bytes));

	(void)state;
	assert_int_equal(ap_cursor_u8(&c), 1);
	assert_int_equal(ap_cursor_u16(&c), 0x0302);
	assert_int_equal(ap_cursor_u32(&c), 0x07060504);
	assert_int_equal(ap_cursor_left(&c), 5);
	assert_non_null(ap_cursor_bytes(&c, 1));
	assert_string_equal(ap_cursor_cstr(&c), "hi");
	assert_null(ap_cursor_cstr(&c)); /* not ended */
	assert_true(c.bad);
	assert_int_equal(ap_cursor_u8(&c), 0);
	assert_int_equal(ap_cursor_left(&c), 0);

	/* Every length that does not fit, the largest ones too; then nothing can be read any more.
	 */
	static const uint64_t lengths[] = {13, UINT64_MAX, INT64_MAX, UINT64_MAX - 11};
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		c = ap_cursor_of(bytes, sizeof(bytes));
		assert_null(ap_cursor_bytes(&c, lengths[i]));
		assert_int_equal(ap_cursor_u64(&c), 0);
	}
	c = ap_cursor_of(bytes, 7);
	assert_int_equal(ap_cursor_u64(&c), 0);
	assert_true(c.bad);
}

static void vlq(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		uint32_t v;
		int32_t v_signed;
	} good[] = {
		{"\x00", 1, 0, 0},
		{"\x01", 1, 1, 0},
		{"\x02", 1, 2, 1},
		{"\x03", 1, 3, -1},
		{"\x7f", 1, 127, -63},
		{"\x80\x01", 2, 128, 64},
		{"\xff\xff\xff\xff\x0f", 5, UINT32_MAX, -INT32_MAX},
		{"\xfe\xff\xff\xff\x0f", 5, UINT32_MAX - 1, INT32_MAX},
	};
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"", 0}, {"\x80", 1}, {"\xff\xff\xff\xff\xff\x01", 6}, {"\x80\x80\x80\x80\x80", 5}};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct ap_cursor c = ap_cursor_of(good[i].bytes, good[i].n);

		assert_int_equal(ap_cursor_vlq(&c), good[i].v);
		assert_false(c.bad);
		assert_int_equal(ap_cursor_left(&c), 0);
		c = ap_cursor_of(good[i].bytes, good[i].n);
		assert_int_equal(ap_cursor_vlq_signed(&c), good[i].v_signed);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ap_cursor c = ap_cursor_of(bad[i].bytes, bad[i].n);

		assert_int_equal(ap_cursor_vlq(&c), 0);
		assert_true(c.bad);
	}
}

static void json_document(void **state)
{
	AP_STR_AUTO s = {0};
	struct ap_json j;

	(void)state;
	ap_json_init(&j, &s, NULL);
	ap_json_object(&j, NULL);
	ap_json_cstr(&j, "tool", "autopsy");
	ap_json_array(&j, "list");
	ap_json_int(&j, NULL, INT64_MIN);
	ap_json_uint(&j, NULL, UINT64_MAX);
	ap_json_double(&j, NULL, -0.0);
	ap_json_double(&j, NULL, 1e21);
	ap_json_double(&j, NULL, 0.0 / 0.0);
	ap_json_object(&j, NULL);
	ap_json_end_object(&j);
	ap_json_array(&j, NULL);
	ap_json_end_array(&j);
	ap_json_end_array(&j);
	ap_json_addr(&j, "at", 0xdeadbeef);
	ap_json_bool(&j, "yes", true);
	ap_json_null(&j, "nothing");
	ap_json_cstr(&j, "none", NULL);
	ap_json_end_object(&j);
	ap_json_newline(&j);
	ap_json_array(&j, NULL);
	ap_json_end_array(&j);
	assert_string_equal(s.s, "{\"tool\":\"autopsy\",\"list\":[-9223372036854775808,"
				 "18446744073709551615,-0,1e+21,null,{},[]],\"at\":\"0xdeadbeef\","
				 "\"yes\":true,\"nothing\":null,\"none\":null}\n[]");
}

static void json_strings(void **state)
{
	static const struct {
		struct ap_text in;
		const char *out;
	} cases[] = {
		{{"", 0}, "\"\""},
		{{"a\"b\\c/\n\r\t", 9}, "\"a\\\"b\\\\c/\\n\\u000d\\u0009\""},
		{{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\\u007f\""},
		{{"\xc3\xa9\xf0\x9f\x98\x80", 6}, "\"\xc3\xa9\xf0\x9f\x98\x80\""},
		{{"\xed\xa0\xbd", 3}, "\"\\ud83d\""}, /* lone surrogates survive */
		{{"x\xed\xb8\x80y", 5}, "\"x\\ude00y\""},
		{{"\xed\x9f\xbf", 3}, "\"\xed\x9f\xbf\""},
		{{"\xef\xbf\xbd", 3}, "\"\xef\xbf\xbd\""},
		/* Bytes that are no text: file names and arguments may be anything. */
		{{"a\xffz", 3}, "\"a\\ufffdz\""},
		{{"\xed\xa0", 2}, "\"\\ufffd\\ufffd\""},
		{{"\xed\xc3\xa9", 3}, "\"\\ufffd\xc3\xa9\""},
		{{"\xed\xa0x", 3}, "\"\\ufffd\\ufffdx\""},
		{{"\xc0\x80", 2}, "\"\\ufffd\\ufffd\""},
		{{"\xf5\x80\x80\x80", 4}, "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{{"\xe2\x82", 2}, "\"\\ufffd\\ufffd\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AP_STR_AUTO s = {0};
		struct ap_json j;
		char *copy = malloc(cases[i].in.n + 1);

		memcpy(copy, cases[i].in.s, cases[i].in.n);
		ap_json_init(&j, &s, NULL);
		ap_json_text(&j, NULL, (struct ap_text){copy, cases[i].in.n});
		assert_string_equal(s.s, cases[i].out);
		free(copy);
	}
}

/* Written through a FILE, nothing is lost and nothing piles up. */
static void json_streaming(void **state)
{
	AP_STR_AUTO s = {0};
	struct ap_json j;
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	ap_json_init(&j, &s, file);
	ap_json_array(&j, NULL);
	for (int i = 0; i < 200000; i++)
		ap_json_int(&j, NULL, i % 10);
	ap_json_end_array(&j);
	assert_true(s.cap <= 1 << 20);
	assert_int_equal(fwrite(s.s, 1, s.n, file), s.n);
	assert_int_equal(ftell(file), 200000 * 2 + 1);
	fclose(file);
}

static void columns(void **state)
{
	(void)state;
	assert_int_equal(ap_wcwidth('a'), 1);
	assert_int_equal(ap_wcwidth(0), 0);
	assert_int_equal(ap_wcwidth(0x301), 0);
	assert_int_equal(ap_wcwidth(0x4e2d), 2);
	assert_int_equal(ap_wcwidth(0x1f600), 2);
	assert_int_equal(ap_wcwidth(0x9b), 0); /* a terminal takes it for an escape */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors),        cmocka_unit_test(arenas),
		cmocka_unit_test(strings),       cmocka_unit_test(wtf8),
		cmocka_unit_test(utf8_decoding), cmocka_unit_test(cursors),
		cmocka_unit_test(vlq),           cmocka_unit_test(json_document),
		cmocka_unit_test(json_strings),  cmocka_unit_test(json_streaming),
		cmocka_unit_test(columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
