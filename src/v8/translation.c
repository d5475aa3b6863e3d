#include "v8/translation.h"

enum { MAX_STEPS = 1 << 17, MAX_OPERANDS = 8, MAX_NAME = 64 };

/* Meaning by name; the names themselves hardly ever change. */
static const struct {
	const char *name;
	enum ap_translation_op op;
} meanings[] = {
	{"BEGIN", AP_TR_BEGIN},
	{"BEGIN_WITH_FEEDBACK", AP_TR_BEGIN},
	{"BEGIN_WITHOUT_FEEDBACK", AP_TR_BEGIN},
	{"MATCH_PREVIOUS_TRANSLATION", AP_TR_MATCH_PREVIOUS},
	{"UPDATE_FEEDBACK", AP_TR_FEEDBACK},
	{"INTERPRETED_FRAME", AP_TR_FRAME_JS},
	{"INTERPRETED_FRAME_WITH_RETURN", AP_TR_FRAME_JS},
	{"INTERPRETED_FRAME_WITHOUT_RETURN", AP_TR_FRAME_JS},
	{"JAVA_SCRIPT_BUILTIN_CONTINUATION_FRAME", AP_TR_FRAME_BUILTIN_JS},
	{"JAVA_SCRIPT_BUILTIN_CONTINUATION_WITH_CATCH_FRAME", AP_TR_FRAME_BUILTIN_JS},
	{"JAVASCRIPT_BUILTIN_CONTINUATION_FRAME", AP_TR_FRAME_BUILTIN_JS},
	{"JAVASCRIPT_BUILTIN_CONTINUATION_WITH_CATCH_FRAME", AP_TR_FRAME_BUILTIN_JS},
	{"CONSTRUCT_STUB_FRAME", AP_TR_FRAME_CONSTRUCT},
	{"CONSTRUCT_CREATE_STUB_FRAME", AP_TR_FRAME_CONSTRUCT},
	{"CONSTRUCT_INVOKE_STUB_FRAME", AP_TR_FRAME_CONSTRUCT},
	{"ARGUMENTS_ADAPTOR_FRAME", AP_TR_FRAME_ARGUMENTS},
	{"INLINED_EXTRA_ARGUMENTS", AP_TR_FRAME_ARGUMENTS},
	{"BUILTIN_CONTINUATION_FRAME", AP_TR_FRAME_OTHER},
	{"JS_TO_WASM_BUILTIN_CONTINUATION_FRAME", AP_TR_FRAME_OTHER},
	{"WASM_INLINED_INTO_JS_FRAME", AP_TR_FRAME_OTHER},
	{"LIFTOFF_FRAME", AP_TR_FRAME_OTHER},
	{"LITERAL", AP_TR_LITERAL},
	{"STACK_SLOT", AP_TR_TAGGED_SLOT},
	{"TAGGED_STACK_SLOT", AP_TR_TAGGED_SLOT},
	{"INT32_STACK_SLOT", AP_TR_INT32_SLOT},
	{"UINT32_STACK_SLOT", AP_TR_UINT32_SLOT},
	{"INT64_STACK_SLOT", AP_TR_INT64_SLOT},
	{"FLOAT_STACK_SLOT", AP_TR_FLOAT_SLOT},
	{"DOUBLE_STACK_SLOT", AP_TR_DOUBLE_SLOT},
	{"HOLEY_DOUBLE_STACK_SLOT", AP_TR_HOLEY_DOUBLE_SLOT},
	{"CAPTURED_OBJECT", AP_TR_CAPTURED_OBJECT},
	{"STRING_CONCAT", AP_TR_STRING_CONCAT},
	{"ARGUMENTS_ELEMENTS", AP_TR_VALUE},
	{"ARGUMENTS_LENGTH", AP_TR_VALUE},
	{"REST_LENGTH", AP_TR_VALUE},
	{"DUPLICATED_OBJECT", AP_TR_VALUE},
	{"OPTIMIZED_OUT", AP_TR_VALUE},
	{"BOOL_STACK_SLOT", AP_TR_VALUE},
	{"SIMD128_STACK_SLOT", AP_TR_VALUE},
	{"SIGNED_BIGINT64_STACK_SLOT", AP_TR_VALUE},
	{"UNSIGNED_BIGINT64_STACK_SLOT", AP_TR_VALUE},
};

struct opcode {
	const char *name;
	int32_t operands;
};

