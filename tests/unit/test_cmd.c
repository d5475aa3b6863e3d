/* Commands and the session, in three dialects, on a program made by hand (fake_model.c). */
#include "unit.h"

#include "base/escape.h"
#include "base/mask.h"
#include "cmd/source.h"
#include "fake_model.h"
#include "shell/shell.h"

struct run {
	char *out, *err;
	size_t n_out, n_err;
	int status;
};

static struct run run_as(struct ap_session_options options, const char *const *lines)
{
	struct run r = {0};
	struct ap_session *session;

	options.target = "core";
	options.out = open_memstream(&r.out, &r.n_out);
	options.err = open_memstream(&r.err, &r.n_err);
	assert_ok(ap_session_open(&options, fake_model(), &session));
	for (; *lines; lines++)
		ap_session_run(session, *lines);
	r.status = ap_session_status(session);
	ap_session_close(session);
	fclose(options.out);
	fclose(options.err);
	return r;
}

#define RUN(...) run_as((struct ap_session_options){0}, (const char *const[]){__VA_ARGS__, NULL})
#define RUN_JSON(...)                                                                              \
	run_as((struct ap_session_options){.json = true}, (const char *const[]){__VA_ARGS__, NULL})

static void free_run(struct run *r)
{
	free(r->out);
	free(r->err);
}

/* The lines print exactly this, say nothing else, and succeed. */
#define assert_prints(expected, ...)                                                               \
	do {                                                                                       \
		struct run prints_run = RUN(__VA_ARGS__);                                          \
		assert_string_equal(prints_run.err, "");                                           \
		assert_string_equal(prints_run.out, expected);                                     \
		assert_int_equal(prints_run.status, AP_EXIT_OK);                                   \
		free_run(&prints_run);                                                             \
	} while (0)

#define assert_fails(status_, message, ...)                                                        \
	do {                                                                                       \
		struct run fails_run = RUN(__VA_ARGS__);                                           \
		if (!strstr(fails_run.err, message))                                               \
			fail_msg("no \"%s\" in \"%s\"", message, fails_run.err);                   \
		assert_int_equal(fails_run.status, status_);                                       \
		free_run(&fails_run);                                                              \
	} while (0)

static void jsstack(void **state)
{
	(void)state;
	assert_prints(
		"native: node::Abort(a_very_long_type_name_one, a_very_long_type_name_two...\n"
		"        (1 internal frame elided)\n"
		"js:     bark\n"
		"        (2 internal frames elided)\n"
		"js:     <anonymous> (as Module._compile)\n",
		"::jsstack");
	assert_prints("1001\n", "::jsstack -f bark -p this");
	assert_prints("b00000000\n", "::jsstack -f bark -p arg1");
	assert_prints("line 7\n", "::jsstack -f bark -p posn");
	assert_prints("js:     bark\n"
		      "          file: /app/dog.js\n"
		      "          posn: line 7\n"
		      "          this: 1001 (JSObject: Dog)\n"
		      "          arg1: b00000000 (SMI: value = 11)\n"
		      "          arg2: 1601 (String)\n",
		      "::jsstack -vn0 -f bark");
	assert_prints("js:     bark\n"
		      "          file: /app/dog.js\n"
		      "          posn: line 7\n"
		      "          this: 1001 (JSObject: Dog)\n"
		      "          arg1: b00000000 (SMI: value = 11)\n"
		      "          arg2: 1601 (String)\n"
		      "              4 \n"
		      "              5 function bark(volume, evil) {\n"
		      "              6 \tconst tags = this.tags;\n"
		      "              7 \tthrow new Error('no air');\n"
		      "              8 }\n"
		      "\n",
		      "::jsstack -v -n 1 -f bark");
	assert_fails(AP_EXIT_OK, "mdb: unknown frame property 'arg9'", "::jsstack -f bark -p arg9");
}

