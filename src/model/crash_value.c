/* The short form of what a crash file or panic dump holds. */
#include <stdlib.h>

#include "base/number.h"
#include "model/crash_private.h"

static const struct {
	const char *subtype;
	enum ap_type type;
} subtypes[] = {
	{"null", AP_T_NULL},
	{"array", AP_T_ARRAY},
	{"map", AP_T_MAP},
	{"set", AP_T_SET},
	{"error", AP_T_ERROR},
	{"date", AP_T_DATE},
	{"regexp", AP_T_REGEXP},
	{"promise", AP_T_PROMISE},
	{"typedarray", AP_T_TYPEDARRAY},
	{"arraybuffer", AP_T_ARRAYBUFFER},
	{"dataview", AP_T_DATAVIEW},
	{"weakmap", AP_T_WEAKMAP},
	{"weakset", AP_T_WEAKSET},
	{"generator", AP_T_GENERATOR},
	{"iterator", AP_T_ITERATOR},
	{"proxy", AP_T_PROXY},
	{"webassemblymemory", AP_T_WASM},
	{"wasmvalue", AP_T_WASM},
};

/* Of objects without a subtype, and of those whose class says more. */
static const struct {
	const char *name;
	enum ap_type type;
} classes[] = {
	{"Buffer", AP_T_BUFFER},
	{"SharedArrayBuffer", AP_T_SHAREDARRAYBUFFER},
	{"WeakRef", AP_T_WEAKREF},
	{"FinalizationRegistry", AP_T_FINALIZATION_REGISTRY},
	{"AsyncGenerator", AP_T_ASYNC_GENERATOR},
	{"Module", AP_T_MODULE},
	{"global", AP_T_GLOBAL},
};

static bool starts_with(struct ap_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.s, prefix, n) == 0;
}

struct ap_value ap_crash_unreadable(const char *reason)
{
	return (struct ap_value){.type = AP_T_UNREADABLE, .text = ap_text_of(reason)};
}

const struct ap_crash_frame *ap_crash_frame_of(const struct ap_crash *crash, uint64_t ref)
{
	uint64_t index = (ref & ~AP_CRASH_FRAME_BIT) >> 4;

	if (!(ref & AP_CRASH_FRAME_BIT) || (ref & 15) != 1 || !index || index > crash->frames.n)
		return NULL;
	return &crash->frames.at[index - 1];
}

uint32_t ap_crash_node_of(const struct ap_crash *crash, uint64_t ref)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint64_t node = ref >> 4;

	if ((ref & 15) != 1 || !node || node >= doc->n)
		return 0;
	if (crash->kind == AP_CRASH_PANIC || node == crash->state)
		return (uint32_t)node;
	/* Any other node of a crash file is the file's own, not the program's. */
	return ap_jget_string(doc, (uint32_t)node, "type").s ? (uint32_t)node : 0;
}

/* UTF-16 units of a text; *ret_bytes of it are the first `max_units`. */
static uint64_t count_units(struct ap_text text, size_t max_units, size_t *ret_bytes)
{
	const char *p = text.s, *end = ap_text_end(text);
	uint64_t units = 0;

	*ret_bytes = text.n;
	while (p < end) {
		unsigned char c = (unsigned char)*p;
		size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
		unsigned width = n == 4 ? 2 : 1;

		if (max_units && units <= max_units && units + width > max_units)
			*ret_bytes = (size_t)(p - text.s);
		units += width;
		p = n < (size_t)(end - p) ? p + n : end;
	}
	return units;
}

static void string_value(struct ap_value *v, struct ap_text text, size_t max_units)
{
	size_t bytes = text.n;

	v->type = AP_T_STRING;
	v->has_address = true;
	v->address = v->ref & ~15ull;
	v->length = count_units(text, max_units, &bytes);
	v->truncated = bytes < text.n;
	v->text = (struct ap_text){text.s, bytes};
}

static void number_value(struct ap_value *v, double number, struct ap_arena *arena)
{
	char buf[AP_NUMBER_MAX];

	v->type = AP_T_NUMBER;
	/* What V8 would hold it as: the file does not say. */
	v->is_smi = number >= INT32_MIN && number <= INT32_MAX && number == (int32_t)number &&
		    !(number == 0 && __builtin_signbit(number));
	v->text = ap_text_of(ap_strdup(arena, ap_number_js(number, buf)));
}

