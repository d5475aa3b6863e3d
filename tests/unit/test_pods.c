/* Whose container it was: messages of the container runtime, its log files, rules by label, calls.
 */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/agent/grpc.h"
#include "capture/agent/logtail.h"
#include "capture/agent/pod.h"
#include "capture/agent/protobuf.h"
#include "capture/agent/rules.h"
#include "capture/handler/policy.h"

static struct ap_text text_of(const struct ap_str *str)
{
	return (struct ap_text){str->s ? str->s : "", str->n};
}

static void test_protobuf(void **state)
{
	(void)state;
	static const uint64_t numbers[] = {0, 1, 127, 128, 300, 1ull << 35, UINT64_MAX};
	AP_STR_AUTO out = {0};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ap_pb_put_uint(&out, (uint32_t)i + 1, numbers[i]);
	ap_pb_put_bytes(&out, 99, AP_TEXT("text"));
	struct ap_pb pb = ap_pb_of(text_of(&out));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		assert_true(ap_pb_next(&pb));
		assert_int_equal(pb.field, i + 1);
		assert_true(pb.value == numbers[i]);
	}
	assert_true(ap_pb_next(&pb));
	assert_true(pb.field == 99 && ap_text_is(pb.bytes, "text"));
	assert_false(ap_pb_next(&pb));
	assert_false(pb.bad);
	/* Cut anywhere: an end, or said to be damaged; never more than there is. */
	for (size_t n = 0; n < out.n; n++) {
		size_t fields = 0;

		pb = ap_pb_of((struct ap_text){out.s, n});
		while (ap_pb_next(&pb))
			fields++;
		assert_true(fields < sizeof(numbers) / sizeof(numbers[0]) + 1);
	}
}

