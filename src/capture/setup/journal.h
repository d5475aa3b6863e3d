/*
 * What setup changed and how it was before, written down and on the disk before each change is
 * made, so that remove restores byte for byte also when setup was killed in between.
 *
 * A change is one whole small file: a kernel setting under /proc/sys, a file under /etc. Restoring
 * leaves alone what somebody else changed since.
 *
 * Ownership: struct ap_journal owns its entries until ap_journal_close().
 */
#ifndef AP_CAPTURE_SETUP_JOURNAL_H
#define AP_CAPTURE_SETUP_JOURNAL_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct ap_change {
	const char *path;
	bool existed;
	bool made_directory;          /* the one that the file stands in was not there */
	struct ap_text before, after; /* any bytes */
};

struct ap_journal {
	struct ap_arena arena;
	AP_VEC(struct ap_change) changes; /* in the order they were made */
	char path[4096];
};

/* Reads the journal; a missing file is an empty one. */
struct ap_err *ap_journal_open(const char *path, struct ap_journal *ret_journal);
void ap_journal_close(struct ap_journal *journal);
/* The same from its text. */
struct ap_err *ap_journal_parse(const char *text, size_t bytes, struct ap_journal *journal);
/*
 * Notes what `path` holds and that it becomes `after`, then changes it, and makes the directories
 * that it needs. Nothing happens if it holds that already. A path that was noted before keeps its
 * `before`, unless it holds what is not ours.
 */
struct ap_err *ap_journal_change(struct ap_journal *journal, const char *path,
				 struct ap_text after);

enum ap_restored {
	AP_RESTORED,
	AP_RESTORED_WAS,     /* it held the old bytes already */
	AP_RESTORED_FOREIGN, /* somebody else changed it since: left alone */
	AP_RESTORED_FAILED,
};

/* One change back; `ret_errno` for a failed one. */
enum ap_restored ap_journal_restore(const struct ap_change *change, int *ret_errno);
/* The journal itself goes. */
struct ap_err *ap_journal_remove(struct ap_journal *journal);
/*
 * From now on what is said of /proc/sys is read and written in `dir` (which must stay there): in a
 * container its own /proc/sys cannot be written, and the host's files are mounted elsewhere. The
 * journal keeps the names that the host has.
 */
void ap_settings_below(const char *dir);
/* The whole of a small file; false if it cannot be read. */
bool ap_setting_read(const char *path, struct ap_str *out);

#endif
