#include "capture/spool/config.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "base/str.h"

enum { FILE_MAX_BYTES = 1 << 20, MAX_RULES = 1000, MAX_COMPLAINTS = 50, MAX_FOLDERS = 100 };

#define ETC_PATH "/etc/autopsy/autopsy.conf"

enum kind {
	KIND_TEXT,
	KIND_BOOL,
	KIND_SIZE,
	KIND_COUNT,
	KIND_TIME,
	KIND_AMOUNT,
	KIND_RATE,
	KIND_RULE,
	KIND_FOLDER
};

struct key {
	const char *name;
	enum kind kind;
	size_t offset, bytes; /* bytes: of a text */
	double least, most;
};

#define AT(field) offsetof(struct ap_config, field)
#define SHIP_TEXT(name, field)                                                                     \
	{                                                                                          \
		name, KIND_TEXT, AT(ship.field), sizeof(((struct ap_config *)0)->ship.field), 0, 0 \
	}

static const struct key keys[] = {
	{"spool", KIND_TEXT, AT(spool), sizeof(((struct ap_config *)0)->spool), 0, 0},
	{"user", KIND_TEXT, AT(user), sizeof(((struct ap_config *)0)->user), 0, 0},
	{"chain", KIND_TEXT, AT(chain), sizeof(((struct ap_config *)0)->chain), 0, 0},
	{"rule", KIND_RULE, 0, 0, 0, 0},
	{"full", KIND_BOOL, AT(full), 0, 0, 0},
	{"core_max", KIND_SIZE, AT(core_max), 0, 0, 1e15},
	{"mini_max", KIND_SIZE, AT(mini_max), 0, 1 << 20, 64 << 20},
	{"program_max", KIND_SIZE, AT(program_max), 0, 0, 1e12},
	{"mini_time", KIND_TIME, AT(mini_seconds), 0, 0.01, 600},
	{"core_time", KIND_TIME, AT(core_seconds), 0, 0.01, 86400},
	{"stall_time", KIND_TIME, AT(stall_seconds), 0, 0.1, 3600},
	{"rate", KIND_RATE, AT(rate_count), 0, 0, 0},
	{"reserve", KIND_AMOUNT, AT(reserve), 0, 0, 1e15},
	{"quota", KIND_AMOUNT, AT(quota), 0, 0, 1e15},
	{"keep", KIND_COUNT, AT(keep_count), 0, 0, 1e6},
	{"keep_time", KIND_TIME, AT(keep_seconds), 0, 0, 1e9},
	{"workers", KIND_COUNT, AT(workers), 0, 1, 16},
	SHIP_TEXT("s3_bucket", bucket),
	SHIP_TEXT("s3_prefix", prefix),
	SHIP_TEXT("s3_endpoint", endpoint),
	SHIP_TEXT("s3_region", region),
	SHIP_TEXT("s3_style", style),
	SHIP_TEXT("s3_keys_file", keys_file),
	SHIP_TEXT("s3_ca_file", ca_file),
	SHIP_TEXT("s3_proxy", proxy),
	SHIP_TEXT("s3_encryption", encryption),
	SHIP_TEXT("s3_encryption_key", encryption_key),
	SHIP_TEXT("bundle_name", name),
	SHIP_TEXT("cluster", cluster),
	SHIP_TEXT("event_url", event_url),
	SHIP_TEXT("event_file", event_file),
	{"s3_part", KIND_SIZE, AT(ship.part_bytes), 0, 5 << 20, 1 << 30},
	{"s3_tries", KIND_COUNT, AT(ship.tries), 0, 1, 100},
	{"s3_stall", KIND_TIME, AT(ship.stall_seconds), 0, 1, 3600},
	{"ship_programs", KIND_BOOL, AT(ship.programs), 0, 0, 0},
	{"ship_keep", KIND_TIME, AT(ship.keep_seconds), 0, 0, 1e9},
	{"ship_folder", KIND_FOLDER, 0, 0, 0, 0},
	{"cri", KIND_TEXT, AT(cri), sizeof(((struct ap_config *)0)->cri), 0, 0},
	{"cri_time", KIND_TIME, AT(cri_seconds), 0, 0.01, 600},
	{"stack_time", KIND_TIME, AT(stack_seconds), 0, 1, 3600},
	{"log_lines", KIND_COUNT, AT(log_lines), 0, 0, 100000},
	{"pod_logs", KIND_TEXT, AT(pod_logs), sizeof(((struct ap_config *)0)->pod_logs), 0, 0},
};