static void test_protobuf_damaged(void **state)
{
	(void)state;
	static const struct ap_text rows[] = {
		AP_TEXT("\x08"), /* a number is missing */
		AP_TEXT("\x0a\x05"
			"abc"), /* a text longer than the message */
		AP_TEXT("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),     /* of 2^64 - 1 bytes */
		AP_TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),     /* over 64 bits */
		AP_TEXT("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* eleven bytes */
		AP_TEXT("\x02\x01"),                                         /* field 0 */
		AP_TEXT("\x0b\x0c"),                                         /* a group */
		AP_TEXT("\x0d\x01\x02"),                                     /* half of 32 bits */
		AP_TEXT("\x09\x01\x02\x03\x04"),                             /* half of 64 */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ap_pb pb = ap_pb_of(rows[i]);

		if (ap_pb_next(&pb) || !pb.bad)
			fail_msg("row %zu", i);
	}
}

static void put_pair(struct ap_str *out, uint32_t field, const char *key, const char *value)
{
	AP_STR_AUTO pair = {0};

	ap_pb_put_bytes(&pair, 1, ap_text_of(key));
	ap_pb_put_bytes(&pair, 2, ap_text_of(value));
	ap_pb_put_bytes(out, field, text_of(&pair));
}

static void test_sandbox(void **state)
{
	(void)state;
	AP_STR_AUTO meta = {0}, status = {0}, answer = {0}, json = {0};
	struct ap_cri_sandbox s;
	struct ap_arena arena;

	ap_arena_init(&arena, 1 << 20);
	ap_pb_put_bytes(&meta, 1, AP_TEXT("web-0"));
	ap_pb_put_bytes(&meta, 2, AP_TEXT("uid-1"));
	ap_pb_put_bytes(&meta, 3, AP_TEXT("sh\0op"));
	ap_pb_put_uint(&meta, 4, 2);
	ap_pb_put_bytes(&status, 1, AP_TEXT("abc"));
	ap_pb_put_bytes(&status, 2, text_of(&meta));
	ap_pb_put_uint(&status, 3, 1);
	put_pair(&status, 7, "app", "web");
	put_pair(&status, 8, "last-applied", "{\"API_TOKEN\":\"hunter2\"}");
	put_pair(&status, 7, "evil\",\"x\":\"", "\x1b[2J");
	ap_pb_put_bytes(&status, 77, AP_TEXT("a field of the future"));
	ap_pb_put_bytes(&answer, 1, text_of(&status));
	assert_null(ap_cri_read_sandbox(text_of(&answer), &arena, &s));
	assert_string_equal(s.name, "web-0");
	assert_string_equal(s.namespace_, "sh");
	assert_int_equal(s.labels.n, 2);
	assert_string_equal(s.labels.at[0].value, "web");
	assert_string_equal(ap_cri_sandbox_state(s.state), "SANDBOX_NOTREADY");
	assert_null(ap_cri_sandbox_state(99));
	struct ap_pod pod = {.container_id = "abc", .sandbox = &s};
	ap_pod_write(&pod, &json);
	assert_non_null(strstr(json.s, "\"pod\":\"web-0\""));
	assert_non_null(strstr(json.s, "\"evil\\\",\\\"x\\\":\\\"\":\"\\u001b[2J\""));
	assert_null(strstr(json.s, "hunter2"));
	/* Cut anywhere inside. */
	for (size_t n = 3; n < answer.n; n++) {
		AP_ERR_AUTO err = ap_cri_read_sandbox((struct ap_text){answer.s, n}, &arena, &s);

		assert_non_null(err);
	}
	ap_arena_close(&arena);
}

static void test_image(void **state)
{
	(void)state;
	AP_STR_AUTO image = {0}, answer = {0};
	struct ap_cri_image i;
	struct ap_arena arena;

	ap_arena_init(&arena, 1 << 20);
	/* The runtime forgot it: an answer without an image. */
	AP_ERR_AUTO none = ap_cri_read_image(AP_TEXT(""), &arena, &i);
	assert_true(none && none->code == AP_E_NOTFOUND);
	ap_pb_put_bytes(&image, 1, AP_TEXT("sha256:1"));
	ap_pb_put_bytes(&image, 2, AP_TEXT("shop/web:3"));
	ap_pb_put_bytes(&image, 3, AP_TEXT("shop/web@sha256:2"));
	ap_pb_put_bytes(&answer, 1, text_of(&image));
	assert_null(ap_cri_read_image(text_of(&answer), &arena, &i));
	struct ap_pod pod = {.image = &i};
	assert_string_equal(ap_pod_image_digest(&pod), "sha256:2");
	ap_arena_close(&arena);
}

static void test_unframe(void **state)
{
	(void)state;
	static const struct {
		struct ap_text body;
		bool good;
	} rows[] = {
		{AP_TEXT("\0\0\0\0\2ab"), true},
		{AP_TEXT("\0\0\0\0\0"), true},
		{AP_TEXT("\0\0\0\0\3ab"), false},
		{AP_TEXT("\0\0\0\0\1ab"), false},
		{AP_TEXT("\1\0\0\0\2ab"), false},
		{AP_TEXT("\0\0\0\0"), false},
		{AP_TEXT(""), false},
		{AP_TEXT("\0\xff\xff\xff\xff"), false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ap_text message;
		AP_ERR_AUTO err = ap_grpc_unframe(rows[i].body, &message);

		if (!err != rows[i].good)
			fail_msg("row %zu", i);
	}
}

static void test_log(void **state)
{
	(void)state;
#define AT "2026-11-27T02:58:01.123456789Z "
	static const struct {
		const char *text, *tail;
		bool whole;
		uint64_t lines, n;
		bool more;
	} rows[] = {
		{"", "", true, 5, 0, false},
		{AT "stdout F one\n" AT "stderr F two\n", "one\ntwo\n", true, 5, 2, false},
		{AT "stdout F one\n" AT "stderr F two\n", "two\n", true, 1, 1, true},
		/* A long line comes in parts; the last one was cut by the crash. */
		{AT "stdout P on\n" AT "stdout F e\n" AT "stdout P tw", "one\ntw\n", true, 5, 2,
		 false},
		{AT "stdout P on\n" AT "stdout F e\n" AT "stdout P tw", "tw\n", true, 1, 1, true},
		{AT "stdout P a\n" AT "stdout P b\n" AT "stdout F c\n" AT "stdout F d\n", "d\n",
		 true, 1, 1, true},
		/* From the middle of a file: the first line is half a one. */
		{"Z stdout F one\n" AT "stdout F two\n", "two\n", false, 5, 1, true},
		/* Of another form: as it is. */
		{"{\"log\":\"x\"}\n", "{\"log\":\"x\"}\n", true, 5, 1, false},
		{AT "stdin F x\n" AT "stdout X y\n" AT "stdout F\n",
		 AT "stdin F x\n" AT "stdout X y\n" AT "stdout F\n", true, 5, 3, false},
		{AT "stdout F \n", "\n", true, 5, 1, false},
		/* Secrets, also over lines. */
		{AT "stdout F password=hunter2\n", "password=***\n", true, 5, 1, false},
		{AT "stdout F -----BEGIN RSA PRIVATE KEY-----\n" AT "stdout F MIIE\n" AT
		    "stdout F -----END RSA PRIVATE KEY-----\n" AT "stdout F x\n",
		 "***\nx\n", true, 5, 4, false},
	};
#undef AT

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AP_STR_AUTO out = {0};
		struct ap_log_tail tail;

		ap_log_tail_of(ap_text_of(rows[i].text), rows[i].whole, rows[i].lines, &out, &tail);
		if (!ap_text_is(text_of(&out), rows[i].tail) || tail.lines != rows[i].n ||
		    tail.more != rows[i].more)
			fail_msg("row %zu: \"%s\", %d lines, more %d", i, out.s ? out.s : "",
				 (int)tail.lines, tail.more);
	}
}

/* What a container may write to keep the agent busy: a megabyte takes a moment, not hours. */
static void test_log_hostile(void **state)
{
	(void)state;
	static const char *const rows[] = {"a-", "a=",          "://a", "key:", "key=[",
					   "4 ", "-----BEGIN ", "eyJ-", "x:'"};
	enum { BYTES = 1 << 20 };
	char *text = malloc(BYTES);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AP_STR_AUTO out = {0};
		struct ap_log_tail tail;

		for (size_t k = 0; k < BYTES; k++)
			text[k] = rows[i][k % strlen(rows[i])];
		ap_log_tail_of((struct ap_text){text, BYTES}, true, 500, &out, &tail);
		assert_int_equal(tail.lines, 1);
	}
	free(text);
}

