/*
 * mdb's expressions, in 64 bits without sign.
 *
 * Binary operators from strong to weak, each to the left: %% (modulo); * % (division) # (round up);
 * + -; << >>; == !=; &; ^; |. A word of hex digits is a symbol if there is one of that name, but
 * six digits and more are always a number: values travel through pipes in that form.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/core.h"
#include "model/symbols.h"
#include "shell/session.h"

/* PROBE_DIGITS: see above. MAX_DEPTH bounds what a line of brackets can ask of our stack. */
enum { PROBE_DIGITS = 6, MAX_DEPTH = 64 };

struct parser {
	struct ap_session *session;
	struct ap_arena *arena;
	const char *p;
	int depth;
};

static struct ap_err *weakest(struct parser *x, uint64_t *ret);
static struct ap_err *unary(struct parser *x, uint64_t *ret);

static void blanks(struct parser *x)
{
	while (isspace((unsigned char)*x->p))
		x->p++;
}

static struct ap_err *syntax(const struct parser *x)
{
	return *x->p ? ap_err_new(AP_E_USAGE, "syntax error near \"%s\"", x->p)
		     : ap_err_new(AP_E_USAGE,
				  "syntax error: the line ends where a value should stand");
}

static const struct ap_image *image_of(const struct ap_session *session)
{
	return session->model ? ap_core_model_image(session->model) : NULL;
}

/* 'abcd': the last character is the lowest byte. */
static struct ap_err *characters(struct parser *x, uint64_t *ret)
{
	uint64_t v = 0;
	size_t n = 0;

	for (x->p++; *x->p && *x->p != '\''; x->p++) {
		if (*x->p == '\\' && x->p[1])
			x->p++;
		if (++n > sizeof(v))
			return ap_err_new(AP_E_USAGE,
					  "character constant may not exceed 8 characters");
		v = v << 8 | (unsigned char)*x->p;
	}
	if (*x->p != '\'')
		return ap_err_new(AP_E_USAGE, "unterminated character constant");
	x->p++;
	*ret = v;
	return NULL;
}

static struct ap_err *variable(struct parser *x, uint64_t *ret)
{
	const char *start = ++x->p;

	while (isalnum((unsigned char)*x->p) || *x->p == '_')
		x->p++;
	const char *name = ap_strndup(x->arena, start, (size_t)(x->p - start));
	if (!name)
		return &ap_err_nomem;
	if (!*name)
		return syntax(x);
	if (!ap_session_variable(x->session, name, ret))
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "variable %s does not exist", name),
				   "::vars lists those that do");
	return NULL;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '`';
}

/* The end of "node::Abort(int, char const*)" as far as it could be one C++ name. */
static const char *long_name(const char *p)
{
	for (;;) {
		while (is_word(*p))
			p++;
		if (*p == '(') {
			const char *close = strchr(p, ')');

			return close ? close + 1 : p;
		}
		if (p[0] != ':' || p[1] != ':' || !(is_word(p[2]) || p[2] == '~'))
			return p;
		p += 2 + (p[2] == '~');
	}
}

/* A C++ name with all that belongs to it, cut at its last :: until a symbol of that name exists. */
static bool long_symbol(struct parser *x, const char *start, const char *least, uint64_t *ret)
{
	const struct ap_image *image = image_of(x->session);
	const char *end = long_name(start);

	while (image && end > least) {
		const char *name = ap_strndup(x->arena, start, (size_t)(end - start));

		if (name && ap_symbol_find(image, name, ret)) {
			x->p = end;
			return true;
		}
		const char *cut = end;
		if (end[-1] == ')') {
			while (cut > start && *cut != '(')
				cut--;
		} else {
			do
				cut--;
			while (cut > start && !(cut[0] == ':' && cut[1] == ':'));
		}
		end = cut;
	}
	return false;
}

/* Is what follows `::` a command? Then the word in front of it is all of the name. */
static bool command_follows(const struct parser *x, const char *colons)
{
	const char *start = colons + 2, *end = start;
	size_t used;

	while (isalnum((unsigned char)*end) || *end == '_')
		end++;
	const char *name = ap_strndup(x->arena, start, (size_t)(end - start));
	return name && ap_cmd_find(AP_MDB, &name, 1, &used);
}

static struct ap_err *number_of(const struct parser *x, const char *word, uint64_t *ret)
{
	if (ap_parse_number(word, x->session->radix, ret))
		return NULL;
	if (isdigit((unsigned char)word[0]))
		return ap_err_new(AP_E_USAGE, "%s is not a number in base %u", word,
				  x->session->radix);
	return ap_err_new(AP_E_NOTFOUND, "failed to dereference symbol: unknown symbol name: %s",
			  word);
}

