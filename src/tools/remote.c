#include "tools/remote.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "ship/source.h"
#include "ship/unzip.h"

enum { MAX_OBJECTS = 1 << 20, FIRST_BYTES = 48 << 10, TEXT_BYTES = 8 << 20, MAX_LOOK = 16 << 20 };

static const char *base_name(const char *key)
{
	const char *slash = strrchr(key, '/');

	return slash ? slash + 1 : key;
}

/* The id at the beginning of a bundle's name, or wherever a template put it. */
static void find_id(const char *name, char ret[static AP_UUID_SIZE])
{
	for (; strlen(name) >= AP_UUID_SIZE - 1; name++) {
		memcpy(ret, name, AP_UUID_SIZE - 1);
		ret[AP_UUID_SIZE - 1] = '\0';
		if (ap_is_uuid(ret))
			return;
	}
	ret[0] = '\0';
}

/* Ids of version 7 begin with the time; core-dump-handler's name holds it behind "-dump-". */
static double time_of(const char *name, const char *uuid, double changed)
{
	const char *dump = strstr(name, "-dump-");
	double when = dump ? strtod(dump + 6, NULL) : 0;

	if (uuid[0] && uuid[14] == '7')
		return ap_uuid_time(uuid);
	return when > 1e9 && when < 1e11 ? when : changed;
}

static bool add_object(void *arg, const struct ap_s3_object *o)
{
	struct ap_remotes *all = arg;
	size_t n = strlen(o->key);
	struct ap_remote r = {.bytes = o->bytes};

	if (n < 5 || strcmp(o->key + n - 4, ".zip") != 0)
		return true;
	r.key = ap_strdup(&all->arena, o->key);
	memcpy(r.etag, o->etag, sizeof(r.etag));
	r.record = (struct ap_record){.pid = -1,
				      .uid = -1,
				      .signal = -1,
				      .core_bytes = -1,
				      .stored_bytes = -1,
				      .mini_bytes = -1,
				      .count = -1,
				      .state = "done"};
	find_id(base_name(o->key), r.record.uuid);
	r.time = time_of(base_name(o->key), r.record.uuid, o->time);
	r.record.time = r.time;
	return r.key && ap_vec_push(&all->arena, &all->all, r) && all->all.n < MAX_OBJECTS;
}

static int newest_first(const void *a, const void *b)
{
	const struct ap_remote *x = a, *y = b;

	return x->time > y->time ? -1 : x->time < y->time ? 1 : strcmp(x->key, y->key);
}

struct ap_err *ap_remotes_open(const struct ap_ship_config *config, const char *address,
			       struct ap_remotes *ret)
{
	*ret = (struct ap_remotes){.config = config, .address = address};
	AP_TRY(ap_store_open(config, address, NULL, &ret->store));
	ap_arena_init(&ret->arena, 0);
	for (size_t i = 0; i < AP_REMOTE_THREADS; i++)
		ap_arena_init(&ret->threads[i], 0);
	struct ap_err *err = ap_s3_list(&ret->store.s3, ret->store.prefix, add_object, ret);
	if (!err && ret->all.n)
		qsort(ret->all.at, ret->all.n, sizeof(*ret->all.at), newest_first);
	if (err)
		ap_remotes_close(ret);
	return err;
}

void ap_remotes_close(struct ap_remotes *remotes)
{
	for (size_t i = 0; i < AP_REMOTE_THREADS; i++)
		ap_arena_close(&remotes->threads[i]);
	ap_arena_close(&remotes->arena);
	ap_store_close(&remotes->store);
}

