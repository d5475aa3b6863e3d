#include "node/handles.h"

#include "v8/property.h"

enum { MAX_TEXT = 4096, MAX_WRAPPERS = 4 };

static struct ap_text own_text(struct ap_v8 *v8, ap_tagged object, const char *name,
			       struct ap_arena *arena)
{
	struct ap_own own;

	if (!ap_own_find(v8, object, name, &own) || own.kind != AP_OWN_DATA || !own.readable ||
	    own.slot.is_raw_double)
		return (struct ap_text){NULL, 0};
	return ap_v8_text(v8, own.slot.tagged, MAX_TEXT, arena);
}

static bool own_number(struct ap_v8 *v8, ap_tagged object, const char *name, int *ret)
{
	struct ap_own own;
	double n;

	if (!ap_own_find(v8, object, name, &own) || own.kind != AP_OWN_DATA || !own.readable)
		return false;
	if (own.slot.is_raw_double)
		n = own.slot.number;
	else if (!ap_v8_number(v8, own.slot.tagged, &n))
		return false;
	if (!(n >= 0 && n <= INT32_MAX))
		return false;
	*ret = (int)n;
	return true;
}

static bool own_object(struct ap_v8 *v8, ap_tagged object, const char *name, ap_tagged *ret)
{
	struct ap_own own;

	if (!ap_own_find(v8, object, name, &own) || own.kind != AP_OWN_DATA || !own.readable ||
	    own.slot.is_raw_double || !ap_type_is_receiver(v8, ap_v8_type(v8, own.slot.tagged)))
		return false;
	*ret = own.slot.tagged;
	return true;
}

/* {address, family, port}, as getsockname() and getpeername() fill them in. */
static void endpoint_of(struct ap_v8 *v8, ap_tagged owner, const char *name, struct ap_arena *arena,
			struct ap_node_endpoint *ret)
{
	ap_tagged object;

	if (!own_object(v8, owner, name, &object))
		return;
	ret->address = own_text(v8, object, "address", arena);
	(void)own_number(v8, object, "port", &ret->port);
}

/* A server's _connectionKey: "4:127.0.0.1:8080", "6::::8080"; port 0 is whatever the kernel chose.
 */
static void listening_on(struct ap_text key, struct ap_node_endpoint *ret)
{
	const char *colon;
	int port = 0;

	if (key.n < 4 || (key.s[0] != '4' && key.s[0] != '6') || key.s[1] != ':')
		return;
	colon = memrchr(key.s + 2, ':', key.n - 2);
	if (!colon || colon == key.s + 2)
		return;
	for (const char *p = colon + 1; p < key.s + key.n; p++) {
		if (*p < '0' || *p > '9' || port > 65535)
			return;
		port = 10 * port + (*p - '0');
	}
	ret->address = (struct ap_text){key.s + 2, (size_t)(colon - key.s - 2)};
	ret->port = port ? port : -1;
}

struct ap_err *ap_node_handle_next(struct ap_node_wraps *list, struct ap_arena *arena,
				   struct ap_node_handle *ret, bool *ret_more)
{
	struct ap_node_handle h = {.local.port = -1, .remote.port = -1};
	struct ap_v8 *v8 = list->env->v8;

	*ret_more = ap_node_wraps_next(list, &h.wrap);
	if (!*ret_more)
		return NULL;
	h.has_uv = ap_uv_handle_of(v8->image, h.wrap.address, list->env->loop, arena, &h.uv);
	if (h.wrap.object) {
		h.owner = ap_node_owner(v8, h.wrap.object);
		endpoint_of(v8, h.owner, "_sockname", arena, &h.local);
		endpoint_of(v8, h.owner, "_peername", arena, &h.remote);
		h.host = own_text(v8, h.owner, "_host", arena);
		if (!h.local.address.s)
			listening_on(own_text(v8, h.owner, "_connectionKey", arena), &h.local);
		h.command = own_text(v8, h.owner, "spawnfile", arena);
	}
	*ret = h;
	return NULL;
}

static bool is_function(struct ap_v8 *v8, ap_tagged value)
{
	return ap_type_is_function(v8, ap_v8_type(v8, value)) ||
	       ap_v8_is(v8, value, AP_F_T_JS_BOUND_FUNCTION);
}

/* Node's own scripts are "node:fs"; natives have none. */
static bool is_internal(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena)
{
	struct ap_function_info info;
	struct ap_text script;

	if (!ap_function_info(v8, function, arena, &info) || !info.script)
		return true;
	script = ap_script_name(v8, info.script, arena);
	return script.n >= 5 && memcmp(script.s, "node:", 5) == 0;
}

ap_tagged ap_node_callback(struct ap_v8 *v8, ap_tagged function, ap_tagged request,
			   struct ap_arena *arena)
{
	static const char *const variables[] = {"cb", "callback", "listener"};
	ap_tagged found = function, next, context;

	for (int step = 0; step < MAX_WRAPPERS; step++) {
		if (ap_v8_is(v8, found, AP_F_T_JS_BOUND_FUNCTION)) {
			if (!ap_v8_word(v8, found, F(v8, BOUND_TARGET), &next) ||
			    !is_function(v8, next))
				break;
			found = next;
			continue;
		}
		if (!is_internal(v8, found, arena))
			return found;
		next = 0;
		for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && !next; i++) {
			if (!ap_node_closure_variable(v8, found, variables[i], &next) ||
			    !is_function(v8, next) || next == found)
				next = 0;
		}
		/* fs.readFile keeps it in a context object, dns.lookup in the request itself. */
		if (!next && request && own_object(v8, request, "context", &context) &&
		    (!own_object(v8, context, "callback", &next) || !is_function(v8, next)))
			next = 0;
		if (!next && request &&
		    (!own_object(v8, request, "callback", &next) || !is_function(v8, next)))
			next = 0;
		request = 0;
		if (!next)
			break;
		found = next;
	}
	return found;
}

struct ap_err *ap_node_request_next(struct ap_node_wraps *list, struct ap_arena *arena,
				    struct ap_node_request *ret, bool *ret_more)
{
	struct ap_node_request r = {.remote.port = -1};
	struct ap_v8 *v8 = list->env->v8;

	*ret_more = ap_node_wraps_next(list, &r.wrap);
	if (!*ret_more)
		return NULL;
	r.has_uv = ap_uv_request_of(v8->image, r.wrap.address, arena, &r.uv);
	if (r.wrap.object) {
		r.owner = ap_node_owner(v8, r.wrap.object);
		if (own_object(v8, r.wrap.object, "oncomplete", &r.callback))
			r.callback = ap_node_callback(v8, r.callback, r.wrap.object, arena);
		r.remote.address = own_text(v8, r.wrap.object, "address", arena);
		(void)own_number(v8, r.wrap.object, "port", &r.remote.port);
		if (!r.uv.host.s)
			r.uv.host = own_text(v8, r.wrap.object, "hostname", arena);
	}
	*ret = r;
	return NULL;
}
