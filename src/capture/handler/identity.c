#include "capture/handler/identity.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { CONTAINER_DIGITS = 64, UUID_CHARS = 36, MAX_PODS = 100000 };

static void copy(char *to, size_t size, const char *from, size_t n)
{
	if (n >= size)
		n = size - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

/* 64 hex digits that no further one adjoins. */
static const char *find_container(const char *s)
{
	for (; *s; s++) {
		size_t n = 0;

		while (isxdigit((unsigned char)s[n]))
			n++;
		if (n == CONTAINER_DIGITS)
			return s;
		if (n)
			s += n - 1;
	}
	return NULL;
}

/* "podUID" with the dashes of a uuid, or the underscores that systemd's names need in their place.
 */
static void find_pod_uid(const char *s, char *to, size_t size)
{
	for (const char *p = s; (p = strstr(p, "pod")); p += 3) {
		size_t n = 0;

		for (; n < UUID_CHARS; n++) {
			bool dash = n == 8 || n == 13 || n == 18 || n == 23;
			char c = p[3 + n];

			if (dash ? c != '-' && c != '_' : !isxdigit((unsigned char)c))
				break;
		}
		if (n == UUID_CHARS) {
			copy(to, size, p + 3, n);
			for (char *q = to; *q; q++)
				*q = *q == '_' ? '-' : *q;
			return;
		}
		/* A static pod's uid is a hash of 32 digits without dashes. */
		for (n = 0; isxdigit((unsigned char)p[3 + n]); n++)
			;
		if (n == 32) {
			copy(to, size, p + 3, n);
			return;
		}
	}
}

void ap_identity_parse(const char *text, size_t bytes, struct ap_identity *ret_identity)
{
	struct ap_identity id = {.cgroup = ""};
	const char *end = text + bytes;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		/* "0::/path", "4:memory:/path": the path may hold anything, colons as well. */
		const char *colon = memchr(text, ':', n);
		const char *path =
			colon ? memchr(colon + 1, ':', n - (size_t)(colon + 1 - text)) : NULL;
		size_t length = path ? n - (size_t)(path + 1 - text) : 0;

		/* systemd, memory and the like lie in the deepest group, others may stay above. */
		if (path && length > strlen(id.cgroup))
			copy(id.cgroup, sizeof(id.cgroup), path + 1, length);
		text += n + (newline != NULL);
	}
	const char *container = find_container(id.cgroup);
	if (container) {
		copy(id.container, sizeof(id.container), container, CONTAINER_DIGITS);
		const char *start = container;
		while (start > id.cgroup && start[-1] != '/')
			start--;
		if (container - start > 1 && container[-1] == '-')
			copy(id.runtime, sizeof(id.runtime), start,
			     (size_t)(container - 1 - start));
	}
	find_pod_uid(id.cgroup, id.pod_uid, sizeof(id.pod_uid));
	*ret_identity = id;
}

void ap_identity_find_pod(const char *dir, struct ap_identity *identity)
{
	DIR *d = identity->pod_uid[0] ? opendir(dir) : NULL;
	size_t n = 0;

	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d)) && n < MAX_PODS; n++) {
		const char *uid = strrchr(e->d_name, '_'), *name = strchr(e->d_name, '_');

		if (!uid || uid == name || strcmp(uid + 1, identity->pod_uid) != 0)
			continue;
		copy(identity->namespace_, sizeof(identity->namespace_), e->d_name,
		     (size_t)(name - e->d_name));
		copy(identity->pod, sizeof(identity->pod), name + 1, (size_t)(uid - name - 1));
		break;
	}
	closedir(d);
}
