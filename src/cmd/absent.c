/*
 * Commands of mdb that have no meaning here, or not yet: each says so and what to type instead, so
 * that nobody looks for a typing error.
 */
#include "cmd/commands.h"

static struct ap_err *types_data(struct ap_ctx *ctx, void **ret_data)
{
	(void)ctx;
	(void)ret_data;
	return ap_err_hint(
		ap_err_new(AP_E_UNSUPPORTED, "no C type data available for this target"),
		"ADDR::v8print shows V8's objects field by field, ADDR::jsprint JavaScript's; a format "
		"(ADDR/K) any memory");
}

static struct ap_err *umem_data(struct ap_ctx *ctx, void **ret_data)
{
	(void)ctx;
	(void)ret_data;
	return ap_err_hint(
		ap_err_new(AP_E_UNSUPPORTED,
			   "libumem is not the allocator of Linux: its caches do not "
			   "exist here"),
		"`heap` shows the JavaScript heap, `autopsy pmap CORE` native memory by kind");
}

static struct ap_err *findleaks_data(struct ap_ctx *ctx, void **ret_data)
{
	(void)ctx;
	(void)ret_data;
	return ap_err_hint(
		ap_err_new(AP_E_UNSUPPORTED, "::findleaks cannot read glibc's heap yet"),
		"`suspects` finds what JavaScript keeps alive, `autopsy pmap CORE` shows how much native "
		"memory there is");
}

static struct ap_err *control_data(struct ap_ctx *ctx, void **ret_data)
{
	(void)ctx;
	(void)ret_data;
	return ap_err_hint(
		ap_err_new(AP_E_UNSUPPORTED,
			   "autopsy looks and never touches: the target is not run, "
			   "stepped or changed"),
		"::attach PID and ::release are all; a debugger (gdb, node --inspect) does the rest");
}

/* None of them answers, so none has data. */
static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	(void)ctx;
	(void)p;
	ap_json_null(j, "data");
}

static void text(struct ap_ctx *ctx, const void *p)
{
	(void)ctx;
	(void)p;
}

#define ABSENT(id, names_, summary_, help_, example_)                                              \
	const struct ap_cmd ap_cmd_##id = {                                                        \
		.names = {[AP_MDB] = (names_)},                                                    \
		.group = AP_GROUP_SESSION,                                                         \
		.address = AP_ADDRESS_OPTIONAL,                                                    \
		.summary = (summary_),                                                             \
		.synopsis = {[AP_MDB] = ""},                                                       \
		.help = (help_),                                                                   \
		.example = "::help " example_,                                                     \
		.takes_pipe = true,                                                                \
		.bare = true,                                                                      \
		.data = id##_data,                                                                 \
		.json = json,                                                                      \
		.text = {[AP_PLAIN] = text},                                                       \
	}

ABSENT(types, "array|sizeof|offsetof|list|enum|printf|typedef|print|member",
       "views of C types: there is no type data here", "Says so, and what shows the same memory.",
       "sizeof");
ABSENT(umem, "umastat|umem_cache|umem_log|umem_status|umem_verify|umausers|umalog",
       "libumem's caches: not the allocator of Linux",
       "Says so, and what shows native memory here.", "umastat");
ABSENT(findleaks, "findleaks", "native blocks that nothing refers to: not yet",
       "Says so, and what to use until then.", "findleaks");
ABSENT(control, "cont|step|next|bp|delete|events|kill|run|wp|:c|:s|:e|:r|:k|:d|:b|$b",
       "run, step or stop the target: never done here", "Says so. ::attach and ::release exist.",
       "cont");
