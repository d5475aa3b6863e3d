/* What ncore reads of others: exact results for what is right, an error for what is not. */
#include "unit.h"

#include "live/listeners.h"
#include "live/ncore.h"
#include "live/protocol.h"

static void sockets(void **state)
{
	static const char v4[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
		"   0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 318195 1 0\n"
		"   1: 00000000:07E8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1501 1 0\n"
		"   2: 0100007F:9C40 0100007F:240D 01 00000000:00000000 00:00000000 00000000     0        0 77 1 0\n"
		"   3: 0100007F:24";
	static const char v6[] =
		"  sl  local_address remote_address st ...\n"
		"   0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 0:0 0:0 0 0 0 23 1\n";
	AP_LISTENERS_AUTO l = {0};
	char address[AP_ADDRESS_MAX];

	(void)state;
	assert_true(ap_listeners_parse(v4, sizeof(v4) - 1, false, &l));
	assert_true(ap_listeners_parse(v6, sizeof(v6) - 1, true, &l));
	assert_int_equal(l.n, 3);
	assert_int_equal(l.at[0].port, 9229);
	assert_int_equal(l.at[0].inode, 318195);
	assert_true(ap_listener_on_loopback(&l.at[0]));
	assert_false(ap_listener_on_loopback(&l.at[1]));
	ap_listener_address(&l.at[1], address);
	assert_string_equal(address, "127.0.0.1");
	ap_listener_address(&l.at[2], address);
	assert_string_equal(address, "::1");
	assert_true(ap_listener_on_loopback(&l.at[2]));
	assert_ptr_equal(ap_listeners_find(&l, 1501), &l.at[1]);
	assert_null(ap_listeners_find(&l, 77));
}

static void messages(void **state)
{
	static const char reply[] =
		"{\"id\":7, \"result\" : {\"result\":{\"type\":\"string\",\"value\":\"\\u00e9\\ud83d\"}}}";
	struct ap_protocol_message m;
	struct ap_protocol_value v;
	struct ap_arena arena;

	(void)state;
	ap_arena_init(&arena, 1 << 20);
	assert_null(ap_protocol_read(reply, sizeof(reply) - 1, &arena, &m));
	assert_true(m.is_reply);
	assert_int_equal(m.id, 7);
	assert_null(ap_protocol_read_value(m.body, &arena, &v));
	assert_true(ap_text_is(v.string, "\xc3\xa9\xed\xa0\xbd"));
	static const char thrown[] =
		"{\"result\":{\"type\":\"object\"},\"exceptionDetails\":{\"text\":\"Uncaught\","
		"\"exception\":{\"type\":\"object\",\"description\":\"Error: no\"}}}";
	assert_null(ap_protocol_read_value(AP_TEXT(thrown), &arena, &v));
	assert_true(ap_text_is(v.exception, "Error: no"));
	static const char event[] = "{\"method\":\"A.b\",\"params\":{\"x\":[1,-2.5e3]}}";
	assert_null(ap_protocol_read(event, sizeof(event) - 1, &arena, &m));
	assert_false(m.is_reply);
	assert_true(ap_text_is(m.body, "{\"x\":[1,-2.5e3]}"));
	static const char *const bad[] = {
		"", "{", "[]", "{\"id\":-1}", "{\"id\":1}x", "{\"result\":{\"a\":}}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ap_err *err = ap_protocol_read(bad[i], strlen(bad[i]), &arena, &m);

		assert_non_null(err);
		ap_err_free(err);
	}
	ap_arena_close(&arena);
}

static void targets(void **state)
{
	static const struct {
		const char *list, *path; /* NULL: refused */
	} cases[] = {
		{"[{\"id\":\"a\",\"webSocketDebuggerUrl\":\"ws://127.0.0.1:9229/0f2c-1\"}]",
		 "/0f2c-1"},
		{"[{},{\"webSocketDebuggerUrl\":\"ws://evil.example:1/x\"},{\"webSocketDebuggerUrl\":\"ws://h/y\"}]",
		 "/x"},
		{"[]", NULL},
		{"{}", NULL},
		{"[{\"webSocketDebuggerUrl\":\"http://h/x\"}]", NULL},
		{"[{\"webSocketDebuggerUrl\":\"ws://h/a b\"}]", NULL},
		{"[{\"webSocketDebuggerUrl\":\"ws://h/a\\r\\nX: y\"}]", NULL},
		{"[{\"webSocketDebuggerUrl\":\"ws://h/a\\u0000\"}]", NULL},
		{"[{\"webSocketDebuggerUrl\":\"ws://h/\"}]", NULL},
		{"[{\"webSocketDebuggerUrl\":7}]", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ap_arena arena;
		struct ap_text path;

		ap_arena_init(&arena, 1 << 20);
		struct ap_err *err = ap_protocol_read_targets(cases[i].list, strlen(cases[i].list),
							      &arena, &path);
		if (cases[i].path)
			assert_true(!err && ap_text_is(path, cases[i].path));
		else
			assert_non_null(err);
		ap_err_free(err);
		ap_arena_close(&arena);
	}
}

static void masked_lists(void **state)
{
	AP_STR_AUTO words = {0};
	AP_STR_AUTO env = {0};
	AP_STR_AUTO shown = {0};

	(void)state;
	assert_null(ap_ncore_mask_list(
		AP_TEXT("[\"node\",\"--token\",\"x\",\"--db-password=y\",\"a\"]"), false, false,
		&words));
	assert_string_equal(words.s, "[\"node\",\"--token\",\"***\",\"--db-password=***\",\"a\"]");
	assert_null(ap_ncore_mask_list(AP_TEXT("[\"A=b=c\",\"API_KEY=x\",\"none\"]"), true, false,
				       &env));
	assert_string_equal(env.s, "{\"A\":\"b=c\",\"API_KEY\":\"***\"}");
	assert_null(ap_ncore_mask_list(AP_TEXT("[\"API_KEY=x\"]"), true, true, &shown));
	assert_string_equal(shown.s, "{\"API_KEY\":\"x\"}");
	struct ap_err *err = ap_ncore_mask_list(AP_TEXT("[\"A=b\", 7]"), true, false, &env);
	assert_non_null(err);
	ap_err_free(err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets),
		cmocka_unit_test(messages),
		cmocka_unit_test(targets),
		cmocka_unit_test(masked_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
