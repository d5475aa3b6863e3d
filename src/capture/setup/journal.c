#include "capture/setup/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_read.h"
#include "os/outfile.h"

enum { SETTING_BYTES = 1 << 20, JOURNAL_BYTES = 16 << 20, MAX_CHANGES = 1000 };

static const char *settings_dir;

void ap_settings_below(const char *dir)
{
	settings_dir = dir;
}

/* Where the file of that name really is. */
static const char *real_path(const char *path, char buf[static 4096])
{
	if (!settings_dir || strncmp(path, "/proc/sys/", 10) != 0)
		return path;
	snprintf(buf, 4096, "%s/%s", settings_dir, path + 10);
	return buf;
}

static bool is_there(const char *path)
{
	char real[4096];

	return access(real_path(path, real), F_OK) == 0;
}

bool ap_setting_read(const char *path, struct ap_str *out)
{
	char real[4096];
	int fd = open(real_path(path, real), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char buf[4096];
	ssize_t n = -1;

	while (fd >= 0 && out->n < SETTING_BYTES && (n = read(fd, buf, sizeof(buf))) > 0)
		ap_str_add(out, buf, (size_t)n);
	if (fd >= 0)
		close(fd);
	return n == 0 && !out->failed;
}

static bool is_kernel(const char *path)
{
	return strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0;
}

/* A setting in one write; a file by rename, so that a reader sees the old or the new one. */
static int put(const char *path, struct ap_text bytes)
{
	char temp[4096 + 16], real[4096];
	int e = 0;

	if (!is_kernel(path))
		snprintf(temp, sizeof(temp), "%s.autopsy-new", path);
	else
		snprintf(temp, sizeof(temp), "%s", real_path(path, real));
	int fd = open(temp,
		      (is_kernel(path) ? O_WRONLY : O_WRONLY | O_CREAT | O_TRUNC) | O_NOFOLLOW |
			      O_CLOEXEC,
		      0644);
	if (fd < 0)
		return errno;
	if (bytes.n && write(fd, bytes.s, bytes.n) != (ssize_t)bytes.n)
		e = errno ? errno : EIO;
	if (!e && !is_kernel(path) && fsync(fd) < 0)
		e = errno;
	if (close(fd) < 0 && !e)
		e = errno;
	if (!e && !is_kernel(path) && rename(temp, path) < 0)
		e = errno;
	if (e && !is_kernel(path))
		(void)unlink(temp);
	return e;
}

/* Bytes as hex: a core_pattern may hold anything. */
static void put_hex(struct ap_json *j, const char *key, struct ap_text text)
{
	AP_STR_AUTO hex = {0};

	for (size_t i = 0; i < text.n; i++)
		ap_str_addf(&hex, "%02x", (uint8_t)text.s[i]);
	ap_json_text(j, key, (struct ap_text){hex.s ? hex.s : "", hex.n});
}

static struct ap_err *save(const struct ap_journal *journal)
{
	AP_STR_AUTO text = {0};
	struct ap_outfile file = {0};
	struct ap_json j;

	ap_json_init(&j, &text, NULL);
	ap_json_array(&j, NULL);
	for (size_t i = 0; i < journal->changes.n; i++) {
		const struct ap_change *c = &journal->changes.at[i];

		ap_json_object(&j, NULL);
		ap_json_cstr(&j, "path", c->path);
		ap_json_bool(&j, "existed", c->existed);
		ap_json_bool(&j, "made_directory", c->made_directory);
		put_hex(&j, "before", c->before);
		put_hex(&j, "after", c->after);
		ap_json_end_object(&j);
	}
	ap_json_end_array(&j);
	ap_json_newline(&j);
	if (text.failed)
		return &ap_err_nomem;
	AP_TRY(ap_outfile_open(journal->path, true, &file));
	struct ap_err *err = ap_write_all(file.fd, text.s, text.n);
	if (!err)
		err = ap_outfile_commit(&file, true, true);
	ap_outfile_close(&file);
	return err;
}

static bool read_hex(struct ap_json_reader *r, struct ap_arena *arena, struct ap_text *ret)
{
	struct ap_text hex;

	if (!ap_json_read_text(r, &hex))
		return false;
	char *bytes = hex.n % 2 ? NULL : ap_alloc(arena, hex.n / 2 + 1);
	if (!bytes)
		return ap_json_read_fail(r, "this is no hex");
	for (size_t i = 0; i < hex.n / 2; i++) {
		char pair[3] = {hex.s[2 * i], hex.s[2 * i + 1], '\0'}, *end;

		bytes[i] = (char)strtoul(pair, &end, 16);
		if (*end || pair[0] == '-' || pair[0] == '+' || pair[0] == ' ')
			return ap_json_read_fail(r, "this is no hex");
	}
	*ret = (struct ap_text){bytes, hex.n / 2};
	return true;
}

static bool read_change(struct ap_json_reader *r, struct ap_arena *arena, struct ap_change *ret)
{
	struct ap_text key, text;
	bool first = true;

	if (!ap_json_read_token(r, '{'))
		return false;
	while (ap_json_read_more(r, &first, '}') && ap_json_read_key(r, &key)) {
		if (ap_text_is(key, "path") && ap_json_read_text(r, &text))
			ret->path = ap_strndup(arena, text.s, text.n);
		else if (ap_text_is(key, "before"))
			(void)read_hex(r, arena, &ret->before);
		else if (ap_text_is(key, "after"))
			(void)read_hex(r, arena, &ret->after);
		else if (ap_text_is(key, "existed")) {
			ret->existed = ap_json_peek(r) == 't';
			(void)ap_json_read_skip(r);
		} else if (ap_text_is(key, "made_directory")) {
			ret->made_directory = ap_json_peek(r) == 't';
			(void)ap_json_read_skip(r);
		} else
			(void)ap_json_read_skip(r);
	}
	if (!r->failed && (!ret->path || ret->path[0] != '/'))
		return ap_json_read_fail(r, "a change without a path");
	return !r->failed;
}

struct ap_err *ap_journal_parse(const char *text, size_t bytes, struct ap_journal *journal)
{
	struct ap_json_memory memory = {text, bytes};
	struct ap_json_reader r;
	bool first = true;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 2 * SETTING_BYTES + 2);
	if (ap_json_read_token(&r, '[')) {
		while (ap_json_read_more(&r, &first, ']')) {
			struct ap_change c = {.before = {"", 0}, .after = {"", 0}};

			if (!read_change(&r, &journal->arena, &c))
				break;
			if (journal->changes.n == MAX_CHANGES ||
			    !ap_vec_push(&journal->arena, &journal->changes, c)) {
				(void)ap_json_read_fail(&r, "too many changes");
				break;
			}
		}
	}
	(void)ap_json_read_end(&r);
	struct ap_err *err = ap_json_read_error(&r);
	ap_json_read_close(&r);
	return err;
}

