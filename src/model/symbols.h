/*
 * Native symbols by name and by address, demangled.
 *
 * Ownership: texts are built in the caller's arena or point into the image, which outlives it.
 */
#ifndef AP_MODEL_SYMBOLS_H
#define AP_MODEL_SYMBOLS_H

#include "image/image.h"

/*
 * The address of "main", "node::Abort", "node::Abort()" or "libc.so.6`abort"; false if no module of
 * the image defines it. The program comes before its libraries.
 */
bool ap_symbol_find(const struct ap_image *image, const char *name, uint64_t *ret_address);
/* The symbol that holds `address`, demangled, with the module that defines it. */
bool ap_symbol_text(const struct ap_image *image, uint64_t address, struct ap_arena *arena,
		    const char **ret_name, const struct ap_module **ret_module,
		    uint64_t *ret_offset);
/* "main+0x1f", or "0x7f00...": what stands for an address in a line of mdb. */
const char *ap_symbol_label(const struct ap_image *image, uint64_t address, struct ap_arena *arena);
/* A C++ name as it is written in the source; `name` itself if it is none. */
const char *ap_symbol_demangled(const char *name, struct ap_arena *arena);
/* The last part of a module's path. */
const char *ap_module_name(const struct ap_module *module);

#endif
