/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the configuration files into struct config, by one table of keys. Keeps no state; nothing
 * here acts on a value. A mistake does not end the reading: all of them are logged, and the first
 * is the one that the caller gets.
 */
#include "daemon/base/config.h"

#include <assert.h>
#include <fcntl.h>
#include <ini.h>
#include <limits.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "daemon/base/config_value.h"
#include "proto/base/config_files.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* isspace(3) in the C locale, which inih uses */
#define BLANKS " \t\n\v\f\r"

/* ---- keys ---- */

enum kind {
	NUMBER,
	OPTIONAL, /* struct hp_uint */
	LIMIT,	  /* the same; "infinity" is the same as absent */
	SIGNED,	  /* struct hp_int */
	STRING,
	CHECKED, /* a key of another program: hookd only checks it */
};

struct key {
	const char *section;
	const char *name;
	enum kind kind;
	config_parse *parse; /* of a STRING or CHECKED: only checks it */
	size_t offset;
};

#define KEY(section, name, kind, parse, member)                                                    \
	{                                                                                          \
		section, name, kind, parse, offsetof(struct config, member)                        \
	}

#define CHECKED_KEY(section, name, parse)                                                          \
	{                                                                                          \
		section, name, CHECKED, parse, 0                                                   \
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
    KEY("Hooks", "UMask", OPTIONAL, config_parse_mode, default_umask),
    KEY("Resctrl", "RemoveClasses", NUMBER, config_parse_boolean, removes_rdt_classes),
    KEY("Results", "MaxRuns", NUMBER, config_parse_number, kept_runs),
    KEY("Results", "MaxAgeSec", NUMBER, config_parse_age_as_ms, kept_ms),
    KEY("Results", "MaxBytes", NUMBER, config_parse_number, kept_bytes),
    KEY("History", "Store", NUMBER, config_parse_boolean, history),
    KEY("History", "Directory", STRING, config_parse_directory, history_directory),
    KEY("History", "MaxAgeSec", NUMBER, config_parse_age_as_ms, history_ms),
    KEY("History", "MaxBytes", NUMBER, config_parse_history_bytes, history_bytes),
    KEY("Connections", "Max", NUMBER, config_parse_count, connections),
    KEY("Connections", "MaxPerUser", NUMBER, config_parse_count, connections_per_user),
    KEY("Metrics", "Listen", STRING, config_parse_listen, metrics_listen),
    KEY("Metrics", "SocketMode", NUMBER, config_parse_mode, metrics_socket_mode),
    KEY("Metrics", "SocketGroup", OPTIONAL, config_parse_gid, metrics_socket_gid),
    KEY("Log", "Target", NUMBER, config_parse_log_target, log_target),
    KEY("Log", "Level", NUMBER, config_parse_log_level, log_level),
    KEY("Log", "Runs", NUMBER, config_parse_boolean, log_runs),
    KEY("Log", "HookOutput", NUMBER, config_parse_boolean, log_hook_output),
    /* client/runtime/settings.c */
    CHECKED_KEY("Runtime", "Path", config_parse_program),
    CHECKED_KEY("Runtime", "Address", config_parse_address),
    CHECKED_KEY("Runtime", "IfDown", config_parse_if_down),
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

int config_set_defaults(struct config *config)
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
	    .history = 1,
	    .history_ms = 7 * 24 * 3600 * 1000ull,
	    .history_bytes = 64 * 1024 * 1024,
	    .connections = 4096,
	    .connections_per_user = 2048,
	    .metrics_socket_mode = 0600,
	    .log_target = LOG_TARGET_AUTO,
	    .log_level = LOG_INFO,
	    .log_runs = 1,
	    .default_path = strdup(DEFAULT_PATH),
	    .metrics_listen = strdup(""),
	};
	if (config->default_path && config->metrics_listen)
		return 0;
	config_clear(config);
	return -ENOMEM;
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
	if (key->kind == CHECKED)
		return 0;
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

/* ---- mistakes ---- */

/* The reading of all files. */
struct load {
	struct config *config;
	struct config_error *error; /* the first mistake */
	int r;			    /* its -errno; 0: none yet */
};

/* The reading of one file. */
struct reading {
	struct load *load;
	const char *path;
	FILE *file;
	char *text; /* the line, of any length */
	size_t size;
	char *long_value; /* in `text`, where the line is too long for inih's buffer; else NULL */
	int line;
	bool awaits_key; /* the line is to be a key: on_key() gets it, unless it is nothing */
};

static void make_error(struct config_error *ret_error, const char *path, int line, int column,
		       const char *key, const char *format, va_list arguments)
{
	*ret_error = (struct config_error){.line = line, .column = column};
	snprintf(ret_error->file, sizeof(ret_error->file), "%s", path);
	snprintf(ret_error->key, sizeof(ret_error->key), "%s", key);
	vsnprintf(ret_error->reason, sizeof(ret_error->reason), format, arguments);
}

