/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the keys of [Runtime]. hookd reads the same files with inih, which cannot be linked into
 * this static program; the lines are as there (daemon/base/config.c): blanks around names and
 * values do not count, comments begin with ';' or '#', and in a value with a ';' behind a blank.
 */

#include "client/runtime/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/base/config_files.h"
#include "proto/base/runtime_keys.h"

#define BLANKS " \t\n\v\f\r"

struct reading {
	struct runtime_settings *settings;
	char *error; /* SETTINGS_ERROR_SIZE */
	int r;	     /* the first mistake */
	const char *path;
	int line;
	bool is_inside; /* [Runtime] */
	bool path_only;
};

static void complain(struct reading *reading, int r, const char *key, const char *reason)
{
	char place[16] = "";

	if (reading->r < 0)
		return;
	reading->r = r;
	if (reading->line > 0)
		snprintf(place, sizeof(place), "%d:", reading->line);
	snprintf(reading->error, SETTINGS_ERROR_SIZE, "%s:%s %s%s%s", reading->path, place, key,
		 key[0] != '\0' ? ": " : "", reason);
}

/* ---- lines ---- */

/* Strips blanks at both ends, in place. */
static char *trim(char *text)
{
	size_t length;

	text += strspn(text, BLANKS);
	length = strlen(text);
	while (length > 0 && strchr(BLANKS, text[length - 1]) != NULL)
		length--;
	text[length] = '\0';
	return text;
}

static void cut_comment(char *value)
{
	for (char *at = value; *at != '\0'; at++)
		if (*at == ';' && (at == value || strchr(BLANKS, at[-1]) != NULL))
			*at = '\0';
}

static void set(struct reading *reading, const char *key, const char *value, bool is_right,
		const char *takes, const char **member)
{
	if (!is_right) {
		complain(reading, -EINVAL, key, takes);
		return;
	}
	*member = strdup(value); /* one that was set before stays until the end of the process */
	if (*member == NULL)
		complain(reading, -ENOMEM, key, strerror(ENOMEM));
}

static void set_key(struct reading *reading, const char *key, const char *value)
{
	struct runtime_settings *settings = reading->settings;

	if (strcmp(key, "Path") == 0)
		set(reading, key, value, hp_runtime_is_path(value),
		    "it takes the path of a program, which begins with /", &settings->program);
	else if (reading->path_only)
		return;
	else if (strcmp(key, "Address") == 0)
		set(reading, key, value, hp_runtime_is_address(value), "it takes unix:/PATH",
		    &settings->address);
	else if (strcmp(key, "IfDown") == 0)
		set(reading, key, value, hp_runtime_is_if_down(value),
		    "it takes fail, run-local, ignore or spool", &settings->if_down);
}

static void read_line(struct reading *reading, char *line)
{
	char *value;

	line = trim(line);
	if (line[0] == '#' || line[0] == ';')
		return;
	if (line[0] == '[') {
		reading->is_inside = strncmp(line, "[Runtime]", strlen("[Runtime]")) == 0;
		return;
	}
	value = line + strcspn(line, "=:");
	if (!reading->is_inside || *value == '\0')
		return;
	*value++ = '\0';
	cut_comment(value);
	set_key(reading, trim(line), trim(value));
}

/* ---- files ---- */

static void read_stream(struct reading *reading, FILE *file)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, file) >= 0) {
		reading->line++;
		read_line(reading, line);
	}
	reading->line = 0;
	if (ferror(file))
		complain(reading, -EIO, "", strerror(EIO));
	free(line);
}

/* As hookd does: no FIFO, whose reads could wait for ever; /dev/null has no lines. */
static bool is_readable(int fd)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (S_ISREG(status.st_mode) || S_ISCHR(status.st_mode));
}

static int read_file(const char *path, void *userdata)
{
	struct reading *reading = userdata;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	FILE *file;

	if (fd < 0 && (errno == ENOENT || (errno == EACCES && geteuid() != 0)))
		return -ENOENT;
	reading->path = path;
	reading->line = 0;
	reading->is_inside = false;
	file = fd >= 0 && is_readable(fd) ? fdopen(fd, "r") : NULL;
	if (file == NULL) {
		complain(reading, fd < 0 ? -errno : -EINVAL, "",
			 fd < 0 ? strerror(errno) : "not a regular file");
		if (fd >= 0)
			close(fd);
		return 0;
	}
	read_stream(reading, file);
	(void)fclose(file);
	return 0;
}

static void on_unlisted(const char *path, int r, void *userdata)
{
	struct reading *reading = userdata;

	if (r == -ENOENT || (r == -EACCES && geteuid() != 0))
		return;
	reading->path = path;
	reading->line = 0;
	complain(reading, r, "", strerror(-r));
}

int settings_read(bool path_only, struct runtime_settings *ret,
		  char ret_error[static SETTINGS_ERROR_SIZE])
{
	struct reading reading = {.settings = ret, .error = ret_error, .path_only = path_only};

	*ret = (struct runtime_settings){0};
	ret_error[0] = '\0';
	hp_config_files_read(&(struct hp_config_reader){
	    .read = read_file, .unlisted = on_unlisted, .userdata = &reading});
	return reading.r;
}
