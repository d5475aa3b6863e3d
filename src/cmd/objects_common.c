#include "cmd/objects.h"

int ap_group_by_count(const void *a, const void *b)
{
	const struct ap_heap_group *x = *(const struct ap_heap_group *const *)a;
	const struct ap_heap_group *y = *(const struct ap_heap_group *const *)b;

	if (x->count != y->count)
		return x->count < y->count ? -1 : 1;
	return x->representative < y->representative ? -1 : 1;
}

void ap_mdb_row_tail(const struct ap_str *text, struct ap_str *out, size_t columns)
{
	for (size_t i = 0; i < text->n && out->n < columns; i++) {
		unsigned char c = (unsigned char)text->s[i];

		ap_str_addc(out, c >= ' ' && c < 0x7f ? (char)c : '?');
	}
	if (out->n == columns && text->n > columns) {
		out->n -= 3;
		ap_str_adds(out, "...");
	}
}
