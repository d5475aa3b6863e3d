/* The handler's parts without a kernel: what it reads, decides, counts and writes. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include "capture/handler/args.h"
#include "capture/handler/drain.h"
#include "capture/handler/head.h"
#include "capture/handler/identity.h"
#include "capture/handler/minicore.h"
#include "capture/handler/pass.h"
#include "capture/handler/policy.h"
#include "capture/setup/host.h"
#include "capture/setup/journal.h"
#include "capture/spool/config.h"
#include "capture/spool/counter.h"
#include "capture/spool/retention.h"
#include "unit.h"

static void make_dir(char path[static 32])
{
	strcpy(path, "/tmp/autopsy-unit.XXXXXX");
	assert_non_null(mkdtemp(path));
}

static void remove_dir(const char *path)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	assert_int_equal(system(command), 0);
}

static struct ap_config parsed(const char *text)
{
	struct ap_config c;

	ap_config_init(&c);
	assert_null(ap_config_parse(text, strlen(text), &c));
	return c;
}

static void test_config(void **state)
{
	(void)state;
	struct ap_config c =
		parsed("# comment\n\n core_max = 2G \nrate=3/10m\nreserve = 25%\nquota = 1.5G\n"
		       "full = no\nrule = skip exe /usr/bin/*\nrule = meta signal SIGSEGV\n"
		       "keep_time = 3d\nworkers = 4");

	assert_int_equal(c.complaints.n, 0);
	assert_int_equal(c.core_max, 2000000000);
	assert_int_equal(c.rate_count, 3);
	assert_true(c.rate_seconds == 600);
	assert_int_equal(ap_amount_of(c.reserve, 1000), 250);
	assert_int_equal(ap_amount_of(c.quota, 1000), 1500000000);
	assert_false(c.full);
	assert_int_equal(c.rules.n, 2);
	assert_int_equal(c.rules.at[0].action, AP_RULE_SKIP);
	assert_string_equal(c.rules.at[0].glob, "/usr/bin/*");
	assert_int_equal(c.rules.at[1].key, AP_RULE_SIGNAL);
	assert_true(c.keep_seconds == 3 * 86400);
	assert_int_equal(c.workers, 4);
	ap_config_close(&c);
}

/* Whatever is wrong is said and changes nothing. */
static void test_config_wrong(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"core_max = many",
		"core_max",
		"nonsense = 1",
		"rate = 5",
		"rate = /1h",
		"rate = 5/never",
		"reserve = 120%",
		"reserve = -3%",
		"full = perhaps",
		"workers = 0",
		"workers = 99999",
		"workers = -1",
		"rule = skip",
		"rule = skip exe",
		"rule = burn exe *",
		"rule = skip hair *",
		"mini_time = 0",
		"keep = 1e9",
		"= 3",
		"core_max = 1Q",
	};
	struct ap_config usual;

	ap_config_init(&usual);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct ap_config c = parsed(wrong[i]);

		if (c.complaints.n != 1)
			fail_msg("no complaint about %s", wrong[i]);
		assert_int_equal(c.core_max, usual.core_max);
		assert_int_equal(c.workers, usual.workers);
		assert_int_equal(c.rules.n, 0);
		assert_int_equal(c.full, usual.full);
		ap_config_close(&c);
	}
	ap_config_close(&usual);
}

static void test_config_environment(void **state)
{
	(void)state;
	char *const environment[] = {(char *)"AUTOPSY_CORE_MAX=3G",
				     (char *)"AUTOPSY_NODE=/usr/bin/node",
				     (char *)"AUTOPSY_RULE=skip any; mini exe *", NULL};
	struct ap_config c;

	assert_null(ap_config_load("/dev/null", environment, &c));
	assert_int_equal(c.core_max, 3000000000);
	assert_int_equal(c.rules.n, 2);
	assert_int_equal(c.complaints.n, 0);
	ap_config_close(&c);
}