static void complain(struct load *load, int r, const struct config_error *error)
{
	char text[CONFIG_ERROR_TEXT_SIZE];

	log_error("%s", config_error_print(error, text));
	if (load->r == 0) {
		load->r = r;
		*load->error = *error;
	}
}

static void __attribute__((format(printf, 4, 5)))
complain_of_file(struct load *load, int r, const char *path, const char *format, ...)
{
	struct config_error error;
	va_list arguments;

	va_start(arguments, format);
	make_error(&error, path, 0, 0, "", format, arguments);
	va_end(arguments);
	complain(load, r, &error);
}

static void __attribute__((format(printf, 5, 6)))
complain_of_line(struct reading *reading, int r, int column, const char *key, const char *format,
		 ...)
{
	struct config_error error;
	va_list arguments;

	va_start(arguments, format);
	make_error(&error, reading->path, reading->line, column, key, format, arguments);
	va_end(arguments);
	complain(reading->load, r, &error);
}

const char *config_error_print(const struct config_error *error,
			       char text[static CONFIG_ERROR_TEXT_SIZE])
{
	char place[32] = "";

	if (error->line > 0)
		snprintf(place, sizeof(place), "%d:%d:", error->line, error->column);
	snprintf(text, CONFIG_ERROR_TEXT_SIZE, "%s:%s %s%s%s", error->file, place, error->key,
		 error->key[0] ? ": " : "", error->reason);
	return text;
}

/* ---- lines ---- */

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

/* From 1, in bytes. */
static int column_of_text(const struct reading *reading)
{
	return (int)strspn(reading->text, BLANKS) + 1;
}

static int column_of_value(const struct reading *reading)
{
	const char *text = reading->text, *value = text + strcspn(text, "=:");

	value += *value != '\0';
	return (int)(value + strspn(value, " \t") - text) + 1;
}

/* Gives inih the name alone; on_key() takes the value from long_value. */
static void shorten_line(struct reading *reading, char *line, char *buffer, size_t size)
{
	size_t name_length = strcspn(line, "=:");

	buffer[0] = '\0';
	if (is_comment(line))
		return;
	if (line[0] == '[' || !line[name_length] || name_length + sizeof("=\n") > size) {
		reading->awaits_key = false;
		complain_of_line(reading, -EINVAL, column_of_text(reading), "",
				 "the name of a section or a key is too long");
		return;
	}
	reading->long_value = trim_value(line + name_length + 1);
	snprintf(buffer, size, "%.*s=\n", (int)name_length, line);
}

/* inih has passed over the line before. It says that only of the first such line of a file. */
static void check_last_line(struct reading *reading)
{
	if (reading->awaits_key)
		complain_of_line(reading, -EINVAL, column_of_text(reading), "",
				 "neither a section nor a key");
	reading->awaits_key = false;
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

	check_last_line(reading);
	reading->long_value = NULL;
	if (getline(&reading->text, &reading->size, reading->file) < 0)
		return NULL;
	reading->line++;
	line = reading->text + strspn(reading->text, " \t");
	reading->awaits_key = line[strspn(line, BLANKS)] && !is_comment(line) &&
			      (line[0] != '[' || !strchr(line, ']'));
	if (strlen(line) < (size_t)size)
		snprintf(buffer, (size_t)size, "%s", line);
	else
		shorten_line(reading, line, buffer, (size_t)size);
	return buffer;
}

/* The file is the last of config->files, unless there were too many. */
static void keep_place(const struct reading *reading, const struct key *key)
{
	struct config *config = reading->load->config;
	size_t last = config->file_count;
	bool is_there = last > 0 && strcmp(config->files[last - 1], reading->path) == 0;

	static_assert(ELEMENTS(keys) <= CONFIG_KEYS_MAX, "CONFIG_KEYS_MAX");
	config->places[key - keys] =
	    (struct config_place){is_there ? (unsigned int)last : 0, reading->line};
}

static void set_key(struct reading *reading, const struct key *key, const char *value)
{
	int r = set_value(reading->load->config, key, value);
	int column = column_of_value(reading);
	char takes[CONFIG_TAKES_SIZE];

	config_print_takes(key->parse, takes);
	if (r == -EINVAL)
		complain_of_line(reading, r, column, key->name, "'%.100s' is invalid: it takes %s",
				 value, takes);
	else if (r < 0)
		complain_of_line(reading, r, column, key->name, "%s", strerror(-r));
	else
		keep_place(reading, key);
}

static int on_key(void *userdata, const char *section, const char *name, const char *value)
{
	struct reading *reading = userdata;

	reading->awaits_key = false;
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		if (strcmp(keys[i].section, section) != 0 || strcmp(keys[i].name, name) != 0)
			continue;
		set_key(reading, &keys[i], reading->long_value ? reading->long_value : value);
		return 1;
	}
	log_warning("%s:%d:%d: unknown key %s in section [%s]", reading->path, reading->line,
		    column_of_text(reading), name, section);
	return 1;
}