/*
 * Later V8s lack that table of names. These two lists are what operator<<(ostream &,
 * TranslationOpcode) of the official Node 22, 24 and 26 prints.
 */
static const struct opcode list_12_4[] = {
	{"INTERPRETED_FRAME_WITH_RETURN", 5},
	{"INTERPRETED_FRAME_WITHOUT_RETURN", 3},
	{"JAVA_SCRIPT_BUILTIN_CONTINUATION_FRAME", 3},
	{"JAVA_SCRIPT_BUILTIN_CONTINUATION_WITH_CATCH_FRAME", 3},
	{"CONSTRUCT_CREATE_STUB_FRAME", 2},
	{"CONSTRUCT_INVOKE_STUB_FRAME", 1},
	{"BUILTIN_CONTINUATION_FRAME", 3},
	{"JS_TO_WASM_BUILTIN_CONTINUATION_FRAME", 4},
	{"WASM_INLINED_INTO_JS_FRAME", 3},
	{"INLINED_EXTRA_ARGUMENTS", 2},
	{"ARGUMENTS_ELEMENTS", 1},
	{"ARGUMENTS_LENGTH", 0},
	{"BEGIN_WITHOUT_FEEDBACK", 3},
	{"BEGIN_WITH_FEEDBACK", 3},
	{"BOOL_REGISTER", 1},
	{"BOOL_STACK_SLOT", 1},
	{"CAPTURED_OBJECT", 1},
	{"DOUBLE_REGISTER", 1},
	{"DOUBLE_STACK_SLOT", 1},
	{"HOLEY_DOUBLE_REGISTER", 1},
	{"HOLEY_DOUBLE_STACK_SLOT", 1},
	{"DUPLICATED_OBJECT", 1},
	{"FLOAT_REGISTER", 1},
	{"FLOAT_STACK_SLOT", 1},
	{"INT32_REGISTER", 1},
	{"INT32_STACK_SLOT", 1},
	{"INT64_REGISTER", 1},
	{"INT64_STACK_SLOT", 1},
	{"SIGNED_BIGINT64_REGISTER", 1},
	{"SIGNED_BIGINT64_STACK_SLOT", 1},
	{"UNSIGNED_BIGINT64_REGISTER", 1},
	{"UNSIGNED_BIGINT64_STACK_SLOT", 1},
	{"OPTIMIZED_OUT", 0},
	{"LITERAL", 1},
	{"REGISTER", 1},
	{"TAGGED_STACK_SLOT", 1},
	{"UINT32_REGISTER", 1},
	{"UINT32_STACK_SLOT", 1},
	{"UPDATE_FEEDBACK", 2},
	{"MATCH_PREVIOUS_TRANSLATION", 1},
};

static const struct opcode list_13_6[] = {
	{"INTERPRETED_FRAME_WITH_RETURN", 6},
	{"INTERPRETED_FRAME_WITHOUT_RETURN", 4},
	{"JAVASCRIPT_BUILTIN_CONTINUATION_FRAME", 3},
	{"JAVASCRIPT_BUILTIN_CONTINUATION_WITH_CATCH_FRAME", 3},
	{"CONSTRUCT_CREATE_STUB_FRAME", 2},
	{"CONSTRUCT_INVOKE_STUB_FRAME", 1},
	{"BUILTIN_CONTINUATION_FRAME", 3},
	{"JS_TO_WASM_BUILTIN_CONTINUATION_FRAME", 4},
	{"WASM_INLINED_INTO_JS_FRAME", 3},
	{"LIFTOFF_FRAME", 3},
	{"INLINED_EXTRA_ARGUMENTS", 3},
	{"ARGUMENTS_ELEMENTS", 1},
	{"ARGUMENTS_LENGTH", 0},
	{"REST_LENGTH", 0},
	{"BEGIN_WITHOUT_FEEDBACK", 3},
	{"BEGIN_WITH_FEEDBACK", 3},
	{"BOOL_REGISTER", 1},
	{"BOOL_STACK_SLOT", 1},
	{"CAPTURED_OBJECT", 1},
	{"STRING_CONCAT", 0},
	{"DOUBLE_REGISTER", 1},
	{"DOUBLE_STACK_SLOT", 1},
	{"SIMD128_STACK_SLOT", 1},
	{"HOLEY_DOUBLE_REGISTER", 1},
	{"HOLEY_DOUBLE_STACK_SLOT", 1},
	{"SIMD128_REGISTER", 1},
	{"DUPLICATED_OBJECT", 1},
	{"FLOAT_REGISTER", 1},
	{"FLOAT_STACK_SLOT", 1},
	{"INT32_REGISTER", 1},
	{"INT32_STACK_SLOT", 1},
	{"INT64_REGISTER", 1},
	{"INT64_STACK_SLOT", 1},
	{"SIGNED_BIGINT64_REGISTER", 1},
	{"SIGNED_BIGINT64_STACK_SLOT", 1},
	{"UNSIGNED_BIGINT64_REGISTER", 1},
	{"UNSIGNED_BIGINT64_STACK_SLOT", 1},
	{"OPTIMIZED_OUT", 0},
	{"LITERAL", 1},
	{"REGISTER", 1},
	{"TAGGED_STACK_SLOT", 1},
	{"UINT32_REGISTER", 1},
	{"UINT32_STACK_SLOT", 1},
	{"UPDATE_FEEDBACK", 2},
	{"MATCH_PREVIOUS_TRANSLATION", 1},
};

