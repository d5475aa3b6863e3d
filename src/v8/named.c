#include "v8/named.h"

enum { NO = AP_FACT_NONE, STRONG = 0, WEAK = 1 };

void ap_v8_each_named_field(const struct ap_v8 *v8,
			    void (*fn)(void *arg, const struct ap_named_field *field), void *arg)
{
	static const struct {
		enum ap_fact_id type;
		const char *name;
		bool weak;
		int32_t offsets[6];
	} fields[] = {
#define NAMED(type, name, how, ...) {AP_F_##type, name, how, {__VA_ARGS__}},
#include "v8/named.def"
#undef NAMED
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		int32_t type = v8->profile.facts[fields[i].type].value;
		int32_t offset = fields[i].offsets[v8->profile.table_line];

		if (type == AP_FACT_NONE || offset == NO)
			continue;
		const struct ap_named_field field = {type, offset, fields[i].name, fields[i].weak};
		fn(arg, &field);
	}
}

const char *ap_v8_native_slot_name(const struct ap_v8 *v8, int slot)
{
	static const struct {
		const char *name;
		int32_t slots[6];
	} names[] = {
#define NATIVE_SLOT(name, ...) {#name, {__VA_ARGS__}},
#include "v8/native_context.def"
#undef NATIVE_SLOT
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].slots[v8->profile.table_line] == slot)
			return names[i].name;
	}
	return NULL;
}
