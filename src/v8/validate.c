/*
 * Does the profile fit this core? Every group is tried on real objects before a command relies on
 * it.
 *
 * The samples are the read-only and strong roots and what the native context holds: hundreds of
 * maps, strings and functions that exist in every process and cost no scan of the heap.
 */
#include "v8/frame.h"
#include "v8/interpreter.h"
#include "v8/property.h"
#include "v8/v8_private.h"

enum {
	MAX_ROOTS = 1500,
	MAX_SLOTS = 600,
	MAX_FRAMES = 200,
	MAX_NAMES = 64,
	MIN_SAMPLES = 50,
	FEW_SAMPLES = 3
};

static void validate_root(struct ap_v8 *v8, ap_tagged w)
{
	struct ap_profile *p = &v8->profile;
	struct ap_map_info map;

	if (!ap_is_object(w))
		return;
	/* Hole payloads and the like are not dumped: only what can be read is judged. */
	uint64_t map_word;
	if (!ap_v8_word(v8, w, 0, &map_word))
		return;
	bool ok = ap_v8_map(v8, w, &map);
	ap_profile_sample(p, AP_G_MAPS, ok);
	if (ok && ap_type_is_string(v8, map.type)) {
		AP_STR_AUTO text = {0};
		uint32_t units;

		ap_profile_sample(
			p, AP_G_STRINGS,
			ap_v8_string_length(v8, w, &units) &&
				ap_v8_string_range(v8, w, 0, units < 4096 ? units : 4096, &text));
	}
}

/* A ScopeInfo's parts must add up: names that are strings, positions inside the source. */
static bool scope_is_sound(struct ap_v8 *v8, ap_tagged scope_info, ap_tagged script)
{
	struct ap_scope_info scope;
	uint32_t units;
	ap_tagged name;

	if (!ap_scope_info_read(v8, scope_info, &scope))
		return false;
	for (int i = 0; i < scope.n_locals && i < MAX_NAMES; i++) {
		if (!ap_scope_local_name(v8, &scope, i, &name) ||
		    !ap_type_is_string(v8, ap_v8_type(v8, name)))
			return false;
	}
	if (scope.function_name && !ap_type_is_string(v8, ap_v8_type(v8, scope.function_name)))
		return false;
	if (scope.inferred_name && !ap_type_is_string(v8, ap_v8_type(v8, scope.inferred_name)) &&
	    !ap_v8_is_undefined(v8, scope.inferred_name))
		return false;
	return !script || !ap_script_length(v8, script, &units) ||
	       (scope.start >= 0 && scope.start <= scope.end && (uint32_t)scope.end <= units);
}

static void validate_bytecode(struct ap_v8 *v8, ap_tagged bytecode)
{
	ap_profile_sample(&v8->profile, AP_G_BYTECODE,
			  ap_bytecode_positions_plausible(v8, bytecode));
	if (v8->tables.bytecode_sizes)
		ap_profile_sample(&v8->profile, AP_G_LOCALS,
				  ap_bytecode_stores_plausible(v8, bytecode));
}

static void validate_function(struct ap_v8 *v8, ap_tagged function, struct ap_arena *arena)
{
	struct ap_profile *p = &v8->profile;
	struct ap_function_info info;
	uint64_t shared;

	bool ok = ap_v8_word(v8, function, F(v8, FUNCTION_SHARED), &shared) &&
		  ap_function_info(v8, function, arena, &info);
	ap_profile_sample(p, AP_G_FUNCTIONS, ok);
	ap_profile_sample(p, AP_G_TYPES, ok && ap_v8_is(v8, shared, AP_F_T_SHARED_FUNCTION_INFO));
	if (!ok)
		return;
	if (info.scope_info)
		ap_profile_sample(p, AP_G_SCOPES, scope_is_sound(v8, info.scope_info, info.script));
	if (info.bytecode)
		validate_bytecode(v8, info.bytecode);
}

/* Own properties of what the native context holds: constructors, prototypes, the global object. */
static void validate_object(struct ap_v8 *v8, ap_tagged object)
{
	struct ap_own_iter iter;
	struct ap_own own;
	bool readable = true;

	if (!ap_own_begin(v8, object, &iter))
		return;
	while (ap_own_next(&iter, &own))
		readable = readable && (own.kind != AP_OWN_DATA || own.readable);
	ap_profile_sample(&v8->profile, AP_G_OBJECTS, readable && !iter.broken);
}

/*
 * The frames from the last exit outwards. What the interpreter's trampoline called must be an
 * interpreted frame; a compiled frame stands at a call, so its place must be known. Others (regular
 * expressions, WebAssembly) have shapes of their own and prove nothing.
 */
static void validate_frames(struct ap_v8 *v8, const struct ap_isolate *isolate,
			    struct ap_arena *arena)
{
	struct ap_profile *p = &v8->profile;
	ap_addr fp = isolate->c_entry_fp;