static const struct {
	const struct opcode *at;
	size_t n;
} lists[] = {
	{list_12_4, sizeof(list_12_4) / sizeof(list_12_4[0])},
	{list_13_6, sizeof(list_13_6) / sizeof(list_13_6[0])},
};

static enum ap_translation_op meaning_of(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].name, name) == 0)
			return meanings[i].op;
	}
	/* Registers hold nothing that outlives the call. */
	return n > 8 && strcmp(name + n - 8, "REGISTER") == 0 ? AP_TR_VALUE : AP_TR_UNKNOWN;
}

static bool counts_agree(const struct ap_v8_tables *t, const struct opcode *list, size_t n)
{
	if (n != t->n_translations)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (list[i].operands != t->translation_counts[i])
			return false;
	}
	return true;
}

/* TranslationOpcodeToString()::names, one pointer per opcode; their text is in the binary too. */
static bool ops_of_names(struct ap_v8 *v8, uint8_t *ops)
{
	struct ap_arena scratch;
	struct ap_symbol names;
	bool ok = true;

	if (!ap_elf_symbol_named(
		    v8->module->elf,
		    "_ZZN2v88internal25TranslationOpcodeToStringENS0_17TranslationOpcodeEE5names",
		    &names) ||
	    names.size / 8 != v8->tables.n_translations)
		return false;
	ap_arena_init(&scratch, 1 << 20);
	for (size_t i = 0; i < v8->tables.n_translations && ok; i++) {
		uint64_t p;
		const char *name = NULL;

		if (ap_image_u64(v8->image, names.value + v8->module->bias + 8 * i, &p))
			name = ap_image_cstr(v8->image, p, MAX_NAME, &scratch);
		ok = name != NULL;
		if (ok)
			ops[i] = (uint8_t)meaning_of(name);
	}
	ap_arena_close(&scratch);
	return ok;
}

/* What each opcode means, or NULL. */
static const uint8_t *translation_ops(struct ap_v8 *v8)
{
	struct ap_v8_private *p = v8->private;
	size_t n = v8->tables.n_translations;

	if (p->translations.searched)
		return p->translations.ops;
	p->translations.searched = true;
	uint8_t *ops = n ? ap_alloc_array(&v8->arena, n, 1) : NULL;
	if (!ops)
		return NULL;
	bool found = ops_of_names(v8, ops);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]) && !found; i++) {
		if (!counts_agree(&v8->tables, lists[i].at, lists[i].n))
			continue;
		for (size_t k = 0; k < n; k++)
			ops[k] = (uint8_t)meaning_of(lists[i].at[k].name);
		found = true;
	}
	if (!found)
		return NULL;
	for (size_t i = 0; i < n; i++)
		p->translations.has_match |= ops[i] == AP_TR_MATCH_PREVIOUS;
	p->translations.ops = ops;
	return ops;
}

/* 9.4 and 10.2 write opcodes like operands; since MATCH_PREVIOUS exists they are bytes. */
static uint32_t read_opcode(const struct ap_translation *t, struct ap_cursor *c)
{
	return t->v8->private->translations.has_match ? ap_cursor_u8(c)
						      : (uint32_t)ap_cursor_vlq_signed(c);
}

