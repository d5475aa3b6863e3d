/* /proc/PID/maps and smaps. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/proc.h"

/* vm.max_map_count is 65,530 unless raised; a million is beyond what anybody runs. */
enum { MAPPINGS_LIMIT = 1 << 20, LINE_MAX_BYTES = 16 * 1024 };

void ap_maps_close(struct ap_maps *maps)
{
	free(maps->at);
	ap_str_close(&maps->names);
	*maps = (struct ap_maps){0};
}

static uint64_t hex(const char **p)
{
	uint64_t v = 0;

	for (;; (*p)++) {
		unsigned c = (unsigned char)**p;

		if (c - '0' < 10)
			v = v << 4 | (c - '0');
		else if (c - 'a' < 6)
			v = v << 4 | (c - 'a' + 10);
		else
			return v;
	}
}

static bool names_add(struct ap_maps *maps, const char *s, size_t n, size_t *ret_at)
{
	const struct ap_mapping *last = maps->n ? &maps->at[maps->n - 1] : NULL;

	if (!maps->names.n)
		ap_str_addc(&maps->names, '\0'); /* so that 0 is no name */
	/* A library has five mappings in a row. */
	if (last && last->name && strlen(maps->names.s + last->name) == n &&
	    memcmp(maps->names.s + last->name, s, n) == 0) {
		*ret_at = last->name;
		return true;
	}
	*ret_at = maps->names.n;
	/* The kernel writes a line feed in a path as \012 and nothing else so. */
	for (size_t i = 0; i < n; i++) {
		if (n - i >= 4 && memcmp(s + i, "\\012", 4) == 0) {
			ap_str_addc(&maps->names, '\n');
			i += 3;
		} else {
			ap_str_addc(&maps->names, s[i]);
		}
	}
	ap_str_addc(&maps->names, '\0');
	return !maps->names.failed;
}

/* "start-end perms offset maj:min inode   path"; false when it is no such line. */
static bool parse_mapping(struct ap_maps *maps, const char *line, size_t n, struct ap_err **err)
{
	const char *p = line, *end = line + n;
	struct ap_mapping m = {0};

	m.start = hex(&p);
	if (p == line || *p++ != '-')
		return false;
	m.end = hex(&p);
	if (*p++ != ' ' || end - p < 5 || m.end <= m.start)
		return false;
	m.flags = (p[0] == 'r' ? AP_MAP_READ : 0) | (p[1] == 'w' ? AP_MAP_WRITE : 0) |
		  (p[2] == 'x' ? AP_MAP_EXEC : 0) | (p[3] == 's' ? AP_MAP_SHARED : 0);
	p += 5;
	m.offset = hex(&p);
	p += *p == ' ';
	m.device = hex(&p) << 20;
	p += *p == ':';
	m.device |= hex(&p);
	char *after;
	m.inode = strtoull(p, &after, 10);
	p = after;
	while (p < end && *p == ' ')
		p++;
	if (maps->n && m.start < maps->at[maps->n - 1].end) {
		/* The list may change while it is read: what went back is not kept. */
		return true;
	}
	if (p < end && !names_add(maps, p, (size_t)(end - p), &m.name)) {
		*err = &ap_err_nomem;
		return true;
	}
	if (maps->n == maps->cap) {
		size_t cap = maps->cap ? maps->cap * 2 : 256;
		struct ap_mapping *grown =
			cap > MAPPINGS_LIMIT ? NULL : realloc(maps->at, cap * sizeof(*grown));
		if (!grown) {
			*err = cap > MAPPINGS_LIMIT
				       ? ap_err_new(AP_E_LIMIT, "over %d mappings", MAPPINGS_LIMIT)
				       : &ap_err_nomem;
			return true;
		}
		maps->at = grown;
		maps->cap = cap;
	}
	maps->at[maps->n++] = m;
	return true;
}

