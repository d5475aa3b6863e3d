/* Numbers as text, against what V8 prints. */
#include "unit.h"

#include <math.h>

#include "base/number.h"

static void js_numbers(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{0.0, "0"},
		{-0.0, "-0"},
		{1, "1"},
		{-1, "-1"},
		{42, "42"},
		{0.1, "0.1"},
		{0.1 + 0.2, "0.30000000000000004"},
		{1.0 / 3, "0.3333333333333333"},
		{2.0 / 3, "0.6666666666666666"},
		{123.456, "123.456"},
		{1e21, "1e+21"},
		{1e20, "100000000000000000000"},
		{123456789012345680000.0, "123456789012345680000"},
		{1.2345678901234568e21, "1.2345678901234568e+21"},
		{1e-6, "0.000001"},
		{1.5e-6, "0.0000015"},
		{1e-7, "1e-7"},
		{1.5e-7, "1.5e-7"},
		{123e-20, "1.23e-18"},
		{9007199254740991.0, "9007199254740991"},
		{9007199254740992.0, "9007199254740992"},
		{9007199254740993.0, "9007199254740992"},
		{4294967296.0, "4294967296"},
		{-2147483648.0, "-2147483648"},
		{1.7976931348623157e308, "1.7976931348623157e+308"},
		{2.2250738585072014e-308, "2.2250738585072014e-308"},
		{5e-324, "5e-324"},
		{1.5e300, "1.5e+300"},
		{0.000001234, "0.000001234"},
		{100, "100"},
		{1e5, "100000"},
		{1.1, "1.1"},
		{95.3, "95.3"},
		{1700000000000.5, "1700000000000.5"},
		/* Powers of two whose nearest short decimal belongs to the double below. */
		{0x1p-44, "5.684341886080802e-14"},
		{0x1p-1074, "5e-324"},
		{0x1p-1022, "2.2250738585072014e-308"},
		{0x1p89, "6.189700196426902e+26"},
		{0x1p-24, "5.960464477539063e-8"},
		{0x1p122, "5.316911983139664e+36"},
	};
	char buf[AP_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(ap_number_js(cases[i].v, buf), cases[i].text);
	assert_string_equal(ap_number_js(NAN, buf), "NaN");
	assert_string_equal(ap_number_js(INFINITY, buf), "Infinity");
	assert_string_equal(ap_number_js(-INFINITY, buf), "-Infinity");
}

/* Any double: the text reads back as the same bits, is at most 24 bytes and no longer than needed.
 */
static void js_numbers_round_trip(void **state)
{
	uint64_t seed = 88172645463325252u;
	char buf[AP_NUMBER_MAX];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double v;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		memcpy(&v, &seed, sizeof(v));
		if (!isfinite(v))
			continue;
		ap_number_js(v, buf);
		assert_true(strlen(buf) <= 25);
		assert_true(strtod(buf, NULL) == v);
	}
}

static void bigints(void **state)
{
	static const struct {
		uint64_t words[4];
		size_t n;
		bool negative;
		const char *text;
	} cases[] = {
		{{0}, 0, false, "0"},
		{{0}, 1, true, "0"},
		{{1}, 1, true, "-1"},
		{{10}, 1, false, "10"},
		{{UINT64_MAX}, 1, false, "18446744073709551615"},
		{{0, 1}, 2, false, "18446744073709551616"},
		{{10000000000000000000u}, 1, false, "10000000000000000000"},
		{{9999999999999999999u}, 1, false, "9999999999999999999"},
		/* 10n ** 38n: a chunk of nothing but zeros. */
		{{0x98a224000000000, 0x4b3b4ca85a86c47a},
		 2,
		 false,
		 "100000000000000000000000000000000000000"},
		{{UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX},
		 4,
		 true,
		 "-115792089237316195423570985008687907853269984665640564039457584007913129639935"},
		/* Leading zero words are not normal, but a damaged core may hold them. */
		{{7, 0, 0, 0}, 4, false, "7"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = ap_bigint_decimal(cases[i].words, cases[i].n, cases[i].negative);

		assert_string_equal(text, cases[i].text);
		free(text);
	}
	assert_null(ap_bigint_decimal(NULL, SIZE_MAX / 16, false));
}

static void sizes_and_times(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} sizes[] = {
		{0, "0 bytes"},      {1, "1 bytes"},          {999, "999 bytes"},
		{1000, "1.00 kB"},   {2040000000, "2.04 GB"}, {9994, "9.99 kB"},
		{9996, "10.0 kB"},   {99960, "100 kB"},       {999499, "999 kB"},
		{999500, "1.00 MB"}, {UINT64_MAX, "18.4 EB"},
	};
	static const struct {
		double seconds;
		const char *text;
	} times[] = {
		{0, "0.0 s"},        {1.23, "1.2 s"},     {125, "2 min 5 s"},
		{3660, "1 h 1 min"}, {273600, "3 d 4 h"}, {-1, "-1 s"},
	};
	char buf[AP_NUMBER_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_string_equal(ap_bytes_human(sizes[i].bytes, buf), sizes[i].text);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(ap_duration_human(times[i].seconds, buf), times[i].text);
	ap_duration_human(NAN, buf);
	ap_duration_human(INFINITY, buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(js_numbers),
		cmocka_unit_test(js_numbers_round_trip),
		cmocka_unit_test(bigints),
		cmocka_unit_test(sizes_and_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
