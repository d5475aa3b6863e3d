#include "capture/handler/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"

enum { LOG_BYTES = 1 << 20 };

void ap_handle_log(const struct ap_spool *spool, const char *fmt, ...)
{
	AP_STR_AUTO line = {0};
	char message[2048], when[32];
	time_t now = time(NULL);
	struct tm tm;
	struct stat st;
	va_list ap;

	if (spool->root < 0)
		return;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	if (!gmtime_r(&now, &tm) || !strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm))
		when[0] = '\0';
	ap_str_addf(&line, "%s %d ", when, (int)getpid());
	/* A process chooses its name: what acts on a terminal is escaped, a line stays a line. */
	ap_escape(&line, ap_text_of(message));
	ap_str_addc(&line, '\n');
	int fd = openat(spool->root, "handler.log",
			O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (!line.failed && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		(void)!write(fd, line.s, line.n);
		if (st.st_size > LOG_BYTES)
			(void)renameat(spool->root, "handler.log", spool->root, "handler.log.1");
	}
	close(fd);
}
