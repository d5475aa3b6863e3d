#include "node/environment.h"

#include "node/loop.h"
#include "v8/property.h"

enum {
	LOOP_TIME = 544,          /* uv_loop_t.time in ms; the same in Node 12 to 26 */
	LIST_NEXT = 8,            /* ListNode {prev, next} */
	ENVIRONMENT_BYTES = 8192, /* more than any Environment or Realm has; both end in mapped
				     memory */
	MAX_WRAPS = 1 << 22,
	MAX_OWNERS = 8,
	MAX_LEVELS = 16,
};

static const enum ap_fact_id needed[] = {
	AP_F_NODE_ENVIRONMENT_INDEX, AP_F_NODE_HANDLE_QUEUE, AP_F_NODE_REQUEST_QUEUE,
	AP_F_NODE_HANDLE_NODE,       AP_F_NODE_REQUEST_NODE, AP_F_NODE_PERSISTENT,
};

/* A list head or node is proven by the link back. */
static bool is_list_node(const struct ap_image *image, ap_addr node, ap_addr *ret_next)
{
	ap_addr next, prev, back;

	if (!ap_image_u64(image, node, &prev) || !ap_image_u64(image, node + LIST_NEXT, &next) ||
	    !ap_image_u64(image, next, &back) || back != node ||
	    !ap_image_u64(image, prev + LIST_NEXT, &back) || back != node)
		return false;
	*ret_next = next;
	return true;
}

/* The handles that are part of the Environment tell its loop, and one of them is the timer. */
static void find_loop(struct ap_node_env *env)
{
	const struct ap_image *image = env->v8->image;

	for (int64_t at = 0; at < ENVIRONMENT_BYTES; at += 8) {
		ap_addr loop;
		unsigned type;

		if (!ap_uv_is_linked_handle(image, env->address + (uint64_t)at, &loop, &type) ||
		    (env->loop && loop != env->loop))
			continue;
		env->loop = loop;
		if (type == AP_UV_TIMER && !env->timer)
			env->timer = env->address + (uint64_t)at;
		if (env->timer)
			return;
	}
}

struct ap_err *ap_node_environment(struct ap_v8 *v8, const struct ap_isolate *isolate,
				   struct ap_node_env *ret)
{
	struct ap_node_env env = {.v8 = v8, .isolate = isolate};
	ap_tagged native;
	ap_addr next;
	uint64_t data;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!ap_has_fact(v8, needed[i]))
			return ap_err_hint(
				ap_err_new(
					AP_E_LAYOUT,
					"this Node does not say where its handles are: the symbol %s is missing",
					ap_fact_symbol(needed[i])),
				"give the unstripped program of the same build: autopsy NODE CORE");
	}
	if (!ap_isolate_native_context(v8, isolate, &native) ||
	    !ap_v8_word(v8, native, F(v8, CONTEXT_EMBEDDER_DATA), &data) ||
	    !ap_v8_is(v8, data, AP_F_T_EMBEDDER_DATA_ARRAY) ||
	    !ap_v8_array_at(v8, data, (uint64_t)F(v8, NODE_ENVIRONMENT_INDEX), &env.address) ||
	    !is_list_node(v8->image, env.address + (uint64_t)F(v8, NODE_HANDLE_QUEUE), &next) ||
	    !is_list_node(v8->image, env.address + (uint64_t)F(v8, NODE_REQUEST_QUEUE), &next))
		return ap_err_hint(
			ap_err_new(AP_E_NOTFOUND,
				   "no node::Environment was found for the isolate at 0x%llx",
				   (unsigned long long)isolate->address),
			"`profile` shows the facts of the group node; a thread that is just starting or ending has none");
	env.native_context = native;
	find_loop(&env);
	*ret = env;
	return NULL;
}

static void wraps_begin(const struct ap_node_env *env, enum ap_fact_id queue, enum ap_fact_id node,
			struct ap_node_wraps *ret)
{
	struct ap_profile *profile = &env->v8->profile;
	struct ap_node_wraps list = {.env = env, .left = MAX_WRAPS};

	list.head = env->address + (uint64_t)profile->facts[queue].value;
	list.offset = profile->facts[node].value;
	if (!is_list_node(env->v8->image, list.head, &list.node)) {
		list.node = list.head;
		list.broken = true;
	}
	*ret = list;
}

void ap_node_handles_begin(const struct ap_node_env *env, struct ap_node_wraps *ret)
{
	wraps_begin(env, AP_F_NODE_HANDLE_QUEUE, AP_F_NODE_HANDLE_NODE, ret);
}

void ap_node_requests_begin(const struct ap_node_env *env, struct ap_node_wraps *ret)
{
	wraps_begin(env, AP_F_NODE_REQUEST_QUEUE, AP_F_NODE_REQUEST_NODE, ret);
}