static void jsstack_all(void **state)
{
	struct run r = RUN("::jsstack -a");

	(void)state;
	assert_non_null(strstr(r.out, "7000 500000 bark (JSFunction: 1201)\n"));
	assert_non_null(strstr(r.out, "6f80 400100 <ExitFrame>\n"));
	assert_non_null(strstr(r.out, "6f00 node::Abort(a_very_long_type_name_one, "
				      "a_very_long_type_name_two)+0x22\n"));
	assert_null(strstr(r.out, "elided"));
	free_run(&r);
}

static void jsprint(void **state)
{
	(void)state;
	assert_prints("{\n"
		      "    \"name\": \"Rex\",\n"
		      "    \"#age\": 3,\n"
		      "    \"tags\": [\n"
		      "        1,\n"
		      "        hole,\n"
		      "        \"x\",\n"
		      "    ],\n"
		      "    \"self\": {\n"
		      "        \"name\": \"Rex\",\n"
		      "        \"#age\": 3,\n"
		      "        \"tags\": [...],\n"
		      "        \"self\": [...],\n"
		      "        \"size\": <accessor>,\n"
		      "    },\n"
		      "    \"size\": <accessor>,\n"
		      "}\n",
		      "1001::jsprint");
	assert_prints("[...]\n", "1001::jsprint -d0");
	assert_prints("0\n", "0::jsprint");
	assert_prints("1101: [\n    100000000: 1,\n    0: hole,\n    1701: \"x\",\n]\n",
		      "1101::jsprint -a");
	assert_prints("\"Rex\" undefined 1\n", "1001::jsprint name nothing tags[0]");
	assert_prints("1001: \"Rex\"\n", "1001::jsprint -b name");
	/* Text is never escaped there, but what acts on a terminal does not pass. */
	assert_prints("\"a?]0;x?\"b?\"\n", "1601::jsprint");
	assert_prints("function bark\n", "1201::jsprint");
	assert_fails(AP_EXIT_FAILED, "mdb: nothing lies at 9999", "9999::jsprint");
	assert_fails(AP_EXIT_USAGE,
		     "Usage: address::jsprint [-abv] [-d depth] [-N length] [member ...]\n"
		     "mdb: try '::help jsprint' for more information\n",
		     "1001::jsprint -x");
}

static void pipelines(void **state)
{
	(void)state;
	assert_prints(
		"{\n    \"name\": \"Rex\",\n    \"#age\": 3,\n    \"tags\": [...],\n    \"self\": [...],\n"
		"    \"size\": <accessor>,\n}\n",
		"::jsstack -f bark -p this | ::jsprint -d1");
	assert_prints("1\n\"x\"\n", "1101::jsarray | ::jsprint");
	assert_prints("Dog\n", "1001 | ::jsconstructor");
	/* A bare address repeats the last command. */
	assert_prints("\"Rex\"\n\"a?]0;x?\"b?\"\n", "1501::jsprint", "1601");
	assert_prints("\"Rex\"\n\"Rex\"\n", "1501::jsprint; ::jsprint // dot stays");
	assert_fails(AP_EXIT_USAGE, "cannot be piped", "::jsstack | ::jsprint");
	assert_fails(AP_EXIT_USAGE, "did you mean ::jsstack?", "::jsstakc");
}

