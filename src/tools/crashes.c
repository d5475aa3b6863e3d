/* autopsy list: the crashes that were kept here, or that lie in a bucket. */
#include <ctype.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/json.h"
#include "base/json_read.h"
#include "base/number.h"
#include "capture/spool/config.h"
#include "tools/crash_print.h"
#include "tools/crashes.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"

static const char list_usage[] =
	"usage: autopsy list [filters] [-n COUNT] [--group] [--json] [s3://BUCKET/PREFIX]\n"
	"The crashes that were kept on this host, or in a bucket, newest first.\n"
	"  --since WHEN, --until WHEN   2h, 3d; 2026-11-27, 2026-11-27T02:58 (UTC)\n"
	"  --program GLOB   name or path of the executable\n"
	"  --pod GLOB, --namespace GLOB\n"
	"  --signal NAME    SIGABRT, ABRT or 6\n"
	"  --fingerprint F  the same death (the beginning is enough)\n"
	"  --group          one line a fingerprint, with counts\n"
	"  -c FILE          another configuration than the usual one\n";

struct filter {
	double since, until;
	const char *program, *pod, *namespace_, *signal, *fingerprint;
	size_t most;
	bool group, json;
};

struct ap_err *ap_crashes_open(const char *config, struct ap_crashes *ret)
{
	struct ap_crashes c = {.spool = {-1, -1, ""}};

	AP_TRY(ap_config_load(config, environ, &c.config));
	struct ap_err *err = ap_spool_open(c.config.spool, false, &c.spool);
	if (err) {
		ap_config_close(&c.config);
		return err;
	}
	ap_arena_init(&c.arena, 0);
	*ret = c;
	return NULL;
}

void ap_crashes_close(struct ap_crashes *c)
{
	ap_spool_close(&c->spool);
	ap_config_close(&c->config);
	ap_arena_close(&c->arena);
}

/* "2h" ago, or a day, or a minute of it. */
static bool parse_when(const char *text, double *ret)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
					    "%Y-%m-%d"};
	double ago;

	if (ap_duration_parse(text, &ago)) {
		*ret = (double)time(NULL) - ago;
		return true;
	}
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_mday = 1};
		const char *end = strptime(text, forms[i], &tm);

		if (end && (!*end || strcmp(end, "Z") == 0)) {
			*ret = (double)timegm(&tm);
			return true;
		}
	}
	return false;
}

static bool like(const char *glob, const char *text)
{
	return !glob || (text && fnmatch(glob, text, 0) == 0);
}

static bool like_signal(const char *wanted, const struct ap_record *r)
{
	char number[32];

	if (!wanted)
		return true;
	snprintf(number, sizeof(number), "%" PRId64, r->signal);
	return strcmp(wanted, number) == 0 ||
	       (r->signal_name && (strcasecmp(wanted, r->signal_name) == 0 ||
				   (strncmp(r->signal_name, "SIG", 3) == 0 &&
				    strcasecmp(wanted, r->signal_name + 3) == 0)));
}

static bool wanted(const struct filter *f, const struct ap_record *r)
{
	return r->time >= f->since && r->time <= f->until &&
	       (!f->program || like(f->program, ap_record_program(r)) ||
		(r->exe && like(f->program, r->exe)) || (r->comm && like(f->program, r->comm))) &&
	       like(f->pod, r->pod) && like(f->namespace_, r->namespace_) &&
	       like_signal(f->signal, r) &&
	       (!f->fingerprint || (r->fingerprint && strncmp(r->fingerprint, f->fingerprint,
							      strlen(f->fingerprint)) == 0));
}

struct group {
	const struct ap_record *newest;
	size_t n;
	double first;
};

/* One line a fingerprint; what has none yet counts by program and signal. */
static bool same_death(const struct ap_record *a, const struct ap_record *b)
{
	if (a->fingerprint || b->fingerprint)
		return a->fingerprint && b->fingerprint &&
		       strcmp(a->fingerprint, b->fingerprint) == 0;
	return a->signal == b->signal && strcmp(ap_record_program(a), ap_record_program(b)) == 0;
}

static void print_groups(const struct filter *f, const struct ap_record *records, size_t n,
			 struct ap_json *j)
{
	struct group *groups = calloc(n ? n : 1, sizeof(*groups));
	size_t n_groups = 0;

