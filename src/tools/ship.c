#include "tools/ship.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "capture/agent/enrich.h"
#include "capture/spool/retention.h"
#include "capture/spool/shipment.h"
#include "ship/upload.h"
#include "tools/bundle.h"

enum { MAX_WAIT = 600, FAILURES_A_ROUND = 3, STALE_SECONDS = 86400 };

bool ap_ship_wanted(const struct ap_config *config)
{
	return config->ship.bucket[0] || config->ship.event_url[0] || config->ship.event_file[0];
}

struct ap_err *ap_ship_connect(struct ap_shipper *s)
{
	if (s->open)
		return NULL;
	AP_TRY(ap_store_open(&s->crashes->config.ship, NULL, s->stop, &s->store));
	s->open = true;
	return NULL;
}

void ap_ship_close(struct ap_shipper *s)
{
	if (s->open)
		ap_store_close(&s->store);
	s->open = false;
}

void ap_ship_fixed_prefix(const struct ap_ship_config *config, struct ap_str *out)
{
	AP_STR_AUTO fixed = {0};

	ap_str_add(&fixed, config->prefix, strcspn(config->prefix, "{"));
	if (fixed.n && !ap_bundle_prefix(fixed.s, NULL, 0, out))
		out->failed = true;
}

struct journal {
	int dir;
	struct ap_shipment *shipment;
};

static struct ap_err *on_begun(void *arg, const char *id)
{
	struct journal *j = arg;

	if (strlen(id) >= sizeof(j->shipment->upload_id))
		return ap_err_new(AP_E_LIMIT, "the store's name for the upload has %zu bytes",
				  strlen(id));
	strcpy(j->shipment->upload_id, id);
	j->shipment->etag[0] = '\0';
	return ap_shipment_write(j->dir, j->shipment);
}

static struct ap_err *on_finishing(void *arg, const struct ap_upload_sum *sum)
{
	struct journal *j = arg;

	j->shipment->bytes = sum->bytes;
	memcpy(j->shipment->etag, sum->etag, sizeof(j->shipment->etag));
	memcpy(j->shipment->md5, sum->md5, sizeof(j->shipment->md5));
	return ap_shipment_write(j->dir, j->shipment);
}

static struct ap_err *upload(struct ap_shipper *s, const struct ap_crash *crash,
			     const struct ap_record *r, struct ap_shipment *shipment,
			     const char *without_cores)
{
	struct journal journal = {crash->dir, shipment};
	struct ap_upload_options options = {
		.key = shipment->key,
		.resume_id = shipment->upload_id[0] ? shipment->upload_id : NULL,
		.part_bytes = (size_t)s->crashes->config.ship.part_bytes,
		.begun = on_begun,
		.finishing = on_finishing,
		.arg = &journal,
	};
	struct ap_crash_bundle bundle;
	struct ap_s3_head head = {.found = false};
	struct ap_upload u;

	AP_TRY(ap_crash_bundle_open(&s->crashes->config.ship, crash, r, !without_cores,
				    without_cores, &bundle));
	struct ap_err *err = ap_upload_open(&s->store.s3, &options, &u);
	if (!err) {
		err = ap_bundle_write(bundle.name, bundle.members, bundle.n_members, bundle.time,
				      ap_upload_write, &u);
		if (!err)
			err = ap_upload_finish(&u, &head);
		if (!err) {
			shipment->bytes = head.bytes;
			memcpy(shipment->etag, head.etag, sizeof(shipment->etag));
			if (u.taken_over)
				printf("%s upload taken up again: %u parts were there\n", r->uuid,
				       u.taken_over);
		}
		/* What cannot become an object is no use in the store; what was only interrupted
		 * is. */
		bool hopeless = err && (err->code == AP_E_FORMAT || err->code == AP_E_LIMIT ||
					err->code == AP_E_MISMATCH);
		ap_upload_close(&u, hopeless);
		if (hopeless) {
			shipment->upload_id[0] = shipment->etag[0] = '\0';
			ap_err_free(ap_shipment_write(crash->dir, shipment));
		}
	}
	ap_crash_bundle_close(&bundle);
	return err;
}

/* The key stays what it was at the first attempt, so that a crash never lies there twice. */
static struct ap_err *begin(struct ap_shipper *s, const struct ap_crash *crash,
			    const struct ap_record *r, struct ap_shipment *shipment)
{
	struct ap_crash_bundle bundle;
	AP_STR_AUTO key = {0};

	if (shipment->key[0] && strcmp(shipment->bucket, s->store.bucket) == 0)
		return NULL;
	*shipment = (struct ap_shipment){.attempts = shipment->attempts};
	AP_TRY(ap_crash_bundle_open(&s->crashes->config.ship, crash, r, false, NULL, &bundle));
	bool good = ap_bundle_prefix(s->crashes->config.ship.prefix, bundle.fields, bundle.n_fields,
				     &key);
	ap_str_addf(&key, "%s.zip", bundle.name);
	ap_crash_bundle_close(&bundle);
	if (key.failed)
		return &ap_err_nomem;
	if (!good || key.n >= sizeof(shipment->key))
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "s3_prefix \"%s\" makes no prefix",
				   s->crashes->config.ship.prefix),
			"fields are {namespace} {podname} {hostname} {host} {cluster} {exe_name}");
	memcpy(shipment->key, key.s, key.n + 1);
	snprintf(shipment->bucket, sizeof(shipment->bucket), "%s", s->store.bucket);
	return ap_shipment_write(crash->dir, shipment);
}

