/*
 * Crashes that are not ours: the core goes where it would have gone without us, as the core_pattern
 * of before says (core(5)): into a file, or to another handler.
 *
 * Ownership: nothing is kept.
 */
#ifndef AP_CAPTURE_HANDLER_PASS_H
#define AP_CAPTURE_HANDLER_PASS_H

#include "base/str.h"
#include "capture/handler/context.h"

/*
 * `pattern` is what core_pattern was. Starts another handler in our place (then it does not
 * return), or writes the file with the rights of the process that died.
 */
struct ap_err *ap_pass(const char *pattern, const struct ap_context *context, int pipe);
/* One word of a pattern with its specifiers filled in; a path has '/' in foreign names replaced. */
void ap_pass_expand(const char *word, size_t n, const struct ap_context *context, bool path,
		    struct ap_str *out);

#endif