static void test_log_open(void **state)
{
	(void)state;
	char dir[] = "/tmp/ap_unit_XXXXXX", path[128], link[128];
	int fd;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/0.log", dir);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	snprintf(link, sizeof(link), "%s/1.log", dir);
	assert_int_equal(symlink("0.log", link), 0);
	assert_null(ap_log_open(dir, path, &fd));
	close(fd);
	const char *const refused[] = {link, "/etc/hostname", "0.log", dir};
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		AP_ERR_AUTO err = ap_log_open(dir, refused[i], &fd);

		if (!err)
			fail_msg("%s", refused[i]);
	}
	char out[160];
	snprintf(out, sizeof(out), "%s/../../etc/hostname", dir);
	AP_ERR_AUTO err = ap_log_open(dir, out, &fd);
	assert_non_null(err);
	unlink(path);
	unlink(link);
	rmdir(dir);
}

/* What the handler keeps while labels are unknown, and what the agent makes of it. */
static void test_label_rules(void **state)
{
	(void)state;
	static const struct {
		const char *rules, *container;
		enum ap_rule_action kept;
		size_t open;
	} rows[] = {
		{"rule = skip label app=x", "abc", AP_RULE_CAPTURE, 1},
		{"rule = skip label app=x", "", AP_RULE_CAPTURE, 0},
		/* Opt-in: kept until it is known. Without a container there are no labels. */
		{"rule = capture label collect=yes\nrule = skip any", "abc", AP_RULE_CAPTURE, 1},
		{"rule = capture label collect=yes\nrule = skip any", "", AP_RULE_SKIP, 0},
		{"rule = mini label a=b\nrule = meta any", "abc", AP_RULE_MINI, 1},
		{"rule = meta label a=b\nrule = mini any", "abc", AP_RULE_MINI, 1},
		/* Nothing could be kept: nothing to wait for. */
		{"rule = skip label a=b\nrule = pass any", "abc", AP_RULE_PASS, 0},
		/* Behind the one that decides. */
		{"rule = mini any\nrule = capture label a=b", "abc", AP_RULE_MINI, 0},
		{"rule = capture label a=*\nrule = mini label c=d", "abc", AP_RULE_CAPTURE, 2},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ap_context x = {.exe_path = "/app/node"};
		struct ap_config c;
		struct ap_policy policy;

		ap_config_init(&c);
		assert_null(ap_config_parse(rows[i].rules, strlen(rows[i].rules), &c));
		assert_int_equal(c.complaints.n, 0);
		snprintf(x.identity.container, sizeof(x.identity.container), "%s",
			 rows[i].container);
		if (ap_policy_decide(&c, &x, &policy) != rows[i].kept ||
		    policy.n_open != rows[i].open)
			fail_msg("%s", rows[i].rules);
		ap_config_close(&c);
	}
	struct ap_config c;
	ap_config_init(&c);
	assert_null(ap_config_parse("rule = pass label a=b", 21, &c));
	assert_int_equal(c.complaints.n, 1);
	ap_config_close(&c);
}

static void test_label_rules_decide(void **state)
{
	(void)state;
	static const char text[] =
		"{\"state\":\"done\",\"n_label_rules\":2,\"label_rules\":[{\"action\":\"skip\",\"label\":"
		"\"app=b*\"},{\"action\":\"mini\",\"label\":\"tier=*\"}],\"otherwise\":\"meta\"}";
	static const struct {
		struct ap_cri_pair label;
		enum ap_rule_action action;
		bool rule;
	} rows[] = {
		{{"app", "batch"}, AP_RULE_SKIP, true},
		{{"app", "web"}, AP_RULE_META, false},
		{{"tier", ""}, AP_RULE_MINI, true},
		{{"xapp", "batch"}, AP_RULE_META, false},
	};
	struct ap_label_rules rules;
	struct ap_arena arena;

	ap_arena_init(&arena, 1 << 20);
	assert_null(ap_label_rules_parse(text, sizeof(text) - 1, &arena, &rules));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ap_cri_pairs labels = {0};
		struct ap_cri_pair label = rows[i].label;
		const struct ap_rule *rule;

		assert_true(ap_vec_push(&arena, &labels, label));
		if (ap_label_rules_decide(&rules, &labels, &rule) != rows[i].action ||
		    !rule == rows[i].rule)
			fail_msg("row %zu", i);
	}
	for (size_t n = 0; n < sizeof(text) - 2; n++) {
		AP_ERR_AUTO err = ap_label_rules_parse(text, n, &arena, &rules);

		assert_non_null(err);
	}
	ap_arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protobuf),    cmocka_unit_test(test_protobuf_damaged),
		cmocka_unit_test(test_sandbox),     cmocka_unit_test(test_image),
		cmocka_unit_test(test_unframe),     cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_open),    cmocka_unit_test(test_log_hostile),
		cmocka_unit_test(test_label_rules), cmocka_unit_test(test_label_rules_decide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
