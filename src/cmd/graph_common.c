#include "cmd/graph_common.h"

#include <ctype.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/escape.h"
#include "base/json_read.h"
#include "cmd/heap_common.h"
#include "graph/snapshot.h"
#include "heap/fill_graph.h"
#include "image/input.h"
#include "model/core.h"

enum { LABEL_COLUMNS = 60, PIECE_BYTES = 1 << 20 };

struct ap_err *ap_require_study(struct ap_ctx *ctx, struct ap_study **ret_study)
{
	struct ap_study *study = ap_session_study(ctx->session);
	struct ap_fill_summary summary;
	struct ap_heap_watch watch;
	struct ap_heap *heap;

	if (study) {
		study->graph->cancelled = ctx->cancelled;
		*ret_study = study;
		return NULL;
	}
	AP_TRY(ap_require_heap(ctx, &heap));
	ap_heap_watch(ctx, &watch);
	struct ap_err *err = ap_core_model_study(ctx->model, &watch, ret_study, &summary);
	ap_heap_watch_end(ctx);
	if (!err)
		(*ret_study)->graph->cancelled = ctx->cancelled;
	if (!err && summary.guessed)
		ap_warn(ctx,
			"V8's handles were not found: what is alive was guessed from all memory, and is too much");
	return err;
}

struct pieces {
	const struct ap_map *map;
	uint64_t at;
	const struct ap_heap_watch *watch;
};

static struct ap_err *next_piece(void *arg, const uint8_t **ret_p, size_t *ret_n)
{
	struct pieces *p = arg;
	uint64_t left = p->map->bytes - p->at;

	if (p->watch && p->watch->cancelled && *p->watch->cancelled)
		return &ap_err_cancelled;
	if (p->watch && p->watch->report)
		p->watch->report(p->watch->arg, "reading the snapshot", p->at, p->map->bytes, 0);
	*ret_p = (const uint8_t *)p->map->data + p->at;
	*ret_n = left < PIECE_BYTES ? left : PIECE_BYTES;
	p->at += *ret_n;
	return NULL;
}

struct ap_err *ap_study_load(const char *path, const struct ap_heap_watch *watch,
			     struct ap_study **ret_study)
{
	struct ap_map map;
	struct ap_graph *graph;
	int fd = -1;

	AP_TRY(ap_input_map(path, &map, &fd));
	struct pieces pieces = {.map = &map, .watch = watch};
	struct ap_err *err =
		ap_snapshot_read((struct ap_json_source){next_piece, &pieces}, map.bytes, &graph);
	ap_map_close(&map);
	if (fd >= 0)
		close(fd);
	return err ? ap_err_wrap(err, "%s", path) : ap_study_open(graph, ret_study);
}

bool ap_is_snapshot_file(const char *path)
{
	static const char *const ends[] = {".heapsnapshot.gz", ".heapsnapshot.zst",
					   ".heapsnapshot.xz", ".heapsnapshot.lz4",
					   ".heapsnapshot"};
	size_t n = strlen(path);
	char head[64];
	struct stat st;

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t end = strlen(ends[i]);

		if (n > end && strcmp(path + n - end, ends[i]) == 0)
			return true;
	}
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, head, sizeof(head));
	close(fd);
	return got > 0 && memmem(head, (size_t)got, "\"snapshot\"", 10) &&
	       memchr(head, '{', (size_t)got);
}

struct ap_err *ap_node_argument(struct ap_ctx *ctx, const struct ap_study *study,
				uint32_t *ret_node)
{
	const char *word = ctx->args.n_words ? ctx->args.words[0] : NULL;
	uint64_t id;
	bool ok;

	if (!word)
		return ap_err_hint(ap_err_new(AP_E_USAGE, "which object? give its number"),
				   "the lists show it as @123");
	if (word[0] == '@')
		ok = ap_parse_number(word + 1, 10, &id);
	else
		ok = study->graph->ids_are_addresses ? ap_parse_address(word, &id)
						     : ap_parse_number(word, 10, &id);
	uint32_t node = ok ? ap_graph_find(study->graph, id) : AP_NO_NODE;
	if (node == AP_NO_NODE)
		return ap_err_hint(ap_err_new(ok ? AP_E_NOTFOUND : AP_E_USAGE,
					      "%s: there is no such object", word),
				   "`dominators`, `suspects` and `classes` show objects by number");
	*ret_node = node;
	return NULL;
}