struct ap_err *ap_journal_open(const char *path, struct ap_journal *ret_journal)
{
	struct ap_journal journal = {.path = ""};
	AP_STR_AUTO text = {0};
	struct ap_err *err = NULL;

	if (strlen(path) >= sizeof(journal.path))
		return ap_err_new(AP_E_USAGE, "the journal's name is too long");
	memcpy(journal.path, path, strlen(path) + 1);
	ap_arena_init(&journal.arena, 2 * (size_t)JOURNAL_BYTES);
	if (access(path, F_OK) == 0) {
		if (!ap_setting_read(path, &text))
			err = ap_err_errno(errno, "cannot read %s", path);
		else
			err = ap_err_wrap(ap_journal_parse(text.s ? text.s : "", text.n, &journal),
					  "%s is damaged", path);
	}
	if (err)
		ap_journal_close(&journal);
	else
		*ret_journal = journal;
	return ap_err_hint(err, "look into it by hand: it says what was set before (in hex)");
}

void ap_journal_close(struct ap_journal *journal)
{
	ap_arena_close(&journal->arena);
}

static bool keep_text(struct ap_arena *arena, struct ap_text text, struct ap_text *ret)
{
	char *copy = ap_alloc(arena, text.n + 1);

	if (copy && text.n)
		memcpy(copy, text.s, text.n);
	*ret = (struct ap_text){copy, text.n};
	return copy;
}

