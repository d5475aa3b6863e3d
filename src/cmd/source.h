/* Lines of source as text: shared by source, bt -v and the frame commands. */
#ifndef AP_CMD_SOURCE_H
#define AP_CMD_SOURCE_H

#include "cmd/cmd.h"

/* The text of line `line` (1-based as the script counts), without its end; s == NULL if none. */
struct ap_text ap_source_line(const struct ap_source *source, int line);
/* How many lines the text has, counted as the script does: the last line's number. */
int ap_source_last_line(const struct ap_source *source);
/*
 * The part of a line that shows its `column` (1-based; 0: its beginning) in about `width` columns,
 * for minified code has lines of megabytes. `column`: the same column, counted in the part.
 */
struct ap_source_part {
	struct ap_text text;
	int column;
	bool cut_before, cut_behind;
};
struct ap_source_part ap_source_part(struct ap_text line, int column, int width);
/* Source made safe for a terminal; tabs and line ends stay: they are layout, and harmless. */
void ap_out_source(struct ap_out *out, struct ap_text text);
/* mdb's form: "%5d " and the line, the function with `context` lines around it. */
void ap_mdb_source_lines(struct ap_ctx *ctx, const struct ap_source *source, uint64_t context,
			 int indent);
/* Plain: line numbers, the executing line marked, the column under it. Of very long lines a part,
 * unless `whole`. */
void ap_plain_source_lines(struct ap_ctx *ctx, const struct ap_source *source, int from, int to,
			   bool whole);

#endif
