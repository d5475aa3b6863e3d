/*
 * Which variable a register holds. V8 keeps no names of local variables; but the statement
 * positions in the bytecode lead to the declaration in the source, and the code of that statement
 * stores into the variable:
 *
 *     const found = sessions.find(id);       position of the initializer; ...; Star1
 *
 * Registers of variables stand below those of temporaries, and a temporary is read again by the
 * same statement. So the variable is the lowest register that the statement stores into, if it is
 * also the first one that the rest of its code does not mention. Where the two disagree, where the
 * initializer assigns to something itself, or where a variable lives in a context, nothing is
 * claimed. Seen to hold in 9.4 to 14.6.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "v8/declaration.h"
#include "v8/interpreter.h"
#include "v8/v8_private.h"

enum {
	MAX_SOURCE_UNITS = 1 << 20,
	MAX_STATEMENTS = 1 << 16,
	MAX_CONSTANTS = 1 << 16,
	MAX_STORES = 256, /* of one statement */
	MAX_PATTERN = 64, /* names in one */
	MAX_NAME_UNITS = 256,
};

struct statement {
	uint32_t offset, end; /* its code */
	int32_t position;     /* units from the start of the function */
};

struct claim {
	int32_t position; /* of the declaration that named it */
	struct ap_text name;
	bool disputed; /* two names */
};

struct search {
	struct ap_v8 *v8;
	struct ap_arena *arena;
	ap_tagged bytecode;
	struct ap_text text;  /* the function's source, WTF-8 */
	const uint32_t *byte; /* of each unit; n_units + 1 entries */
	uint32_t n_units;
	struct statement first;              /* position of all, a statement's or not; -1 none */
	AP_VEC(struct statement) statements; /* by offset */
	AP_VEC(int32_t) positions;           /* of the statements, sorted */
	AP_VEC(uint32_t) borders;            /* offsets where a try block begins or ends */
	AP_VEC(struct ap_text) in_contexts;  /* names of variables that live in contexts */
	struct claim *claims;
	size_t n_claims;
};

/* ---- the source ---- */

static struct ap_err *source_load(struct search *s, const struct ap_function_info *info)
{
	uint32_t n = 0, units = (uint32_t)(info->end - info->start);

	s->text = ap_script_text(s->v8, info->script, info->start, info->end, s->arena);
	uint32_t *byte = ap_alloc_array(s->arena, units + 1u, sizeof(*byte));
	if (!byte)
		return &ap_err_nomem;
	for (size_t i = 0; s->text.s && i < s->text.n && n < units;) {
		uint8_t c = (uint8_t)s->text.s[i];
		size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

		byte[n++] = (uint32_t)i;
		if (bytes == 4 && n < units) /* a surrogate pair */
			byte[n++] = (uint32_t)i;
		i += bytes;
	}
	byte[n] = (uint32_t)s->text.n;
	s->byte = byte;
	s->n_units = n;
	return NULL;
}

/* ---- the bytecode ---- */

static int by_number(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x > y) - (x < y);
}

static struct ap_err *statements_load(struct search *s, int32_t start, uint32_t length)
{
	const uint8_t *data;
	size_t n;
	uint64_t table;
	int64_t at = -1, position = 0;
	bool is_statement;

	if (!ap_v8_word(s->v8, s->bytecode, F(s->v8, BYTECODE_POSITIONS), &table) ||
	    !ap_bytecode_table(s->v8, table, &data, &n))
		return NULL;
	struct ap_cursor c = ap_cursor_of(data, n);
	while (ap_positions_next(s->v8, &c, &at, &position, &is_statement) &&
	       s->statements.n < MAX_STATEMENTS) {
		int64_t units = (position >> 1 & 0x3fffffff) - 1 - start;

		if ((position & 1) || at < 0 || at >= length || units < 0 || units >= s->n_units)
			continue;
		if (s->first.position < 0)
			s->first = (struct statement){(uint32_t)at, length, (int32_t)units};
		if (!is_statement)
			continue;
		if (s->statements.n)
			s->statements.at[s->statements.n - 1].end = (uint32_t)at;
		struct statement st = {(uint32_t)at, length, (int32_t)units};
		if (!ap_vec_push(s->arena, &s->statements, st) ||
		    !ap_vec_push(s->arena, &s->positions, st.position))
			return &ap_err_nomem;
	}
	if (s->positions.n)
		qsort(s->positions.at, s->positions.n, sizeof(*s->positions.at), by_number);
	return NULL;
}

