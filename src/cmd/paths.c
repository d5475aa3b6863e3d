/* paths: by which ways the objects of one constructor are alive, the most travelled first. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "cmd/steps.h"

enum { OPT_NUMBER, OPT_ALL, DEFAULT_PATHS = 3, MAX_PATHS = 100, MAX_SAMPLE = 10000 };

static const struct ap_option options[] = {
	[OPT_NUMBER] = {'n', "limit", AP_OPTION_NUMBER, AP_IN_ALL, "N", "so many ways"},
	[OPT_ALL] = {'a', "all", AP_OPTION_FLAG, AP_IN_ALL, NULL,
		     "V8's machinery between the objects too"},
	{0},
};

/* One object's way: ways of the same hash go by the same names. */
struct way {
	uint64_t hash, count, bytes;
	uint32_t node;
	ap_path path;
	struct ap_shown_path shown;
};

struct paths {
	struct ap_study *study;
	struct ap_text constructor;
	uint64_t count, sampled;
	AP_VEC(struct way) ways;
	size_t all;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9e3779b97f4a7c15 + (h << 6) + (h >> 2);
	return h * 0xff51afd7ed558ccd;
}

static uint64_t hash_path(const struct ap_study *s, const ap_path *path)
{
	uint64_t h = path->n;

	for (size_t i = 0; i < path->n; i++) {
		const struct ap_step *step = &path->at[i];
		struct ap_edge e = ap_edge_at(s->graph, step->from, step->edge);
		struct ap_text name = ap_edge_name(s->graph, e);
		/* Indexes and entries differ from object to object: they are one way. */
		bool numbered =
			ap_edge_is_numbered(e) || (name.n && name.s[0] >= '0' && name.s[0] <= '9');

		h = mix(h, (uint64_t)ap_edge_type(e) << 32 | (numbered ? 0 : e.name));
		h = mix(h, s->class_of[step->to]);
	}
	return h;
}

static int by_hash(const void *pa, const void *pb)
{
	const struct way *a = pa, *b = pb;

	return (a->hash > b->hash) - (a->hash < b->hash);
}

static int by_count(const void *pa, const void *pb)
{
	const struct way *a = pa, *b = pb;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return (a->node > b->node) - (a->node < b->node);
}

static struct ap_err *sample(struct ap_ctx *ctx, struct paths *p, uint32_t class)
{
	struct ap_study *s = p->study;
	uint64_t step = p->count / MAX_SAMPLE + 1, seen = 0;
	const struct ap_traces *t;

	AP_TRY(ap_study_traces(s, &t));
	for (uint32_t v = 0; v < s->graph->n_nodes; v++) {
		struct way way = {.count = 1, .node = v, .bytes = s->dominators.retained[v]};

		if (s->class_of[v] != class || seen++ % step)
			continue;
		AP_TRY(ap_trace_path(s->graph, t, v, ctx->arena, &way.path));
		if (!way.path.n)
			continue;
		way.hash = hash_path(s, &way.path);
		p->sampled++;
		if (!ap_vec_push(ctx->arena, &p->ways, way))
			return &ap_err_nomem;
	}
	return NULL;
}

static void merge(struct paths *p)
{
	size_t out = 0;

	if (!p->ways.n)
		return;
	qsort(p->ways.at, p->ways.n, sizeof(*p->ways.at), by_hash);
	for (size_t i = 0; i < p->ways.n; i++) {
		struct way *w = &p->ways.at[i];

		if (out && p->ways.at[out - 1].hash == w->hash) {
			p->ways.at[out - 1].count++;
			p->ways.at[out - 1].bytes += w->bytes;
		} else {
			p->ways.at[out++] = *w;
		}
	}
	p->all = p->ways.n = out;
	qsort(p->ways.at, out, sizeof(*p->ways.at), by_count);
}

