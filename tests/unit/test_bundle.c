/* Bundles: their names, what stands in them, and that nothing half is ever a whole one; a store's
 * answers; keys. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "ship/answer.h"
#include "ship/bundle.h"
#include "ship/keys.h"
#include "ship/unzip.h"
#include "ship/xml.h"
#include "unit.h"

#define UUID "01900000-0000-7000-8000-0000000000aa"

static const struct ap_bundle_field fields[] = {
	{"uuid", UUID},
	{"timestamp", "1634419098"},
	{"hostname", "node-crasher"},
	{"exe_name", "node"},
	{"pid", "8"},
	{"signal", "4"},
	{"namespace", NULL},
	{"evil", "../../etc/\n\"x y\xff{pid}"},
};

static const char *name_of(const char *template)
{
	static char name[AP_BUNDLE_NAME_SIZE];

	ap_bundle_name(template, fields, sizeof(fields) / sizeof(fields[0]), UUID, name);
	return name;
}

static void test_names(void **state)
{
	(void)state;
	char wide[400];

	assert_string_equal(name_of(AP_BUNDLE_TEMPLATE),
			    UUID "-dump-1634419098-node-crasher-node-8-4");
	assert_null(strpbrk(name_of("{uuid}-{evil}"), "/\n\" {}"));
	assert_true(name_of("{evil}{uuid}")[0] != '.');
	assert_string_equal(name_of("{namespace}"), "unknown-0000000000aa");
	assert_string_equal(name_of("{nosuch}-{uuid}"), UUID);
	assert_string_equal(name_of("{uuid"), UUID);
	memset(wide, 'a', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	assert_string_equal(name_of(wide), UUID);

	AP_STR_AUTO prefix = {0};
	assert_true(ap_bundle_prefix("/k1//{namespace}/{evil}/", fields, 8, &prefix));
	assert_int_equal(strncmp(prefix.s, "k1/unknown/_", 12), 0);
	assert_null(strstr(prefix.s, "/../"));
	assert_null(strstr(prefix.s, "/../"));
}

static struct ap_err *to_str(void *arg, const void *data, size_t bytes)
{
	ap_str_add(arg, data, bytes);
	return NULL;
}

struct pieces {
	const struct ap_str *all;
	size_t at, step;
};

static struct ap_err *next_piece(void *arg, const void **ret, size_t *ret_n)
{
	struct pieces *p = arg;
	size_t left = p->all->n - p->at;

	*ret_n = left < p->step ? left : p->step;
	*ret = p->all->s + p->at;
	p->at += *ret_n;
	return NULL;
}

static int packed_file(const void *data, size_t bytes, size_t cut)
{
	char path[] = "/tmp/ap-bundle-XXXXXX";
	int fd = mkstemp(path);
	void *packed = malloc(ZSTD_compressBound(bytes));
	size_t n = ZSTD_compress(packed, ZSTD_compressBound(bytes), data, bytes, 1);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, packed, n - cut), n - cut);
	free(packed);
	return fd;
}

enum { CORE_BYTES = 3000000 };

static uint8_t *make_core(void)
{
	uint8_t *core = calloc(1, CORE_BYTES);
	uint32_t x = 1;

	/* Noise, then zeros. */
	for (size_t i = 0; core && i < CORE_BYTES / 2; i++)
		core[i] = (uint8_t)((x = x * 1103515245 + 12345) >> 16);
	return core;
}

static void test_round_trip(void **state)
{
	(void)state;
	uint8_t *core = make_core(), *back = malloc(CORE_BYTES);
	struct ap_bundle_member members[] = {
		{.suffix = "-dump-info.json", .text = "{}\n", .bytes = 3, .fd = -1},
		{.suffix = "-0.log", .text = "", .bytes = 0, .fd = -1},
		{.suffix = ".mini.core", .fd = packed_file("mini", 4, 0), .zstd = true},
		{.suffix = ".core", .fd = packed_file(core, CORE_BYTES, 0), .zstd = true},
	};
	static const enum ap_bundle_file files[] = {AP_BUNDLE_DUMP_INFO, AP_BUNDLE_OTHER,
						    AP_BUNDLE_MINI, AP_BUNDLE_CORE};
	static const char *const texts[] = {"{}\n", "", "mini"};
	AP_STR_AUTO zip = {0};
	AP_STR_AUTO again = {0};
	const char *name;
	struct ap_unzip u;
	uint64_t bytes;

	assert_ok(ap_bundle_write("n", members, 4, 1700000000, to_str, &zip));
	assert_ok(ap_bundle_write("n", members, 4, 1700000000, to_str, &again));
	assert_int_equal(zip.n, again.n);
	assert_memory_equal(zip.s, again.s, zip.n);
	struct pieces p = {&zip, 0, 1000};
	assert_ok(ap_unzip_open(&u, next_piece, &p));
	for (unsigned i = 0; i < 4; i++) {
		AP_STR_AUTO text = {0};
		char path[] = "/tmp/ap-bundle-XXXXXX";

		assert_ok(ap_unzip_next(&u, &name));
		assert_non_null(name);
		assert_int_equal(ap_bundle_file_of(name), files[i]);
		if (i < 3) {
			assert_ok(ap_unzip_text(&u, 100, &text));
			assert_string_equal(text.s ? text.s : "", texts[i]);
			continue;
		}
		int fd = mkstemp(path);
		unlink(path);
		assert_ok(ap_unzip_file(&u, fd, CORE_BYTES, &bytes));
		assert_int_equal(bytes, CORE_BYTES);
		assert_int_equal(pread(fd, back, CORE_BYTES, 0), CORE_BYTES);
		assert_memory_equal(back, core, CORE_BYTES);
		close(fd);
	}
	assert_ok(ap_unzip_next(&u, &name));
	assert_null(name);
	ap_unzip_close(&u);
	close(members[2].fd);
	close(members[3].fd);
	free(core);
	free(back);
}

