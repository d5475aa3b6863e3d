/* autopsy pmap: memory by kind, of a process or a snapshot, and what grew between two. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/json.h"
#include "base/number.h"
#include "capture/snapshot/pmap.h"
#include "capture/snapshot/procs.h"
#include "tools/snapshot_private.h"

enum { BAR = 30, GROWN_MAX = 10 };

static const char usage[] =
	"usage: autopsy pmap PID|NAME|SNAPSHOT|FILE.pmap [--json]\n"
	"       autopsy pmap diff A B [--json]\n"
	"Memory by kind; it adds up to what the kernel counts. SNAPSHOT is a core that autopsy\n"
	"snapshot made, FILE.pmap what autopsy watch keeps. diff: what grew from A to B, most first.\n";

static struct ap_err *open_one(const char *what, struct ap_pmap *ret, bool *ret_live)
{
	pid_t pid;

	*ret_live = false;
	if (access(what, R_OK) == 0 && strspn(what, "0123456789") != strlen(what))
		return ap_pmap_load(what, ret);
	AP_TRY(ap_procs_find(what, &pid));
	*ret_live = true;
	return ap_pmap_of(pid, ret);
}

static void bar(struct ap_str *out, uint64_t part, uint64_t whole)
{
	size_t n = whole ? (size_t)(part * BAR / whole) : 0;

	ap_str_pad(out, n, '#');
	ap_str_pad(out, BAR - n, '.');
}

static uint64_t own(const struct ap_kind_sum *s)
{
	return s->rss + s->swap;
}

static void sum_json(struct ap_json *j, const struct ap_kind_sum *s)
{
	ap_json_uint(j, "rss_bytes", s->rss);
	ap_json_uint(j, "anonymous_bytes", s->anonymous);
	ap_json_uint(j, "private_dirty_bytes", s->dirty);
	ap_json_uint(j, "swap_bytes", s->swap);
	ap_json_uint(j, "virtual_bytes", s->size);
	ap_json_uint(j, "mappings", s->n);
}

static struct ap_kind_sum total_of(const struct ap_kind_sum sums[static AP_N_KINDS])
{
	struct ap_kind_sum t = {0};

	for (int k = 0; k < AP_N_KINDS; k++) {
		t.rss += sums[k].rss;
		t.anonymous += sums[k].anonymous;
		t.dirty += sums[k].dirty;
		t.swap += sums[k].swap;
		t.size += sums[k].size;
		t.n += sums[k].n;
	}
	return t;
}

static int show_json(const struct ap_pmap *p, const struct ap_kind_sum *sums,
		     const struct ap_kind_sum *kernel)
{
	AP_STR_AUTO out = {0};
	struct ap_json j;
	struct ap_kind_sum total = total_of(sums);
	char target[32];

	snprintf(target, sizeof(target), "pid %d", p->pid);
	ap_json_init(&j, &out, NULL);
	ap_tool_json_begin(&j, "pmap", target);
	ap_json_int(&j, "pid", p->pid);
	ap_json_int(&j, "time_ms", p->time_ms);
	ap_json_array(&j, "kinds");
	for (int k = 0; k < AP_N_KINDS; k++) {
		ap_json_object(&j, NULL);
		ap_json_cstr(&j, "kind", ap_kind_key((enum ap_kind)k));
		sum_json(&j, &sums[k]);
		ap_json_end_object(&j);
	}
	ap_json_end_array(&j);
	ap_json_object(&j, "total");
	sum_json(&j, &total);
	ap_json_end_object(&j);
	if (kernel)
		ap_json_uint(&j, "kernel_rss_bytes", kernel->rss);
	else
		ap_json_null(&j, "kernel_rss_bytes");
	ap_tool_json_end(&j, stdout);
	return 0;
}

static int show(const struct ap_pmap *p, bool live, bool json)
{
	struct ap_kind_sum sums[AP_N_KINDS], kernel, total;
	bool have = live && ap_pmap_rollup(p->pid, &kernel);
	AP_STR_AUTO out = {0};
	char a[AP_NUMBER_MAX];
	unsigned char order[AP_N_KINDS];

	ap_pmap_sums(p, sums);
	if (json)
		return show_json(p, sums, have ? &kernel : NULL);
	total = total_of(sums);
	for (int k = 0; k < AP_N_KINDS; k++) {
		int at = k;

		for (; at > 0 && own(&sums[order[at - 1]]) < own(&sums[k]); at--)
			order[at] = order[at - 1];
		order[at] = (unsigned char)k;
	}
	for (int i = 0; i < AP_N_KINDS; i++) {
		const struct ap_kind_sum *s = &sums[order[i]];

		if (!own(s))
			continue;
		ap_str_addf(&out, "%-30s ", ap_kind_name((enum ap_kind)order[i]));
		bar(&out, own(s), own(&total));
		ap_str_addf(&out, " %9s  %2.0f %%", ap_bytes_human(own(s), a),
			    100.0 * (double)own(s) / (double)own(&total));
		if (s->swap)
			ap_str_addf(&out, "  %s of it in swap", ap_bytes_human(s->swap, a));
		ap_str_addc(&out, '\n');
	}
	ap_str_addf(&out, "%-30s %*s %9s  in %zu mappings", "in all", BAR, "",
		    ap_bytes_human(own(&total), a), p->maps.n);
	if (have)
		ap_str_addf(&out, "; the kernel says %s",
			    ap_bytes_human(kernel.rss + kernel.swap, a));
	ap_str_addc(&out, '\n');
	fwrite(out.s, 1, out.n, stdout);
	return 0;
}

/* One mapping that grew; keyed by where it starts. */
struct grown {
	const struct ap_pmap *in;
	size_t i;
	int64_t delta;
};

