/* What a store answers in XML, and the journal of what was sent there. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "capture/spool/shipment.h"
#include "ship/answer.h"
#include "ship/keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const char *xml = (const char *)data, *id = NULL;
	struct ap_s3_pendings uploads = {.next_key = NULL};
	struct ap_s3_page page = {.next = NULL};
	struct ap_s3_parts parts = {.next = 0};
	struct ap_s3_refusal refusal;
	struct ap_s3_keys keys;
	struct ap_shipment shipment;
	struct ap_arena arena;
	char etag[AP_ETAG_SIZE];

	ap_arena_init(&arena, 16 << 20);
	struct ap_err *err = ap_answer_list(xml, bytes, &arena, &page);
	for (size_t i = 0; !err && i < page.objects.n; i++) {
		if (!page.objects.at[i].key || page.objects.at[i].bytes > INT64_MAX)
			abort();
	}
	ap_err_free(err);
	err = ap_answer_parts(xml, bytes, &arena, &parts);
	for (size_t i = 0; !err && i < parts.parts.n; i++) {
		if (!parts.parts.at[i].number || parts.parts.at[i].number > 10000)
			abort();
	}
	ap_err_free(err);
	ap_err_free(ap_answer_uploads(xml, bytes, &arena, &uploads));
	err = ap_answer_initiated(xml, bytes, &arena, &id);
	if (!err && !*id)
		abort();
	ap_err_free(err);
	ap_err_free(ap_answer_completed(xml, bytes, &arena, etag));
	ap_answer_refusal(xml, bytes, &arena, &refusal);
	ap_err_free(ap_keys_parse(xml, bytes, "default", &arena, &keys));
	err = ap_shipment_parse(xml, bytes, &shipment);
	if (!err && (strlen(shipment.key) >= sizeof(shipment.key) ||
		     strlen(shipment.etag) >= sizeof(shipment.etag)))
		abort();
	ap_err_free(err);
	ap_arena_close(&arena);
	return 0;
}