/* A core that does not unpack to its end makes no zip: neither an end of one, nor success. */
static void test_damaged_core(void **state)
{
	(void)state;
	uint8_t *core = make_core();
	struct ap_bundle_member member = {
		.suffix = ".core", .fd = packed_file(core, CORE_BYTES, 100), .zstd = true};
	AP_STR_AUTO zip = {0};

	struct ap_err *err = ap_bundle_write("n", &member, 1, 0, to_str, &zip);
	assert_non_null(err);
	assert_int_equal(err->code, AP_E_FORMAT);
	ap_err_free(err);
	assert_null(memmem(zip.s, zip.n, "PK\x05\x06", 4));
	close(member.fd);
	free(core);
}

static struct ap_err *refuse(void *arg, const void *data, size_t bytes)
{
	size_t *left = arg;

	(void)data;
	if (bytes > *left)
		return ap_err_new(AP_E_LIMIT, "the sink is full");
	*left -= bytes;
	return NULL;
}

static void test_sink_fails(void **state)
{
	(void)state;
	uint8_t *core = make_core();
	struct ap_bundle_member member = {
		.suffix = ".core", .fd = packed_file(core, CORE_BYTES, 0), .zstd = true};

	for (size_t room = 0; room < CORE_BYTES / 2; room += 300000) {
		size_t left = room;
		struct ap_err *err = ap_bundle_write("n", &member, 1, 0, refuse, &left);

		assert_non_null(err);
		assert_string_equal(err->message, "the sink is full");
		ap_err_free(err);
	}
	close(member.fd);
	free(core);
}

/* Whatever is cut off: an error, or fewer files; never another content. */
static void test_cut_zip(void **state)
{
	(void)state;
	struct ap_bundle_member members[] = {
		{.suffix = "-dump-info.json", .text = "{\"uuid\":1}", .bytes = 10, .fd = -1},
		{.suffix = "-meta.json", .text = "{\"meta\":2}", .bytes = 10, .fd = -1},
	};
	AP_STR_AUTO zip = {0};

	assert_ok(ap_bundle_write("n", members, 2, 0, to_str, &zip));
	for (size_t n = 0; n < zip.n; n++) {
		struct ap_str cut = {zip.s, n, n, false};
		struct pieces p = {&cut, 0, 64};
		const char *name;
		struct ap_unzip u;

		AP_ERR_AUTO err = ap_unzip_open(&u, next_piece, &p);
		if (err)
			continue;
		for (unsigned i = 0; i < 3; i++) {
			AP_STR_AUTO text = {0};
			AP_ERR_AUTO end = ap_unzip_next(&u, &name);
			AP_ERR_AUTO cut_off = end || !name ? NULL : ap_unzip_text(&u, 100, &text);

			if (end || !name || cut_off)
				break;
			assert_int_equal(text.n, 10);
			assert_memory_equal(text.s, members[i].text, 10);
		}
		ap_unzip_close(&u);
	}
}

