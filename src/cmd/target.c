/* From the words of a command line to the value they name. */
#include <ctype.h>
#include <string.h>

#include "cmd/frames.h"
#include "cmd/values.h"

/*
 * In plain and llnode a word is an address if it has 0x, begins with a digit, or is too long for a
 * sensible variable name of hex digits only: `print fade` is a variable, `print 2a7c1f04b1d8` is
 * not.
 */
static bool word_address(const char *word, size_t n, struct ap_arena *arena, uint64_t *ret_address)
{
	const char *copy = ap_strndup(arena, word, n);

	if (!copy || !(isdigit((unsigned char)copy[0]) || n >= 8))
		return false;
	return ap_parse_address(copy, ret_address);
}

static bool find_variable(const struct ap_variable *variables, size_t n, struct ap_text name,
			  struct ap_value *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (ap_text_eq(variables[i].name, name)) {
			*ret = variables[i].value;
			return true;
		}
	}
	return false;
}

static struct ap_err *named_value(struct ap_ctx *ctx, struct ap_text name, struct ap_value *ret)
{
	struct ap_stack stack;
	size_t index;
	ap_scope_vec scopes = {0};
	struct ap_verdict verdict = {0};
	AP_ERR_AUTO ignored = ap_selected_frame(ctx, true, &stack, &index);

	if (!ignored) {
		const struct ap_frame *f = &stack.frames.at[index];

		if (ap_text_is(name, "this") && f->has_receiver) {
			*ret = f->receiver;
			return NULL;
		}
		/* Locals and contexts first: an argument that a closure captured lives there. */
		AP_ERR_AUTO no_scopes = ctx->model->ops->scopes(
			ctx->model, f->callee.has_ref ? f->callee.ref : 0, f, ctx->arena, &scopes);
		for (size_t i = 0; !no_scopes && i < scopes.n; i++) {
			if (find_variable(scopes.at[i].variables.at, scopes.at[i].variables.n, name,
					  ret))
				return NULL;
		}
		if (find_variable(f->arguments.at, f->arguments.n, name, ret))
			return NULL;
	}
	if (ap_text_is(name, "error")) {
		AP_ERR_AUTO no_verdict = ctx->model->ops->verdict(ctx->model, ctx->arena, &verdict);

		if (!no_verdict && verdict.has_error) {
			*ret = verdict.error;
			return NULL;
		}
	}
	if (ctx->model->ops->named) {
		struct ap_err *err = ctx->model->ops->named(ctx->model, name, ctx->arena, ret);

		/* A hint says more of this name than that there is no such variable. */
		if (!err || ap_err_find_hint(err))
			return err;
		ap_err_free(err);
	}
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
				      "\"%.*s\" is neither an address nor a variable of "
				      "the selected frame",
				      AP_TEXT_ARG(name)),
			   "`scope` lists the variables, `bt` the frames, `frame N` selects one");
}

struct ap_err *ap_ctx_value(struct ap_ctx *ctx, struct ap_value *ret_value, bool *ret_given,
			    const char **ret_path)
{
	const char *path = "";

	if (ctx->dialect == AP_MDB) {
		AP_TRY(ctx->model->ops->describe(ctx->model, ap_ref_of(ctx->address), ctx->arena,
						 ret_value));
		*ret_given = ctx->has_address;
		if (ret_path)
			*ret_path = "";
		return NULL;
	}
	*ret_given = ctx->args.n_words > 0;
	if (!*ret_given)
		return NULL;
	const char *word = ctx->args.words[0];
	size_t head = strcspn(word, ".[");
	uint64_t address;

	path = word + head;
	if (word_address(word, head, ctx->arena, &address))
		AP_TRY(ctx->model->ops->describe(ctx->model, ap_ref_of(address), ctx->arena,
						 ret_value));
	else
		AP_TRY(named_value(ctx, (struct ap_text){word, head}, ret_value));
	if (ret_path) {
		*ret_path = path;
		return NULL;
	}
	return *path ? ap_value_follow(ctx->model, ret_value->ref, path, ctx->arena, ret_value)
		     : NULL;
}

struct ap_err *ap_ctx_required_value(struct ap_ctx *ctx, struct ap_value *ret_value)
{
	bool given;

	AP_TRY(ap_ctx_value(ctx, ret_value, &given, NULL));
	if (!given && ctx->dialect != AP_MDB)
		return ap_err_new(AP_E_USAGE,
				  "which value? give an address or the name of a variable");
	return NULL;
}
