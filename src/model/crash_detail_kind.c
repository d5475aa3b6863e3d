/* The keys that only one type has, as far as a crash file tells them; what it does not is null. */
#include "model/crash_detail.h"

enum { MAX_BOUND = 100, UNIT_LIMIT = 64 };

int64_t ap_crash_count(const struct ap_crash_job *job)
{
	struct ap_text text = ap_jget_string(&job->crash->doc, job->node, "description");
	const char *open = text.n ? memrchr(text.s, '(', text.n) : NULL;
	int64_t n = 0;

	if (!open || open + 1 >= ap_text_end(text) || ap_text_end(text)[-1] != ')')
		return -1;
	for (const char *p = open + 1; p < ap_text_end(text) - 1; p++) {
		if (*p < '0' || *p > '9' || n > (int64_t)1 << 53)
			return -1;
		n = n * 10 + (*p - '0');
	}
	return n;
}

static struct ap_err *text(struct ap_crash_job *job, const char *key, struct ap_text value)
{
	return ap_crash_extra(job,
			      (struct ap_extra){.key = key,
						.kind = value.s ? AP_EXTRA_TEXT : AP_EXTRA_NULL,
						.text = value});
}

/* Null below zero. */
static struct ap_err *integer(struct ap_crash_job *job, const char *key, int64_t value)
{
	return ap_crash_extra(job,
			      (struct ap_extra){.key = key,
						.kind = value >= 0 ? AP_EXTRA_INT : AP_EXTRA_NULL,
						.number = value});
}

/* The value of a node, null for node 0. */
static struct ap_err *value(struct ap_crash_job *job, const char *key, uint32_t node)
{
	struct ap_value *v = node ? ap_alloc(job->arena, sizeof(*v)) : NULL;

	if (!node)
		return text(job, key, (struct ap_text){0});
	if (!v)
		return &ap_err_nomem;
	*v = ap_crash_job_value(job, node);
	return ap_crash_extra(
		job, (struct ap_extra){.key = key, .kind = AP_EXTRA_VALUE, .values = v, .n = 1});
}

static uint32_t internal(const struct ap_crash_job *job, const char *name)
{
	return ap_crash_internal(job->crash, job->entry, name);
}

static struct ap_text string_of(const struct ap_crash_job *job, uint32_t remote)
{
	return ap_jget_string(&job->crash->doc, remote, "value");
}

static struct ap_err *place(struct ap_crash_job *job, const char *slot)
{
	const struct ap_jdoc *doc = &job->crash->doc;
	uint32_t at = ap_jget(doc, internal(job, slot), "value");
	int64_t line = ap_jget_int(doc, at, "lineNumber", -1);
	int64_t column = ap_jget_int(doc, at, "columnNumber", -1);

	AP_TRY(text(job, "script",
		    ap_crash_script_name(job->crash, ap_jget_string(doc, at, "scriptId"),
					 (struct ap_text){0}, job->arena)));
	AP_TRY(integer(job, "line", line < 0 ? -1 : line + 1));
	return integer(job, "column", column < 0 ? -1 : column + 1);
}

static bool starts_with(struct ap_text t, const char *prefix)
{
	size_t n = strlen(prefix);

	return t.n >= n && memcmp(t.s, prefix, n) == 0;
}

/* From the source text: the protocol has no word for it. Methods look like their names. */
static const char *function_kind(const struct ap_crash_job *job, struct ap_text source)
{
	struct ap_text class = job->d->self.constructor;
	bool plain = starts_with(source, "function") || starts_with(source, "async function");
	const char *arrow = source.n ? memmem(source.s, source.n, "=>", 2) : NULL;
	const char *brace = source.n ? memchr(source.s, '{', source.n) : NULL;

	if (job->d->self.type == AP_T_CLASS)
		return "class-constructor";
	if (source.n && memmem(source.s, source.n, "{ [native code] }", 17))
		return "builtin";
	if (ap_text_is(class, "AsyncGeneratorFunction"))
		return plain ? "async-generator" : "async-generator-method";
	if (ap_text_is(class, "GeneratorFunction"))
		return plain ? "generator" : "generator-method";
	if (!source.n)
		return NULL;
	if (plain)
		return source.s[0] == 'a' ? "async" : "normal";
	if (arrow && (!brace || arrow < brace || source.s[0] == '('))
		return starts_with(source, "async") ? "async-arrow" : "arrow";
	if (starts_with(source, "get "))
		return "getter";
	if (starts_with(source, "set "))
		return "setter";
	return starts_with(source, "async ") ? "async-method" : "method";
}

static struct ap_err *function(struct ap_crash_job *job)
{
	struct ap_text source = ap_jget_string(&job->crash->doc, job->node, "description");
	struct ap_text name = string_of(job, ap_crash_member(job->crash, job->entry, "name"));
	const char *kind = function_kind(job, source);

