#include "tools/store.h"

#include <stdlib.h>
#include <string.h>

#include "ship/keys.h"

bool ap_store_is_address(const char *word)
{
	return strncmp(word, "s3://", 5) == 0;
}

/* The configuration's, else what Amazon's own tools would take. */
static const char *either(const char *configured, const char *const *variables)
{
	if (*configured)
		return configured;
	for (; *variables; variables++) {
		const char *value = getenv(*variables);

		if (value && *value)
			return value;
	}
	return NULL;
}

#define EITHER(configured, ...) either(configured, (const char *const[]){__VA_ARGS__, NULL})

static struct ap_err *open_in(const struct ap_ship_config *c, const char *address,
			      const volatile sig_atomic_t *stop, struct ap_store *store)
{
	struct ap_s3_config s3 = {
		.endpoint = EITHER(c->endpoint, "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
		.region = EITHER(c->region, "AWS_REGION", "AWS_DEFAULT_REGION"),
		.ca_file = EITHER(c->ca_file, "AWS_CA_BUNDLE"),
		.style = c->style,
		.proxy = c->proxy,
		.encryption = c->encryption,
		.encryption_key = c->encryption_key,
		.stop = stop,
		.tries = (unsigned)c->tries,
		.stall_seconds = (unsigned)c->stall_seconds,
	};

	store->bucket = c->bucket;
	store->prefix = c->prefix;
	if (address) {
		const char *slash = strchr(address + 5, '/');

		store->bucket = slash ? ap_strndup(&store->arena, address + 5,
						   (size_t)(slash - address - 5))
				      : ap_strdup(&store->arena, address + 5);
		store->prefix = slash ? ap_strdup(&store->arena, slash + 1) : "";
		if (!store->bucket || !store->prefix)
			return &ap_err_nomem;
	}
	s3.bucket = store->bucket;
	AP_TRY(ap_keys_find(c->keys_file, &store->arena, &s3.keys));
	return ap_s3_open(&s3, &store->s3);
}

struct ap_err *ap_store_open(const struct ap_ship_config *config, const char *address,
			     const volatile sig_atomic_t *stop, struct ap_store *ret)
{
	struct ap_store store = {.bucket = NULL};

	ap_arena_init(&store.arena, 1 << 20);
	struct ap_err *err = open_in(config, address, stop, &store);
	if (err)
		ap_store_close(&store);
	else
		*ret = store;
	return err;
}

void ap_store_close(struct ap_store *store)
{
	ap_s3_close(&store->s3);
	ap_arena_close(&store->arena);
}