static void llnode(void **state)
{
	(void)state;
	assert_prints(
		" * thread #2: tid = 11, 0x0000000000400000 node`node::Abort(a_very_long_type_name_one, "
		"a_very_long_type_name_two) + 34\n"
		"  * frame #0: 0x0000000000400000 node`node::Abort(a_very_long_type_name_one, "
		"a_very_long_type_name_two) + 34\n"
		"    frame #1: 0x0000000000400100 <exit>\n"
		"    frame #2: 0x0000000000500000 bark(this=0x1001:<Object: Dog>, <Smi: 11>, "
		"0x1601:<String: \"a\\x1b]0;x\\x07\"b\\ud83d\">) at /app/dog.js:7:8 "
		"fn=0x0000000000001201\n",
		"v8 bt 3");
	assert_prints("0x1001:<Object: Dog properties {\n"
		      "    .name=0x1501:<String: \"Rex\">,\n"
		      "    .#age=<Smi: 3>,\n"
		      "    .tags=0x1101:<Array: length=3>,\n"
		      "    .self=0x1001:<Object: Dog>,\n"
		      "    .size=<accessor get=0x1201:<function: bark at /app/dog.js:5:0>>}>\n",
		      "v8 inspect 0x1001");
	assert_prints("0x1501:<String: \"Re...\">\n", "v8 inspect -l 2 0x1501");
	assert_prints("0x1501:<String: \"Rex\">\n", "v8 inspect -F -l 2 0x1001.name");
	assert_prints("frame 2  Dog.bark  /app/dog.js:7:8\n"
		      "       5  function bark(volume, evil) {\n"
		      "       6  \tconst tags = this.tags;\n"
		      "=>     7  \tthrow new Error('no air');\n"
		      "          \t      ^\n"
		      "       8  }\n"
		      "  5 function bark(volume, evil) {\n"
		      "  6 \\tconst tags = this.tags;\n"
		      "->7 \\tthrow new Error('no air');\n"
		      "  8 }\n",
		      "frame select 2", "v8 source list");
	assert_fails(AP_EXIT_USAGE, "error: foo: there is no such command of v8", "v8 foo");
}

static void plain(void **state)
{
	(void)state;
	assert_prints("3\n", "print 0x1000 #age");
	assert_prints("\"x\"\n", "print 0x1000 tags[2]");
	assert_prints("\"Rex\"\n", "print this.self.self['name']");
	assert_prints("11\n", "print volume");
	assert_prints("5\n", "print counter");
	assert_prints("\"a\\x1b]0;x\\x07\\\"b\\ud83d\"\n", "print evil");
	assert_prints(
		"Map(1) {\"Rex\" => Dog {...}}  0x1300\n  map, no prototype\n  [[size]]: 1\n"
		"  \"Rex\" => Dog {name: \"Rex\", #age: 3, tags: [...], self: Dog {...}, size: [getter]}  "
		"0x1000\n",
		"print 0x1300");
	assert_fails(AP_EXIT_FAILED, "autopsy: print: .nothing: this Dog has no such property",
		     "print this.nothing");
	assert_fails(AP_EXIT_FAILED, "size is an accessor", "print this.size");
	assert_fails(AP_EXIT_FAILED, "neither an address nor a variable", "print zork");
	assert_fails(AP_EXIT_USAGE, "did you mean print?", "prnit this");
	assert_fails(AP_EXIT_USAGE, "unknown option --frob", "bt --frob");
	assert_fails(AP_EXIT_FAILED, "there is no frame 99", "frame 99");
}

static void selection(void **state)
{
	struct run r = RUN("frame 5", "down", "locals", "scope");

	(void)state;
	assert_string_equal(r.err, "");
	assert_non_null(strstr(r.out, "frame 5  Module._compile"));
	assert_non_null(strstr(r.out, "frame 2  Dog.bark"));
	assert_non_null(strstr(r.out, "  volume = 11\n"));
	assert_non_null(strstr(r.out, "  list = [1, <1 empty>, \"x\"]  0x1100\n"));
	assert_non_null(strstr(r.out, "closure  of make\n  counter = 5\n"));
	free_run(&r);
	assert_prints("    \"counter\": 500000000: 5\n", "1201::jsclosure");
}

