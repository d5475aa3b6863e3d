/*
 * autopsy debug --kubectl: a pod in the cluster with the core of a crash and the executable of its
 * image, and a shell in it. The options are those of core-dump-handler's cdcli. The pod gets no
 * keys of the store, but an address that is signed for this one object and an hour.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "tools/debug_pod.h"
#include "tools/fleet_private.h"
#include "tools/snapshot_private.h"
#include "tools/store.h"

enum { URL_SECONDS = 3600, TRY_SECONDS = 3, TRIES = 100 };

#define DEBUG_IMAGE "autopsy-debug:" AP_VERSION

static const char usage_text[] =
	"usage: autopsy debug --kubectl -c ZIP -i IMAGE [options] [s3://BUCKET/PREFIX] [-- COMMAND ...]\n"
	"Starts a pod with the core of that bundle and the executable of the image that crashed, and a\n"
	"shell in it (./rundebug.sh opens the core); the pod goes when the shell ends.\n"
	"  -c, --corezipfilename ZIP   the bundle's name, or its whole key\n"
	"  -i, --image IMAGE           the image that crashed\n"
	"  -e, --exe-name NAME         its executable; otherwise as the bundle's name says\n"
	"  -r, --runtime NAME          nodejs or default: the same image opens both\n"
	"  -n, --namespace NAME        where the pod is started (observe)\n"
	"  --debug-image IMAGE         of deploy/docker/debug.Dockerfile (" DEBUG_IMAGE ")\n"
	"  --tries N                   attempts to connect (100)\n"
	"  --every TIME                between them (3s)\n"
	"  --config FILE               another configuration than the usual one\n"
	"  COMMAND                     instead of the shell\n";

struct session {
	struct ap_debug_pod pod;
	const char *zip, *exe, *runtime, *address, *config;
	char exe_buf[AP_DEBUG_NAME_MAX], base[AP_DEBUG_NAME_MAX * 2];
	struct ap_str url;
};

static volatile sig_atomic_t stopped;

static void on_stop(int sig)
{
	stopped = sig;
}

static bool is_name(const char *s)
{
	return *s && *s != '-' && strlen(s) < AP_DEBUG_NAME_MAX &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-") ==
		       strlen(s);
}

/* The bundle's name without its end, and the executable in it:
 * {uuid}-dump-{time}-{host}-{exe}-{pid}-{signal}. */
static struct ap_err *parse_name(struct session *s)
{
	const char *slash = strrchr(s->zip, '/'), *name = slash ? slash + 1 : s->zip;
	size_t n = strlen(name);
	const char *end, *start;

	if (n > 4 && strcmp(name + n - 4, ".zip") == 0)
		n -= 4;
	snprintf(s->base, sizeof(s->base), "%.*s", (int)n, name);
	if (!is_name(s->base) || strlen(s->base) != n)
		return ap_err_new(AP_E_USAGE, "\"%.80s\" is no name of a bundle", s->zip);
	if (!s->exe) {
		end = s->base + n;
		for (int i = 0; i < 2 && end; i++)
			end = memrchr(s->base, '-', (size_t)(end - s->base));
		start = end ? memrchr(s->base, '-', (size_t)(end - s->base)) : NULL;
		if (start)
			snprintf(s->exe_buf, sizeof(s->exe_buf), "%.*s", (int)(end - start - 1),
				 start + 1);
		s->exe = s->exe_buf;
	}
	/* It becomes part of a path and stands in a shell's variable. */
	if (!is_name(s->exe))
		return ap_err_hint(
			ap_err_new(AP_E_USAGE,
				   "which executable it was does not follow from the name"),
			"say it: -e node");
	return NULL;
}

struct search {
	const char *name;
	struct ap_arena *arena;
	char *key;
	unsigned n;
};

static bool is_it(void *arg, const struct ap_s3_object *object)
{
	struct search *search = arg;
	const char *slash = strrchr(object->key, '/');

	if (strcmp(slash ? slash + 1 : object->key, search->name) == 0) {
		search->key = ap_strdup(search->arena, object->key);
		search->n++;
	}
	return search->n < 2;
}

