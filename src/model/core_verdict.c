/*
 * The verdict: what ended the process, from the signal, the native frames below it and the objects
 * they hold. Each sentence carries its certainty; nothing is concluded from the absence of a thing.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/core_private.h"
#include "node/process.h"
#include "v8/property.h"

enum {
	MAX_NATIVE = 400,
	MAX_CAUSES = 10,
	MAX_STACK_WORDS = 1 << 16,
	/* struct ucontext of the kernel's x86-64 signal frame, siginfo follows it */
	UCONTEXT_RSP = 160,
	UCONTEXT_RIP = 168,
	UCONTEXT_BYTES = 304,
	MAX_STALE_BYTES = 16384,
};

struct verdict_job {
	struct ap_core_model *core;
	struct ap_arena *arena;
	const struct ap_process *process;
	ap_frame_vec frames; /* of the thread that died */
	struct ap_verdict *out;
};

/* A native frame of the dying thread whose symbol contains `part`, or NULL. */
static const struct ap_frame *native_frame(const struct verdict_job *job, const char *part)
{
	for (size_t i = 0; i < job->frames.n; i++) {
		const struct ap_frame *f = &job->frames.at[i];

		if (f->kind == AP_FRAME_NATIVE && f->symbol.s && strstr(f->symbol.s, part))
			return f;
	}
	return NULL;
}

