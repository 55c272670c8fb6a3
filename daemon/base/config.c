/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one table of keys, the files it is read from, and nothing that acts on it.
 */
#include "daemon/base/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "proto/limits.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* isspace(3) in the C locale, as inih has it */
#define BLANKS " \t\n\v\f\r"

#define AGE_SECONDS_MAX (INT64_MAX / 1000)

#define PROCESSES_MAX 4194304 /* PID_MAX_LIMIT of 64-bit kernels */

static const char *const folders[] = {"/etc/hookd", "/run/hookd", "/usr/lib/hookd"};

/* ---- values ---- */

static int parse_word(const char *word, const char *const words[], const uint64_t values[],
		      size_t count, uint64_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(word, words[i]) == 0) {
			*ret = values[i];
			return 0;
		}
	}
	return -EINVAL;
}

int config_parse_log_target(const char *word, uint64_t *ret)
{
	static const char *const words[] = {"auto", "journal", "stderr"};
	static const uint64_t values[] = {LOG_TARGET_AUTO, LOG_TARGET_JOURNAL, LOG_TARGET_STDERR};

	return parse_word(word, words, values, ELEMENTS(words), ret);
}

int config_parse_log_level(const char *word, uint64_t *ret)
{
	static const char *const words[] = {"error", "warning", "info", "debug"};
	static const uint64_t values[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

	return parse_word(word, words, values, ELEMENTS(words), ret);
}

static int parse_boolean(const char *text, uint64_t *ret)
{
	static const char *const words[] = {"yes", "true", "on", "1", "no", "false", "off", "0"};
	static const uint64_t values[] = {1, 1, 1, 1, 0, 0, 0, 0};

	return parse_word(text, words, values, ELEMENTS(words), ret);
}

static int parse_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno || *end || *ret > INT64_MAX / 1000 ? -EINVAL : 0;
}

static int parse_count(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (parse_number(text, &value) < 0 || value == 0)
		return -EINVAL;
	*ret = value;
	return 0;
}