/* The handler table: four ints an entry, of which the first two bound a try block. */
static struct ap_err *borders_load(struct search *s)
{
	const uint8_t *data;
	size_t n;
	uint64_t table;

	if (!ap_v8_word(s->v8, s->bytecode, F(s->v8, BYTECODE_HANDLERS), &table) ||
	    !ap_bytecode_table(s->v8, table, &data, &n))
		return NULL;
	struct ap_cursor c = ap_cursor_of(data, n);
	while (ap_cursor_left(&c) >= 16) {
		for (int i = 0; i < 4; i++) {
			uint32_t v = ap_cursor_u32(&c);

			if (i < 2 && !ap_vec_push(s->arena, &s->borders, v))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

static struct ap_err *scope_names(struct search *s, ap_tagged scope_info)
{
	struct ap_scope_info scope;

	if (!ap_scope_info_read(s->v8, scope_info, &scope))
		return NULL;
	for (int i = 0; i < scope.n_locals && s->in_contexts.n < MAX_CONSTANTS; i++) {
		ap_tagged name;

		if (!ap_scope_local_name(s->v8, &scope, i, &name))
			continue;
		struct ap_text text = ap_v8_text(s->v8, name, MAX_NAME_UNITS, s->arena);
		if (text.n && !ap_vec_push(s->arena, &s->in_contexts, text))
			return &ap_err_nomem;
	}
	return NULL;
}

/* Names in the scopes that this function makes contexts for: its own, and those in its constants.
 */
static struct ap_err *contexts_load(struct search *s, const struct ap_function_info *info)
{
	uint64_t constants, w;
	uint32_t n;

	if (info->scope_info)
		AP_TRY(scope_names(s, info->scope_info));
	if (!ap_v8_word(s->v8, s->bytecode, F(s->v8, BYTECODE_CONSTANTS), &constants) ||
	    !ap_v8_array_length(s->v8, constants, &n))
		return NULL;
	for (uint32_t i = 0; i < n && i < MAX_CONSTANTS; i++) {
		if (ap_v8_array_at(s->v8, constants, i, &w) &&
		    ap_v8_is(s->v8, w, AP_F_T_SCOPE_INFO))
			AP_TRY(scope_names(s, w));
	}
	return NULL;
}

static bool in_context(const struct search *s, struct ap_text name)
{
	for (size_t i = 0; i < s->in_contexts.n; i++) {
		if (ap_text_eq(s->in_contexts.at[i], name))
			return true;
	}
	return false;
}

/* The statement's code without what a try block around the next one adds. */
static uint32_t code_end(const struct search *s, const struct statement *st)
{
	uint32_t end = st->end;

	for (size_t i = 0; i < s->borders.n; i++) {
		if (s->borders.at[i] > st->offset && s->borders.at[i] < end)
			end = s->borders.at[i];
	}
	return end;
}

/*
 * Might the instruction read the register? Any operand byte of its number counts, and any pair of
 * operands that would be a list of registers: the first one and how many.
 */
static bool mentions(const struct ap_v8 *v8, const struct ap_bytecode_step *step, int32_t reg)
{
	int32_t r0 = F(v8, FP_REGISTERS) / 8;

	for (uint32_t i = 0; i < step->n_operands_bytes; i++) {
		int32_t start = r0 - (int8_t)step->operands[i];
		uint32_t k = i + step->operand_bytes;

		if (start == reg || (start >= 0 && start < reg && k < step->n_operands_bytes &&
				     reg < start + step->operands[k]))
			return true;
	}
	return false;
}

struct store {
	int32_t reg;
	bool mentioned; /* by the code behind it */
};

/* The stores of a statement, in order; *ret_steps counts its instructions. False if too many. */
static bool stores_of(const struct search *s, const struct statement *st, struct store *stores,
		      size_t *ret_n, unsigned *ret_steps)
{
	uint32_t end = code_end(s, st);
	struct ap_bytecodes b;
	struct ap_bytecode_step step;
	const int32_t context = F(s->v8, FP_REGISTERS) / 8 - F(s->v8, FP_CONTEXT) / 8;
	size_t n = 0;
	unsigned steps = 0;
	bool hole = false;

	if (!ap_bytecodes_begin(s->v8, s->bytecode, &b))
		return false;
	b.at = st->offset;
	for (; b.at < end && ap_bytecodes_next(&b, &step); steps++) {
		int32_t reg, source;
		bool store = ap_bytecode_store(s->v8, &step, &reg, &source);

		for (size_t i = 0; i < n; i++)
			stores[i].mentioned |= (!store || step.opcode == F(s->v8, OP_MOV)) &&
					       mentions(s->v8, &step, stores[i].reg);
		/* Holes are what a block begins with, a context is what a try block saves. */
		if (store && !hole && !(step.opcode == F(s->v8, OP_MOV) && source == context)) {
			if (n == MAX_STORES)
				return false;
			stores[n++] = (struct store){.reg = reg};
		}
		hole = step.opcode == F(s->v8, OP_LDA_THE_HOLE);
	}
	*ret_n = n;
	*ret_steps = steps;
	return !b.broken;
}

/* ---- claims ---- */

static void claim(struct search *s, int32_t reg, struct ap_text name, int32_t position)
{
	if (reg < 0 || (size_t)reg >= s->n_claims || in_context(s, name))
		return;
	struct claim *c = &s->claims[reg];
	if (!c->name.s)
		*c = (struct claim){.position = position, .name = name};
	else if (!ap_text_eq(c->name, name))
		c->disputed = true;
}

/* The register of the one variable that a statement gives a value; -1 unless that is certain. */
static int32_t target_of(const struct search *s, const struct statement *st, bool may_assign)
{
	struct store stores[MAX_STORES];
	int32_t lowest = INT32_MAX, first = -1;
	unsigned steps;
	size_t n;
	bool one = true;

	if (!stores_of(s, st, stores, &n, &steps) || !n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		one = one && stores[i].reg == stores[0].reg;
		if (stores[i].reg < lowest)
			lowest = stores[i].reg;
		if (first < 0 && !stores[i].mentioned)
			first = stores[i].reg;
	}
	if (may_assign && !one)
		return -1;
	return one || first == lowest ? lowest : -1;
}

static int32_t only_target_of(const struct search *s, const struct statement *st,
			      unsigned want_steps)
{
	struct store stores[MAX_STORES];
	unsigned steps;
	size_t n;

	return stores_of(s, st, stores, &n, &steps) && n == 1 &&
			       (!want_steps || steps == want_steps)
		       ? stores[0].reg
		       : -1;
}

/* Where the next statement of the source begins: before the "const NAME =" of an initializer. */
static size_t text_end(const struct search *s, int32_t position)
{
	size_t end = s->text.n;

	for (size_t lo = 0, hi = s->positions.n; lo < hi;) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->positions.at[mid] > position)
			hi = mid;
		else
			lo = mid + 1;
		if (lo == hi && lo < s->positions.n)
			end = s->byte[s->positions.at[lo]];
	}
	size_t before = ap_blanks_back(s->text.s, end);
	return before > s->byte[position] && s->text.s[before - 1] == '=' ? before - 1 : end;
}

static bool constant_is(const struct search *s, uint32_t index, struct ap_text name)
{
	uint64_t constants, w;

	if (!ap_v8_word(s->v8, s->bytecode, F(s->v8, BYTECODE_CONSTANTS), &constants) ||
	    !ap_v8_array_at(s->v8, constants, index, &w) ||
	    !ap_type_is_string(s->v8, ap_v8_type(s->v8, w)))
		return false;
	return ap_text_eq(ap_v8_text(s->v8, w, MAX_NAME_UNITS, s->arena), name);
}

/* The constant that a load of a property names. */
static bool loads_property(const struct search *s, const struct ap_bytecode_step *step,
			   struct ap_text name)
{
	uint32_t index;