static struct ap_err *presign(struct ap_store *store, const char *key, struct ap_str *out)
{
	const struct ap_s3_keys *keys = &store->s3.config.keys;
	AP_STR_AUTO path = {0};

	if (!keys->access_key)
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "without keys no address can be signed"),
			"s3_keys_file in autopsy.conf, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
	ap_str_adds(&path, store->s3.base);
	ap_str_adds(&path, key);
	if (path.failed)
		return &ap_err_nomem;
	struct ap_s3_request request = {.method = "GET",
					.host = store->s3.host,
					.path = path.s,
					.payload = AP_S3_UNSIGNED,
					.when = time(NULL) + store->s3.clock_off};
	return ap_s3_presign(&request, keys, store->s3.scheme, URL_SECONDS, out);
}

/* The object, by its key, below the prefix, or wherever below the prefix's fixed part its name is.
 */
static struct ap_err *find(struct session *s, struct ap_store *store)
{
	AP_STR_AUTO fixed = {0};
	AP_STR_AUTO key = {0};
	AP_STR_AUTO name = {0};
	struct ap_s3_head head = {.found = false};

	ap_str_add(&fixed, store->prefix, strcspn(store->prefix, "{"));
	ap_str_addf(&name, "%s.zip", s->base);
	ap_str_addf(&key, "%s%s",
		    strchr(s->zip, '/') ? ""
		    : fixed.n           ? fixed.s
					: "",
		    strchr(s->zip, '/') ? s->zip : name.s);
	if (fixed.failed || key.failed || name.failed)
		return &ap_err_nomem;
	AP_TRY(ap_s3_head(&store->s3, key.s, &head));
	if (head.found)
		return presign(store, key.s, &s->url);
	struct search search = {.name = name.s, .arena = &store->arena};
	AP_TRY(ap_s3_list(&store->s3, fixed.n ? fixed.s : "", is_it, &search));
	if (search.n != 1 || !search.key)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "%s bundle %s in s3://%s/%s",
					      search.n ? "there is more than one" : "there is no",
					      name.s, store->bucket, fixed.n ? fixed.s : ""),
				   search.n ? "give its whole key"
					    : "autopsy list s3://%s/ shows what is there",
				   store->bucket);
	return presign(store, search.key, &s->url);
}

static struct ap_err *sign_url(struct session *s)
{
	extern char **environ;
	struct ap_config config;
	struct ap_store store;

	AP_TRY(ap_config_load(s->config, environ, &config));
	struct ap_err *err = NULL;
	if (!s->address && !config.ship.bucket[0])
		err = ap_err_hint(ap_err_new(AP_E_USAGE, "which bucket?"),
				  "s3://BUCKET/ here, or s3_bucket in autopsy.conf");
	if (!err)
		err = ap_store_open(&config.ship, s->address, &stopped, &store);
	if (!err) {
		err = find(s, &store);
		ap_store_close(&store);
	}
	ap_config_close(&config);
	return err;
}

static struct ap_err *run(struct session *s, int *ret_status)
{
	struct ap_debug_pod *pod = &s->pod;

	AP_TRY(parse_name(s));
	AP_TRY(ap_debug_pod_name(pod));
	AP_TRY(sign_url(s));
	pod->exe = s->exe;
	pod->base = s->base;
	pod->url = s->url.s;
	fprintf(stderr,
		"Debugging: %s\nRuntime: %s\nNamespace: %s\nDebug Image: %s\nApp Image: %s\n",
		s->exe, s->runtime, pod->namespace_, pod->debug_image, pod->image);
	struct ap_err *err = ap_debug_pod_start(pod);
	if (!err)
		err = ap_debug_pod_connect(pod);
	if (!err)
		err = ap_debug_pod_talk(pod, ret_status);
	/* However it ended: a pod that nobody looks at keeps a core. */
	struct ap_err *left = ap_debug_pod_delete(pod);
	if (err && left) {
		ap_err_free(ap_err_hint(left, NULL));
		return err;
	}
	return err ? err : left;
}

