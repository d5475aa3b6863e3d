/* What ::walk knows, for those who list it. */
#ifndef AP_CMD_WALK_H
#define AP_CMD_WALK_H

#include <stddef.h>

/* One line, or NULL if there is no such walker. */
const char *ap_walker_summary(const char *name);
/* The i-th walker's name; NULL behind the last. */
const char *ap_walker_name(size_t i);

#endif
