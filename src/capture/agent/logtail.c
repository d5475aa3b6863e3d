#include "capture/agent/logtail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mask.h"

enum { MOST_BYTES = 1 << 20 };

struct ap_err *ap_log_open(const char *root, const char *path, int *ret_fd)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	size_t n = strlen(root);
	struct stat st;

	while (n && root[n - 1] == '/')
		n--;
	if (strncmp(path, root, n) != 0 || path[n] != '/')
		return ap_err_hint(ap_err_new(AP_E_IO, "the log %s is not below %s", path, root),
				   "pod_logs names the directory");
	path += n + strspn(path + n, "/");
	/* The root itself is the operator's: it may be a link. */
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return ap_err_errno(errno, "cannot open %s", root);
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	int e = errno;
	close(dir);
	if (fd < 0)
		return e == ELOOP
			       ? ap_err_new(
					 AP_E_IO,
					 "the log %s leads through a link, which is not followed",
					 path)
			       : ap_err_errno(e, "cannot open the log %s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return ap_err_new(AP_E_IO, "the log %s is no file", path);
	}
	*ret_fd = fd;
	return NULL;
}

struct ap_err *ap_log_tail(int fd, uint64_t lines, struct ap_str *out, struct ap_log_tail *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return ap_err_errno(errno, "cannot read the log");
	off_t from = st.st_size > MOST_BYTES ? st.st_size - MOST_BYTES : 0;
	char *text = malloc(MOST_BYTES);
	size_t n = 0;
	if (!text)
		return &ap_err_nomem;
	while (n < MOST_BYTES) {
		ssize_t got = pread(fd, text + n, MOST_BYTES - n, from + (off_t)n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	ap_log_tail_of((struct ap_text){text, n}, from == 0, lines, out, ret);
	free(text);
	return out->failed ? &ap_err_nomem : NULL;
}

/* Behind "TIME STREAM FLAGS ", if that is how the line begins; *ret_part: it goes on in the next
 * one. */
static struct ap_text content(struct ap_text line, bool *ret_part)
{
	const char *s = line.s, *end = line.s + line.n;
	const char *stream = memchr(s, ' ', line.n), *flags, *text;

	*ret_part = false;
	if (!stream || stream - s < 20 || s[4] != '-' || s[10] != 'T')
		return line;
	stream++;
	flags = memchr(stream, ' ', (size_t)(end - stream));
	if (!flags || flags - stream != 6 ||
	    (memcmp(stream, "stdout", 6) != 0 && memcmp(stream, "stderr", 6) != 0))
		return line;
	flags++;
	text = memchr(flags, ' ', (size_t)(end - flags));
	if (!text || (*flags != 'F' && *flags != 'P'))
		return line;
	*ret_part = *flags == 'P';
	return (struct ap_text){text + 1, (size_t)(end - text - 1)};
}

static struct ap_text next_line(const char **p, const char *end)
{
	const char *newline = memchr(*p, '\n', (size_t)(end - *p));
	struct ap_text line = {*p, (size_t)((newline ? newline : end) - *p)};

	*p = newline ? newline + 1 : end;
	return line;
}

void ap_log_tail_of(struct ap_text text, bool whole, uint64_t lines, struct ap_str *out,
		    struct ap_log_tail *ret)
{
	const char *p = text.s, *end = ap_text_end(text), *start;
	AP_STR_AUTO plain = {0};
	uint64_t n = 0, skip = 0;
	bool part = false;

	if (!text.n) {
		*ret = (struct ap_log_tail){.more = !whole};
		return;
	}
	if (!whole)
		(void)next_line(&p, end);
	start = p;
	while (p < end) {
		(void)content(next_line(&p, end), &part);
		n += !part;
	}
	n += part; /* the last one was never finished */
	skip = n > lines ? n - lines : 0;
	*ret = (struct ap_log_tail){n - skip, skip || !whole};
	for (p = start; p < end;) {
		struct ap_text line = content(next_line(&p, end), &part);

		if (!skip) {
			ap_str_add(&plain, line.s, line.n);
			if (!part)
				ap_str_addc(&plain, '\n');
		} else {
			skip -= !part;
		}
	}
	if (part && plain.n)
		ap_str_addc(&plain, '\n');
	/* All at once: a private key has many lines. */
	ap_mask_preview(out, (struct ap_text){plain.s ? plain.s : "", plain.n});
	out->failed = out->failed || plain.failed;
}