	for (size_t i = 0; groups && i < n; i++) {
		size_t g = 0;

		while (g < n_groups && !same_death(groups[g].newest, &records[i]))
			g++;
		if (g == n_groups)
			groups[n_groups++] = (struct group){&records[i], 0, 0};
		groups[g].n++;
		groups[g].first = records[i].time;
	}
	if (!f->json && n_groups)
		puts("COUNT  LAST                 PROGRAM        SIGNAL   FINGERPRINT       WHAT");
	for (size_t g = 0; g < n_groups; g++) {
		const struct ap_record *r = groups[g].newest;
		char when[32];

		ap_crash_iso(r->time, when);
		if (f->json) {
			ap_json_object(j, NULL);
			ap_json_cstr(j, "fingerprint", r->fingerprint);
			ap_json_uint(j, "count", groups[g].n);
			ap_json_cstr(j, "newest", r->uuid);
			ap_json_double(j, "first_unix", groups[g].first);
			ap_json_double(j, "last_unix", r->time);
			ap_json_cstr(j, "program", ap_record_program(r));
			ap_json_cstr(j, "signal", r->signal_name);
			ap_json_cstr(j, "verdict", r->verdict);
			ap_json_cstr(j, "top", r->top);
			ap_json_end_object(j);
			continue;
		}
		printf("%5zu  %s  ", groups[g].n, when);
		ap_crash_cell(ap_record_program(r), 14, true);
		printf(" %-8s %-16s  ", r->signal_name ? r->signal_name : "?",
		       r->fingerprint ? r->fingerprint : "-");
		ap_crash_cell(r->verdict, 60, false);
		putchar('\n');
	}
	free(groups);
}

/* What was found, with the place where it lies; `keys` NULL: here. */
struct found {
	AP_VEC(struct ap_record) records;
	AP_VEC(const struct ap_remote *) remotes; /* of each record, or empty */
	size_t looked, unreadable;
};

static void show(const struct filter *f, const struct found *found, const char *place)
{
	AP_STR_AUTO out = {0};
	struct ap_json j;

	ap_json_init(&j, &out, stdout);
	if (f->json) {
		ap_tool_json_begin(&j, "list", place);
		ap_json_array(&j, f->group ? "groups" : "crashes");
	}
	if (f->group)
		print_groups(f, found->records.at, found->records.n, &j);
	else if (!f->json && found->records.n)
		puts("TIME (UTC)           ID            PROGRAM            PID  SIGNAL   THERE            SIZE"
		     "  WHAT");
	for (size_t i = 0; !f->group && i < found->records.n; i++) {
		const struct ap_remote *remote = found->remotes.n ? found->remotes.at[i] : NULL;

		if (f->json)
			ap_crash_put(&j, &found->records.at[i], remote ? remote->key : NULL,
				     remote ? remote->bytes : 0);
		else
			ap_crash_row(&found->records.at[i]);
	}
	if (f->json) {
		ap_json_end_array(&j);
		ap_json_uint(&j, "unreadable", found->unreadable);
		ap_tool_json_end(&j, stdout);
	} else if (!found->records.n) {
		printf("no crashes%s in %s\n", found->looked ? " like that" : "", place);
	} else if (!f->group) {
		const char *where = found->remotes.n ? place : "", *blank = *where ? " " : "";

		printf("\nnext: autopsy debug %s%sID   open one; autopsy info %s%sID   all that is known of it\n",
		       where, blank, where, blank);
	}
}

static struct ap_err *list(struct ap_crashes *c, const struct filter *f)
{
	char(*uuids)[AP_UUID_SIZE];
	struct found found = {.looked = 0};
	size_t n;

	AP_TRY(ap_spool_list(&c->spool, &uuids, &n));
	found.looked = n;
	for (size_t i = n; i-- > 0 && (!f->most || f->group || found.records.n < f->most);) {
		struct ap_record r;
		/* It may have been evicted since the directory was read. */
		AP_ERR_AUTO gone = ap_record_read(&c->spool, uuids[i], &c->arena, &r);

		if (!gone && wanted(f, &r) && !ap_vec_push(&c->arena, &found.records, r)) {
			free(uuids);
			return &ap_err_nomem;
		}
	}
	free(uuids);
	show(f, &found, c->spool.path);
	return NULL;
}