static void test_args(void **state)
{
	(void)state;
	char *good[] = {(char *)"41",         (char *)"1",    (char *)"42",
			(char *)"1000",       (char *)"1001", (char *)"6",
			(char *)"1795791179", (char *)"1",    (char *)"18446744073709551615",
			(char *)"F3",         (char *)"pod",  (char *)"a b\",\"x\":\""};
	struct ap_kernel_args a;

	assert_null(ap_kernel_args_parse(12, good, &a));
	assert_int_equal(a.pid, 41);
	assert_int_equal(a.ns_pid, 1);
	assert_int_equal(a.pidfd, 3);
	assert_true(a.core_limit == UINT64_MAX);
	assert_string_equal(a.comm, "a b\",\"x\":\"");
	good[9] = (char *)"F";
	good[7] = (char *)"";
	assert_null(ap_kernel_args_parse(12, good, &a));
	assert_int_equal(a.pidfd, -1);
	assert_int_equal(a.dump_mode, -1);
	static char bad[][24] = {"", "-1", "x", "1x", "99999999999999999999", " 1"};
	for (size_t at = 0; at < 7; at++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			char *argv[12];

			memcpy(argv, good, sizeof(argv));
			argv[at] = bad[i];
			struct ap_err *err = ap_kernel_args_parse(12, argv, &a);
			if (!err)
				fail_msg("argument %zu: %s", at, bad[i]);
			ap_err_free(err);
		}
	}
	struct ap_err *err = ap_kernel_args_parse(11, good, &a);
	assert_non_null(err);
	ap_err_free(err);
}

#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_identity(void **state)
{
	(void)state;
	static const struct {
		const char *text, *container, *runtime, *pod;
	} rows[] = {
		{"0::/\n", "", "", ""},
		{"0::/user.slice/user-1000.slice/session-1.scope\n", "", "", ""},
		{"0::/kubepods/burstable/pod01234567-89ab-cdef-0123-456789abcdef/" ID64 "\n", ID64,
		 "", "01234567-89ab-cdef-0123-456789abcdef"},
		{"0::/kubepods.slice/kubepods-burstable.slice/"
		 "kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice/cri-containerd-" ID64
		 ".scope\n",
		 ID64, "cri-containerd", "01234567-89ab-cdef-0123-456789abcdef"},
		{"0::/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/crio-" ID64
		 ".scope\n",
		 ID64, "crio", "0123456789abcdef0123456789abcdef"},
		{"12:pids:/docker/" ID64 "\n1:name=systemd:/docker/" ID64 "\n", ID64, "", ""},
		{"0::/system.slice/docker-" ID64 ".scope\n", ID64, "docker", ""},
		{"0::/machine.slice/libpod-" ID64 ".scope/container\n", ID64, "libpod", ""},
		{"0::/a:b:c/" ID64 "0\n", "", "", ""}, /* 65 digits are no id */
		{"nonsense", "", "", ""},
		{"0:", "", "", ""},
		{"", "", "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ap_identity id;

		ap_identity_parse(rows[i].text, strlen(rows[i].text), &id);
		assert_string_equal(id.container, rows[i].container);
		assert_string_equal(id.runtime, rows[i].runtime);
		assert_string_equal(id.pod_uid, rows[i].pod);
	}
}

static void test_identity_pod(void **state)
{
	(void)state;
	struct ap_identity id = {.pod_uid = "01234567-89ab-cdef-0123-456789abcdef"};
	char dir[32], path[128];

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/shop_checkout-7d9f_%s", dir, id.pod_uid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/other_checkout-7d9f_ffffffff-89ab-cdef-0123-456789abcdef",
		 dir);
	assert_int_equal(mkdir(path, 0700), 0);
	ap_identity_find_pod(dir, &id);
	assert_string_equal(id.namespace_, "shop");
	assert_string_equal(id.pod, "checkout-7d9f");
	remove_dir(dir);
}

