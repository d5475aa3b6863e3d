/*
 * Stopping the walk of a heap, as ^C does: what was found is usable, and the next walk goes on
 * where it stopped.
 *
 *   heap-stop CORE
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "heap/heap.h"
#include "image/image.h"
#include "v8/v8.h"

static volatile sig_atomic_t cancelled;

static void stop(void *arg, const char *what, uint64_t done, uint64_t total, uint64_t objects)
{
	(void)arg;
	(void)what;
	(void)done;
	(void)total;
	(void)objects;
	cancelled = 1;
}

static void check(struct ap_err *err)
{
	if (!err)
		return;
	fprintf(stderr, "FAIL %s\n", err->message);
	exit(1);
}

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "FAIL %s\n", what);
	exit(1);
}

static bool count(void *arg, uint64_t address, uint64_t bytes, size_t group)
{
	(void)address;
	(void)bytes;
	(void)group;
	++*(uint64_t *)arg;
	return true;
}

/* The groups and the objects that are met must be those that were counted. */
static uint64_t grouped(struct ap_heap *heap)
{
	const struct ap_heap_group *groups;
	uint64_t in_groups = 0, met = 0;
	size_t n;

	check(ap_heap_groups(heap, NULL, true, &groups, &n));
	for (size_t i = 0; i < n; i++)
		in_groups += groups[i].count;
	check(ap_heap_each(heap, NULL, NULL, count, &met));
	require(in_groups == met, "groups and objects differ");
	return met;
}

int main(int argc, char **argv)
{
	const struct ap_image_options options = {.node_path = NULL};
	const struct ap_heap_watch watch = {.cancelled = &cancelled, .report = stop};
	struct ap_heap_summary part, whole, again;
	struct ap_heap *heap, *other;
	struct ap_image *image;
	struct ap_v8 *v8;

	if (argc != 2)
		return 64;
	check(ap_image_open_core(argv[1], &options, &image));
	check(ap_v8_open(image, &v8));
	check(ap_heap_open(v8, &heap));
	check(ap_heap_walk(heap, &watch));
	ap_heap_summary(heap, &part);
	require(cancelled && part.pages_left > 0 && part.pages_left < part.pages,
		"the walk did not stop in the middle");
	require(part.objects > 0 && grouped(heap) == part.objects, "what was found is not usable");
	check(ap_heap_walk(heap, NULL));
	ap_heap_summary(heap, &whole);
	require(whole.pages_left == 0 && grouped(heap) == whole.objects, "the walk did not go on");
	check(ap_heap_open(v8, &other));
	check(ap_heap_walk(other, NULL));
	ap_heap_summary(other, &again);
	require(again.objects == whole.objects && again.object_bytes == whole.object_bytes &&
			again.all_gaps == whole.all_gaps,
		"a walk that was stopped found something else");
	printf("ok   stopped with %llu of %llu objects\n", (unsigned long long)part.objects,
	       (unsigned long long)whole.objects);
	ap_heap_close(other);
	ap_heap_close(heap);
	ap_v8_close(v8);
	ap_image_close(image);
	return 0;
}