/* core-dump-handler's own facts: all of them texts. */
static void read_dump_info(const char *text, struct ap_arena *arena, struct ap_remote *remote)
{
	struct ap_json_memory memory = {text, strlen(text)};
	struct ap_record *r = &remote->record;
	struct ap_json_reader reader;
	struct ap_text key, value;
	const char *core = NULL;
	bool first = true;

	ap_json_read_init(&reader, ap_json_source_memory(&memory), 64 << 10);
	if (ap_json_read_token(&reader, '{')) {
		while (ap_json_read_more(&reader, &first, '}') && ap_json_read_key(&reader, &key)) {
			const char **to = ap_text_is(key, "hostname")        ? &r->hostname
					  : ap_text_is(key, "exe")           ? &r->comm
					  : ap_text_is(key, "node_hostname") ? &r->host
					  : ap_text_is(key, "core")          ? &core
					  : ap_text_is(key, "core_reason")   ? &r->reason
									     : NULL;
			int64_t *number = ap_text_is(key, "real_pid") ? &r->pid
					  : ap_text_is(key, "signal") ? &r->signal
								      : NULL;
			bool is_text = ap_json_peek(&reader) == '"';

			if (!is_text || (!to && !number)) {
				(void)ap_json_read_skip(&reader);
			} else if (ap_json_read_text(&reader, &value)) {
				const char *copy = ap_strndup(arena, value.s, value.n);

				if (to)
					*to = copy;
				else if (copy)
					*number = strtoll(copy, NULL, 10);
			}
		}
	}
	ap_err_free(ap_json_read_error(&reader));
	ap_json_read_close(&reader);
	r->have_core = !core || strcmp(core, "whole") == 0;
	r->have_cut = core && strcmp(core, "cut") == 0;
	r->core = core;
}

static void name_signal(struct ap_record *r, struct ap_arena *arena)
{
	const char *name = r->signal > 0 && r->signal < 65 ? sigabbrev_np((int)r->signal) : NULL;

	if (!r->signal_name && name)
		r->signal_name = ap_printf(arena, "SIG%s", name);
}

static void parse_into(const char *text, struct ap_arena *arena, struct ap_record *r)
{
	/* A damaged file leaves its facts unknown; the others still count. */
	if (text)
		ap_err_free(ap_record_parse(text, strlen(text), arena, r));
}

/* The texts at the beginning of a bundle; the first core ends them. */
static struct ap_err *read_texts(struct ap_unzip *u, struct ap_source *source,
				 struct ap_arena *arena, struct ap_remote *remote)
{
	const char *name;

	for (;;) {
		AP_STR_AUTO text = {0};

		AP_TRY(ap_unzip_next(u, &name));
		enum ap_bundle_file file = name ? ap_bundle_file_of(name) : AP_BUNDLE_CORE;
		if (file == AP_BUNDLE_MINI)
			remote->record.have_mini = true;
		if (!name || file >= AP_BUNDLE_MINI || source->at > MAX_LOOK)
			return NULL;
		const char **to = file == AP_BUNDLE_DUMP_INFO ? &remote->dump_info
				  : file == AP_BUNDLE_META    ? &remote->meta
				  : file == AP_BUNDLE_STATE   ? &remote->state
				  : file == AP_BUNDLE_POD     ? &remote->pod
				  : file == AP_BUNDLE_STACK   ? &remote->stack
							      : NULL;
		if (!to)
			continue;
		AP_TRY(ap_unzip_text(u, TEXT_BYTES, &text));
		*to = ap_strndup(arena, text.s ? text.s : "", text.n);
		if (!*to)
			return &ap_err_nomem;
	}
}

static struct ap_err *know(struct ap_s3 *s3, struct ap_arena *arena, struct ap_remote *remote)
{
	struct ap_source source;
	struct ap_unzip u;

	ap_source_init(&source, s3, remote->key, remote->etag, remote->bytes, FIRST_BYTES);
	struct ap_err *err = ap_unzip_open(&u, ap_source_next, &source);
	if (!err) {
		err = read_texts(&u, &source, arena, remote);
		ap_unzip_close(&u);
	}
	ap_source_close(&source);
	if (err)
		return err;
	if (!remote->dump_info)
		return ap_err_new(AP_E_FORMAT,
				  "this zip is no crash: it has no ...-dump-info.json");
	read_dump_info(remote->dump_info, arena, remote);
	struct ap_record *r = &remote->record;
	bool core = r->have_core, cut = r->have_cut, mini = r->have_mini;
	parse_into(remote->meta, arena, r);
	parse_into(remote->state, arena, r);
	parse_into(remote->pod, arena, r);
	parse_into(remote->stack, arena, r);
	r->have_core = core;
	r->have_cut = cut;
	r->have_mini = mini;
	r->have_stack = remote->stack != NULL;
	r->stored_bytes = (int64_t)remote->bytes;
	/* What the agent found when it was interrupted is all there will be. */
	if (!r->state || strcmp(r->state, "done") != 0)
		r->state = "interrupted";
	name_signal(r, arena);
	return NULL;
}