/* Each is a process of its own at least. */
static int parse_hooks(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (parse_count(text, &value) < 0 || value > PROCESSES_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

/*
 * Every folder from the root on. Another one, and an empty one too, would be looked for where the
 * hook runs: in a bundle, or in a container's root, to which others may write.
 */
static int parse_path(const char *text, uint64_t *ret)
{
	const char *folder = text, *colon;

	(void)ret;
	while (*folder == '/' && (colon = strchr(folder, ':')))
		folder = colon + 1;
	return *folder == '/' ? 0 : -EINVAL;
}

static int parse_seconds_as_ms(const char *text, uint64_t max_s, uint64_t *ret)
{
	uint64_t value;

	if (parse_number(text, &value) < 0 || value > max_s)
		return -EINVAL;
	*ret = value * 1000;
	return 0;
}

/* As in a request: so that all that is made of it, in nanoseconds and added to a clock, fits. */
static int parse_timeout_as_ms(const char *text, uint64_t *ret)
{
	return parse_seconds_as_ms(text, HP_TIMEOUT_SECONDS_MAX, ret);
}

/* It is compared in milliseconds, as a signed number. */
static int parse_age_as_ms(const char *text, uint64_t *ret)
{
	return parse_seconds_as_ms(text, AGE_SECONDS_MAX, ret);
}

/* As systemd.resource-control(5) has it: bytes, with K, M, G or T to the base of 1024. */
static int parse_bytes(const char *text, uint64_t *ret)
{
	static const char suffixes[] = "KMGT";
	const char *suffix;
	uint64_t value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	suffix = *end ? strchr(suffixes, *end) : NULL;
	if (errno || (*end && (!suffix || end[1])))
		return -EINVAL;
	for (ptrdiff_t i = 0; suffix && i <= suffix - suffixes; i++)
		if (__builtin_mul_overflow(value, 1024, &value))
			return -EINVAL;
	if (value == 0 || value > INT64_MAX)
		return -EINVAL;
	*ret = value;
	return 0;
}

/*
 * "12.5%" of one CPU, as systemd has it: a percent of the period is 1000 us, and a digit behind the
 * dot a tenth of the one before it. The kernel's least quota is 1000 us.
 */
static int parse_quota_us(const char *text, uint64_t *ret)
{
	uint64_t unit_us = CONFIG_CPU_PERIOD_US / 100, value_us;
	size_t digits = strspn(text, "0123456789");
	char *end;

	if (digits == 0 || digits > 6)
		return -EINVAL;
	value_us = strtoull(text, &end, 10) * unit_us;
	digits = *end == '.' ? strspn(end + 1, "0123456789") : 0;
	if (*end == '.' && (digits == 0 || digits > 2))
		return -EINVAL;
	for (end += *end == '.'; digits > 0; digits--, end++) {
		unit_us /= 10;
		value_us += (uint64_t)(*end - '0') * unit_us;
	}
	if (strcmp(end, "%") != 0 || value_us < 1000)
		return -EINVAL;
	*ret = value_us;
	return 0;
}

static int parse_nice(const char *text, uint64_t *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (end == text || *end || errno || value < -20 || value > 19)
		return -EINVAL;
	*ret = (uint64_t)value;
	return 0;
}

static int parse_umask(const char *text, uint64_t *ret)
{
	size_t digits = strspn(text, "01234567");

	if (digits == 0 || text[digits] || digits > 4)
		return -EINVAL;
	*ret = strtoull(text, NULL, 8);
	return *ret > 0777 ? -EINVAL : 0;
}

/* ---- keys ---- */

enum kind {
	NUMBER,
	OPTIONAL, /* struct hp_uint */
	LIMIT,	  /* the same; "infinity" is as good as absent */
	SIGNED,	  /* struct hp_int */
	STRING,
};

struct key {
	const char *section;
	const char *name;
	enum kind kind;
	int (*parse)(const char *text, uint64_t *ret); /* of a string: looks at it alone */
	size_t offset;
};

#define KEY(section, name, kind, parse, member)                                                    \
	{                                                                                          \
		section, name, kind, parse, offsetof(struct config, member)                        \
	}

static const struct key keys[] = {
    KEY("Hooks", "DefaultTimeoutSec", NUMBER, parse_timeout_as_ms, default_timeout_ms),
    KEY("Hooks", "ConcurrentHooks", NUMBER, parse_hooks, concurrent_hooks),
    KEY("Hooks", "QueuedRunsPerUser", NUMBER, parse_count, queued_runs_per_user),
    KEY("Hooks", "DefaultPath", STRING, parse_path, default_path),
    KEY("Hooks", "CheckHookFiles", NUMBER, parse_boolean, check_hook_files),
    KEY("Hooks", "PidsMax", LIMIT, parse_count, pids_max),
    KEY("Hooks", "MemoryMax", LIMIT, parse_bytes, memory_max),
    KEY("Hooks", "CPUQuota", LIMIT, parse_quota_us, cpu_quota_us),
    KEY("Hooks", "Nice", SIGNED, parse_nice, default_nice),
    KEY("Hooks", "UMask", OPTIONAL, parse_umask, default_umask),
    KEY("Results", "MaxRuns", NUMBER, parse_number, kept_runs),
    KEY("Results", "MaxAgeSec", NUMBER, parse_age_as_ms, kept_ms),
    KEY("Results", "MaxBytes", NUMBER, parse_number, kept_bytes),
    KEY("Connections", "Max", NUMBER, parse_count, connections),
    KEY("Connections", "MaxPerUser", NUMBER, parse_count, connections_per_user),
    KEY("Log", "Target", NUMBER, config_parse_log_target, log_target),
    KEY("Log", "Level", NUMBER, config_parse_log_level, log_level),
};

static int set_defaults(struct config *config)
{
	*config = (struct config){
	    .default_timeout_ms = 300 * 1000,
	    .concurrent_hooks = 256,
	    .queued_runs_per_user = 1024,
	    .check_hook_files = 1,
	    .kept_runs = 4096,
	    .kept_ms = 3600 * 1000,
	    .kept_bytes = 64 * 1024 * 1024,
	    .connections = 4096,
	    .connections_per_user = 2048,
	    .log_target = LOG_TARGET_AUTO,
	    .log_level = LOG_INFO,
	    .default_path = strdup(DEFAULT_PATH),
	};
	return config->default_path ? 0 : -ENOMEM;
}

static int set_string(char **member, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return -ENOMEM;
	free(*member);
	*member = copy;
	return 0;
}

static int set_value(struct config *config, const struct key *key, const char *text)
{
	void *member = (char *)config + key->offset;
	bool is_set = key->kind != LIMIT || strcmp(text, "infinity") != 0;
	uint64_t value = 0;
	int r = 0;

	if (is_set)
		r = key->parse(text, &value);
	if (r < 0)
		return r;
	if (key->kind == STRING)
		return set_string(member, text);
	if (key->kind == NUMBER)
		*(uint64_t *)member = value;
	else if (key->kind == SIGNED)
		*(struct hp_int *)member = (struct hp_int){true, (int64_t)value};
	else
		*(struct hp_uint *)member = (struct hp_uint){is_set, value};
	return 0;
}

/* ---- files ---- */

struct reading {
	struct config *config;
	const char *path;
	FILE *file;
	char *text; /* of the line, of any length */
	size_t size;
	char *long_value; /* in `text`, of a line that inih has no room for; else NULL */
	int line;
	int error;
};

static bool is_comment(const char *line)
{
	return line[0] == '#' || line[0] == ';';
}

/* As inih reads a value: without the blanks around it, and without a comment behind a blank. */
static char *trim_value(char *value)
{
	size_t length;

	value += strspn(value, BLANKS);
	for (char *at = value; *at; at++) {
		if (*at == ';' && (at == value || strchr(BLANKS, at[-1]))) {
			*at = '\0';
			break;
		}
	}
	length = strlen(value);
	while (length > 0 && strchr(BLANKS, value[length - 1]))
		length--;
	value[length] = '\0';
	return value;
}

/* inih gets the name alone, and on_key() the value from here. */
static void shorten_line(struct reading *reading, char *line, char *buffer, size_t size)
{
	size_t name_length = strcspn(line, "=:");

	buffer[0] = '\0';
	if (is_comment(line))
		return;
	if (line[0] == '[' || !line[name_length] || name_length + sizeof("=\n") > size) {
		log_error("%s:%d: the name of a section or a key is too long", reading->path,
			  reading->line);
		reading->error = -EINVAL;
		return;
	}
	reading->long_value = trim_value(line + name_length + 1);
	snprintf(buffer, size, "%.*s=\n", (int)name_length, line);
}

/*
 * inih does not tell its handler the line, so the lines are counted where it reads them; it would
 * take an indented key for more of the value before it, so nothing is indented for it; and its
 * buffer is short.
 */
static char *read_line(char *buffer, int size, void *userdata)
{
	struct reading *reading = userdata;
	char *line;

	reading->long_value = NULL;
	if (getline(&reading->text, &reading->size, reading->file) < 0)
		return NULL;
	reading->line++;
	line = reading->text + strspn(reading->text, " \t");
	if (strlen(line) < (size_t)size)
		snprintf(buffer, (size_t)size, "%s", line);
	else
		shorten_line(reading, line, buffer, (size_t)size);
	return buffer;
}

/* Of those that have a bound, or a form, that one would not guess. */
static void print_takes(const struct key *key, char *ret_text, size_t size)
{
	ret_text[0] = '\0';
	if (key->parse == parse_timeout_as_ms || key->parse == parse_age_as_ms)
		snprintf(ret_text, size, ", it takes seconds, from 0 to %" PRIu64,
			 key->parse == parse_age_as_ms ? (uint64_t)AGE_SECONDS_MAX
						       : (uint64_t)HP_TIMEOUT_SECONDS_MAX);
	else if (key->parse == parse_hooks)
		snprintf(ret_text, size, ", it takes a number, from 1 to %d", PROCESSES_MAX);
	else if (key->parse == parse_path)
		snprintf(ret_text, size,
			 ", it takes folders that begin with / and a : between them");
}

static void report_bad_value(const struct reading *reading, const struct key *key,
			     const char *value)
{
	char takes[80];

	print_takes(key, takes, sizeof(takes));
	log_error("%s:%d: bad value for %s: %s%s", reading->path, reading->line, key->name, value,
		  takes);
}

static int on_key(void *userdata, const char *section, const char *name, const char *value)
{
	struct reading *reading = userdata;
	int r;

	if (reading->long_value)
		value = reading->long_value;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		r = set_value(reading->config, &keys[i], value);
		if (r < 0) {
			report_bad_value(reading, &keys[i], value);
			reading->error = r;
		}
		return 1;
	}
	log_warning("%s:%d: unknown key %s in section [%s]", reading->path, reading->line, name,
		    section);
	return 1;
}

/* Not a FIFO, where opening waits for somebody to write. /dev/null masks a file, as with systemd.
 */
static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)));
}

