/* Signatures against the examples that Amazon publishes ("Signature Calculations for the
 * Authorization Header", S3 API). */
#include <string.h>

#include "ship/sigv4.h"
#include "unit.h"

static const struct ap_s3_keys keys = {
	.access_key = "AKIAIOSFODNN7EXAMPLE",
	.secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	.region = "us-east-1",
};

enum { WHEN = 1369353600 }; /* 2013-05-24 00:00:00 UTC */

static void check(const struct ap_s3_request *r, const char *names, const char *signature)
{
	AP_STR_AUTO out = {0};
	AP_STR_AUTO expected = {0};

	assert_ok(ap_s3_sign(r, &keys, &out));
	ap_str_addf(
		&expected,
		"Authorization: AWS4-HMAC-SHA256 "
		"Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=%s,Signature=%s\n",
		names, signature);
	out.s[expected.n < out.n ? expected.n : out.n] = '\0';
	assert_string_equal(out.s, expected.s);
}

static void test_get(void **state)
{
	(void)state;
	const struct ap_s3_pair range = {"range", "bytes=0-9"};

	check(&(struct ap_s3_request){.method = "GET",
				      .host = "examplebucket.s3.amazonaws.com",
				      .path = "/test.txt",
				      .headers = &range,
				      .n_headers = 1,
				      .payload = AP_S3_EMPTY_PAYLOAD,
				      .when = WHEN},
	      "host;range;x-amz-content-sha256;x-amz-date",
	      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void test_put(void **state)
{
	(void)state;
	const struct ap_s3_pair headers[] = {{"x-amz-storage-class", "REDUCED_REDUNDANCY"},
					     {"date", "Fri, 24 May 2013 00:00:00 GMT"}};
	char payload[AP_SHA256_HEX_SIZE];

	ap_sha256_hex("Welcome to Amazon S3.", 21, payload);
	check(&(struct ap_s3_request){.method = "PUT",
				      .host = "examplebucket.s3.amazonaws.com",
				      .path = "/test$file.text",
				      .headers = headers,
				      .n_headers = 2,
				      .payload = payload,
				      .when = WHEN},
	      "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void test_query(void **state)
{
	(void)state;
	const struct ap_s3_pair lifecycle = {"lifecycle", ""};
	const struct ap_s3_pair list[] = {{"prefix", "J"}, {"max-keys", "2"}}; /* sorted by the
										  signer */

	check(&(struct ap_s3_request){.method = "GET",
				      .host = "examplebucket.s3.amazonaws.com",
				      .path = "/",
				      .query = &lifecycle,
				      .n_query = 1,
				      .payload = AP_S3_EMPTY_PAYLOAD,
				      .when = WHEN},
	      "host;x-amz-content-sha256;x-amz-date",
	      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
	check(&(struct ap_s3_request){.method = "GET",
				      .host = "examplebucket.s3.amazonaws.com",
				      .path = "/",
				      .query = list,
				      .n_query = 2,
				      .payload = AP_S3_EMPTY_PAYLOAD,
				      .when = WHEN},
	      "host;x-amz-content-sha256;x-amz-date",
	      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

static void test_presign(void **state)
{
	(void)state;
	const struct ap_s3_request r = {.method = "GET",
					.host = "examplebucket.s3.amazonaws.com",
					.path = "/test.txt",
					.when = WHEN};
	AP_STR_AUTO out = {0};

	assert_ok(ap_s3_presign(&r, &keys, "https", 86400, &out));
	assert_string_equal(
		out.s,
		"https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
		"&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
		"&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
		"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
	assert_err(ap_s3_presign(&r, &keys, "https", 8 * 86400, &out), AP_E_USAGE);
}

static void test_hostile(void **state)
{
	(void)state;
	const struct ap_s3_pair split = {"x-amz-meta-a", "b\r\nx-evil: 1"};
	struct ap_s3_request r = {.method = "GET",
				  .host = "h",
				  .path = "/a b/%/\xc3\xa4?",
				  .headers = &split,
				  .n_headers = 1,
				  .payload = AP_S3_UNSIGNED,
				  .when = WHEN};
	AP_STR_AUTO out = {0};

	assert_err(ap_s3_sign(&r, &keys, &out), AP_E_USAGE);
	assert_int_equal(out.n, 0);
	assert_ok(ap_s3_target(&r, &out));
	assert_string_equal(out.s, "/a%20b/%25/%C3%A4%3F");
	r.n_headers = 1000;
	assert_err(ap_s3_sign(&r, &keys, &out), AP_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),     cmocka_unit_test(test_put),
		cmocka_unit_test(test_query),   cmocka_unit_test(test_presign),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
