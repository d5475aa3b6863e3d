#include "v8/v8.h"

#include <stdlib.h>

#include "v8/v8_private.h"

static bool symbol_is_metadata(const struct ap_symbol *symbol, void *arg)
{
	bool *found = arg;

	if (strncmp(symbol->name, "v8dbg_", 6) == 0)
		*found = true;
	return !*found;
}

/* The program itself in official builds, libnode.so in a distribution's. */
static const struct ap_module *v8_find_module(const struct ap_image *image)
{
	size_t n;
	const struct ap_module *modules = ap_image_modules(image, &n);
	const struct ap_module *main_module = ap_image_main_module(image);

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			const struct ap_module *m = &modules[i];
			bool found = false;

			/* The program first; then whatever is called like Node or V8. */
			if (!m->elf || m->is_main != (pass == 0) ||
			    (pass == 1 && !strstr(m->path, "node") && !strstr(m->path, "v8")))
				continue;
			ap_elf_each_symbol(m->elf, symbol_is_metadata, &found);
			if (found)
				return m;
		}
	}
	return main_module && main_module->elf ? main_module : NULL;
}

static struct ap_err *v8_no_module(const struct ap_image *image)
{
	const struct ap_module *m = ap_image_main_module(image);
	char id[2 * AP_BUILD_ID_MAX + 1];

	if (!m)
		return ap_err_hint(
			ap_err_new(AP_E_FORMAT, "%s does not say which program it is of",
				   ap_image_path(image)),
			"the core lacks its list of files (NT_FILE); give the program: autopsy NODE CORE");
	if (m->state == AP_MODULE_MISMATCH)
		return ap_err_hint(
			ap_err_new(
				AP_E_MISMATCH,
				"%s here is another build than the one that died (the core's build-id is %s)",
				m->path, ap_build_id_hex(m->build_id, id)),
			"bring the program with that build-id and run: autopsy NODE CORE");
	return ap_err_hint(ap_err_new(AP_E_NOTFOUND,
				      "the program %s is not on this machine (build-id %s)",
				      m->path, ap_build_id_hex(m->build_id, id)),
			   "bring it here and run: autopsy NODE CORE, or put it beside the core");
}

static struct ap_err *v8_load(struct ap_v8 *v8)
{
	int32_t tagged_size = 8;
	struct ap_symbol symbol;

	AP_TRY(ap_profile_build(v8->image, v8->module, &v8->arena, &v8->profile));
	if (ap_elf_symbol_named(v8->module->elf, "v8dbg_TaggedSize", &symbol)) {
		const void *p = ap_elf_at(v8->module->elf, symbol.value, 4);

		if (p)
			memcpy(&tagged_size, p, 4);
	}
	if (tagged_size != 8)
		return ap_err_hint(
			ap_err_new(AP_E_UNSUPPORTED,
				   "%s was built with pointer compression (%d-byte tagged words)",
				   v8->module->path, tagged_size),
			"Node's own releases are read; Electron and custom builds of this kind are not");
	ap_v8_load_tables(v8);
	AP_TRY(ap_v8_find_isolates(v8));
	if (v8->isolates.n)
		ap_v8_validate(v8);
	return NULL;
}

struct ap_err *ap_v8_open(const struct ap_image *image, struct ap_v8 **ret_v8)
{
	const struct ap_module *module = v8_find_module(image);
	struct ap_v8 *v8;

	if (!module)
		return v8_no_module(image);
	v8 = calloc(1, sizeof(*v8));
	if (!v8)
		return &ap_err_nomem;
	ap_arena_init(&v8->arena, 0);
	v8->image = image;
	v8->module = module;
	v8->private = ap_alloc(&v8->arena, sizeof(*v8->private));
	struct ap_err *err = v8->private ? v8_load(v8) : &ap_err_nomem;
	if (err) {
		ap_v8_close(v8);
		return err;
	}
	*ret_v8 = v8;
	return NULL;
}

void ap_v8_close(struct ap_v8 *v8)
{
	if (!v8)
		return;
	free(v8->maps.at);
	ap_arena_close(&v8->arena);
	free(v8);
}
