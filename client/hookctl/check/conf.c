/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Checks a hookd.conf by the program that reads it: hookd --check-config. So the answer is that of
 * the installed hookd, and there is no second list of its keys.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/hookctl/check/check.h"
#include "client/hookctl/find_hookd.h"
#include "proto/base/write_all.h"

/* Of hookd, for a wrong configuration. */
#define EXIT_CONFIG   6
#define EXIT_NO_HOOKD 127

static void __attribute__((noreturn))
exec_hookd(const char *hookd, const char *file, const char *level, int output)
{
	char config[PATH_MAX + 16], log_level[32];

	snprintf(config, sizeof(config), "--config=%s", file);
	snprintf(log_level, sizeof(log_level), "--log-level=%s", level);
	if (dup2(output, STDERR_FILENO) >= 0)
		execl(hookd, "hookd", "--check-config", config, "--log-target=stderr", log_level,
		      (char *)NULL);
	_exit(EXIT_NO_HOOKD);
}

/* "hookd: FILE:3:7: Key: reason", or without place and key. */
static void read_line(const char *file, char *line, struct findings *findings)
{
	char *at = strstr(line, file), *message = line, *colon;
	struct hp_json_place place = {0};
	const char *key = "";
	int end = 0;

	if (at) {
		at += strlen(file);
		if (sscanf(at, ":%u:%u: %n", &place.line, &place.column, &end) == 2 && end > 0)
			message = at + end;
		else if (strncmp(at, ": ", 2) == 0)
			message = at + 2;
	}
	/* A key is one word. */
	colon = message + strcspn(message, " :");
	if (place.line > 0 && strncmp(colon, ": ", 2) == 0) {
		*colon = '\0';
		key = message;
		message = colon + 2;
	}
	findings_add(findings, key, message, place);
}

static int read_lines(const char *file, int fd, struct findings *findings)
{
	FILE *stream = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;

	if (!stream) {
		close(fd);
		return -errno;
	}
	while (getline(&line, &size, stream) > 0) {
		line[strcspn(line, "\n")] = '\0';
		read_line(file, line, findings);
	}
	free(line);
	fclose(stream);
	return 0;
}

static int wait_for(pid_t pid, struct hp_err *err)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_CONFIG))
		return WEXITSTATUS(status);
	hp_err_invalid(err, NULL, "hookd --check-config has failed");
	return -ENOENT;
}

/* Returns hookd's exit status, 0 or EXIT_CONFIG, or -errno. */
static int ask_hookd(const char *file, const char *level, struct findings *findings,
		     struct hp_err *err)
{
	char hookd[PATH_MAX];
	int ends[2], r, status;
	pid_t pid;

	ctl_find_hookd(hookd);
	if (hookd[0] == '\0') {
		hp_err_invalid(err, NULL, "the program hookd, which checks it, is not installed");
		return -ENOENT;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		exec_hookd(hookd, file, level, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -errno;
	}
	r = read_lines(file, ends[0], findings);
	status = wait_for(pid, err);
	return r < 0 ? r : status;
}

/* hookd takes each of its lines for a key that it does not know. */
static bool is_json(const struct hp_buf *text)
{
	size_t i = 0;

	while (i < text->length && strchr(" \t\r\n", text->data[i]) != NULL &&
	       text->data[i] != '\0')
		i++;
	return i < text->length && text->data[i] == '{';
}

static int check_text(const struct hp_buf *text, struct findings *findings,
		      struct findings *warnings, struct hp_err *err)
{
	int fd = memfd_create("hookd.conf", 0), r;
	char path[32];

	if (fd < 0)
		return -errno;
	/* As hookd, which has it too, names it. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = write_all(fd, text->data, text->length);
	if (r == 0)
		r = ask_hookd(path, "error", findings, err);
	if (r == 0 && findings->count == 0)
		r = ask_hookd(path, "warning", warnings, err);
	close(fd);
	return r > 0 ? 0 : r;
}

int check_conf(const char *file, struct findings *findings, struct findings *warnings,
	       struct hp_err *err)
{
	struct hp_buf text = HP_BUF_INIT;
	int r = document_load(&text, file, err);

	if (r == 0 && is_json(&text))
		findings_add(findings, "", "this is JSON; hookd.conf has [Section] and Key=VALUE",
			     (struct hp_json_place){1, 1});
	else if (r == 0)
		r = check_text(&text, findings, warnings, err);
	hp_buf_free(&text);
	return r;
}