static const char *const action_names[] = {"capture", "mini", "meta", "skip", "pass"};
static const char *const rule_keys[] = {"any",       "exe", "comm",      "uid", "signal", "cgroup",
					"namespace", "pod", "container", "env", "label"};

const char *ap_rule_action_name(enum ap_rule_action action)
{
	return action_names[action];
}

const char *ap_rule_key_name(enum ap_rule_key key)
{
	return rule_keys[key];
}

uint64_t ap_amount_of(struct ap_amount amount, uint64_t disk_bytes)
{
	return amount.percent > 0 ? (uint64_t)((double)disk_bytes * amount.percent / 100)
				  : amount.bytes;
}

void ap_config_init(struct ap_config *config)
{
	*config = (struct ap_config){
		.spool = "/var/lib/autopsy",
		.user = "nobody",
		.full = true,
		.core_max = 64ull << 30,
		.mini_max = 18 << 20,
		.program_max = 512 << 20,
		.mini_seconds = 20,
		.core_seconds = 600,
		.stall_seconds = 30,
		.rate_count = 5,
		.rate_seconds = 3600,
		.reserve = {.percent = 10},
		.quota = {.percent = 10},
		.keep_count = 1000,
		.keep_seconds = 14 * 86400,
		.workers = 2,
		.ship = {.part_bytes = 8 << 20,
			 .programs = true,
			 .keep_seconds = 86400,
			 .tries = 6,
			 .stall_seconds = 30},
		.cri_seconds = 2,
		.stack_seconds = 60,
		.log_lines = 500,
		.pod_logs = "/var/log/pods",
	};
	ap_arena_init(&config->arena, 8 << 20);
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	if (geteuid() != 0 && data && *data)
		snprintf(config->spool, sizeof(config->spool), "%s/autopsy", data);
	else if (geteuid() != 0 && home && *home)
		snprintf(config->spool, sizeof(config->spool), "%s/.local/share/autopsy", home);
}

void ap_config_close(struct ap_config *config)
{
	ap_arena_close(&config->arena);
	*config = (struct ap_config){0};
}

void ap_config_path(char *buf, size_t bytes)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	snprintf(buf, bytes, "%s", ETC_PATH);
	if (geteuid() != 0 && config && *config)
		snprintf(buf, bytes, "%s/autopsy/autopsy.conf", config);
	else if (geteuid() != 0 && home && *home)
		snprintf(buf, bytes, "%s/.config/autopsy/autopsy.conf", home);
}

__attribute__((format(printf, 3, 4))) static bool complain(struct ap_config *config,
							   const char *where, const char *fmt, ...)
{
	AP_STR_AUTO text = {0};
	char message[512];
	va_list ap;

	if (config->complaints.n == MAX_COMPLAINTS)
		return true;
	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	ap_str_addf(&text, "%s: %s", where, message);
	const char *kept = ap_str_text(&text, &config->arena).s;
	return kept && ap_vec_push(&config->arena, &config->complaints, kept);
}

static bool word_index(const char *word, const char *const *list, size_t n, unsigned *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(word, list[i]) == 0) {
			*ret = (unsigned)i;
			return true;
		}
	}
	return false;
}

