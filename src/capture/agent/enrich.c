#include "capture/agent/enrich.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/agent/grpc.h"
#include "capture/agent/pod.h"
#include "capture/agent/rules.h"
#include "capture/spool/retention.h"

enum { ARENA_BYTES = 32 << 20, STATE_BYTES = 4 << 20 };

/* Where runtimes listen: containerd, k3s and rke2, CRI-O, docker's shim, Bottlerocket's and the
 * kubelet's old one. */
static const char *const usual_sockets[] = {
	"/run/containerd/containerd.sock",
	"/run/k3s/containerd/containerd.sock",
	"/run/crio/crio.sock",
	"/run/cri-dockerd.sock",
	"/run/dockershim.sock",
	"/var/run/dockershim.sock",
	"/run/host-containerd/containerd.sock",
};

struct enrich {
	const struct ap_config *config;
	const struct ap_record *record;
	struct ap_arena *arena;
	struct ap_grpc grpc;
	struct ap_pod pod;
	struct ap_cri_container container;
	struct ap_cri_sandbox sandbox;
	struct ap_cri_image image;
	ap_cri_containers containers;
};

static bool is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static const char *find_socket(const struct ap_config *config)
{
	if (config->cri[0])
		return is_socket(config->cri) ? config->cri : NULL;
	for (size_t i = 0; i < sizeof(usual_sockets) / sizeof(usual_sockets[0]); i++) {
		if (is_socket(usual_sockets[i]))
			return usual_sockets[i];
	}
	return NULL;
}

bool ap_enrich_wanted(const struct ap_config *config, const struct ap_record *record)
{
	return record->container && !record->have_pod && strcmp(config->cri, "none") != 0;
}

static struct ap_err *call(struct enrich *e, const char *service, const char *method,
			   const struct ap_str *request, struct ap_str *answer)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.%s/%s", e->pod.version, service, method);
	return ap_grpc_call(&e->grpc, name, request, answer);
}

/* The container in the runtime's list; AP_E_NOTFOUND: it knows none of that id. */
static struct ap_err *find_container(struct enrich *e, const char **ret_sandbox)
{
	AP_STR_AUTO ask = {0}, answer = {0};
	ap_cri_containers list = {0};

	ap_cri_ask_list(&ask, e->record->container, NULL);
	/* Kubelets before 1.26 spoke v1alpha2 with their runtimes: the same messages under another
	 * name. */
	e->pod.version = "runtime.v1";
	struct ap_err *err = call(e, "RuntimeService", "ListContainers", &ask, &answer);
	if (err && err->code == AP_E_UNSUPPORTED) {
		ap_err_free(err);
		e->pod.version = "runtime.v1alpha2";
		err = call(e, "RuntimeService", "ListContainers", &ask, &answer);
	}
	AP_TRY(err);
	AP_TRY(ap_cri_read_list((struct ap_text){answer.s, answer.n}, e->arena, &list));
	for (size_t i = 0; i < list.n; i++) {
		/* The filter takes beginnings, too. */
		if (strcmp(list.at[i].id, e->record->container) == 0) {
			*ret_sandbox = list.at[i].sandbox;
			return NULL;
		}
	}
	return ap_err_new(AP_E_NOTFOUND,
			  "the container runtime does not know the container any more");
}

static struct ap_err *ask_container(struct enrich *e)
{
	AP_STR_AUTO ask = {0}, answer = {0};

	ap_cri_ask_id(&ask, e->record->container);
	AP_TRY(call(e, "RuntimeService", "ContainerStatus", &ask, &answer));
	AP_TRY(ap_cri_read_container((struct ap_text){answer.s, answer.n}, e->arena,
				     &e->container));
	e->pod.container = &e->container;
	return NULL;
}

static struct ap_err *ask_sandbox(struct enrich *e, const char *id)
{
	AP_STR_AUTO ask = {0}, answer = {0}, ask_list = {0};

	ap_cri_ask_id(&ask, id);
	AP_TRY(call(e, "RuntimeService", "PodSandboxStatus", &ask, &answer));
	AP_TRY(ap_cri_read_sandbox((struct ap_text){answer.s, answer.n}, e->arena, &e->sandbox));
	e->pod.sandbox = &e->sandbox;
	ap_cri_ask_list(&ask_list, NULL, id);
	AP_TRY(call(e, "RuntimeService", "ListContainers", &ask_list, &answer));
	AP_TRY(ap_cri_read_list((struct ap_text){answer.s, answer.n}, e->arena, &e->containers));
	e->pod.containers = &e->containers;
	return NULL;
}

/* The image may be gone already: then its name still stands in the container's record. */
static struct ap_err *ask_image(struct enrich *e)
{
	AP_STR_AUTO ask = {0}, answer = {0};

	if (!e->container.image_ref || !e->container.image_ref[0])
		return NULL;
	ap_cri_ask_image(&ask, e->container.image_ref);
	AP_TRY(call(e, "ImageService", "ImageStatus", &ask, &answer));
	AP_TRY(ap_cri_read_image((struct ap_text){answer.s, answer.n}, e->arena, &e->image));
	e->pod.image = &e->image;
	return NULL;
}

static struct ap_err *ask_all(struct enrich *e)
{
	const char *sandbox = e->record->container;
	struct ap_err *err = find_container(e, &sandbox);