static void test_list(void **state)
{
	(void)state;
	static const char xml[] =
		"<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
		"<IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b=</NextContinuationToken>"
		"<Contents><Key>a &lt;b&gt;&#x20ac;</Key><LastModified>2026-11-27T19:00:00.000Z</LastModified>"
		"<ETag>&quot;ABC-2&quot;</ETag><Size>5000000000</Size><Owner><ID>x</ID></Owner></Contents>"
		"<Contents><Key>c</Key><Size>0</Size></Contents></ListBucketResult>";
	struct ap_s3_page page;
	struct ap_arena arena;

	ap_arena_init(&arena, 0);
	assert_ok(ap_answer_list(xml, sizeof(xml) - 1, &arena, &page));
	assert_int_equal(page.objects.n, 2);
	assert_string_equal(page.objects.at[0].key, "a <b>\xe2\x82\xac");
	assert_string_equal(page.objects.at[0].etag, "abc-2");
	assert_int_equal(page.objects.at[0].bytes, 5000000000);
	assert_int_equal((int64_t)page.objects.at[0].time, 1795806000);
	assert_string_equal(page.next, "a&b=");
	for (size_t n = 0; n < sizeof(xml) - 1; n++) {
		struct ap_err *err = ap_answer_list(xml, n, &arena, &page);

		assert_non_null(err);
		ap_err_free(err);
	}
	ap_arena_close(&arena);
}

static void test_other_answers(void **state)
{
	(void)state;
	static const char failed[] =
		"<Error><Code>InternalError</Code><Message>try again</Message></Error>";
	static const char done[] =
		"<CompleteMultipartUploadResult><Key>k</Key><ETag>\"aa-3\"</ETag></CompleteMultipartUploadResult>";
	static const char begun[] =
		"<InitiateMultipartUploadResult><UploadId>id+/=</UploadId></InitiateMultipartUploadResult>";
	static const char parts[] =
		"<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>1</PartNumber>"
		"<ETag>\"x\"</ETag><Size>7</Size></Part></ListPartsResult>";
	static const char uploads[] =
		"<ListMultipartUploadsResult><Upload><Key>k</Key><UploadId>i</UploadId>"
		"<Initiated>2026-11-27T19:00:00Z</Initiated></Upload></ListMultipartUploadsResult>";
	struct ap_s3_pendings pending;
	struct ap_s3_parts list;
	struct ap_arena arena;
	char etag[AP_ETAG_SIZE];
	const char *id;

	ap_arena_init(&arena, 0);
	assert_ok(ap_answer_completed(done, strlen(done), &arena, etag));
	assert_string_equal(etag, "aa-3");
	/* Status 200, and still a failure. */
	struct ap_err *err = ap_answer_completed(failed, strlen(failed), &arena, etag);
	assert_non_null(err);
	assert_non_null(strstr(err->message, "InternalError: try again"));
	ap_err_free(err);
	assert_ok(ap_answer_initiated(begun, strlen(begun), &arena, &id));
	assert_string_equal(id, "id+/=");
	assert_ok(ap_answer_parts(parts, strlen(parts), &arena, &list));
	assert_int_equal(list.parts.n, 1);
	assert_int_equal(list.parts.at[0].bytes, 7);
	assert_ok(ap_answer_uploads(uploads, strlen(uploads), &arena, &pending));
	assert_int_equal(pending.uploads.n, 1);
	assert_string_equal(pending.uploads.at[0].id, "i");
	ap_arena_close(&arena);
}

static void test_no_xml(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"x",
		"<a>",
		"<a></b>",
		"<a></a><b/>",
		"<!DOCTYPE a><a/>",
		"<a>&nosuch;</a>",
		"<a>&#0;</a>",
		"<a>&#xd800;</a>",
		"<a b=\"></a>",
		"<a/",
		"</a>",
		"<a><b></a></b>",
		"<a></a>x",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ap_xml x;
		enum ap_xml_event e;

		ap_xml_init(&x, bad[i], strlen(bad[i]));
		while ((e = ap_xml_next(&x)) < AP_XML_END)
			;
		assert_int_equal(e, AP_XML_BAD);
		ap_xml_close(&x);
	}
}

static void test_keys(void **state)
{
	(void)state;
	static const char text[] =
		"# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=B=C\n\n"
		"[other]\naws_access_key_id = X\naws_secret_access_key = Y\naws_session_token = T\n";
	struct ap_s3_keys keys;
	struct ap_arena arena;

	ap_arena_init(&arena, 0);
	assert_ok(ap_keys_parse(text, strlen(text), "default", &arena, &keys));
	assert_string_equal(keys.access_key, "A");
	assert_string_equal(keys.secret_key, "B=C");
	assert_null(keys.token);
	assert_ok(ap_keys_parse(text, strlen(text), "other", &arena, &keys));
	assert_string_equal(keys.token, "T");
	ap_arena_close(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),         cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged_core),  cmocka_unit_test(test_sink_fails),
		cmocka_unit_test(test_cut_zip),       cmocka_unit_test(test_list),
		cmocka_unit_test(test_other_answers), cmocka_unit_test(test_no_xml),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