/* `skip exe GLOB`, `pass any`. NULL: fine; else what is wrong with it. */
static const char *set_rule(struct ap_config *config, char *value)
{
	char *save, *action = strtok_r(value, " \t", &save);
	char *key = action ? strtok_r(NULL, " \t", &save) : NULL;
	char *glob = key ? save + strspn(save, " \t") : NULL;
	unsigned a, k;

	if (!key)
		return "a rule is ACTION KEY PATTERN, for instance: skip exe /usr/bin/python*";
	if (!word_index(action, action_names, sizeof(action_names) / sizeof(action_names[0]), &a))
		return "the action of a rule is capture, mini, meta, skip or pass";
	if (!word_index(key, rule_keys, AP_N_RULE_KEYS, &k))
		return "a rule's key is any, exe, comm, uid, signal, cgroup, namespace, pod, container, "
		       "env or label";
	if (k != AP_RULE_ANY && !*glob)
		return "the pattern of this rule is missing";
	if (k == AP_RULE_LABEL && a == AP_RULE_PASS)
		return "a rule by label cannot pass: labels are known only when the core is gone";
	if (config->rules.n == MAX_RULES)
		return "too many rules";
	struct ap_rule rule = {(enum ap_rule_action)a, (enum ap_rule_key)k,
			       ap_strdup(&config->arena, glob)};
	return rule.glob && ap_vec_push(&config->arena, &config->rules, rule) ? NULL
									      : "out of memory";
}

static const char *set_rate(struct ap_config *config, char *value)
{
	char *slash = strchr(value, '/'), *end;
	double seconds;

	if (strcmp(value, "none") == 0) {
		config->rate_count = 0;
		return NULL;
	}
	unsigned long count = strtoul(value, &end, 10);
	if (!slash || end != slash || !count || !ap_duration_parse(slash + 1, &seconds) ||
	    seconds <= 0)
		return "a rate is COUNT/TIME, for instance 5/1h, or none";
	config->rate_count = count;
	config->rate_seconds = seconds;
	return NULL;
}

static const char *add_folder(struct ap_config *config, const char *value)
{
	const char *copy = ap_strdup(&config->arena, value);

	if (value[0] != '/')
		return "a folder is named from the root: /var/crash";
	if (config->ship.folders.n == MAX_FOLDERS)
		return "too many folders";
	return copy && ap_vec_push(&config->arena, &config->ship.folders, copy) ? NULL
										: "out of memory";
}

static const char *set_amount(char *value, struct ap_amount *ret)
{
	size_t n = strlen(value);
	uint64_t bytes;
	char *end;

	if (n && value[n - 1] == '%') {
		double percent = strtod(value, &end);

		if (end != value + n - 1 || !(percent > 0 && percent <= 100))
			return "a percentage between 0 and 100 is needed";
		*ret = (struct ap_amount){.percent = percent};
		return NULL;
	}
	if (!ap_size_parse(value, &bytes))
		return "this is no size: 500M, 20G, 10%";
	*ret = (struct ap_amount){.bytes = bytes};
	return NULL;
}

static const char *set_bool(const char *value, bool *ret)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
	unsigned at;

	if (!word_index(value, words, sizeof(words) / sizeof(words[0]), &at))
		return "yes or no is needed";
	*ret = at % 2;
	return NULL;
}

static const char *set(struct ap_config *config, const struct key *key, char *value)
{
	void *field = (char *)config + key->offset;
	uint64_t bytes;
	double seconds;
	char *end;

	switch (key->kind) {
	case KIND_TEXT:
		if (strlen(value) >= key->bytes)
			return "this text is too long";
		memcpy(field, value, strlen(value) + 1);
		return NULL;
	case KIND_BOOL:
		return set_bool(value, field);
	case KIND_COUNT:
		errno = 0;
		bytes = strtoull(value, &end, 10);
		if (!isdigit((unsigned char)*value) || *end || errno ||
		    (double)bytes < key->least || (double)bytes > key->most)
			return "this is no number, or out of bounds";
		*(uint64_t *)field = bytes;
		return NULL;
	case KIND_SIZE:
		if (!ap_size_parse(value, &bytes) || (double)bytes < key->least ||
		    (double)bytes > key->most)
			return "this is no size, or out of bounds: 500M, 2G";
		*(uint64_t *)field = bytes;
		return NULL;
	case KIND_TIME:
		if (!ap_duration_parse(value, &seconds) || seconds < key->least ||
		    seconds > key->most)
			return "this is no time, or out of bounds: 20s, 10m, 14d";
		*(double *)field = seconds;
		return NULL;
	case KIND_AMOUNT:
		return set_amount(value, field);
	case KIND_RATE:
		return set_rate(config, value);
	case KIND_RULE:
		return set_rule(config, value);
	case KIND_FOLDER:
		return add_folder(config, value);
	}
	return NULL;
}

