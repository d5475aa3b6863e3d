#include "capture/spool/shipment.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/json_read.h"
#include "capture/spool/spool.h"
#include "os/outfile.h"

enum { FILE_BYTES = 64 << 10 };

#define SHIP_NAME "ship.json"
#define DONE_NAME "shipped.json"

#define TEXT(key, field)                                                                           \
	{                                                                                          \
		key, offsetof(struct ap_shipment, field), sizeof(((struct ap_shipment *)0)->field) \
	}
#define NUMBER(key, field)                                                                         \
	{                                                                                          \
		key, offsetof(struct ap_shipment, field), 0                                        \
	}

static const struct {
	const char *key;
	size_t offset, bytes; /* bytes 0: a number */
} fields[] = {
	TEXT("bucket", bucket),
	TEXT("key", key),
	TEXT("upload_id", upload_id),
	TEXT("etag", etag),
	TEXT("md5", md5),
	TEXT("error", error),
	NUMBER("bytes", bytes),
	NUMBER("attempts", attempts),
};

static bool read_field(struct ap_json_reader *r, struct ap_text key, struct ap_shipment *s)
{
	int next = ap_json_peek(r);
	struct ap_text text;
	uint64_t v;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		char *field = (char *)s + fields[i].offset;

		if (!ap_text_is(key, fields[i].key))
			continue;
		if (fields[i].bytes && next == '"') {
			if (!ap_json_read_text(r, &text))
				return false;
			if (text.n < fields[i].bytes &&
			    (!text.n || !memchr(text.s, '\0', text.n))) {
				if (text.n)
					memcpy(field, text.s, text.n);
				field[text.n] = '\0';
			}
			return true;
		}
		if (!fields[i].bytes && next >= '0' && next <= '9')
			return ap_json_read_uint(r, (uint64_t *)(void *)field);
	}
	if (ap_text_is(key, "not_before") && next >= '0' && next <= '9') {
		if (!ap_json_read_uint(r, &v))
			return false;
		s->not_before = (double)v;
		return true;
	}
	return ap_json_read_skip(r);
}

struct ap_err *ap_shipment_parse(const char *text, size_t bytes, struct ap_shipment *ret)
{
	struct ap_json_memory memory = {text, bytes};
	struct ap_shipment s = {.bytes = 0};
	struct ap_json_reader r;
	struct ap_text key;
	bool first = true;

	ap_json_read_init(&r, ap_json_source_memory(&memory), 8192);
	if (ap_json_read_token(&r, '{')) {
		while (ap_json_read_more(&r, &first, '}') && ap_json_read_key(&r, &key)) {
			if (!read_field(&r, key, &s))
				break;
		}
	}
	bool whole = ap_json_read_end(&r);
	struct ap_err *err = ap_json_read_error(&r);
	ap_json_read_close(&r);
	if (err || !whole)
		return err ? err : &ap_err_nomem;
	*ret = s;
	return NULL;
}

void ap_shipment_read(int dir, struct ap_shipment *ret)
{
	AP_STR_AUTO text = {0};

	*ret = (struct ap_shipment){.bytes = 0};
	AP_ERR_AUTO missing = ap_dir_read(dir, SHIP_NAME, FILE_BYTES, &text);
	AP_ERR_AUTO damaged = missing ? NULL : ap_shipment_parse(text.s ? text.s : "", text.n, ret);
	if (damaged)
		*ret = (struct ap_shipment){.bytes = 0};
}

static struct ap_err *write_as(int dir, const char *name, const struct ap_shipment *s, bool done)
{
	AP_STR_AUTO out = {0};
	struct ap_new_file file;
	struct ap_json j;

	ap_json_init(&j, &out, NULL);
	ap_json_object(&j, NULL);
	ap_json_int(&j, "schema", 1);
	ap_json_int(&j, "time_unix", (int64_t)time(NULL));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *field = (const char *)s + fields[i].offset;

		if (done && (strcmp(fields[i].key, "upload_id") == 0 ||
			     strcmp(fields[i].key, "error") == 0))
			continue;
		if (fields[i].bytes)
			ap_json_cstr(&j, fields[i].key, field);
		else
			ap_json_uint(&j, fields[i].key, *(const uint64_t *)(const void *)field);
	}
	if (!done)
		ap_json_uint(&j, "not_before", s->not_before > 0 ? (uint64_t)s->not_before : 0);
	ap_json_end_object(&j);
	ap_json_newline(&j);
	if (out.failed)
		return &ap_err_nomem;
	AP_TRY(ap_new_file_open(dir, name, &file));
	struct ap_err *err = ap_write_all(file.fd, out.s, out.n);
	if (err) {
		ap_new_file_close(dir, &file);
		return ap_err_wrap(err, "cannot write %s", name);
	}
	AP_TRY(ap_new_file_commit(dir, name, true, &file));
	(void)fsync(dir);
	return NULL;
}

struct ap_err *ap_shipment_write(int dir, const struct ap_shipment *shipment)
{
	return write_as(dir, SHIP_NAME, shipment, false);
}

struct ap_err *ap_shipment_done(int dir, const struct ap_shipment *shipment)
{
	AP_TRY(write_as(dir, DONE_NAME, shipment, true));
	(void)unlinkat(dir, SHIP_NAME, 0);
	return NULL;
}

bool ap_shipment_is_done(int dir)
{
	struct stat st;

	return fstatat(dir, DONE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}
