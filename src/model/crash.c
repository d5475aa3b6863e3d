/* Crash files: recognised, indexed by object id, and each question handed to the file that answers.
 */
#include <stdlib.h>

#include "model/crash_private.h"

static void crash_close(struct ap_model *model)
{
	struct ap_crash *crash = ap_crash_of(model);

	ap_jdoc_close(&crash->doc);
	free(crash->ids);
	free(crash->path);
	free(crash);
}

static const struct ap_model_ops crash_ops = {
	.close = crash_close,
	.info = ap_crash_info,
	.verdict = ap_crash_verdict,
	.threads = ap_crash_threads,
	.frames = ap_crash_frames,
	.scopes = ap_crash_scopes,
	.describe = ap_crash_describe,
	.detail = ap_crash_detail,
	.source = ap_crash_source,
	.named = ap_crash_named,
};

bool ap_crash_looks_like(const void *head, size_t bytes)
{
	const char *p = head, *end = p + bytes;

	/* A byte order mark, where an editor saved the file. */
	if (bytes >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
		p++;
	return p < end && *p == '{';
}

static int compare_ids(const void *a, const void *b)
{
	const struct ap_crash_id *x = a, *y = b;

	if (x->id.n != y->id.n)
		return x->id.n < y->id.n ? -1 : 1;
	return x->id.n ? memcmp(x->id.s, y->id.s, x->id.n) : 0;
}

const struct ap_crash_id *ap_crash_find_id(const struct ap_crash *crash, struct ap_text id)
{
	const struct ap_crash_id key = {.id = id};

	return id.s && crash->n_ids
		       ? bsearch(&key, crash->ids, crash->n_ids, sizeof(key), compare_ids)
		       : NULL;
}

static struct ap_err *index_objects(struct ap_crash *crash)
{
	struct ap_jdoc *doc = &crash->doc;
	uint32_t objects = ap_jget(doc, crash->root, "RemoteObjects");
	size_t n = 0;

	if (!ap_jis(doc, objects, AP_J_OBJECT) || !doc->at[objects].n)
		return NULL;
	crash->ids = calloc(doc->at[objects].n, sizeof(*crash->ids));
	if (!crash->ids)
		return &ap_err_nomem;
	AP_JEACH(doc, objects, i)
	{
		crash->ids[n++] = (struct ap_crash_id){.id = doc->at[i].key, .entry = i};
	}
	qsort(crash->ids, n, sizeof(*crash->ids), compare_ids);
	crash->n_ids = n;
	/* The first place that speaks of an object gives it its number. */
	for (uint32_t i = 1; i < doc->n; i++) {
		const struct ap_crash_id *found =
			doc->at[i].kind == AP_J_OBJECT
				? ap_crash_find_id(crash, ap_jget_string(doc, i, "objectId"))
				: NULL;

		if (found && !found->remote)
			crash->ids[found - crash->ids].remote = i;
	}
	return NULL;
}

uint32_t ap_crash_entry(const struct ap_crash *crash, uint32_t remote)
{
	const struct ap_crash_id *id =
		ap_crash_find_id(crash, ap_jget_string(&crash->doc, remote, "objectId"));

	return id ? id->entry : 0;
}

static uint32_t named_value(const struct ap_crash *crash, uint32_t list, const char *name)
{
	if (!ap_jis(&crash->doc, list, AP_J_ARRAY))
		return 0;
	AP_JEACH(&crash->doc, list, i)
	{
		if (ap_text_is(ap_jget_string(&crash->doc, i, "name"), name))
			return ap_jget(&crash->doc, i, "value");
	}
	return 0;
}

uint32_t ap_crash_internal(const struct ap_crash *crash, uint32_t entry, const char *name)
{
	return named_value(crash, ap_jget(&crash->doc, entry, "internalProperties"), name);
}

uint32_t ap_crash_member(const struct ap_crash *crash, uint32_t entry, const char *name)
{
	return named_value(crash, ap_jget(&crash->doc, entry, "result"), name);
}

/*
 * The pause that ended the program. The old collector appended every rejection that was open at the
 * time behind the exception, if there was one.
 */
static void choose_pause(struct ap_crash *crash)
{
	struct ap_jdoc *doc = &crash->doc;
	uint32_t list = ap_jget(doc, crash->root, "Paused");
	bool exception = false;

	if (!ap_jis(doc, list, AP_J_ARRAY))
		return;
	AP_JEACH(doc, list, i)
	{
		if (doc->at[i].kind != AP_J_OBJECT)
			continue;
		crash->n_pauses++;
		if (exception)
			continue;
		crash->pause = i;
		exception = ap_text_is(ap_jget_string(doc, i, "reason"), "exception");
	}
}

static struct ap_err *recognise(struct ap_crash *crash)
{
	struct ap_jdoc *doc = &crash->doc;
	uint32_t version = ap_jget(doc, crash->root, "Version");

	if (ap_jis(doc, ap_jget(doc, crash->root, "dbg.format-version"), AP_J_STRING)) {
		crash->kind = AP_CRASH_PANIC;
		crash->state = crash->root;
		return NULL;
	}
	if (!ap_jis(doc, ap_jget(doc, crash->root, "Paused"), AP_J_ARRAY) ||
	    !ap_jis(doc, ap_jget(doc, crash->root, "RemoteObjects"), AP_J_OBJECT))
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED,
				   "%s is JSON, but neither a crash file nor a panic dump",
				   crash->path),
			"crash files are written by autopsy-node (crash.SECONDS.PID.json) and by "
			"inspector-postmortem, panic dumps by autopsy-node/panic (ncore.PID)");
	if (!version) {
		crash->kind = AP_CRASH_OLD;
	} else if (ap_jget_int(doc, crash->root, "Version", 0) != 1) {
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
					      "%s is a crash file of a version that is not "
					      "known here",
					      crash->path),
				   "this autopsy reads version 1; use a newer one");
	}
	crash->error = ap_jget(doc, crash->root, "Error");
	crash->process = ap_jget(doc, crash->root, "Process");
	crash->header = ap_jget(doc, ap_jget(doc, crash->root, "Report"), "header");
	crash->state = ap_jget(doc, crash->root, "State");
	if (!ap_jis(doc, crash->state, AP_J_OBJECT))
		crash->state = 0;
	return NULL;
}