	return step->opcode == F(s->v8, OP_GET_NAMED_PROPERTY) &&
	       ap_bytecode_operand(step, 1, &index) && constant_is(s, index, name);
}

/*
 * `{ a, b: c } =` at byte `at` behind the brace: each property is loaded and stored in turn, from
 * `offset` on. True if all of it is that simple; only then, or if `partly`, are names claimed.
 */
static bool claim_pattern(struct search *s, size_t at, uint32_t offset, int32_t position,
			  bool partly)
{
	struct ap_bytecodes b;
	struct ap_bytecode_step step;
	struct {
		int32_t reg;
		struct ap_text name;
	} found[MAX_PATTERN];
	size_t n = 0;
	bool whole = false;

	if (!ap_bytecodes_begin(s->v8, s->bytecode, &b))
		return false;
	b.at = offset;
	while (n < MAX_PATTERN) {
		struct ap_text key = ap_name_at(s->text, at = ap_blanks(s->text, at)), name = key;
		int32_t source;

		at = ap_blanks(s->text, at + key.n);
		if (at < s->text.n && s->text.s[at] == ':') {
			at = ap_blanks(s->text, at + 1);
			name = ap_name_at(s->text, at);
			at = ap_blanks(s->text, at + name.n);
		}
		char c = at < s->text.n ? s->text.s[at] : '\0';
		if (!key.n || !name.n || (c != ',' && c != '}') || !ap_bytecodes_next(&b, &step) ||
		    !loads_property(s, &step, key) || !ap_bytecodes_next(&b, &step))
			break;
		found[n].name = name;
		/* -1: the variable lives in a context. */
		if (!ap_bytecode_store(s->v8, &step, &found[n].reg, &source))
			found[n].reg = -1;
		n++;
		whole = c == '}';
		if (whole)
			break;
		at++;
	}
	for (size_t i = 0; i < n && (whole || partly); i++)
		claim(s, found[i].reg, found[i].name, position);
	return whole;
}

/* `const { a, b } = |value`: the last place in the statement's code that takes it apart. */
static void claim_pattern_of(struct search *s, const struct statement *st, size_t brace)
{
	struct ap_text key = ap_name_at(s->text, ap_blanks(s->text, brace + 1));
	struct ap_bytecodes b;
	struct ap_bytecode_step step;
	int64_t last = -1;

	if (!key.n || !ap_bytecodes_begin(s->v8, s->bytecode, &b))
		return;
	b.at = st->offset;
	while (b.at < code_end(s, st) && ap_bytecodes_next(&b, &step)) {
		if (loads_property(s, &step, key))
			last = step.offset;
	}
	if (last >= 0)
		(void)claim_pattern(s, brace + 1, (uint32_t)last, st->position, false);
}

static void claim_statement(struct search *s, const struct statement *st)
{
	size_t at = s->byte[st->position], value;
	struct ap_text name = {0};

	switch (ap_declaration_at(s->text, at, &name, &value)) {
	case AP_DECLARES_INITIALIZER:
		claim(s, target_of(s, st, ap_assigns(s->text, value, text_end(s, st->position))),
		      name, st->position);
		break;
	case AP_DECLARES_BARE: /* undefined, stored */
		claim(s, only_target_of(s, st, 2), name, st->position);
		break;
	case AP_DECLARES_LOOP:
		claim(s, only_target_of(s, st, 0), name, st->position);
		break;
	case AP_DECLARES_PATTERN:
		(void)claim_pattern(s, at, st->offset, st->position, true);
		break;
	case AP_DECLARES_PATTERN_VALUE:
		claim_pattern_of(s, st, value);
		break;
	case AP_DECLARES_NONE:
		break;
	}
}

/* `function f({ a, b })`: taken apart before the first statement. */
static void claim_parameter(struct search *s)
{
	if (s->first.position < 0)
		return;
	size_t at = ap_blanks_back(s->text.s, s->byte[s->first.position]);
	if (at < 2 || s->text.s[at - 1] != '{')
		return;
	at = ap_blanks_back(s->text.s, at - 1);
	if (at > 0 && (s->text.s[at - 1] == '(' || s->text.s[at - 1] == ','))
		(void)claim_pattern(s, s->byte[s->first.position], s->first.offset,
				    s->first.position, true);
}

static uint64_t hash_name(struct ap_text name)
{
	uint64_t h = ap_fnv1a(AP_FNV1A, name.s, name.n);

	return h ^ h >> 32;
}

/* Of variables of one name in several blocks, the one declared last before `position` keeps it. */
static struct ap_err *claims_settle(struct search *s, int32_t position)
{
	size_t cap = 16;