static int most_first(const void *a, const void *b)
{
	int64_t x = ((const struct grown *)a)->delta, y = ((const struct grown *)b)->delta;

	return (x < y) - (x > y);
}

static int64_t held(const struct ap_mapping *m)
{
	return (int64_t)(m->rss + m->swap);
}

static struct grown *grown_of(const struct ap_pmap *a, const struct ap_pmap *b, size_t *ret_n)
{
	struct grown *out = calloc(b->maps.n + 1, sizeof(*out));

	*ret_n = 0;
	for (size_t i = 0; out && i < b->maps.n; i++) {
		const struct ap_mapping *m = &b->maps.at[i];
		size_t k = ap_maps_find(&a->maps, m->start);
		bool same = k < a->maps.n && a->maps.at[k].start == m->start;
		int64_t delta = held(m) - (same ? held(&a->maps.at[k]) : 0);

		if (delta > 0)
			out[(*ret_n)++] = (struct grown){b, i, delta};
	}
	if (out)
		qsort(out, *ret_n, sizeof(*out), most_first);
	return out;
}

static void signed_size(int64_t v, char buf[static AP_NUMBER_MAX + 1])
{
	char a[AP_NUMBER_MAX];

	snprintf(buf, AP_NUMBER_MAX + 1, "%s%s",
		 v > 0   ? "+"
		 : v < 0 ? "-"
			 : "",
		 ap_bytes_human((uint64_t)(v < 0 ? -v : v), a));
}

