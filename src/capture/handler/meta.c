#include "capture/handler/meta.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "base/json.h"
#include "base/mask.h"

enum {
	MAX_WORDS = 4096,
	MAX_VARIABLES = 4096,
	MAX_MODULES = 1024,
	MAX_PHDRS = 128,
	NOTES_BYTES = 4096
};

static void iso_time(int64_t when, char buf[static 32])
{
	time_t t = (time_t)when;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		buf[0] = '\0';
}

static void put_signal(struct ap_json *j, int sig)
{
	const char *name = sigabbrev_np(sig);
	char text[32];

	snprintf(text, sizeof(text), "SIG%s", name ? name : "");
	ap_json_int(j, "signal", sig);
	ap_json_cstr(j, "signal_name", name ? text : NULL);
}

static void begin(struct ap_json *j, const char *uuid, const struct ap_kernel_args *a)
{
	struct utsname un = {.nodename = ""};
	char when[32];

	iso_time(a->time, when);
	(void)uname(&un);
	ap_json_object(j, NULL);
	ap_json_int(j, "schema", AP_META_SCHEMA);
	ap_json_cstr(j, "tool", "autopsy " AP_VERSION);
	ap_json_cstr(j, "uuid", uuid);
	ap_json_cstr(j, "time", when[0] ? when : NULL);
	ap_json_int(j, "time_unix", a->time);
	ap_json_cstr(j, "host", un.nodename);
	ap_json_cstr(j, "kernel", un.release);
	ap_json_cstr(j, "hostname", a->hostname);
	ap_json_int(j, "pid", a->pid);
	ap_json_int(j, "ns_pid", a->ns_pid);
	ap_json_int(j, "tid", a->tid);
	ap_json_uint(j, "uid", a->uid);
	ap_json_uint(j, "gid", a->gid);
	put_signal(j, a->signal);
	ap_json_cstr(j, "comm", a->comm);
	if (a->dump_mode >= 0)
		ap_json_int(j, "dump_mode", a->dump_mode);
	else
		ap_json_null(j, "dump_mode");
	if (a->core_limit == UINT64_MAX)
		ap_json_cstr(j, "core_limit", "unlimited");
	else
		ap_json_uint(j, "core_limit", a->core_limit);
}

static void end(struct ap_json *j)
{
	ap_json_end_object(j);
	ap_json_newline(j);
}

void ap_meta_write_least(const char *uuid, const struct ap_kernel_args *args, struct ap_str *out)
{
	struct ap_json j;

	ap_json_init(&j, out, NULL);
	begin(&j, uuid, args);
	ap_json_bool(&j, "complete", false);
	end(&j);
}

static const char *or_null(const char *s)
{
	return *s ? s : NULL;
}

static void put_words(struct ap_json *j, const struct ap_str *cmdline)
{
	const char *s = cmdline->s, *stop = s ? s + cmdline->n : NULL;
	struct ap_text previous = {"", 0};

	ap_json_array(j, "cmdline");
	for (size_t n = 0; s && s < stop && n < MAX_WORDS; n++) {
		AP_STR_AUTO shown = {0};
		struct ap_text word = {s, strnlen(s, (size_t)(stop - s))};

		ap_mask_word(&shown, previous, word);
		ap_json_text(j, NULL, (struct ap_text){shown.s ? shown.s : "", shown.n});
		previous = word;
		s += word.n + 1;
	}
	ap_json_end_array(j);
}

static void put_environment(struct ap_json *j, const struct ap_str *environment)
{
	const char *s = environment->s, *stop = s ? s + environment->n : NULL;

	ap_json_array(j, "environ");
	for (size_t n = 0; s && s < stop && n < MAX_VARIABLES; n++) {
		AP_STR_AUTO shown = {0};
		struct ap_text assignment = {s, strnlen(s, (size_t)(stop - s))};

		ap_mask_assignment(&shown, assignment);
		if (assignment.n)
			ap_json_text(j, NULL, (struct ap_text){shown.s ? shown.s : "", shown.n});
		s += assignment.n + 1;
	}
	ap_json_end_array(j);
}