static struct ap_value json_value(const struct ap_crash *crash, uint32_t node, size_t max_units,
				  struct ap_arena *arena)
{
	const struct ap_jnode *n = &crash->doc.at[node];
	struct ap_value v = {.has_ref = true, .ref = (uint64_t)node << 4 | 1};
	double number;

	switch (n->kind) {
	case AP_J_NULL:
		v.type = AP_T_NULL;
		v.text = AP_TEXT("null");
		break;
	case AP_J_TRUE:
	case AP_J_FALSE:
		v.type = AP_T_BOOLEAN;
		v.text = n->kind == AP_J_TRUE ? AP_TEXT("true") : AP_TEXT("false");
		break;
	case AP_J_NUMBER:
		if (ap_jnumber(&crash->doc, node, &number))
			number_value(&v, number, arena);
		break;
	case AP_J_STRING:
		string_value(&v, n->text, max_units);
		break;
	case AP_J_ARRAY:
	case AP_J_OBJECT:
		v.type = n->kind == AP_J_ARRAY ? AP_T_ARRAY : AP_T_OBJECT;
		v.constructor = n->kind == AP_J_ARRAY ? AP_TEXT("Array") : AP_TEXT("Object");
		v.has_address = true;
		v.address = v.ref & ~15ull;
		break;
	}
	return v;
}

static enum ap_type object_type(const struct ap_crash *crash, uint32_t node, struct ap_text class)
{
	struct ap_text subtype = ap_jget_string(&crash->doc, node, "subtype");
	struct ap_text description = ap_jget_string(&crash->doc, node, "description");

	if (ap_text_is(subtype, "array") && starts_with(description, "Arguments("))
		return AP_T_ARGUMENTS;
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		/* A class of the program may have such a name: only what V8 leaves without subtype.
		 */
		bool fits = classes[i].type == AP_T_BUFFER ? ap_text_is(subtype, "typedarray")
			    : classes[i].type == AP_T_SHAREDARRAYBUFFER
				    ? !subtype.n || ap_text_is(subtype, "arraybuffer")
			    : classes[i].type == AP_T_ASYNC_GENERATOR
				    ? ap_text_is(subtype, "generator")
				    : !subtype.n;

		if (fits && ap_text_is(class, classes[i].name))
			return classes[i].type;
	}
	for (size_t i = 0; i < sizeof(subtypes) / sizeof(subtypes[0]); i++) {
		if (ap_text_is(subtype, subtypes[i].subtype))
			return subtypes[i].type;
	}
	return ap_crash_internal(crash, ap_crash_entry(crash, node), "[[PrimitiveValue]]")
		       ? AP_T_BOXED
		       : AP_T_OBJECT;
}

static void object_value(const struct ap_crash *crash, uint32_t node, bool function,
			 struct ap_value *v)
{
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_text description = ap_jget_string(doc, node, "description");

	v->constructor = ap_jget_string(doc, node, "className");
	if (!v->constructor.s)
		v->constructor = function ? AP_TEXT("Function") : AP_TEXT("Object");
	if (function) {
		v->type =
			ap_crash_internal(crash, ap_crash_entry(crash, node), "[[TargetFunction]]")
				? AP_T_BOUND_FUNCTION
			: starts_with(description, "class ") || starts_with(description, "class{")
				? AP_T_CLASS
				: AP_T_FUNCTION;
		if (ap_text_is(ap_jget_string(doc, node, "subtype"), "proxy"))
			v->type = AP_T_PROXY;
	} else {
		v->type = object_type(crash, node, v->constructor);
	}
	if (v->type == AP_T_NULL) {
		v->constructor = (struct ap_text){0};
		v->text = AP_TEXT("null");
		return;
	}
	v->has_address = true;
	v->address = v->ref & ~15ull;
}

/* "Symbol(x)" without its shell; missing for Symbol(). */
static struct ap_text symbol_text(struct ap_text description)
{
	if (!starts_with(description, "Symbol(") || description.s[description.n - 1] != ')')
		return description;
	description = (struct ap_text){description.s + 7, description.n - 8};
	return description.n ? description : (struct ap_text){0};
}

