/* The full form of a value: what all objects have. */
#include "model/core_value.h"

struct ap_err *ap_extra_null(struct ap_detail_job *job, const char *key)
{
	struct ap_extra extra = {.key = key, .kind = AP_EXTRA_NULL};

	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_extra_text(struct ap_detail_job *job, const char *key, struct ap_text text)
{
	struct ap_extra extra = {.key = key, .kind = AP_EXTRA_TEXT, .text = text};

	if (!text.s)
		return ap_extra_null(job, key);
	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_extra_int(struct ap_detail_job *job, const char *key, int64_t number)
{
	struct ap_extra extra = {.key = key, .kind = AP_EXTRA_INT, .number = number};

	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_extra_bool(struct ap_detail_job *job, const char *key, bool value)
{
	struct ap_extra extra = {.key = key, .kind = AP_EXTRA_BOOL, .number = value};

	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_extra_value(struct ap_detail_job *job, const char *key,
			      const struct ap_value *value)
{
	struct ap_value *copy = ap_alloc(job->arena, sizeof(*copy));
	struct ap_extra extra = {.key = key, .kind = AP_EXTRA_VALUE, .values = copy, .n = 1};

	if (!copy)
		return &ap_err_nomem;
	*copy = *value;
	return ap_vec_push(job->arena, &job->d->extras, extra) ? NULL : &ap_err_nomem;
}

struct ap_err *ap_extra_ref(struct ap_detail_job *job, const char *key, ap_tagged ref)
{
	struct ap_value value;

	AP_TRY(ap_core_describe(&job->core->base, ref, job->arena, &value));
	return ap_extra_value(job, key, &value);
}

struct ap_err *ap_extra_field(struct ap_detail_job *job, const char *key, int64_t offset)
{
	struct ap_value value = ap_value_unreadable("this field is not in the core");
	uint64_t word;

	if (ap_v8_word(job->v8, job->object, offset, &word))
		return ap_extra_ref(job, key, word);
	ap_core_gap(job->core, (job->object & ~3ull) + (uint64_t)offset);
	return ap_extra_value(job, key, &value);
}

struct ap_err *ap_extra_place(struct ap_detail_job *job, const struct ap_place *place)
{
	AP_TRY(ap_extra_text(job, "script", place->script));
	AP_TRY(place->line > 0 ? ap_extra_int(job, "line", place->line)
			       : ap_extra_null(job, "line"));
	return place->line > 0 && place->column > 0 ? ap_extra_int(job, "column", place->column)
						    : ap_extra_null(job, "column");
}

bool ap_detail_full(struct ap_detail_job *job, size_t n)
{
	if (!job->limits->items || n < job->limits->items)
		return false;
	job->d->truncated = true;
	return true;
}

/* Object.isFrozen and its kin; private names do not count. */
static enum ap_integrity integrity(struct ap_detail_job *job)
{
	enum ap_integrity level = AP_FROZEN;
	struct ap_own_iter it;
	struct ap_own own;
	struct ap_element_iter elements;
	struct ap_own_element e;

	if (ap_map_is_extensible(job->v8, &job->map))
		return AP_EXTENSIBLE;
	if (!ap_own_begin(job->v8, job->object, &it) || it.broken)
		return AP_NON_EXTENSIBLE;
	while (ap_own_next(&it, &own)) {
		enum ap_key_kind key = ap_key_kind(job->v8, own.key);

		if (key == AP_KEY_HIDDEN || key == AP_KEY_PRIVATE_NAME)
			continue;
		if (!(own.attributes & AP_DONT_DELETE))
			return AP_NON_EXTENSIBLE;
		if (own.kind != AP_OWN_ACCESSOR && !(own.attributes & AP_READ_ONLY))
			level = AP_SEALED;
	}
	if (job->d->self.type == AP_T_TYPEDARRAY || job->d->self.type == AP_T_BUFFER)
		return job->d->length > 0 ? AP_NON_EXTENSIBLE : level;
	if (!ap_elements_begin(job->v8, job->object, &elements) || elements.broken)
		return AP_NON_EXTENSIBLE;
	while (ap_elements_next(&elements, &e)) {
		if (!(e.own.attributes & AP_DONT_DELETE))
			return AP_NON_EXTENSIBLE;
		if (e.own.kind != AP_OWN_ACCESSOR && !(e.own.attributes & AP_READ_ONLY))
			level = AP_SEALED;
		/* All fast elements have the same attributes. */
		if (!e.is_char && elements.mode != AP_ELEMENTS_DICTIONARY)
			break;
	}
	return level;
}

struct ap_err *ap_core_detail(struct ap_model *model, uint64_t ref,
			      const struct ap_detail_limits *limits, struct ap_arena *arena,
			      struct ap_detail *ret)
{
	struct ap_core_model *core = ap_core_of(model);
	struct ap_detail d = {.length = -1};
	struct ap_detail_job job = {
		.core = core,
		.v8 = core->v8,
		.arena = arena,
		.limits = limits,
		.object = ref,
		.d = &d,
	};
	uint32_t max_units = limits->text_units && limits->text_units < UINT32_MAX
				     ? (uint32_t)limits->text_units
				     : UINT32_MAX;

	AP_TRY(ap_core_describe_limited(core, ref, max_units, arena, &d.self));
	d.truncated = d.self.truncated;
	d.prototype = (struct ap_value){.type = AP_T_NULL, .text = AP_TEXT("null")};
	if (!ap_type_is_object(d.self.type)) {
		if (d.self.type == AP_T_STRING)
			d.length = (int64_t)d.self.length;
		*ret = d;
		return NULL;
	}
	job.object = d.self.ref; /* a weak reference is described by what it points to */
	if (!ap_v8_map(core->v8, job.object, &job.map)) {
		*ret = d;
		return NULL;
	}
	AP_TRY(ap_core_describe(model, job.map.prototype, arena, &d.prototype));
	d.prototype_of = ap_prototype_of(core->v8, job.object, arena);
	d.dictionary_mode = ap_map_is_dictionary(core->v8, &job.map);
	AP_TRY(ap_detail_kind(&job));
	AP_TRY(ap_detail_properties(&job));
	AP_TRY(ap_detail_elements(&job));
	d.integrity = integrity(&job);
	*ret = d;
	return NULL;
}
