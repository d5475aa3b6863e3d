/* The full form: what only one type has (docs/json/print.md, the table of objects). */
#include <inttypes.h>
#include <math.h>

#include "base/number.h"
#include "model/core_value.h"

static struct ap_err *detail_table(struct ap_detail_job *job, bool is_map)
{
	uint64_t table = 0;

	if (!ap_v8_word(job->v8, job->object, F(job->v8, TABLE), &table))
		ap_core_gap(job->core, job->object & ~3ull);
	return ap_detail_entries(job, table, is_map);
}

static struct ap_err *detail_date(struct ap_detail_job *job)
{
	char buf[AP_NUMBER_MAX];
	double ms;

	if (!ap_date_ms(job->v8, job->object, &ms)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return ap_extra_null(job, "ms");
	}
	job->d->self.text = ap_date_text(ms, job->arena);
	return ap_extra_text(job, "ms", ap_text_of(ap_strdup(job->arena, ap_number_js(ms, buf))));
}

static struct ap_err *detail_regexp(struct ap_detail_job *job)
{
	uint64_t source;
	struct ap_text text = {NULL, 0};

	if (ap_v8_word(job->v8, job->object, F(job->v8, REGEXP_SOURCE), &source))
		text = ap_v8_text(job->v8, source, 1 << 20, job->arena);
	if (!text.s)
		ap_core_gap(job->core, job->object & ~3ull);
	AP_TRY(ap_extra_text(job, "source", text));
	AP_TRY(ap_extra_text(job, "flags", ap_regexp_flags(job->v8, job->object, job->arena)));
	return ap_extra_field(job, "last_index", F(job->v8, REGEXP_LAST_INDEX));
}

static struct ap_err *detail_iterator(struct ap_detail_job *job)
{
	struct ap_v8 *v8 = job->v8;
	int collection = ap_core_collection_iterator(v8, job->map.type);
	int32_t next;
	double number;
	uint64_t w;

	if (collection >= 0) {
		/* It holds the table, not the map: which map that is nothing here says. */
		struct ap_value target = {
			.type = collection < 3 ? AP_T_MAP : AP_T_SET,
			.constructor = collection < 3 ? AP_TEXT("Map") : AP_TEXT("Set"),
		};

		AP_TRY(ap_extra_value(job, "target", &target));
	} else if (job->map.type == F(v8, T_JS_REG_EXP_STRING_ITERATOR)) {
		AP_TRY(ap_extra_field(job, "target", F(v8, ITERATOR_NEXT_INDEX)));
		return ap_extra_null(job, "next_index");
	} else {
		AP_TRY(ap_extra_field(job, "target", F(v8, ITERATOR_TARGET)));
	}
	if (ap_v8_smi(v8, job->object, F(v8, ITERATOR_NEXT_INDEX), &next))
		return ap_extra_int(job, "next_index", next);
	if (ap_v8_word(v8, job->object, F(v8, ITERATOR_NEXT_INDEX), &w) &&
	    ap_v8_number(v8, w, &number) && number >= 0 && number <= 9007199254740991.0)
		return ap_extra_int(job, "next_index", (int64_t)number);
	return ap_extra_null(job, "next_index");
}

static struct ap_err *detail_wasm(struct ap_detail_job *job)
{
	static const struct {
		enum ap_fact_id fact;
		const char *name;
	} kinds[] = {
		{AP_F_T_WASM_MODULE, "module"},       {AP_F_T_WASM_INSTANCE, "instance"},
		{AP_F_T_WASM_MEMORY, "memory"},       {AP_F_T_WASM_TABLE, "table"},
		{AP_F_T_WASM_GLOBAL, "global"},       {AP_F_T_WASM_TAG, "tag"},
		{AP_F_T_WASM_EXCEPTION, "exception"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (job->v8->profile.facts[kinds[i].fact].value == job->map.type)
			return ap_extra_text(job, "wasm_type", ap_text_of(kinds[i].name));
	}
	return ap_extra_null(job, "wasm_type");
}

static struct ap_err *detail_module(struct ap_detail_job *job)
{
	ap_tagged module;

