/* Lists of a full form: own properties, elements, entries of collections. */
#include <stdlib.h>

#include "model/core_value.h"

enum { KEEP_SLACK = 64, NAME_UNITS = 65536, SHORT_UNITS = 1024, MAX_STACK = 1 << 20 };

static struct ap_text key_text(struct ap_detail_job *job, ap_tagged key, enum ap_key_kind kind)
{
	struct ap_text name = {NULL, 0};
	char *text;

	if (kind == AP_KEY_STRING) {
		name = ap_v8_text(job->v8, key, NAME_UNITS, job->arena);
		if (!name.s)
			ap_core_gap(job->core, key & ~3ull);
		return name.s ? name : AP_TEXT("<unreadable>");
	}
	if (!ap_symbol_description(job->v8, key, NAME_UNITS, job->arena, &name)) {
		ap_core_gap(job->core, key & ~3ull);
		return AP_TEXT("<unreadable>");
	}
	if (kind == AP_KEY_PRIVATE_NAME)
		return name.s ? name : AP_TEXT("#");
	AP_STR_AUTO out = {0};
	ap_str_adds(&out, "Symbol(");
	ap_str_add(&out, name.s, name.n);
	ap_str_addc(&out, ')');
	name = ap_str_text(&out, job->arena);
	text = name.s ? NULL : ap_strdup(job->arena, "");
	return name.s ? name : ap_text_of(text);
}

static void set_number(struct ap_property *p, double number, struct ap_arena *arena)
{
	p->value = ap_core_number(number, arena);
	p->has_value = true;
}

/* Code units of a text; *ret_cut bytes of it hold the first `max` of them. */
static uint64_t utf16_units(struct ap_text text, uint64_t max, size_t *ret_cut)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.s[i];

		/* A character of four bytes takes two units; bytes that go on a character take
		 * none. */
		if ((c & 0xc0) == 0x80)
			continue;
		if (n + (c >= 0xf0 ? 2 : 1) > max)
			break;
		n += c >= 0xf0 ? 2 : 1;
	}
	if (ret_cut)
		*ret_cut = i;
	return n;
}

/* What V8 would compute, as far as its inputs are in the object. */
static struct ap_err *native_value(struct ap_detail_job *job, const struct ap_own *own,
				   struct ap_property *p)
{
	struct ap_v8 *v8 = job->v8;
	bool is_length = ap_v8_text_equals(v8, own->key, "length");
	uint64_t w;
	double number;

	if (ap_type_is_function(v8, job->map.type)) {
		uint16_t length;
		struct ap_text name;
		ap_tagged prototype;

		if (is_length && ap_v8_word(v8, job->object, F(v8, FUNCTION_SHARED), &w) &&
		    ap_v8_u16(v8, w, F(v8, SFI_LENGTH), &length) && length != UINT16_MAX) {
			set_number(p, length, job->arena);
		} else if (ap_v8_text_equals(v8, own->key, "name") &&
			   (name = ap_function_name(v8, job->object, job->arena)).s) {
			p->value = (struct ap_value){.type = AP_T_STRING,
						     .text = name,
						     .length = utf16_units(name, SIZE_MAX, NULL)};
			p->has_value = true;
		} else if (ap_v8_text_equals(v8, own->key, "prototype") &&
			   ap_function_prototype(v8, job->object, &prototype)) {
			p->has_value = true;
			return ap_core_describe(&job->core->base, prototype, job->arena, &p->value);
		}
		return NULL;
	}
	if (ap_v8_text_equals(v8, own->key, "stack")) {
		size_t limit = job->limits->text_units;
		bool cut;
		struct ap_text stack = ap_error_stack(
			v8, job->object, limit && limit < MAX_STACK ? (uint32_t)limit : MAX_STACK,
			job->arena, &cut);

		if (stack.s) {
			p->value = (struct ap_value){.type = AP_T_STRING,
						     .length = utf16_units(stack, SIZE_MAX, NULL)};
			p->value.text = stack;
			utf16_units(stack, SHORT_UNITS, &p->value.text.n);
			p->value.truncated = cut || p->value.text.n < stack.n;
			p->has_value = true;
		}
	} else if (is_length && ap_array_length(v8, job->object, &number)) {
		set_number(p, number, job->arena);
	} else if (is_length && job->d->self.type == AP_T_BOXED &&
		   ap_v8_word(v8, job->object, F(v8, WRAPPER_VALUE), &w)) {
		uint32_t units;

		if (ap_v8_string_length(v8, w, &units))
			set_number(p, units, job->arena);
	}
	return NULL;
}

static struct ap_err *accessor_value(struct ap_detail_job *job, ap_tagged function,
				     struct ap_value *ret)
{
	*ret = (struct ap_value){.type = AP_T_NULL, .text = AP_TEXT("null")};
	return function ? ap_core_describe(&job->core->base, function, job->arena, ret) : NULL;
}

