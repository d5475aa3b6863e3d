/* The full form of what a crash file or panic dump holds: docs/json/print.md, as far as the file
 * tells. */
#include "model/crash_detail.h"

static bool is_index(struct ap_text name, uint64_t *ret_index)
{
	uint64_t v = 0;

	if (!name.n || name.n > 10 || (name.n > 1 && name.s[0] == '0'))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (name.s[i] < '0' || name.s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(name.s[i] - '0');
	}
	*ret_index = v;
	return v < UINT32_MAX;
}

bool ap_crash_full(struct ap_crash_job *job, size_t n)
{
	if (!job->limits->items || n < job->limits->items)
		return false;
	job->d->truncated = true;
	return true;
}

struct ap_value ap_crash_job_value(const struct ap_crash_job *job, uint32_t node)
{
	return ap_crash_value(job->crash, node, AP_CRASH_SHORT_UNITS, job->arena);
}

struct ap_err *ap_crash_extra(struct ap_crash_job *job, struct ap_extra extra)
{
	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

/* What V8 computes and the protocol shows as data. */
static bool is_native(enum ap_type type, struct ap_text name)
{
	if (ap_text_is(name, "length"))
		return type == AP_T_ARRAY || type == AP_T_FUNCTION || type == AP_T_CLASS ||
		       type == AP_T_BOUND_FUNCTION;
	return (type == AP_T_FUNCTION || type == AP_T_CLASS || type == AP_T_BOUND_FUNCTION) &&
	       ap_text_is(name, "name");
}

static struct ap_err *add_property(struct ap_crash_job *job, uint32_t item, bool private_name)
{
	const struct ap_jdoc *doc = &job->crash->doc;
	uint32_t value = ap_jget(doc, item, "value"), symbol = ap_jget(doc, item, "symbol");
	uint32_t get = ap_jget(doc, item, "get"), set = ap_jget(doc, item, "set");
	bool accessor = !value && (get || set);
	struct ap_property p = {
		.name = ap_jget_string(doc, item, symbol ? "" : "name"),
		.symbol = symbol != 0,
		.private_name = private_name,
		.enumerable = ap_jget_true(doc, item, "enumerable"),
		.writable = ap_jget_true(doc, item, "writable"),
		.configurable = ap_jget_true(doc, item, "configurable"),
		.kind = accessor ? AP_PROPERTY_ACCESSOR : AP_PROPERTY_DATA,
		.has_value = !accessor,
		.getter = {.type = AP_T_NULL, .text = AP_TEXT("null")},
		.setter = {.type = AP_T_NULL, .text = AP_TEXT("null")},
	};
	uint64_t index;

	if (symbol) {
		p.name = ap_jget_string(doc, symbol, "description");
		if (!p.name.s)
			p.name = ap_jget_string(doc, item, "name");
	}
	if (!p.name.s)
		return NULL;
	if (accessor && get)
		p.getter = ap_crash_job_value(job, get);
	if (accessor && set)
		p.setter = ap_crash_job_value(job, set);
	/* The protocol writes a half that is missing as undefined. */
	if (p.getter.type == AP_T_UNDEFINED)
		p.getter = (struct ap_value){.type = AP_T_NULL, .text = AP_TEXT("null")};
	if (p.setter.type == AP_T_UNDEFINED)
		p.setter = (struct ap_value){.type = AP_T_NULL, .text = AP_TEXT("null")};
	if (!accessor)
		p.value = ap_crash_job_value(job, value);
	if (!symbol && !private_name && is_index(p.name, &index)) {
		struct ap_element e = {.index = index, .accessor = accessor, .value = p.value};

		if (ap_crash_full(job, job->d->elements.n))
			return NULL;
		if (!ap_vec_push(job->arena, &job->d->elements, e))
			return &ap_err_nomem;
		if (!accessor)
			return NULL;
	}
	if (!symbol && !private_name && !accessor && is_native(job->d->self.type, p.name))
		p.kind = AP_PROPERTY_NATIVE;
	if (ap_crash_full(job, job->d->properties.n))
		return NULL;
	return ap_vec_push(job->arena, &job->d->properties, p) ? NULL : &ap_err_nomem;
}

static struct ap_err *properties(struct ap_crash_job *job)
{
	const struct ap_jdoc *doc = &job->crash->doc;
	uint32_t result = ap_jget(doc, job->entry, "result");
	uint32_t private_names = ap_jget(doc, job->entry, "privateProperties");
	bool is_old = job->crash->kind == AP_CRASH_OLD;

	AP_JEACH(doc, result, i)
	{
		/* Until Node 14 the prototype came as a property. */
		if (is_old && ap_text_is(ap_jget_string(doc, i, "name"), "__proto__"))
			continue;
		AP_TRY(add_property(job, i, false));
	}
	AP_JEACH(doc, private_names, i)
	{
		AP_TRY(add_property(job, i, true));
	}
	return NULL;
}

/* Why the inside is not there, in words; s == NULL if it is. */
static struct ap_text left_out(const struct ap_crash_job *job)
{
	const struct ap_jdoc *doc = &job->crash->doc;
	struct ap_text reason = ap_jget_string(doc, job->node, "truncated");

