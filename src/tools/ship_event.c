/* Who hears of a crash: a file with a line of JSON each, a web hook. At least once, never before it
 * is safe. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "os/outfile.h"
#include "tools/ship.h"

enum { EVENT_BYTES = 256 << 10, ANSWER_BYTES = 1 << 20, TRIES = 3 };

#define EVENT_NAME "event.json"

static void put_number_text(struct ap_json *j, const char *key, int64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, v);
	ap_json_cstr(j, key, v < 0 ? NULL : text);
}

struct ap_err *ap_ship_event(const struct ap_config *config, const struct ap_record *r, int dir,
			     const char *key, uint64_t bytes)
{
	AP_STR_AUTO out = {0};
	struct ap_json j;

	if (!config->ship.event_url[0] && !config->ship.event_file[0])
		return NULL;
	ap_json_init(&j, &out, NULL);
	ap_json_object(&j, NULL);
	/* core-dump-handler's keys and types first. */
	ap_json_cstr(&j, "uuid", r->uuid);
	ap_json_cstr(&j, "key", key[0] ? key : NULL);
	ap_json_cstr(&j, "exe_path", r->exe);
	ap_json_cstr(&j, "exe_name", r->comm);
	put_number_text(&j, "pid", r->pid);
	put_number_text(&j, "signal", r->signal);
	put_number_text(&j, "timestamp", (int64_t)r->time);
	ap_json_cstr(&j, "hostname", r->hostname);
	ap_json_cstr(&j, "namespace", r->namespace_);
	ap_json_array(&j, "image_list");
	if (r->image_digest)
		ap_json_cstr(&j, NULL, r->image_digest);
	ap_json_end_array(&j);
	ap_json_cstr(&j, "event", config->ship.bucket[0] ? "shipped" : "kept");
	ap_json_cstr(&j, "bucket", config->ship.bucket[0] ? config->ship.bucket : NULL);
	ap_json_uint(&j, "bytes", bytes);
	ap_json_cstr(&j, "cluster", config->ship.cluster[0] ? config->ship.cluster : NULL);
	ap_json_cstr(&j, "host", r->host);
	ap_json_cstr(&j, "pod", r->pod);
	ap_json_cstr(&j, "container_id", r->container);
	ap_json_cstr(&j, "container", r->container_name);
	ap_json_cstr(&j, "image", r->image);
	ap_json_cstr(&j, "program", ap_record_program(r));
	ap_json_cstr(&j, "signal_name", r->signal_name);
	ap_json_cstr(&j, "core", r->core);
	ap_json_cstr(&j, "core_reason", r->reason);
	ap_json_int(&j, "count", r->count);
	ap_json_cstr(&j, "fingerprint", r->fingerprint);
	ap_json_cstr(&j, "verdict_kind", r->verdict_kind);
	ap_json_cstr(&j, "verdict", r->verdict);
	ap_json_cstr(&j, "top", r->top);
	ap_json_end_object(&j);
	ap_json_newline(&j);
	return out.failed ? &ap_err_nomem : ap_dir_write(dir, EVENT_NAME, out.s, out.n);
}

/* One write: lines of several writers do not mix. */
static struct ap_err *append(const char *path, const struct ap_str *line)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);

	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", path);
	struct ap_err *err = ap_write_all(fd, line->s, line->n);
	close(fd);
	return err ? ap_err_wrap(err, "cannot write %s", path) : NULL;
}

static struct ap_err *post(const struct ap_shipper *s, const struct ap_str *body)
{
	const struct ap_ship_config *config = &s->crashes->config.ship;
	struct ap_http_options options = {
		.ca_file = config->ca_file[0] ? config->ca_file : NULL,
		.proxy = config->proxy[0] ? config->proxy : NULL,
		.stop = s->stop,
	};
	struct ap_http_request request = {
		.method = "POST",
		.url = config->event_url,
		.headers = "Content-Type: application/json",
		.body = body->s,
		.body_bytes = body->n,
		.most = ANSWER_BYTES,
	};
	struct ap_err *err = NULL;
	struct ap_http http;

	AP_TRY(ap_http_open(&options, &http));
	for (unsigned tried = 0; tried < TRIES; tried++) {
		struct ap_http_answer a = {.status = 0};
		bool again = false;

		ap_err_free(err);
		err = ap_http_do(&http, &request, &a, &again);
		if (!err && a.status / 100 != 2) {
			again = a.status == 429 || a.status >= 500;
			err = ap_err_hint(
				ap_err_new(AP_E_IO, "%s answers %ld", config->event_url, a.status),
				"the crash is safe; it is told again later");
		}
		ap_http_answer_close(&a);
		if (!err || !again || (s->stop && *s->stop))
			break;
		usleep(200000u << tried);
	}
	ap_http_close(&http);
	return err;
}

struct ap_err *ap_ship_tell(struct ap_shipper *s, int dir)
{
	const struct ap_ship_config *config = &s->crashes->config.ship;
	AP_STR_AUTO text = {0};
	struct stat st;

	if (fstatat(dir, EVENT_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return NULL;
	AP_TRY(ap_dir_read(dir, EVENT_NAME, EVENT_BYTES, &text));
	if (config->event_url[0])
		AP_TRY(post(s, &text));
	/* Last, because a file that can be written once can be written again. */
	if (config->event_file[0])
		AP_TRY(append(config->event_file, &text));
	return unlinkat(dir, EVENT_NAME, 0) < 0 ? ap_err_errno(errno, "cannot remove " EVENT_NAME)
						: NULL;
}