	AP_TRY(text(job, "name", name));
	AP_TRY(text(job, "function_kind", ap_text_of(kind)));
	AP_TRY(place(job, "[[FunctionLocation]]"));
	if (!kind || strcmp(kind, "builtin") != 0)
		job->d->self.text = source;
	/* Crash files hold the start of a function's text; all of it stands in Scripts. */
	if (job->crash->kind == AP_CRASH_FILE && source.n >= 200)
		job->d->truncated = true;
	return NULL;
}

static struct ap_err *bound(struct ap_crash_job *job)
{
	const struct ap_jdoc *doc = &job->crash->doc;
	uint32_t list = ap_crash_entry(job->crash, internal(job, "[[BoundArgs]]"));
	AP_VEC(struct ap_value) found = {0};

	AP_TRY(text(job, "name", string_of(job, ap_crash_member(job->crash, job->entry, "name"))));
	AP_TRY(value(job, "bound_target", internal(job, "[[TargetFunction]]")));
	AP_TRY(value(job, "bound_this", internal(job, "[[BoundThis]]")));
	AP_JEACH(doc, ap_jget(doc, list, "result"), i)
	{
		struct ap_text name = ap_jget_string(doc, i, "name");

		if (!name.n || name.s[0] < '0' || name.s[0] > '9' || found.n == MAX_BOUND)
			continue;
		if (!ap_vec_push(job->arena, &found,
				 ap_crash_job_value(job, ap_jget(doc, i, "value"))))
			return &ap_err_nomem;
	}
	return ap_crash_extra(job, (struct ap_extra){.key = "bound_arguments",
						     .kind = AP_EXTRA_VALUES,
						     .values = found.at,
						     .n = found.n});
}

static struct ap_err *error(struct ap_crash_job *job)
{
	const struct ap_crash *crash = job->crash;
	struct ap_text stack = string_of(job, ap_crash_member(crash, job->entry, "stack"));
	struct ap_text name = string_of(job, ap_crash_member(crash, job->entry, "name"));
	struct ap_text message = string_of(job, ap_crash_member(crash, job->entry, "message"));

	if (!stack.s)
		stack = ap_jget_string(&crash->doc, job->node, "description");
	/* The name is on the prototype, which is not followed: the stack begins with it. */
	for (size_t i = 0; !name.s && i < stack.n && i < UNIT_LIMIT; i++) {
		if (stack.s[i] == ':' || stack.s[i] == '\n' || stack.s[i] == ' ')
			name = (struct ap_text){stack.s, i};
	}
	if (!name.n || !((name.s[0] | 32) >= 'a' && (name.s[0] | 32) <= 'z'))
		name = job->d->self.constructor;
	AP_TRY(text(job, "name", name));
	AP_TRY(text(job, "message", message));
	AP_TRY(text(job, "stack", stack));
	return value(job, "cause", ap_crash_member(crash, job->entry, "cause"));
}

static struct ap_err *regexp(struct ap_crash_job *job)
{
	struct ap_text all = ap_jget_string(&job->crash->doc, job->node, "description");
	const char *end = all.n > 1 && all.s[0] == '/' ? memrchr(all.s, '/', all.n) : NULL;

	if (end == all.s)
		end = NULL;
	AP_TRY(text(job, "source",
		    end ? (struct ap_text){all.s + 1, (size_t)(end - all.s) - 1}
			: (struct ap_text){0}));
	AP_TRY(text(job, "flags",
		    end ? (struct ap_text){end + 1, (size_t)(ap_text_end(all) - end) - 1}
			: (struct ap_text){0}));
	return value(job, "last_index", ap_crash_member(job->crash, job->entry, "lastIndex"));
}

/* [[Entries]]: an array-like object of internal#entry objects, which have `key` and `value`. */
static struct ap_err *collection(struct ap_crash_job *job, bool has_keys)
{
	const struct ap_crash *crash = job->crash;
	const struct ap_jdoc *doc = &crash->doc;
	uint32_t list = ap_crash_entry(crash, internal(job, "[[Entries]]"));
	int64_t size = ap_crash_count(job);

	job->d->has_entries = true;
	AP_JEACH(doc, ap_jget(doc, list, "result"), i)
	{
		uint32_t item = ap_jget(doc, i, "value");
		uint32_t inside = ap_crash_entry(crash, item);
		struct ap_entry entry = {.has_key = has_keys};

		if (!ap_text_is(ap_jget_string(doc, item, "subtype"), "internal#entry"))
			continue;
		if (ap_crash_full(job, job->d->entries.n))
			break;
		if (has_keys)
			entry.key = ap_crash_job_value(job, ap_crash_member(crash, inside, "key"));
		entry.value = ap_crash_job_value(job, ap_crash_member(crash, inside, "value"));
		if (!ap_vec_push(job->arena, &job->d->entries, entry))
			return &ap_err_nomem;
	}
	if (size > 0 && (uint64_t)size > job->d->entries.n)
		job->d->truncated = true;
	return integer(job, "size", size < 0 ? (int64_t)job->d->entries.n : size);
}

