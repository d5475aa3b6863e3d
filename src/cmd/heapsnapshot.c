/* heapsnapshot: writes the object graph as a file for Chrome DevTools and memlab. */
#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <string.h>

#include "base/number.h"
#include "cmd/graph_common.h"
#include "graph/snapshot.h"
#include "os/outfile.h"

enum { OPT_OUTPUT, OPT_FORCE };

static const struct ap_option options[] = {
	[OPT_OUTPUT] = {'o', "output", AP_OPTION_TEXT, AP_IN_ALL, "FILE",
			"the file; .gz and .zst pack it"},
	[OPT_FORCE] = {'f', "force", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		       "replace a file of that name"},
	{0},
};

struct written {
	const char *path;
	uint64_t nodes, edges, strings, bytes, cut_sizes, cut_strings;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct written, path, "file", "file", CSTR, "as named"),
	AP_FIELD(struct written, nodes, "nodes", "nodes", COUNT, "objects"),
	AP_FIELD(struct written, edges, "edges", "edges", COUNT, "references"),
	AP_FIELD(struct written, strings, "strings", "strings", COUNT, "texts"),
	AP_FIELD(struct written, bytes, "bytes", "size", BYTES, "before packing"),
	AP_FIELD(struct written, cut_sizes, "cut_sizes", NULL, COUNT, "objects of 4 GiB and more"),
	AP_FIELD(struct written, cut_strings, "cut_strings", NULL, COUNT,
		 "strings cut for DevTools' limit"),
};

struct packer {
	const struct ap_ctx *ctx;
	struct archive *a;
	int fd;
};

static struct ap_err *to_file(void *arg, const void *bytes, size_t n)
{
	struct packer *p = arg;

	if (ap_ctx_cancelled(p->ctx))
		return &ap_err_cancelled;
	if (!p->a)
		return ap_write_all(p->fd, bytes, n);
	if (archive_write_data(p->a, bytes, n) != (la_ssize_t)n)
		return ap_err_new(AP_E_IO, "packing failed: %s", archive_error_string(p->a));
	return NULL;
}

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n > m && strcmp(path + n - m, end) == 0;
}

static struct ap_err *start_packing(struct packer *p, const char *path)
{
	bool gz = ends_in(path, ".gz"), zst = ends_in(path, ".zst");

	if (!gz && !zst)
		return NULL;
	p->a = archive_write_new();
	if (!p->a)
		return &ap_err_nomem;
	struct archive_entry *entry = archive_entry_new();
	int rc = entry ? ARCHIVE_OK : ARCHIVE_FATAL;
	if (rc == ARCHIVE_OK)
		rc = gz ? archive_write_add_filter_gzip(p->a) : archive_write_add_filter_zstd(p->a);
	if (rc == ARCHIVE_OK)
		rc = archive_write_set_format_raw(p->a);
	if (rc == ARCHIVE_OK)
		rc = archive_write_open_fd(p->a, p->fd);
	if (rc == ARCHIVE_OK) {
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_pathname(entry, "snapshot");
		rc = archive_write_header(p->a, entry);
	}
	archive_entry_free(entry);
	return rc == ARCHIVE_OK
		       ? NULL
		       : ap_err_new(AP_E_IO, "packing failed: %s", archive_error_string(p->a));
}

static struct ap_err *write_file(const struct ap_ctx *ctx, const struct ap_graph *g,
				 const char *path, bool replace,
				 struct ap_snapshot_written *ret_written)
{
	AP_OUTFILE_AUTO file = {0};

	AP_TRY(ap_outfile_open(path, replace, &file));
	struct packer packer = {.ctx = ctx, .fd = file.fd};
	const struct ap_snapshot_sink sink = {to_file, &packer};
	struct ap_err *err = start_packing(&packer, path);
	if (!err)
		err = ap_snapshot_write(g, &sink, ret_written);
	if (packer.a) {
		if (!err && archive_write_close(packer.a) != ARCHIVE_OK)
			err = ap_err_new(AP_E_IO, "packing failed: %s",
					 archive_error_string(packer.a));
		archive_write_free(packer.a);
	}
	return err ? err : ap_outfile_commit(&file, replace, false);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct written *w = ap_alloc(ctx->arena, sizeof(*w));
	const char *path = ctx->args.given[OPT_OUTPUT] ? ctx->args.text[OPT_OUTPUT] : NULL;
	struct ap_snapshot_written done;
	struct ap_study *study;

	if (!w)
		return &ap_err_nomem;
	if (!path)
		return ap_err_new(AP_E_USAGE, "which file? heapsnapshot -o FILE");
	AP_TRY(ap_require_study(ctx, &study));
	AP_TRY(write_file(ctx, study->graph, path, ctx->args.given[OPT_FORCE], &done));
	*w = (struct written){
		path,       study->graph->n_nodes, study->graph->n_edges, study->graph->n_texts,
		done.bytes, done.cut_sizes,        done.cut_strings};
	if (done.cut_sizes)
		ap_warn(ctx,
			"%" PRIu64
			" objects of 4 GiB and more are written with 4 GiB, all that DevTools can show",
			done.cut_sizes);
	if (done.cut_strings)
		ap_warn(ctx,
			"%" PRIu64 " strings are cut: DevTools reads at most 512 MB of strings",
			done.cut_strings);
	*ret_data = w;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	(void)ctx;
	ap_json_object(j, "data");
	ap_json_record(j, fields, sizeof(fields) / sizeof(fields[0]), p);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	ap_out_record(ctx->out, fields, sizeof(fields) / sizeof(fields[0]), p);
	ap_out_s(ctx->out, "open it in Chrome: DevTools, Memory, Load\n");
}

const struct ap_cmd ap_cmd_heapsnapshot = {
	.names = {[AP_PLAIN] = "heapsnapshot"},
	.group = AP_GROUP_ALIVE,
	.summary = "write a .heapsnapshot for Chrome DevTools, memlab",
	.synopsis = {[AP_PLAIN] = "[-f] -o FILE"},
	.help = "Writes what V8 itself would have written, as a stream. A name that ends in .gz or .zst is "
		"packed on the way. The file appears under its name when it is whole, readable by its owner "
		"only: it holds every string of the program.",
	.options = options,
	.example = "heapsnapshot -f -o out.heapsnapshot",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