/* 0t1.5: the bits of a double. */
static struct ap_err *decimal_fraction(struct parser *x, const char *start, uint64_t *ret)
{
	char *end;
	double d = strtod(start + 2, &end);

	x->p = end;
	memcpy(ret, &d, sizeof(*ret));
	return NULL;
}

static struct ap_err *word(struct parser *x, uint64_t *ret)
{
	const struct ap_image *image = image_of(x->session);
	const char *start = x->p, *p = start;

	while (is_word(*p))
		p++;
	size_t n = (size_t)(p - start);
	const char *text = ap_strndup(x->arena, start, n);
	if (!text)
		return &ap_err_nomem;
	if (n > 2 && start[0] == '0' && (start[1] == 't' || start[1] == 'T') && p[0] == '.' &&
	    isdigit((unsigned char)p[1]))
		return decimal_fraction(x, start, ret);
	bool is_number = ap_parse_number(text, x->session->radix, ret);
	x->p = p;
	if (isdigit((unsigned char)*start) || (is_number && n >= PROBE_DIGITS))
		return number_of(x, text, ret);
	if (p[0] == ':' && p[1] == ':' && !command_follows(x, p)) {
		if (long_symbol(x, start, p, ret))
			return NULL;
		x->p = p;
	} else if (p[0] == '(' && long_symbol(x, start, p, ret)) {
		return NULL;
	}
	x->p = p;
	if (image && ap_symbol_find(image, text, ret))
		return NULL;
	return number_of(x, text, ret);
}

static struct ap_err *bracketed(struct parser *x, char close, uint64_t *ret)
{
	uint64_t v;

	x->p++;
	AP_TRY(weakest(x, &v));
	blanks(x);
	if (*x->p != close)
		return syntax(x);
	x->p++;
	*ret = v;
	return NULL;
}

static struct ap_err *primary(struct parser *x, uint64_t *ret)
{
	switch (*x->p) {
	case '(':
		return bracketed(x, ')', ret);
	case '[':
		return bracketed(x, ']', ret);
	case '\'':
		return characters(x, ret);
	case '<':
		return variable(x, ret);
	case '.':
		x->p++;
		*ret = x->session->dot;
		return NULL;
	case '&':
		x->p++;
		*ret = x->session->last_dot;
		return NULL;
	case '+':
		x->p++;
		*ret = x->session->dot + x->session->increment;
		return NULL;
	case '^':
		x->p++;
		*ret = x->session->dot - x->session->increment;
		return NULL;
	default:
		return is_word(*x->p) ? word(x, ret) : syntax(x);
	}
}

/* Bytes of the file that is mapped there, as `?` shows them. */
static bool read_object(const struct ap_image *image, uint64_t address, void *buf, size_t bytes)
{
	const struct ap_module *module = ap_image_module_at(image, address);
	const void *at = module && module->elf
				 ? ap_elf_at(module->elf, address - module->bias, bytes)
				 : NULL;

	if (at)
		memcpy(buf, at, bytes);
	return at != NULL;
}

/* *expr, * / 4 / expr, %expr: the width stands between slashes. */
static struct ap_err *fetch(struct parser *x, bool object, uint64_t *ret)
{
	static const char letters[] = "c1s2i4l8";
	static const uint8_t widths[] = {1, 1, 2, 2, 4, 4, 8, 8};
	const struct ap_image *image = image_of(x->session);
	uint64_t at, v = 0;
	size_t bytes = 8;

	x->p++;
	if (x->p[0] == '/') {
		const char *letter = x->p[1] ? strchr(letters, x->p[1]) : NULL;

		if (!letter || x->p[2] != '/')
			return syntax(x);
		bytes = widths[letter - letters];
		x->p += 3;
	}
	AP_TRY(unary(x, &at));
	if (!image)
		return ap_err_new(AP_E_USAGE, "there is no core to read from");
	if (!(object ? read_object(image, at, &v, bytes) : ap_image_read(image, at, &v, bytes)))
		return ap_err_new(
			AP_E_FAULT,
			"failed to read data from target: no mapping for address 0x%" PRIx64, at);
	*ret = v;
	return NULL;
}

static struct ap_err *unary(struct parser *x, uint64_t *ret)
{
	struct ap_err *err;
	uint64_t v = 0;

	blanks(x);
	if (++x->depth > MAX_DEPTH)
		return ap_err_new(AP_E_LIMIT, "an expression may not be deeper than %d", MAX_DEPTH);
	switch (*x->p) {
	case '-':
		x->p++;
		err = unary(x, &v);
		v = -v;
		break;
	case '~':
		x->p++;
		err = unary(x, &v);
		v = ~v;
		break;
	case '#':
		x->p++;
		err = unary(x, &v);
		v = !v;
		break;
	case '*':
	case '%':
		err = fetch(x, *x->p == '%', &v);
		break;
	default:
		err = primary(x, &v);
		break;
	}
	x->depth--;
	if (!err)
		*ret = v;
	return err;
}

