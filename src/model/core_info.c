/* Who died: identity, versions, clocks. What no reliable place tells is left out, never guessed. */
#include <sys/stat.h>
#include <time.h>

#include "base/mask.h"
#include "base/number.h"
#include "model/core_memory.h"
#include "node/process.h"
#include "v8/element.h"
#include "v8/property.h"

enum { MAX_ARGUMENTS = 1024, MAX_VERSIONS = 100 };

static const char *env_value(const struct ap_process *process, const char *name)
{
	size_t n = strlen(name);

	for (const char **e = process->env; e && *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=' && (*e)[n + 1])
			return *e + n + 1;
	}
	return NULL;
}

/* The elements of a JavaScript array of strings. */
static struct ap_err *array_texts(struct ap_v8 *v8, ap_tagged process, const char *name,
				  struct ap_arena *arena, struct ap_text **ret_texts, size_t *ret_n)
{
	AP_VEC(struct ap_text) out = {0};
	ap_tagged array;
	uint64_t elements, w;
	int32_t length;

	*ret_n = 0;
	if (!ap_own_value(v8, process, name, &array) || !ap_v8_is(v8, array, AP_F_T_JS_ARRAY) ||
	    !ap_v8_smi(v8, array, F(v8, ARRAY_LENGTH), &length) ||
	    !ap_v8_word(v8, array, F(v8, OBJECT_ELEMENTS), &elements))
		return NULL;
	for (int32_t i = 0; i < length && i < MAX_ARGUMENTS; i++) {
		struct ap_text t = {NULL, 0};

		if (ap_v8_array_at(v8, elements, (uint64_t)i, &w))
			t = ap_v8_text(v8, w, 65536, arena);
		if (t.s && !ap_vec_push(arena, &out, t))
			return &ap_err_nomem;
	}
	*ret_texts = out.at;
	*ret_n = out.n;
	return NULL;
}

static struct ap_err *info_versions(struct ap_core_model *core, ap_tagged process,
				    struct ap_arena *arena, struct ap_info *info)
{
	struct ap_own_iter iter;
	struct ap_own own;
	ap_tagged versions;