	if (job->entry)
		return ap_jget_string(doc, ap_jget(doc, job->entry, "truncated"), "reason");
	return reason.s ? reason : AP_TEXT("not in this file");
}

static void prototype(struct ap_crash_job *job)
{
	uint32_t node = ap_crash_internal(job->crash, job->entry, "[[Prototype]]");

	if (!node && job->crash->kind == AP_CRASH_OLD)
		node = ap_crash_member(job->crash, job->entry, "__proto__");
	if (node)
		job->d->prototype = ap_crash_job_value(job, node);
	else if (job->entry && job->crash->kind == AP_CRASH_FILE)
		job->d->prototype = (struct ap_value){.type = AP_T_NULL, .text = AP_TEXT("null")};
	else
		job->d->prototype = ap_crash_unreadable("not in this file");
}

static void length(struct ap_crash_job *job)
{
	enum ap_type type = job->d->self.type;
	double n;

	if (type != AP_T_ARRAY && type != AP_T_TYPEDARRAY && type != AP_T_BUFFER &&
	    type != AP_T_ARGUMENTS)
		return;
	uint32_t member = ap_crash_member(job->crash, job->entry, "length");
	if (ap_jnumber(&job->crash->doc, ap_jget(&job->crash->doc, member, "value"), &n) &&
	    n >= 0 && n <= 9007199254740992.0)
		job->d->length = (int64_t)n;
	else
		job->d->length = ap_crash_count(job);
}

static struct ap_err *remote_detail(struct ap_crash_job *job)
{
	struct ap_text reason = left_out(job);

	prototype(job);
	AP_TRY(properties(job));
	length(job);
	AP_TRY(ap_crash_kind_extras(job));
	if (!reason.s)
		return NULL;
	job->d->truncated = true;
	return ap_crash_extra(
		job, (struct ap_extra){.key = "left_out", .kind = AP_EXTRA_TEXT, .text = reason});
}

/* Plain JSON, or the state's keys with their RemoteObjects. */
static struct ap_err *json_detail(struct ap_crash_job *job)
{
	const struct ap_jdoc *doc = &job->crash->doc;
	bool array = doc->at[job->node].kind == AP_J_ARRAY;
	uint64_t index = 0;

	/* JSON does not tell prototypes: these are what reading it back makes. */
	job->d->prototype = ap_crash_unreadable("not in this file");
	if (array)
		job->d->length = doc->at[job->node].n;
	AP_JEACH(doc, job->node, i)
	{
		struct ap_value value = ap_crash_job_value(job, i);
		struct ap_element e = {.index = index, .value = value};
		struct ap_property p = {.name = doc->at[i].key,
					.has_value = true,
					.value = value,
					.enumerable = true,
					.writable = true,
					.configurable = true,
					.getter = {.type = AP_T_NULL},
					.setter = {.type = AP_T_NULL}};

		if (array || is_index(doc->at[i].key, &e.index)) {
			index++;
			if (ap_crash_full(job, job->d->elements.n))
				continue;
			if (!ap_vec_push(job->arena, &job->d->elements, e))
				return &ap_err_nomem;
		} else if (!ap_crash_full(job, job->d->properties.n) &&
			   !ap_vec_push(job->arena, &job->d->properties, p)) {
			return &ap_err_nomem;
		}
	}
	return NULL;
}

struct ap_err *ap_crash_detail(struct ap_model *model, uint64_t ref,
			       const struct ap_detail_limits *limits, struct ap_arena *arena,
			       struct ap_detail *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	const struct ap_crash_frame *frame = ap_crash_frame_of(crash, ref);
	struct ap_detail d = {.length = -1,
			      .integrity = AP_INTEGRITY_UNKNOWN,
			      .prototype = ap_crash_unreadable("not in this file")};
	struct ap_crash_job job = {.crash = crash, .arena = arena, .limits = limits, .d = &d};

	AP_TRY(ap_crash_describe(model, ref, arena, &d.self));
	if (frame) {
		AP_TRY(ap_crash_frame_extras(&job, frame));
		*ret = d;
		return NULL;
	}
	job.node = ap_crash_node_of(crash, ref);
	d.self = ap_crash_value(crash, job.node, limits->text_units, arena);
	if (d.self.has_ref)
		job.node = (uint32_t)(d.self.ref >> 4);
	if (ap_type_is_object(d.self.type)) {
		if (crash->kind == AP_CRASH_PANIC || job.node == crash->state) {
			AP_TRY(json_detail(&job));
		} else {
			job.entry = ap_crash_entry(crash, job.node);
			AP_TRY(remote_detail(&job));
		}
	} else {
		d.truncated = d.self.truncated;
	}
	*ret = d;
	return NULL;
}