/* A batch of bundles is looked into at once, and no more than are wanted. */
static struct ap_err *list_remotes(struct ap_remotes *all, const struct filter *f,
				   bool *ret_incomplete)
{
	enum { BATCH = 64 };
	struct found found = {.looked = all->all.n};

	for (size_t from = 0;
	     from < all->all.n && (!f->most || f->group || found.records.n < f->most);
	     from += BATCH) {
		size_t to = from + BATCH < all->all.n ? from + BATCH : all->all.n;

		/* The time is in the name: what is too old or too new is not asked for. */
		for (size_t i = from; i < to; i++)
			all->all.at[i].known =
				all->all.at[i].time < f->since || all->all.at[i].time > f->until;
		ap_remotes_know(all, from, to);
		for (size_t i = from; i < to && (!f->most || f->group || found.records.n < f->most);
		     i++) {
			const struct ap_remote *r = &all->all.at[i];

			if (r->time < f->since || r->time > f->until)
				continue;
			if (r->error) {
				fprintf(stderr, "autopsy list: s3://%s/%s: %s\n", all->store.bucket,
					r->key, r->error);
				found.unreadable++;
			} else if (wanted(f, &r->record) &&
				   (!ap_vec_push(&all->arena, &found.records, r->record) ||
				    !ap_vec_push(&all->arena, &found.remotes, r))) {
				return &ap_err_nomem;
			}
		}
	}
	show(f, &found, all->address);
	*ret_incomplete = found.unreadable > 0;
	return NULL;
}

static int list_address(const char *config, const char *address, const struct filter *f)
{
	struct ap_remotes remotes;
	struct ap_config loaded;
	bool incomplete = false;

	struct ap_err *err = ap_config_load(config, environ, &loaded);
	if (err)
		return ap_tool_fail("list", err);
	err = ap_remotes_open(&loaded.ship, address, &remotes);
	if (!err) {
		err = list_remotes(&remotes, f, &incomplete);
		ap_remotes_close(&remotes);
	}
	ap_config_close(&loaded);
	return err ? ap_tool_fail("list", err) : incomplete;
}

int ap_tool_list(int argc, char **argv)
{
	enum { SINCE = 256, UNTIL, PROGRAM, POD, NAMESPACE, SIGNAL, FINGERPRINT, GROUP, JSON };
	static const struct option longs[] = {
		{"since", required_argument, NULL, SINCE},
		{"until", required_argument, NULL, UNTIL},
		{"program", required_argument, NULL, PROGRAM},
		{"pod", required_argument, NULL, POD},
		{"namespace", required_argument, NULL, NAMESPACE},
		{"signal", required_argument, NULL, SIGNAL},
		{"fingerprint", required_argument, NULL, FINGERPRINT},
		{"group", no_argument, NULL, GROUP},
		{"json", no_argument, NULL, JSON},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct filter f = {.until = 1e18};
	struct ap_crashes c;
	const char *config = NULL;

	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "n:c:h", longs, NULL)) != -1;) {
		bool good = true;

		switch (o) {
		case SINCE:
			good = parse_when(optarg, &f.since);
			break;
		case UNTIL:
			good = parse_when(optarg, &f.until);
			break;
		case PROGRAM:
			f.program = optarg;
			break;
		case POD:
			f.pod = optarg;
			break;
		case NAMESPACE:
			f.namespace_ = optarg;
			break;
		case SIGNAL:
			f.signal = optarg;
			break;
		case FINGERPRINT:
			f.fingerprint = optarg;
			break;
		case GROUP:
			f.group = true;
			break;
		case JSON:
			f.json = true;
			break;
		case 'c':
			config = optarg;
			break;
		case 'n':
			good = (f.most = strtoul(optarg, NULL, 10)) > 0;
			break;
		case 'h':
			return fputs(list_usage, stdout), 0;
		default:
			return ap_tool_usage("list", list_usage, NULL);
		}
		if (!good)
			return ap_tool_usage("list", list_usage, "\"%s\" is not understood",
					     optarg);
	}
	const char *address =
		optind < argc && ap_store_is_address(argv[optind]) ? argv[optind++] : NULL;
	if (optind < argc)
		return ap_tool_usage("list", list_usage, "\"%s\" is no address: s3://BUCKET/PREFIX",
				     argv[optind]);
	if (f.json)
		ap_tool_json_errors();
	if (address)
		return list_address(config, address, &f);
	struct ap_err *err = ap_crashes_open(config, &c);
	if (err)
		return ap_tool_fail("list", err);
	err = list(&c, &f);
	ap_crashes_close(&c);
	return err ? ap_tool_fail("list", err) : 0;
}