static bool set_named(struct ap_config *config, const char *where, const char *name, char *value)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		const char *wrong = set(config, &keys[i], value);

		return !wrong || complain(config, where, "%s: %s", name, wrong);
	}
	return complain(config, where, "there is no key \"%.60s\"", name);
}

static char *trimmed(char *s)
{
	s += strspn(s, " \t\r");
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = '\0';
	return s;
}

static bool parse_line(struct ap_config *config, char *line, unsigned number)
{
	char where[32], *equals = strchr(line, '=');
	char *name = trimmed(line);

	if (!*name || *name == '#')
		return true;
	snprintf(where, sizeof(where), "line %u", number);
	if (!equals)
		return complain(config, where, "key = value is needed");
	*equals = '\0';
	return set_named(config, where, trimmed(name), trimmed(equals + 1));
}

struct ap_err *ap_config_parse(const char *text, size_t bytes, struct ap_config *config)
{
	const char *end = text + bytes;
	unsigned number = 0;
	bool memory = true;

	while (memory && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((newline ? newline : end) - text);
		/* A NUL would hide the rest of its line. */
		char *line = memchr(text, '\0', n) ? NULL : strndup(text, n);

		number++;
		if (line)
			memory = parse_line(config, line, number);
		else
			memory = complain(config, "a line", "it holds a NUL byte");
		free(line);
		text += n + (newline != NULL);
	}
	return memory ? NULL : &ap_err_nomem;
}

/* AUTOPSY_CORE_MAX=2G; AUTOPSY_RULE and AUTOPSY_SHIP_FOLDER may hold several,
 * separated by semicolons, and replace the file's. */
static struct ap_err *from_environment(struct ap_config *config, char *const *environment)
{
	for (; environment && *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		char name[64];
		size_t n = 0;

		if (strncmp(*environment, "AUTOPSY_", 8) != 0 || !equals ||
		    equals - *environment > 60)
			continue;
		for (const char *p = *environment + 8; p < equals; p++)
			name[n++] = (char)tolower((unsigned char)*p);
		name[n] = '\0';
		bool known = false;
		for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			known = known || strcmp(keys[i].name, name) == 0;
		if (!known)
			continue; /* AUTOPSY_NODE and the like are other people's */
		char *copy = strdup(equals + 1), *save = NULL;
		if (!copy)
			return &ap_err_nomem;
		bool rule = strcmp(name, "rule") == 0,
		     many = rule || strcmp(name, "ship_folder") == 0, ok = true;
		if (rule)
			config->rules.n = 0;
		else if (many)
			config->ship.folders.n = 0;
		for (char *v = many ? strtok_r(copy, ";", &save) : copy; ok && v;
		     v = many ? strtok_r(NULL, ";", &save) : NULL)
			ok = set_named(config, "the environment", name, trimmed(v));
		free(copy);
		if (!ok)
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *from_file(struct ap_config *config, const char *path, bool must)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct ap_err *err = NULL;
	size_t n = 0;

	if (fd < 0)
		return (!must && errno == ENOENT) || complain(config, path, "%s", strerror(errno))
			       ? NULL
			       : &ap_err_nomem;
	char *text = malloc(FILE_MAX_BYTES);
	if (!text)
		err = &ap_err_nomem;
	for (ssize_t got; !err && n < FILE_MAX_BYTES; n += (size_t)got) {
		got = read(fd, text + n, FILE_MAX_BYTES - n);
		if (got < 0 && !complain(config, path, "%s", strerror(errno)))
			err = &ap_err_nomem;
		if (got <= 0)
			break;
	}
	if (!err)
		err = ap_config_parse(text, n, config);
	free(text);
	close(fd);
	return err;
}

struct ap_err *ap_config_load(const char *path, char *const *environment,
			      struct ap_config *ret_config)
{
	struct ap_config config;
	char usual[PATH_MAX];

	ap_config_init(&config);
	ap_config_path(usual, sizeof(usual));
	struct ap_err *err = from_file(&config, path ? path : usual, path != NULL);
	if (!err)
		err = from_environment(&config, environment);
	if (err)
		ap_config_close(&config);
	else
		*ret_config = config;
	return err;
}