/* The value of a data slot in its place, whatever it is. */
static struct ap_err *slot_value(struct ap_detail_job *job, const struct ap_own *own,
				 struct ap_value *ret)
{
	if (!own->readable) {
		ap_core_gap(job->core, own->address);
		*ret = ap_value_unreadable("this slot is not in the core");
		return NULL;
	}
	return ap_core_slot(job->core, &own->slot, job->arena, ret);
}

static struct ap_err *push_property(struct ap_detail_job *job, const struct ap_own *own,
				    struct ap_text name, enum ap_key_kind key)
{
	struct ap_property p = {
		.name = name,
		.symbol = key == AP_KEY_SYMBOL,
		.private_name = key == AP_KEY_PRIVATE_NAME,
		.enumerable = !(own->attributes & AP_DONT_ENUM),
		.writable = !(own->attributes & AP_READ_ONLY),
		.configurable = !(own->attributes & AP_DONT_DELETE),
		.getter = {.type = AP_T_NULL},
		.setter = {.type = AP_T_NULL},
	};

	if (own->kind == AP_OWN_DATA) {
		p.has_value = true;
		AP_TRY(slot_value(job, own, &p.value));
	} else if (own->kind == AP_OWN_NATIVE ||
		   ap_error_is_native_stack(job->v8, job->object, own)) {
		p.kind = AP_PROPERTY_NATIVE;
		AP_TRY(native_value(job, own, &p));
	} else {
		p.kind = AP_PROPERTY_ACCESSOR;
		p.writable = false;
		AP_TRY(accessor_value(job, own->getter, &p.getter));
		AP_TRY(accessor_value(job, own->setter, &p.setter));
	}
	return ap_vec_push(job->arena, &job->d->properties, p) ? NULL : &ap_err_nomem;
}

static int by_order(const void *a, const void *b)
{
	const struct ap_own *x = a, *y = b;

	return x->order < y->order ? -1 : x->order > y->order;
}

/*
 * A dictionary has to be seen whole before its first items are known. Those that can be among them
 * are all we hold: of a million keys a screenful.
 */
static void keep_first(struct ap_detail_job *job, void *at, size_t *n, size_t size,
		       int (*compare)(const void *, const void *))
{
	size_t limit = job->limits->items;

	if (!limit || *n < 2 * limit + KEEP_SLACK)
		return;
	qsort(at, *n, size, compare);
	*n = limit;
	job->d->truncated = true;
}

/* A namespace's exports: the properties that V8 computes stand in the module's cells. */
static struct ap_err *namespace_properties(struct ap_detail_job *job)
{
	struct ap_export_iter it;
	ap_tagged module, name, value;

	if (!ap_namespace_module(job->v8, job->object, &module) ||
	    !ap_module_exports(job->v8, module, &it)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	while (ap_export_next(&it, &name, &value)) {
		struct ap_own own = {
			.key = name,
			.attributes = AP_DONT_DELETE,
			.readable = true,
			.slot = {.tagged = value},
		};

		if (ap_detail_full(job, job->d->properties.n))
			return NULL;
		AP_TRY(push_property(job, &own, key_text(job, name, AP_KEY_STRING), AP_KEY_STRING));
	}
	return NULL;
}

struct ap_err *ap_detail_properties(struct ap_detail_job *job)
{
	AP_VEC(struct ap_own) list = {0};
	struct ap_own_iter it;
	struct ap_own own;
	ap_tagged object = job->object;
	bool is_namespace = job->d->self.type == AP_T_MODULE;

	/* The global proxy has nothing of its own: its prototype is the global object. */
	if (job->map.type == F(job->v8, T_JS_GLOBAL_PROXY))
		object = job->map.prototype;
	if (!ap_own_begin(job->v8, object, &it))
		return NULL;
	while (ap_own_next(&it, &own)) {
		if (ap_key_kind(job->v8, own.key) == AP_KEY_HIDDEN ||
		    (is_namespace && own.kind == AP_OWN_NATIVE))
			continue;
		if (it.mode == AP_OWN_FAST && ap_detail_full(job, list.n))
			break;
		if (!ap_vec_push(job->arena, &list, own))
			return &ap_err_nomem;
		keep_first(job, list.at, &list.n, sizeof(*list.at), by_order);
	}
	if (it.broken)
		ap_core_gap(job->core, object & ~3ull);
	if (it.mode != AP_OWN_FAST && list.n)
		qsort(list.at, list.n, sizeof(*list.at), by_order);
	if (is_namespace)
		AP_TRY(namespace_properties(job));
	for (size_t i = 0; i < list.n; i++) {
		enum ap_key_kind key = ap_key_kind(job->v8, list.at[i].key);

		if (ap_detail_full(job, job->d->properties.n))
			break;
		AP_TRY(push_property(job, &list.at[i], key_text(job, list.at[i].key, key), key));
	}
	return NULL;
}

static struct ap_err *push_element(struct ap_detail_job *job, const struct ap_own_element *e)
{
	struct ap_element item = {.index = e->index, .accessor = e->own.kind == AP_OWN_ACCESSOR};

