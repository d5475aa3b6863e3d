/* handles = v8 getactivehandles: sockets, servers, children, watchers that the event loop served.
 */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "cmd/activity_common.h"

enum { OPT_ALL };

static const struct ap_option options[] = {
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_MDB | AP_IN_LLNODE, NULL,
		     "also those that do not keep the process alive"},
	{0},
};

struct handles {
	ap_handle_vec rows;
	size_t referenced;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	const struct ap_activity_ops *ops;
	struct handles *d;

	AP_TRY(ap_activity_begin(ctx, sizeof(*d), &d, &ops));
	AP_TRY(ops->handles(ctx->model, ctx->arena, &d->rows));
	for (size_t i = 0; i < d->rows.n; i++)
		d->referenced += d->rows.at[i].referenced;
	*ret_data = d;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct handles *d = p;

	ap_json_begin_rows(j, "handles");
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct ap_handle *h = &d->rows.at[i];

		ap_json_object(j, NULL);
		ap_json_addr(j, "address", h->address);
		ap_json_tid(j, h->tid);
		ap_json_text(j, "kind", h->kind);
		ap_json_text(j, "class", h->class);
		ap_json_text(j, "state", h->state);
		ap_json_bool(j, "referenced", h->referenced);
		ap_json_bool(j, "active", h->active);
		ap_json_bool(j, "closing", h->closing);
		ap_json_number_or_null(j, "fd", h->fd);
		ap_json_endpoint(j, "local", &h->local);
		ap_json_endpoint(j, "remote", &h->remote);
		ap_json_text(j, "host", h->host);
		ap_json_masked(ctx, j, "path", h->path);
		ap_json_number_or_null(j, "pid", h->pid);
		ap_json_masked(ctx, j, "command", h->command);
		ap_json_number_or_null(j, "signal", h->signal);
		ap_json_number_or_null(j, "queued_bytes", h->queued_bytes);
		ap_json_value(ctx, j, "object", &h->object);
		ap_json_value(ctx, j, "owner", &h->owner);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_object(j, "total");
	ap_json_uint(j, "count", d->rows.n);
	ap_json_uint(j, "referenced", d->referenced);
	ap_json_end_object(j);
	ap_json_end_object(j);
}

/* "listening on 127.0.0.1:80", "open, 10.0.0.1:80 <- 10.0.0.7:4711", "child 4711 sleep". */
static void what(struct ap_ctx *ctx, const struct ap_handle *h, struct ap_str *out)
{
	bool listening = ap_text_is(h->state, "listening");

	if (h->state.n)
		ap_str_add(out, h->state.s, h->state.n);
	if (listening && (h->local.address.s || h->path.n)) {
		ap_str_adds(out, " on ");
		if (h->local.address.s)
			ap_str_endpoint(out, &h->local);
		else
			ap_str_masked(ctx, out, h->path);
	} else if (h->local.address.s || h->remote.address.s) {
		ap_str_adds(out, ", ");
		if (h->local.address.s)
			ap_str_endpoint(out, &h->local);
		ap_str_adds(out, h->local.address.s ? " <-> " : "to ");
		if (h->remote.address.s)
			ap_str_endpoint(out, &h->remote);
		else
			ap_str_adds(out, "?");
	} else if (h->path.n) {
		ap_str_adds(out, out->n ? ", " : "");
		ap_str_masked(ctx, out, h->path);
	}
	if (h->host.n)
		ap_str_addf(out, ", host %.*s", AP_TEXT_ARG(h->host));
	if (h->pid >= 0)
		ap_str_addf(out, "child %d ", h->pid);
	if (h->command.n)
		ap_str_masked(ctx, out, h->command);
	if (h->signal >= 0) {
		const char *name = sigabbrev_np(h->signal);

		if (name)
			ap_str_addf(out, "SIG%s", name);
		else
			ap_str_addf(out, "signal %d", h->signal);
	}
	if (h->queued_bytes > 0)
		ap_str_addf(out, ", %" PRId64 " bytes not yet sent", h->queued_bytes);
	if (h->closing && !h->state.n)
		ap_str_adds(out, " closing");
	if (!h->referenced && !h->closing)
		ap_str_adds(out, out->n ? " (unref'd)" : "(unref'd)");
}

