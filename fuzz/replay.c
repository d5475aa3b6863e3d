/*
 * Runs a fuzz target over a corpus without libFuzzer, so that what was once found stays fixed:
 *
 *   replay_TARGET [-m VARIANTS] [-r COUNT] [-s SECONDS] [-t SECONDS] [-k FILE] FILE|DIR ...
 *
 * -m: each input also VARIANTS times with damage, always the same: cut off, bits flipped, words
 *     replaced by the numbers that parsers stumble over
 * -r: then COUNT inputs of random bytes, always the same
 * -s: no new damaged or random input after so many seconds: the corpus itself always runs whole
 * -t: an input that takes longer is a failure
 * -k: FILE holds the input of the moment, and stays if the target dies of it
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RANDOM_BYTES = 512 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);
/* A target may have one. */
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned variants, random_inputs, limit_s, run_limit_s;
static int keep_fd = -1;
static time_t started;
static size_t runs;

static bool time_left(void)
{
	return !limit_s || time(NULL) - started < (time_t)limit_s;
}

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
	if (keep_fd >= 0 &&
	    (ftruncate(keep_fd, 0) < 0 || pwrite(keep_fd, copy, bytes, 0) != (ssize_t)bytes))
		abort();
	/* The signal ends us: that is the failure. */
	alarm(run_limit_s);
	LLVMFuzzerTestOneInput(copy, bytes);
	alarm(0);
	free(copy);
	runs++;
}

static void run_damaged(const uint8_t *data, size_t bytes, uint64_t *seed)
{
	static const uint64_t odd[] = {0,
				       1,
				       0x7f,
				       0xff,
				       0xffff,
				       0x7fffffff,
				       0xffffffff,
				       1ull << 47,
				       INT64_MAX,
				       UINT64_MAX,
				       UINT64_MAX - 4095,
				       4096};
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
	for (unsigned i = 0; i < variants && st.st_size && time_left(); i++)
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

static void run_random(void)
{
	uint64_t seed = 0x2545f4914f6cdd1du;

	for (unsigned i = 0; i < random_inputs && time_left(); i++) {
		uint64_t data[MAX_RANDOM_BYTES / 8];
		size_t words = 2 + next_random(&seed) % (MAX_RANDOM_BYTES / 8 - 1);

		for (size_t k = 0; k < words; k++)
			data[k] = next_random(&seed);
		run((const uint8_t *)data, words * sizeof(data[0]));
	}
}

int main(int argc, char **argv)
{
	const char *keep = NULL;
	int files = 0, option;

	while ((option = getopt(argc, argv, "m:r:s:t:k:")) != -1) {
		unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

		switch (option) {
		case 'm':
			variants = number;
			break;
		case 'r':
			random_inputs = number;
			break;
		case 's':
			limit_s = number;
			break;
		case 't':
			run_limit_s = number;
			break;
		case 'k':
			keep = optarg;
			break;
		default:
			return 64;
		}
	}
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	if (keep && (keep_fd = open(keep, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0) {
		perror(keep);
		return 2;
	}
	started = time(NULL);
	for (int i = optind; i < argc; i++)
		files += replay(argv[i]);
	run_random();
	if (keep)
		unlink(keep);
	printf("%d inputs, %zu runs\n", files, runs);
	return files ? 0 : 1; /* an empty corpus proves nothing */
}