static void envelopes(void **state)
{
	struct run r = RUN_JSON("print this.name", "print nowhere");

	(void)state;
	assert_string_equal(
		r.out,
		"{\"tool\":\"autopsy\",\"version\":\"" AP_VERSION "\",\"target\":\"core\","
		"\"command\":\"print this.name\",\"data\":{\"type\":\"string\",\"address\":\"0x1500\","
		"\"constructor\":null,\"preview\":\"\\\"Rex\\\"\",\"text\":\"Rex\",\"length\":3,"
		"\"truncated\":false},\"warnings\":[],\"gaps\":{\"absent\":0,\"bad\":0,"
		"\"first_address\":null}}\n"
		"{\"tool\":\"autopsy\",\"version\":\"" AP_VERSION "\",\"target\":\"core\","
		"\"command\":\"print nowhere\",\"data\":null,\"warnings\":[],\"gaps\":{\"absent\":0,"
		"\"bad\":0,\"first_address\":null},\"error\":{\"code\":\"not-found\",\"message\":"
		"\"\\\"nowhere\\\" is neither an address nor a variable of the selected frame\",\"hint\":"
		"\"`scope` lists the variables, `bt` the frames, `frame N` selects one\"}}\n");
	assert_int_equal(r.status, AP_EXIT_FAILED);
	free_run(&r);
}

/* A cycle ends, whatever the depth: the object on the way down is short again. */
static void cycles(void **state)
{
	struct run r = RUN_JSON("print this -d 9");
	size_t names = 0;

	(void)state;
	for (const char *p = r.out; (p = strstr(p, "\"name\":\"self\"")); p++)
		names++;
	assert_int_equal(names, 1);
	free_run(&r);
}

static void one_data_in_all_dialects(void **state)
{
	struct run r = RUN_JSON("bt", "::jsstack", "v8 bt");
	char *second = strchr(r.out, '\n') + 1, *third = strchr(second, '\n') + 1;
	char *a = strstr(r.out, "\"data\""), *b = strstr(second, "\"data\""),
	     *c = strstr(third, "\"data\"");

	(void)state;
	assert_int_equal(strncmp(a, b, strcspn(a, "\n")), 0);
	assert_int_equal(strncmp(a, c, strcspn(a, "\n")), 0);
	assert_non_null(strstr(r.out, "\"symbol\":\"node::Abort(a_very_long_type_name_one, "
				      "a_very_long_type_name_two)\",\"offset\":34"));
	assert_non_null(strstr(r.out, "\"evil\",\"value\":{\"type\":\"string\""));
	assert_non_null(strstr(r.out, "\\u001b]0;x\\u0007\\\"b\\ud83d"));
	free_run(&r);
}

static void report(void **state)
{
	struct run r = RUN("report");

	(void)state;
	assert_string_equal(r.err, "");
	assert_non_null(strstr(r.out, "node v22.1.0 x64  pid 41"));
	assert_non_null(strstr(
		r.out,
		"An error that nothing caught (certain)\n                TypeError: no air\n"));
	assert_non_null(strstr(r.out, "/app/dog.js:7"));
	assert_non_null(strstr(r.out, "1 frame folded"));
	assert_non_null(strstr(r.out, "print error"));
	assert_non_null(strstr(r.out, "http://me:***@host/"));
	assert_null(strstr(r.out, "hunter2"));
	/* 84 columns at most. */
	for (const char *p = r.out; *p; p += strcspn(p, "\n") + 1)
		assert_true(ap_columns((struct ap_text){p, strcspn(p, "\n")}) <= 84);
	free_run(&r);
}

/* Every record has what help, tests and JSON need. */
static void records(void **state)
{
	(void)state;
	for (const struct ap_cmd *const *cmd = ap_cmd_table; *cmd; cmd++) {
		const struct ap_cmd *c = *cmd;
		struct ap_arena arena;

		ap_arena_init(&arena, 0);
		assert_true(c->names[0] || c->names[1] || c->names[2]);
		assert_non_null(c->summary);
		assert_true(strlen(c->summary) <= 60);
		assert_non_null(c->help);
		assert_non_null(c->example);
		assert_non_null(c->data);
		assert_non_null(c->json);
		for (int d = 0; d < AP_N_DIALECTS; d++) {
			const char *name = ap_cmd_name(c, (enum ap_dialect)d, &arena);
			size_t used, n = 0;
			const char *words[4];

			assert_true(!name || c->text[d] || c->text[AP_PLAIN]);
			/* Each main name finds its own record: no two share one. */
			for (char *p = name ? ap_strdup(&arena, name) : NULL; p && n < 4;)
				words[n++] = strsep(&p, " ");
			if (name)
				assert_ptr_equal(ap_cmd_find((enum ap_dialect)d, words, n, &used),
						 c);
		}
		ap_arena_close(&arena);
	}
}

