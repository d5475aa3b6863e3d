/* mappings = ::mappings = $m: the memory map, and what the core holds of it. */
#include <elf.h>
#include <inttypes.h>

#include "cmd/commands.h"
#include "model/core.h"

struct row {
	uint64_t base, limit, size;
	const char *flags, *held;
	struct ap_text name;
};

static const struct ap_field fields[] = {
	AP_FIELD(struct row, base, "base", "BASE", ADDRESS, "first address"),
	AP_FIELD(struct row, limit, "limit", "LIMIT", ADDRESS, "first address behind it"),
	AP_FIELD(struct row, size, "size", "SIZE", BYTES, "bytes"),
	AP_FIELD(struct row, flags, "flags", "FLAGS", CSTR, "r, w, x"),
	AP_FIELD(struct row, held, "held", "HELD", CSTR,
		 "where its bytes are read from: core, file, or why not: cut, absent"),
	AP_FIELD(struct row, name, "name", "NAME", TEXT, "file, or [ heap ], [ stack ], [ anon ]"),
};

static const struct ap_table table = {
	.key = "mappings",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(fields[0]),
	.row_bytes = sizeof(struct row),
};

struct mappings {
	AP_VEC(struct row) rows;
};

static const char *flags_text(uint32_t flags)
{
	static const char *const texts[] = {"---", "--x", "-w-", "-wx", "r--", "r-x", "rw-", "rwx"};

	return texts[flags & 7];
}

static const char *held_text(enum ap_segment_origin origin)
{
	switch (origin) {
	case AP_SEGMENT_CORE:
	case AP_SEGMENT_TEST:
		return "core";
	case AP_SEGMENT_FILE:
		return "file";
	case AP_SEGMENT_CUT:
		return "cut";
	case AP_SEGMENT_NONE:
		break;
	}
	return "absent";
}

/* Anonymous memory that we can tell: a thread's stack by its pointer, brk's heap by its place. */
static struct ap_text anonymous_name(const struct ap_image *image, const struct ap_segment *s)
{
	size_t n;
	const struct ap_thread *threads = ap_image_threads(image, &n);
	const struct ap_module *program = ap_image_main_module(image);

	for (size_t i = 0; i < n; i++) {
		uint64_t sp = threads[i].regs ? threads[i].regs[AP_REG_RSP] : 0;

		if (sp >= s->start && sp < s->end)
			return i == 0 ? AP_TEXT("[ stack ]") : AP_TEXT("[ stack tid ]");
	}
	if (program && s->start >= program->end && s->start - program->end < (64ull << 20) &&
	    (s->flags & PF_W))
		return AP_TEXT("[ heap ]");
	return AP_TEXT("[ anon ]");
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct mappings *m = ap_alloc(ctx->arena, sizeof(*m));
	struct ap_image *image = ap_core_model_image(ctx->model);
	const char *wanted = ctx->args.n_words ? ctx->args.words[0] : NULL;
	uint64_t address = ctx->address;
	bool by_address = ctx->dialect == AP_MDB && ctx->has_address;
	size_t n = 0;

	if (!m)
		return &ap_err_nomem;
	if (!image)
		return ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
					      "this target has no memory map: it is no core"),
				   AP_NO_CORE_HINT);
	if (ctx->dialect != AP_MDB && wanted && ap_parse_address(wanted, &address) &&
	    strlen(wanted) >= 6) {
		by_address = true;
		wanted = NULL;
	}
	const struct ap_segment *segments = ap_image_segments(image, &n);
	for (size_t i = 0; i < n; i++) {
		const struct ap_segment *s = &segments[i];
		const struct row row = {
			.base = s->start,
			.limit = s->end,
			.size = s->end - s->start,
			.flags = flags_text(s->flags),
			.held = held_text(s->origin),
			.name = s->path ? ap_text_of(s->path) : anonymous_name(image, s),
		};

		if (by_address ? address < s->start || address >= s->end
			       : wanted && !memmem(row.name.s, row.name.n, wanted, strlen(wanted)))
			continue;
		if (!ap_vec_push(ctx->arena, &m->rows, row))
			return &ap_err_nomem;
	}
	if (by_address && !m->rows.n)
		return ap_err_new(AP_E_NOTFOUND, "%" PRIx64 " is not in any mapping", address);
	*ret_data = m;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *p, struct ap_json *j)
{
	const struct mappings *m = p;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_table(j, &table, m->rows.at, m->rows.n);
	ap_json_end_object(j);
}

static void text_plain(struct ap_ctx *ctx, const void *p)
{
	const struct mappings *m = p;

	ap_out_table(ctx->out, &table, m->rows.at, m->rows.n);
}

static void text_mdb(struct ap_ctx *ctx, const void *p)
{
	const struct mappings *m = p;
	struct ap_out *out = ctx->out;

	ap_out_style(out, AP_STYLE_HEAD);
	ap_out_f(out, "%16s %16s %16s %s", "BASE", "LIMIT", "SIZE", "NAME");
	ap_out_style(out, AP_STYLE_PLAIN);
	ap_out_s(out, "\n");
	for (size_t i = 0; i < m->rows.n && !out->broken; i++) {
		const struct row *row = &m->rows.at[i];

		ap_out_f(out, "%16" PRIx64 " %16" PRIx64 " %16" PRIx64 " ", row->base, row->limit,
			 row->size);
		ap_out_text(out, row->name);
		ap_out_s(out, "\n");
	}
}

const struct ap_cmd ap_cmd_mappings = {
	.names = {[AP_PLAIN] = "mappings|maps|info proc mappings", [AP_MDB] = "mappings|$m"},
	.group = AP_GROUP_NATIVE,
	.address = AP_ADDRESS_OPTIONAL,
	.summary = "the memory map, and what the core holds of it",
	.synopsis = {[AP_PLAIN] = "[ADDR|NAME]", [AP_MDB] = "[name]"},
	.help = "With an address only the mapping that holds it, with a name those whose file's path "
		"holds the name.",
	.example = "mappings",
	.needs_model = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text_plain, [AP_MDB] = text_mdb},
};
