#include "ship/source.h"

enum { MAX_PIECE = 8 << 20 };

void ap_source_init(struct ap_source *source, struct ap_s3 *s3, const char *key, const char *etag,
		    uint64_t bytes, size_t first_bytes)
{
	*source = (struct ap_source){
		.s3 = s3, .key = key, .etag = etag, .bytes = bytes, .next_bytes = first_bytes};
}

void ap_source_close(struct ap_source *source)
{
	ap_str_close(&source->piece);
}

struct ap_err *ap_source_next(void *source, const void **ret_p, size_t *ret_n)
{
	struct ap_source *s = source;
	uint64_t left = s->bytes - s->at;
	size_t want = left < s->next_bytes ? (size_t)left : s->next_bytes;

	ap_str_clear(&s->piece);
	AP_TRY(ap_s3_get(s->s3, s->key, s->etag, s->at, want, &s->piece));
	if (want && !s->piece.n)
		return ap_err_new(AP_E_IO, "the store sends nothing of %s behind byte %llu", s->key,
				  (unsigned long long)s->at);
	s->at += s->piece.n;
	s->next_bytes = s->next_bytes * 4 < MAX_PIECE ? s->next_bytes * 4 : MAX_PIECE;
	*ret_p = s->piece.s;
	*ret_n = s->piece.n;
	return NULL;
}