static struct ap_err *data(struct ap_ctx *ctx, void **ret_data)
{
	struct paths *p = ap_alloc(ctx->arena, sizeof(*p));
	uint64_t limit = ctx->args.given[OPT_NUMBER] ? ctx->args.number[OPT_NUMBER] : DEFAULT_PATHS;
	uint32_t class = 0;

	if (!p)
		return &ap_err_nomem;
	if (ctx->args.n_words != 1 || limit > MAX_PATHS)
		return ap_err_new(AP_E_USAGE, "give one constructor, and at most %d ways",
				  MAX_PATHS);
	AP_TRY(ap_require_study(ctx, &p->study));
	AP_TRY(ap_study_classes(p->study));
	AP_TRY(ap_study_scopes(p->study));
	while (class < p->study->n_classes &&
	       !ap_text_is(p->study->classes[class].name, ctx->args.words[0]))
		class ++;
	if (class == p->study->n_classes)
		return ap_err_hint(ap_err_new(AP_E_NOTFOUND, "there is no object of constructor %s",
					      ctx->args.words[0]),
				   "`classes` lists the constructors");
	p->constructor = p->study->classes[class].name;
	p->count = p->study->classes[class].count;
	AP_TRY(sample(ctx, p, class));
	merge(p);
	if (p->ways.n > limit)
		p->ways.n = limit;
	for (size_t i = 0; i < p->ways.n; i++)
		AP_TRY(ap_show_path(ctx, p->study, &p->ways.at[i].path, ctx->args.given[OPT_ALL],
				    &p->ways.at[i].shown));
	*ret_data = p;
	return NULL;
}

static void json(struct ap_ctx *ctx, const void *data_, struct ap_json *j)
{
	const struct paths *p = data_;

	(void)ctx;
	ap_json_object(j, "data");
	ap_json_text(j, "constructor", p->constructor);
	ap_json_uint(j, "count", p->count);
	ap_json_uint(j, "sampled", p->sampled);
	ap_json_array(j, "paths");
	for (size_t i = 0; i < p->ways.n; i++) {
		ap_json_object(j, NULL);
		ap_json_uint(j, "count", p->ways.at[i].count);
		ap_json_uint(j, "retained_bytes", p->ways.at[i].bytes);
		ap_json_path(j, p->study, "steps", &p->ways.at[i].path);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
	ap_json_end_object(j);
}

static void text(struct ap_ctx *ctx, const void *data_)
{
	const struct paths *p = data_;
	char bytes[AP_NUMBER_MAX];

	ap_out_text(ctx->out, p->constructor);
	ap_out_f(ctx->out, ": %" PRIu64 " objects", p->count);
	if (p->sampled < p->count)
		ap_out_f(ctx->out, ", of which %" PRIu64 " were looked at", p->sampled);
	ap_out_s(ctx->out, "\n");
	for (size_t i = 0; i < p->ways.n; i++) {
		ap_out_f(ctx->out, "\n%" PRIu64 " (%.0f %%, %s) like this one:\n",
			 p->ways.at[i].count,
			 100.0 * (double)p->ways.at[i].count / (double)p->sampled,
			 ap_bytes_human(p->ways.at[i].bytes, bytes));
		ap_print_path(ctx, p->study, &p->ways.at[i].shown, 2);
	}
	if (p->all > p->ways.n)
		ap_out_f(ctx->out, "\n%zu other ways; paths -n 20 shows more\n",
			 p->all - p->ways.n);
}

const struct ap_cmd ap_cmd_paths = {
	.names = {[AP_PLAIN] = "paths"},
	.group = AP_GROUP_ALIVE,
	.summary = "what keeps the objects of a constructor alive",
	.synopsis = {[AP_PLAIN] = "[-a] [-n N] CONSTRUCTOR"},
	.help = "The best path of each object of the constructor (of 10,000 of them if there are more), paths "
		"by the same names counted together; indexes and entries of tables do not make a difference.",
	.options = options,
	.example = "paths Object",
	.needs_graph = true,
	.data = data,
	.json = json,
	.text = {[AP_PLAIN] = text},
};
