/*
 * ::v8code: the instructions of a function or of a code object.
 *
 * Most functions have bytecode and no machine code of their own, so that is what is shown of them;
 * mdb_v8 knew only machine code.
 */
#include <inttypes.h>

#include "cmd/disassemble.h"
#include "cmd/v8_common.h"
#include "v8/frame.h"
#include "v8/interpreter.h"

enum { MAX_INSTRUCTIONS = 1 << 20 };

static const struct ap_option options[] = {
	{'d', NULL, AP_OPTION_FLAG, AP_IN_MDB, NULL, "disassembles it, and moves dot to its start"},
	{0},
};

static struct ap_err *push(struct ap_ctx *ctx, struct ap_v8_code *code, ap_addr address,
			   const char *text)
{
	struct ap_v8_instruction instruction = {address, text};

	return text && ap_vec_push(ctx->arena, &code->instructions, instruction) ? NULL
										 : &ap_err_nomem;
}

static struct ap_err *disassemble_bytecode(struct ap_ctx *ctx, struct ap_v8 *v8,
					   struct ap_v8_code *code)
{
	struct ap_bytecodes b;
	struct ap_bytecode_step step;

	if (!ap_bytecodes_begin(v8, code->object, &b))
		return ap_err_hint(
			ap_err_new(AP_E_LAYOUT, "the sizes of bytecodes are unknown here"),
			"the binary is stripped: give one of the same build that is not");
	while (code->instructions.n < MAX_INSTRUCTIONS && ap_bytecodes_next(&b, &step)) {
		const char *name = ap_bytecode_name(v8, step.opcode);
		AP_STR_AUTO line = {0};

		if (name)
			ap_str_addf(&line, "%-28s", name);
		else
			ap_str_addf(&line, "bytecode 0x%02x               ", step.opcode);
		for (uint32_t i = 0; i < step.n_operands_bytes; i++)
			ap_str_addf(&line, " %02x", step.operands[i]);
		AP_TRY(push(ctx, code, code->start + step.offset,
			    line.failed ? NULL : ap_strndup(ctx->arena, line.s, line.n)));
	}
	return NULL;
}

static struct ap_err *disassemble_machine(struct ap_ctx *ctx, const struct ap_image *image,
					  struct ap_v8_code *code)
{
	struct ap_disassembler *d;
	struct ap_err *err = NULL;
	uint64_t have;

	AP_TRY(ap_disassembler_open(&d));
	for (ap_addr at = code->start;
	     !err && at < code->end && code->instructions.n < MAX_INSTRUCTIONS;) {
		const uint8_t *p = ap_image_view(image, at, &have);
		struct ap_instruction i;

		if (!p || !have)
			break;
		ap_disassemble(d, image, p, have < code->end - at ? have : code->end - at, at,
			       ctx->arena, &i);
		err = push(ctx, code, at,
			   i.target ? ap_printf(ctx->arena, "%s %s", i.text, i.target) : i.text);
		at += i.bytes ? i.bytes : 1;
	}
	ap_disassembler_close(d);
	return err;
}

struct ap_err *ap_v8_code_read(struct ap_ctx *ctx, ap_tagged object, bool disassemble,
			       bool *ret_found, struct ap_v8_code *ret_code)
{
	struct ap_v8_code code = {.object = object};
	struct ap_function_info info;
	struct ap_code machine;
	struct ap_v8 *v8;
	int32_t length;

	AP_TRY(ap_require_v8(ctx, &v8));
	AP_TRY(ap_profile_require(&v8->profile, AP_G_CODE));
	*ret_found = false;
	bool is_function = ap_type_is_function(v8, ap_v8_type(v8, object));
	/* The code of a function in the interpreter is a stub that leads to a builtin (9.4, 10.2).
	 */
	if (ap_code_of(v8, object, &machine) &&
	    (!is_function || machine.is_baseline || ap_code_is_optimised(v8, &machine))) {
		code.object = machine.code;
		code.start = machine.start;
		code.end = machine.end;
	} else {
		if (is_function && ap_function_info(v8, object, ctx->arena, &info))
			code.object = info.bytecode;
		if (!code.object || !ap_v8_is(v8, code.object, AP_F_T_BYTECODE_ARRAY) ||
		    !ap_v8_smi(v8, code.object, F(v8, BYTECODE_LENGTH), &length) || length < 0)
			return NULL;
		code.is_bytecode = true;
		code.start = (code.object & ~3ull) + (uint64_t)F(v8, BYTECODE_HEADER);
		code.end = code.start + (uint64_t)length;
	}
	if (disassemble)
		AP_TRY(code.is_bytecode ? disassemble_bytecode(ctx, v8, &code)
					: disassemble_machine(ctx, v8->image, &code));
	*ret_found = true;
	*ret_code = code;
	return NULL;
}

void ap_v8_code_json(const struct ap_v8_code *code, struct ap_json *j)
{
	ap_json_addr(j, "address", code->object & ~3ull);
	ap_json_cstr(j, "kind", code->is_bytecode ? "bytecode" : "machine");
	ap_json_addr(j, "start", code->start);
	ap_json_addr(j, "end", code->end);
	ap_json_array(j, "instructions");
	for (size_t i = 0; i < code->instructions.n; i++) {
		ap_json_object(j, NULL);
		ap_json_addr(j, "address", code->instructions.at[i].address);
		ap_json_cstr(j, "text", code->instructions.at[i].text);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

void ap_v8_code_text(struct ap_ctx *ctx, const struct ap_v8_code *code)
{
	ap_out_f(ctx->out, "code: %" PRIx64 "\n", code->object);
	ap_out_f(ctx->out, "instructions: [%" PRIx64 ", %" PRIx64 ")\n", code->start, code->end);
	for (size_t i = 0; i < code->instructions.n; i++)
		ap_out_f(ctx->out, "        0x%" PRIx64 ": %s\n", code->instructions.at[i].address,
			 code->instructions.at[i].text);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_v8_code *code = ap_alloc(ctx->arena, sizeof(*code));
	ap_tagged object;
	bool found;

	if (!code)
		return &ap_err_nomem;
	AP_TRY(ap_v8_address(ctx, &object));
	AP_TRY(ap_v8_code_read(ctx, object, ctx->args.given[0], &found, code));
	if (!found)
		return ap_err_hint(
			ap_err_new(AP_E_TYPE, "%" PRIx64 " has no code in the heap", object),
			"give a JSFunction, a Code or a BytecodeArray; the code of builtins is in the "
			"binary: ::dis shows it");
	if (ctx->args.given[0])
		ap_session_set_dot(ctx->session, code->start);
	*ret_data = code;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	(void)ctx;
	ap_json_object(j, "data");
	ap_v8_code_json(p, j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	ap_v8_code_text(ctx, p);
}

const struct ap_cmd ap_cmd_v8code = {
	.names = {[AP_MDB] = "v8code"},
	.group = AP_GROUP_LAYOUT,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "the instructions of a function or of code",
	.synopsis = {[AP_MDB] = "[-d]"},
	.help = "Machine code where the object has some of its own, else its bytecode, with V8's names and the bytes of "
		"the operands.",
	.options = options,
	.example = "::help v8code",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
