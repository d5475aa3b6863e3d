/*
 * JSGeneratorObject and what derives from it (src/objects/js-generator.tq): continuation is -2
 * while it runs, -1 once it is closed, else the place in the bytecode; 0 before the first step.
 * While suspended, input_or_debug_pos is the bytecode offset.
 */
#include "v8/builtin.h"

enum { EXECUTING = -2, CLOSED = -1 };

bool ap_generator_read(struct ap_v8 *v8, ap_tagged generator, struct ap_arena *arena,
		       struct ap_generator *ret)
{
	struct ap_generator g = {0};
	struct ap_function_info info;
	int32_t continuation, position = -1;

	if (!ap_v8_smi(v8, generator, F(v8, GENERATOR_CONTINUATION), &continuation) ||
	    !ap_v8_word(v8, generator, F(v8, GENERATOR_FUNCTION), &g.function) ||
	    !ap_v8_word(v8, generator, F(v8, GENERATOR_RECEIVER), &g.receiver))
		return false;
	bool is_async_function = ap_v8_is(v8, generator, AP_F_T_JS_ASYNC_FUNCTION);

	if (is_async_function)
		(void)ap_v8_word(v8, generator, F(v8, ASYNC_FUNCTION_PROMISE), &g.promise);
	g.name = ap_function_debug_name(v8, g.function, arena);
	bool known = ap_function_info(v8, g.function, arena, &info);

	if (continuation == EXECUTING)
		g.state = AP_GENERATOR_RUNNING;
	else if (continuation == CLOSED)
		g.state = AP_GENERATOR_CLOSED;
	else if (continuation == 0 && !is_async_function)
		g.state = AP_GENERATOR_START; /* an async function runs up to its first await at
						 once */
	else
		g.state = AP_GENERATOR_SUSPENDED;
	/* The first suspension stands at the function's start, before the parameters are bound. */
	if (g.state == AP_GENERATOR_SUSPENDED)
		(void)ap_generator_position(v8, generator, &position);
	else if (g.state != AP_GENERATOR_CLOSED && known)
		position = info.start;
	if (known && info.script && g.state != AP_GENERATOR_CLOSED &&
	    !ap_script_place(v8, info.script, position, arena, &g.place))
		g.place.script = ap_script_name(v8, info.script, arena);
	*ret = g;
	return true;
}