static struct ap_err *ship_to_bucket(struct ap_shipper *s, const struct ap_crash *crash,
				     const struct ap_record *r, struct ap_shipment *shipment)
{
	bool same = false;

	AP_TRY(ap_ship_connect(s));
	AP_TRY(begin(s, crash, r, shipment));
	/* A kill between the object's appearance and our note of it. */
	if (shipment->etag[0]) {
		struct ap_upload_sum sum = {.bytes = shipment->bytes};

		memcpy(sum.etag, shipment->etag, sizeof(sum.etag));
		memcpy(sum.md5, shipment->md5, sizeof(sum.md5));
		AP_TRY(ap_upload_verify(&s->store.s3, shipment->key, &sum, &same));
	}
	if (same)
		return NULL;
	if (s->crashes->config.ship.programs)
		AP_TRY(ap_ship_program(s, r));
	struct ap_err *err = upload(s, crash, r, shipment, NULL);
	if (err && err->code == AP_E_FORMAT && (r->have_core || r->have_cut || r->have_mini)) {
		/* A core that does not unpack does not keep the facts from their way. */
		AP_ERR_AUTO damaged = err;
		err = upload(s, crash, r, shipment, damaged->message);
	}
	return err;
}

static bool is_due(const struct ap_shipment *shipment)
{
	double now = (double)time(NULL);

	/* A clock that was set back would keep it waiting for years. */
	return shipment->not_before <= now || shipment->not_before > now + MAX_WAIT;
}

static void put_off(struct ap_shipment *shipment, const struct ap_err *err)
{
	unsigned doublings = shipment->attempts < 6 ? (unsigned)shipment->attempts : 6;
	double wait = 10 * (double)(1u << doublings);

	shipment->attempts++;
	shipment->not_before = (double)time(NULL) + (wait < MAX_WAIT ? wait : MAX_WAIT);
	snprintf(shipment->error, sizeof(shipment->error), "%s", err->message);
}

struct ap_err *ap_ship_crash(struct ap_shipper *s, const struct ap_record *r, bool force,
			     bool *ret_shipped)
{
	const struct ap_config *config = &s->crashes->config;
	struct ap_shipment shipment;
	struct ap_crash crash;
	struct ap_err *err = NULL;

	*ret_shipped = false;
	AP_TRY(ap_crash_open(&s->crashes->spool, r->uuid, &crash));
	if (!ap_shipment_is_done(crash.dir)) {
		ap_shipment_read(crash.dir, &shipment);
		if (!force && !is_due(&shipment)) {
			ap_crash_close(&s->crashes->spool, &crash);
			return NULL;
		}
		if (config->ship.bucket[0])
			err = ship_to_bucket(s, &crash, r, &shipment);
		if (!err)
			err = ap_ship_event(config, r, crash.dir, shipment.key, shipment.bytes);
		if (!err)
			err = ap_shipment_done(crash.dir, &shipment);
		if (!err && config->ship.bucket[0]) {
			char size[AP_NUMBER_MAX];

			printf("%s shipped: s3://%s/%s, %s\n", r->uuid, shipment.bucket,
			       shipment.key, ap_bytes_human(shipment.bytes, size));
			fflush(stdout);
		}
		*ret_shipped = !err;
		if (err && err != &ap_err_cancelled) {
			put_off(&shipment, err);
			ap_err_free(ap_shipment_write(crash.dir, &shipment));
		}
	}
	if (!err)
		err = ap_ship_tell(s, crash.dir);
	ap_crash_close(&s->crashes->spool, &crash);
	return err;
}

