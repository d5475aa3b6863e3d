#include "capture/snapshot/pmap.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ARENA = 64 << 20, LARGE = 1 << 20, CHUNK = 256 << 10, GUARD_MAX = 64 << 10 };

static const struct {
	const char *key, *name;
} kinds[AP_N_KINDS] = {
	[AP_KIND_JS_HEAP] = {"js_heap", "JS heap"},
	[AP_KIND_JS_CODE] = {"js_code", "JS code"},
	[AP_KIND_JS_READ_ONLY] = {"js_read_only", "V8 read-only"},
	[AP_KIND_LARGE] = {"large_blocks", "large blocks (array buffers)"},
	[AP_KIND_NATIVE] = {"native_heap", "native heap"},
	[AP_KIND_STACK] = {"stacks", "stacks"},
	[AP_KIND_FILE_DATA] = {"file_data", "files, changed"},
	[AP_KIND_FILE] = {"files", "files, as on disk"},
	[AP_KIND_SHARED] = {"shared", "shared memory"},
	[AP_KIND_OTHER] = {"other", "other"},
};

const char *ap_kind_name(enum ap_kind kind)
{
	return kinds[kind].name;
}

const char *ap_kind_key(enum ap_kind kind)
{
	return kinds[kind].key;
}

void ap_pmap_close(struct ap_pmap *pmap)
{
	ap_maps_close(&pmap->maps);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct ap_err *ap_pmap_of(pid_t pid, struct ap_pmap *ret_pmap)
{
	struct ap_pmap pmap = {.pid = pid, .time_ms = now_ms()};

	AP_TRY(ap_maps_read_smaps(pid, &pmap.maps));
	if (!pmap.maps.n) {
		ap_pmap_close(&pmap);
		return ap_err_new(AP_E_NOTFOUND,
				  "process %d has no memory (a kernel thread, or ending)", pid);
	}
	*ret_pmap = pmap;
	return NULL;
}

/* Since Node 20 V8 marks its own memory MADV_DONTFORK; before, alignment and NORESERVE must do. */
static bool marks_heap(const struct ap_maps *maps)
{
	for (size_t i = 0; i < maps->n; i++) {
		if (maps->at[i].flags & AP_MAP_DONTFORK && !maps->at[i].inode)
			return true;
	}
	return false;
}

/* glibc: the head of a 64 MB aligned area, its unused rest behind it. */
static bool is_arena(const struct ap_maps *maps, size_t i)
{
	const struct ap_mapping *m = &maps->at[i], *next = i + 1 < maps->n ? m + 1 : NULL;

	return m->start % ARENA == 0 && next && next->start == m->end &&
	       !(next->flags & (AP_MAP_READ | AP_MAP_WRITE)) && next->end == m->start + ARENA;
}

static bool is_thread_stack(const struct ap_maps *maps, size_t i)
{
	const struct ap_mapping *m = &maps->at[i], *before = i ? m - 1 : NULL;

	return before && before->end == m->start && before->end - before->start <= GUARD_MAX &&
	       !(before->flags & (AP_MAP_READ | AP_MAP_WRITE | AP_MAP_EXEC | AP_MAP_NORESERVE)) &&
	       !before->inode && m->end - m->start >= CHUNK / 4;
}

static enum ap_kind classify(const struct ap_maps *maps, size_t i, bool marked)
{
	const struct ap_mapping *m = &maps->at[i];
	const char *name = ap_mapping_name(maps, m);

	if (m->flags & AP_MAP_SHARED && !(m->inode && *name == '/' && !strstr(name, "(deleted)") &&
					  strncmp(name, "/dev/shm/", 9) != 0))
		return AP_KIND_SHARED;
	if (m->inode || *name == '/')
		return AP_KIND_FILE;
	if (strcmp(name, "[heap]") == 0)
		return AP_KIND_NATIVE;
	if (strncmp(name, "[stack", 6) == 0)
		return AP_KIND_STACK;
	if (*name == '[' && strncmp(name, "[anon", 5) != 0)
		return AP_KIND_OTHER;
	if (marked ? m->flags & AP_MAP_DONTFORK
		   : m->flags & AP_MAP_NORESERVE && !is_arena(maps, i)) {
		if (m->flags & AP_MAP_EXEC)
			return AP_KIND_JS_CODE;
		return m->flags & AP_MAP_READ && !(m->flags & AP_MAP_WRITE) ? AP_KIND_JS_READ_ONLY
									    : AP_KIND_JS_HEAP;
	}
	if (is_arena(maps, i))
		return AP_KIND_NATIVE;
	if (is_thread_stack(maps, i))
		return AP_KIND_STACK;
	return m->end - m->start >= LARGE && m->rss + m->swap >= LARGE / 2 ? AP_KIND_LARGE
									   : AP_KIND_NATIVE;
}

enum ap_kind ap_pmap_kind(const struct ap_pmap *pmap, size_t i)
{
	enum ap_kind kind = classify(&pmap->maps, i, marks_heap(&pmap->maps));
	const struct ap_mapping *m = &pmap->maps.at[i];

	return kind == AP_KIND_FILE && m->anonymous > m->rss / 2 ? AP_KIND_FILE_DATA : kind;
}

void ap_pmap_sums(const struct ap_pmap *pmap, struct ap_kind_sum sums[static AP_N_KINDS])
{
	bool marked = marks_heap(&pmap->maps);

	memset(sums, 0, AP_N_KINDS * sizeof(*sums));
	for (size_t i = 0; i < pmap->maps.n; i++) {
		const struct ap_mapping *m = &pmap->maps.at[i];
		enum ap_kind kind = classify(&pmap->maps, i, marked);
		uint64_t rss = m->rss;

		if (kind == AP_KIND_FILE) {
			/* One mapping, two kinds: what was changed is the process's own. */
			uint64_t own = m->anonymous < rss ? m->anonymous : rss;

			sums[AP_KIND_FILE_DATA].rss += own;
			sums[AP_KIND_FILE_DATA].anonymous += own;
			sums[AP_KIND_FILE_DATA].swap += m->swap;
			sums[AP_KIND_FILE_DATA].dirty += m->dirty < own ? m->dirty : own;
			sums[AP_KIND_FILE_DATA].n += own != 0;
			sums[kind].rss += rss - own;
			sums[kind].dirty += m->dirty > own ? m->dirty - own : 0;
			sums[kind].size += m->end - m->start;
			sums[kind].n++;
			continue;
		}
		sums[kind].rss += rss;
		sums[kind].anonymous += m->anonymous;
		sums[kind].dirty += m->dirty;
		sums[kind].swap += m->swap;
		sums[kind].size += m->end - m->start;
		sums[kind].n++;
	}
}

bool ap_pmap_rollup(pid_t pid, struct ap_kind_sum *ret_sum)
{
	struct ap_maps maps = {0};
	char path[64];
	AP_STR_AUTO text = {0};

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	AP_ERR_AUTO err = ap_proc_read(path, 65536, &text);
	AP_ERR_AUTO bad = err ? NULL : ap_maps_parse(text.s, text.n, &maps);
	bool good = !err && !bad && maps.n == 1;

	if (good)
		*ret_sum = (struct ap_kind_sum){
			.rss = maps.at[0].rss,
			.anonymous = maps.at[0].anonymous,
			.dirty = maps.at[0].dirty,
			.swap = maps.at[0].swap,
		};
	ap_maps_close(&maps);
	return good;
}

static const struct {
	char word[4];
	unsigned flag;
} flag_words[] = {
	{"dc", AP_MAP_DONTFORK}, {"nr", AP_MAP_NORESERVE}, {"dd", AP_MAP_DONTDUMP},
	{"io", AP_MAP_DEVICE},   {"ht", AP_MAP_HUGETLB},   {"gd", AP_MAP_STACK},
};

/* smaps' own form, cut down to what is used: the one parser reads it. */
void ap_pmap_text(const struct ap_maps *maps, pid_t pid, struct ap_str *out)
{
	ap_str_addf(out, "autopsy-pmap 1 pid %d time_ms %" PRId64 "\n", pid, now_ms());
	for (size_t i = 0; i < maps->n; i++) {
		const struct ap_mapping *m = &maps->at[i];

		ap_str_addf(out,
			    "%" PRIx64 "-%" PRIx64 " %c%c%c%c %" PRIx64 " %" PRIx64 ":%" PRIx64
			    " %" PRIu64 " ",
			    m->start, m->end, m->flags & AP_MAP_READ ? 'r' : '-',
			    m->flags & AP_MAP_WRITE ? 'w' : '-', m->flags & AP_MAP_EXEC ? 'x' : '-',
			    m->flags & AP_MAP_SHARED ? 's' : 'p', m->offset, m->device >> 20,
			    m->device & 0xfffff, m->inode);
		for (const char *p = ap_mapping_name(maps, m); *p; p++)
			*p == '\n' ? ap_str_adds(out, "\\012") : ap_str_addc(out, *p);
		ap_str_addc(out, '\n');
		if (m->rss)
			ap_str_addf(out, "Rss: %" PRIu64 "\n", m->rss / 1024);
		if (m->anonymous)
			ap_str_addf(out, "Anonymous: %" PRIu64 "\n", m->anonymous / 1024);
		if (m->dirty)
			ap_str_addf(out, "Private_Dirty: %" PRIu64 "\n", m->dirty / 1024);
		if (m->swap)
			ap_str_addf(out, "Swap: %" PRIu64 "\n", m->swap / 1024);
		ap_str_adds(out, "VmFlags:");
		for (size_t k = 0; k < sizeof(flag_words) / sizeof(flag_words[0]); k++) {
			if (m->flags & flag_words[k].flag)
				ap_str_addf(out, " %s", flag_words[k].word);
		}
		ap_str_addc(out, '\n');
	}
}

struct ap_err *ap_pmap_parse(const char *text, size_t bytes, struct ap_pmap *ret_pmap)
{
	struct ap_pmap pmap = {0};
	char head[128];

	snprintf(head, sizeof(head), "%.*s", (int)(bytes < 120 ? bytes : 120), text);
	if (sscanf(head, "autopsy-pmap 1 pid %d time_ms %" SCNd64, &pmap.pid, &pmap.time_ms) != 2)
		return ap_err_new(AP_E_FORMAT, "this is no list of mappings of ours");
	AP_TRY(ap_maps_parse(text, bytes, &pmap.maps));
	*ret_pmap = pmap;
	return NULL;
}