/* -errno, and what is wrong was logged where it is not that there is no such file. */
static int open_file(const char *path, FILE **ret_file)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && !is_file(fd)) {
		log_error("%s: is not a regular file", path);
		return -EINVAL;
	}
	if (r == 0 && !(*ret_file = fdopen(fd, "r")))
		r = -errno;
	if (r < 0 && r != -ENOENT)
		log_error("%s: %s", path, strerror(-r));
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

static int read_file(struct config *config, const char *path)
{
	struct reading reading = {.config = config, .path = path};
	int r = open_file(path, &reading.file);

	if (r < 0)
		return r;
	r = ini_parse_stream(read_line, &reading, on_key, &reading);
	if (ferror(reading.file)) {
		log_error("%s: cannot be read", path);
		reading.error = -EIO;
	}
	fclose(reading.file);
	free(reading.text);
	if (r > 0) {
		log_error("%s:%d: neither a section nor a key", path, r);
		return -EINVAL;
	}
	return r < 0 ? -ENOMEM : reading.error;
}

static int read_main_file(struct config *config)
{
	char path[PATH_MAX];
	int r = -ENOENT;

	for (size_t i = 0; i < ELEMENTS(folders) && r == -ENOENT; i++) {
		snprintf(path, sizeof(path), "%s/hookd.conf", folders[i]);
		r = read_file(config, path);
	}
	return r == -ENOENT ? 0 : r;
}

