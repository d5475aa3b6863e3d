#include "cmd/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum { MAX_FILE_BYTES = 64 << 20 };

struct answer {
	struct ap_text text;
};

struct ap_err *ap_answer_text(struct ap_ctx *ctx, void **ret_data, const char *fmt, ...)
{
	struct answer *answer = ap_alloc(ctx->arena, sizeof(*answer));
	va_list ap;

	va_start(ap, fmt);
	const char *text = ap_vprintf(ctx->arena, fmt, ap);
	va_end(ap);
	if (!answer || !text)
		return &ap_err_nomem;
	answer->text = ap_text_of(text);
	*ret_data = answer;
	return NULL;
}

void ap_answer_text_json(struct ap_ctx *ctx, const void *data, struct ap_json *j)
{
	const struct answer *answer = data;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_text(j, "text", answer->text);
	ap_json_end_object(j);
}

void ap_answer_text_print(struct ap_ctx *ctx, const void *data)
{
	const struct answer *answer = data;

	ap_out_raw(ctx->out, answer->text);
}

void ap_answer_values_json(struct ap_ctx *ctx, const void *data, struct ap_json *j)
{
	const ap_value_list *values = data;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_array(j, "values");
	for (size_t i = 0; i < values->n; i++)
		ap_json_addr(j, NULL, values->at[i]);
	ap_json_end_array(j);
	ap_json_end_object(j);
}

void ap_answer_values_print(struct ap_ctx *ctx, const void *data)
{
	const ap_value_list *values = data;

	for (size_t i = 0; i < values->n && !ctx->out->broken; i++)
		ap_out_f(ctx->out, "0x%" PRIx64 "\n", values->at[i]);
}

struct ap_err *ap_file_text(const char *path, struct ap_arena *arena, struct ap_text *ret_text)
{
	FILE *file = fopen(path, "re");
	AP_STR_AUTO text = {0};
	char part[4096];
	size_t n;

	if (!file)
		return ap_err_errno(errno, "failed to open %s", path);
	while (text.n < MAX_FILE_BYTES && (n = fread(part, 1, sizeof(part), file)) > 0)
		ap_str_add(&text, part, n);
	int error = ferror(file) ? errno : 0;
	(void)fclose(file);
	if (error)
		return ap_err_errno(error, "failed to read %s", path);
	if (text.n >= MAX_FILE_BYTES)
		return ap_err_new(AP_E_LIMIT, "%s is larger than %d bytes", path, MAX_FILE_BYTES);
	*ret_text = ap_str_text(&text, arena);
	return ret_text->s || !text.n ? NULL : &ap_err_nomem;
}