	while (cap < s->n_claims * 2)
		cap *= 2;
	struct claim **kept = ap_alloc_array(s->arena, cap, sizeof(struct claim *));
	if (!kept)
		return &ap_err_nomem;
	for (size_t i = 0; i < s->n_claims; i++) {
		struct claim *a = &s->claims[i];
		size_t k = a->name.s ? hash_name(a->name) & (cap - 1) : 0;

		if (!a->name.s || a->disputed)
			continue;
		while (kept[k] && !ap_text_eq(kept[k]->name, a->name))
			k = (k + 1) & (cap - 1);
		struct claim *b = kept[k];
		bool a_behind = position >= 0 && a->position > position;
		bool b_behind = b && position >= 0 && b->position > position;
		if (b && (a_behind != b_behind ? a_behind : a->position < b->position)) {
			a->disputed = true;
			continue;
		}
		if (b)
			b->disputed = true;
		kept[k] = a;
	}
	return NULL;
}

struct ap_err *ap_register_names(struct ap_v8 *v8, const struct ap_function_info *info,
				 int32_t position, size_t n, struct ap_arena *arena,
				 struct ap_text **ret_names)
{
	struct search s = {.v8 = v8,
			   .arena = arena,
			   .bytecode = info->bytecode,
			   .n_claims = n,
			   .first = {.position = -1}};
	struct ap_text *names = ap_alloc_array(arena, n ? n : 1, sizeof(*names));
	struct ap_bytecodes b;

