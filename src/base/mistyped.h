/* Words that were mistyped. */
#ifndef AP_BASE_MISTYPED_H
#define AP_BASE_MISTYPED_H

#include "base/str.h"

/*
 * How many letters of `typed` are wrong, missing, too many or swapped, if it may be meant for
 * `word`: a third of the letters may be wrong, of two letters none. Else SIZE_MAX.
 */
size_t ap_mistyped(const char *typed, struct ap_text word);

#endif