/* The directory that a file stands in; false for the root's. */
static bool directory_of(const char *path, char ret[static 4096])
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path || slash - path >= 4096)
		return false;
	memcpy(ret, path, (size_t)(slash - path));
	ret[slash - path] = '\0';
	return true;
}

static bool lacks_directory(const char *path)
{
	char dir[4096];

	return !is_kernel(path) && directory_of(path, dir) && access(dir, F_OK) != 0 &&
	       errno == ENOENT;
}

static void drop_directory(const struct ap_change *c)
{
	char dir[4096];

	if (c->made_directory && directory_of(c->path, dir))
		(void)rmdir(dir); /* what somebody else put there keeps it */
}

struct ap_err *ap_journal_change(struct ap_journal *journal, const char *path, struct ap_text after)
{
	struct ap_change *known = NULL, fresh = {.existed = is_there(path),
						 .made_directory = lacks_directory(path)};
	AP_STR_AUTO now = {0};

	if (fresh.existed && !ap_setting_read(path, &now))
		return ap_err_errno(errno, "cannot read %s", path);
	if (fresh.existed && ap_text_eq((struct ap_text){now.s, now.n}, after))
		return NULL;
	for (size_t i = 0; i < journal->changes.n; i++) {
		if (strcmp(journal->changes.at[i].path, path) == 0)
			known = &journal->changes.at[i];
	}
	if (known) {
		/* Not ours any more: what stands there now is what belongs there when we go. */
		bool foreign = !ap_text_eq((struct ap_text){now.s, now.n}, known->after);

		if (foreign) {
			known->existed = fresh.existed;
			if (!keep_text(&journal->arena, (struct ap_text){now.s ? now.s : "", now.n},
				       &known->before))
				return &ap_err_nomem;
		}
		known->made_directory = known->made_directory || fresh.made_directory;
		if (!keep_text(&journal->arena, after, &known->after))
			return &ap_err_nomem;
	} else {
		fresh.path = ap_strdup(&journal->arena, path);
		if (!fresh.path ||
		    !keep_text(&journal->arena, (struct ap_text){now.s ? now.s : "", now.n},
			       &fresh.before) ||
		    !keep_text(&journal->arena, after, &fresh.after) ||
		    !ap_vec_push(&journal->arena, &journal->changes, fresh))
			return &ap_err_nomem;
	}
	AP_TRY(save(journal));
	if (fresh.made_directory)
		ap_make_parents(path, 0755);
	int e = put(path, after);
	return e ? ap_err_errno(e, "cannot write %s", path) : NULL;
}

enum ap_restored ap_journal_restore(const struct ap_change *c, int *ret_errno)
{
	AP_STR_AUTO now = {0};
	bool exists = is_there(c->path);

	*ret_errno = 0;
	if (exists && !ap_setting_read(c->path, &now)) {
		*ret_errno = errno;
		return AP_RESTORED_FAILED;
	}
	struct ap_text held = {now.s ? now.s : "", now.n};
	if (exists == c->existed && ap_text_eq(held, c->before)) {
		if (!exists)
			drop_directory(c);
		return AP_RESTORED_WAS;
	}
	/* What the kernel shows may end in a line's end that was not written. */
	struct ap_text bare = held, ours = c->after;
	while (bare.n && bare.s[bare.n - 1] == '\n')
		bare.n--;
	while (ours.n && ours.s[ours.n - 1] == '\n')
		ours.n--;
	if (!exists || !ap_text_eq(bare, ours))
		return AP_RESTORED_FOREIGN;
	if (c->existed) {
		*ret_errno = put(c->path, c->before);
	} else {
		*ret_errno = unlink(c->path) < 0 ? errno : 0;
		drop_directory(c);
	}
	return *ret_errno ? AP_RESTORED_FAILED : AP_RESTORED;
}

struct ap_err *ap_journal_remove(struct ap_journal *journal)
{
	if (unlink(journal->path) < 0 && errno != ENOENT)
		return ap_err_errno(errno, "cannot remove %s", journal->path);
	journal->changes.n = 0;
	return NULL;
}
