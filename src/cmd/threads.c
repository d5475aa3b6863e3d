/* threads: every thread of the process, what it is and what it was doing. */
#include "cmd/commands.h"

struct row {
	int tid;
	const char *role;
	bool crashed;
	uint64_t pc, sp;
	struct ap_text top, doing;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, tid, "tid", "TID", INT, "thread id as the kernel counted"),
	AP_FIELD(struct row, role, "role", "ROLE", CSTR,
		 "main, worker (runs JavaScript) or native"),
	AP_FIELD(struct row, crashed, "crashed", "CRASHED", BOOL, "took the signal"),
	AP_FIELD(struct row, doing, "doing", "DOING", TEXT, "in words, if it can be told"),
	AP_FIELD(struct row, pc, "pc", NULL, ADDRESS, "instruction pointer"),
	AP_FIELD(struct row, sp, "sp", NULL, ADDRESS, "stack pointer"),
	AP_FIELD(struct row, top, "top", "INNERMOST FRAME", TEXT, "innermost native symbol"),
};

static const struct ap_table table = {
	.key = "threads",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

struct threads {
	AP_VEC(struct row) rows;
};

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct threads *t = ap_alloc(ctx->arena, sizeof(*t));
	ap_thread_vec threads = {0};

	if (!t)
		return &ap_err_nomem;
	AP_TRY(ctx->model->ops->threads(ctx->model, ctx->arena, &threads));
	for (size_t i = 0; i < threads.n; i++) {
		const struct ap_thread_info *info = &threads.at[i];
		const struct row row = {
			.tid = (int)info->tid,
			.role = ap_thread_role_name(info->role),
			.crashed = info->crashed,
			.pc = info->pc,
			.sp = info->sp,
			.top = info->top,
			.doing = info->doing,
		};

		if (!ap_vec_push(ctx->arena, &t->rows, row))
			return &ap_err_nomem;
	}
	*ret_data = t;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct threads *t = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &table, t->rows.at, t->rows.n);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct threads *t = p;

	ap_out_table(ctx->out, &table, t->rows.at, t->rows.n);
}

const struct ap_cmd ap_cmd_threads = {
	.names = {[AP_PLAIN] = "threads|info threads|thread list"},
	.group = AP_GROUP_DOING,
	.summary = "all threads and what they were doing",
	.synopsis = {[AP_PLAIN] = ""},
	.help = "`bt -t TID` shows one thread's stack, `bt -a` all of them.",
	.example = "threads",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
