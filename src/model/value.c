/* What every model's values have in common: paths through them, their extras, default limits. */
#include <ctype.h>

#include "base/escape.h"
#include "model/model.h"

/* docs/json/print.md */
const struct ap_detail_limits ap_detail_default_limits = {
	.items = 1024,
	.text_units = 1 << 20,
	.bytes = 4096,
};

const struct ap_extra *ap_detail_extra(const struct ap_detail *detail, const char *key)
{
	for (size_t i = 0; i < detail->extras.n; i++) {
		if (strcmp(detail->extras.at[i].key, key) == 0)
			return &detail->extras.at[i];
	}
	return NULL;
}

static bool starts_with(struct ap_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.s, prefix, n) == 0;
}

bool ap_script_is_user_code(struct ap_text script)
{
	if (!script.n || starts_with(script, "node:") || starts_with(script, "internal/") ||
	    starts_with(script, "evalmachine.<anonymous>"))
		return false;
	/* Node's own modules had no scheme before 16: "events.js", "_http_server.js". */
	if (script.s[0] != '/' && !starts_with(script, "file:") &&
	    !memchr(script.s, '/', script.n) && !starts_with(script, "["))
		return false;
	return !memmem(script.s, script.n, "/node_modules/", 14);
}

enum step_kind { STEP_NAME, STEP_INDEX, STEP_SYMBOL, STEP_PRIVATE, STEP_SLOT };

struct step {
	enum step_kind kind;
	struct ap_text name;
	uint64_t index;
	struct ap_text shown; /* as typed, for messages */
};

static bool is_index(struct ap_text name, uint64_t *ret_index)
{
	uint64_t v = 0;

	if (!name.n || name.n > 10 || (name.n > 1 && name.s[0] == '0'))
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!isdigit((unsigned char)name.s[i]))
			return false;
		v = v * 10 + (uint64_t)(name.s[i] - '0');
	}
	*ret_index = v;
	return v < UINT32_MAX;
}

/* A string literal; `p` stands on its quote. */
static const char *parse_quoted(const char *p, struct ap_arena *arena, struct ap_text *ret)
{
	AP_STR_AUTO str = {0};
	char quote = *p++;

	for (; *p && *p != quote; p++) {
		if (*p == '\\' && p[1]) {
			p++;
			ap_str_addc(&str, *p == 'n'   ? '\n'
					  : *p == 't' ? '\t'
					  : *p == 'r' ? '\r'
						      : *p);
		} else {
			ap_str_addc(&str, *p);
		}
	}
	if (*p != quote)
		return NULL;
	*ret = ap_str_text(&str, arena);
	return p + 1;
}

/* One step of a path; NULL if it is malformed. */
static const char *parse_step(const char *p, bool first, struct ap_arena *arena, struct step *ret)
{
	struct step step = {.kind = STEP_NAME};
	const char *start = p;

	if (*p == '[') {
		p++;
		if (*p == '\'' || *p == '"') {
			p = parse_quoted(p, arena, &step.name);
			if (!p || *p != ']')
				return NULL;
		} else if (*p == '[') { /* [[value]]: what V8 keeps inside, not a property */
			size_t n = strcspn(++p, "]");

			step.kind = STEP_SLOT;
			step.name = (struct ap_text){p, n};
			p += n;
			if (p[0] != ']' || p[1] != ']')
				return NULL;
			p++;
		} else {
			size_t n = strcspn(p, "]");

			step.name = (struct ap_text){p, n};
			step.kind = starts_with(step.name, "Symbol(") ? STEP_SYMBOL : STEP_NAME;
			p += n;
			if (!n || *p != ']')
				return NULL;
		}
		p++;
	} else {
		if (*p == '.')
			p++;
		else if (!first)
			return NULL;
		size_t n = strcspn(p, ".[");
		if (!n)
			return NULL;
		step.name = (struct ap_text){p, n};
		step.kind = *p == '#' ? STEP_PRIVATE : STEP_NAME;
		p += n;
	}
	if (step.kind == STEP_NAME && is_index(step.name, &step.index))
		step.kind = STEP_INDEX;
	step.shown = (struct ap_text){start, (size_t)(p - start)};
	*ret = step;
	return p;
}

static bool property_fits(const struct ap_property *p, const struct step *step)
{
	return ap_text_eq(p->name, step->name) && p->symbol == (step->kind == STEP_SYMBOL) &&
	       p->private_name == (step->kind == STEP_PRIVATE);
}

static struct ap_value integer_value(int64_t n, struct ap_arena *arena)
{
	char *text = ap_printf(arena, "%lld", (long long)n);

	return (struct ap_value){.type = AP_T_NUMBER, .is_smi = true, .text = ap_text_of(text)};
}

