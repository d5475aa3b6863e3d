#include "capture/agent/pod.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mask.h"

static const char *or_null(const char *s)
{
	return s && *s ? s : NULL;
}

static void put_pairs(struct ap_json *j, const char *key, const ap_cri_pairs *pairs)
{
	ap_json_object(j, key);
	for (size_t i = 0; pairs && i < pairs->n; i++) {
		AP_STR_AUTO named = {0}, shown = {0};

		/* An annotation may hold a whole manifest, with the environment in it. */
		ap_mask_value(&named, ap_text_of(pairs->at[i].key), ap_text_of(pairs->at[i].value));
		ap_mask_preview(&shown, (struct ap_text){named.s ? named.s : "", named.n});
		ap_json_text(j, pairs->at[i].key,
			     (struct ap_text){shown.s ? shown.s : "", shown.n});
	}
	ap_json_end_object(j);
}

static void put_texts(struct ap_json *j, const char *key, const ap_cri_texts *texts)
{
	ap_json_array(j, key);
	for (size_t i = 0; i < texts->n; i++)
		ap_json_cstr(j, NULL, texts->at[i]);
	ap_json_end_array(j);
}

/* crictl prints 64-bit numbers as texts. */
static void put_large(struct ap_json *j, const char *key, int64_t v)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	ap_json_cstr(j, key, text);
}

static void put_time(struct ap_json *j, const char *key, int64_t ns)
{
	time_t t = (time_t)(ns / 1000000000);
	char text[40];
	struct tm tm;

	if (ns <= 0 || !gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm))
		ap_json_null(j, key);
	else
		ap_json_cstr(j, key, text);
}

static void put_sandbox(struct ap_json *j, const struct ap_cri_sandbox *s)
{
	if (!s) {
		ap_json_null(j, "pod_info");
		return;
	}
	ap_json_object(j, "pod_info");
	ap_json_cstr(j, "id", s->id);
	ap_json_object(j, "metadata");
	ap_json_cstr(j, "name", s->name);
	ap_json_cstr(j, "uid", s->uid);
	ap_json_cstr(j, "namespace", s->namespace_);
	ap_json_uint(j, "attempt", s->attempt);
	ap_json_end_object(j);
	ap_json_cstr(j, "state", ap_cri_sandbox_state(s->state));
	put_large(j, "createdAt", s->created_ns);
	put_pairs(j, "labels", &s->labels);
	put_pairs(j, "annotations", &s->annotations);
	ap_json_cstr(j, "runtimeHandler", s->runtime_handler);
	ap_json_end_object(j);
}

static void put_containers(struct ap_json *j, const ap_cri_containers *list)
{
	ap_json_object(j, "ps_info");
	ap_json_array(j, "containers");
	for (size_t i = 0; list && i < list->n; i++) {
		const struct ap_cri_container *c = &list->at[i];

		ap_json_object(j, NULL);
		ap_json_cstr(j, "id", c->id);
		ap_json_cstr(j, "podSandboxId", c->sandbox);
		ap_json_object(j, "metadata");
		ap_json_cstr(j, "name", c->name);
		ap_json_uint(j, "attempt", c->attempt);
		ap_json_end_object(j);
		ap_json_object(j, "image");
		ap_json_cstr(j, "image", c->image);
		ap_json_end_object(j);
		ap_json_cstr(j, "imageRef", c->image_ref);
		ap_json_cstr(j, "state", ap_cri_container_state(c->state));
		put_large(j, "createdAt", c->created_ns);
		put_pairs(j, "labels", &c->labels);
		put_pairs(j, "annotations", &c->annotations);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void put_image(struct ap_json *j, const struct ap_cri_image *image)
{
	if (!image) {
		ap_json_null(j, "image_info");
		return;
	}
	ap_json_object(j, "image_info");
	ap_json_cstr(j, "id", image->id);
	put_texts(j, "repoTags", &image->tags);
	put_texts(j, "repoDigests", &image->digests);
	put_large(j, "size", (int64_t)image->bytes);
	ap_json_cstr(j, "username", image->username);
	ap_json_end_object(j);
}

const char *ap_pod_image_digest(const struct ap_pod *pod)
{
	for (size_t i = 0; pod->image && i < pod->image->digests.n; i++) {
		const char *at = strrchr(pod->image->digests.at[i], '@');

		if (at && at[1])
			return at + 1;
	}
	return NULL;
}

static void put_container(struct ap_json *j, const struct ap_cri_container *c)
{
	ap_json_cstr(j, "container", c ? or_null(c->name) : NULL);
	ap_json_cstr(j, "image", c ? or_null(c->image) : NULL);
	if (c)
		ap_json_uint(j, "restarts", c->attempt);
	else
		ap_json_null(j, "restarts");
	put_time(j, "started", c ? c->started_ns : 0);
	put_time(j, "finished", c ? c->finished_ns : 0);
	ap_json_cstr(j, "exit_reason", c ? or_null(c->reason) : NULL);
	if (c && c->finished_ns > 0)
		ap_json_int(j, "exit_code", c->exit_code);
	else
		ap_json_null(j, "exit_code");
	ap_json_cstr(j, "log_path", c ? or_null(c->log_path) : NULL);
}

void ap_pod_write(const struct ap_pod *p, struct ap_str *out)
{
	const struct ap_cri_sandbox *s = p->sandbox;
	struct ap_json j;

	ap_json_init(&j, out, NULL);
	ap_json_object(&j, NULL);
	ap_json_int(&j, "schema", 1);
	/* A pod's name of the runtime stands above the one that was guessed from a directory;
	 * absent, that one holds. */
	if (s) {
		ap_json_cstr(&j, "namespace", or_null(s->namespace_));
		ap_json_cstr(&j, "pod", or_null(s->name));
		ap_json_cstr(&j, "pod_uid", or_null(s->uid));
	}
	ap_json_cstr(&j, "container_id", p->container_id);
	put_container(&j, p->container);
	ap_json_cstr(&j, "image_digest", ap_pod_image_digest(p));
	ap_json_cstr(&j, "image_id", p->image ? or_null(p->image->id) : NULL);
	ap_json_cstr(&j, "image_error", p->image_error);
	put_pairs(&j, "labels", s ? &s->labels : NULL);
	put_sandbox(&j, s);
	put_containers(&j, p->containers);
	put_image(&j, p->image);
	ap_json_object(&j, "log");
	ap_json_cstr(&j, "file", p->have_log ? "container.log" : NULL);
	ap_json_uint(&j, "lines", p->log.lines);
	ap_json_bool(&j, "more", p->log.more);
	ap_json_cstr(&j, "error", p->log_error);
	ap_json_end_object(&j);
	ap_json_cstr(&j, "rule", p->rule);
	ap_json_cstr(&j, "rule_action", p->action);
	ap_json_cstr(&j, "runtime_socket", p->socket);
	ap_json_cstr(&j, "runtime_version", p->version);
	ap_json_cstr(&j, "error", p->error);
	ap_json_end_object(&j);
	ap_json_newline(&j);
}
