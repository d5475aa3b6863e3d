/* Variables of mdb: those that the target gives, and those that the user sets. */
#include <stdlib.h>
#include <string.h>

#include "model/core.h"
#include "shell/session.h"

enum { MAX_VARIABLES = 4096 };

struct ap_variables {
	struct {
		char *name;
		uint64_t value;
		bool tagged;
	} at[MAX_VARIABLES];
	size_t n;
};

/* mdb knows all but the last of them, orig_rax. */
enum { N_REGISTERS = AP_N_REGS - 1 };

static const char *const of_target[] = {"b", "d", "e", "m", "pid", "t", "thread"};

enum { N_OF_TARGET = sizeof(of_target) / sizeof(of_target[0]) };

void ap_variables_close(struct ap_variables *variables)
{
	for (size_t i = 0; variables && i < variables->n; i++)
		free(variables->at[i].name);
	free(variables);
}

static size_t find(const struct ap_variables *v, const char *name)
{
	size_t i = 0;

	while (v && i < v->n && strcmp(v->at[i].name, name) != 0)
		i++;
	return v ? i : 0;
}

static bool user_variable(const struct ap_session *session, const char *name, uint64_t *ret)
{
	const struct ap_variables *v = session->variables;
	size_t i = find(v, name);

	if (!v || i == v->n)
		return false;
	*ret = v->at[i].value;
	return true;
}

/* The thread that `thread` names; the first one of the core is the one that died. */
static const struct ap_thread *chosen_thread(const struct ap_session *session,
					     const struct ap_image *image)
{
	size_t n;
	const struct ap_thread *threads = ap_image_threads(image, &n);
	uint64_t tid;

	if (user_variable(session, "thread", &tid)) {
		for (size_t i = 0; i < n; i++) {
			if ((uint64_t)threads[i].tid == tid)
				return &threads[i];
		}
	}
	return n ? threads : NULL;
}

/* b, d: where its data begins, and how much of it; t: size of its text; e: entry point; m: ELF's
 * magic. */
static bool target_variable(const struct ap_session *session, const struct ap_image *image,
			    const char *name, uint64_t *ret)
{
	const struct ap_module *program = ap_image_main_module(image);
	const struct ap_process *process = ap_image_process(image);
	const struct ap_thread *thread = chosen_thread(session, image);
	size_t n = 0;
	const Elf64_Phdr *p = program && program->elf ? ap_elf_segments(program->elf, &n) : NULL;

	if (strcmp(name, "thread") == 0 && thread) {
		*ret = (uint64_t)thread->tid;
		return true;
	}
	if (strcmp(name, "pid") == 0 && process) {
		*ret = (uint64_t)process->pid;
		return true;
	}
	if (name[1] || !p)
		return false;
	if (name[0] == 'e' || name[0] == 'm') {
		*ret = name[0] == 'm' ? 0x464c457f : ap_elf_entry(program->elf) + program->bias;
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (p[i].p_type != PT_LOAD)
			continue;
		if (name[0] == 't' && p[i].p_flags & PF_X) {
			*ret = p[i].p_memsz;
			return true;
		}
		if ((name[0] == 'b' || name[0] == 'd') && p[i].p_flags & PF_W) {
			*ret = name[0] == 'b' ? p[i].p_vaddr + program->bias : p[i].p_memsz;
			return true;
		}
	}
	return false;
}

bool ap_session_variable(const struct ap_session *session, const char *name, uint64_t *ret_value)
{
	struct ap_image *image = session->model ? ap_core_model_image(session->model) : NULL;
	const struct ap_thread *thread = image ? chosen_thread(session, image) : NULL;

	if (user_variable(session, name, ret_value))
		return true;
	for (size_t i = 0; thread && thread->regs && i < N_REGISTERS; i++) {
		if (strcmp(name, ap_reg_names[i].mdb) == 0) {
			*ret_value = thread->regs[ap_reg_names[i].reg];
			return true;
		}
	}
	if (image && target_variable(session, image, name, ret_value))
		return true;
	if (strcmp(name, "0") == 0 || strcmp(name, "9") == 0) {
		*ret_value = 0;
		return true;
	}
	return false;
}

struct ap_err *ap_session_set_variable(struct ap_session *session, const char *name, uint64_t value)
{
	for (size_t i = 0; i < N_REGISTERS; i++) {
		if (strcmp(name, ap_reg_names[i].mdb) == 0)
			return ap_err_new(AP_E_UNSUPPORTED,
					  "failed to modify variable %s: a core does not change",
					  name);
	}
	if (!session->variables)
		session->variables = calloc(1, sizeof(*session->variables));
	if (!session->variables)
		return &ap_err_nomem;
	struct ap_variables *v = session->variables;
	size_t i = find(v, name);
	if (i == v->n) {
		if (i == MAX_VARIABLES)
			return ap_err_new(AP_E_LIMIT, "there are %d variables already",
					  MAX_VARIABLES);
		v->at[i].name = strdup(name);
		if (!v->at[i].name)
			return &ap_err_nomem;
		v->n++;
	}
	v->at[i].value = value;
	return NULL;
}

void ap_session_unset_variable(struct ap_session *session, const char *name)
{
	struct ap_variables *v = session->variables;
	size_t i = find(v, name);

	if (!v || i == v->n)
		return;
	free(v->at[i].name);
	v->at[i] = v->at[--v->n];
}

bool ap_session_variable_at(const struct ap_session *session, size_t i, const char **ret_name,
			    uint64_t *ret_value)
{
	const struct ap_variables *v = session->variables;
	const char *name;

	if (i < N_OF_TARGET)
		name = of_target[i];
	else if (i < N_OF_TARGET + N_REGISTERS)
		name = ap_reg_names[i - N_OF_TARGET].mdb;
	else if (v && i - N_OF_TARGET - N_REGISTERS < v->n)
		name = v->at[i - N_OF_TARGET - N_REGISTERS].name;
	else
		return false;
	*ret_name = name;
	if (!ap_session_variable(session, name, ret_value))
		*ret_value = 0;
	return true;
}

bool ap_session_variable_tag(const struct ap_session *session, const char *name)
{
	const struct ap_variables *v = session->variables;
	size_t i = find(v, name);

	return v && i < v->n && v->at[i].tagged;
}

struct ap_err *ap_session_tag_variable(struct ap_session *session, const char *name, bool tagged)
{
	uint64_t value;

	if (!user_variable(session, name, &value))
		AP_TRY(ap_session_set_variable(session, name, 0));
	session->variables->at[find(session->variables, name)].tagged = tagged;
	return NULL;
}