const char *ap_node_id_text(struct ap_ctx *ctx, const struct ap_graph *g, uint32_t node)
{
	const char *text = ap_printf(ctx->arena, g->ids_are_addresses ? "%" PRIx64 : "@%" PRIu64,
				     ap_node_id(g, node));

	return text ? text : "";
}

struct ap_text ap_node_label(struct ap_ctx *ctx, const struct ap_graph *g, uint32_t node)
{
	struct ap_text name = ap_node_name(g, node);
	AP_STR_AUTO text = {0};

	switch (g->types[node]) {
	case AP_NODE_STRING:
		ap_escape_quoted(&text, name, LABEL_COLUMNS);
		break;
	case AP_NODE_CLOSURE:
		ap_str_add(&text, name.n ? name.s : "(anonymous)", name.n ? name.n : 11);
		ap_str_adds(&text, "()");
		break;
	case AP_NODE_OBJECT:
	case AP_NODE_NATIVE:
	case AP_NODE_SYNTHETIC:
		ap_str_add(&text, name.s, name.n);
		break;
	default: {
		struct ap_text class = ap_node_class(g, node);

		if (name.n > 9 && memcmp(name.s, "system / ", 9) == 0) {
			ap_str_add(&text, name.s, name.n);
		} else {
			ap_str_add(&text, name.n && name.s[0] == '(' ? name.s : class.s,
				   name.n && name.s[0] == '(' ? name.n : class.n);
			if (name.n && name.s[0] != '(') {
				ap_str_addc(&text, ' ');
				ap_str_add(&text, name.s, name.n > 80 ? 80 : name.n);
			}
		}
	}
	}
	return ap_str_text(&text, ctx->arena);
}

struct ap_text ap_place_text(struct ap_ctx *ctx, const struct ap_place *place)
{
	struct ap_text script = place->script;
	AP_STR_AUTO text = {0};

	if (!script.n)
		return (struct ap_text){"", 0};
	if (script.n > 7 && memcmp(script.s, "file://", 7) == 0)
		script = (struct ap_text){script.s + 7, script.n - 7};
	ap_str_add(&text, script.s, script.n);
	if (place->line)
		ap_str_addf(&text, ":%u", place->line);
	return ap_str_text(&text, ctx->arena);
}

void ap_json_node(struct ap_json *j, const struct ap_study *study, uint32_t node)
{
	const struct ap_graph *g = study->graph;

	ap_json_uint(j, "id", ap_node_id(g, node));
	if (g->ids_are_addresses)
		ap_json_addr(j, "address", ap_node_id(g, node));
	else
		ap_json_null(j, "address");
	ap_json_cstr(j, "type", ap_node_type_name((enum ap_node_type)g->types[node]));
	ap_json_text(j, "constructor", ap_node_class(g, node));
	ap_json_text(j, "name", ap_node_name(g, node));
	ap_json_uint(j, "self_bytes", ap_node_size(g, node));
	if (study->dominators.idom)
		ap_json_uint(j, "retained_bytes", study->dominators.retained[node]);
	else
		ap_json_null(j, "retained_bytes");
}

void ap_json_heap(struct ap_json *j, const struct ap_study *study)
{
	ap_json_object(j, "total");
	ap_json_uint(j, "count", study->graph->n_nodes);
	ap_json_uint(j, "edges", study->graph->n_edges);
	if (study->dominators.idom)
		ap_json_uint(j, "bytes", study->dominators.retained[0]);
	else
		ap_json_null(j, "bytes");
	ap_json_end_object(j);
}