static void arguments(void **state)
{
	static const struct ap_option options[] = {
		{'v', "verbose", AP_OPTION_FLAG, AP_IN_ALL, NULL, ""},
		{'n', "lines", AP_OPTION_NUMBER, AP_IN_ALL, "n", ""},
		{'p', NULL, AP_OPTION_TEXT, AP_IN_MDB, "prop", ""},
		{0},
	};
	static const struct ap_cmd cmd = {.names = {"x", "x", "x"}, .options = options};
	struct ap_arena arena;
	struct ap_args args;

	(void)state;
	ap_arena_init(&arena, 0);
	/* Clustered, with the value attached; mdb's numbers are in its radix. */
	assert_ok(ap_args_parse(&cmd, AP_MDB, 16,
				(const char *[]){"-vn10", "-p", "arg1", "a", "-v"}, 5, &arena,
				&args));
	assert_true(args.given[0]);
	assert_int_equal(args.number[1], 16);
	assert_string_equal(args.text[2], "arg1");
	assert_int_equal(args.n_words, 2);
	assert_ok(
		ap_args_parse(&cmd, AP_MDB, 16, (const char *[]){"-n", "0t10"}, 2, &arena, &args));
	assert_int_equal(args.number[1], 10);
	/* Elsewhere decimal, long names, and options behind words. */
	assert_ok(ap_args_parse(&cmd, AP_PLAIN, 16,
				(const char *[]){"a", "--lines=10", "--verbose", "--", "-v"}, 5,
				&arena, &args));
	assert_int_equal(args.number[1], 10);
	assert_int_equal(args.n_words, 2);
	assert_err(ap_args_parse(&cmd, AP_PLAIN, 16, (const char *[]){"-p", "x"}, 2, &arena, &args),
		   AP_E_USAGE);
	assert_err(ap_args_parse(&cmd, AP_PLAIN, 16, (const char *[]){"-n"}, 1, &arena, &args),
		   AP_E_USAGE);
	assert_err(
		ap_args_parse(&cmd, AP_PLAIN, 16, (const char *[]){"-n", "ten"}, 2, &arena, &args),
		AP_E_USAGE);
	ap_arena_close(&arena);
}

static void check_mask(const char *previous, const char *word, const char *expected)
{
	AP_STR_AUTO str = {0};

	ap_mask_word(&str, ap_text_of(previous), ap_text_of(word));
	assert_string_equal(str.s ? str.s : "", expected);
}

static void secrets(void **state)
{
	(void)state;
	check_mask("", "API_KEY=abc", "API_KEY=***");
	check_mask("", "apiKey=abc", "apiKey=***");
	check_mask("", "--db-password=hunter2", "--db-password=***");
	check_mask("--token", "hunter2", "***");
	check_mask("--port", "8080", "8080");
	check_mask("", "DATABASE_URL=postgres://me:p@ss@host/db",
		   "DATABASE_URL=postgres://me:***@host/db");
	check_mask("", "http://host:8080/a@b", "http://host:8080/a@b");
	check_mask("", "note=pay with 4111 1111 1111 1111 please", "note=pay with *** please");
	check_mask("", "t=1700000000000", "t=1700000000000");
	check_mask("", "h=Authorization: Bearer abcdefghijkl", "h=Authorization: Bearer ***");
	check_mask("", "x=ghp_abcdefghijklmnopqrst", "x=***");
	check_mask("", "PWD=/root", "PWD=/root");
	check_mask("", "KEYBOARD=us", "KEYBOARD=us");
	check_mask("", "SSH_AUTH_SOCK=/tmp/x", "SSH_AUTH_SOCK=/tmp/x");
	check_mask("", "AUTHOR=me", "AUTHOR=me");
}