static void parse_detail(struct ap_mapping *m, const char *line)
{
	static const struct {
		const char *key;
		size_t field;
	} sizes[] = {
		{"Rss:", offsetof(struct ap_mapping, rss)},
		{"Anonymous:", offsetof(struct ap_mapping, anonymous)},
		{"Private_Dirty:", offsetof(struct ap_mapping, dirty)},
		{"Swap:", offsetof(struct ap_mapping, swap)},
	};
	static const struct {
		char word[3];
		unsigned flag;
	} words[] = {
		{"dc", AP_MAP_DONTFORK}, {"nr", AP_MAP_NORESERVE}, {"dd", AP_MAP_DONTDUMP},
		{"io", AP_MAP_DEVICE},   {"pf", AP_MAP_DEVICE},    {"ht", AP_MAP_HUGETLB},
		{"gd", AP_MAP_STACK},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = strlen(sizes[i].key);

		if (strncmp(line, sizes[i].key, n) == 0) {
			uint64_t v = strtoull(line + n, NULL, 10) * 1024;

			memcpy((char *)m + sizes[i].field, &v, sizeof(v));
			return;
		}
	}
	if (strncmp(line, "VmFlags:", 8) != 0)
		return;
	m->flags |= AP_MAP_FLAGS_KNOWN;
	for (const char *p = line + 8; p[0] && p[1]; p += 2) {
		while (*p == ' ')
			p++;
		if (!p[0] || !p[1])
			return;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			if (memcmp(p, words[i].word, 2) == 0)
				m->flags |= words[i].flag;
		}
	}
}

static struct ap_err *parse_line(struct ap_maps *maps, const char *line, size_t n)
{
	struct ap_err *err = NULL;

	if (!parse_mapping(maps, line, n, &err) && maps->n)
		parse_detail(&maps->at[maps->n - 1], line);
	return err;
}

static struct ap_err *maps_read(const char *path, struct ap_maps *ret_maps)
{
	AP_MAPS_AUTO maps = {0};
	static const size_t size = 256 * 1024;
	char *buf = malloc(size + 1);
	struct ap_err *err = NULL;
	size_t have = 0;
	int fd = buf ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0) {
		err = buf ? ap_err_errno(errno, "cannot open %s", path) : &ap_err_nomem;
		free(buf);
		return err;
	}
	while (!err) {
		ssize_t n = read(fd, buf + have, size - have);
		char *line = buf, *nl;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = ap_err_errno(errno, "cannot read %s", path);
		if (n <= 0)
			break;
		have += (size_t)n;
		buf[have] = '\0';
		while (!err && (nl = memchr(line, '\n', have - (size_t)(line - buf)))) {
			*nl = '\0';
			err = parse_line(&maps, line, (size_t)(nl - line));
			line = nl + 1;
		}
		have -= (size_t)(line - buf);
		if (have > LINE_MAX_BYTES)
			err = ap_err_new(AP_E_FORMAT, "%s has a line without an end", path);
		else
			memmove(buf, line, have);
	}
	close(fd);
	free(buf);
	if (err)
		return err;
	*ret_maps = maps;
	maps = (struct ap_maps){0};
	return NULL;
}

struct ap_err *ap_maps_read(pid_t pid, struct ap_maps *ret_maps)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return maps_read(path, ret_maps);
}

struct ap_err *ap_maps_read_smaps(pid_t pid, struct ap_maps *ret_maps)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	return maps_read(path, ret_maps);
}

struct ap_err *ap_maps_parse(const char *text, size_t bytes, struct ap_maps *ret_maps)
{
	AP_MAPS_AUTO maps = {0};
	char line[LINE_MAX_BYTES + 1];

	for (const char *p = text, *end = text + bytes; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = nl ? (size_t)(nl - p) : (size_t)(end - p);

		if (n > LINE_MAX_BYTES)
			return ap_err_new(AP_E_FORMAT, "a line of over %d bytes", LINE_MAX_BYTES);
		memcpy(line, p, n);
		line[n] = '\0';
		AP_TRY(parse_line(&maps, line, n));
		p += n + 1;
	}
	*ret_maps = maps;
	maps = (struct ap_maps){0};
	return NULL;
}

size_t ap_maps_find(const struct ap_maps *maps, uint64_t addr)
{
	size_t lo = 0, hi = maps->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (maps->at[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}
