/*
 * One stack out of two views: the native unwinder gives machine frames in order, V8's layer says
 * which of them are JavaScript and what they run. A machine frame of optimised code becomes several
 * frames.
 */
#include "model/core_private.h"
#include "v8/async.h"
#include "v8/frame.h"
#include "v8/naming.h"
#include "v8/parameters.h"

enum { MAX_SHOWN_ARGUMENTS = 256 };

struct frames_job {
	struct ap_core_model *core;
	const struct ap_frames_options *options;
	struct ap_arena *arena;
	ap_frame_vec *out;
	ap_addr last_fp; /* of the last machine frame that V8 explained */
};

static bool job_full(const struct frames_job *job)
{
	return job->options->limit && job->out->n >= job->options->limit;
}

static struct ap_err *job_push(struct frames_job *job, const struct ap_frame *frame)
{
	return job_full(job) || ap_vec_push(job->arena, job->out, *frame) ? NULL : &ap_err_nomem;
}

/* Module, symbol and offset of a code address; a return address belongs to the call before it. */
static void frame_symbol(struct frames_job *job, ap_addr pc, bool exact, struct ap_frame *frame)
{
	const struct ap_image *image = job->core->image;
	ap_addr at = exact || !pc ? pc : pc - 1;
	const struct ap_module *module = ap_image_module_at(image, at);
	struct ap_symbol symbol;
	uint64_t offset;

	if (module) {
		const char *slash = strrchr(module->path, '/');

		frame->module = ap_text_of(slash ? slash + 1 : module->path);
		frame->offset = pc - module->start;
	}
	if (ap_image_symbol(image, at, &symbol, &module, &offset)) {
		frame->symbol = ap_text_of(ap_demangle(symbol.name, job->arena));
		frame->offset = offset + (pc - at);
	}
}

static struct ap_err *push_native(struct frames_job *job, const struct ap_native_frame *native)
{
	struct ap_frame frame = {.kind = AP_FRAME_NATIVE, .fp = native->fp, .pc = native->pc};

	if (!job->options->native)
		return NULL;
	frame.callee = ap_value_unreadable("a native frame");
	frame_symbol(job, native->pc, native->exact_pc, &frame);
	return job_push(job, &frame);
}

static enum ap_tier tier_of(enum ap_v8_frame_kind kind)
{
	switch (kind) {
	case AP_V8_FRAME_INTERPRETED:
		return AP_TIER_INTERPRETED;
	case AP_V8_FRAME_BASELINE:
		return AP_TIER_BASELINE;
	case AP_V8_FRAME_MAGLEV:
		return AP_TIER_MAGLEV;
	case AP_V8_FRAME_TURBOFAN:
		return AP_TIER_TURBOFAN;
	case AP_V8_FRAME_UNKNOWN:
	case AP_V8_FRAME_TYPED:
	case AP_V8_FRAME_BUILTIN:
		break;
	}
	return AP_TIER_NONE;
}

static struct ap_err *frame_values(struct frames_job *job, const struct ap_v8_frame *f,
				   const struct ap_function_info *info, struct ap_frame *frame)
{
	struct ap_core_model *core = job->core;
	struct ap_text *names = NULL;
	size_t n_names = 0, n = f->n_arguments;

	if (f->function)
		AP_TRY(ap_core_describe(&core->base, f->function, job->arena, &frame->callee));
	if (f->has_receiver) {
		frame->has_receiver = true;
		AP_TRY(ap_core_slot(core, &f->receiver, job->arena, &frame->receiver));
	}
	if (info->script)
		AP_TRY(ap_parameter_names(core->v8, info, job->arena, &names, &n_names));
	if (n > MAX_SHOWN_ARGUMENTS)
		n = MAX_SHOWN_ARGUMENTS;
	for (size_t i = 0; i < n; i++) {
		struct ap_variable v = {.name = {NULL, 0}};

		if (i < n_names)
			v.name = names[i];
		else if (info->script)
			v.name = ap_text_of(ap_printf(job->arena, "arguments[%zu]", i));
		if (f->argument_missing && f->argument_missing[i])
			v.value = (struct ap_value){.type = AP_T_OPTIMISED_OUT};
		else
			AP_TRY(ap_core_slot(core, &f->arguments[i], job->arena, &v.value));
		if (!ap_vec_push(job->arena, &frame->arguments, v))
			return &ap_err_nomem;
	}
	return NULL;
}

/* Line and column of what a frame executes. */
static void frame_place(struct frames_job *job, const struct ap_v8_frame *f,
			const struct ap_function_info *info, struct ap_frame *frame)
{
	struct ap_v8 *v8 = job->core->v8;
	struct ap_place place;
	int32_t position = -1;
	ap_tagged bytecode = f->bytecode ? f->bytecode : info->bytecode;

	if (!info->script || !v8->profile.groups[AP_G_FUNCTIONS].on)
		return;
	if (bytecode && f->offset >= 0)
		(void)ap_bytecode_position(v8, bytecode, f->offset, &position);
	if (!ap_script_place(v8, info->script, position, job->arena, &place))
		return;
	frame->script = place.script;
	frame->line = place.line;
	frame->column = place.column;
	frame->position = place.line ? -1 : place.position;
	frame->user_code = ap_script_is_user_code(place.script);
}

