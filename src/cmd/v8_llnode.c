/* One value in llnode's words: shared by v8 bt, v8 print and v8 inspect. */
#include "cmd/v8_llnode.h"

#include <inttypes.h>
#include <stdlib.h>

#include "cmd/v8_common.h"
#include "v8/builtin.h"

struct ap_text ap_llnode_text(const struct ap_detail *d, const char *key)
{
	const struct ap_extra *x = ap_detail_extra(d, key);

	return x && x->kind == AP_EXTRA_TEXT ? x->text : (struct ap_text){0};
}

int64_t ap_llnode_int(const struct ap_detail *d, const char *key)
{
	const struct ap_extra *x = ap_detail_extra(d, key);

	return x && x->kind == AP_EXTRA_INT ? x->number : 0;
}

void ap_llnode_address(struct ap_out *out, const struct ap_value *v)
{
	if (!v->has_ref)
		return;
	ap_out_styled(out, AP_STYLE_DIM, "0x%" PRIx64, v->ref);
	ap_out_s(out, ":");
}

/* The first `length` characters of a text (0: all), "..." behind a cut. */
static void cut_text(struct ap_out *out, struct ap_text text, size_t length, bool cut_before)
{
	const char *p = text.s, *end = ap_text_end(text);
	size_t n = 0;

	while (p < end && (!length || n < length)) {
		ap_utf8_next(&p, end);
		n++;
	}
	ap_out_text(out, (struct ap_text){text.s, (size_t)(p - text.s)});
	if (p < end || cut_before)
		ap_out_s(out, "...");
}

bool ap_llnode_primitive(struct ap_out *out, const struct ap_value *v, size_t length)
{
	if (v->type == AP_T_NUMBER && v->is_smi) {
		ap_out_s(out, "<Smi: ");
		ap_out_text(out, v->text);
		ap_out_s(out, ">");
		return true;
	}
	if (v->type == AP_T_NUMBER && !v->has_ref) {
		/* llnode prints a raw double as it is. */
		ap_out_f(out, "%f", v->text.s ? strtod(v->text.s, NULL) : 0);
		return true;
	}
	if (ap_type_is_object(v->type))
		return false;
	ap_llnode_address(out, v);
	switch (v->type) {
	case AP_T_NUMBER:
		ap_out_f(out, "<Number: %f>", v->text.s ? strtod(v->text.s, NULL) : 0);
		break;
	case AP_T_STRING:
		ap_out_s(out, "<String: \"");
		cut_text(out, v->text, length, v->truncated);
		ap_out_s(out, "\">");
		break;
	case AP_T_BOOLEAN:
	case AP_T_UNDEFINED:
	case AP_T_NULL:
		ap_out_s(out, "<");
		ap_out_text(out, v->text);
		ap_out_s(out, ">");
		break;
	case AP_T_HOLE:
		ap_out_s(out, "<hole>");
		break;
	case AP_T_BIGINT:
		ap_out_s(out, "<BigInt: ");
		ap_out_text(out, v->text);
		ap_out_s(out, ">");
		break;
	case AP_T_SYMBOL:
		ap_out_s(out, "<Symbol: '");
		ap_out_text(out, v->text);
		ap_out_s(out, "'>");
		break;
	case AP_T_INTERNAL:
		ap_out_s(out, "<");
		ap_out_text(out, v->text.n ? v->text : AP_TEXT("unknown"));
		ap_out_s(out, ">");
		break;
	case AP_T_OPTIMISED_OUT:
		ap_out_s(out, "<optimised out>");
		break;
	default:
		ap_out_s(out, "<unreadable");
		if (v->text.n) {
			ap_out_s(out, ": ");
			ap_out_text(out, v->text);
		}
		ap_out_s(out, ">");
		break;
	}
	return true;
}

