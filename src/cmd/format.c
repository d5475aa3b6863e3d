#include "cmd/format.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/escape.h"
#include "cmd/disassemble.h"
#include "model/symbols.h"

/* MAX_TEXT: a repeat count can ask for any amount. MAX_STRING: of a text without an end. */
enum { LABEL = 16, MAX_TEXT = 64 << 20, MAX_STRING = 1 << 20 };

const struct ap_format_letter ap_format_letters[] = {
	{'+', 0, "increment dot by the count"},
	{'-', 0, "decrement dot by the count"},
	{'B', 1, "hexadecimal int"},
	{'C', 1, "character using C character notation"},
	{'D', 4, "decimal signed int"},
	{'E', 8, "decimal unsigned long long"},
	{'F', 8, "double"},
	{'G', 8, "octal unsigned long long"},
	{'H', 4, "swap bytes and shorts"},
	{'I', 0, "address and disassembled instruction"},
	{'J', 8, "hexadecimal long long"},
	{'K', 8, "hexadecimal uintptr_t"},
	{'L', 4, "match int"},
	{'M', 8, "match long long"},
	{'N', 0, "newline"},
	{'O', 4, "octal unsigned int"},
	{'P', 8, "symbol"},
	{'Q', 4, "octal signed int"},
	{'R', 8, "binary unsigned long long"},
	{'S', 0, "string using C string notation"},
	{'T', 0, "horizontal tab"},
	{'U', 4, "decimal unsigned int"},
	{'V', 1, "decimal unsigned int"},
	{'W', 4, "default radix unsigned int"},
	{'X', 4, "hexadecimal int"},
	{'Y', 4, "decoded time32_t"},
	{'Z', 8, "hexadecimal long long"},
	{'^', 0, "decrement dot by increment * count"},
	{'a', 0, "dot as symbol+offset"},
	{'b', 1, "octal unsigned int"},
	{'c', 1, "character"},
	{'d', 2, "decimal signed short"},
	{'e', 8, "decimal signed long long"},
	{'f', 4, "float"},
	{'g', 8, "octal signed long long"},
	{'h', 2, "swap bytes"},
	{'i', 0, "disassembled instruction"},
	{'l', 2, "match short"},
	{'n', 0, "newline"},
	{'o', 2, "octal unsigned short"},
	{'p', 8, "symbol"},
	{'q', 2, "octal signed short"},
	{'r', 0, "whitespace"},
	{'s', 0, "raw string"},
	{'t', 0, "horizontal tab"},
	{'u', 2, "decimal unsigned short"},
	{'v', 1, "decimal signed int"},
	{'w', 2, "default radix unsigned short"},
	{'x', 2, "hexadecimal short"},
	{'y', 8, "decoded time64_t"},
	{0},
};

static const struct ap_format_letter *letter_of(char c)
{
	for (const struct ap_format_letter *l = ap_format_letters; l->letter; l++) {
		if (l->letter == c)
			return l;
	}
	return NULL;
}

static bool format_read(const struct ap_format *f, uint64_t at, void *buf, size_t bytes)
{
	const struct ap_module *module;
	const void *p;

	switch (f->source) {
	case AP_FORMAT_VALUE:
		memcpy(buf, &f->dot, bytes);
		return true;
	case AP_FORMAT_MEMORY:
		return f->image && ap_image_read(f->image, at, buf, bytes);
	case AP_FORMAT_OBJECT:
		break;
	}
	module = f->image ? ap_image_module_at(f->image, at) : NULL;
	p = module && module->elf ? ap_elf_at(module->elf, at - module->bias, bytes) : NULL;
	if (p)
		memcpy(buf, p, bytes);
	return p != NULL;
}

static void newline(struct ap_format *f)
{
	ap_str_addc(&f->text, '\n');
	f->column = 0;
}

