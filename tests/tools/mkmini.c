/*
 * mkmini CORE MINICORE: what the handler would have kept of the process that left CORE.
 * Prints what it kept as one line of JSON.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/handler/minicore.h"
#include "os/map.h"

struct source {
	const struct ap_map *map;
	const struct ap_core_header *header;
};

/* The kernel's cores have their ranges in order. */
static bool read_core(void *arg, uint64_t addr, void *buf, size_t bytes)
{
	const struct source *s = arg;
	size_t lo = 0, hi = s->header->n_phdrs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const Elf64_Phdr *ph = &s->header->phdrs[mid];

		if (ph->p_type != PT_LOAD || ph->p_vaddr + ph->p_memsz <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	const Elf64_Phdr *ph = &s->header->phdrs[lo];
	if (lo == s->header->n_phdrs || addr < ph->p_vaddr || addr - ph->p_vaddr >= ph->p_filesz)
		return false;
	uint64_t at = ph->p_offset + (addr - ph->p_vaddr),
		 have = ph->p_filesz - (addr - ph->p_vaddr);
	if (at > s->map->bytes || bytes > s->map->bytes - at || bytes > have)
		return false;
	memcpy(buf, s->map->data + at, bytes);
	return true;
}

static int fail(struct ap_err *err)
{
	fprintf(stderr, "mkmini: %s\n", err->message);
	ap_err_free(err);
	return 1;
}

int main(int argc, char **argv)
{
	struct ap_arena arena;
	struct ap_map map;
	struct ap_core_header header;
	struct ap_core_notes notes;
	struct ap_minicore_result r;

	struct ap_minicore_limits limits = ap_minicore_default_limits;

	limits.walk.cpu_ms = limits.walk.time_ms = 20000; /* how long it takes is another test's
							     question */
	if (argc > 3)
		limits.walk.depth = (unsigned)atoi(argv[3]);
	if (argc > 4)
		limits.raw_bytes = (uint64_t)atoi(argv[4]) << 20;
	if (argc < 3) {
		fputs("usage: mkmini CORE MINICORE\n", stderr);
		return 64;
	}
	ap_arena_init(&arena, 0);
	struct ap_err *err = ap_map_open(argv[1], &map, NULL);
	if (!err)
		err = ap_core_read_header(map.data, map.bytes, argv[1], &arena, &header);
	if (!err)
		err = ap_core_read_notes(map.data, map.bytes, &header, &arena, &notes);
	if (err)
		return fail(err);
	struct source source = {&map, &header};
	struct ap_dying dying = {
		.header = &header, .notes = &notes, .read = read_core, .arg = &source};
	for (size_t i = 0; i < header.n_phdrs; i++) {
		if (header.phdrs[i].p_type == PT_NOTE) {
			dying.raw_notes = map.data + header.phdrs[i].p_offset;
			dying.n_raw_notes = header.phdrs[i].p_filesz;
		}
	}
	int fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	err = ap_minicore_write(&dying, &limits, fd, &r);
	if (err)
		return fail(err);
	printf("{\"pages\": %llu, \"raw\": %llu, \"stored\": %llu, \"objects\": %llu, \"depth\": %u, "
	       "\"stopped\": \"%s\", \"texts_out\": %llu}\n",
	       (unsigned long long)r.pages, (unsigned long long)r.raw_bytes,
	       (unsigned long long)r.stored_bytes, (unsigned long long)r.walk.objects, r.walk.depth,
	       r.walk.stopped ? r.walk.stopped : "", (unsigned long long)r.walk.texts_out);
	ap_arena_close(&arena);
	return 0;
}
