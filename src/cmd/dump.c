/* ::dump, ::ugrep, ::dis: bytes, words and instructions of memory. */
#include <ctype.h>
#include <inttypes.h>

#include "cmd/answer.h"
#include "cmd/commands.h"
#include "cmd/disassemble.h"
#include "model/core.h"
#include "model/symbols.h"

enum { ROW = 16, DEFAULT_BYTES = 64, MAX_DUMP = 16 << 20 };

static struct ap_err *image_of(struct ap_ctx *ctx, struct ap_image **ret_image)
{
	*ret_image = ap_core_model_image(ctx->model);
	return *ret_image ? NULL : ap_err_new(AP_E_UNSUPPORTED, "this target has no memory");
}

/* One row of 16 bytes; what is not asked for is blank, what cannot be read says so. */
static bool dump_row(const struct ap_image *image, uint64_t row, uint64_t from, uint64_t to,
		     struct ap_str *out)
{
	char ascii[ROW + 1] = "";
	bool all = true;

	ap_str_addf(out, "%16" PRIx64 ":  ", row);
	for (size_t i = 0; i < ROW; i++) {
		uint64_t at = row + i;
		uint8_t byte;

		if (i && i % 4 == 0)
			ap_str_adds(out, i == 8 ? "  " : " ");
		if (at < from || at >= to) {
			ap_str_adds(out, "  ");
			ascii[i] = ' ';
		} else if (ap_image_u8(image, at, &byte)) {
			ap_str_addf(out, "%02x", byte);
			ascii[i] = isprint(byte) ? (char)byte : '.';
		} else {
			ap_str_adds(out, "??");
			ascii[i] = '?';
			all = false;
		}
	}
	ap_str_addf(out, "  %s\n", ascii);
	return all;
}

static struct ap_err *dump_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image;
	uint64_t bytes = ctx->has_count ? ctx->count : DEFAULT_BYTES;
	uint64_t from = ctx->address, to;
	AP_STR_AUTO out = {0};
	uint8_t first;

	AP_TRY(image_of(ctx, &image));
	if (bytes > MAX_DUMP)
		return ap_err_new(AP_E_LIMIT, "::dump shows at most %d bytes", MAX_DUMP);
	if (__builtin_add_overflow(from, bytes, &to))
		to = UINT64_MAX;
	if (bytes && !ap_image_u8(image, from, &first))
		return ap_err_new(AP_E_FAULT,
				  "failed to read data at %" PRIx64 ": no mapping for address",
				  from);
	/* Without a count whole rows, as mdb does. */
	if (!ctx->has_count) {
		from &= ~(uint64_t)(ROW - 1);
		to = from + DEFAULT_BYTES;
	}
	ap_str_adds(&out,
		    "                    0 1 2 3  4 5 6 7   8 9 a b  c d e f  0123456789abcdef\n");
	for (uint64_t row = from & ~(uint64_t)(ROW - 1); row < to && row <= UINT64_MAX - ROW;
	     row += ROW) {
		if (ap_ctx_cancelled(ctx))
			return &ap_err_cancelled;
		if (!dump_row(image, row, from, to, &out) && ctx->model) {
			if (!ctx->model->gaps.absent++)
				ctx->model->gaps.first_address = row;
		}
	}
	return ap_answer_text(ctx, ret_data, "%s", out.s ? out.s : "");
}

