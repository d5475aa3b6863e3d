/* Texts made from the records of the commands: man page, shell completions, reference. */
#ifndef AP_TOOLS_DOCUMENTATION_H
#define AP_TOOLS_DOCUMENTATION_H

#include <stdio.h>

/* `kind`: man, bash, zsh, reference. `help` is the text of --help. False: there is no such kind. */
_Bool ap_documentation(const char *kind, const char *help, FILE *out);

#endif