static int diff(const struct ap_pmap *a, const struct ap_pmap *b, bool json)
{
	struct ap_kind_sum x[AP_N_KINDS], y[AP_N_KINDS];
	AP_STR_AUTO out = {0};
	unsigned char order[AP_N_KINDS];
	int64_t delta[AP_N_KINDS], whole = 0, largest = 1;
	char s[AP_NUMBER_MAX + 1], from[AP_NUMBER_MAX], to[AP_NUMBER_MAX];
	struct ap_json j;
	size_t n_grown;

	ap_pmap_sums(a, x);
	ap_pmap_sums(b, y);
	for (int k = 0; k < AP_N_KINDS; k++) {
		int at = k;

		delta[k] = (int64_t)own(&y[k]) - (int64_t)own(&x[k]);
		whole += delta[k];
		if (delta[k] > largest || -delta[k] > largest)
			largest = delta[k] < 0 ? -delta[k] : delta[k];
		for (; at > 0 && delta[order[at - 1]] < delta[k]; at--)
			order[at] = order[at - 1];
		order[at] = (unsigned char)k;
	}
	struct grown *grown = grown_of(a, b, &n_grown);
	ap_json_init(&j, &out, NULL);
	if (json) {
		ap_tool_json_begin(&j, "pmap diff", NULL);
		ap_json_int(&j, "total_delta_bytes", whole);
		ap_json_array(&j, "kinds");
		for (int i = 0; i < AP_N_KINDS; i++) {
			ap_json_object(&j, NULL);
			ap_json_cstr(&j, "kind", ap_kind_key((enum ap_kind)order[i]));
			ap_json_int(&j, "delta_bytes", delta[order[i]]);
			ap_json_uint(&j, "before_bytes", own(&x[order[i]]));
			ap_json_uint(&j, "after_bytes", own(&y[order[i]]));
			ap_json_end_object(&j);
		}
		ap_json_end_array(&j);
		ap_json_array(&j, "grown");
	} else {
		for (int i = 0; i < AP_N_KINDS; i++) {
			int64_t d = delta[order[i]];

			if (!own(&x[order[i]]) && !own(&y[order[i]]))
				continue;
			signed_size(d, s);
			ap_str_addf(&out, "%-30s ", ap_kind_name((enum ap_kind)order[i]));
			bar(&out, (uint64_t)(d > 0 ? d : 0), (uint64_t)largest);
			ap_str_addf(&out, " %10s  %s -> %s\n", s,
				    ap_bytes_human(own(&x[order[i]]), from),
				    ap_bytes_human(own(&y[order[i]]), to));
		}
		signed_size(whole, s);
		ap_str_addf(&out, "%-30s %*s %10s\n", "in all", BAR, "", s);
		if (n_grown)
			ap_str_adds(&out, "\nmappings that grew most\n");
	}
	for (size_t i = 0; grown && i < n_grown && i < GROWN_MAX; i++) {
		const struct ap_mapping *m = &b->maps.at[grown[i].i];
		const char *name = ap_mapping_name(&b->maps, m);
		enum ap_kind kind = ap_pmap_kind(b, grown[i].i);

		if (json) {
			ap_json_object(&j, NULL);
			ap_json_addr(&j, "start", m->start);
			ap_json_addr(&j, "end", m->end);
			ap_json_cstr(&j, "kind", ap_kind_key(kind));
			ap_json_cstr(&j, "name", *name ? name : NULL);
			ap_json_int(&j, "delta_bytes", grown[i].delta);
			ap_json_end_object(&j);
			continue;
		}
		signed_size(grown[i].delta, s);
		ap_str_addf(&out, "%10s  %012" PRIx64 "-%012" PRIx64 "  %s  ", s, m->start, m->end,
			    ap_kind_name(kind));
		ap_escape(&out, ap_text_of(name));
		ap_str_addc(&out, '\n');
	}
	free(grown);
	if (json) {
		ap_json_end_array(&j);
		ap_tool_json_end(&j, stdout);
		return 0;
	}
	fwrite(out.s, 1, out.n, stdout);
	return 0;
}

int ap_tool_pmap(int argc, char **argv)
{
	static const struct option longs[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	AP_PMAP_AUTO a = {0};
	AP_PMAP_AUTO b = {0};
	bool json = false, live;
	struct ap_err *err;

	optind = 1;
	for (int c; (c = getopt_long(argc, argv, "h", longs, NULL)) != -1;) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c != 'j')
			return ap_tool_usage("pmap", usage, NULL);
		json = true;
	}
	argv += optind;
	argc -= optind;
	if (json)
		ap_tool_json_errors();
	if (argc == 3 && strcmp(argv[0], "diff") == 0) {
		err = open_one(argv[1], &a, &live);
		if (!err)
			err = open_one(argv[2], &b, &live);
		return err ? ap_tool_fail("pmap", err) : diff(&a, &b, json);
	}
	if (argc != 1)
		return ap_tool_usage("pmap", usage, NULL);
	err = open_one(argv[0], &a, &live);
	return err ? ap_tool_fail("pmap", err) : show(&a, live, json);
}