static bool primitive(const struct ap_crash *crash, uint32_t node, struct ap_text type,
		      size_t max_units, struct ap_arena *arena, struct ap_value *v)
{
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t value = ap_jget(doc, node, "value");
	struct ap_text special = ap_jget_string(doc, node, "unserializableValue");
	double number;

	if (ap_text_is(type, "undefined")) {
		v->type = AP_T_UNDEFINED;
		v->text = AP_TEXT("undefined");
	} else if (ap_text_is(type, "boolean")) {
		v->type = AP_T_BOOLEAN;
		v->text = ap_jis(doc, value, AP_J_TRUE) ? AP_TEXT("true") : AP_TEXT("false");
	} else if (ap_text_is(type, "string")) {
		int64_t length = ap_jget_int(doc, ap_jget(doc, node, "truncated"), "length", -1);

		string_value(v, ap_jtext(doc, value).s ? ap_jtext(doc, value) : AP_TEXT(""),
			     max_units);
		if (length > 0 && (uint64_t)length > v->length) {
			v->length = (uint64_t)length;
			v->truncated = true;
		}
	} else if (ap_text_is(type, "number")) {
		if (ap_jnumber(doc, value, &number))
			number_value(v, number, arena);
		else if (special.n && special.n < AP_NUMBER_MAX)
			*v = (struct ap_value){.type = AP_T_NUMBER,
					       .has_ref = true,
					       .ref = v->ref,
					       .text = special};
		else
			*v = ap_crash_unreadable("a number that the file does not give");
	} else if (ap_text_is(type, "bigint")) {
		v->type = AP_T_BIGINT;
		v->text = special;
		if (v->text.n && v->text.s[v->text.n - 1] == 'n')
			v->text.n--;
	} else if (ap_text_is(type, "symbol")) {
		v->type = AP_T_SYMBOL;
		v->text = symbol_text(ap_jget_string(doc, node, "description"));
	} else {
		return false;
	}
	return true;
}

struct ap_value ap_crash_value(const struct ap_crash *crash, uint32_t node, size_t max_units,
			       struct ap_arena *arena)
{
	const struct ap_jdoc *doc = &crash->doc;
	struct ap_text type = ap_jget_string(doc, node, "type");
	const struct ap_crash_id *id;

	if (!node)
		return ap_crash_unreadable("not in this file");
	if (crash->kind == AP_CRASH_PANIC || node == crash->state)
		return json_value(crash, node, max_units, arena);
	if (!type.s)
		return ap_crash_unreadable("not a value of the inspector's protocol");
	if (ap_jget_true(doc, node, "masked"))
		return ap_crash_unreadable("masked when the file was written: it looked secret");
	id = ap_crash_find_id(crash, ap_jget_string(doc, node, "objectId"));
	if (id && id->remote)
		node = id->remote;
	struct ap_value v = {.has_ref = true, .ref = (uint64_t)node << 4 | 1};
	if (!primitive(crash, node, type, max_units, arena, &v))
		object_value(crash, node, ap_text_is(type, "function"), &v);
	return v;
}

struct ap_value ap_crash_frame_value(const struct ap_crash *crash, size_t index)
{
	(void)crash;
	return (struct ap_value){.type = AP_T_FUNCTION,
				 .has_ref = true,
				 .ref = ap_crash_frame_ref(index),
				 .constructor = AP_TEXT("Function")};
}

struct ap_err *ap_crash_describe(struct ap_model *model, uint64_t ref, struct ap_arena *arena,
				 struct ap_value *ret)
{
	struct ap_crash *crash = ap_crash_of(model);
	const struct ap_crash_frame *frame = ap_crash_frame_of(crash, ref);
	uint32_t node = ap_crash_node_of(crash, ref);

	if (frame) {
		*ret = ap_crash_frame_value(crash, (size_t)(frame - crash->frames.at));
		return NULL;
	}
	if (!node)
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND, "no value of this file has the address 0x%llx",
				   (unsigned long long)(ref & ~15ull)),
			"addresses here are numbers of values in the file: take one that `bt`, "
			"`scope` or `print` showed");
	*ret = ap_crash_value(crash, node, AP_CRASH_SHORT_UNITS, arena);
	return NULL;
}
