/*
 * Preloaded into Debian's node when its packages are unpacked in the cache and not installed: this
 * node reads a few of its built-in modules from /usr/share/nodejs, a path fixed when it was built.
 * Opens below it go to NODEJS_SHARE.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int redirected_open(const char *path, int flags, mode_t mode)
{
	static const char fixed[] = "/usr/share/nodejs/";
	const char *share = getenv("NODEJS_SHARE");
	char other[PATH_MAX];

	if (share != NULL && strncmp(path, fixed, sizeof(fixed) - 1) == 0) {
		int n = snprintf(other, sizeof(other), "%s/%s", share, path + sizeof(fixed) - 1);

		if (n > 0 && (size_t)n < sizeof(other))
			path = other;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return redirected_open(path, flags, (mode_t)mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
