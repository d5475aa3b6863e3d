#include "base/mistyped.h"

#include <string.h>

/* Edit distance with transpositions; `b` of at most 31 characters, else far away. */
static size_t distance(const char *a, struct ap_text b)
{
	enum { MAX = 32 };
	size_t rows[3][MAX];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t n = strlen(a);

	if (b.n >= MAX || n >= 2 * MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b.n; j++)
		last[j] = j;
	for (size_t i = 1; i <= n; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t best = last[j - 1] + (a[i - 1] != b.s[j - 1]);

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b.s[j - 2] && a[i - 2] == b.s[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		size_t *swap = before;

		before = last;
		last = row;
		row = swap;
	}
	return last[b.n];
}

size_t ap_mistyped(const char *typed, struct ap_text word)
{
	size_t d = distance(typed, word);

	return d <= (word.n + 1) / 3 ? d : SIZE_MAX;
}