static struct ap_text frame_function_name(struct frames_job *job, const struct ap_v8_frame *f,
					  const struct ap_function_info *info)
{
	struct ap_call_site site = {
		.function = f->function,
		.receiver = f->has_receiver && !f->receiver.is_raw_double ? f->receiver.tagged : 0,
		.is_strict = info->is_strict,
		.is_constructor = f->is_construct,
	};
	struct ap_text name = {NULL, 0};

	site.is_toplevel = site.receiver && ap_receiver_is_toplevel(job->core->v8, site.receiver);
	if (f->function)
		name = ap_call_site_name(job->core->v8, &site, job->arena);
	if (!name.s)
		name = info->name.n ? info->name : info->inferred;
	return name.n ? name : AP_TEXT("<anonymous>");
}

static struct ap_err *push_javascript(struct frames_job *job, const struct ap_v8_frame *f,
				      bool exact_pc, size_t level)
{
	struct ap_v8 *v8 = job->core->v8;
	struct ap_function_info info = {.kind = AP_FN_BUILTIN};
	struct ap_frame frame = {
		.kind = AP_FRAME_JS,
		.tier = tier_of(f->kind),
		.inlined = f->inlined,
		.fp = f->fp,
		.pc = f->pc,
		.exact_pc = exact_pc,
		.level = (unsigned)level,
		.callee = ap_value_unreadable("the optimiser dropped the function"),
	};
	bool known = f->function ? ap_function_info(v8, f->function, job->arena, &info)
				 : ap_shared_info(v8, f->shared, job->arena, &info);

	if (!known)
		ap_core_gap(job->core, f->fp);
	if (f->kind != AP_V8_FRAME_BUILTIN && known && !info.script) {
		/* Bytecode without a script is V8's own glue, around modules for instance. */
		if (!job->options->native)
			return NULL;
		frame.kind = AP_FRAME_INTERNAL;
		frame.internal_name = AP_TEXT("code without a script");
	}
	if (f->kind == AP_V8_FRAME_BUILTIN) {
		/* V8 shows a builtin in stack traces only if it was exposed as a function of its
		 * own. */
		frame.kind = info.is_exposed_builtin || info.kind == AP_FN_API ? AP_FRAME_BUILTIN
									       : AP_FRAME_INTERNAL;
		if (frame.kind == AP_FRAME_INTERNAL && !job->options->native)
			return NULL;
		frame_symbol(job, f->pc, false, &frame);
		const char *builtin = ap_builtin_name(v8, f->pc, job->arena);
		frame.internal_name = builtin ? ap_text_of(builtin) : AP_TEXT("builtin");
	}
	frame.name = info.name;
	frame.function = frame_function_name(job, f, &info);
	frame_place(job, f, &info, &frame);
	if (job->options->values)
		AP_TRY(frame_values(job, f, &info, &frame));
	return job_push(job, &frame);
}

static struct ap_err *push_typed(struct frames_job *job, const struct ap_v8_frame *f)
{
	struct ap_frame frame = {
		.kind = AP_FRAME_INTERNAL,
		.fp = f->fp,
		.pc = f->pc,
		.internal_name = ap_text_of(ap_v8_frame_type_name(job->core->v8, f->type)),
		.callee = ap_value_unreadable("an internal frame"),
	};
	const char *builtin = ap_builtin_name(job->core->v8, f->pc, job->arena);

	if (!job->options->native)
		return NULL;
	frame_symbol(job, f->pc, false, &frame);
	if (builtin)
		frame.symbol = ap_text_of(builtin);
	return job_push(job, &frame);
}

/* Could this machine frame be V8's: JIT code, a builtin, or code of V8's module without symbols? */
static bool may_be_v8(const struct ap_core_model *core, const struct ap_native_frame *native,
		      bool *ret_sure)
{
	const struct ap_module *module = ap_image_module_at(core->image, native->pc);

	*ret_sure = !module || ap_is_builtin_pc(core->v8, native->pc);
	return *ret_sure || (module == core->v8->module && !core->v8->tables.blob_start);
}

