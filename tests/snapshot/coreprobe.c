/*
 * coreprobe CORE NONCE PAGES: is the picture of probe.js's pages in this core of one moment?
 * coreprobe --live PID NONCE PAGES: the same question of a running process, read without stopping
 *     it: the negative control, which must come out torn sooner or later.
 *
 * Exit status: 0 consistent, 1 torn, 2 pages are missing or the core cannot be read.
 */
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint32_t nonce;
static uint64_t n_pages, n_found;
static uint32_t *seqs;
static bool *found;

static void look(const unsigned char *data, size_t bytes)
{
	for (size_t i = 0; i + 16 <= bytes; i += 4) {
		uint32_t w[4];

		memcpy(w, data + i, sizeof(w));
		if (w[0] != 0x50414441 || w[1] != nonce || w[2] >= n_pages)
			continue;
		if (!found[w[2]])
			n_found++;
		found[w[2]] = true;
		seqs[w[2]] = w[3];
	}
}

static int verdict(void)
{
	if (n_found != n_pages) {
		printf("missing: %" PRIu64 " of %" PRIu64 " pages\n", n_pages - n_found, n_pages);
		return 2;
	}
	for (uint64_t i = 1; i < n_pages; i++) {
		if (seqs[i] > seqs[i - 1] || seqs[0] - seqs[i] > 1) {
			printf("torn: page %" PRIu64 " is %u, page %" PRIu64
			       " is %u, page 0 is %u\n",
			       i - 1, seqs[i - 1], i, seqs[i], seqs[0]);
			return 1;
		}
	}
	printf("consistent: %u..%u\n", seqs[n_pages - 1], seqs[0]);
	return 0;
}

/* A window at a time; a pattern may lie across two: they overlap. */
static void look_fd(int fd, uint64_t at, uint64_t bytes)
{
	static unsigned char buf[1 << 20];

	while (bytes >= 16) {
		size_t want = bytes < sizeof(buf) ? bytes : sizeof(buf);
		ssize_t n = pread(fd, buf, want, (off_t)at);

		if (n < 16)
			return;
		look(buf, (size_t)n);
		if ((uint64_t)n == bytes)
			return;
		at += (uint64_t)n - 12;
		bytes -= (uint64_t)n - 12;
	}
}

static int core(const char *path)
{
	int fd = open(path, O_RDONLY);
	Elf64_Ehdr eh;

	if (fd < 0 || pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || eh.e_type != ET_CORE) {
		printf("%s is no core\n", path);
		return 2;
	}
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		Elf64_Phdr ph;

		if (pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))) !=
		    sizeof(ph)) {
			printf("%s: program header %u is missing\n", path, i);
			return 2;
		}
		if (ph.p_type == PT_LOAD)
			look_fd(fd, ph.p_offset, ph.p_filesz);
	}
	close(fd);
	return verdict();
}

static int live(const char *pid)
{
	char path[64], line[512];
	uint64_t start, end;

	snprintf(path, sizeof(path), "/proc/%s/mem", pid);
	int fd = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	FILE *maps = fopen(path, "r");
	if (fd < 0 || !maps) {
		printf("cannot read process %s\n", pid);
		return 2;
	}
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " rw-p", &start, &end) == 2 &&
		    end - start < 1ull << 30)
			look_fd(fd, start, end - start);
	}
	fclose(maps);
	close(fd);
	return verdict();
}

int main(int argc, char **argv)
{
	bool is_live = argc == 5 && strcmp(argv[1], "--live") == 0;

	if (!is_live && argc != 4) {
		fprintf(stderr, "usage: coreprobe CORE|--live PID NONCE PAGES\n");
		return 2;
	}
	nonce = (uint32_t)strtoul(argv[argc - 2], NULL, 10);
	n_pages = strtoull(argv[argc - 1], NULL, 10);
	seqs = calloc(n_pages + 1, sizeof(*seqs));
	found = calloc(n_pages + 1, sizeof(*found));
	if (!seqs || !found)
		return 2;
	return is_live ? live(argv[2]) : core(argv[1]);
}
