/* The words of the JSON contract for the model's enums. */
#include "model/activity.h"

const char *ap_type_name(enum ap_type type)
{
	static const char *const names[] = {
#define X(id, name) [AP_T_##id] = (name),
		AP_TYPES(X)
#undef X
	};

	return names[type];
}

const char *ap_frame_kind_name(enum ap_frame_kind kind)
{
	switch (kind) {
	case AP_FRAME_JS:
		return "js";
	case AP_FRAME_NATIVE:
		return "native";
	case AP_FRAME_BUILTIN:
		return "builtin";
	case AP_FRAME_INTERNAL:
		return "internal";
	case AP_FRAME_ASYNC:
		return "async";
	}
	return NULL;
}

const char *ap_tier_name(enum ap_tier tier)
{
	switch (tier) {
	case AP_TIER_NONE:
		return NULL;
	case AP_TIER_INTERPRETED:
		return "interpreted";
	case AP_TIER_BASELINE:
		return "baseline";
	case AP_TIER_MAGLEV:
		return "maglev";
	case AP_TIER_TURBOFAN:
		return "turbofan";
	}
	return NULL;
}

const char *ap_thread_role_name(enum ap_thread_role role)
{
	switch (role) {
	case AP_ROLE_MAIN:
		return "main";
	case AP_ROLE_WORKER:
		return "worker";
	case AP_ROLE_NATIVE:
		return "native";
	}
	return NULL;
}

const char *ap_scope_kind_name(enum ap_scope_kind kind)
{
	switch (kind) {
	case AP_SCOPE_LOCAL:
		return "local";
	case AP_SCOPE_CLOSURE:
		return "closure";
	case AP_SCOPE_BLOCK:
		return "block";
	case AP_SCOPE_CATCH:
		return "catch";
	case AP_SCOPE_CLASS:
		return "class";
	case AP_SCOPE_EVAL:
		return "eval";
	case AP_SCOPE_MODULE:
		return "module";
	case AP_SCOPE_SCRIPT:
		return "script";
	case AP_SCOPE_WITH:
		return "with";
	case AP_SCOPE_GLOBAL:
		return "global";
	}
	return NULL;
}

const char *ap_verdict_kind_name(enum ap_verdict_kind kind)
{
	switch (kind) {
	case AP_VERDICT_UNCAUGHT_ERROR:
		return "uncaught-error";
	case AP_VERDICT_UNHANDLED_REJECTION:
		return "unhandled-rejection";
	case AP_VERDICT_OUT_OF_HEAP:
		return "out-of-heap";
	case AP_VERDICT_ABORT:
		return "abort";
	case AP_VERDICT_SIGNAL:
		return "signal";
	case AP_VERDICT_LIVE:
		return "live";
	case AP_VERDICT_UNKNOWN:
		return "unknown";
	}
	return NULL;
}

const char *ap_certainty_name(enum ap_certainty certainty)
{
	switch (certainty) {
	case AP_CERTAIN:
		return "certain";
	case AP_LIKELY:
		return "likely";
	case AP_GUESS:
		return "guess";
	}
	return NULL;
}

const char *ap_timer_kind_name(enum ap_timer_kind kind)
{
	switch (kind) {
	case AP_TIMER_KIND_TIMEOUT:
		return "timeout";
	case AP_TIMER_KIND_INTERVAL:
		return "interval";
	case AP_TIMER_KIND_IMMEDIATE:
		return "immediate";
	}
	return NULL;
}