static struct ap_err *push_machine_frame(struct frames_job *job,
					 const struct ap_native_frame *native)
{
	struct ap_core_model *core = job->core;
	ap_v8_frame_vec decoded = {0};
	bool sure;

	if (!core->v8 || !core->v8->profile.groups[AP_G_FRAMES].on || !native->fp ||
	    !may_be_v8(core, native, &sure))
		return push_native(job, native);
	if (native->fp == job->last_fp)
		return NULL; /* a stub or bytecode handler without a frame of its own */
	ap_addr pc = native->pc;
	bool exact = native->exact_pc;
	/* A signal in a builtin without a frame: the frame is that of the compiled code that called
	 * it. */
	if (exact && ap_is_builtin_pc(core->v8, pc) &&
	    ap_v8_frame_return(core->v8, native->fp, native->sp, &pc))
		exact = false;
	AP_TRY(ap_v8_frame_decode(core->v8, native->fp, pc, exact, job->arena, &decoded));
	if (!decoded.n || decoded.at[0].kind == AP_V8_FRAME_UNKNOWN ||
	    (!sure && decoded.at[0].kind == AP_V8_FRAME_TYPED))
		return push_native(job, native);
	job->last_fp = native->fp;
	for (size_t i = 0; i < decoded.n && !job_full(job); i++) {
		const struct ap_v8_frame *f = &decoded.at[i];

		AP_TRY(f->kind == AP_V8_FRAME_TYPED ? push_typed(job, f)
						    : push_javascript(job, f, exact, i));
	}
	return NULL;
}

/* The functions that wait for what this stack computes: "async" frames below the last one. */
static struct ap_err *push_async(struct frames_job *job, const struct ap_isolate *isolate)
{
	struct ap_v8 *v8 = job->core->v8;
	ap_async_frame_vec async = {0};

	if (!v8->profile.groups[AP_G_PROMISES].on)
		return NULL;
	AP_TRY(ap_async_frames(v8, isolate, job->arena, &async));
	for (size_t i = 0; i < async.n && !job_full(job); i++) {
		const struct ap_async_frame *a = &async.at[i];
		struct ap_frame frame = {
			.kind = AP_FRAME_ASYNC,
			.function = a->function,
			.name = a->function,
			.script = a->place.script,
			.line = a->place.line,
			.column = a->place.column,
			.user_code = ap_script_is_user_code(a->place.script),
			.callee = ap_value_unreadable("none"),
		};

		if (job->options->values && a->callee)
			AP_TRY(ap_core_describe(&job->core->base, a->callee, job->arena,
						&frame.callee));
		AP_TRY(job_push(job, &frame));
	}
	return NULL;
}

struct ap_err *ap_core_frames(struct ap_model *model, size_t thread,
			      const struct ap_frames_options *options, struct ap_arena *arena,
			      ap_frame_vec *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	ap_frame_vec out = {0};
	struct frames_job job = {core, options, arena, &out, 0};
	const struct ap_thread *threads;
	const struct ap_isolate *isolate;
	ap_native_frame_vec native = {0};
	bool broken = false;
	size_t n;

	threads = ap_image_threads(core->image, &n);
	if (thread >= n)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no thread %zu", thread),
				   "this process has %zu; `threads` lists them", n);
	isolate = core->v8 ? ap_v8_isolate_of_thread(core->v8, thread) : NULL;
	AP_TRY(ap_unwind_thread(core->unwind, &threads[thread],
				isolate && isolate->c_entry_fp ? &isolate->c_entry_fp : NULL,
				isolate && isolate->c_entry_fp ? 1 : 0, 0, arena, &native,
				&broken));
	if (broken)
		ap_core_gap(core, native.n ? native.at[native.n - 1].sp : 0);
	for (size_t i = 0; i < native.n && !job_full(&job); i++)
		AP_TRY(push_machine_frame(&job, &native.at[i]));
	if (options->async && isolate)
		AP_TRY(push_async(&job, isolate));
	*ret = out;
	return NULL;
}

struct ap_err *ap_core_threads(struct ap_model *model, struct ap_arena *arena, ap_thread_vec *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	const struct ap_process *process = ap_image_process(core->image);
	const struct ap_thread *threads;
	ap_thread_vec out = {0};
	size_t n;

	threads = ap_image_threads(core->image, &n);
	for (size_t i = 0; i < n; i++) {
		const struct ap_isolate *isolate =
			core->v8 ? ap_v8_isolate_of_thread(core->v8, i) : NULL;
		struct ap_frame top = {.kind = AP_FRAME_NATIVE};
		struct frames_job job = {.core = core, .arena = arena};
		struct ap_thread_info info = {
			.tid = threads[i].tid,
			.role = !isolate                         ? AP_ROLE_NATIVE
				: threads[i].tid == process->pid ? AP_ROLE_MAIN
								 : AP_ROLE_WORKER,
			.crashed = process->died && i == 0,
			.pc = threads[i].regs[AP_REG_RIP],
			.sp = threads[i].regs[AP_REG_RSP],
		};

		frame_symbol(&job, info.pc, true, &top);
		info.top = top.symbol.s ? top.symbol : top.module;
		if (isolate)
			info.doing = isolate->c_entry_fp || !top.module.s
					     ? AP_TEXT("running JavaScript")
					     : AP_TEXT("waiting for events");
		if (!ap_vec_push(arena, &out, info))
			return &ap_err_nomem;
	}
	*ret = out;
	return NULL;
}
