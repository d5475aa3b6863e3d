/*
 * The report's question "what ate the memory, and what was it waiting for": suspects where the time
 * allows, memory with what buffers hold apart, and one line of what else there is.
 */
#include <inttypes.h>

#include "base/number.h"
#include "cmd/heap_common.h"
#include "cmd/report.h"

enum {
	MAX_SUSPECTS = 5,
	LEAST_PERCENT = 5,
	QUICK_BYTES = 32 << 20, /* of JavaScript heap: its graph takes less than a second */
};

/* Deaths that are about memory, or no death at all. */
static bool is_about_memory(const struct ap_report *r)
{
	return r->verdict.kind == AP_VERDICT_OUT_OF_HEAP || r->verdict.kind == AP_VERDICT_LIVE;
}

static uint64_t kind_bytes(const struct ap_report *r, const char *name)
{
	for (size_t i = 0; i < r->memory.n; i++) {
		if (strcmp(r->memory.at[i].name, name) == 0)
			return r->memory.at[i].bytes;
	}
	return 0;
}

/* What ArrayBuffers and external strings hold lies in native memory: it is shown apart. */
static struct ap_err *split_buffers(struct ap_ctx *ctx, struct ap_report *r)
{
	const struct ap_graph *g = r->told.study->graph;
	uint64_t buffers = 0;

	for (uint32_t v = 0; v < g->n_nodes; v++) {
		if (g->types[v] == AP_NODE_NATIVE && ap_node_size(g, v) &&
		    (ap_text_is(ap_node_name(g, v), "system / JSArrayBufferData") ||
		     ap_text_is(ap_node_name(g, v), "system / ExternalStringData")))
			buffers += ap_node_size(g, v);
	}
	for (size_t i = 0; buffers && i < r->memory.n; i++) {
		struct ap_memory_kind *native = &r->memory.at[i];
		struct ap_memory_kind row = {"Buffers", buffers};

		if (strcmp(native->name, "Native") != 0)
			continue;
		/* Not all of a buffer need have been touched: no more than there is. */
		row.bytes = buffers < native->bytes ? buffers : native->bytes;
		native->bytes -= row.bytes;
		return ap_vec_push(ctx->arena, &r->memory, row) ? NULL : &ap_err_nomem;
	}
	return NULL;
}

struct ap_err *ap_report_cause(struct ap_ctx *ctx, struct ap_report *r,
			       enum ap_report_effort effort)
{
	bool there = ap_session_study(ctx->session) != NULL;
	uint64_t heap = kind_bytes(r, "JS heap");
	struct ap_study *study;
	struct ap_err *err;

	if (r->has_model && effort != AP_REPORT_ALL && (!is_about_memory(r) || !heap))
		return NULL;
	if (!there && effort == AP_REPORT_QUICK && heap > QUICK_BYTES) {
		char bytes[AP_NUMBER_MAX];
		char *text =
			ap_printf(ctx->arena, "not looked for yet, in %s of heap: type suspects",
				  ap_bytes_human(heap, bytes));

		r->not_looked = ap_text_of(text);
		return text ? NULL : &ap_err_nomem;
	}
	err = ap_require_study(ctx, &study);
	if (!err)
		err = ap_tell_suspects(ctx, study, LEAST_PERCENT, AP_SUSPECT_LEAST_BYTES,
				       MAX_SUSPECTS, &r->told);
	if (err && err->code != AP_E_NOMEM && err->code != AP_E_CANCELLED) {
		/* The rest of the report is worth having. */
		char *text = ap_printf(ctx->arena, "not told: %s", err->message);

		ap_err_free(err);
		r->not_looked = ap_text_of(text);
		return text ? NULL : &ap_err_nomem;
	}
	if (err)
		return err;
	r->looked = true;
	return split_buffers(ctx, r);
}

static void add(struct ap_str *out, uint64_t n, const char *one, const char *more)
{
	if (n)
		ap_str_addf(out, "%s%" PRIu64 " %s", out->n ? ", " : "", n, n == 1 ? one : more);
}

/* The heap was walked already: its promises cost one more pass. */
static struct ap_err *add_promises(struct ap_ctx *ctx, struct ap_str *out)
{
	const struct ap_heap_promises *rows;
	struct ap_heap_watch watch;
	struct ap_heap *heap;
	uint64_t count;
	size_t n;

	AP_TRY(ap_require_heap(ctx, &heap));
	ap_heap_watch(ctx, &watch);
	struct ap_err *err = ap_heap_promises(heap, &watch, false, ctx->arena, &rows, &n, &count);
	ap_heap_watch_end(ctx);
	if (err)
		return err;
	add(out, count, "pending promise", "pending promises");
	for (size_t i = 0; i < n; i++) {
		if (!rows[i].script.n || !rows[i].line || !ap_script_is_user_code(rows[i].script))
			continue;
		struct ap_text where = rows[i].script;
		if (where.n > 7 && memcmp(where.s, "file://", 7) == 0)
			where = (struct ap_text){where.s + 7, where.n - 7};
		ap_str_addf(out, " (%" PRIu64 " at %.*s:%d)", rows[i].count, AP_TEXT_ARG(where),
			    rows[i].line);
		break;
	}
	return NULL;
}

struct ap_err *ap_report_also(struct ap_ctx *ctx, struct ap_report *r)
{
	const struct ap_activity_counts *n = &r->counts;
	AP_STR_AUTO out = {0};

	if (!r->has_model || !ctx->model->ops->activity)
		return NULL;
	AP_ERR_AUTO none = ctx->model->ops->activity->count(ctx->model, &r->counts);
	r->has_counts = !none;
	if (r->has_counts) {
		add(&out, n->servers, "server", "servers");
		add(&out, n->sockets, "socket or pipe", "sockets and pipes");
		add(&out, n->children, "child process", "child processes");
		add(&out, n->watchers, "file watcher", "file watchers");
		add(&out, n->requests, "request under way", "requests under way");
		add(&out, n->timers, "timer", "timers");
		if (n->more)
			ap_str_adds(&out, " at least");
	}
	if (r->looked) {
		AP_ERR_AUTO no_promises = add_promises(ctx, &out);
		(void)no_promises;
	}
	r->also = ap_str_text(&out, ctx->arena);
	return NULL;
}
