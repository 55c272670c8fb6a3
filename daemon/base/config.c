/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the configuration files into struct config, by one table of keys. Keeps no state; nothing
 * here acts on a value.
 */
#include "daemon/base/config.h"

#include <dirent.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "daemon/base/config_value.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* isspace(3) in the C locale, which inih uses */
#define BLANKS " \t\n\v\f\r"

static const char *const folders[] = {"/etc/hookd", "/run/hookd", "/usr/lib/hookd"};

/* ---- keys ---- */

enum kind {
	NUMBER,
	OPTIONAL, /* struct hp_uint */
	LIMIT,	  /* the same; "infinity" is the same as absent */
	SIGNED,	  /* struct hp_int */
	STRING,
};

struct key {
	const char *section;
	const char *name;
	enum kind kind;
	config_parse *parse; /* of a STRING: only checks it */
	size_t offset;
};

#define KEY(section, name, kind, parse, member)                                                    \
	{                                                                                          \
		section, name, kind, parse, offsetof(struct config, member)                        \
	}

static const struct key keys[] = {
    KEY("Hooks", "DefaultTimeoutSec", NUMBER, config_parse_timeout_as_ms, default_timeout_ms),
    KEY("Hooks", "ConcurrentHooks", NUMBER, config_parse_hooks, concurrent_hooks),
    KEY("Hooks", "Runners", NUMBER, config_parse_runners, runners),
    KEY("Hooks", "QueuedRunsPerUser", NUMBER, config_parse_count, queued_runs_per_user),
    KEY("Hooks", "DefaultPath", STRING, config_parse_path, default_path),
    KEY("Hooks", "CheckHookFiles", NUMBER, config_parse_boolean, check_hook_files),
    KEY("Hooks", "PidsMax", LIMIT, config_parse_count, pids_max),
    KEY("Hooks", "MemoryMax", LIMIT, config_parse_bytes, memory_max),
    KEY("Hooks", "CPUQuota", LIMIT, config_parse_quota_us, cpu_quota_us),
    KEY("Hooks", "Nice", SIGNED, config_parse_nice, default_nice),
    KEY("Hooks", "UMask", OPTIONAL, config_parse_umask, default_umask),
    KEY("Results", "MaxRuns", NUMBER, config_parse_number, kept_runs),
    KEY("Results", "MaxAgeSec", NUMBER, config_parse_age_as_ms, kept_ms),
    KEY("Results", "MaxBytes", NUMBER, config_parse_number, kept_bytes),
    KEY("Connections", "Max", NUMBER, config_parse_count, connections),
    KEY("Connections", "MaxPerUser", NUMBER, config_parse_count, connections_per_user),
    KEY("Log", "Target", NUMBER, config_parse_log_target, log_target),
    KEY("Log", "Level", NUMBER, config_parse_log_level, log_level),
};

/* Number of CPUs that this process may use. */
static uint64_t count_cpus(void)
{
	cpu_set_t cpus;
	uint64_t count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0
			     ? (uint64_t)CPU_COUNT(&cpus)
			     : CPU_SETSIZE; /* the kernel has more than fit into the set */

	return count < CONFIG_RUNNERS_MAX ? count : CONFIG_RUNNERS_MAX;
}

static int set_defaults(struct config *config)
{
	*config = (struct config){
	    .default_timeout_ms = 300 * 1000,
	    .concurrent_hooks = 256,
	    .runners = count_cpus(),
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
	char *text; /* the line, of any length */
	size_t size;
	char *long_value; /* in `text`, where the line is too long for inih's buffer; else NULL */
	int line;
	int error;
};

static bool is_comment(const char *line)
{
	return line[0] == '#' || line[0] == ';';
}

/* As inih does: strips blanks on both sides, and a comment that follows a blank. */
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

/* Gives inih the name alone; on_key() takes the value from long_value. */
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
 * Works around inih: it does not tell its handler the line number, so lines are counted here; it
 * takes an indented line as a continuation of the value before it, so indentation is removed; and
 * its line buffer is short.
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

static void report_bad_value(const struct reading *reading, const struct key *key,
			     const char *value)
{
	char takes[80];

	config_print_takes(key->parse, takes, sizeof(takes));
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

/* No FIFO, whose reads could wait for ever. /dev/null masks a file, as with systemd. */
static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)));
}

/*
 * Logs the error, except that the file does not exist: the caller decides about that. A dangling
 * symbolic link is an error, since somebody has meant a file to be there.
 */
static int fail_to_open(const char *path, int r)
{
	struct stat st;
	bool is_absent = r == -ENOENT;

	if (is_absent && (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode)))
		return r;
	log_error("%s: %s", path, is_absent ? "dangling symbolic link" : strerror(-r));
	return is_absent ? -EINVAL : r;
}

/* A hookd that is not root ignores files that the administrator does not let its user read. */
static bool is_kept_from_user(const char *path)
{
	if (geteuid() == 0 || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 || errno != EACCES)
		return false;
	log_warning("%s: %s: ignored", path, strerror(EACCES));
	return true;
}

/* Logs every error except -ENOENT. */
static int open_file(const char *path, FILE **ret_file)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && !is_file(fd)) {
		log_error("%s: not a regular file", path);
		return -EINVAL;
	}
	if (r == 0 && !(*ret_file = fdopen(fd, "r")))
		r = -errno;
	if (r < 0)
		return fail_to_open(path, r);
	(void)take_fd(&fd);
	return 0;
}

static int read_file(struct config *config, const char *path)
{
	struct reading reading = {.config = config, .path = path};
	int r = open_file(path, &reading.file);

	if (r < 0)
		return r;
	r = ini_parse_stream(read_line, &reading, on_key, &reading);
	if (ferror(reading.file)) {
		log_error("%s: cannot read the file", path);
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
		if (!is_kept_from_user(path))
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

/* The number of drop-ins, or -errno. */
static int list_drop_ins(const char *folder, struct dirent ***ret_list)
{
	char path[PATH_MAX];
	int count;

	snprintf(path, sizeof(path), "%s/hookd.conf.d", folder);
	if (is_kept_from_user(path))
		return 0;
	count = scandir(path, ret_list, is_drop_in, NULL);
	if (count < 0)
		count = fail_to_open(path, -errno);
	return count == -ENOENT ? 0 : count;
}

/* One that was removed after the folder was listed is ignored. */
static int read_drop_in(struct config *config, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/hookd.conf.d/%s", folder, name);
	if (is_kept_from_user(path))
		return 0;
	r = read_file(config, path);
	return r == -ENOENT ? 0 : r;
}

/* The next name after `after` in all folders, and the first folder that has it. */
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
	const char *name = "";
	size_t folder = 0;
	int r = 0;

	for (size_t i = 0; i < ELEMENTS(folders) && r == 0; i++) {
		counts[i] = list_drop_ins(folders[i], &lists[i]);
		if (counts[i] < 0)
			r = counts[i];
	}
	while (r == 0 && (name = next_drop_in(lists, counts, name, &folder)))
		r = read_drop_in(config, folders[folder], name);
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
