#include "v8/parameters.h"

#include <ctype.h>

enum { MAX_LIST_UNITS = 4096, MAX_NAME = 60 };

/* Skips a string, template or comment that starts at `p`; returns where it goes on. */
static const char *skip_literal(const char *p, const char *end)
{
	if (p + 1 < end && p[0] == '/' && p[1] == '/') {
		while (p < end && *p != '\n')
			p++;
		return p;
	}
	if (p + 1 < end && p[0] == '/' && p[1] == '*') {
		const char *stop = memmem(p + 2, (size_t)(end - p - 2), "*/", 2);

		return stop ? stop + 2 : end;
	}
	if (*p == '\'' || *p == '"' || *p == '`') {
		char quote = *p++;

		while (p < end && *p != quote)
			p += *p == '\\' && p + 1 < end ? 2 : 1;
		return p < end ? p + 1 : end;
	}
	return p;
}

/* One parameter without its default value, comments and outer blanks. */
static struct ap_text parameter_text(const char *start, const char *end, struct ap_arena *arena)
{
	char buf[MAX_NAME + 4];
	size_t n = 0;
	int depth = 0;

	for (const char *p = start; p < end && n < MAX_NAME;) {
		const char *after = skip_literal(p, end);

		if (after > p && *p == '/') {
			p = after;
			continue;
		}
		if (*p == '=' && depth == 0)
			break;
		depth += (*p == '{' || *p == '[' || *p == '(') -
			 (*p == '}' || *p == ']' || *p == ')');
		if (!isspace((unsigned char)*p) || (n && depth > 0 && buf[n - 1] != ' '))
			buf[n++] = isspace((unsigned char)*p) ? ' ' : *p;
		p++;
	}
	if (n == MAX_NAME) {
		while (n && (buf[n - 1] & 0xc0) == 0x80)
			n--;
		memcpy(buf + n, "...", 3);
		n += 3;
	}
	char *copy = ap_strndup(arena, buf, n);
	return (struct ap_text){copy, copy ? n : 0};
}

struct ap_err *ap_parameter_names(struct ap_v8 *v8, const struct ap_function_info *info,
				  struct ap_arena *arena, struct ap_text **ret_names, size_t *ret_n)
{
	AP_VEC(struct ap_text) names = {0};
	struct ap_text source;
	const char *p, *end, *from;
	int depth = 0;

	*ret_names = NULL;
	*ret_n = 0;
	if (info->start < 0 || info->end <= info->start || info->formal_parameters <= 0)
		return NULL;
	int32_t stop =
		info->end - info->start > MAX_LIST_UNITS ? info->start + MAX_LIST_UNITS : info->end;
	source = ap_script_text(v8, info->script, info->start, stop, arena);
	if (!source.s || !source.n)
		return NULL;
	p = source.s;
	end = p + source.n;
	/* The position is that of "(", but for arrows that of their first token. */
	if (end - p > 6 && strncmp(p, "async", 5) == 0 && !isalnum((unsigned char)p[5]))
		p += 5;
	while (p < end && isspace((unsigned char)*p))
		p++;
	if (p == end)
		return NULL;
	if (*p != '(') {
		const char *arrow = memmem(p, (size_t)(end - p), "=>", 2);

		if (!arrow || info->formal_parameters != 1)
			return NULL;
		while (arrow > p && isspace((unsigned char)arrow[-1]))
			arrow--;
		if (!ap_vec_push(arena, &names, parameter_text(p, arrow, arena)))
			return &ap_err_nomem;
		*ret_names = names.at;
		*ret_n = names.n;
		return NULL;
	}
	from = ++p;
	while (p < end) {
		const char *after = skip_literal(p, end);

		if (after > p) {
			p = after;
			continue;
		}
		if (depth == 0 && (*p == ',' || *p == ')')) {
			struct ap_text name = parameter_text(from, p, arena);

			if (name.n && !ap_vec_push(arena, &names, name))
				return &ap_err_nomem;
			if (*p == ')')
				break;
			from = p + 1;
		}
		depth += (*p == '(' || *p == '[' || *p == '{') -
			 (*p == ')' || *p == ']' || *p == '}');
		p++;
	}
	*ret_names = names.at;
	*ret_n = names.n;
	return NULL;
}
