/* What the source declares at a position: '|' in the text stands where the position is. */
#include "unit.h"

#include "v8/declaration.h"

static void declarations(void **state)
{
	static const struct {
		const char *text;
		enum ap_declaration kind;
		const char *name; /* NULL: not asked */
	} cases[] = {
		{"const found = |this.sessions", AP_DECLARES_INITIALIZER, "found"},
		{"const found = this.|sessions.find(id)", AP_DECLARES_INITIALIZER, "found"},
		{"let r = await p.|q()", AP_DECLARES_INITIALIZER, "r"},
		{"var a = 1, b\n  = !(c.|d)", AP_DECLARES_INITIALIZER, "b"},
		{"const t = `${o.p.|q}`", AP_DECLARES_INITIALIZER, "t"},
		{"let $_1\t=\t|x", AP_DECLARES_INITIALIZER, "$_1"},
		{"const \xc3\xa9t\xc3\xa9 = |x", AP_DECLARES_INITIALIZER, "\xc3\xa9t\xc3\xa9"},
		{"let |un;", AP_DECLARES_BARE, "un"},
		{"let a = 1, |c;", AP_DECLARES_BARE, "c"},
		{"for (const |item of list)", AP_DECLARES_LOOP, "item"},
		{"for (var |k in o)", AP_DECLARES_LOOP, "k"},
		{"const { |a, b: c } = d", AP_DECLARES_PATTERN, NULL},
		{"const { a, b: c } = |d", AP_DECLARES_PATTERN_VALUE, NULL},
		/* No declarations. */
		{"sink = |id(v)", AP_DECLARES_NONE, NULL},
		{"|sink = id(v)", AP_DECLARES_NONE, NULL},
		{"o.x = |v", AP_DECLARES_NONE, NULL},
		{"if (a == |b)", AP_DECLARES_NONE, NULL},
		{"if (a === |b)", AP_DECLARES_NONE, NULL},
		{"while (a <= |b)", AP_DECLARES_NONE, NULL},
		{"const f = (x) => |x.y", AP_DECLARES_NONE, NULL},
		{"const a = 'x'; g(|b)", AP_DECLARES_NONE, NULL},
		{"const { a: { b } } = |d", AP_DECLARES_NONE, NULL},
		{"constant = |x", AP_DECLARES_NONE, NULL},
		{"|", AP_DECLARES_NONE, NULL},
		{"= |x", AP_DECLARES_NONE, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buf[128];
		const char *bar = strchr(cases[i].text, '|');
		size_t before = (size_t)(bar - cases[i].text), value;
		struct ap_text text = {buf, strlen(cases[i].text) - 1}, name = {0};

		memcpy(buf, cases[i].text, before);
		memcpy(buf + before, bar + 1, text.n - before);
		enum ap_declaration kind = ap_declaration_at(text, before, &name, &value);
		if (kind != cases[i].kind)
			fail_msg("%s: %d", cases[i].text, (int)kind);
		if (cases[i].name && !ap_text_is(name, cases[i].name))
			fail_msg("%s: name %.*s", cases[i].text, (int)name.n, name.s);
	}
}

static void assignments(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} cases[] = {
		{"foo(a, b)", false}, {"a == b", false},      {"a === b", false},
		{"a !== b", false},   {"a <= b >= c", false}, {"(x) => x", false},
		{"b = 5", true},      {"s[i++]", true},       {"--n", true},
		{"a += 1", true},     {"a >>= 1", true},      {"a || (b ||= c)", true},
		{"a - -b", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ap_text text = ap_text_of(cases[i].text);

		if (ap_assigns(text, 0, text.n) != cases[i].is)
			fail_msg("%s", cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(declarations),
		cmocka_unit_test(assignments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