static struct ap_err *promise(struct ap_crash_job *job)
{
	struct ap_text state = string_of(job, internal(job, "[[PromiseState]]"));

	if (ap_text_is(state, "resolved")) /* its name until V8 8 */
		state = AP_TEXT("fulfilled");
	AP_TRY(text(job, "state", state));
	AP_TRY(value(job, "value",
		     ap_text_is(state, "pending") ? 0 : internal(job, "[[PromiseResult]]")));
	AP_TRY(text(job, "handled", (struct ap_text){0}));
	return text(job, "awaited_by", (struct ap_text){0});
}

static struct ap_err *generator(struct ap_crash_job *job)
{
	uint32_t function_node = internal(job, "[[GeneratorFunction]]");
	uint32_t entry = ap_crash_entry(job->crash, function_node);

	AP_TRY(text(job, "state", string_of(job, internal(job, "[[GeneratorState]]"))));
	AP_TRY(value(job, "function", function_node));
	AP_TRY(text(job, "function_name",
		    string_of(job, ap_crash_member(job->crash, entry, "name"))));
	AP_TRY(place(job, "[[GeneratorLocation]]"));
	return value(job, "receiver", internal(job, "[[GeneratorReceiver]]"));
}

static struct ap_err *bytes(struct ap_crash_job *job, bool view)
{
	int64_t n = ap_crash_count(job);

	if (view && job->d->self.type != AP_T_DATAVIEW) {
		AP_TRY(text(job, "array_type",
			    job->d->self.type == AP_T_BUFFER ? AP_TEXT("Uint8Array")
							     : job->d->self.constructor));
		n = job->d->self.type == AP_T_BUFFER ? n : -1;
	}
	AP_TRY(integer(job, "byte_length", n));
	if (view) {
		AP_TRY(integer(job, "byte_offset", -1));
		AP_TRY(value(job, "buffer", 0));
	} else {
		AP_TRY(integer(job, "max_byte_length", -1));
		AP_TRY(text(job, "detached", (struct ap_text){0}));
	}
	if (!view || job->d->self.type == AP_T_BUFFER)
		return text(job, "bytes_hex", (struct ap_text){0});
	return NULL;
}

struct ap_err *ap_crash_kind_extras(struct ap_crash_job *job)
{
	struct ap_text description = ap_jget_string(&job->crash->doc, job->node, "description");

	switch (job->d->self.type) {
	case AP_T_FUNCTION:
	case AP_T_CLASS:
		return function(job);
	case AP_T_BOUND_FUNCTION:
		return bound(job);
	case AP_T_ERROR:
		return error(job);
	case AP_T_DATE:
		job->d->self.text = description;
		return text(job, "ms", (struct ap_text){0});
	case AP_T_REGEXP:
		return regexp(job);
	case AP_T_MAP:
	case AP_T_WEAKMAP:
		return collection(job, true);
	case AP_T_SET:
	case AP_T_WEAKSET:
		return collection(job, false);
	case AP_T_WEAKREF:
		return value(job, "target", internal(job, "[[WeakRefTarget]]"));
	case AP_T_PROMISE:
		return promise(job);
	case AP_T_PROXY:
		AP_TRY(value(job, "target", internal(job, "[[Target]]")));
		return value(job, "handler", internal(job, "[[Handler]]"));
	case AP_T_GENERATOR:
	case AP_T_ASYNC_GENERATOR:
		return generator(job);
	case AP_T_BOXED:
		return value(job, "primitive", internal(job, "[[PrimitiveValue]]"));
	case AP_T_ARRAYBUFFER:
	case AP_T_SHAREDARRAYBUFFER:
		return bytes(job, false);
	case AP_T_TYPEDARRAY:
	case AP_T_BUFFER:
	case AP_T_DATAVIEW:
		return bytes(job, true);
	case AP_T_MODULE:
		return text(job, "script", (struct ap_text){0});
	case AP_T_ITERATOR:
		AP_TRY(value(job, "target", 0));
		return integer(job, "next_index", -1);
	case AP_T_WASM:
		return text(job, "wasm_type", (struct ap_text){0});
	default:
		return NULL;
	}
}

struct ap_err *ap_crash_frame_extras(struct ap_crash_job *job, const struct ap_crash_frame *frame)
{
	AP_TRY(text(job, "name", frame->name));
	AP_TRY(text(job, "function_kind", (struct ap_text){0}));
	AP_TRY(text(job, "script", frame->script));
	AP_TRY(integer(job, "line", frame->first_line ? frame->first_line : -1));
	return integer(job, "column", frame->first_column ? frame->first_column : -1);
}