bool ap_node_wraps_next(struct ap_node_wraps *list, struct ap_node_wrap *ret)
{
	struct ap_v8 *v8 = list->env->v8;
	struct ap_node_wrap wrap = {0};
	ap_addr slot;

	if (list->node == list->head)
		return false;
	if (!list->left--) {
		list->broken = true;
		return false;
	}
	wrap.address = list->node - (uint64_t)list->offset;
	if (!is_list_node(v8->image, list->node, &list->node) ||
	    !ap_image_u64(v8->image, wrap.address, &wrap.vtable)) {
		list->broken = true;
		return false;
	}
	/* The persistent handle is a pointer to a slot of V8's global handles. */
	if (ap_image_u64(v8->image, wrap.address + (uint64_t)F(v8, NODE_PERSISTENT), &slot) &&
	    slot &&
	    (!ap_image_u64(v8->image, slot, &wrap.object) ||
	     !ap_type_is_receiver(v8, ap_v8_type(v8, wrap.object))))
		wrap.object = 0;
	*ret = wrap;
	return true;
}

bool ap_node_loop_time(const struct ap_node_env *env, uint64_t *ret_ms)
{
	return env->loop && ap_image_u64(env->v8->image, env->loop + LOOP_TIME, ret_ms);
}

bool ap_node_symbol_value(struct ap_v8 *v8, ap_tagged object, const char *description,
			  ap_tagged *ret)
{
	struct ap_own_iter it;
	struct ap_own own;

	if (!ap_own_begin(v8, object, &it))
		return false;
	while (ap_own_next(&it, &own)) {
		uint64_t name;

		if (own.kind == AP_OWN_DATA && own.readable && !own.slot.is_raw_double &&
		    ap_v8_is(v8, own.key, AP_F_T_SYMBOL) &&
		    ap_v8_word(v8, own.key, F(v8, SYMBOL_NAME), &name) &&
		    ap_v8_text_equals(v8, name, description)) {
			*ret = own.slot.tagged;
			return true;
		}
	}
	return false;
}

ap_tagged ap_node_owner(struct ap_v8 *v8, ap_tagged object)
{
	ap_tagged owner;

	for (int i = 0;
	     i < MAX_OWNERS && ap_node_symbol_value(v8, object, "owner_symbol", &owner) &&
	     ap_type_is_receiver(v8, ap_v8_type(v8, owner));
	     i++)
		object = owner;
	return object;
}

bool ap_node_closure_variable(struct ap_v8 *v8, ap_tagged function, const char *name,
			      ap_tagged *ret)
{
	uint64_t context;

	if (!ap_v8_word(v8, function, F(v8, FUNCTION_CONTEXT), &context))
		return false;
	for (int level = 0; level < MAX_LEVELS; level++) {
		struct ap_scope_info scope;
		ap_tagged info, text;
		struct ap_slot slot;

		if (!ap_context_scope_info(v8, context, &info) ||
		    !ap_scope_info_read(v8, info, &scope))
			return false;
		for (int i = 0; i < scope.n_locals; i++) {
			if (ap_scope_local_name(v8, &scope, i, &text) &&
			    ap_v8_text_equals(v8, text, name) &&
			    ap_context_value(v8, context, ap_scope_first_slot(v8, &scope) + i,
					     &slot) &&
			    !slot.is_raw_double) {
				*ret = slot.tagged;
				return true;
			}
		}
		if (!ap_context_previous(v8, context, &context))
			return false;
	}
	return false;
}

/* Looks at every word of a C++ object that is a persistent handle of a function. */
static bool search_persistents(const struct ap_node_env *env, ap_addr object, const char *name,
			       ap_tagged *ret)
{
	struct ap_v8 *v8 = env->v8;

	for (uint64_t at = 8; at < ENVIRONMENT_BYTES; at += 8) {
		ap_addr slot;
		ap_tagged function, native, value;

		if (!ap_image_u64(v8->image, object + at, &slot))
			return false;
		if (!(slot & 7) && slot > 4096 && ap_image_u64(v8->image, slot, &function) &&
		    ap_is_object(function) && ap_v8_is(v8, function, AP_F_T_JS_FUNCTION) &&
		    /* Pointers lead from a worker's Environment to its parent's. */
		    ap_native_context_of(v8, function, &native) && native == env->native_context &&
		    ap_node_closure_variable(v8, function, name, &value) && ap_is_object(value)) {
			*ret = value;
			return true;
		}
	}
	return false;
}

bool ap_node_internal_variable(const struct ap_node_env *env, const char *name, ap_tagged *ret)
{
	const struct ap_image *image = env->v8->image;

	if (search_persistents(env, env->address, name, ret))
		return true;
	/* Node 20 and later keep them in a Realm, to which the Environment points; its first word
	 * is a vtable. */
	for (uint64_t at = 8; at < ENVIRONMENT_BYTES; at += 8) {
		ap_addr object, vtable, back;

		if (!ap_image_u64(image, env->address + at, &object))
			return false;
		if (object & 7 || object == env->address || !ap_image_u64(image, object, &vtable) ||
		    ap_image_module_at(image, vtable) != env->v8->module ||
		    !ap_image_u64(image, object + 8, &back))
			continue;
		if (search_persistents(env, object, name, ret))
			return true;
	}
	return false;
}
