/*
 * What the files of the prompt share.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_SHELL_PROMPT_H
#define AP_SHELL_PROMPT_H

#include <histedit.h>
#include <stdbool.h>
#include <stddef.h>

/* Where the history is kept, with its folder made; false: nowhere. */
bool ap_history_path(char *path, size_t bytes);
/* For the user's eyes only. What cannot be written is lost quietly. */
void ap_history_save(History *past, const char *path);

#endif