static void test_policy(void **state)
{
	(void)state;
	struct ap_context x = {.args = {.uid = 1000, .signal = 11, .comm = "node"},
			       .exe_path = "/app/node"};
	static const struct {
		const char *rules;
		enum ap_rule_action action;
		size_t rule;
	} rows[] = {
		{"", AP_RULE_CAPTURE, 0},
		{"rule = skip exe /app/*", AP_RULE_SKIP, 1},
		{"rule = skip exe /opt/*\nrule = mini comm node", AP_RULE_MINI, 2},
		{"rule = meta uid 1000", AP_RULE_META, 1},
		{"rule = meta uid 100", AP_RULE_CAPTURE, 0},
		{"rule = skip signal SEGV", AP_RULE_SKIP, 1},
		{"rule = skip signal SIGSEGV", AP_RULE_SKIP, 1},
		{"rule = skip signal 11", AP_RULE_SKIP, 1},
		{"rule = skip signal SIG[!S]*", AP_RULE_CAPTURE, 0},
		{"rule = capture namespace shop\nrule = pass any", AP_RULE_CAPTURE, 1},
		{"rule = capture namespace shop2\nrule = pass any", AP_RULE_PASS, 2},
		{"rule = skip env MODE=test*", AP_RULE_SKIP, 1},
		{"rule = skip env CUT=off", AP_RULE_CAPTURE, 0}, /* its end is not known */
	};

	snprintf(x.identity.namespace_, sizeof(x.identity.namespace_), "shop");
	ap_str_add(&x.environ, "A=1\0MODE=testing\0CUT=off", 24);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ap_config c = parsed(rows[i].rules);
		struct ap_policy policy;

		assert_int_equal(c.complaints.n, 0);
		if (ap_policy_decide(&c, &x, &policy) != rows[i].action ||
		    policy.rule != rows[i].rule || policy.n_open)
			fail_msg("%s", rows[i].rules);
		ap_config_close(&c);
	}
	ap_str_close(&x.environ);
}

