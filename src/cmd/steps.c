#include "cmd/steps.h"

#include <string.h>

/* One edge in words, added to what the stretch says already. */
static void add_edge(struct ap_ctx *ctx, const struct ap_study *s, const struct ap_step *step,
		     struct ap_str *how)
{
	const struct ap_graph *g = s->graph;
	struct ap_edge e = ap_edge_at(g, step->from, step->edge);
	struct ap_text name = ap_edge_name(g, e);

	if (how->n && how->s[how->n - 1] != ' ')
		ap_str_addc(how, ' ');
	switch (ap_edge_type(e)) {
	case AP_EDGE_CONTEXT: {
		uint32_t closure = s->scopes ? s->scopes[step->from] : AP_NO_NODE;
		struct ap_place place = {0};

		ap_str_adds(how, "variable `");
		ap_str_add(how, name.s, name.n);
		ap_str_addc(how, '`');
		if (closure != AP_NO_NODE)
			place.script = ap_closure_script(g, closure);
		struct ap_text where = ap_place_text(ctx, &place);
		if (where.n) {
			ap_str_adds(how, " in ");
			ap_str_add(how, where.s, where.n);
		}
		break;
	}
	case AP_EDGE_PROPERTY:
	case AP_EDGE_SHORTCUT:
		ap_str_addc(how, '.');
		ap_str_add(how, name.s, name.n);
		break;
	case AP_EDGE_ELEMENT:
		if (g->types[step->from] != AP_NODE_SYNTHETIC)
			ap_str_addf(how, "[%u]", e.name);
		break;
	case AP_EDGE_INTERNAL:
		/* A number inside of a table is an entry; names say what part it is. */
		if (name.n && name.s[0] >= '0' && name.s[0] <= '9') {
			bool pair = memmem(name.s, name.n, " pair in WeakMap ", 17) != NULL;

			ap_str_adds(how, pair ? "value of a WeakMap whose key it is"
					 : g->types[step->from] == AP_NODE_SYNTHETIC ? "root"
										     : "entry");
		} else if (!ap_text_is(name, "elements") && !ap_text_is(name, "table") &&
			   !ap_text_is(name, "properties")) {
			ap_str_addc(how, '(');
			ap_str_add(how, name.s, name.n);
			ap_str_addc(how, ')');
		}
		break;
	default:
		ap_str_adds(how, "(hidden)");
	}
	while (how->n && how->s[how->n - 1] == ' ')
		how->s[--how->n] = '\0';
}

struct ap_err *ap_show_path(struct ap_ctx *ctx, struct ap_study *study, const ap_path *path,
			    bool all, struct ap_shown_path *ret)
{
	const struct ap_graph *g = study->graph;
	AP_STR_AUTO how = {0};

	AP_TRY(ap_study_scopes(study));
	for (size_t i = 0; i < path->n; i++) {
		const struct ap_step *step = &path->at[i];
		bool last = i + 1 == path->n;
		bool root = g->types[step->to] == AP_NODE_SYNTHETIC;

		/* "(GC roots)" itself says nothing. */
		if (root && !all && !last && g->types[path->at[i + 1].to] == AP_NODE_SYNTHETIC)
			continue;
		if (!root || all)
			add_edge(ctx, study, step, &how);
		if (!all && !root && !last && !ap_node_is_visible(g, step->to) && !step->repeats)
			continue;
		const struct ap_shown_step shown = {
			.how = ap_str_text(&how, ctx->arena),
			.what = ap_node_label(ctx, g, step->to),
			.node = step->to,
			.repeats = step->repeats,
		};
		if (!ap_vec_push(ctx->arena, &ret->steps, shown))
			return &ap_err_nomem;
		ap_str_clear(&how);
	}
	return NULL;
}

void ap_print_path(struct ap_ctx *ctx, const struct ap_study *study,
		   const struct ap_shown_path *path, int indent)
{
	for (size_t i = 0; i < path->steps.n; i++) {
		const struct ap_shown_step *s = &path->steps.at[i];

		ap_out_f(ctx->out, "%*s", indent + (i ? 2 : 0), "");
		if (s->how.n) {
			ap_out_styled_text(ctx->out, AP_STYLE_NAME, s->how);
			ap_out_s(ctx->out, "  ");
		}
		ap_out_text(ctx->out, s->what);
		if (study->graph->types[s->node] != AP_NODE_SYNTHETIC) {
			ap_out_s(ctx->out, " ");
			ap_out_styled(ctx->out, AP_STYLE_DIM, "%s",
				      ap_node_id_text(ctx, study->graph, s->node));
		}
		if (s->repeats)
			ap_out_f(ctx->out, "  (and %u more like it)", s->repeats);
		ap_out_s(ctx->out, "\n");
	}
}

void ap_json_path(struct ap_json *j, const struct ap_study *study, const char *key,
		  const ap_path *path)
{
	const struct ap_graph *g = study->graph;

	ap_json_array(j, key);
	for (size_t i = 0; i < path->n; i++) {
		const struct ap_step *step = &path->at[i];
		struct ap_edge e = ap_edge_at(g, step->from, step->edge);

		ap_json_object(j, NULL);
		ap_json_cstr(j, "edge", ap_edge_type_name(ap_edge_type(e)));
		if (ap_edge_is_numbered(e)) {
			ap_json_null(j, "edge_name");
			ap_json_uint(j, "edge_index", e.name);
		} else {
			ap_json_text(j, "edge_name", ap_edge_name(g, e));
			ap_json_null(j, "edge_index");
		}
		ap_json_text(j, "script",
			     ap_edge_type(e) == AP_EDGE_CONTEXT && study->scopes &&
					     study->scopes[step->from] != AP_NO_NODE
				     ? ap_closure_script(g, study->scopes[step->from])
				     : (struct ap_text){0});
		ap_json_uint(j, "repeats", step->repeats);
		ap_json_object(j, "node");
		ap_json_node(j, study, step->to);
		ap_json_end_object(j);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}