	for (int i = 0; i < MAX_FRAMES && fp; i++) {
		ap_v8_frame_vec frames = {0};
		uint64_t caller, pc;
		const char *builtin;

		if (!ap_image_u64(v8->image, fp, &caller) ||
		    !ap_image_u64(v8->image, fp + 8, &pc) || caller <= fp)
			break;
		fp = caller;
		builtin = ap_builtin_name(v8, pc, arena);
		if (!builtin && ap_image_module_at(v8->image, pc))
			continue; /* C++ between two entries into JavaScript */
		struct ap_err *err = ap_v8_frame_decode(v8, fp, pc, false, arena, &frames);
		if (err) {
			ap_err_free(err);
			break;
		}
		if (!frames.n)
			continue;
		const struct ap_v8_frame *f = &frames.at[0];
		if (builtin && strcmp(builtin, "InterpreterEntryTrampoline") == 0)
			ap_profile_sample(p, AP_G_FRAMES, f->kind == AP_V8_FRAME_INTERPRETED);
		if (f->function)
			validate_function(v8, f->function, arena);
		if (f->kind == AP_V8_FRAME_MAGLEV || f->kind == AP_V8_FRAME_TURBOFAN)
			ap_profile_sample(p, AP_G_CODE, f->offset >= 0);
		if (f->bytecode)
			validate_bytecode(v8, f->bytecode);
	}
}

/* The slots of the native context: maps, functions, prototypes. */
static void validate_native_context(struct ap_v8 *v8, ap_tagged native, struct ap_arena *arena)
{
	uint32_t n;

	if (!ap_v8_array_length(v8, native, &n))
		return;
	for (uint32_t i = 0; i < n && i < MAX_SLOTS; i++) {
		uint64_t w;

		if (!ap_v8_array_at(v8, native, i, &w) || !ap_is_object(w))
			continue;
		int type = ap_v8_type(v8, w);
		if (ap_type_is_function(v8, type))
			validate_function(v8, w, arena);
		if (ap_type_is_receiver(v8, type))
			validate_object(v8, w);
	}
}

static void validate_isolate(struct ap_v8 *v8, const struct ap_isolate *isolate,
			     struct ap_arena *arena)
{
	unsigned misses = 0;
	ap_tagged native;

	for (unsigned k = 0; k < MAX_ROOTS && misses < 5; k++) {
		uint64_t w;

		if (!ap_image_u64(v8->image,
				  isolate->address + (uint64_t)F(v8, ISOLATE_ROOTS) + 8ull * k, &w))
			break;
		/* The table ends where words stop being objects; Smi roots follow it. */
		if (!ap_is_object(w) || ap_v8_type(v8, w) < 0) {
			misses++;
			continue;
		}
		misses = 0;
		validate_root(v8, w);
	}
	if (ap_isolate_native_context(v8, isolate, &native))
		validate_native_context(v8, native, arena);
	validate_frames(v8, isolate, arena);
}

/* Whether samples that fit say more than those of an isolate that do not: by their number. */
static bool outweighs(const struct ap_group_state *fits, const struct ap_group_state *other)
{
	return fits->checked >= MIN_SAMPLES ||
	       (fits->checked >= FEW_SAMPLES && fits->checked >= other->checked);
}

/*
 * All isolates are of one V8: where the samples of one fit and those of another do not, the other
 * is damaged, or a worker that was being taken down, and says nothing of the layout.
 */
static void judge_isolate(struct ap_group_state *sum, const struct ap_group_state *one)
{
	bool sum_fits = ap_samples_fit(sum->checked, sum->good),
	     one_fits = ap_samples_fit(one->checked, one->good);

	if (sum_fits && !one_fits && outweighs(sum, one))
		return;
	if (one_fits && !sum_fits && outweighs(one, sum))
		sum->checked = sum->good = 0;
	sum->checked += one->checked;
	sum->good += one->good;
}

void ap_v8_validate(struct ap_v8 *v8)
{
	struct ap_group_state sum[AP_N_GROUPS] = {0};
	struct ap_arena arena;

	ap_arena_init(&arena, 64 << 20);
	for (size_t i = 0; i < v8->isolates.n; i++) {
		validate_isolate(v8, &v8->isolates.at[i], &arena);
		for (size_t k = 0; k < AP_N_GROUPS; k++) {
			struct ap_group_state *g = &v8->profile.groups[k];

			judge_isolate(&sum[k], g);
			g->checked = g->good = 0;
		}
	}
	for (size_t k = 0; k < AP_N_GROUPS; k++) {
		v8->profile.groups[k].checked = sum[k].checked;
		v8->profile.groups[k].good = sum[k].good;
	}
	ap_arena_close(&arena);
	ap_profile_judge(&v8->profile, &v8->arena);
}
