#include "v8/profile.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N_LINES = 6, NO = AP_FACT_NONE, MIN_SAMPLES_OF_GUESSES = 5 };

static const struct fact_row {
	const char *name;
	enum ap_fact_group group;
	const char *symbol;
	int32_t value[N_LINES];
} rows[AP_N_FACTS] = {
#define FACT(id, group, symbol, ...) [AP_F_##id] = {#id, AP_G_##group, symbol, {__VA_ARGS__}},
#include "v8/facts.def"
#undef FACT
};

static const struct {
	const char *name;
	int major, minor;
} lines[N_LINES] = {
	{"9.4", 9, 4},   {"10.2", 10, 2}, {"11.3", 11, 3},
	{"12.4", 12, 4}, {"13.6", 13, 6}, {"14.6", 14, 6},
};

/* Facts in which the metadata is known to be wrong: a dispute is settled for the table. */
static const enum ap_fact_id table_wins[] = {
	AP_F_EMBEDDER_FIELDS, /* a TCP handle's field 0 in 13.6 and 14.6 points to its TCPWrap at 32
				 only */
};

const char *ap_fact_name(enum ap_fact_id id)
{
	return rows[id].name;
}

const char *ap_fact_symbol(enum ap_fact_id id)
{
	return rows[id].symbol;
}

enum ap_fact_group ap_fact_group_of(enum ap_fact_id id)
{
	return rows[id].group;
}

const char *ap_fact_source_name(enum ap_fact_source source)
{
	switch (source) {
	case AP_FACT_UNKNOWN:
		return "unknown";
	case AP_FACT_METADATA:
		return "metadata";
	case AP_FACT_TABLE:
		return "table";
	case AP_FACT_NEAREST:
		return "nearest table";
	case AP_FACT_DISCOVERED:
		return "discovered";
	}
	return "unknown";
}

static const char *const group_names[][2] = {
#define X(id, name, what) [AP_G_##id] = {name, what},
	AP_FACT_GROUPS(X)
#undef X
};

const char *ap_group_name(enum ap_fact_group group)
{
	return group_names[group][0];
}

const char *ap_group_what(enum ap_fact_group group)
{
	return group_names[group][1];
}

const char *ap_table_line_name(int line)
{
	return lines[line].name;
}

/* Does `name` match one of the "|"-separated alternatives of `pattern`? Returns its rank, or -1. */
static int symbol_matches(const char *pattern, const char *name)
{
	for (int rank = 0;; rank++) {
		size_t n = strcspn(pattern, "|");
		bool prefix = n && pattern[n - 1] == '*';
		size_t cmp = prefix ? n - 1 : n;

		if (strncmp(pattern, name, cmp) == 0 && (prefix || name[cmp] == '\0'))
			return rank;
		if (!pattern[n])
			return -1;
		pattern += n + 1;
	}
}

struct symbol_scan {
	const struct ap_image *image;
	const struct ap_module *module;
	struct ap_profile *profile;
	int rank[AP_N_FACTS];
	struct ap_symbol version[4], version_string;
};

/* The int behind a symbol: from the core if it is there (nodedbg_* are set at start-up), else the
 * file. */
static bool symbol_int(const struct symbol_scan *scan, const struct ap_symbol *symbol, int32_t *ret)
{
	uint32_t v;
	const void *p;

	if (ap_image_u32(scan->image, symbol->value + scan->module->bias, &v)) {
		*ret = (int32_t)v;
		return true;
	}
	p = ap_elf_at(scan->module->elf, symbol->value, sizeof(v));
	if (!p)
		return false;
	memcpy(ret, p, sizeof(*ret));
	return true;
}

/*
 * The symbols' values come out of the dead program's memory: one that cannot be what its name says
 * is not taken, and the table says it instead.
 */
static bool plausible(enum ap_fact_id id, int32_t value)
{
	const char *name = ap_fact_name(id);
	size_t n = strlen(name);

	if (n > 6 && strcmp(name + n - 6, "_SHIFT") == 0)
		return value >= 0 && value < 32;
	if (n > 5 && strcmp(name + n - 5, "_MASK") == 0)
		return true;
	if (strncmp(name, "T_", 2) == 0)
		return value >= 0 && value <= UINT16_MAX;
	if (id == AP_F_MAP_INSTANCE_SIZE || id == AP_F_MAP_INOBJECT_START ||
	    id == AP_F_MAP_USED_SIZE || id == AP_F_MAP_INSTANCE_TYPE || id == AP_F_MAP_BIT_FIELD ||
	    id == AP_F_MAP_BIT_FIELD2 || id == AP_F_MAP_BIT_FIELD3)
		return value >= 8 && value <= 20; /* in the head that map.c reads at once */
	return value >= -4096 && value <= UINT16_MAX;
}

