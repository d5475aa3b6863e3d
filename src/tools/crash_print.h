/* A crash's facts for people and as JSON, wherever the crash lies. Ownership: nothing is kept. */
#ifndef AP_TOOLS_CRASH_PRINT_H
#define AP_TOOLS_CRASH_PRINT_H

#include "base/json.h"
#include "capture/spool/record.h"
#include "tools/remote.h"

/* One word for what there is; coredumpctl's column, with the minicore between. */
const char *ap_crash_there(const struct ap_record *r);
void ap_crash_iso(double when, char buf[static 32]);
/* Foreign text in `columns` of a terminal. */
void ap_crash_cell(const char *text, size_t columns, bool pad);
/* "title  value", if there is a value. */
void ap_crash_line(const char *title, const char *value);
/* `key` and `bytes` of an object; NULL and 0 of a crash that is kept here. */
void ap_crash_put(struct ap_json *j, const struct ap_record *r, const char *key, uint64_t bytes);
void ap_crash_row(const struct ap_record *r);
/* A line each of what is known, of info. */
void ap_crash_facts(const struct ap_record *r);
/* A text that is JSON, as it is; else null. */
void ap_crash_put_json(struct ap_json *j, const char *key, const char *text, size_t bytes);

int ap_remote_info(struct ap_remotes *remotes, const char *id, bool json);
enum ap_remote_what { AP_REMOTE_DUMP, AP_REMOTE_FETCH, AP_REMOTE_DEBUG };
struct ap_remote_want {
	enum ap_remote_what what;
	const char *address, *id, *output;
	bool mini, force;
	char **rest; /* for the opener */
	int n_rest;
};
struct ap_err *ap_remote_open(const struct ap_ship_config *config,
			      const struct ap_remote_want *want);

#endif