	if (err && err->code == AP_E_NOTFOUND) {
		/* Not a container of the pod but what holds its namespaces: then its id is the
		 * pod's. */
		struct ap_err *none = ask_sandbox(e, sandbox);

		if (none && none->code == AP_E_NOTFOUND) {
			ap_err_free(none);
			return err;
		}
		ap_err_free(err);
		return none;
	}
	AP_TRY(err);
	AP_TRY(ask_container(e));
	AP_TRY(ask_sandbox(e, sandbox));
	err = ask_image(e);
	if (err) {
		e->pod.image_error = ap_strdup(e->arena, err->message);
		ap_err_free(err);
	}
	return NULL;
}

static struct ap_err *write_log(struct enrich *e, int dir)
{
	AP_STR_AUTO text = {0};
	int fd;

	if (!e->config->log_lines)
		return NULL;
	if (!e->container.log_path[0])
		return ap_err_new(AP_E_NOTFOUND, "the container runtime names no log");
	AP_TRY(ap_log_open(e->config->pod_logs, e->container.log_path, &fd));
	struct ap_err *err = ap_log_tail(fd, e->config->log_lines, &text, &e->pod.log);
	close(fd);
	if (!err)
		err = ap_dir_write(dir, "container.log", text.s ? text.s : "", text.n);
	e->pod.have_log = !err;
	return err;
}

/* What the rules by label leave of it. */
static struct ap_err *decide(struct enrich *e, const struct ap_crash *crash,
			     enum ap_rule_action *ret_action)
{
	AP_STR_AUTO text = {0};
	struct ap_label_rules rules;
	const struct ap_rule *rule;

	*ret_action = AP_RULE_CAPTURE;
	AP_TRY(ap_dir_read(crash->dir, "state.json", STATE_BYTES, &text));
	AP_TRY(ap_label_rules_parse(text.s ? text.s : "", text.n, e->arena, &rules));
	if (!rules.rules.n || !e->pod.sandbox)
		return NULL;
	*ret_action = ap_label_rules_decide(&rules, &e->sandbox.labels, &rule);
	e->pod.action = ap_rule_action_name(*ret_action);
	if (rule)
		e->pod.rule = ap_printf(e->arena, "%s label %s", e->pod.action, rule->glob);
	return NULL;
}

static struct ap_err *drop(const struct ap_crash *crash, const char *name)
{
	if (unlinkat(crash->dir, name, 0) < 0 && errno != ENOENT)
		return ap_err_errno(errno, "cannot remove %s of crash %s", name, crash->uuid);
	return NULL;
}

/* Less than was kept, if the rules say so, before anything of it is written or read. */
static struct ap_err *reduce(const struct ap_spool *spool, const struct ap_crash *crash,
			     enum ap_rule_action action)
{
	if (action == AP_RULE_SKIP || action == AP_RULE_PASS)
		return ap_spool_remove(spool, crash->uuid);
	if (action != AP_RULE_CAPTURE) {
		AP_TRY(drop(crash, "core.zst"));
		AP_TRY(drop(crash, "core.cut.zst"));
	}
	return action == AP_RULE_META ? drop(crash, "mini.core.zst") : NULL;
}

static struct ap_err *finish(struct enrich *e, const struct ap_spool *spool,
			     const struct ap_crash *crash, enum ap_enrich_end *ret_end)
{
	enum ap_rule_action action;
	AP_STR_AUTO text = {0};

	AP_TRY(decide(e, crash, &action));
	AP_TRY(reduce(spool, crash, action));
	if (action == AP_RULE_SKIP || action == AP_RULE_PASS) {
		*ret_end = AP_ENRICH_SKIPPED;
		return NULL;
	}
	struct ap_err *err =
		e->pod.container && action != AP_RULE_META ? write_log(e, crash->dir) : NULL;
	if (err) {
		e->pod.log_error = ap_strdup(e->arena, err->message);
		ap_err_free(err);
	}
	ap_pod_write(&e->pod, &text);
	*ret_end = AP_ENRICH_DONE;
	return text.failed ? &ap_err_nomem : ap_dir_write(crash->dir, "pod.json", text.s, text.n);
}

static struct ap_err *ask(struct enrich *e)
{
	e->pod.socket = find_socket(e->config);
	if (!e->pod.socket)
		return ap_err_new(AP_E_IO, "no socket of a container runtime is there%s%s",
				  e->config->cri[0] ? ": " : "", e->config->cri);
	AP_TRY(ap_grpc_open(e->pod.socket, e->config->cri_seconds, &e->grpc));
	struct ap_err *err = ask_all(e);
	ap_grpc_close(&e->grpc);
	return err;
}

struct ap_err *ap_enrich(const struct ap_spool *spool, const struct ap_config *config,
			 const struct ap_record *record, bool last, enum ap_enrich_end *ret_end)
{
	struct ap_arena arena;
	struct enrich e = {.config = config, .record = record, .arena = &arena};
	struct ap_crash crash;

	AP_TRY(ap_crash_open(spool, record->uuid, &crash));
	ap_arena_init(&arena, ARENA_BYTES);
	e.pod.container_id = record->container;
	struct ap_err *err = ask(&e);
	if (err && err->code != AP_E_NOMEM && (last || err->code != AP_E_IO)) {
		/* It will not become better: said in the file. What was found out before it stays.
		 */
		e.pod.error = ap_strdup(&arena, err->message);
		ap_err_free(err);
		err = NULL;
	}
	if (!err) {
		err = finish(&e, spool, &crash, ret_end);
	} else if (err->code == AP_E_IO) {
		ap_err_free(err);
		err = NULL;
		*ret_end = AP_ENRICH_LATER;
	}
	ap_crash_close(spool, &crash);
	ap_arena_close(&arena);
	return err;
}
