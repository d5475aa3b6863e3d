/* Stacks as text: those of panic dumps, and of crash files that have no pause. */
#include "model/crash_private.h"

enum { MAX_FRAMES = 1000, MAX_CAUSES = 20 };

static bool starts_with(struct ap_text text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.s, prefix, n) == 0;
}

static struct ap_text behind(struct ap_text text, size_t n)
{
	return (struct ap_text){text.s + n, text.n - n};
}

/* Takes ":NUMBER" off the end; 0 if there is none. */
static int take_number(struct ap_text *text)
{
	size_t n = text->n;
	int v = 0;

	while (n && text->s[n - 1] >= '0' && text->s[n - 1] <= '9')
		n--;
	if (n == text->n || text->n - n > 9 || !n || text->s[n - 1] != ':')
		return 0;
	for (size_t i = n; i < text->n; i++)
		v = v * 10 + (text->s[i] - '0');
	text->n = n - 1;
	return v;
}

/* "new Foo [as bar]", "Dog.bark", "Object.<anonymous>": the last name in it, for `locals -f`. */
static struct ap_text plain_name(struct ap_text function)
{
	const char *as = function.n ? memmem(function.s, function.n, " [as ", 5) : NULL;

	if (as)
		function.n = (size_t)(as - function.s);
	if (starts_with(function, "new "))
		function = behind(function, 4);
	const char *dot = function.n ? memrchr(function.s, '.', function.n) : NULL;
	if (dot)
		function = behind(function, (size_t)(dot + 1 - function.s));
	return ap_text_is(function, "<anonymous>") ? AP_TEXT("") : function;
}

/* One line behind "    at ". */
static struct ap_crash_frame parse_line(struct ap_text line)
{
	struct ap_crash_frame f = {.function = AP_TEXT("")};
	const char *open;

	if (starts_with(line, "async ")) {
		f.async = true;
		line = behind(line, 6);
	}
	open = line.n && line.s[line.n - 1] == ')' ? memmem(line.s, line.n, " (", 2) : NULL;
	if (open) {
		f.function = (struct ap_text){line.s, (size_t)(open - line.s)};
		f.script = (struct ap_text){open + 2, (size_t)(ap_text_end(line) - open) - 3};
	} else {
		f.script = line;
	}
	struct ap_text script = f.script;
	f.column = take_number(&script);
	f.line = f.column ? take_number(&script) : 0;
	if (f.line)
		f.script = script;
	else
		f.column = 0;
	if (ap_text_is(f.script, "<anonymous>") || ap_text_is(f.script, "native"))
		f.script = (struct ap_text){0};
	f.name = plain_name(f.function);
	return f;
}

struct ap_err *ap_crash_stack_frames(struct ap_crash *crash, struct ap_text stack)
{
	static const char mark[] = "\n    at ";

	crash->from_text = true;
	while (stack.n && crash->frames.n < MAX_FRAMES) {
		const char *at = memmem(stack.s, stack.n, mark, sizeof(mark) - 1);

		if (!at)
			break;
		stack = behind(stack, (size_t)(at - stack.s) + sizeof(mark) - 1);
		const char *end = stack.n ? memchr(stack.s, '\n', stack.n) : NULL;
		struct ap_crash_frame f = parse_line(
			(struct ap_text){stack.s, end ? (size_t)(end - stack.s) : stack.n});

		if (!ap_vec_push(&crash->doc.arena, &crash->frames, f))
			return &ap_err_nomem;
	}
	return NULL;
}

/* "EXCEPTION: CLASS: STACK", as panics print a thrown value. */
struct thrown {
	struct ap_text name, message, stack;
};

static struct thrown parse_thrown(struct ap_text text)
{
	static const char *const types[] = {"string",  "number", "undefined", "null",
					    "boolean", "symbol", "bigint"};
	struct thrown t = {.message = text};
	const char *colon, *at;

	if (!starts_with(text, "EXCEPTION: "))
		return t;
	text = behind(text, 11);
	t.message = text;
	colon = memmem(text.s, text.n, ": ", 2);
	if (!colon)
		return t;
	t.name = (struct ap_text){text.s, (size_t)(colon - text.s)};
	t.message = behind(text, t.name.n + 2);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (ap_text_is(t.name, types[i])) {
			t.name = (struct ap_text){0};
			return t;
		}
	}
	/* An error's stack begins with its name and message once more. */
	at = memmem(t.message.s, t.message.n, "\n    at ", 8);
	if (at || (t.message.n >= t.name.n && memcmp(t.message.s, t.name.s, t.name.n) == 0)) {
		t.stack = t.message;
		if (at)
			t.message.n = (size_t)(at - t.message.s);
		colon = memmem(t.message.s, t.message.n, ": ", 2);
		const char *blank = memchr(t.message.s, ' ', t.message.n);
		if (colon && (!blank || colon < blank)) {
			t.name = (struct ap_text){t.message.s, (size_t)(colon - t.message.s)};
			t.message = behind(t.message, t.name.n + 2);
		} else if (ap_text_eq(t.message, t.name)) {
			t.message = AP_TEXT("");
		}
	}
	return t;
}

struct ap_err *ap_crash_read_panic(struct ap_crash *crash, struct ap_text error)
{
	static const char mark[] = "\nCaused by: EXCEPTION: ";
	bool first = true;

	while (error.n && crash->causes.n < MAX_CAUSES) {
		const char *next = memmem(error.s, error.n, mark, sizeof(mark) - 1);
		struct ap_text part = {error.s, next ? (size_t)(next - error.s) : error.n};
		struct thrown t = parse_thrown(part);

		if (first) {
			crash->error_name = t.name;
			crash->error_message = t.message;
			crash->error_stack = t.stack;
			AP_TRY(ap_crash_stack_frames(crash, t.stack));
		} else {
			char *text = ap_printf(&crash->doc.arena, "%.*s%s%.*s", AP_TEXT_ARG(t.name),
					       t.name.n ? ": " : "", AP_TEXT_ARG(t.message));

			if (!text ||
			    !ap_vec_push(&crash->doc.arena, &crash->causes, ap_text_of(text)))
				return &ap_err_nomem;
		}
		first = false;
		error = next ? behind(error, (size_t)(next - error.s) + 12) : (struct ap_text){0};
	}
	return NULL;
}
