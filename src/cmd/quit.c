/* quit = ::quit = $q */
#include "cmd/commands.h"

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	ap_session_quit(ctx->session);
	*ret_data = NULL;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	(void)ctx;
	(void)p;
	ap_json_object(j, "data");
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	(void)ctx;
	(void)p;
}

const struct ap_cmd ap_cmd_quit = {
	.names = {[AP_PLAIN] = "quit|exit|q", [AP_MDB] = "quit|$q"},
	.group = AP_GROUP_SESSION,
	.summary = "leave",
	.synopsis = {[AP_PLAIN] = "", [AP_MDB] = ""},
	.help = "So does ^D.",
	.example = "quit",
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
