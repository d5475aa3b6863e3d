#include "ship/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 64 << 10 };

/* The names that a key goes by: Amazon's, and those of core-dump-handler's secret. */
static const char *const access_names[] = {"aws_access_key_id", "access_key", "s3_access_key",
					   "s3AccessKey"};
static const char *const secret_names[] = {"aws_secret_access_key", "secret_key", "s3_secret",
					   "s3Secret"};
static const char *const token_names[] = {"aws_session_token", "session_token", "s3SessionToken"};

static bool one_of(const char *name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(name, list[i]) == 0)
			return true;
	}
	return false;
}

#define ONE_OF(name, list) one_of(name, list, sizeof(list) / sizeof((list)[0]))

static bool set(struct ap_s3_keys *keys, const char *name, const char *value,
		struct ap_arena *arena)
{
	const char **field = ONE_OF(name, access_names)   ? &keys->access_key
			     : ONE_OF(name, secret_names) ? &keys->secret_key
			     : ONE_OF(name, token_names)  ? &keys->token
							  : NULL;

	return !field || !*value || (*field = ap_strdup(arena, value)) != NULL;
}

static char *trimmed(char *s)
{
	s += strspn(s, " \t\r\n");
	size_t n = strlen(s);
	while (n && strchr(" \t\r\n", s[n - 1]))
		s[--n] = '\0';
	return s;
}

struct ap_err *ap_keys_parse(const char *text, size_t bytes, const char *profile,
			     struct ap_arena *arena, struct ap_s3_keys *ret_keys)
{
	struct ap_s3_keys keys = {.access_key = NULL};
	const char *end = bytes ? text + bytes : text;
	bool ours = true;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		char *copy = malloc(n + 1);

		if (!copy)
			return &ap_err_nomem;
		memcpy(copy, text, n);
		copy[n] = '\0';
		char *line = trimmed(copy), *equals = strchr(line, '=');
		bool ok = true;
		if (*line == '[') {
			size_t k = strlen(profile);

			ours = strncmp(line + 1, profile, k) == 0 && strcmp(line + 1 + k, "]") == 0;
		} else if (*line != '#' && equals && ours) {
			*equals = '\0';
			ok = set(&keys, trimmed(line), trimmed(equals + 1), arena);
		}
		explicit_bzero(copy, n);
		free(copy);
		if (!ok)
			return &ap_err_nomem;
		text += n + (newline != NULL);
	}
	*ret_keys = keys;
	return NULL;
}

static struct ap_err *read_small(const char *path, struct ap_str *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct ap_err *err = NULL;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", path);
	while ((n = read(fd, buf, sizeof(buf))) > 0 && out->n < FILE_BYTES)
		ap_str_add(out, buf, (size_t)n);
	if (n < 0)
		err = ap_err_errno(errno, "cannot read %s", path);
	close(fd);
	return err ? err : out->failed ? &ap_err_nomem : NULL;
}

/* A file for each key, as Kubernetes mounts a secret. */
static struct ap_err *from_directory(const char *path, struct ap_arena *arena,
				     struct ap_s3_keys *keys)
{
	static const struct {
		const char *const *names;
		size_t n;
	} all[] = {{access_names, sizeof(access_names) / sizeof(access_names[0])},
		   {secret_names, sizeof(secret_names) / sizeof(secret_names[0])},
		   {token_names, sizeof(token_names) / sizeof(token_names[0])}};

	for (size_t k = 0; k < sizeof(all) / sizeof(all[0]); k++) {
		for (size_t i = 0; i < all[k].n; i++) {
			AP_STR_AUTO text = {0};
			char file[PATH_MAX];

			snprintf(file, sizeof(file), "%s/%s", path, all[k].names[i]);
			AP_ERR_AUTO missing = read_small(file, &text);
			if (!missing && text.n &&
			    !set(keys, all[k].names[i], trimmed(text.s), arena))
				return &ap_err_nomem;
		}
	}
	return NULL;
}

static struct ap_err *from_path(const char *path, struct ap_arena *arena, struct ap_s3_keys *keys)
{
	const char *profile = getenv("AWS_PROFILE");
	AP_STR_AUTO text = {0};
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return from_directory(path, arena, keys);
	AP_TRY(read_small(path, &text));
	return ap_keys_parse(text.s, text.n, profile && *profile ? profile : "default", arena,
			     keys);
}

static const char *variable(const char *a, const char *b)
{
	const char *value = getenv(a);

	if (!value || !*value)
		value = b ? getenv(b) : NULL;
	return value && *value ? value : NULL;
}

struct ap_err *ap_keys_find(const char *path, struct ap_arena *arena, struct ap_s3_keys *ret_keys)
{
	const char *access = variable("AWS_ACCESS_KEY_ID", "S3_ACCESS_KEY");
	const char *secret = variable("AWS_SECRET_ACCESS_KEY", "S3_SECRET");
	struct ap_s3_keys keys = {.access_key = NULL};
	char usual[PATH_MAX];

	if (path && *path) {
		AP_TRY(from_path(path, arena, &keys));
		if (!keys.access_key || !keys.secret_key)
			return ap_err_hint(
				ap_err_new(AP_E_USAGE, "%s holds no keys", path),
				"aws_access_key_id = ... and aws_secret_access_key = ..., a line each");
	} else if (access && secret) {
		const char *token = variable("AWS_SESSION_TOKEN", NULL);

		if (!set(&keys, "access_key", access, arena) ||
		    !set(&keys, "secret_key", secret, arena) ||
		    (token && !set(&keys, "session_token", token, arena)))
			return &ap_err_nomem;
	} else {
		const char *file = variable("AWS_SHARED_CREDENTIALS_FILE", NULL),
			   *home = variable("HOME", NULL);

		if (!file && home)
			snprintf(usual, sizeof(usual), "%s/.aws/credentials", home);
		if (file || home) {
			/* Not there: there are no keys, which is said by who needs them. */
			AP_ERR_AUTO missing = from_path(file ? file : usual, arena, &keys);
			if (missing)
				keys = (struct ap_s3_keys){.access_key = NULL};
		}
	}
	*ret_keys = keys;
	return NULL;
}