	if (!ap_namespace_module(job->v8, job->object, &module))
		return ap_extra_null(job, "script");
	return ap_extra_text(job, "script", ap_module_script_name(job->v8, module, job->arena));
}

static struct ap_err *detail_length(struct ap_detail_job *job)
{
	struct ap_own own;
	double length = -1;

	if (job->d->self.type == AP_T_ARRAY)
		(void)ap_array_length(job->v8, job->object, &length);
	else if (ap_own_find(job->v8, job->object, "length", &own) && own.kind == AP_OWN_DATA &&
		 own.readable)
		(void)ap_v8_number(job->v8, own.slot.tagged, &length);
	if (length >= 0 && length <= 9007199254740991.0)
		job->d->length = (int64_t)length;
	return NULL;
}

/* The layout facts that the inside of a type rests on, beyond those of every object. */
static enum ap_fact_group group_of(enum ap_type type)
{
	switch (type) {
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		return AP_G_FUNCTIONS;
	case AP_T_MAP:
	case AP_T_WEAKMAP:
	case AP_T_SET:
	case AP_T_WEAKSET:
	case AP_T_WEAKREF:
	case AP_T_ITERATOR:
		return AP_G_COLLECTIONS;
	case AP_T_PROMISE:
	case AP_T_GENERATOR:
	case AP_T_ASYNC_GENERATOR:
	case AP_T_ASYNC_FUNCTION:
		return AP_G_PROMISES;
	case AP_T_BOUND_FUNCTION:
	case AP_T_DATE:
	case AP_T_REGEXP:
	case AP_T_PROXY:
	case AP_T_BOXED:
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
	case AP_T_TYPEDARRAY:
	case AP_T_BUFFER:
	case AP_T_DATAVIEW:
	case AP_T_WASM:
		return AP_G_BUFFERS;
	default:
		return AP_G_OBJECTS;
	}
}

struct ap_err *ap_detail_kind(struct ap_detail_job *job)
{
	const struct ap_group_state *group = &job->v8->profile.groups[group_of(job->d->self.type)];

	/* What rests on an unproven layout is left out, and said, rather than shown wrong. */
	if (!group->on) {
		ap_core_gap(job->core, job->object);
		return ap_extra_text(job, "not_decoded", ap_text_of(group->why_off));
	}
	switch (job->d->self.type) {
	case AP_T_ARRAY:
	case AP_T_ARGUMENTS:
		return detail_length(job);
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		return ap_detail_function(job);
	case AP_T_BOUND_FUNCTION:
		return ap_detail_bound(job);
	case AP_T_ERROR:
		return ap_detail_error(job);
	case AP_T_DATE:
		return detail_date(job);
	case AP_T_REGEXP:
		return detail_regexp(job);
	case AP_T_MAP:
	case AP_T_WEAKMAP:
		return detail_table(job, true);
	case AP_T_SET:
	case AP_T_WEAKSET:
		return detail_table(job, false);
	case AP_T_WEAKREF:
		return ap_extra_field(job, "target", F(job->v8, WEAK_REF_TARGET));
	case AP_T_PROMISE:
		return ap_detail_promise(job);
	case AP_T_PROXY:
		AP_TRY(ap_extra_field(job, "target", F(job->v8, PROXY_TARGET)));
		return ap_extra_field(job, "handler", F(job->v8, PROXY_HANDLER));
	case AP_T_GENERATOR:
	case AP_T_ASYNC_GENERATOR:
	case AP_T_ASYNC_FUNCTION:
		return ap_detail_generator(job);
	case AP_T_BOXED:
		return ap_extra_field(job, "primitive", F(job->v8, WRAPPER_VALUE));
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
	case AP_T_TYPEDARRAY:
	case AP_T_BUFFER:
	case AP_T_DATAVIEW:
		return ap_detail_bytes(job);
	case AP_T_MODULE:
		return detail_module(job);
	case AP_T_ITERATOR:
		return detail_iterator(job);
	case AP_T_WASM:
		return detail_wasm(job);
	default:
		return NULL;
	}
}