struct row {
	uint64_t address;
	struct ap_text kind, what, owner;
	struct ap_text fd_text;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, kind, NULL, "KIND", TEXT, ""),
	AP_FIELD(struct row, fd_text, NULL, "FD", TEXT, ""),
	AP_FIELD(struct row, address, NULL, "OBJECT", ADDRESS, ""),
	AP_FIELD(struct row, owner, NULL, "OWNER", TEXT, ""),
	AP_FIELD(struct row, what, NULL, "WHAT", TEXT, ""),
};

static const struct ap_table table = AP_ROWS_OF(fields, struct row);

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct handles *d = p;
	struct row *rows = ap_alloc_array(ctx->arena, d->rows.n + 1, sizeof(*rows));

	ap_out_f(ctx->out, "%zu handle%s, %zu of them keep%s the process alive\n", d->rows.n,
		 d->rows.n == 1 ? "" : "s", d->referenced, d->referenced == 1 ? "s" : "");
	if (!rows || !d->rows.n)
		return;
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct ap_handle *h = &d->rows.at[i];
		AP_STR_AUTO words = {0};

		what(ctx, h, &words);
		rows[i] = (struct row){
			.address = h->owner.has_address ? h->owner.address : h->object.address,
			.kind = h->kind.s ? h->kind : h->class,
			.owner = h->owner.constructor,
			.what = ap_str_text(&words, ctx->arena),
			.fd_text = h->fd >= 0 ? ap_text_of(ap_printf(ctx->arena, "%d", h->fd))
					      : AP_TEXT(""),
		};
	}
	ap_print_rows(ctx, &table, rows, d->rows.n);
}

/* As process._getActiveHandles(): what keeps the process alive, by its owner. */
static bool is_shown(const struct ap_ctx *ctx, const struct ap_handle *h)
{
	return (h->referenced || ctx->args.given[OPT_ALL]) && h->owner.has_address;
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct handles *d = p;

	for (size_t i = 0; i < d->rows.n; i++) {
		if (is_shown(ctx, &d->rows.at[i]))
			ap_out_f(ctx->out, "%" PRIx64 "\n", d->rows.at[i].owner.ref);
	}
}

static void text_llnode(struct ap_ctx *ctx, const void *p)
{
	const struct handles *d = p;
	size_t n = 0;

	for (size_t i = 0; i < d->rows.n; i++)
		n += is_shown(ctx, &d->rows.at[i]);
	ap_llnode_list_head(ctx, "handles", n);
	for (size_t i = 0; i < d->rows.n; i++) {
		if (!is_shown(ctx, &d->rows.at[i]))
			continue;
		ap_llnode_value(ctx, &d->rows.at[i].owner, 0);
		ap_out_s(ctx->out, "\n");
	}
}

const struct ap_cmd ap_cmd_handles = {
	.names = {[AP_PLAIN] = "handles", [AP_MDB] = "jshandles", [AP_LLNODE] = "getactivehandles"},
	.group = AP_GROUP_DOING,
	.summary = "sockets, servers, children and watchers that were open",
	.synopsis = {[AP_PLAIN] = ""},
	.help = "One row per handle of the event loop that belongs to JavaScript, of all threads. Addresses of a "
		"socket are shown if the program asked for them; otherwise only the kernel had them. Bytes not "
		"yet sent were written by the program and not taken by the other side. `v8 getactivehandles` "
		"and ::jshandles list those that process._getActiveHandles() would; timers have a command of "
		"their own.",
	.options = options,
	.example = "handles",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text, [AP_MDB] = text_mdb, [AP_LLNODE] = text_llnode},
};
