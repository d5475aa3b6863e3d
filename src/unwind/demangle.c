#include <libiberty/demangle.h>
#include <setjmp.h>

#include "base/str.h"
#include "unwind/unwind.h"

/*
 * A name of 100 bytes can stand for a text of gigabytes (each substitution doubles the one before).
 * libiberty bounds its depth but not its output, and its callback cannot say "stop".
 */
enum { DEMANGLED_MAX = 8192 };

struct demangled {
	char text[DEMANGLED_MAX];
	size_t n;
	jmp_buf too_long;
};

static void demangled_add(const char *s, size_t n, void *arg)
{
	struct demangled *d = arg;

	/* The callback form of the demangler keeps all it has on its stack: leaving loses nothing.
	 */
	if (n > sizeof(d->text) - d->n)
		longjmp(d->too_long, 1);
	memcpy(d->text + d->n, s, n);
	d->n += n;
}

static bool demangle(const char *name, struct demangled *d)
{
	if (setjmp(d->too_long))
		return false;
	return cplus_demangle_v3_callback(name, DMGL_PARAMS | DMGL_ANSI, demangled_add, d);
}

const char *ap_demangle(const char *name, struct ap_arena *arena)
{
	struct demangled d = {.n = 0};

	if (name[0] != '_' || name[1] != 'Z' || !demangle(name, &d))
		return name;
	char *text = ap_strndup(arena, d.text, d.n);
	return text ? text : name;
}
