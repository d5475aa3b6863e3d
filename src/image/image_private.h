/* Inside of struct ap_image, shared by the files of image/. */
#ifndef AP_IMAGE_PRIVATE_H
#define AP_IMAGE_PRIVATE_H

#include "image/image.h"
#include "os/map.h"

struct ap_image {
	struct ap_arena arena;
	char *path;
	struct ap_map map;
	int fd; /* of the core's bytes, -1: none */
	struct ap_core_header header;
	struct ap_core_notes notes;
	AP_VEC(struct ap_segment) segments; /* sorted, not overlapping */
	AP_VEC(struct ap_module) modules;
	AP_VEC(struct ap_thread) threads;
	struct ap_process process;
	struct ap_image_gaps gaps;
};

/* modules.c: finds the files behind NT_FILE and serves from them what the core lacks. */
struct ap_err *ap_image_load_modules(struct ap_image *image,
				     const struct ap_image_options *options);
/* process.c: argv, environment, signal, whether it died. */
struct ap_err *ap_image_load_process(struct ap_image *image);
/* The module that was made from the file `path`, or NULL. */
const struct ap_module *ap_image_module_of_path(const struct ap_image *image, const char *path);
/* Sorts the segments and drops what overlaps an earlier one. */
void ap_image_sort_segments(struct ap_image *image);

#endif
