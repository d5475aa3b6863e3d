/*
 * Deoptimisation data (src/objects/deoptimization-data.h): an array of a few fields and then three
 * words for each place at which the code can be left; which of them belongs to a return address
 * says the safepoint table behind the instructions.
 */
#include "v8/deopt.h"

enum {
	DEOPT_TRANSLATIONS = 0, /* index in the array */
	DEOPT_ENTRY_WORDS = 3,
	DEOPT_ENTRY_TRANSLATION = 1,
	DEOPT_ENTRY_PC = 2,
	MAX_ENTRIES = 1 << 20,
	SAFEPOINT_MAX_BYTES = 4,
};

static bool array_length(struct ap_v8 *v8, ap_tagged array, uint32_t *ret)
{
	int32_t n;

	if (!ap_is_object(array) || !ap_v8_smi(v8, array, F(v8, FIXED_ARRAY_LENGTH), &n) || n < 0)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool entry_smi(struct ap_v8 *v8, const struct ap_deopt_data *d, uint32_t entry,
		      uint32_t field, int32_t *ret)
{
	uint64_t w;

	if (entry >= d->n_entries ||
	    !ap_v8_array_at(v8, d->array,
			    (uint64_t)F(v8, DEOPT_FIRST_ENTRY) +
				    (uint64_t)entry * DEOPT_ENTRY_WORDS + field,
			    &w) ||
	    !ap_is_smi(w))
		return false;
	*ret = ap_smi(w);
	return true;
}

bool ap_deopt_data_read(struct ap_v8 *v8, ap_tagged code, struct ap_deopt_data *ret)
{
	struct ap_deopt_data d;
	uint32_t n, first = (uint32_t)F(v8, DEOPT_FIRST_ENTRY);

	if (!ap_v8_word(v8, code, F(v8, CODE_DEOPT_DATA), &d.array) ||
	    !array_length(v8, d.array, &n) || n < first + DEOPT_ENTRY_WORDS ||
	    (n - first) % DEOPT_ENTRY_WORDS != 0 || n / DEOPT_ENTRY_WORDS > MAX_ENTRIES ||
	    !ap_v8_array_at(v8, d.array, DEOPT_TRANSLATIONS, &d.translations) ||
	    !ap_v8_array_at(v8, d.array, (uint64_t)F(v8, DEOPT_LITERALS), &d.literals) ||
	    !array_length(v8, d.literals, &d.n_literals))
		return false;
	d.n_entries = (n - first) / DEOPT_ENTRY_WORDS;
	*ret = d;
	return true;
}

bool ap_deopt_literal(struct ap_v8 *v8, const struct ap_deopt_data *d, int32_t index,
		      ap_tagged *ret)
{
	uint64_t w;

	if (index < 0 || (uint32_t)index >= d->n_literals ||
	    !ap_v8_array_at(v8, d->literals, (uint64_t)index, &w))
		return false;
	/* Literals may be held weakly; a cleared one has an upper half only. */
	if (ap_is_weak(w)) {
		if ((uint32_t)w == 3)
			return false;
		w &= ~2ull;
	}
	*ret = w;
	return true;
}

/* The SharedFunctionInfo that was compiled; since 13.6 inside a wrapper. */
bool ap_deopt_shared(struct ap_v8 *v8, const struct ap_deopt_data *d, ap_tagged *ret)
{
	uint64_t w;

	if (!ap_v8_array_at(v8, d->array, (uint64_t)F(v8, DEOPT_SFI), &w))
		return false;
	if (ap_v8_is(v8, w, AP_F_T_SFI_WRAPPER) && !ap_v8_word(v8, w, 8, &w))
		return false;
	if (!ap_v8_is(v8, w, AP_F_T_SHARED_FUNCTION_INFO))
		return false;
	*ret = w;
	return true;
}

/* ---- the safepoint table: return address -> entry ---- */

static uint32_t cursor_bytes_le(struct ap_cursor *c, unsigned bytes)
{
	const uint8_t *p = ap_cursor_bytes(c, bytes);
	uint32_t v = 0;

	for (unsigned i = 0; p && i < bytes; i++)
		v |= (uint32_t)p[i] << (8 * i);
	return v;
}

/*
 * Does the entry belong to this place? Its own pc is where the call returns to (TurboFan) or the
 * exit to which the return address is redirected once the code is invalid (Maglev): either way the
 * two tables vouch for each other.
 */
static bool entry_agrees(struct ap_v8 *v8, const struct ap_deopt_data *d, int64_t index,
			 uint32_t pc, uint32_t trampoline)
{
	int32_t entry_pc;

	return index >= 0 && index < d->n_entries &&
	       entry_smi(v8, d, (uint32_t)index, DEOPT_ENTRY_PC, &entry_pc) && entry_pc >= 0 &&
	       ((uint32_t)entry_pc == pc || (uint32_t)entry_pc == trampoline);
}

/* 9.4: entries of three 32-bit words, pc, index and trampoline, behind two words. */
static bool safepoint_entry_wide(struct ap_v8 *v8, const struct ap_deopt_data *d,
				 struct ap_cursor c, uint32_t pc, uint32_t *ret)
{
	uint32_t n = ap_cursor_u32(&c);

	(void)ap_cursor_u32(&c);
	for (uint32_t i = 0; i < n && i < MAX_ENTRIES && !c.bad; i++) {
		uint32_t at = ap_cursor_u32(&c), index = ap_cursor_u32(&c),
			 trampoline = ap_cursor_u32(&c);

		if (c.bad || (at != pc && trampoline != pc) ||
		    !entry_agrees(v8, d, (int32_t)index, at, trampoline))
			continue;
		*ret = index;
		return true;
	}
	return false;
}

/* Later: the sizes of the fields stand in a word of bit fields (src/codegen/safepoint-table.h). */
static bool safepoint_entry(struct ap_v8 *v8, const struct ap_deopt_data *d,
			    const struct ap_code *code, bool is_maglev, uint32_t pc, uint32_t *ret)
{
	uint64_t have;
	uint32_t n, config;
	const uint8_t *p = ap_image_view(v8->image, code->end, &have);

	if (!p)
		return false;
	struct ap_cursor c = ap_cursor_of(p, have);
	if (!ap_has_fact(v8, AP_F_SAFEPOINT_CONFIG))
		return !is_maglev && safepoint_entry_wide(v8, d, c, pc, ret);
	/* The number of entries stands before the configuration. */
	(void)ap_cursor_bytes(&c, (uint64_t)F(v8, SAFEPOINT_CONFIG) - 4);
	n = ap_cursor_u32(&c);
	config = ap_cursor_u32(&c);
	bool has_deopt = config & 1;
	unsigned register_bytes = config >> 1 & 7, pc_bytes = config >> 4 & 7,
		 index_bytes = config >> 7 & 7;

	if (!has_deopt || !pc_bytes || pc_bytes > SAFEPOINT_MAX_BYTES ||
	    index_bytes > SAFEPOINT_MAX_BYTES || register_bytes > SAFEPOINT_MAX_BYTES ||
	    n > MAX_ENTRIES)
		return false;
	if (is_maglev) {
		if (!ap_has_fact(v8, AP_F_MAGLEV_SAFEPOINT_SLOTS))
			return false;
		(void)ap_cursor_bytes(&c, (uint64_t)F(v8, MAGLEV_SAFEPOINT_SLOTS));
		register_bytes++; /* how many registers were pushed */
	}
	for (uint32_t i = 0; i < n && !c.bad; i++) {
		uint32_t at = cursor_bytes_le(&c, pc_bytes);
		int64_t index = (int64_t)cursor_bytes_le(&c, index_bytes) - 1;
		uint32_t trampoline = cursor_bytes_le(&c, pc_bytes) - 1;

		(void)ap_cursor_bytes(&c, register_bytes);
		if (c.bad || (at != pc && trampoline != pc) ||
		    !entry_agrees(v8, d, index, at, trampoline))
			continue;
		*ret = (uint32_t)index;
		return true;
	}
	return false;
}

/* Without a safepoint table that decodes: the entry whose pc is the return address (TurboFan). */
static bool entry_of_pc(struct ap_v8 *v8, const struct ap_deopt_data *d, uint32_t pc, uint32_t *ret)
{
	for (uint32_t i = 0; i < d->n_entries; i++) {
		int32_t at;

		if (entry_smi(v8, d, i, DEOPT_ENTRY_PC, &at) && at > 0 && (uint32_t)at == pc) {
			*ret = i;
			return true;
		}
	}
	return false;
}

bool ap_deopt_translation(struct ap_v8 *v8, const struct ap_deopt_data *d,
			  const struct ap_code *code, ap_addr pc, int32_t *ret_translation)
{
	bool is_maglev = ap_code_is_maglev(v8, code);
	uint32_t entry = 0, at = (uint32_t)(pc - code->start);

	if (pc <= code->start || pc > code->end ||
	    (!safepoint_entry(v8, d, code, is_maglev, at, &entry) &&
	     (is_maglev || !entry_of_pc(v8, d, at, &entry))))
		return false;
	return entry_smi(v8, d, entry, DEOPT_ENTRY_TRANSLATION, ret_translation);
}