	s.claims = ap_alloc_array(arena, n ? n : 1, sizeof(*s.claims));
	if (!names || !s.claims)
		return &ap_err_nomem;
	*ret_names = names;
	if (!v8->profile.table_exact &&
	    v8->profile.facts[AP_F_OP_STAR].source != AP_FACT_DISCOVERED)
		(void)ap_opcodes_discover(v8);
	if (!v8->profile.groups[AP_G_LOCALS].on || !info->script || info->start < 0 ||
	    info->end <= info->start || info->end - info->start > MAX_SOURCE_UNITS ||
	    !info->bytecode || !ap_bytecodes_begin(v8, info->bytecode, &b))
		return NULL;
	AP_TRY(source_load(&s, info));
	if (!s.text.s)
		return NULL;
	AP_TRY(statements_load(&s, info->start, b.length));
	AP_TRY(borders_load(&s));
	AP_TRY(contexts_load(&s, info));
	claim_parameter(&s);
	for (size_t i = 0; i < s.statements.n; i++)
		claim_statement(&s, &s.statements.at[i]);
	AP_TRY(claims_settle(&s, position >= 0 ? position - info->start : -1));
	for (size_t i = 0; i < n; i++) {
		if (s.claims[i].name.s && !s.claims[i].disputed)
			names[i] = s.claims[i].name;
	}
	return NULL;
}