struct work {
	struct ap_remotes *remotes;
	atomic_size_t next;
	size_t to;
};

struct worker {
	struct work *work;
	struct ap_arena *arena;
	pthread_t thread;
	bool started;
};

static void *work_on(void *arg)
{
	struct worker *w = arg;
	struct ap_remotes *all = w->work->remotes;
	struct ap_store store;
	size_t i;

	AP_ERR_AUTO closed = ap_store_open(all->config, all->address, NULL, &store);
	while ((i = atomic_fetch_add(&w->work->next, 1)) < w->work->to) {
		struct ap_remote *r = &all->all.at[i];

		if (r->known)
			continue;
		AP_ERR_AUTO err = closed ? NULL : know(&store.s3, w->arena, r);
		r->known = true;
		if (closed || err)
			r->error = ap_strdup(w->arena, (closed ? closed : err)->message);
	}
	if (!closed)
		ap_store_close(&store);
	return NULL;
}

void ap_remotes_know(struct ap_remotes *remotes, size_t from, size_t to)
{
	struct work work = {.remotes = remotes, .to = to};
	struct worker workers[AP_REMOTE_THREADS];
	size_t n = to - from < AP_REMOTE_THREADS ? to - from : AP_REMOTE_THREADS;

	atomic_init(&work.next, from);
	for (size_t i = 0; i < n; i++) {
		workers[i] = (struct worker){.work = &work, .arena = &remotes->threads[i]};
		workers[i].started = i > 0 && pthread_create(&workers[i].thread, NULL, work_on,
							     &workers[i]) == 0;
	}
	/* This thread works, too: it gets done even if no other could be started. */
	if (n)
		(void)work_on(&workers[0]);
	for (size_t i = 1; i < n; i++) {
		if (workers[i].started)
			pthread_join(workers[i].thread, NULL);
	}
}

static bool is_named(const struct ap_remote *r, const char *id)
{
	size_t k = strlen(id), n = strlen(r->key), m = strlen(r->record.uuid);

	return strncmp(r->record.uuid, id, k) == 0 ||
	       (m >= k && strcmp(r->record.uuid + m - k, id) == 0) ||
	       (n >= k && strcmp(r->key + n - k, id) == 0);
}

struct ap_err *ap_remotes_find(struct ap_remotes *remotes, const char *id, struct ap_remote **ret)
{
	bool last = !id || strcmp(id, "last") == 0;
	size_t found = 0, at = 0;

	if (!last && strlen(id) < 4)
		return ap_err_new(AP_E_USAGE,
				  "at least four characters of a crash's id are needed");
	for (size_t i = 0; i < remotes->all.n && !(last && found); i++) {
		if (last || is_named(&remotes->all.at[i], id)) {
			at = i;
			found++;
		}
	}
	if (found != 1)
		return ap_err_hint(
			found ? ap_err_new(AP_E_NOTFOUND, "%zu crashes are called %.60s", found, id)
			      : ap_err_new(AP_E_NOTFOUND, "no crash %.60s in s3://%s/%s",
					   last ? "at all" : id, remotes->store.bucket,
					   remotes->store.prefix),
			"`autopsy list s3://%s/%s` shows what there is", remotes->store.bucket,
			remotes->store.prefix);
	ap_remotes_know(remotes, at, at + 1);
	struct ap_remote *r = &remotes->all.at[at];
	if (r->error)
		return ap_err_new(AP_E_FORMAT, "s3://%s/%s: %s", remotes->store.bucket, r->key,
				  r->error);
	*ret = r;
	return NULL;
}