/* Shipped, told, and here for as long as the operator wants. */
static void forget(const struct ap_shipper *s, const char *uuid)
{
	double now = (double)time(NULL);
	struct ap_crash crash;
	struct stat st;

	AP_ERR_AUTO gone = ap_crash_open(&s->crashes->spool, uuid, &crash);
	if (gone)
		return;
	bool old = fstatat(crash.dir, "shipped.json", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		   faccessat(crash.dir, "event.json", F_OK, AT_SYMLINK_NOFOLLOW) < 0 &&
		   now - (double)st.st_mtime >= s->crashes->config.ship.keep_seconds;
	ap_crash_close(&s->crashes->spool, &crash);
	if (old && s->crashes->config.ship.bucket[0])
		ap_err_free(ap_spool_remove(&s->crashes->spool, uuid));
}

/* Nothing to do for it: so that a look at a full spool costs one stat a crash. */
static bool is_finished(const struct ap_shipper *s, const char *uuid)
{
	char name[AP_UUID_SIZE + 16];
	struct stat st;

	snprintf(name, sizeof(name), "%s/shipped.json", uuid);
	if (fstatat(s->crashes->spool.crashes, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	snprintf(name, sizeof(name), "%s/event.json", uuid);
	return fstatat(s->crashes->spool.crashes, name, &st, AT_SYMLINK_NOFOLLOW) < 0;
}

static double monotonic(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void say(const char *what, struct ap_err *err)
{
	const char *hint = ap_err_find_hint(err);

	fprintf(stderr, "autopsy agent: %s: %s%s%s\n", what, err->message, hint ? " - " : "",
		hint ? hint : "");
	ap_err_free(err);
}

static void after(struct ap_shipper *s, bool failed)
{
	s->failures = failed ? s->failures + 1 : 0;
	if (failed)
		/* The connection is made anew, with keys that may be new. */
		ap_ship_close(s);
	if (s->failures >= FAILURES_A_ROUND) {
		double wait =
			5 * (double)(1u << (s->failures < 10 ? s->failures - FAILURES_A_ROUND : 7));

		s->not_before = monotonic() + (wait < MAX_WAIT ? wait : MAX_WAIT);
	}
}

/*
 * Whoever looks at crashes has looked at it, or there is nothing to look at; whose container it was
 * is known, or will not become known any more. What a rule by label may still forbid stays here.
 */
static bool is_ready(const struct ap_config *config, const struct ap_record *r)
{
	if (ap_enrich_wanted(config, r))
		return false;
	if (r->n_label_rules > 0 && !r->rule_action)
		return false;
	return r->have_stack || !(r->have_mini || r->have_core || r->have_cut);
}

struct ap_err *ap_ship_round(struct ap_shipper *s, bool force, unsigned *ret_shipped,
			     unsigned *ret_failed)
{
	char(*uuids)[AP_UUID_SIZE];
	struct ap_err *err = NULL;
	unsigned in_a_row = 0;
	size_t n;

	*ret_shipped = *ret_failed = 0;
	if (!force && monotonic() < s->not_before)
		return NULL;
	AP_TRY(ap_spool_list(&s->crashes->spool, &uuids, &n));
	for (size_t i = 0; i < n && !err && in_a_row < FAILURES_A_ROUND && !(s->stop && *s->stop);
	     i++) {
		struct ap_arena arena;
		struct ap_record r;
		bool shipped = false;

		if (is_finished(s, uuids[i])) {
			forget(s, uuids[i]);
			continue;
		}
		ap_arena_init(&arena, 4 << 20);
		AP_ERR_AUTO gone = ap_record_read(&s->crashes->spool, uuids[i], &arena, &r);
		/* Whole, and of what it died is known. */
		if (!gone && strcmp(r.state, "capturing") != 0 &&
		    is_ready(&s->crashes->config, &r)) {
			struct ap_err *one = ap_ship_crash(s, &r, force, &shipped);

			*ret_shipped += shipped;
			if (one == &ap_err_cancelled) {
				err = NULL;
			} else if (one && one->code == AP_E_NOMEM) {
				err = one;
			} else if (one) {
				say(uuids[i], one);
				++*ret_failed;
				in_a_row++;
				after(s, true);
			} else if (shipped) {
				in_a_row = 0;
				after(s, false);
			}
			if (!one && is_finished(s, uuids[i]))
				forget(s, uuids[i]);
		}
		ap_arena_close(&arena);
	}
	free(uuids);
	if (!err && s->crashes->config.ship.bucket[0] && in_a_row < FAILURES_A_ROUND)
		err = ap_ship_folders(s, ret_shipped, ret_failed);
	return err;
}

static bool is_dead(void *arg, const char *key, const char *id)
{
	const struct ap_shipper *s = arg;
	char(*uuids)[AP_UUID_SIZE];
	bool known = false;
	size_t n;

	(void)key;
	AP_ERR_AUTO unreadable = ap_spool_list(&s->crashes->spool, &uuids, &n);
	if (unreadable)
		return false;
	for (size_t i = 0; i < n && !known; i++) {
		struct ap_shipment shipment;
		struct ap_crash crash;
		AP_ERR_AUTO gone = ap_crash_open(&s->crashes->spool, uuids[i], &crash);

		if (gone)
			continue;
		ap_shipment_read(crash.dir, &shipment);
		known = strcmp(shipment.upload_id, id) == 0;
		ap_crash_close(&s->crashes->spool, &crash);
	}
	free(uuids);
	return !known;
}

struct ap_err *ap_ship_abort_stale(struct ap_shipper *s, unsigned *ret_n)
{
	AP_STR_AUTO prefix = {0};

	*ret_n = 0;
	ap_ship_fixed_prefix(&s->crashes->config.ship, &prefix);
	if (prefix.failed)
		return &ap_err_nomem;
	AP_TRY(ap_ship_connect(s));
	return ap_upload_sweep(&s->store.s3, prefix.s ? prefix.s : "",
			       (double)time(NULL) - STALE_SECONDS, is_dead, s, ret_n);
}