static struct ap_err *load(struct ap_crash *crash, const char *data, size_t bytes)
{
	size_t mark = bytes >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	struct ap_err *err = ap_jdoc_read(data + mark, bytes - mark, &crash->doc);

	if (err)
		return ap_err_hint(
			ap_err_wrap(err, "%s is not whole JSON", crash->path),
			"crash files appear whole or not at all: was this one copied or edited?");
	crash->root = 1;
	AP_TRY(recognise(crash));
	if (crash->kind == AP_CRASH_PANIC)
		return ap_crash_read_panic(crash,
					   ap_jget_string(&crash->doc, crash->root, "panic.error"));
	AP_TRY(index_objects(crash));
	choose_pause(crash);
	return ap_crash_read_frames(crash);
}

struct ap_err *ap_crash_model_open(const void *data, size_t bytes, const char *path,
				   struct ap_model **ret_model)
{
	struct ap_crash *crash = calloc(1, sizeof(*crash));

	if (!crash)
		return &ap_err_nomem;
	crash->base.ops = &crash_ops;
	crash->bytes = bytes;
	crash->path = strdup(path);
	struct ap_err *err = crash->path ? load(crash, data, bytes) : &ap_err_nomem;
	if (err) {
		crash_close(&crash->base);
		return err;
	}
	*ret_model = &crash->base;
	return NULL;
}

struct ap_err *ap_crash_named(struct ap_model *model, struct ap_text name, struct ap_arena *arena,
			      struct ap_value *ret)
{
	struct ap_crash *crash = ap_crash_of(model);

	if (!ap_text_is(name, "state"))
		return ap_err_new(AP_E_NOTFOUND, "nothing is called %.*s", AP_TEXT_ARG(name));
	if (!crash->state)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "the program kept no state for its post-mortem"),
			"panicDbg.set('name', value) of autopsy-node/panic does");
	*ret = ap_crash_value(crash, crash->state, AP_CRASH_SHORT_UNITS, arena);
	return NULL;
}