/* ---- drop-ins ---- */

static int is_drop_in(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0;
}

/* The next name behind `after` over all folders, and the first folder that has it. */
static const char *next_drop_in(struct dirent ***lists, const int *counts, const char *after,
				size_t *ret_folder)
{
	const char *next = NULL;

	for (size_t i = 0; i < ELEMENTS(folders); i++) {
		for (int j = 0; j < counts[i]; j++) {
			const char *name = lists[i][j]->d_name;

			if (strcmp(name, after) <= 0 || (next && strcmp(name, next) >= 0))
				continue;
			next = name;
			*ret_folder = i;
		}
	}
	return next;
}

static int read_drop_ins(struct config *config)
{
	struct dirent **lists[ELEMENTS(folders)] = {NULL};
	int counts[ELEMENTS(folders)] = {0};
	char path[PATH_MAX];
	const char *name = "";
	size_t folder = 0;
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(folders); i++) {
		snprintf(path, sizeof(path), "%s/hookd.conf.d", folders[i]);
		counts[i] = scandir(path, &lists[i], is_drop_in, NULL);
	}
	while (r == 0 && (name = next_drop_in(lists, counts, name, &folder))) {
		snprintf(path, sizeof(path), "%s/hookd.conf.d/%s", folders[folder], name);
		r = read_file(config, path);
	}
	for (size_t i = 0; i < ELEMENTS(folders); i++) {
		for (int j = 0; j < counts[i]; j++)
			free(lists[i][j]);
		free(lists[i]);
	}
	return r;
}

int config_load(struct config *ret_config, const char *file)
{
	struct config config;
	int r = set_defaults(&config);

	if (r == 0 && file)
		r = read_file(&config, file);
	else if (r == 0)
		r = read_main_file(&config);
	if (r == 0 && !file)
		r = read_drop_ins(&config);
	if (r < 0) {
		config_clear(&config);
		return r;
	}
	*ret_config = config;
	return 0;
}

void config_clear(struct config *config)
{
	free(config->default_path);
	*config = (struct config){0};
}