int ap_tool_debug_kubectl(int argc, char **argv)
{
	enum {
		DEBUG_IMAGE_OPTION = 256,
		TRIES_OPTION,
		EVERY_OPTION,
		CONFIG_OPTION,
		KUBECTL_OPTION
	};
	static const struct option longs[] = {
		{"corezipfilename", required_argument, NULL, 'c'},
		{"image", required_argument, NULL, 'i'},
		{"exe-name", required_argument, NULL, 'e'},
		{"runtime", required_argument, NULL, 'r'},
		{"namespace", required_argument, NULL, 'n'},
		{"debug-image", required_argument, NULL, DEBUG_IMAGE_OPTION},
		{"tries", required_argument, NULL, TRIES_OPTION},
		{"every", required_argument, NULL, EVERY_OPTION},
		{"config", required_argument, NULL, CONFIG_OPTION},
		{"kubectl", no_argument, NULL, KUBECTL_OPTION},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	struct session s = {.pod = {.namespace_ = "observe",
				    .debug_image = DEBUG_IMAGE,
				    .tries = TRIES,
				    .pause_seconds = TRY_SECONDS,
				    .stopped = &stopped}};
	struct sigaction stop = {.sa_handler = on_stop};
	const char *runtime = NULL;
	int status = 0;
	char *end;

	optind = 1;
	for (int o; (o = getopt_long(argc, argv, "c:i:e:r:n:h", longs, NULL)) != -1;) {
		switch (o) {
		case 'c':
			s.zip = optarg;
			break;
		case 'i':
			s.pod.image = optarg;
			break;
		case 'e':
			s.exe = optarg;
			break;
		case 'r':
			runtime = optarg;
			break;
		case 'n':
			s.pod.namespace_ = optarg;
			break;
		case DEBUG_IMAGE_OPTION:
			s.pod.debug_image = optarg;
			break;
		case CONFIG_OPTION:
			s.config = optarg;
			break;
		case KUBECTL_OPTION:
			break;
		case TRIES_OPTION:
			s.pod.tries = (unsigned)strtoul(optarg, &end, 10);
			if (*end || !s.pod.tries || s.pod.tries > 100000)
				return ap_tool_usage("debug", usage_text,
						     "\"%s\" is no number of attempts", optarg);
			break;
		case EVERY_OPTION:
			if (!ap_duration_parse(optarg, &s.pod.pause_seconds) ||
			    s.pod.pause_seconds > 3600)
				return ap_tool_usage("debug", usage_text, "\"%s\" is no time",
						     optarg);
			break;
		case 'h':
			return fputs(usage_text, stdout), 0;
		default:
			return ap_tool_usage("debug", usage_text, NULL);
		}
	}
	/* getopt moves what is no option behind the "--". */
	bool dashes = strcmp(argv[optind - 1], "--") == 0;
	if (optind < argc && ap_store_is_address(argv[optind]))
		s.address = argv[optind++];
	if (optind < argc && !dashes)
		return ap_tool_usage("debug", usage_text, "%s is not understood", argv[optind]);
	s.pod.command = argv + optind;
	if (!s.zip || !s.pod.image)
		return ap_tool_usage("debug", usage_text, "-c ZIP and -i IMAGE are needed");
	if (*s.pod.image == '-' || !is_name(s.pod.namespace_))
		return ap_tool_usage("debug", usage_text, "that is no image, or no namespace");
	if (runtime && strcmp(runtime, "nodejs") != 0 && strcmp(runtime, "default") != 0)
		return ap_tool_usage("debug", usage_text, "the runtime %s is not known here",
				     runtime);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	s.runtime = runtime ? runtime : "by the executable";
	struct ap_err *err = run(&s, &status);
	ap_str_close(&s.url);
	return err ? ap_tool_fail("debug", err) : status;
}