/* "name at file:line:col" */
static void function_line(struct ap_out *out, const struct ap_detail *d)
{
	struct ap_text name = ap_llnode_text(d, "name"), script = ap_llnode_text(d, "script");

	ap_out_text(out, name.n ? name : AP_TEXT("(anonymous)"));
	ap_out_s(out, " at ");
	ap_out_text(out, script.n ? script : AP_TEXT("(no script)"));
	if (ap_llnode_int(d, "line"))
		ap_out_f(out, ":%" PRId64 ":%" PRId64, ap_llnode_int(d, "line"),
			 ap_llnode_int(d, "column"));
}

/* "backingStore=0x..., ": of the whole buffer, as llnode shows it for views too. */
static void backing_store(struct ap_ctx *ctx, uint64_t ref)
{
	struct ap_v8 *v8 = ap_core_model_v8(ctx->model);
	struct ap_view view;
	struct ap_buffer buffer;
	uint64_t data = 0;

	if (v8 && ap_buffer_read(v8, ref, &buffer))
		data = buffer.data;
	else if (v8 && ap_view_read(v8, ref, &view))
		data = view.data - view.byte_offset;
	if (data)
		ap_out_f(ctx->out, "backingStore=0x%016" PRIx64 ", ", data);
}

/* What stands between '<' and '>' without details. */
void ap_llnode_head(struct ap_ctx *ctx, const struct ap_detail *d)
{
	struct ap_out *out = ctx->out;
	const struct ap_value *v = &d->self;

	switch (v->type) {
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		ap_out_s(out, "function: ");
		function_line(out, d);
		return;
	case AP_T_ARRAY:
		ap_out_f(out, "Array: length=%" PRId64, d->length);
		return;
	case AP_T_GLOBAL:
		ap_out_s(out, "Global proxy");
		return;
	case AP_T_REGEXP:
		ap_out_s(out, "JSRegExp source=/");
		ap_out_text(out, ap_llnode_text(d, "source"));
		ap_out_s(out, "/");
		return;
	case AP_T_DATE: {
		struct ap_text ms = ap_llnode_text(d, "ms");

		/* A time of 32 bits was a Smi to llnode, anything longer a double. */
		ap_out_s(out, "JSDate: ");
		ap_out_text(out, ms);
		ap_out_s(out, ms.n > 10 ? ".000000" : "");
		return;
	}
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
		ap_out_s(out, "ArrayBuffer: ");
		backing_store(ctx, v->ref);
		ap_out_f(out, "byteLength=%" PRId64, ap_llnode_int(d, "byte_length"));
		return;
	case AP_T_TYPEDARRAY:
	case AP_T_BUFFER:
	case AP_T_DATAVIEW:
		ap_out_s(out, "ArrayBufferView: ");
		backing_store(ctx, v->ref);
		ap_out_f(out, "byteOffset=%" PRId64 ", byteLength=%" PRId64,
			 ap_llnode_int(d, "byte_offset"), ap_llnode_int(d, "byte_length"));
		return;
	default:
		ap_out_s(out, "Object: ");
		ap_out_text(out, v->constructor.n ? v->constructor : AP_TEXT("no constructor"));
		return;
	}
}

void ap_llnode_value(struct ap_ctx *ctx, const struct ap_value *v, size_t string_length)
{
	static const struct ap_detail_limits limits = {.items = 1, .text_units = 256, .bytes = 1};
	struct ap_arena scratch;
	struct ap_detail detail;

	if (ap_llnode_primitive(ctx->out, v, string_length))
		return;
	ap_llnode_address(ctx->out, v);
	ap_out_s(ctx->out, "<");
	/* Most objects are told by their class alone. */
	bool look = v->has_ref && v->type != AP_T_OBJECT && v->type != AP_T_ERROR &&
		    v->type != AP_T_API && v->type != AP_T_GLOBAL;
	ap_arena_init(&scratch, 0);
	AP_ERR_AUTO err =
		look ? ctx->model->ops->detail(ctx->model, v->ref, &limits, &scratch, &detail)
		     : NULL;
	if (err || !look)
		detail = (struct ap_detail){.self = *v, .length = -1};
	ap_llnode_head(ctx, &detail);
	ap_arena_close(&scratch);
	ap_out_s(ctx->out, ">");
}
