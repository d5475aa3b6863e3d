/* requests = v8 getactiverequests: what was asked of the system and had not come back. */
#include <inttypes.h>

#include "cmd/activity_common.h"

struct requests {
	ap_request_vec rows;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	const struct ap_activity_ops *ops;
	struct requests *d;

	AP_TRY(ap_activity_begin(ctx, sizeof(*d), &d, &ops));
	AP_TRY(ops->requests(ctx->model, ctx->arena, &d->rows));
	*ret_data = d;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct requests *d = p;

	ap_json_begin_rows(j, "requests");
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct ap_request *r = &d->rows.at[i];

		ap_json_object(j, NULL);
		ap_json_addr(j, "address", r->address);
		ap_json_tid(j, r->tid);
		ap_json_text(j, "kind", r->kind);
		ap_json_text(j, "class", r->class);
		ap_json_text(j, "operation", r->operation);
		ap_json_masked(ctx, j, "path", r->path);
		ap_json_masked(ctx, j, "new_path", r->new_path);
		ap_json_number_or_null(j, "fd", r->fd);
		ap_json_text(j, "host", r->host);
		ap_json_text(j, "service", r->service);
		ap_json_endpoint(j, "remote", &r->remote);
		ap_json_value(ctx, j, "object", &r->object);
		ap_json_value(ctx, j, "owner", &r->owner);
		ap_json_value(ctx, j, "callback", &r->callback);
		ap_json_code_place(j, "place", &r->place);
		ap_json_end_object(j);
	}
	ap_json_end_rows(j, d->rows.n);
}

static void what(struct ap_ctx *ctx, const struct ap_request *r, struct ap_str *out)
{
	ap_str_add(out, r->operation.n ? r->operation.s : "", r->operation.n);
	if (r->path.n) {
		ap_str_adds(out, out->n ? " " : "");
		ap_str_masked(ctx, out, r->path);
	}
	if (r->new_path.n) {
		ap_str_adds(out, " -> ");
		ap_str_masked(ctx, out, r->new_path);
	}
	if (r->fd >= 0)
		ap_str_addf(out, " fd %d", r->fd);
	if (r->host.n)
		ap_str_addf(out, "%.*s", AP_TEXT_ARG(r->host));
	if (r->service.n)
		ap_str_addf(out, " service %.*s", AP_TEXT_ARG(r->service));
	if (r->remote.address.s) {
		ap_str_adds(out, "to ");
		ap_str_endpoint(out, &r->remote);
	}
}

struct row {
	uint64_t address;
	struct ap_text kind, what, owner, callback;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, kind, NULL, "KIND", TEXT, ""),
	AP_FIELD(struct row, address, NULL, "OBJECT", ADDRESS, ""),
	AP_FIELD(struct row, owner, NULL, "OWNER", TEXT, ""),
	AP_FIELD(struct row, what, NULL, "WHAT", TEXT, ""),
	AP_FIELD(struct row, callback, NULL, "THEN", TEXT, ""),
};

static const struct ap_table table = AP_ROWS_OF(fields, struct row);

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct requests *d = p;
	struct row *rows = ap_alloc_array(ctx->arena, d->rows.n + 1, sizeof(*rows));

	ap_out_f(ctx->out, "%zu request%s under way\n", d->rows.n, d->rows.n == 1 ? "" : "s");
	if (!rows || !d->rows.n)
		return;
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct ap_request *r = &d->rows.at[i];
		AP_STR_AUTO words = {0}, then = {0};

		what(ctx, r, &words);
		if (r->callback.has_ref)
			ap_str_code_place(&then, &r->place);
		rows[i] = (struct row){
			.address = r->owner.has_address ? r->owner.address : r->object.address,
			.kind = r->kind.s ? r->kind : r->class,
			.owner = r->owner.constructor,
			.what = ap_str_text(&words, ctx->arena),
			.callback = ap_str_text(&then, ctx->arena),
		};
	}
	ap_print_rows(ctx, &table, rows, d->rows.n);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct requests *d = p;

	for (size_t i = 0; i < d->rows.n; i++) {
		if (d->rows.at[i].owner.has_address)
			ap_out_f(ctx->out, "%" PRIx64 "\n", d->rows.at[i].owner.ref);
	}
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct requests *d = p;
	size_t n = 0;

	for (size_t i = 0; i < d->rows.n; i++)
		n += d->rows.at[i].owner.has_address;
	ap_llnode_list_head(ctx, "requests", n);
	for (size_t i = 0; i < d->rows.n; i++) {
		if (!d->rows.at[i].owner.has_address)
			continue;
		ap_llnode_value(ctx, &d->rows.at[i].owner, 0);
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_requests = {
	.names = {[AP_PLAIN] = "requests",
		  [AP_MDB] = "jsrequests",
		  [AP_LLNODE] = "getactiverequests"},
	.group = AP_GROUP_DOING,
	.summary = "file, DNS and socket requests that had not come back",
	.synopsis = {[AP_PLAIN] = ""},
	.help = "One row per request that process._getActiveRequests() would list: operation, path, descriptor "
		"or host, and the callback that waits. Work of the thread pool that Node makes no request of "
		"(crypto, zlib, fs.readFile of Node 26) is not among them.",
	.example = "requests",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
