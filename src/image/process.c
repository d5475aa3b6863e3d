/*
 * Who the process was: program, arguments, environment, and what ended it.
 *
 * Arguments and environment are read from the initial stack, found by the auxiliary vector that
 * the core also carries as a note; the program may have written over them (process.title).
 */
#include <signal.h>

#include "image/image_private.h"

/* Linux's own limits: 128 kB for one string, 6 MB for all of them. */
enum { MAX_STRINGS = 65536, MAX_STRING_BYTES = 128 * 1024, MAX_ALL_BYTES = 6 << 20 };

/* The address of the auxiliary vector on the initial stack, or 0. */
static ap_addr process_find_auxv(const struct ap_image *image)
{
	ap_addr anchor = ap_core_auxv(&image->notes, AT_RANDOM);
	const Elf64_auxv_t *want = image->notes.auxv.at;

	if (!anchor || image->notes.auxv.n < 3)
		return 0;
	for (ap_addr a = anchor & ~7ull, end = a > 65536 ? a - 65536 : 0; a > end; a -= 8) {
		uint64_t w[6];

		if (ap_image_read(image, a, w, sizeof(w)) && memcmp(w, want, sizeof(w)) == 0)
			return a;
	}
	return 0;
}

/* Reads the NULL-ended pointer array that ends just before `end`. */
static const char **process_strings(struct ap_image *image, ap_addr end, ap_addr *ret_start)
{
	AP_VEC(const char *) out = {0};
	ap_addr a = end;
	uint64_t p;
	size_t n = 0, bytes = 0;

	while (n < MAX_STRINGS && ap_image_u64(image, a - 8, &p) && p > 65536) {
		a -= 8;
		n++;
	}
	*ret_start = a;
	for (size_t i = 0; i < n && bytes < MAX_ALL_BYTES; i++) {
		const char *s = NULL;

		if (ap_image_u64(image, a + 8 * i, &p))
			s = ap_image_cstr(image, p, MAX_STRING_BYTES, &image->arena);
		bytes += s ? strlen(s) + 1 : 1;
		if (!ap_vec_push(&image->arena, &out, s ? s : ""))
			return NULL;
	}
	return ap_vec_push(&image->arena, &out, NULL) ? out.at : NULL;
}

static bool signal_kills_with_core(int signal, const struct ap_core_notes *notes)
{
	switch (signal) {
	case SIGABRT:
	case SIGSEGV:
	case SIGBUS:
	case SIGILL:
	case SIGFPE:
	case SIGSYS:
	case SIGQUIT:
	case SIGXCPU:
	case SIGXFSZ:
		return true;
	case SIGTRAP:
		/* V8's own checks end in an int3, which the kernel reports so; a debugger's stops
		 * carry codes of their own. */
		return !notes->made_by_gdb ||
		       (notes->siginfo.present && notes->siginfo.code == SI_KERNEL);
	default:
		return false;
	}
}

struct ap_err *ap_image_load_process(struct ap_image *image)
{
	const struct ap_core_notes *notes = &image->notes;
	const struct ap_module *main_module = ap_image_main_module(image);
	struct ap_process *p = &image->process;
	int signal = notes->threads.n ? notes->threads.at[0].signal : 0;

	*p = (struct ap_process){
		.pid = notes->pid,
		.ppid = notes->ppid,
		.uid = notes->uid,
		.gid = notes->gid,
		.fname = notes->fname,
		.psargs = notes->psargs,
		.exe = main_module ? main_module->path : NULL,
		.siginfo = notes->siginfo,
		.died = signal_kills_with_core(signal, notes),
	};
	if (p->died)
		p->signal = signal;
	if (!p->pid && notes->threads.n)
		p->pid = notes->threads.at[0].tid;
	ap_addr auxv = process_find_auxv(image);
	if (auxv) {
		ap_addr env_start, argv_start;

		p->env = process_strings(image, auxv - 8, &env_start);
		p->argv = process_strings(image, env_start - 8, &argv_start);
	}
	return NULL;
}
