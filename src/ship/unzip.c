#include "ship/unzip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "os/outfile.h"

enum { MAX_FILES = 100000, HOLE_BYTES = 4096 };

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct ap_unzip *u = arg;
	size_t n = 0;

	if (!u->err)
		u->err = u->next(u->arg, ret, &n);
	if (u->err) {
		archive_set_error(a, EIO, "cannot read on");
		return -1;
	}
	return (la_ssize_t)n;
}

static struct ap_err *failed(struct ap_unzip *u)
{
	struct ap_err *err = u->err;
	const char *text = archive_error_string(u->archive);

	u->err = NULL;
	return err ? err
		   : ap_err_new(AP_E_FORMAT, "this is no whole zip: %s",
				text ? text : "it breaks off");
}

struct ap_err *ap_unzip_open(struct ap_unzip *unzip, ap_piece_fn next, void *arg)
{
	*unzip = (struct ap_unzip){archive_read_new(), next, arg, NULL};
	if (!unzip->archive)
		return &ap_err_nomem;
	archive_read_support_format_zip_streamable(unzip->archive);
	if (archive_read_open(unzip->archive, unzip, NULL, on_read, NULL) != ARCHIVE_OK) {
		struct ap_err *err = failed(unzip);

		ap_unzip_close(unzip);
		return err;
	}
	return NULL;
}

void ap_unzip_close(struct ap_unzip *unzip)
{
	archive_read_free(unzip->archive);
	ap_err_free(unzip->err);
	*unzip = (struct ap_unzip){NULL, NULL, NULL, NULL};
}

struct ap_err *ap_unzip_next(struct ap_unzip *unzip, const char **ret_name)
{
	struct archive_entry *entry;
	const char *name;

	do {
		int rc = archive_read_next_header(unzip->archive, &entry);

		*ret_name = NULL;
		if (rc == ARCHIVE_EOF && !unzip->err)
			return NULL;
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return failed(unzip);
		if (archive_file_count(unzip->archive) > MAX_FILES)
			return ap_err_new(AP_E_LIMIT, "this zip has more than %d files", MAX_FILES);
		name = archive_entry_pathname(entry);
	} while (!name);
	*ret_name = name;
	return NULL;
}

struct ap_err *ap_unzip_text(struct ap_unzip *unzip, size_t limit, struct ap_str *out)
{
	char buf[16384];
	size_t bytes = 0;
	la_ssize_t n;

	while ((n = archive_read_data(unzip->archive, buf, sizeof(buf))) > 0) {
		bytes += (size_t)n;
		if (bytes > limit)
			return ap_err_new(AP_E_LIMIT, "a text of this zip has more than %zu bytes",
					  limit);
		ap_str_add(out, buf, (size_t)n);
	}
	if (n < 0)
		return failed(unzip);
	return out->failed ? &ap_err_nomem : NULL;
}

struct ap_err *ap_unzip_file(struct ap_unzip *unzip, int fd, uint64_t limit, uint64_t *ret_bytes)
{
	const void *data;
	la_int64_t at;
	uint64_t end = 0;
	size_t n;
	int rc;

	while ((rc = archive_read_data_block(unzip->archive, &data, &n, &at)) == ARCHIVE_OK) {
		if (at < 0 || n > limit || (uint64_t)at > limit - n)
			return ap_err_hint(
				ap_err_new(AP_E_LIMIT,
					   "the file in this zip has more than %llu bytes",
					   (unsigned long long)limit),
				"there is not more room on the disk; set XDG_CACHE_HOME to one that has");
		AP_TRY(ap_pwrite_sparse(fd, data, n, (uint64_t)at, HOLE_BYTES));
		if ((uint64_t)at + n > end)
			end = (uint64_t)at + n;
	}
	if (rc != ARCHIVE_EOF || unzip->err)
		return failed(unzip);
	if (ftruncate(fd, (off_t)end) < 0)
		return ap_err_errno(errno, "cannot write");
	*ret_bytes = end;
	return NULL;
}

enum ap_bundle_file ap_bundle_file_of(const char *name)
{
	static const struct {
		const char *end;
		enum ap_bundle_file file;
	} ends[] = {
		{"-dump-info.json", AP_BUNDLE_DUMP_INFO},
		{"-meta.json", AP_BUNDLE_META},
		{"-state.json", AP_BUNDLE_STATE},
		{"-stack.json", AP_BUNDLE_STACK},
		{"-pod.json", AP_BUNDLE_POD},
		{".mini.core", AP_BUNDLE_MINI},
		{".core", AP_BUNDLE_CORE},
	};
	size_t n = strlen(name);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t k = strlen(ends[i].end);

		if (n >= k && strcmp(name + n - k, ends[i].end) == 0)
			return ends[i].file;
	}
	return AP_BUNDLE_OTHER;
}