static void put_lines(struct ap_json *j, const char *key, const struct ap_str *text, size_t most)
{
	const char *s = text->s, *stop = s ? s + text->n : NULL;

	ap_json_array(j, key);
	for (size_t n = 0; s && s < stop && n < most; n++) {
		const char *newline = memchr(s, '\n', (size_t)(stop - s));
		size_t length = (size_t)((newline ? newline : stop) - s);

		ap_json_text(j, NULL, (struct ap_text){s, length});
		s += length + 1;
	}
	ap_json_end_array(j);
}

/* One entry a file and how much of it is mapped; of memory without a file the sum. */
static void put_maps(struct ap_json *j, const struct ap_str *maps)
{
	const char *s = maps->s, *stop = s ? s + maps->n : NULL;
	uint64_t n = 0, anonymous = 0, bytes = 0;

	for (; s && s < stop; n++) {
		const char *newline = memchr(s, '\n', (size_t)(stop - s));
		size_t length = (size_t)((newline ? newline : stop) - s);
		char line[128];
		unsigned long long from, to;

		snprintf(line, sizeof(line), "%.*s", (int)(length < 100 ? length : 100), s);
		if (sscanf(line, "%llx-%llx", &from, &to) == 2 && to > from) {
			bytes += to - from;
			if (!memchr(s, '/', length) && !memchr(s, '[', length))
				anonymous++;
		}
		s += length + 1;
	}
	ap_json_object(j, "maps");
	ap_json_uint(j, "count", n);
	ap_json_uint(j, "anonymous", anonymous);
	ap_json_uint(j, "bytes", bytes);
	ap_json_end_object(j);
}

/* The build-id of the ELF file mapped at `start`, from memory: the file may be gone or another one.
 */
static struct ap_build_id build_id_at(const struct ap_dying *dying, uint64_t start)
{
	struct ap_build_id none = {.n = 0};
	uint64_t first_vaddr = UINT64_MAX;
	Elf64_Phdr phdrs[MAX_PHDRS];
	Elf64_Ehdr eh;
	uint64_t at;

	if (!dying->read(dying->arg, start, &eh, sizeof(eh)) ||
	    memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_phentsize != sizeof(*phdrs) || eh.e_phnum > MAX_PHDRS ||
	    __builtin_add_overflow(start, eh.e_phoff, &at) ||
	    !dying->read(dying->arg, at, phdrs, eh.e_phnum * sizeof(*phdrs)))
		return none;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		if (phdrs[i].p_type == PT_LOAD && phdrs[i].p_vaddr < first_vaddr)
			first_vaddr = phdrs[i].p_vaddr & ~4095ull;
	}
	uint64_t bias = eh.e_type == ET_DYN && first_vaddr != UINT64_MAX ? start - first_vaddr : 0;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		uint8_t notes[NOTES_BYTES];

		if (phdrs[i].p_type != PT_NOTE || phdrs[i].p_filesz > sizeof(notes) ||
		    !dying->read(dying->arg, bias + phdrs[i].p_vaddr, notes, phdrs[i].p_filesz))
			continue;
		struct ap_build_id id = ap_build_id_of_notes(notes, phdrs[i].p_filesz);
		if (id.n)
			return id;
	}
	return none;
}

struct ap_build_id ap_meta_program_id(const struct ap_dying *dying)
{
	const struct ap_core_notes *notes = dying->notes;
	uint64_t entry = ap_core_auxv(notes, AT_ENTRY), start = 0;
	const char *path = NULL;