	if (item.accessor) {
		char *name = ap_printf(job->arena, "%llu", (unsigned long long)e->index);

		if (!name)
			return &ap_err_nomem;
		AP_TRY(push_property(job, &e->own, ap_text_of(name), AP_KEY_STRING));
	} else if (e->is_char) {
		AP_STR_AUTO out = {0};

		if (!ap_v8_string_range(job->v8, e->string, (uint32_t)e->index, 1, &out)) {
			ap_core_gap(job->core, e->string & ~3ull);
			item.value = ap_value_unreadable("this character is not in the core");
		} else {
			item.value = (struct ap_value){.type = AP_T_STRING,
						       .length = 1,
						       .text = ap_str_text(&out, job->arena)};
		}
	} else {
		AP_TRY(slot_value(job, &e->own, &item.value));
	}
	return ap_vec_push(job->arena, &job->d->elements, item) ? NULL : &ap_err_nomem;
}

static int by_index(const void *a, const void *b)
{
	const struct ap_own_element *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

/* Elements of a typed array are raw numbers. */
static struct ap_err *typed_elements(struct ap_detail_job *job)
{
	struct ap_view view;

	if (!ap_view_read(job->v8, job->object, &view)) {
		ap_core_gap(job->core, job->object & ~3ull);
		return NULL;
	}
	for (uint64_t i = 0; i < view.length && !ap_detail_full(job, job->d->elements.n); i++) {
		struct ap_element item = {.index = i};
		uint64_t bits;
		double number;
		bool ok;

		if (view.type == AP_TYPED_BIGINT64 || view.type == AP_TYPED_BIGUINT64) {
			ok = ap_view_bits(job->v8, &view, i, &bits);
			char *text =
				ok ? ap_printf(job->arena,
					       view.type == AP_TYPED_BIGINT64 ? "%lld" : "%llu",
					       (unsigned long long)bits)
				   : NULL;
			if (ok && !text)
				return &ap_err_nomem;
			item.value =
				(struct ap_value){.type = AP_T_BIGINT, .text = ap_text_of(text)};
		} else {
			ok = ap_view_number(job->v8, &view, i, &number);
			if (ok)
				item.value = ap_core_number(number, job->arena);
		}
		if (!ok) {
			ap_core_gap(job->core, view.data + i * ap_typed_size(view.type));
			item.value = ap_value_unreadable("these bytes are not in the core");
		}
		if (!ap_vec_push(job->arena, &job->d->elements, item))
			return &ap_err_nomem;
	}
	return NULL;
}

struct ap_err *ap_detail_elements(struct ap_detail_job *job)
{
	AP_VEC(struct ap_own_element) list = {0};
	struct ap_element_iter it;
	struct ap_own_element e;

	if (job->d->self.type == AP_T_BUFFER || job->d->self.type == AP_T_MODULE)
		return NULL;
	if (job->d->self.type == AP_T_TYPEDARRAY)
		return typed_elements(job);
	if (!ap_elements_begin(job->v8, job->object, &it))
		return NULL;
	if (it.broken)
		ap_core_gap(job->core, job->object & ~3ull);
	while (ap_elements_next(&it, &e)) {
		if (it.mode != AP_ELEMENTS_DICTIONARY) {
			if (ap_detail_full(job, job->d->elements.n))
				return NULL;
			AP_TRY(push_element(job, &e));
			continue;
		}
		if (!ap_vec_push(job->arena, &list, e))
			return &ap_err_nomem;
		keep_first(job, list.at, &list.n, sizeof(*list.at), by_index);
	}
	job->d->hole = it.hole;
	if (list.n)
		qsort(list.at, list.n, sizeof(*list.at), by_index);
	for (size_t i = 0; i < list.n && !ap_detail_full(job, job->d->elements.n); i++)
		AP_TRY(push_element(job, &list.at[i]));
	return NULL;
}

struct ap_err *ap_detail_entries(struct ap_detail_job *job, ap_tagged table, bool is_map)
{
	struct ap_table_iter it;
	ap_tagged key, value;
	uint32_t size;

	job->d->has_entries = true;
	if (!ap_table_size(job->v8, table, &size) || !ap_table_begin(job->v8, table, is_map, &it)) {
		ap_core_gap(job->core, table & ~3ull);
		return ap_extra_null(job, "size");
	}
	AP_TRY(ap_extra_int(job, "size", size));
	while (ap_table_next(&it, &key, &value)) {
		struct ap_entry entry = {.has_key = is_map};

		if (ap_detail_full(job, job->d->entries.n))
			return NULL;
		if (is_map)
			AP_TRY(ap_core_describe(&job->core->base, key, job->arena, &entry.key));
		AP_TRY(ap_core_describe(&job->core->base, is_map ? value : key, job->arena,
					&entry.value));
		if (!ap_vec_push(job->arena, &job->d->entries, entry))
			return &ap_err_nomem;
	}
	if (it.broken)
		ap_core_gap(job->core, table & ~3ull);
	return NULL;
}
