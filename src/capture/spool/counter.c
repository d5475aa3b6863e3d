#include "capture/spool/counter.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/json_read.h"

enum { MAX_PROGRAMS = 4096, CONTAINER_ID_DIGITS = 32 };

void ap_program_key(const char *exe, uint64_t uid, const char *cgroup,
		    char ret_key[static AP_PROGRAM_KEY_SIZE])
{
	uint64_t h = AP_FNV1A;

	h = ap_fnv1a(h, exe, strlen(exe) + 1);
	h = ap_fnv1a(h, &uid, sizeof(uid));
	/* Without the container's id, 64 hex digits as a rule: every restart has a new one. */
	for (const char *p = cgroup; *p;) {
		size_t n = 0;

		while (isxdigit((unsigned char)p[n]))
			n++;
		if (n < CONTAINER_ID_DIGITS)
			h = ap_fnv1a(h, p, n ? n : 1);
		p += n ? n : 1;
	}
	snprintf(ret_key, AP_PROGRAM_KEY_SIZE, "%016llx", (unsigned long long)h);
}

static void parse(const struct ap_str *text, struct ap_counter *ret)
{
	struct ap_json_memory memory = {text->s, text->n};
	struct ap_json_reader r;
	struct ap_counter c = {0};
	struct ap_text key;
	bool first = true;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 256);
	if (ap_json_read_token(&r, '{')) {
		while (ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
			uint64_t *to = ap_text_is(key, "count")       ? &c.count
				       : ap_text_is(key, "full")      ? &c.full
				       : ap_text_is(key, "in_window") ? &c.full_in_window
				       : ap_text_is(key, "seen")      ? &c.seen_in_window
								      : NULL;
			double *when = ap_text_is(key, "first")    ? &c.first
				       : ap_text_is(key, "last")   ? &c.last
				       : ap_text_is(key, "window") ? &c.window
								   : NULL;
			uint64_t v = 0;

			if (to)
				(void)ap_json_read_uint(&r, to);
			else if (when && ap_json_read_uint(&r, &v))
				*when = (double)v;
			else if (!when)
				(void)ap_json_read_skip(&r);
		}
		if (ap_json_read_end(&r))
			*ret = c;
	}
	ap_err_free(ap_json_read_error(&r));
	ap_json_read_close(&r);
}

static void name_of(const char *key, char name[static 32])
{
	snprintf(name, 32, "%.16s.json", key);
}

void ap_counter_read(const struct ap_spool *spool, const char *key, struct ap_counter *ret_counter)
{
	AP_STR_AUTO text = {0};
	char name[32];
	int dir = openat(spool->root, "counters", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	*ret_counter = (struct ap_counter){0};
	if (dir < 0)
		return;
	name_of(key, name);
	AP_ERR_AUTO err = ap_dir_read(dir, name, 4096, &text);
	if (!err)
		parse(&text, ret_counter);
	close(dir);
}

static struct ap_err *write_counter(int dir, const char *name, const struct ap_counter *c)
{
	AP_STR_AUTO text = {0};
	struct ap_json j;

	ap_json_init(&j, &text, NULL);
	ap_json_object(&j, NULL);
	ap_json_uint(&j, "count", c->count);
	ap_json_uint(&j, "full", c->full);
	ap_json_uint(&j, "first", (uint64_t)c->first);
	ap_json_uint(&j, "last", (uint64_t)c->last);
	ap_json_uint(&j, "window", (uint64_t)c->window);
	ap_json_uint(&j, "in_window", c->full_in_window);
	ap_json_uint(&j, "seen", c->seen_in_window);
	ap_json_end_object(&j);
	ap_json_newline(&j);
	return text.failed ? &ap_err_nomem : ap_dir_write(dir, name, text.s, text.n);
}

struct ap_err *ap_counter_add(const struct ap_spool *spool, const char *key, double now,
			      uint64_t rate, double seconds, bool *ret_full,
			      struct ap_counter *ret_counter)
{
	AP_STR_AUTO text = {0};
	struct ap_counter c = {0};
	char name[32];
	int dir;

	AP_TRY(ap_spool_directory(spool, "counters", &dir));
	name_of(key, name);
	(void)flock(dir, LOCK_EX);
	AP_ERR_AUTO missing = ap_dir_read(dir, name, 4096, &text);
	if (!missing)
		parse(&text, &c);
	else /* a spray of programs, each crashing once, must not fill the disk */
		ap_dir_make_room(dir, MAX_PROGRAMS);
	/* Also after a clock that was set back. */
	if (!c.count || now >= c.window + seconds || now < c.window) {
		c.window = floor(now);
		c.full_in_window = c.seen_in_window = 0;
	}
	bool full = !rate || c.full_in_window < rate;
	c.count++;
	c.seen_in_window++;
	c.full += full;
	c.full_in_window += full;
	c.first = c.first > 0 ? c.first : now;
	c.last = now;
	struct ap_err *err = write_counter(dir, name, &c);
	close(dir);
	if (err)
		return err;
	*ret_full = full;
	*ret_counter = c;
	return NULL;
}