/* Operands of a signed kind are all we use; the others are only stepped over. */
static bool read_operands(const struct ap_translation *t, struct ap_cursor *c, uint32_t opcode,
			  struct ap_translation_step *step)
{
	int32_t n = t->v8->tables.translation_counts[opcode];

	if (n < 0 || n > MAX_OPERANDS)
		return false;
	for (int32_t i = 0; i < n; i++) {
		int32_t v = ap_cursor_vlq_signed(c);

		if (step && i < 2)
			step->operands[i] = v;
	}
	return !c->bad;
}

/* The basis never refers to another one. */
static bool basis_step(struct ap_translation *t, struct ap_translation_step *step)
{
	const struct ap_v8_private *p = t->v8->private;
	uint32_t opcode = ap_cursor_u8(&t->basis);

	if (t->basis.bad || opcode >= t->v8->tables.n_translations ||
	    p->translations.ops[opcode] == AP_TR_MATCH_PREVIOUS || t->steps++ > MAX_STEPS)
		return false;
	if (step)
		step->op = p->translations.ops[opcode];
	return read_operands(t, &t->basis, opcode, step);
}

/* Goes over to the basis for `n` opcodes, behind as many as were read here since the last time. */
static bool basis_enter(struct ap_translation *t, uint32_t n, struct ap_translation_step *step)
{
	if (!t->has_basis || !n)
		return false;
	for (; t->since_basis; t->since_basis--) {
		if (!basis_step(t, NULL))
			return false;
	}
	t->left_in_basis = n - 1;
	return basis_step(t, step);
}

bool ap_translation_next(struct ap_translation *t, struct ap_translation_step *ret)
{
	const struct ap_v8_private *p = t->v8->private;
	uint32_t n = (uint32_t)t->v8->tables.n_translations, opcode;
	struct ap_translation_step step = {0};

	if (t->steps++ > MAX_STEPS)
		return false;
	if (t->left_in_basis) {
		t->left_in_basis--;
		if (!basis_step(t, &step))
			return false;
		*ret = step;
		return step.op != AP_TR_BEGIN;
	}
	if (!ap_cursor_left(&t->at))
		return false;
	opcode = read_opcode(t, &t->at);
	if (p->translations.has_match &&
	    (opcode >= n || p->translations.ops[opcode] == AP_TR_MATCH_PREVIOUS)) {
		/* A byte that is no opcode is short for MATCH_PREVIOUS with what it is too large
		 * by. */
		uint32_t count = opcode >= n ? opcode - n : ap_cursor_vlq(&t->at);

		if (t->at.bad || !basis_enter(t, count, &step))
			return false;
		*ret = step;
		return step.op != AP_TR_BEGIN;
	}
	if (t->at.bad || opcode >= n || p->translations.ops[opcode] == AP_TR_UNKNOWN)
		return false;
	step.op = p->translations.ops[opcode];
	if (step.op == AP_TR_BEGIN || !read_operands(t, &t->at, opcode, &step))
		return false; /* the next translation begins */
	t->since_basis++;
	*ret = step;
	return true;
}

bool ap_translation_open(struct ap_v8 *v8, ap_tagged table, int32_t index,
			 struct ap_translation *ret)
{
	struct ap_translation t = {.v8 = v8};
	const uint8_t *ops = translation_ops(v8);
	struct ap_translation_step step = {0};
	struct ap_cursor begin;
	uint32_t opcode;
	bool has_match;

	if (!ops || !ap_code_table(v8, table, &t.at))
		return false;
	t.begin = t.at.p;
	if (index < 0 || !ap_cursor_bytes(&t.at, (uint64_t)index))
		return false;
	begin = t.at;
	opcode = read_opcode(&t, &t.at);
	if (t.at.bad || opcode >= v8->tables.n_translations || ops[opcode] != AP_TR_BEGIN)
		return false;
	has_match = v8->private->translations.has_match;
	if (has_match) {
		/* The first operand: bytes back to the BEGIN of the basis, or 0. */
		struct ap_cursor operands = t.at;
		uint32_t back = ap_cursor_vlq(&operands);

		if (back > (size_t)(begin.p - t.begin))
			return false;
		if (back) {
			t.has_basis = true;
			t.basis = ap_cursor_of(begin.p - back, back);
		}
		t.since_basis = 1; /* BEGIN itself */
	}
	if (!read_operands(&t, &t.at, opcode, &step))
		return false;
	t.n_frames = step.operands[has_match ? 1 : 0];
	*ret = t;
	return true;
}