static void test_pass_expand(void **state)
{
	(void)state;
	struct ap_context x = {.args = {.pid = 41,
					.ns_pid = 1,
					.tid = 42,
					.uid = 5,
					.gid = 6,
					.signal = 11,
					.time = 99,
					.dump_mode = 1,
					.core_limit = 7,
					.hostname = "..",
					.comm = "../../etc/x"},
			       .exe_path = "/usr/bin/node"};
	static const struct {
		const char *word, *path, *text;
	} rows[] = {
		{"core", "core", "core"},
		{"core.%p.%P.%I", "core.1.41.42", "core.1.41.42"},
		{"%u-%g-%s-%t-%d-%c%%", "5-6-11-99-1-7%", "5-6-11-99-1-7%"},
		{"%e", "..!..!etc!x", "../../etc/x"},
		{"%h", "!", ".."},
		{"%E-%f", "!usr!bin!node-node", "!usr!bin!node-node"},
		{"a%q%", "a", "a"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (int path = 0; path < 2; path++) {
			AP_STR_AUTO out = {0};

			ap_pass_expand(rows[i].word, strlen(rows[i].word), &x, path, &out);
			assert_string_equal(out.s, path ? rows[i].path : rows[i].text);
		}
	}
}

static void test_counter(void **state)
{
	(void)state;
	char dir[32], key[AP_PROGRAM_KEY_SIZE], other[AP_PROGRAM_KEY_SIZE];
	struct ap_spool spool;
	struct ap_counter c;
	bool full;

	ap_program_key("/a", 1, "/pod/" ID64, key);
	ap_program_key("/a", 1, "/pod/f" ID64, other);
	assert_string_equal(key, other); /* the container's own id does not count */
	ap_program_key("/a", 2, "/pod/" ID64, other);
	assert_string_not_equal(key, other);
	make_dir(dir);
	assert_null(ap_spool_open(dir, true, &spool));
	for (unsigned i = 0; i < 10; i++) {
		assert_null(ap_counter_add(&spool, key, 1000 + i, 3, 60, &full, &c));
		assert_int_equal(full, i < 3);
	}
	assert_int_equal(c.count, 10);
	assert_int_equal(c.full, 3);
	assert_null(ap_counter_add(&spool, key, 1061, 3, 60, &full, &c));
	assert_true(full);
	assert_int_equal(c.seen_in_window, 1);
	/* A clock that was set back begins a new window as well. */
	assert_null(ap_counter_add(&spool, key, 10, 3, 60, &full, &c));
	assert_true(full);
	ap_counter_read(&spool, key, &c);
	assert_int_equal(c.count, 12);
	ap_spool_close(&spool);
	remove_dir(dir);
}

static void test_spool(void **state)
{
	(void)state;
	char dir[32], path[128];
	struct ap_spool spool;
	struct ap_crash crash, again;
	struct ap_new_file file;
	char(*uuids)[AP_UUID_SIZE];
	uint64_t bytes;
	size_t n;

	make_dir(dir);
	assert_null(ap_spool_open(dir, true, &spool));
	assert_null(ap_crash_create(&spool, &crash));
	assert_null(ap_dir_write(crash.dir, "meta.json", "{}", 2));
	assert_null(ap_new_file_open(crash.dir, "core.zst", &file));
	assert_int_equal(write(file.fd, "x", 1), 1);
	assert_false(ap_dir_size(crash.dir, "core.zst", &bytes));
	assert_null(ap_spool_list(&spool, &uuids, &n));
	assert_int_equal(n, 0); /* not visible yet */
	free(uuids);
	ap_spool_sweep(&spool); /* nor swept: it is being written */
	assert_null(ap_crash_publish(&spool, &crash));
	assert_null(ap_new_file_commit(crash.dir, "core.zst", true, &file));
	assert_true(ap_dir_size(crash.dir, "core.zst", &bytes));
	assert_int_equal(bytes, 1);
	assert_null(ap_crash_open(&spool, "last", &again));
	assert_string_equal(again.uuid, crash.uuid);
	assert_true(ap_crash_is_busy(&again));
	struct ap_err *err = ap_spool_remove(&spool, crash.uuid);
	assert_non_null(err);
	ap_err_free(err);
	ap_crash_close(&spool, &crash);
	assert_false(ap_crash_is_busy(&again));
	ap_crash_close(&spool, &again);
	err = ap_crash_open(&spool, "../x", &again);
	assert_non_null(err);
	ap_err_free(err);
	/* An unfinished one of a handler that is gone. */
	assert_null(ap_crash_create(&spool, &crash));
	snprintf(path, sizeof(path), "%s/crashes/.%.36s", dir, crash.uuid);
	close(crash.dir);
	ap_spool_sweep(&spool);
	assert_int_not_equal(access(path, F_OK), 0);
	ap_spool_close(&spool);
	remove_dir(dir);
}

/* Processes that crash in one moment: each handler sweeps while the others make their directories.
 */
static void test_spool_sweeps_at_once(void **state)
{
	(void)state;
	char dir[32];
	struct ap_spool spool;
	struct ap_crash crash;
	int lost = 0;

	make_dir(dir);
	assert_null(ap_spool_open(dir, true, &spool));
	pid_t sweeper = fork();
	if (sweeper == 0) {
		for (;;)
			ap_spool_sweep(&spool);
	}
	for (int i = 0; i < 2000; i++) {
		struct ap_err *err = ap_crash_create(&spool, &crash);

		if (!err) {
			err = ap_dir_write(crash.dir, "meta.json", "{}", 2);
			ap_crash_close(&spool, &crash);
		}
		lost += err != NULL;
		ap_err_free(err);
	}
	kill(sweeper, SIGKILL);
	assert_int_equal(waitpid(sweeper, NULL, 0), sweeper);
	assert_int_equal(lost, 0);
	ap_spool_close(&spool);
	remove_dir(dir);
}

static void test_retention(void **state)
{
	(void)state;
	char dir[32];
	struct ap_spool spool;
	struct ap_room room;
	char(*uuids)[AP_UUID_SIZE];
	char newest[AP_UUID_SIZE] = "";
	size_t n;

	make_dir(dir);
	assert_null(ap_spool_open(dir, true, &spool));
	for (unsigned i = 0; i < 6; i++) {
		static char megabyte[1 << 20];
		struct ap_crash crash;

		assert_null(ap_crash_create(&spool, &crash));
		memset(megabyte, 'x', sizeof(megabyte));
		assert_null(ap_dir_write(crash.dir, "meta.json", "{}", 2));
		assert_null(ap_dir_write(crash.dir, "core.zst", megabyte, sizeof(megabyte)));
		assert_null(ap_crash_publish(&spool, &crash));
		memcpy(newest, crash.uuid, sizeof(newest));
		ap_crash_close(&spool, &crash);
		usleep(2000);
	}
	struct ap_config c = parsed("keep = 4\nquota = 2500k\nreserve = 1k");
	assert_null(ap_spool_evict(&spool, &c, 0, NULL, &room));
	assert_null(ap_spool_list(&spool, &uuids, &n));
	assert_int_equal(n, 4);
	free(uuids);
	/* Room for half a megabyte: cores of the oldest go, their facts stay. */
	assert_null(ap_spool_evict(&spool, &c, 500000, newest, &room));
	assert_true(ap_room_left(&room) >= 500000);
	assert_null(ap_spool_list(&spool, &uuids, &n));
	assert_int_equal(n, 4);
	assert_string_equal(uuids[3], newest);
	struct ap_crash crash;
	uint64_t bytes;
	assert_null(ap_crash_open(&spool, uuids[0], &crash));
	assert_false(ap_dir_size(crash.dir, "core.zst", &bytes));
	assert_true(ap_dir_size(crash.dir, "meta.json", &bytes));
	ap_crash_close(&spool, &crash);
	free(uuids);
	/* More than there is: everything goes but the newest. */
	assert_null(ap_spool_evict(&spool, &c, 1ull << 60, newest, &room));
	assert_null(ap_spool_list(&spool, &uuids, &n));
	assert_int_equal(n, 1);
	free(uuids);
	ap_config_close(&c);
	ap_spool_close(&spool);
	remove_dir(dir);
}

/* A clock that jumps a year ahead must not empty the spool. */
static void test_retention_clock(void **state)
{
	(void)state;
	static const char *const ids[] = {"01800000-0000-7000-8000-000000000000",
					  "01800000-5265-7000-8000-000000000000"};
	char dir[32], path[96];
	struct ap_spool spool;
	struct ap_room room;
	char(*uuids)[AP_UUID_SIZE];
	size_t n;

	make_dir(dir);
	assert_null(ap_spool_open(dir, true, &spool));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/crashes/%s", dir, ids[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	struct ap_config c = parsed("keep_time = 1d\nquota = 100%\nreserve = 1k");
	assert_null(ap_spool_evict(&spool, &c, 0, NULL, &room));
	assert_null(ap_spool_list(&spool, &uuids, &n));
	assert_int_equal(n, 2);
	free(uuids);
	ap_config_close(&c);
	ap_spool_close(&spool);
	remove_dir(dir);
}

static void test_journal(void **state)
{
	(void)state;
	char dir[32], path[64], file[64], other[64];
	struct ap_journal j;
	AP_STR_AUTO text = {0};
	int e;

	make_dir(dir);
	snprintf(path, sizeof(path), "%s/journal", dir);
	snprintf(file, sizeof(file), "%s/a", dir);
	snprintf(other, sizeof(other), "%s/new", dir);
	FILE *f = fopen(file, "w");
	fwrite("old\0\xff\n\n", 1, 7, f);
	fclose(f);
	assert_null(ap_journal_open(path, &j));
	assert_null(ap_journal_change(&j, file, AP_TEXT("ours\n")));
	assert_null(ap_journal_change(&j, other, AP_TEXT("fresh\n")));
	assert_null(ap_journal_change(&j, file, AP_TEXT("ours again\n")));
	ap_journal_close(&j);
	assert_null(ap_journal_open(path, &j)); /* as after a kill */
	assert_int_equal(j.changes.n, 2);
	assert_int_equal(ap_journal_restore(&j.changes.at[0], &e), AP_RESTORED);
	assert_true(ap_setting_read(file, &text));
	assert_int_equal(text.n, 7);
	assert_memory_equal(text.s, "old\0\xff\n\n", 7);
	assert_int_equal(ap_journal_restore(&j.changes.at[0], &e), AP_RESTORED_WAS);
	assert_int_equal(ap_journal_restore(&j.changes.at[1], &e), AP_RESTORED);
	assert_int_not_equal(access(other, F_OK), 0);
	f = fopen(file, "w");
	fputs("theirs", f);
	fclose(f);
	assert_int_equal(ap_journal_restore(&j.changes.at[0], &e), AP_RESTORED_FOREIGN);
	assert_null(ap_journal_remove(&j));
	ap_journal_close(&j);
	remove_dir(dir);
}

/* The text of which the last frames, the index and all bytes are known. */
static void test_drain(void **state)
{
	(void)state;
	enum { HEAD = 5000, BYTES = 5 << 20 };
	char *data = malloc(BYTES), *back = malloc(BYTES);
	struct ap_drain_options o = {.threads = 2,
				     .guard = -1,
				     .core_bytes = BYTES,
				     .most_bytes = UINT64_MAX,
				     .deadline_ns = UINT64_MAX};
	struct ap_drain_result r;
	AP_STR_AUTO head = {0};

	for (size_t i = 0; i < BYTES; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	ap_str_add(&head, data, HEAD);
	for (unsigned round = 0; round < 3; round++) {
		int from = memfd_create("from", 0), to = memfd_create("to", 0);

		assert_int_equal(write(from, data + HEAD, BYTES - HEAD), BYTES - HEAD);
		lseek(from, 0, SEEK_SET);
		o.core_bytes = round == 1 ? BYTES + 1 : BYTES;
		o.most_bytes = round == 2 ? 100 : UINT64_MAX;
		assert_null(ap_drain(from, &head, to, &o, &r));
		assert_int_equal(r.end, round == 0   ? AP_DRAIN_WHOLE
					: round == 1 ? AP_DRAIN_SHORT
						     : AP_DRAIN_ROOM);
		if (round < 2) {
			struct stat st;

			assert_int_equal(fstat(to, &st), 0);
			assert_int_equal((uint64_t)st.st_size, r.stored_bytes);
			assert_int_equal(r.frames, 3);
			char *file = malloc((size_t)st.st_size);
			assert_int_equal(pread(to, file, (size_t)st.st_size, 0), st.st_size);
			assert_int_equal(ZSTD_decompress(back, BYTES, file, (size_t)st.st_size),
					 BYTES);
			assert_memory_equal(back, data, BYTES);
			free(file);
		}
		close(from);
		close(to);
	}
	free(data);
	free(back);
}

static void test_pattern_length(void **state)
{
	(void)state;
	char program[200], pattern[512];

	memset(program, 'x', sizeof(program));
	program[0] = '/';
	for (size_t n = 60; n < 120; n++) {
		program[n] = '\0';
		struct ap_err *err = ap_host_pattern(program, NULL, pattern, sizeof(pattern));
		assert_int_equal(err == NULL,
				 strlen("|") + n + strlen(" handle " AP_HANDLE_SPECIFIERS) <= 127);
		ap_err_free(err);
		program[n] = 'x';
	}
}

static void test_head(void **state)
{
	(void)state;
	/* A core of 70,000 ranges, as the kernel writes it: the count is at the end, the notes are
	 * not. */
	enum { N = 70000 };
	Elf64_Ehdr eh = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT},
			 .e_type = ET_CORE,
			 .e_machine = EM_X86_64,
			 .e_phoff = sizeof(eh),
			 .e_phentsize = sizeof(Elf64_Phdr),
			 .e_phnum = PN_XNUM,
			 .e_shoff = 1ull << 40};
	Elf64_Phdr *ph = calloc(N, sizeof(*ph));
	struct ap_head head;
	int fd = memfd_create("core", 0);

	ph[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = sizeof(eh) + N * sizeof(*ph), .p_filesz = 64};
	for (size_t i = 1; i < N; i++)
		ph[i] = (Elf64_Phdr){.p_type = PT_LOAD,
				     .p_vaddr = i << 12,
				     .p_filesz = 4096,
				     .p_memsz = 4096,
				     .p_offset = (i + 1000) << 12};
	assert_int_equal(write(fd, &eh, sizeof(eh)), sizeof(eh));
	assert_int_equal(write(fd, ph, N * sizeof(*ph)), N * sizeof(*ph));
	assert_int_equal(ftruncate(fd, sizeof(eh) + N * sizeof(*ph) + 100), 0);
	lseek(fd, 0, SEEK_SET);
	assert_null(ap_head_read(fd, &head));
	assert_int_equal(head.header.n_phdrs, N);
	assert_int_equal(head.core_bytes, (uint64_t)(N - 1 + 1001) << 12);
	assert_int_equal(head.bytes.n, sizeof(eh) + N * sizeof(*ph) + 64);
	ap_head_close(&head);
	/* Cut off anywhere: an error, and what was read is kept. */
	for (size_t cut = sizeof(eh) + 3 * sizeof(*ph); cut-- > 0;) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		lseek(fd, 0, SEEK_SET);
		struct ap_err *err = ap_head_read(fd, &head);
		assert_non_null(err);
		assert_int_equal(head.bytes.n, cut);
		ap_err_free(err);
		ap_head_close(&head);
	}
	close(fd);
	free(ph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_wrong),
		cmocka_unit_test(test_config_environment),
		cmocka_unit_test(test_args),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_identity_pod),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_pass_expand),
		cmocka_unit_test(test_counter),
		cmocka_unit_test(test_spool),
		cmocka_unit_test(test_spool_sweeps_at_once),
		cmocka_unit_test(test_retention),
		cmocka_unit_test(test_retention_clock),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_pattern_length),
		cmocka_unit_test(test_head),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
