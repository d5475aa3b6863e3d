/* BigInt, Symbol, Date and RegExp flags as text. */
#include <math.h>
#include <stdlib.h>

#include "base/number.h"
#include "v8/builtin.h"

enum {
	BIGINT_BITFIELD = 8, /* sign in bit 0, length in digits above (src/objects/bigint.h) */
	BIGINT_DIGITS = 16,
	MAX_DIGITS = 1 << 20, /* kMaxLengthBits is 2^30: 2^24 digits; a decimal takes n^2 */
	MAX_DECIMAL_DIGITS = 1 << 14,
};

struct ap_text ap_bigint_text(struct ap_v8 *v8, ap_tagged bigint, struct ap_arena *arena)
{
	struct ap_text ret = {NULL, 0};
	uint32_t bitfield;

	if (!ap_v8_is(v8, bigint, AP_F_T_BIGINT) ||
	    !ap_v8_u32(v8, bigint, BIGINT_BITFIELD, &bitfield))
		return ret;
	uint32_t n = bitfield >> 1;
	if (n > MAX_DIGITS)
		return ret;
	uint64_t *words = calloc(n ? n : 1, sizeof(*words));
	if (!words)
		return ret;
	if (ap_image_read(v8->image, (bigint & ~3ull) + BIGINT_DIGITS, words, n * sizeof(*words))) {
		if (n <= MAX_DECIMAL_DIGITS) {
			char *text = ap_bigint_decimal(words, n, bitfield & 1);

			if (text) {
				char *copy = ap_strdup(arena, text);

				ret = ap_text_of(copy);
				free(text);
			}
		} else {
			/* A decimal of this size would take minutes: hexadecimal says as much. */
			AP_STR_AUTO hex = {0};

			ap_str_adds(&hex, bitfield & 1 ? "-0x" : "0x");
			for (uint32_t i = n; i-- > 0;)
				ap_str_addf(&hex, i == n - 1 ? "%llx" : "%016llx",
					    (unsigned long long)words[i]);
			ret = ap_str_text(&hex, arena);
		}
	}
	free(words);
	return ret;
}

bool ap_symbol_description(struct ap_v8 *v8, ap_tagged symbol, uint32_t max_units,
			   struct ap_arena *arena, struct ap_text *ret)
{
	uint64_t name;

	if (!ap_v8_is(v8, symbol, AP_F_T_SYMBOL) ||
	    !ap_v8_word(v8, symbol, F(v8, SYMBOL_NAME), &name))
		return false;
	if (ap_v8_is_undefined(v8, name)) {
		*ret = (struct ap_text){NULL, 0};
		return true;
	}
	struct ap_text text = ap_v8_text(v8, name, max_units, arena);
	if (!text.s)
		return false;
	*ret = text;
	return true;
}

bool ap_date_ms(struct ap_v8 *v8, ap_tagged date, double *ret)
{
	uint64_t w;

	if (!ap_v8_is(v8, date, AP_F_T_JS_DATE) || !ap_v8_word(v8, date, F(v8, DATE_VALUE), &w))
		return false;
	if (F(v8, DATE_IS_RAW)) {
		memcpy(ret, &w, sizeof(*ret));
		return true;
	}
	return ap_v8_number(v8, w, ret);
}

/* Days to civil date, proleptic Gregorian. */
static void civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int64_t)yoe + era * 400 + (*month <= 2);
}

struct ap_text ap_date_text(double ms, struct ap_arena *arena)
{
	int64_t t, days, year;
	unsigned month, day;
	char *text;

	if (!(fabs(ms) <= 8.64e15))
		return AP_TEXT("Invalid Date");
	t = (int64_t)ms;
	days = t / 86400000 - (t % 86400000 < 0);
	t -= days * 86400000;
	civil(days, &year, &month, &day);
	text = ap_printf(arena,
			 year >= 0 && year <= 9999 ? "%04lld-%02u-%02uT%02d:%02d:%02d.%03dZ"
			 : year < 0                ? "-%06lld-%02u-%02uT%02d:%02d:%02d.%03dZ"
						   : "+%06lld-%02u-%02uT%02d:%02d:%02d.%03dZ",
			 (long long)(year < 0 ? -year : year), month, day, (int)(t / 3600000),
			 (int)(t / 60000 % 60), (int)(t / 1000 % 60), (int)(t % 1000));
	return ap_text_of(text);
}

struct ap_text ap_regexp_flags(struct ap_v8 *v8, ap_tagged regexp, struct ap_arena *arena)
{
	/* JSRegExpFlags: bits alike in 9.4 to 14.6; letters in the order of RegExp.prototype.flags.
	 */
	static const struct {
		char letter;
		unsigned char bit;
	} flags[] = {{'d', 7}, {'g', 0}, {'i', 1}, {'l', 6}, {'m', 2},
		     {'s', 5}, {'u', 4}, {'v', 8}, {'y', 3}};
	char text[sizeof(flags) / sizeof(flags[0]) + 1];
	size_t n = 0;
	int32_t bits;

	if (!ap_v8_is(v8, regexp, AP_F_T_JS_REG_EXP) ||
	    !ap_v8_smi(v8, regexp, F(v8, REGEXP_FLAGS), &bits))
		return (struct ap_text){NULL, 0};
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (bits >> flags[i].bit & 1)
			text[n++] = flags[i].letter;
	}
	char *copy = ap_strndup(arena, text, n);
	return (struct ap_text){copy, copy ? n : 0};
}