	if (!ap_own_value(core->v8, process, "versions", &versions) ||
	    !ap_own_begin(core->v8, versions, &iter))
		return NULL;
	while (info->versions.n < MAX_VERSIONS && ap_own_next(&iter, &own)) {
		struct ap_variable v;

		if (own.kind != AP_OWN_DATA || !own.readable)
			continue;
		v.name = ap_v8_text(core->v8, own.key, 256, arena);
		AP_TRY(ap_core_slot(core, &own.slot, arena, &v.value));
		if (v.name.s && v.value.type == AP_T_STRING &&
		    !ap_vec_push(arena, &info->versions, v))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *info_node(struct ap_core_model *core, struct ap_arena *arena,
				struct ap_info *info)
{
	struct ap_v8 *v8 = core->v8;
	ap_tagged process;
	double uptime;

	info->v8_version = ap_text_of(v8->profile.v8_version);
	info->n_isolates = v8->isolates.n;
	if (ap_node_uptime(v8, &uptime)) {
		char buf[AP_NUMBER_MAX];
		char *text = ap_strdup(arena, ap_duration_human(uptime, buf));

		if (!text)
			return &ap_err_nomem;
		info->uptime_seconds = uptime;
		info->uptime = (struct ap_sourced){
			ap_text_of(text),
			AP_TEXT("Node's clocks, up to the last turn of the event loop")};
	}
	if (!v8->isolates.n || !ap_node_process_object(v8, &v8->isolates.at[0], &process))
		return NULL;
	info->node_version = ap_node_process_text(v8, process, "version", arena);
	info->arch = ap_node_process_text(v8, process, "arch", arena);
	AP_TRY(array_texts(v8, process, "argv", arena, &info->argv.at, &info->argv.n));
	AP_TRY(array_texts(v8, process, "execArgv", arena, &info->exec_argv.at,
			   &info->exec_argv.n));
	return info_versions(core, process, arena, info);
}

static struct ap_err *info_command_line(const struct ap_process *process, struct ap_arena *arena,
					struct ap_info *info)
{
	AP_STR_AUTO line = {0};

	for (const char **a = process->argv; a && *a; a++) {
		if (line.n)
			ap_str_addc(&line, ' ');
		ap_str_adds(&line, *a);
	}
	if (!line.n && process->psargs)
		ap_str_adds(&line, process->psargs);
	info->command_line = ap_str_text(&line, arena);
	return info->command_line.s ? NULL : &ap_err_nomem;
}

static struct ap_err *info_layout(struct ap_core_model *core, struct ap_arena *arena,
				  struct ap_info *info)
{
	AP_STR_AUTO off = {0};

	if (!core->v8) {
		info->layout = AP_TEXT("no V8 found");
		return NULL;
	}
	for (int i = 0; i < AP_N_GROUPS; i++) {
		if (!core->v8->profile.groups[i].on)
			ap_str_addf(&off, "%s%s",
				    off.n ? ", " : "not readable: ", ap_group_what(i));
	}
	if (off.n)
		info->layout = ap_str_text(&off, arena);
	else
		info->layout = core->v8->profile.table_exact
				       ? AP_TEXT("exact")
				       : AP_TEXT("validated, V8 not seen before");
	return NULL;
}

struct ap_err *ap_core_info(struct ap_model *model, struct ap_arena *arena, struct ap_info *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	const struct ap_process *process = ap_image_process(core->image);
	const struct ap_image_gaps *gaps = ap_image_gaps(core->image);
	struct ap_info info = {
		.pid = process->pid,
		.ppid = process->ppid,
		.uid = process->uid,
		.signal = process->signal,
		.died = process->died,
		.executable = ap_text_of(process->exe),
		.core_bytes = gaps->file_bytes,
		.core_expected_bytes = gaps->expected_bytes,
		.minicore_of = gaps->minicore_of,
		.truncated = gaps->cut_bytes || gaps->missing_headers,
	};
	const char *host = env_value(process, "HOSTNAME");
	struct stat st;

	if (host)
		info.hostname =
			(struct ap_sourced){ap_text_of(host), AP_TEXT("environment HOSTNAME")};
	if (stat(ap_image_path(core->image), &st) == 0 && S_ISREG(st.st_mode)) {
		char text[64];
		struct tm tm;
		time_t t = st.st_mtime;

		if (gmtime_r(&t, &tm) &&
		    strftime(text, sizeof(text), "%a %d %b %Y %H:%M:%S UTC", &tm)) {
			info.died_at = (struct ap_sourced){ap_text_of(ap_strdup(arena, text)),
							   AP_TEXT("the core file's date")};
			info.died_at_unix = t;
		}
	}
	const char *cwd = env_value(process, "PWD");
	if (cwd)
		info.cwd = (struct ap_sourced){ap_text_of(cwd),
					       AP_TEXT("environment PWD, at the start")};
	AP_TRY(info_command_line(process, arena, &info));
	/* What a minicore holds tells nothing about what the process had. */
	if (!info.minicore_of)
		AP_TRY(ap_core_memory(core, arena, &info));
	AP_TRY(info_layout(core, arena, &info));
	if (core->v8)
		AP_TRY(info_node(core, arena, &info));
	if (info.truncated) {
		char have[AP_NUMBER_MAX], want[AP_NUMBER_MAX];
		char *text = ap_printf(arena, "the core is cut off: %s of %s are there",
				       ap_bytes_human(gaps->file_bytes, have),
				       ap_bytes_human(gaps->expected_bytes, want));

		if (!text || !ap_vec_push(arena, &info.warnings, ap_text_of(text)))
			return &ap_err_nomem;
	}
	if (core->v8_error &&
	    !ap_vec_push(arena, &info.warnings, ap_text_of(core->v8_error->message)))
		return &ap_err_nomem;
	*ret = info;
	return NULL;
}
