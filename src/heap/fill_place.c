/* Where each object's function was written: V8HeapExplorer::ExtractLocation. */
#include "heap/fill.h"
#include "v8/function.h"

/* A definition's place in the graph, looked up once for all its closures and objects; 0: it has
 * none. */
static uint32_t place_of(struct ap_fill *f, ap_tagged shared)
{
	struct ap_function_info info;
	struct ap_place place;
	uint32_t known = 0;
	int32_t id;

	if (ap_map64_get(&f->places, shared, &known))
		return known;
	if (ap_shared_info(f->v8, shared, &f->arena, &info) && info.script &&
	    ap_v8_smi(f->v8, info.script, F(f->v8, SCRIPT_ID), &id) &&
	    ap_script_place(f->v8, info.script, info.start, &f->arena, &place) && place.line > 0 &&
	    place.column > 0) {
		known = ap_graph_add_place(
			&f->builder, (struct ap_location){(uint32_t)id, (uint32_t)place.line - 1,
							  (uint32_t)place.column - 1});
		f->failed |= !known;
	}
	f->failed |= !ap_map64_put(&f->places, shared, known);
	return known;
}

static bool is_generator(const struct ap_v8 *v8, int type)
{
	return type == F(v8, T_JS_GENERATOR) || type == F(v8, T_JS_ASYNC_GENERATOR) ||
	       type == F(v8, T_JS_ASYNC_FUNCTION);
}

void ap_fill_place(struct ap_fill *f, const struct ap_body *body, const struct ap_shape *shape,
		   ap_tagged constructor, uint32_t node)
{
	const struct ap_v8 *v8 = f->v8;
	struct ap_body function = *body;
	uint32_t place;

	if (is_generator(v8, body->map->type))
		constructor = ap_body_word(body, F(v8, GENERATOR_FUNCTION));
	if (shape->kind != AP_FILL_FUNCTION &&
	    (!constructor || !ap_body_get(&f->bodies, constructor, &function) ||
	     !ap_type_is_function(v8, function.map->type)))
		return;
	ap_tagged shared = ap_body_word(&function, F(v8, FUNCTION_SHARED));
	if (!ap_is_object(shared))
		return;
	place = place_of(f, shared);
	if (place)
		f->failed |= !ap_graph_put_place(&f->builder, node, place);
}