static void pad_to(struct ap_format *f, int column)
{
	if (column > f->column) {
		ap_str_pad(&f->text, (size_t)(column - f->column), ' ');
		f->column = column;
	}
}

/* One thing shown: what does not fit goes on the next line, under the first one. */
static bool show(struct ap_format *f, uint64_t at, char letter, const char *text, int width)
{
	const struct ap_format_item item = {at, letter, ap_strdup(f->ctx->arena, text)};
	int n = (int)strlen(text);

	if (f->column > LABEL && f->column + n > f->width)
		newline(f);
	if (f->column < LABEL)
		pad_to(f, LABEL);
	ap_str_adds(&f->text, text);
	f->column += n;
	if (n < width)
		pad_to(f, f->column - n + width);
	return item.text && ap_vec_push(f->ctx->arena, &f->items, item);
}

static void date(int64_t seconds, char *buf, size_t bytes)
{
	time_t t = seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, bytes, "%Y %b %e %H:%M:%S", &tm))
		snprintf(buf, bytes, "%" PRId64, seconds);
}

/* In mdb a signed octal number has its sign in front. */
static void octal_signed(int64_t v, char *buf, size_t bytes, bool prefix)
{
	snprintf(buf, bytes, "%s%s%" PRIo64, v < 0 ? "-" : "", prefix && v ? "0" : "",
		 v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

static void in_radix(uint64_t v, unsigned radix, char *buf)
{
	char digits[65];
	size_t n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % radix];
	while (v /= radix);
	for (size_t i = 0; i < n; i++)
		buf[i] = digits[n - 1 - i];
	buf[n] = '\0';
}

/* `v` is what the bytes hold, zero-extended. */
static bool number(struct ap_format *f, const struct ap_format_letter *l, uint64_t at, uint64_t v)
{
	char buf[128] = "";
	int width = l->bytes <= 2 ? 8 : 16;
	float single;
	double d;

	f->value = v;
	switch (l->letter) {
	case 'B':
	case 'x':
	case 'X':
		snprintf(buf, sizeof(buf), "%" PRIx64, v);
		break;
	case 'J':
	case 'K':
	case 'Z':
		snprintf(buf, sizeof(buf), "%" PRIx64, v);
		width = v >> 60 ? 17 : 16;
		break;
	case 'V':
	case 'u':
	case 'U':
	case 'E':
		snprintf(buf, sizeof(buf), "%" PRIu64, v);
		break;
	case 'v':
		snprintf(buf, sizeof(buf), "%d", (int8_t)v);
		break;
	case 'd':
		snprintf(buf, sizeof(buf), "%d", (int16_t)v);
		break;
	case 'D':
		snprintf(buf, sizeof(buf), "%d", (int32_t)v);
		break;
	case 'e':
		snprintf(buf, sizeof(buf), "%" PRId64, (int64_t)v);
		break;
	case 'b':
	case 'o':
	case 'O':
		snprintf(buf, sizeof(buf), "%#" PRIo64, v);
		break;
	case 'G':
		snprintf(buf, sizeof(buf), "%" PRIo64, v);
		break;
	case 'q':
		octal_signed((int16_t)v, buf, sizeof(buf), true);
		break;
	case 'Q':
		octal_signed((int32_t)v, buf, sizeof(buf), true);
		break;
	case 'g':
		octal_signed((int64_t)v, buf, sizeof(buf), false);
		break;
	case 'w':
	case 'W':
		in_radix(v, ap_session_radix(f->ctx->session), buf);
		break;
	case 'h':
		snprintf(buf, sizeof(buf), "%x", __builtin_bswap16((uint16_t)v));
		break;
	case 'H':
		snprintf(buf, sizeof(buf), "%x", __builtin_bswap32((uint32_t)v));
		break;
	case 'R':
		in_radix(v, 2, buf);
		width = 64;
		break;
	case 'f':
		memcpy(&single, &v, sizeof(single));
		snprintf(buf, sizeof(buf), "%e", (double)single);
		width = 16;
		break;
	case 'F':
		memcpy(&d, &v, sizeof(d));
		snprintf(buf, sizeof(buf), "%.17g", d);
		break;
	case 'Y':
		date((int32_t)v, buf, sizeof(buf));
		width = 24;
		break;
	case 'y':
		date((int64_t)v, buf, sizeof(buf));
		width = 24;
		break;
	case 'p':
	case 'P':
		return show(f, at, l->letter, ap_symbol_label(f->image, v, f->ctx->arena), 16);
	case 'c':
	case 'C': {
		AP_STR_AUTO safe = {0};
		const char byte = (char)v;

		if (l->letter == 'C' &&
		    (byte == '\n' || byte == '\t' || byte == '\r' || byte == '\0'))
			ap_str_adds(&safe, byte == '\n'   ? "\\n"
					   : byte == '\t' ? "\\t"
					   : byte         ? "\\r"
							  : "\\0");
		else
			ap_escape(&safe, (struct ap_text){&byte, 1});
		return show(f, at, l->letter, safe.s ? safe.s : "", 0);
	}
	default:
		break;
	}
	return show(f, at, l->letter, buf, width);
}

static struct ap_err *unreadable(uint64_t at)
{
	return ap_err_new(AP_E_FAULT,
			  "failed to read data from target: no mapping for address 0x%" PRIx64, at);
}

/* Up to and with the NUL; both forms are made safe for a terminal. */
static struct ap_err *string(struct ap_format *f, char letter)
{
	AP_STR_AUTO raw = {0}, safe = {0};
	uint64_t at = f->dot;
	char c;

	for (;;) {
		if (!format_read(f, at + raw.n, &c, 1))
			return unreadable(at + raw.n);
		if (!c || raw.n == MAX_STRING)
			break;
		ap_str_addc(&raw, c);
	}
	for (size_t i = 0; letter == 'S' && i < raw.n; i++) {
		const char *named = raw.s[i] == '\n'   ? "\\n"
				    : raw.s[i] == '\t' ? "\\t"
				    : raw.s[i] == '"'  ? "\\\""
						       : NULL;

		if (named)
			ap_str_adds(&safe, named);
		else if (raw.s[i] == '\\')
			ap_str_adds(&safe, "\\\\");
		else
			ap_escape(&safe, (struct ap_text){raw.s + i, 1});
	}
	if (letter == 's' && raw.n)
		ap_escape(&safe, (struct ap_text){raw.s, raw.n});
	f->dot += raw.n;
	return show(f, at, letter, safe.s ? safe.s : "", 0) ? NULL : &ap_err_nomem;
}

static struct ap_err *instruction(struct ap_format *f, char letter)
{
	uint8_t code[AP_INSTRUCTION_MAX];
	struct ap_instruction i;
	uint64_t at = f->dot;
	size_t n = 0;
	const char *text;

	if (!f->disassembler)
		AP_TRY(ap_disassembler_open(&f->disassembler));
	while (n < sizeof(code) && format_read(f, at + n, code + n, 1))
		n++;
	if (!n)
		return unreadable(at);
	ap_disassemble(f->disassembler, f->image, code, n, at, f->ctx->arena, &i);
	text = ap_printf(f->ctx->arena, "%s%s%s", i.text, i.target ? " " : "",
			 i.target ? i.target : "");
	if (text && letter == 'I') {
		uint32_t word = 0;

		memcpy(&word, code, n < 4 ? n : 4);
		text = ap_printf(f->ctx->arena, "%" PRIx64 " %x: %s", at, word, text);
		f->column = LABEL; /* stands at the margin */
	}
	if (!text || !show(f, at, letter, text, 0))
		return &ap_err_nomem;
	newline(f);
	f->dot += i.bytes;
	return NULL;
}

/* Moves, layout, and what has no fixed size. */
static struct ap_err *special(struct ap_format *f, char letter)
{
	switch (letter) {
	case '+':
		f->dot++;
		break;
	case '-':
		f->dot--;
		break;
	case '^':
		f->dot -= f->increment;
		break;
	case 'n':
	case 'N':
		newline(f);
		break;
	case 'r':
		ap_str_addc(&f->text, ' ');
		f->column++;
		break;
	case 't':
	case 'T':
		pad_to(f, (f->column / 8 + 1) * 8);
		break;
	case 'a': {
		const char *label = ap_printf(
			f->ctx->arena, "%s:", ap_symbol_label(f->image, f->dot, f->ctx->arena));

		if (!label)
			return &ap_err_nomem;
		ap_str_adds(&f->text, label);
		f->column += (int)strlen(label);
		pad_to(f, (f->column / LABEL + 1) * LABEL);
		f->value = f->dot;
		break;
	}
	case 's':
	case 'S':
		return string(f, letter);
	default:
		return instruction(f, letter);
	}
	return NULL;
}

static struct ap_err *one(struct ap_format *f, const struct ap_format_letter *l, uint64_t n)
{
	uint64_t start = f->dot, v;

	for (uint64_t i = 0; i < n; i++) {
		if (ap_ctx_cancelled(f->ctx))
			return &ap_err_cancelled;
		if (f->text.n > MAX_TEXT || f->text.failed)
			return ap_err_new(AP_E_LIMIT, "a format may not print more than %d bytes",
					  MAX_TEXT);
		if (!l->bytes) {
			if (f->source == AP_FORMAT_VALUE && strchr("sSiI", l->letter))
				return ap_err_new(AP_E_USAGE, "format '%c' needs memory: use /%c",
						  l->letter, l->letter);
			/* Texts in a row have their NULs between them. */
			if (i && strchr("sS", l->letter)) {
				ap_str_adds(&f->text, "\\0");
				f->column += 2;
				f->dot++;
			}
			AP_TRY(special(f, l->letter));
			continue;
		}
		v = 0;
		if (!format_read(f, f->dot, &v, l->bytes))
			return unreadable(f->dot);
		if (!number(f, l, f->dot, v))
			return &ap_err_nomem;
		if (f->source != AP_FORMAT_VALUE)
			f->dot += l->bytes;
	}
	/* ^ goes back over what the letter in front of it showed, layout aside. */
	if (f->dot != start && l->letter != '^')
		f->increment = f->dot - start;
	return NULL;
}

struct ap_err *ap_format_run(struct ap_format *format, const char *letters)
{
	const char *p = letters;

	while (*p) {
		uint64_t n = 0;
		bool counted = false;

		if (isspace((unsigned char)*p)) {
			p++;
			continue;
		}
		if (*p == '"') {
			const char *end = strchr(p + 1, '"');

			if (!end)
				return ap_err_new(AP_E_USAGE,
						  "syntax error: the quote is not closed");
			ap_str_add(&format->text, p + 1, (size_t)(end - p - 1));
			format->column += (int)(end - p - 1);
			p = end + 1;
			continue;
		}
		for (; isdigit((unsigned char)*p); p++) {
			counted = true;
			n = n * 10 + (uint64_t)(*p - '0');
			if (n > MAX_TEXT)
				return ap_err_new(AP_E_LIMIT, "a repeat count may not exceed %d",
						  MAX_TEXT);
		}
		const struct ap_format_letter *l = *p ? letter_of(*p) : NULL;
		if (!l || strchr("lLM", *p))
			return ap_err_hint(
				ap_err_new(AP_E_USAGE, "invalid format character -- '%c'", *p),
				"::formats lists them");
		AP_TRY(one(format, l, counted ? n : 1));
		p++;
	}
	return NULL;
}

void ap_format_close(struct ap_format *format)
{
	ap_disassembler_close(format->disassembler);
	ap_str_close(&format->text);
}