/* Looks `step` up in a detail; *ret_found false if it is not there. */
static struct ap_err *find_step(const struct ap_detail *d, const struct step *step,
				struct ap_arena *arena, bool *ret_found, struct ap_value *ret_value)
{
	*ret_found = true;
	if (step->kind == STEP_SLOT) {
		for (size_t i = 0; i < d->extras.n; i++) {
			const struct ap_extra *extra = &d->extras.at[i];

			if (ap_text_is(step->name, extra->key) && extra->kind == AP_EXTRA_VALUE &&
			    extra->values) {
				*ret_value = *extra->values;
				return NULL;
			}
		}
		*ret_found = false;
		return NULL;
	}
	for (size_t i = 0; step->kind == STEP_INDEX && i < d->elements.n; i++) {
		const struct ap_element *e = &d->elements.at[i];

		if (e->index != step->index || e->accessor)
			continue;
		*ret_value = e->value;
		return NULL;
	}
	for (size_t i = 0; i < d->properties.n; i++) {
		const struct ap_property *p = &d->properties.at[i];

		if (!property_fits(p, step))
			continue;
		if (p->kind == AP_PROPERTY_ACCESSOR)
			return ap_err_hint(ap_err_new(AP_E_TYPE,
						      "%.*s is an accessor: its value was never "
						      "stored, only its getter is known",
						      AP_TEXT_ARG(step->name)),
					   "print the object itself to see its getter and setter");
		if (p->has_value) {
			*ret_value = p->value;
			return NULL;
		}
		break;
	}
	if (step->kind == STEP_NAME && ap_text_is(step->name, "length") && d->length >= 0) {
		*ret_value = integer_value(d->length, arena);
		return NULL;
	}
	*ret_found = false;
	return NULL;
}

static struct ap_err *take_step(struct ap_model *model, struct ap_value *at,
				const struct step *step, struct ap_arena *arena)
{
	struct ap_detail detail;
	struct ap_detail_limits limits = ap_detail_default_limits;
	bool found;

	if (at->type == AP_T_STRING && ap_text_is(step->name, "length")) {
		*at = integer_value((int64_t)at->length, arena);
		return NULL;
	}
	if (!ap_type_is_object(at->type) || !at->has_ref)
		return ap_err_new(AP_E_NOTFOUND, "%.*s: there is nothing inside a value of type %s",
				  AP_TEXT_ARG(step->shown), ap_type_name(at->type));
	AP_TRY(model->ops->detail(model, at->ref, &limits, arena, &detail));
	AP_TRY(find_step(&detail, step, arena, &found, at));
	if (found)
		return NULL;
	/* Only a list longer than the usual limit is worth a second look without one. */
	if (detail.truncated && step->kind != STEP_SLOT) {
		limits.items = 0;
		limits.text_units = 16;
		limits.bytes = 16;
		AP_TRY(model->ops->detail(model, at->ref, &limits, arena, &detail));
		AP_TRY(find_step(&detail, step, arena, &found, at));
		if (found)
			return NULL;
	}
	const struct ap_extra *left_out = ap_detail_extra(&detail, "left_out");
	if (left_out)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
					      "%.*s: the inside of this value was left out when "
					      "the file was written: %.*s",
					      AP_TEXT_ARG(step->shown),
					      AP_TEXT_ARG(left_out->text)),
				   "a core holds everything");
	if (step->kind == STEP_INDEX && detail.length >= 0)
		return ap_err_new(AP_E_NOTFOUND, "%.*s: no such element, the %s has %lld",
				  AP_TEXT_ARG(step->shown), ap_type_name(at->type),
				  (long long)detail.length);
	return ap_err_hint(
		ap_err_new(AP_E_NOTFOUND, "%.*s: this %s has no such property of its own",
			   AP_TEXT_ARG(step->shown),
			   at->constructor.n
				   ? ap_strndup(arena, at->constructor.s, at->constructor.n)
				   : ap_type_name(at->type)),
		"names are as in JavaScript; [Symbol(x)] and .#x reach symbol and private keys");
}

struct ap_err *ap_value_follow(struct ap_model *model, uint64_t ref, const char *path,
			       struct ap_arena *arena, struct ap_value *ret_value)
{
	struct ap_value at;
	bool first = true;

	AP_TRY(model->ops->describe(model, ref, arena, &at));
	for (const char *p = path; *p; first = false) {
		struct step step;
		const char *next = parse_step(p, first, arena, &step);

		if (!next)
			return ap_err_hint(ap_err_new(AP_E_USAGE, "\"%s\" is not a path", p),
					   "paths look like a.b[3]['x y'].#private[Symbol(s)]");
		p = next;
		AP_TRY(take_step(model, &at, &step, arena));
	}
	*ret_value = at;
	return NULL;
}