const struct ap_cmd ap_cmd_dump = {
	.names = {[AP_MDB] = "dump"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "memory in hex and ASCII: ADDR,BYTES::dump",
	.synopsis = {[AP_MDB] = ""},
	.help = "The count is one of bytes; 0x40 without one. Rows begin at multiples of sixteen. What the core "
		"does not hold shows as ??.",
	.example = "<rsp,20::dump",
	.needs_model = true,
	.counts = true,
	.data = dump_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};

/* Words of eight bytes at their own alignment: that is where pointers are. */
static struct ap_err *grep_segment(struct ap_ctx *ctx, const struct ap_segment *s, uint64_t wanted,
				   ap_value_list *list)
{
	enum { CHUNK = 1 << 20 };
	uint64_t bytes = s->end - s->start, v;

	for (uint64_t at = 0; at + sizeof(v) <= bytes; at += sizeof(v)) {
		if (at % CHUNK == 0 && ap_ctx_cancelled(ctx))
			return &ap_err_cancelled;
		memcpy(&v, s->data + at, sizeof(v));
		if (v == wanted && !ap_vec_push(ctx->arena, list, s->start + at))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *ugrep_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image;
	ap_value_list *list = ap_alloc(ctx->arena, sizeof(*list));
	uint64_t wanted = ctx->address;
	size_t n;

	if (!list)
		return &ap_err_nomem;
	AP_TRY(image_of(ctx, &image));
	const struct ap_segment *segments = ap_image_segments(image, &n);
	for (size_t i = 0; i < n; i++) {
		/* What was never written is the file's; a pointer into the heap is not there. */
		if (segments[i].data &&
		    (segments[i].origin != AP_SEGMENT_FILE || segments[i].flags & PF_W))
			AP_TRY(grep_segment(ctx, &segments[i], wanted, list));
	}
	*ret_data = list;
	return NULL;
}

static void ugrep_text(struct ap_ctx *ctx, const void *p)
{
	const ap_value_list *list = p;

	for (size_t i = 0; i < list->n && !ctx->out->broken; i++)
		ap_out_f(ctx->out, "%" PRIx64 "\n", list->at[i]);
}

const struct ap_cmd ap_cmd_ugrep = {
	.names = {[AP_MDB] = "ugrep"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_REQUIRED,
	.summary = "where a word of eight bytes stands in memory",
	.synopsis = {[AP_MDB] = ""},
	.help = "VALUE::ugrep prints the address of each aligned word equal to it, in all that the core holds.",
	.example = "<rip::ugrep",
	.needs_model = true,
	.data = ugrep_data,
	.json = ap_answer_values_json,
	.text = {[AP_PLAIN] = ugrep_text},
};

enum { OPT_COUNT };

static const struct ap_option dis_options[] = {
	[OPT_COUNT] = {'n', NULL, AP_OPTION_NUMBER, AP_IN_MDB, "count",
		       "so many instructions from the address on"},
	{0},
};

enum { DEFAULT_INSTRUCTIONS = 20, MAX_INSTRUCTIONS = 100000 };

/* From the symbol's beginning when it is known, so that the address is met in step. */
static struct ap_err *dis_data(struct ap_ctx *ctx, void **ret_data)
{
	struct ap_image *image;
	const struct ap_module *module;
	struct ap_symbol symbol;
	struct ap_disassembler *d;
	AP_STR_AUTO out = {0};
	uint64_t offset, at = ctx->address, end = UINT64_MAX, left = DEFAULT_INSTRUCTIONS;
	uint8_t code[AP_INSTRUCTION_MAX];

	AP_TRY(image_of(ctx, &image));
	if (ctx->args.given[OPT_COUNT]) {
		left = ctx->args.number[OPT_COUNT];
	} else if (ap_image_symbol(image, at, &symbol, &module, &offset) && symbol.size > offset) {
		at -= offset;
		end = at + symbol.size;
		left = MAX_INSTRUCTIONS;
	}
	if (left > MAX_INSTRUCTIONS)
		return ap_err_new(AP_E_LIMIT, "::dis shows at most %d instructions",
				  MAX_INSTRUCTIONS);
	AP_TRY(ap_disassembler_open(&d));
	for (; left && at < end && !ap_ctx_cancelled(ctx); left--) {
		struct ap_instruction i;
		size_t n = 0;

		while (n < sizeof(code) && ap_image_u8(image, at + n, &code[n]))
			n++;
		if (!n)
			break;
		ap_disassemble(d, image, code, n, at, ctx->arena, &i);
		ap_str_addf(&out, "%-32s%s%s%s%s\n",
			    ap_printf(ctx->arena, "%s:", ap_symbol_label(image, at, ctx->arena)),
			    at == ctx->address ? "=> " : "   ", i.text, i.target ? " " : "",
			    i.target ? i.target : "");
		at += i.bytes;
	}
	ap_disassembler_close(d);
	if (ap_ctx_cancelled(ctx))
		return &ap_err_cancelled;
	if (!out.n)
		return ap_err_new(AP_E_FAULT, "failed to read instructions at %" PRIx64,
				  ctx->address);
	return ap_answer_text(ctx, ret_data, "%s", out.s);
}

const struct ap_cmd ap_cmd_dis = {
	.names = {[AP_MDB] = "dis"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "instructions of the function that holds an address",
	.synopsis = {[AP_MDB] = "[-n count]"},
	.help = "The arrow is at the address. With -n, so many from the address itself on.",
	.options = dis_options,
	.example = "<rip::dis -n 3",
	.needs_model = true,
	.data = dis_data,
	.json = ap_answer_text_json,
	.text = {[AP_PLAIN] = ap_answer_text_print},
};