enum op {
	OP_NONE,
	OP_MOD,
	OP_MUL,
	OP_DIV,
	OP_ROUND,
	OP_ADD,
	OP_SUB,
	OP_SHL,
	OP_SHR,
	OP_EQ,
	OP_NE,
	OP_AND,
	OP_XOR,
	OP_OR
};

static const struct {
	const char *text;
	enum op op;
	int strength;
} ops[] = {
	{"%%", OP_MOD, 7}, {"*", OP_MUL, 6}, {"%", OP_DIV, 6},  {"#", OP_ROUND, 6},
	{"+", OP_ADD, 5},  {"-", OP_SUB, 5}, {"<<", OP_SHL, 4}, {">>", OP_SHR, 4},
	{"==", OP_EQ, 3},  {"!=", OP_NE, 3}, {"&", OP_AND, 2},  {"^", OP_XOR, 1},
	{"|", OP_OR, 0},
};

/* A pipe rather than an "or": what follows is a command. */
static bool is_pipe(const char *bar)
{
	const char *p = bar + 1;

	while (isspace((unsigned char)*p))
		p++;
	return *p && strchr(":$/\\?=>!", *p);
}

/* The operator at the cursor, of at least this strength. */
static enum op operator_at(struct parser *x, int strength, size_t *ret_n, int *ret_strength)
{
	blanks(x);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t n = strlen(ops[i].text);

		if (strncmp(x->p, ops[i].text, n) != 0)
			continue;
		if (ops[i].strength < strength || (ops[i].op == OP_OR && is_pipe(x->p)))
			return OP_NONE;
		*ret_n = n;
		*ret_strength = ops[i].strength;
		return ops[i].op;
	}
	return OP_NONE;
}

static struct ap_err *apply(enum op op, uint64_t a, uint64_t b, uint64_t *ret)
{
	if (b == 0 && (op == OP_MOD || op == OP_DIV || op == OP_ROUND))
		return ap_err_new(AP_E_USAGE, "attempted to divide by zero");
	switch (op) {
	case OP_MOD:
		*ret = a % b;
		break;
	case OP_MUL:
		*ret = a * b;
		break;
	case OP_DIV:
		*ret = a / b;
		break;
	case OP_ROUND:
		*ret = (a / b + (a % b != 0)) * b;
		break;
	case OP_ADD:
		*ret = a + b;
		break;
	case OP_SUB:
		*ret = a - b;
		break;
	case OP_SHL:
		*ret = b < 64 ? a << b : 0;
		break;
	case OP_SHR:
		*ret = b < 64 ? a >> b : 0;
		break;
	case OP_EQ:
		*ret = a == b;
		break;
	case OP_NE:
		*ret = a != b;
		break;
	case OP_AND:
		*ret = a & b;
		break;
	case OP_XOR:
		*ret = a ^ b;
		break;
	case OP_OR:
		*ret = a | b;
		break;
	case OP_NONE:
		break;
	}
	return NULL;
}

static struct ap_err *binary(struct parser *x, int strength, uint64_t *ret)
{
	uint64_t a, b;
	size_t n;
	int own;

	AP_TRY(unary(x, &a));
	for (enum op op; (op = operator_at(x, strength, &n, &own)) != OP_NONE;) {
		x->p += n;
		AP_TRY(binary(x, own + 1, &b));
		AP_TRY(apply(op, a, b, &a));
	}
	*ret = a;
	return NULL;
}

static struct ap_err *weakest(struct parser *x, uint64_t *ret)
{
	return binary(x, 0, ret);
}

struct ap_err *ap_expression(struct ap_session *session, const char **text, struct ap_arena *arena,
			     uint64_t *ret_value)
{
	struct parser x = {.session = session, .arena = arena, .p = *text};

	AP_TRY(weakest(&x, ret_value));
	blanks(&x);
	*text = x.p;
	return NULL;
}

struct ap_err *ap_session_evaluate(struct ap_session *session, const char *text,
				   uint64_t *ret_value)
{
	struct ap_arena arena;
	const char *p = text;
	uint64_t v = 0;

	ap_arena_init(&arena, 0);
	struct ap_err *err = ap_expression(session, &p, &arena, &v);
	if (!err && *p)
		err = ap_err_new(AP_E_USAGE, "syntax error near \"%s\"", p);
	ap_arena_close(&arena);
	if (!err)
		*ret_value = v;
	return err;
}