	for (size_t i = 0; i < notes->files.n && !path; i++) {
		if (entry >= notes->files.at[i].start && entry < notes->files.at[i].end)
			path = notes->files.at[i].path;
	}
	for (size_t i = 0; path && i < notes->files.n && !start; i++) {
		if (!notes->files.at[i].file_offset && strcmp(notes->files.at[i].path, path) == 0)
			start = notes->files.at[i].start;
	}
	return start ? build_id_at(dying, start) : (struct ap_build_id){.n = 0};
}

static void put_modules(struct ap_json *j, const struct ap_dying *dying)
{
	const struct ap_core_notes *notes = dying->notes;
	size_t n = 0;

	ap_json_array(j, "modules");
	for (size_t i = 0; i < notes->files.n && n < MAX_MODULES; i++) {
		const struct ap_core_file *f = &notes->files.at[i];
		char hex[2 * AP_BUILD_ID_MAX + 1], magic[SELFMAG];

		if (f->file_offset || !dying->read(dying->arg, f->start, magic, sizeof(magic)) ||
		    memcmp(magic, ELFMAG, SELFMAG) != 0)
			continue;
		struct ap_build_id id = build_id_at(dying, f->start);
		ap_json_object(j, NULL);
		ap_json_cstr(j, "path", f->path);
		ap_json_addr(j, "start", f->start);
		ap_json_cstr(j, "build_id", id.n ? ap_build_id_hex(id, hex) : NULL);
		ap_json_end_object(j);
		n++;
	}
	ap_json_end_array(j);
}

static void put_process(struct ap_json *j, const struct ap_context *c)
{
	static const struct {
		const char *key, *name;
	} lines[] = {
		{"state", "State"},     {"ppid", "PPid"},
		{"threads", "Threads"}, {"vm_peak", "VmPeak"},
		{"vm_rss", "VmRSS"},    {"rss_anon", "RssAnon"},
		{"vm_swap", "VmSwap"},  {"seccomp", "Seccomp"},
		{"cap_eff", "CapEff"},  {"no_new_privs", "NoNewPrivs"},
	};

	ap_json_object(j, "status");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		ap_json_text(j, lines[i].key, ap_context_status(c, lines[i].name));
	ap_json_end_object(j);
}

static void put_identity(struct ap_json *j, const struct ap_identity *id)
{
	ap_json_cstr(j, "cgroup", or_null(id->cgroup));
	ap_json_cstr(j, "container_id", or_null(id->container));
	ap_json_cstr(j, "container_runtime", or_null(id->runtime));
	ap_json_cstr(j, "pod_uid", or_null(id->pod_uid));
	ap_json_cstr(j, "pod", or_null(id->pod));
	ap_json_cstr(j, "namespace", or_null(id->namespace_));
}

void ap_meta_write(const char *uuid, const struct ap_context *c, const struct ap_dying *dying,
		   struct ap_str *out)
{
	struct ap_json j;
	char hex[2 * AP_BUILD_ID_MAX + 1];

	ap_json_init(&j, out, NULL);
	begin(&j, uuid, &c->args);
	ap_json_cstr(&j, "exe", or_null(c->exe_path));
	struct ap_build_id id = dying ? ap_meta_program_id(dying) : (struct ap_build_id){.n = 0};
	ap_json_cstr(&j, "build_id", id.n ? ap_build_id_hex(id, hex) : NULL);
	put_words(&j, &c->cmdline);
	ap_json_cstr(&j, "cwd", or_null(c->cwd_path));
	ap_json_cstr(&j, "root", or_null(c->root_path));
	put_identity(&j, &c->identity);
	put_process(&j, c);
	ap_json_uint(&j, "open_files", c->n_descriptors);
	put_lines(&j, "limits", &c->limits, 64);
	put_environment(&j, &c->environ);
	put_maps(&j, &c->maps);
	if (dying) {
		ap_json_uint(&j, "threads", dying->notes->threads.n);
		ap_json_uint(&j, "core_bytes", ap_core_file_bytes(dying->header));
		put_modules(&j, dying);
	}
	ap_json_bool(&j, "complete", dying != NULL);
	end(&j);
}