static bool scan_symbol(const struct ap_symbol *symbol, void *arg)
{
	static const char *const version_parts[] = {
		"_ZN2v88internal7Version6major_E", "_ZN2v88internal7Version6minor_E",
		"_ZN2v88internal7Version6build_E", "_ZN2v88internal7Version6patch_E"};
	struct symbol_scan *scan = arg;
	const char *name = symbol->name;

	if (name[0] == '_') {
		if (strncmp(name, "_ZN2v88internal7Version", 23) != 0)
			return true;
		for (size_t i = 0; i < 4; i++) {
			if (strcmp(name, version_parts[i]) == 0)
				scan->version[i] = *symbol;
		}
		if (strcmp(name, "_ZN2v88internal7Version15version_string_E") == 0)
			scan->version_string = *symbol;
		return true;
	}
	if (strncmp(name, "v8dbg_", 6) == 0)
		scan->profile->metadata = true;
	else if (strncmp(name, "nodedbg_", 8) != 0)
		return true;
	for (size_t i = 0; i < AP_N_FACTS; i++) {
		int rank = rows[i].symbol ? symbol_matches(rows[i].symbol, name) : -1;
		struct ap_fact *fact = &scan->profile->facts[i];
		int32_t value;

		if (rank < 0 || (fact->source == AP_FACT_METADATA && scan->rank[i] <= rank) ||
		    !symbol_int(scan, symbol, &value) || !plausible((enum ap_fact_id)i, value))
			continue;
		*fact = (struct ap_fact){.value = value, .source = AP_FACT_METADATA};
		scan->rank[i] = rank;
	}
	return true;
}

/* "12.4.254.21-node.57" somewhere in the constants of a binary without symbols. */
static void version_from_constants(const struct ap_module *module, struct ap_profile *profile,
				   struct ap_arena *arena)
{
	uint64_t bytes;
	const uint8_t *data = ap_elf_data(module->elf, &bytes);
	const uint8_t *end = data + bytes, *p = data;

	while (p < end && (p = memmem(p, (size_t)(end - p), "-node.", 6))) {
		const uint8_t *start = p, *stop = p + 6;
		int dots = 0;

		while (start > data && p - start < 24 && (isdigit(start[-1]) || start[-1] == '.'))
			dots += *--start == '.';
		while (stop < end && stop - p < 12 && isdigit(*stop))
			stop++;
		if (dots == 3 && stop < end && *stop == '\0') {
			profile->v8_version =
				ap_strndup(arena, (const char *)start, (size_t)(stop - start));
			if (profile->v8_version &&
			    sscanf(profile->v8_version, "%d.%d.%d.%d", &profile->v8_major,
				   &profile->v8_minor, &profile->v8_build, &profile->v8_patch) == 4)
				return;
		}
		p += 6;
	}
}

static void profile_version(struct symbol_scan *scan, struct ap_arena *arena)
{
	struct ap_profile *profile = scan->profile;
	int *const parts[] = {&profile->v8_major, &profile->v8_minor, &profile->v8_build,
			      &profile->v8_patch};
	uint64_t address;

	for (size_t i = 0; i < 4; i++) {
		int32_t v;

		if (scan->version[i].name && symbol_int(scan, &scan->version[i], &v) && v >= 0 &&
		    v < 100000)
			*parts[i] = v;
	}
	if (scan->version_string.name &&
	    ap_image_u64(scan->image, scan->version_string.value + scan->module->bias, &address))
		profile->v8_version = ap_image_cstr(scan->image, address, 64, arena);
	if (!profile->v8_major)
		version_from_constants(scan->module, profile, arena);
	if (!profile->v8_version || !profile->v8_version[0])
		profile->v8_version =
			ap_printf(arena, "%d.%d.%d.%d", profile->v8_major, profile->v8_minor,
				  profile->v8_build, profile->v8_patch);
}

static void profile_choose_line(struct ap_profile *profile)
{
	profile->table_line = 0;
	for (int i = 0; i < N_LINES; i++) {
		if (lines[i].major < profile->v8_major ||
		    (lines[i].major == profile->v8_major && lines[i].minor <= profile->v8_minor))
			profile->table_line = i;
	}
	profile->table_exact = lines[profile->table_line].major == profile->v8_major &&
			       lines[profile->table_line].minor == profile->v8_minor;
}

static bool fact_table_wins(enum ap_fact_id id)
{
	for (size_t i = 0; i < sizeof(table_wins) / sizeof(table_wins[0]); i++) {
		if (table_wins[i] == id)
			return true;
	}
	return false;
}

