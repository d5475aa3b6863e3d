/* heap: the pages of every space, what is in them, and whether every byte is explained. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cmd/heap_common.h"

enum { OPT_GAPS };

static const struct ap_option options[] = {
	[OPT_GAPS] = {'g', "gaps", AP_OPTION_FLAG, AP_IN_ALL, NULL, "list every gap"},
	{0},
};

struct row {
	int64_t isolate;
	const char *name;
	uint64_t pages, skipped, area, objects, bytes, free, buffers, forwarded, forwarded_bytes,
		gaps, gap_bytes, absent;
	double accounted;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, name, "space", "SPACE", CSTR, "space of V8's heap"),
	AP_FIELD(struct row, isolate, "isolate", "ISOLATE", INT64,
		 "number of the isolate: 0 is the first found; -1: shared by all"),
	AP_FIELD(struct row, pages, "pages", "PAGES", COUNT, "pages"),
	AP_FIELD(struct row, skipped, "skipped_pages", NULL, COUNT,
		 "of them given back or not used in this cycle: their content is stale"),
	AP_FIELD(struct row, area, "area_bytes", "AREA", BYTES,
		 "bytes for objects in the other pages"),
	AP_FIELD(struct row, objects, "objects", "OBJECTS", COUNT, "objects"),
	AP_FIELD(struct row, bytes, "object_bytes", "BYTES", BYTES, "bytes of the objects"),
	AP_FIELD(struct row, free, "free_bytes", "FREE", BYTES, "free lists and fillers"),
	AP_FIELD(struct row, buffers, "buffer_bytes", "BUFFERS", BYTES,
		 "allocation buffers: reserved, not yet used"),
	AP_FIELD(struct row, forwarded, "forwarded", NULL, COUNT,
		 "objects that an unfinished collection has moved"),
	AP_FIELD(struct row, forwarded_bytes, "forwarded_bytes", "MOVED", BYTES, "bytes of those"),
	AP_FIELD(struct row, gaps, "gaps", "GAPS", COUNT, "places that nothing explains"),
	AP_FIELD(struct row, gap_bytes, "gap_bytes", NULL, COUNT, "bytes of those"),
	AP_FIELD(struct row, absent, "absent_bytes", NULL, COUNT,
		 "bytes that the core does not hold"),
	AP_FIELD(struct row, accounted, "accounted_percent", "ACCOUNTED", PERCENT,
		 "objects, free, buffers and moved over area"),
};

static const struct ap_table table = {
	.key = "spaces",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

static const struct ap_field gap_fields[] = {
	AP_FIELD(struct ap_heap_gap, address, "address", "ADDRESS", ADDRESS, "where it begins"),
	AP_FIELD(struct ap_heap_gap, bytes, "bytes", "BYTES", COUNT, "how long it is"),
	AP_FIELD(struct ap_heap_gap, space, "space", "SPACE", CSTR, "in which space"),
	AP_FIELD(struct ap_heap_gap, absent, "absent", "ABSENT", BOOL, "the core does not hold it"),
};

static const struct ap_table gap_table = {
	.key = "gaps",
	.fields = gap_fields,
	.n_fields = sizeof(gap_fields) / sizeof(gap_fields[0]),
	.row_bytes = sizeof(struct ap_heap_gap),
};

struct heap_data {
	struct ap_heap_summary summary;
	AP_VEC(struct row) rows;
};

/* Isolate by isolate, what is shared last; the largest space first. */
static int by_isolate(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->isolate != y->isolate)
		return (uint64_t)x->isolate < (uint64_t)y->isolate ? -1 : 1;
	if (x->area != y->area)
		return x->area > y->area ? -1 : 1;
	return strcmp(x->name, y->name);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct heap_data *d = ap_alloc(ctx->arena, sizeof(*d));
	struct ap_heap *heap;

	if (!d)
		return &ap_err_nomem;
	AP_TRY(ap_require_heap(ctx, &heap));
	ap_heap_summary(heap, &d->summary);
	for (size_t i = 0; i < d->summary.n_spaces; i++) {
		const struct ap_heap_space *s = &d->summary.spaces[i];
		uint64_t accounted =
			s->object_bytes + s->free_bytes + s->buffer_bytes + s->forwarded_bytes;
		const struct row row = {
			.isolate = s->isolate == SIZE_MAX ? -1 : (int64_t)s->isolate,
			.name = s->name,
			.pages = s->pages,
			.skipped = s->skipped_pages,
			.area = s->area_bytes,
			.objects = s->objects,
			.bytes = s->object_bytes,
			.free = s->free_bytes,
			.buffers = s->buffer_bytes,
			.forwarded = s->forwarded,
			.forwarded_bytes = s->forwarded_bytes,
			.gaps = s->gaps,
			.gap_bytes = s->gap_bytes,
			.absent = s->absent_bytes,
			.accounted = s->area_bytes && !d->summary.scanned
					     ? 100.0 * (double)accounted / (double)s->area_bytes
				     : d->summary.scanned ? 0
							  : 100,
		};

		if (!ap_vec_push(ctx->arena, &d->rows, row))
			return &ap_err_nomem;
	}
	if (d->rows.n)
		qsort(d->rows.at, d->rows.n, sizeof(d->rows.at[0]), by_isolate);
	*ret_data = d;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct heap_data *d = p;
	const struct ap_heap_summary *s = &d->summary;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &table, d->rows.at, d->rows.n);
	ap_json_object(j, "total");
	ap_json_uint(j, "pages", s->pages);
	ap_json_uint(j, "pages_left", s->pages_left);
	ap_json_uint(j, "objects", s->objects);
	ap_json_uint(j, "bytes", s->object_bytes);
	ap_json_uint(j, "area_bytes", s->area_bytes);
	ap_json_uint(j, "isolates", s->n_isolates);
	ap_json_uint(j, "gaps", s->all_gaps);
	ap_json_uint(j, "index_bytes", s->index_bytes);
	ap_json_double(j, "seconds", s->seconds);
	ap_json_end_object(j);
	if (s->scanned)
		ap_json_null(j, "accounted_percent");
	else
		ap_json_double(j, "accounted_percent", s->accounted_percent);
	if (s->collecting)
		ap_json_cstr(j, "collecting", s->collecting);
	else
		ap_json_null(j, "collecting");
	ap_json_bool(j, "scanned", s->scanned);
	ap_json_table(j, &gap_table, s->gaps, s->n_gaps);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *p)
{
	const struct heap_data *d = p;
	const struct ap_heap_summary *s = &d->summary;
	char bytes[AP_NUMBER_MAX], area[AP_NUMBER_MAX];

	if (s->scanned) {
		ap_out_f(ctx->out,
			 "%" PRIu64
			 " objects, %s, found by scanning: how much was missed is not known\n\n",
			 s->objects, ap_bytes_human(s->object_bytes, bytes));
	} else {
		ap_out_f(ctx->out,
			 "%" PRIu64 " objects, %s in %s of %" PRIu64
			 " pages, %zu isolate%s; %.3f %% accounted\n\n",
			 s->objects, ap_bytes_human(s->object_bytes, bytes),
			 ap_bytes_human(s->area_bytes, area), s->pages, s->n_isolates,
			 s->n_isolates == 1 ? "" : "s", s->accounted_percent);
	}
	if (s->collecting)
		ap_out_f(
			ctx->out,
			"The core was taken in the middle of a %s: objects that were moved are counted at their new place.\n\n",
			s->collecting);
	ap_out_table(ctx->out, &table, d->rows.at, d->rows.n);
	if (!s->all_gaps)
		return;
	ap_out_s(ctx->out, "\n");
	if (!ctx->args.given[OPT_GAPS]) {
		ap_out_f(ctx->out, "%" PRIu64 " gap%s; heap -g lists them\n", s->all_gaps,
			 s->all_gaps == 1 ? "" : "s");
		return;
	}
	ap_out_table(ctx->out, &gap_table, s->gaps, s->n_gaps);
	if (s->n_gaps < s->all_gaps)
		ap_out_f(ctx->out, "and %" PRIu64 " more\n", s->all_gaps - s->n_gaps);
}

const struct ap_cmd ap_cmd_heap = {
	.names = {[AP_PLAIN] = "heap", [AP_MDB] = "heap", [AP_LLNODE] = "heap"},
	.group = AP_GROUP_MEMORY,
	.summary = "pages of the JavaScript heap, every byte accounted",
	.help = "One row per space of each isolate. Accounted tells how much of the pages is explained by "
		"objects, free space, allocation buffers and objects that an unfinished collection has "
		"moved: at 100 % no object was missed. Gaps are what is not explained.",
	.options = options,
	.example = "heap",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
