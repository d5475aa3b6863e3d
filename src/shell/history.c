/* The history of the prompt: $AUTOPSY_HISTORY, else $XDG_STATE_HOME/autopsy/history. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "os/outfile.h"
#include "shell/prompt.h"

bool ap_history_path(char *path, size_t bytes)
{
	const char *named = getenv("AUTOPSY_HISTORY"), *state = getenv("XDG_STATE_HOME"),
		   *home = getenv("HOME");
	int n;

	if (named)
		n = snprintf(path, bytes, "%s", named); /* empty: none is kept */
	else if (state && *state == '/')
		n = snprintf(path, bytes, "%s/autopsy/history", state);
	else if (home && *home == '/')
		n = snprintf(path, bytes, "%s/.local/state/autopsy/history", home);
	else
		return false;
	if (n <= 0 || (size_t)n >= bytes)
		return false;
	ap_make_parents(path, 0700);
	return true;
}

void ap_history_save(History *past, const char *path)
{
	HistEvent event;
	mode_t mask = umask(077);

	(void)history(past, &event, H_SAVE, path);
	(void)umask(mask);
	(void)chmod(path, 0600);
}