static void profile_merge_table(struct ap_profile *profile)
{
	for (size_t i = 0; i < AP_N_FACTS; i++) {
		struct ap_fact *fact = &profile->facts[i];
		int32_t value = rows[i].value[profile->table_line];

		if (fact->source == AP_FACT_UNKNOWN) {
			/* Instance types are renumbered with every V8: another line's number is
			 * worse than none. */
			if (!profile->table_exact && rows[i].group == AP_G_TYPES)
				continue;
			fact->value = value;
			if (value != AP_FACT_NONE)
				fact->source =
					profile->table_exact ? AP_FACT_TABLE : AP_FACT_NEAREST;
			continue;
		}
		/* For an unknown V8 the table is only a guess: it cannot dispute the metadata. */
		if (value == fact->value) {
			fact->confirmed = true;
			continue;
		}
		if (fact_table_wins(i)) {
			fact->other = fact->value;
			fact->value = value;
			fact->source = profile->table_exact ? AP_FACT_TABLE : AP_FACT_NEAREST;
			continue;
		}
		if (!profile->table_exact || value == AP_FACT_NONE)
			continue;
		fact->other = value;
		fact->disputed = true;
	}
}

struct ap_err *ap_profile_build(const struct ap_image *image, const struct ap_module *module,
				struct ap_arena *arena, struct ap_profile *ret_profile)
{
	struct symbol_scan scan = {image, module, ret_profile, {0}, {{0}}, {0}};
	struct ap_profile *profile = ret_profile;

	*profile = (struct ap_profile){0};
	for (size_t i = 0; i < AP_N_FACTS; i++)
		profile->facts[i].value = AP_FACT_NONE;
	ap_elf_each_symbol(module->elf, scan_symbol, &scan);
	profile_version(&scan, arena);
	if (!profile->metadata && !profile->v8_major)
		return ap_err_hint(
			ap_err_new(
				AP_E_UNSUPPORTED,
				"%s holds no V8: neither metadata symbols nor a V8 version was found",
				module->path),
			"if this is Node, give the unstripped program of the same build: autopsy NODE CORE");
	profile_choose_line(profile);
	profile_merge_table(profile);
	for (size_t i = 0; i < AP_N_GROUPS; i++)
		profile->groups[i].on = true;
	for (size_t i = 0; i < AP_N_FACTS; i++) {
		const struct ap_fact *fact = &profile->facts[i];

		if (!fact->disputed)
			continue;
		struct ap_group_state *group = &profile->groups[rows[i].group];
		group->on = false;
		group->why_off = ap_printf(
			arena, "%s: the metadata says %d, the table for V8 %s says %d",
			rows[i].name, fact->value, lines[profile->table_line].name, fact->other);
	}
	return NULL;
}

/* Does the group rest on facts of another V8 line? */
static bool group_is_guessed(const struct ap_profile *profile, enum ap_fact_group group)
{
	for (size_t i = 0; i < AP_N_FACTS; i++) {
		if (rows[i].group == group && profile->facts[i].source == AP_FACT_NEAREST)
			return true;
	}
	return false;
}

bool ap_samples_fit(unsigned checked, unsigned good)
{
	return checked >= 50 ? (uint64_t)good * 100 >= (uint64_t)checked * 99 : good == checked;
}

void ap_profile_judge(struct ap_profile *profile, struct ap_arena *arena)
{
	for (size_t i = 0; i < AP_N_GROUPS; i++) {
		struct ap_group_state *g = &profile->groups[i];

		if (g->on && g->checked < MIN_SAMPLES_OF_GUESSES && group_is_guessed(profile, i)) {
			g->on = false;
			g->why_off = ap_printf(
				arena,
				"it rests on the layout of V8 %s, and this core has too little to try it on",
				lines[profile->table_line].name);
		}
		if (!g->checked || !g->on)
			continue;
		if (ap_samples_fit(g->checked, g->good))
			continue;
		g->on = false;
		g->why_off = ap_printf(arena, "only %u of %u samples are consistent on V8 %s",
				       g->good, g->checked, profile->v8_version);
	}
}

struct ap_err *ap_profile_require(const struct ap_profile *profile, enum ap_fact_group group)
{
	const struct ap_group_state *g = &profile->groups[group];

	if (g->on)
		return NULL;
	return ap_err_hint(ap_err_new(AP_E_LAYOUT, "%s: not offered on V8 %s: %s",
				      group_names[group][1], profile->v8_version,
				      g->why_off ? g->why_off : "layout unknown"),
			   "`profile` shows every layout fact and where it came from");
}