static struct ap_err *verdict_say(struct verdict_job *job, enum ap_verdict_kind kind,
				  enum ap_certainty certainty, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static struct ap_err *verdict_say(struct verdict_job *job, enum ap_verdict_kind kind,
				  enum ap_certainty certainty, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	char *text = ap_vprintf(job->arena, fmt, ap);
	va_end(ap);
	if (!text)
		return &ap_err_nomem;
	job->out->kind = kind;
	job->out->certainty = certainty;
	job->out->text = ap_text_of(text);
	return NULL;
}

/* A tagged word of the stack, or what a handle on it holds, if it is an object of that type. */
static bool stack_object(struct ap_v8 *v8, uint64_t w, enum ap_fact_id type, ap_tagged *ret)
{
	if (!ap_is_object(w) && ((w & 7) || !ap_image_u64(v8->image, w, &w)))
		return false;
	if (!ap_is_object(w) || !ap_v8_is(v8, w, type))
		return false;
	*ret = w;
	return true;
}

/*
 * The value being thrown. `throw` calls Runtime_Throw with it: it is the argument above the exit
 * frame. What V8 itself throws stands in handles of the C++ frames between the top and the exit
 * frame: as the JSMessageObject made for it, whose `argument` it is, or as the error itself.
 */
static bool thrown_value(struct verdict_job *job, ap_tagged *ret)
{
	struct ap_v8 *v8 = job->core->v8;
	const struct ap_isolate *isolate = v8 ? ap_v8_isolate_of_thread(v8, 0) : NULL;
	const struct ap_thread *threads;
	ap_tagged message, error = 0;
	uint64_t w;
	size_t n;

	threads = ap_image_threads(job->core->image, &n);
	if (!isolate || !n || !isolate->c_entry_fp)
		return false;
	if (native_frame(job, "Runtime_Throw(") || native_frame(job, "Runtime_ReThrow")) {
		if (ap_image_u64(job->core->image, isolate->c_entry_fp + 16, &w) &&
		    !ap_is_weak(w)) {
			*ret = w;
			return true;
		}
	}
	ap_addr a = threads[0].regs[AP_REG_RSP];
	for (int i = 0; i < MAX_STACK_WORDS && a < isolate->c_entry_fp; i++, a += 8) {
		if (!ap_image_u64(job->core->image, a, &w))
			break;
		if (stack_object(v8, w, AP_F_T_JS_MESSAGE, &message) &&
		    ap_v8_word(v8, message, F(v8, MESSAGE_ARGUMENT), ret))
			return true;
		if (!error)
			(void)stack_object(v8, w, AP_F_T_JS_ERROR, &error);
	}
	*ret = error;
	return error != 0;
}

/* The error that Node's own last resort was called with: an argument of a frame near the top. */
static bool argument_error(struct verdict_job *job, struct ap_value *ret)
{
	for (size_t i = 0; i < job->frames.n; i++) {
		const struct ap_frame *f = &job->frames.at[i];

		for (size_t k = 0; k < f->arguments.n; k++) {
			if (f->arguments.at[k].value.type == AP_T_ERROR) {
				*ret = f->arguments.at[k].value;
				return true;
			}
		}
	}
	return false;
}

static struct ap_text extra_text(const struct ap_detail *detail, const char *key)
{
	const struct ap_extra *e = ap_detail_extra(detail, key);

	return e && e->kind == AP_EXTRA_TEXT ? e->text : (struct ap_text){NULL, 0};
}

struct error_words {
	struct ap_text name, message, stack;
	bool has_cause;
	struct ap_value cause;
};

/*
 * An error that came from a worker is no Error to V8: Node makes a plain object anew, with the
 * class's prototype and the texts as properties.
 */
static struct ap_err *copied_error_words(struct verdict_job *job, uint64_t ref,
					 struct error_words *ret, bool *ret_is_one)
{
	enum { MAX_NAME = 256, MAX_MESSAGE = 1 << 16 };
	struct ap_v8 *v8 = job->core->v8;
	ap_tagged name, message, stack, cause;

	*ret_is_one = ap_own_value(v8, ref, "stack", &stack) &&
		      ap_type_is_string(v8, ap_v8_type(v8, stack)) &&
		      ap_own_value(v8, ref, "message", &message) &&
		      ap_type_is_string(v8, ap_v8_type(v8, message)) &&
		      ap_own_value(v8, ref, "name", &name) &&
		      ap_type_is_string(v8, ap_v8_type(v8, name));
	if (!*ret_is_one)
		return NULL;
	ret->name = ap_v8_text(v8, name, MAX_NAME, job->arena);
	ret->message = ap_v8_text(v8, message, MAX_MESSAGE, job->arena);
	ret->stack = ap_v8_text(v8, stack, MAX_MESSAGE, job->arena);
	ret->has_cause = ap_own_value(v8, ref, "cause", &cause);
	return ret->has_cause ? ap_core_describe(&job->core->base, cause, job->arena, &ret->cause)
			      : NULL;
}

static struct ap_err *error_words(struct verdict_job *job, const struct ap_value *error,
				  struct error_words *ret, bool *ret_is_one)
{
	struct ap_detail detail = {0};
	const struct ap_extra *cause;

	*ret_is_one = false;
	*ret = (struct error_words){.has_cause = false};
	if (error->type == AP_T_OBJECT)
		return copied_error_words(job, error->ref, ret, ret_is_one);
	if (error->type != AP_T_ERROR)
		return NULL;
	*ret_is_one = true;
	AP_TRY(ap_core_detail(&job->core->base, error->ref, &ap_detail_default_limits, job->arena,
			      &detail));
	ret->name = extra_text(&detail, "name");
	ret->message = extra_text(&detail, "message");
	ret->stack = extra_text(&detail, "stack");
	cause = ap_detail_extra(&detail, "cause");
	ret->has_cause = cause && cause->kind == AP_EXTRA_VALUE;
	if (ret->has_cause)
		ret->cause = cause->values[0];
	return NULL;
}

/* Name, message, stack and the chain of causes of an Error. */
static struct ap_err *describe_error(struct verdict_job *job, const struct ap_value *error)
{
	struct ap_verdict *out = job->out;
	struct error_words words;
	bool is_error;

	out->has_error = true;
	out->error = *error;
	AP_TRY(error_words(job, error, &words, &is_error));
	if (!is_error)
		return NULL;
	out->error_name = words.name;
	out->error_message = words.message;
	out->error_stack = words.stack;
	for (int level = 0; level < MAX_CAUSES && words.has_cause; level++) {
		struct ap_value cause = words.cause;

		AP_TRY(error_words(job, &cause, &words, &is_error));
		if (!is_error)
			break;
		char *text = ap_printf(job->arena, "%.*s: %.*s", AP_TEXT_ARG(words.name),
				       AP_TEXT_ARG(words.message));
		if (!text || !ap_vec_push(job->arena, &out->causes, ap_text_of(text)))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *say_thrown(struct verdict_job *job, enum ap_verdict_kind kind,
				 enum ap_certainty certainty, const char *how)
{
	const struct ap_verdict *out = job->out;
	struct ap_text preview;

	if (!out->has_error)
		return verdict_say(job, kind, certainty, "%s; the thrown value is not in the core",
				   how);
	if (out->error_name.s || out->error_message.s)
		return verdict_say(
			job, kind, certainty, "%s%.*s%s%.*s", "",
			AP_TEXT_ARG(out->error_name.n ? out->error_name : AP_TEXT("Error")),
			out->error_message.n ? ": " : "", AP_TEXT_ARG(out->error_message));
	preview = ap_value_preview(&job->core->base, &out->error, job->arena);
	return verdict_say(job, kind, certainty, "%s: %.*s", how, AP_TEXT_ARG(preview));
}

static bool js_frame_named(const struct verdict_job *job, const char *part)
{
	for (size_t i = 0; i < job->frames.n; i++) {
		const struct ap_frame *f = &job->frames.at[i];

		if (f->kind == AP_FRAME_JS && f->function.s && strstr(f->function.s, part))
			return true;
	}
	return false;
}

static struct ap_err *verdict_uncaught(struct verdict_job *job, bool *ret_done)
{
	const struct ap_frame *by_node = native_frame(job, "TriggerUncaughtException");
	bool by_v8 =
		native_frame(job, "CreateMessageOrAbort") || native_frame(job, "Isolate::Throw");
	struct ap_value error;
	ap_tagged thrown;

	*ret_done = by_node || by_v8;
	if (!*ret_done)
		return NULL;
	if (by_v8 && thrown_value(job, &thrown)) {
		AP_TRY(ap_core_describe(&job->core->base, thrown, job->arena, &error));
		AP_TRY(describe_error(job, &error));
	} else if (argument_error(job, &error)) {
		AP_TRY(describe_error(job, &error));
	} else if (thrown_value(job, &thrown)) {
		AP_TRY(ap_core_describe(&job->core->base, thrown, job->arena, &error));
		AP_TRY(describe_error(job, &error));
	}
	if (by_node && (js_frame_named(job, "processPromiseRejections") ||
			js_frame_named(job, "triggerUncaughtException") ||
			js_frame_named(job, "throwUnhandledRejectionsMode")))
		return say_thrown(job, AP_VERDICT_UNHANDLED_REJECTION, AP_CERTAIN,
				  "A promise was rejected and nobody listened");
	return say_thrown(job, AP_VERDICT_UNCAUGHT_ERROR, AP_CERTAIN, "An uncaught exception");
}

/* "2.00 GB" from --max-old-space-size=N (MB) in the command line, or 0. */
static uint64_t heap_limit_option(const struct ap_process *process)
{
	for (const char **a = process->argv; a && *a; a++) {
		const char *v = NULL;

		if (strncmp(*a, "--max-old-space-size=", 21) == 0 ||
		    strncmp(*a, "--max_old_space_size=", 21) == 0)
			v = *a + 21;
		if (v && *v >= '0' && *v <= '9')
			return strtoull(v, NULL, 10) << 20;
	}
	return 0;
}

static struct ap_err *verdict_out_of_heap(struct verdict_job *job, bool *ret_done)
{
	struct ap_info info;

	*ret_done = native_frame(job, "FatalProcessOutOfMemory") ||
		    native_frame(job, "OOMErrorHandler");
	if (!*ret_done)
		return NULL;
	job->out->heap_limit = heap_limit_option(job->process);
	if (!ap_core_info(&job->core->base, job->arena, &info)) {
		for (size_t i = 0; i < info.memory.n; i++) {
			if (strcmp(info.memory.at[i].name, "JS heap") == 0)
				job->out->heap_used = info.memory.at[i].bytes;
		}
	}
	job->out->evidence = AP_TEXT("V8's out-of-memory handler is on the stack");
	return verdict_say(job, AP_VERDICT_OUT_OF_HEAP, AP_CERTAIN, "Ran out of JavaScript heap");
}

static struct ap_err *verdict_abort(struct verdict_job *job)
{
	const struct ap_core_siginfo *si = &job->process->siginfo;
	const struct ap_frame *f;

	if (si->present && (si->code == SI_USER || si->code == SI_TKILL) && si->sender &&
	    si->sender != job->process->pid)
		return verdict_say(job, AP_VERDICT_SIGNAL, AP_CERTAIN,
				   "Killed by SIGABRT sent by process %d", si->sender);
	/* kill(2) from the process itself looks like SI_USER; abort(3) uses tgkill. */
	if (si->present && si->code == SI_USER && !native_frame(job, "abort") &&
	    !native_frame(job, "raise"))
		return verdict_say(job, AP_VERDICT_SIGNAL, AP_CERTAIN,
				   "Killed by SIGABRT sent by itself");
	if (native_frame(job, "node::Assert"))
		return verdict_say(job, AP_VERDICT_ABORT, AP_CERTAIN,
				   "A check inside Node's C++ code failed");
	f = native_frame(job, "V8_Fatal");
	if (f)
		return verdict_say(job, AP_VERDICT_ABORT, AP_CERTAIN, "A check inside V8 failed");
	if (native_frame(job, "OnFatalError") || native_frame(job, "ReportApiFailure"))
		return verdict_say(
			job, AP_VERDICT_ABORT, AP_CERTAIN,
			"Native code used V8 in a way that it refuses (fatal API error)");
	if (native_frame(job, "node::Abort"))
		return verdict_say(job, AP_VERDICT_ABORT, AP_LIKELY,
				   "The program called process.abort()");
	if (native_frame(job, "std::terminate") || native_frame(job, "__cxa_throw"))
		return verdict_say(job, AP_VERDICT_ABORT, AP_CERTAIN,
				   "A C++ exception was not caught");
	if (native_frame(job, "malloc_printerr") || native_frame(job, "__libc_message"))
		return verdict_say(job, AP_VERDICT_ABORT, AP_CERTAIN,
				   "The C library found the native heap corrupted");
	return verdict_say(job, AP_VERDICT_ABORT, AP_LIKELY, "The program aborted (SIGABRT)");
}

static bool is_address_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL || signal == SIGFPE;
}

/* What a fault was, and where: of the core's own signal, or of the one that a handler passed on. */
struct fault {
	int code;
	ap_addr address, pc;
	bool present;
};

/* siginfo and registers of a kernel signal frame whose ucontext is at `a`. */
static bool signal_frame_at(struct verdict_job *job, ap_addr a, struct fault *ret)
{
	const struct ap_image *image = job->core->image;
	uint32_t signo, code;
	uint64_t address, pc;

	if (!ap_image_u32(image, a + UCONTEXT_BYTES, &signo) ||
	    (int)signo != job->process->signal ||
	    !ap_image_u32(image, a + UCONTEXT_BYTES + 8, &code) || (int)code <= 0 ||
	    !ap_image_u64(image, a + UCONTEXT_BYTES + 16, &address) ||
	    !ap_image_u64(image, a + UCONTEXT_RIP, &pc))
		return false;
	*ret = (struct fault){(int)code, address, pc, true};
	return true;
}

/*
 * Node handles SIGSEGV itself (WebAssembly traps) and raises it again when it was not one: the
 * core's siginfo then speaks of that. The kernel's frame for the first one is still on the stack if
 * the handler is, else below it: the registers that it restored prove it.
 */
static struct ap_err *fault_before_handler(struct verdict_job *job, struct fault *ret)
{
	const struct ap_image *image = job->core->image;
	ap_native_frame_vec native = {0};
	const struct ap_thread *threads;
	bool broken;
	size_t n;

	threads = ap_image_threads(image, &n);
	AP_TRY(ap_unwind_thread(job->core->unwind, &threads[0], NULL, 0, MAX_NATIVE, job->arena,
				&native, &broken));
	for (size_t i = 1; i < native.n; i++) {
		if (native.at[i].exact_pc && signal_frame_at(job, native.at[i - 1].sp, ret))
			return NULL;
	}
	ap_addr rsp = threads[0].regs[AP_REG_RSP];
	for (ap_addr a = rsp - UCONTEXT_BYTES; a > rsp - MAX_STALE_BYTES; a -= 8) {
		uint64_t sp, pc;

		if (ap_image_u64(image, a + UCONTEXT_RSP, &sp) && sp == rsp &&
		    ap_image_u64(image, a + UCONTEXT_RIP, &pc) &&
		    pc == threads[0].regs[AP_REG_RIP] && signal_frame_at(job, a, ret))
			return NULL;
	}
	return NULL;
}

static struct ap_err *verdict_signal(struct verdict_job *job)
{
	const struct ap_core_siginfo *si = &job->process->siginfo;
	int signal = job->process->signal;
	const char *abbrev = sigabbrev_np(signal);
	const struct ap_frame *top = job->frames.n ? &job->frames.at[0] : NULL;
	struct fault fault = {si->code, si->address, top ? top->pc : 0, si->present};
	char where[256] = "";

	if (is_address_fault(signal) && si->present && si->code <= 0 &&
	    si->sender == job->process->pid)
		AP_TRY(fault_before_handler(job, &fault));
	if (fault.present && fault.code <= 0 && si->sender)
		return verdict_say(job, AP_VERDICT_SIGNAL, AP_CERTAIN,
				   "Killed by SIG%s sent by %s %d", abbrev ? abbrev : "?",
				   si->sender == job->process->pid ? "itself, pid" : "process",
				   si->sender);
	for (size_t i = 0; i < job->frames.n; i++) {
		if (job->frames.at[i].pc == fault.pc) {
			top = &job->frames.at[i];
			break;
		}
	}
	if (top && top->kind == AP_FRAME_NATIVE && top->symbol.s)
		snprintf(where, sizeof(where), " in %.*s (%.*s)", AP_TEXT_ARG(top->symbol),
			 AP_TEXT_ARG(top->module));
	else if (top && top->kind == AP_FRAME_NATIVE && top->module.s)
		snprintf(where, sizeof(where), " in %.*s", AP_TEXT_ARG(top->module));
	else if (top)
		snprintf(where, sizeof(where), " in JavaScript code");
	if (is_address_fault(signal) && fault.present)
		return verdict_say(job, AP_VERDICT_SIGNAL, AP_CERTAIN,
				   "Crashed with SIG%s%s: %s 0x%llx", abbrev ? abbrev : "?", where,
				   signal == SIGSEGV || signal == SIGBUS ? "bad access to address"
									 : "instruction at",
				   (unsigned long long)fault.address);
	return verdict_say(job, AP_VERDICT_SIGNAL, AP_CERTAIN, "Ended by signal SIG%s%s",
			   abbrev ? abbrev : "?", where);
}

struct ap_err *ap_core_verdict(struct ap_model *model, struct ap_arena *arena,
			       struct ap_verdict *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	const struct ap_process *process = ap_image_process(core->image);
	const struct ap_frames_options options = {
		.native = true, .values = true, .limit = MAX_NATIVE};
	struct ap_verdict out = {.kind = AP_VERDICT_UNKNOWN, .certainty = AP_GUESS};
	struct verdict_job job = {core, arena, process, {0}, &out};
	bool done = false;

	if (!process->died) {
		AP_TRY(verdict_say(&job, AP_VERDICT_LIVE, AP_CERTAIN,
				   "Nothing crashed: this is a picture of a live process"));
		*ret = out;
		return NULL;
	}
	AP_TRY(ap_core_frames(model, 0, &options, arena, &job.frames));
	AP_TRY(verdict_out_of_heap(&job, &done));
	if (!done)
		AP_TRY(verdict_uncaught(&job, &done));
	if (!done)
		AP_TRY(process->signal == SIGABRT ? verdict_abort(&job) : verdict_signal(&job));
	*ret = out;
	return NULL;
}