static void check_preview(const char *preview, const char *expected)
{
	AP_STR_AUTO str = {0};

	ap_mask_preview(&str, ap_text_of(preview));
	assert_string_equal(str.s ? str.s : "", expected);
}

static void previews(void **state)
{
	(void)state;
	check_preview("{user: \"rex\", password: \"a\\\"b, c\", n: 1}",
		      "{user: \"rex\", password: ***, n: 1}");
	check_preview("{\"apiKey\": 'x', pin: 1234}", "{\"apiKey\": ***, pin: ***}");
	check_preview("Map(1) {\"auth\" => {user: {n: [1, 2]}}, \"b\" => 2}",
		      "Map(1) {\"auth\" => ***, \"b\" => 2}");
	check_preview("{token: \"cut off in the mid", "{token: ***");
	check_preview("sid=1&token=abc&x=2", "sid=1&token=***&x=2");
	check_preview("{author: \"me\", monkey: 1}", "{author: \"me\", monkey: 1}");
	check_preview("[4111111111111111, 5]", "[***, 5]");
	check_preview("key:", "key:");
	check_preview("", "");
}

static void escapes(void **state)
{
	AP_STR_AUTO str = {0};

	(void)state;
	ap_escape(&str, AP_TEXT("a\033[2J\xc2\x9b\xe2\x80\xae\xff\xed\xa0\x80\xf0\x9f\x94\x91"));
	assert_string_equal(str.s, "a\\x1b[2J\\x9b\\u202e\xef\xbf\xbd\\ud800\xf0\x9f\x94\x91");
	ap_str_clear(&str);
	ap_escape_quoted(&str, AP_TEXT("a long text that does not fit"), 10);
	assert_string_equal(str.s, "\"a long ...\"");
	ap_str_clear(&str);
	ap_escape_quoted(&str, AP_TEXT("fits"), 4);
	assert_string_equal(str.s, "\"fits\"");
}

/* The part of a long line around a column: units before it, not bytes, and never half a character.
 */
static void source_parts(void **state)
{
	char line[3 * 1000 + 1];
	struct ap_source_part part;

	(void)state;
	part = ap_source_part(AP_TEXT("let x = y.z;"), 9, 60);
	assert_true(ap_text_is(part.text, "let x = y.z;"));
	assert_int_equal(part.column, 9);
	assert_false(part.cut_before || part.cut_behind);
	/* 1000 times U+20AC: three bytes, one unit */
	for (int i = 0; i < 1000; i++)
		memcpy(line + 3 * i, "\xe2\x82\xac", 3);
	part = ap_source_part((struct ap_text){line, 3000}, 500, 60);
	assert_int_equal(part.text.n, 180);
	assert_int_equal((part.text.s - line) % 3, 0);
	assert_int_equal((part.text.s - line) / 3 + part.column, 500);
	assert_true(part.cut_before && part.cut_behind);
	part = ap_source_part((struct ap_text){line, 3000}, 1000, 60);
	assert_ptr_equal(part.text.s + part.text.n, line + 3000);
	assert_true(part.cut_before && !part.cut_behind);
	part = ap_source_part((struct ap_text){line, 3000}, 0, 60);
	assert_ptr_equal(part.text.s, line);
	assert_int_equal(part.text.n, 180);
	assert_int_equal(part.column, 0);
	/* A column that the line does not have. */
	part = ap_source_part(AP_TEXT("short"), 5000, 60);
	assert_int_equal(part.text.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(source_parts),
		cmocka_unit_test(jsstack),
		cmocka_unit_test(jsstack_all),
		cmocka_unit_test(jsprint),
		cmocka_unit_test(pipelines),
		cmocka_unit_test(llnode),
		cmocka_unit_test(plain),
		cmocka_unit_test(selection),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(cycles),
		cmocka_unit_test(one_data_in_all_dialects),
		cmocka_unit_test(report),
		cmocka_unit_test(records),
		cmocka_unit_test(previews),
		cmocka_unit_test(arguments),
		cmocka_unit_test(secrets),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
