/*
 * Runs a fuzz target over a corpus without libFuzzer, so that what was once found stays fixed:
 *
 *   replay_TARGET [-m VARIANTS] FILE|DIR ...
 *
 * -m: each input also VARIANTS times with damage, always the same: cut off, bits flipped, words
 * replaced by the numbers that parsers stumble over.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static unsigned variants;
static size_t runs;

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* A copy of exactly the right size: a sanitizer then sees every byte read beyond it. */
static void run(const uint8_t *data, size_t bytes)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);

	if (!copy)
		abort();
	if (bytes)
		memcpy(copy, data, bytes);
	LLVMFuzzerTestOneInput(copy, bytes);
	free(copy);
	runs++;
}

static void run_damaged(const uint8_t *data, size_t bytes, uint64_t *seed)
{
	static const uint64_t odd[] = {0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, 1ull << 47,
				       INT64_MAX, UINT64_MAX, UINT64_MAX - 4095, 4096};
	uint8_t *copy = malloc(bytes);

	if (!copy)
		abort();
	memcpy(copy, data, bytes);
	for (uint64_t n = next_random(seed) % 8; n-- > 0;) {
		uint64_t r = next_random(seed);
		/* Half of the damage goes into the first kilobyte, where the headers are. */
		size_t at = (r >> 8) % (r & 1 && bytes > 1024 ? 1024 : bytes);
		size_t width = (size_t)1 << (r >> 4 & 3);

		if (r & 2)
			copy[at] ^= (uint8_t)(1 << (r >> 60 & 7));
		else if (bytes - at >= width)
			memcpy(copy + at, &odd[(r >> 32) % (sizeof(odd) / sizeof(odd[0]))], width);
	}
	run(copy, next_random(seed) % 4 ? bytes : next_random(seed) % bytes);
	free(copy);
}

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data;

	if (!f || fstat(fileno(f), &st) < 0 || !(data = malloc((size_t)st.st_size + 1)) ||
	    fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size) {
		perror(path);
		exit(2);
	}
	fclose(f);
	uint64_t seed = 0x9e3779b97f4a7c15u ^ (uint64_t)st.st_size;
	run(data, (size_t)st.st_size);
	for (unsigned i = 0; i < variants && st.st_size; i++)
		run_damaged(data, (size_t)st.st_size, &seed);
	free(data);
	return 1;
}

static int replay(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int files = 0;

	if (!dir)
		return replay_file(path);
	while ((entry = readdir(dir))) {
		char file[4096];

		if (entry->d_name[0] == '.' ||
		    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) >= (int)sizeof(file))
			continue;
		files += replay_file(file);
	}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0, option;

	while ((option = getopt(argc, argv, "m:")) != -1) {
		if (option != 'm')
			return 64;
		variants = (unsigned)strtoul(optarg, NULL, 10);
	}
	for (int i = optind; i < argc; i++)
		files += replay(argv[i]);
	printf("%d inputs, %zu runs\n", files, runs);
	return files ? 0 : 1; /* an empty corpus proves nothing */
}