/* ---- files ---- */

/* No FIFO, whose reads could wait for ever. /dev/null masks a file, as with systemd. */
static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)));
}

/*
 * Complains, except that the file does not exist: the caller decides about that. A dangling
 * symbolic link is an error, since somebody has meant a file to be there.
 */
static int fail_to_open(struct load *load, const char *path, int r)
{
	struct stat st;
	bool is_absent = r == -ENOENT;

	if (is_absent && (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode)))
		return r;
	r = is_absent ? -EINVAL : r;
	complain_of_file(load, r, path, "%s", is_absent ? "dangling symbolic link" : strerror(-r));
	return r;
}

/* A hookd that is not root ignores files that the administrator does not let its user read. */
static bool is_kept_from_user(const char *path)
{
	if (geteuid() == 0 || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 || errno != EACCES)
		return false;
	log_warning("%s: %s: ignored", path, strerror(EACCES));
	return true;
}

/* Complains of every error except -ENOENT. */
static int open_file(struct load *load, const char *path, FILE **ret_file)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = fd < 0 ? -errno : 0;

	if (r == 0 && !is_file(fd)) {
		complain_of_file(load, -EINVAL, path, "not a regular file");
		return -EINVAL;
	}
	if (r == 0 && !(*ret_file = fdopen(fd, "r")))
		r = -errno;
	if (r < 0)
		return fail_to_open(load, path, r);
	(void)take_fd(&fd);
	return 0;
}

/* Returns -ENOENT if there is no such file, else 0: mistakes are in *load. */
static void add_file(struct config *config, const char *path)
{
	char *copy = config->file_count < CONFIG_FILES_MAX ? strdup(path) : NULL;

	if (copy)
		config->files[config->file_count++] = copy;
}

static int read_file(struct load *load, const char *path)
{
	struct reading reading = {.load = load, .path = path};
	int r = open_file(load, path, &reading.file);

	if (r < 0)
		return r == -ENOENT ? r : 0;
	add_file(load->config, path);
	r = ini_parse_stream(read_line, &reading, on_key, &reading);
	if (ferror(reading.file))
		complain_of_file(load, -EIO, path, "cannot read the file");
	fclose(reading.file);
	free(reading.text);
	/* inih may understand a line in another way than read_line(): no mistake passes unseen. */
	if (r > 0 && load->r == 0)
		complain_of_file(load, -EINVAL, path, "line %d is not valid", r);
	else if (r < 0)
		complain_of_file(load, -ENOMEM, path, "%s", strerror(ENOMEM));
	return 0;
}

/* What a user may not read is not there. */
static int read_default_file(const char *path, void *userdata)
{
	return is_kept_from_user(path) ? -ENOENT : read_file(userdata, path);
}

static void on_unlisted(const char *path, int r, void *userdata)
{
	if (!is_kept_from_user(path))
		(void)fail_to_open(userdata, path, r);
}

static void read_default_files(struct load *load)
{
	hp_config_files_read(&(struct hp_config_reader){
	    .read = read_default_file, .unlisted = on_unlisted, .userdata = load});
}

static void read_named_file(struct load *load, const char *path)
{
	if (read_file(load, path) == -ENOENT)
		complain_of_file(load, -ENOENT, path, "%s", strerror(ENOENT));
}

int config_load(struct config *ret_config, const char *file, struct config_error *ret_error)
{
	struct config config;
	struct load load = {.config = &config, .error = ret_error};

	if (config_set_defaults(&config) < 0) {
		complain_of_file(&load, -ENOMEM, file ? file : hp_config_folders[0], "%s",
				 strerror(ENOMEM));
		return -ENOMEM;
	}
	if (file) {
		read_named_file(&load, file);
	} else {
		read_default_files(&load);
	}
	if (load.r < 0) {
		config_clear(&config);
		return load.r;
	}
	*ret_config = config;
	return 0;
}

void config_print_source(const struct config *config, const char *key,
			 char ret_text[static CONFIG_SOURCE_SIZE])
{
	snprintf(ret_text, CONFIG_SOURCE_SIZE, "default");
	for (size_t i = 0; i < ELEMENTS(keys); i++) {
		const struct config_place *place = &config->places[i];

		if (strcmp(keys[i].section, "Hooks") == 0 && strcmp(keys[i].name, key) == 0 &&
		    place->file > 0)
			snprintf(ret_text, CONFIG_SOURCE_SIZE, "%s:%d",
				 config->files[place->file - 1], place->line);
	}
}

void config_clear(struct config *config)
{
	free(config->default_path);
	free(config->metrics_listen);
	free(config->history_directory);
	for (size_t i = 0; i < config->file_count; i++)
		free(config->files[i]);
	*config = (struct config){0};
}
