/* SPDX-License-Identifier: Apache-2.0 */
/* Event loop, processes and files for the tests of the daemon. */
#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define PROGRAM_SECONDS 170
#define CHILD_SECONDS	60

void bound_time(void)
{
	alarm(PROGRAM_SECONDS);
}

/* ---- the event loop ---- */

struct event_base *loop_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	assert_non_null(config);
	assert_int_equal(event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME), 0);
	base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(base);
	return base;
}

static void on_deadline(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what, (void)userdata;
}

bool loop_turn(struct event_base *base, int64_t deadline_ns)
{
	int64_t left_us = (deadline_ns - clock_ns(CLOCK_MONOTONIC)) / 1000;
	struct event *deadline = event_new(base, -1, 0, on_deadline, NULL);
	struct timeval left = {.tv_sec = left_us / 1000000, .tv_usec = left_us % 1000000};

	if (left_us > 0 && deadline) {
		event_add(deadline, &left);
		event_base_loop(base, EVLOOP_ONCE);
	}
	if (deadline)
		event_free(deadline);
	return left_us > 0;
}

/* ---- processes ---- */

int in_child(int (*function)(void *userdata), void *userdata)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(CHILD_SECONDS);
		_exit(function(userdata));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

char process_state(pid_t pid)
{
	char path[32], letter = 0;
	char *text, *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	text = read_whole(path, NULL);
	end = text ? strrchr(text, ')') : NULL;
	if (end)
		letter = end[2];
	free(text);
	return letter;
}

bool own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* ---- files ---- */

int memory_file(const char *text, size_t length, char path[static 32])
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

size_t read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while (length < size && (n = read(fd, bytes + length, size - length)) > 0)
		length += (size_t)n;
	return length;
}

char *read_whole(const char *path, size_t *ret_length)
{
	const size_t size = 1024 * 1024;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	size_t length;

	if (fd < 0)
		return NULL;
	text = malloc(size + 1);
	assert_non_null(text);
	length = read_all(fd, text, size);
	close(fd);
	text[length] = '\0';
	if (ret_length)
		*ret_length = length;
	return text;
}

void grab_stderr(struct grab *grab)
{
	fflush(stderr);
	grab->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	grab->memory = memfd_create("stderr", MFD_CLOEXEC);
	assert_true(grab->saved >= 0 && grab->memory >= 0);
	assert_int_equal(dup2(grab->memory, STDERR_FILENO), STDERR_FILENO);
}

char *grab_end(struct grab *grab)
{
	char path[32];
	char *text;

	fflush(stderr);
	dup2(grab->saved, STDERR_FILENO);
	close(grab->saved);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", grab->memory);
	text = read_whole(path, NULL);
	close(grab->memory);
	assert_non_null(text);
	return text;
}

void temporary_directory(char path[static 32])
{
	snprintf(path, 32, "/tmp/hookd-test-XXXXXX");
	assert_non_null(mkdtemp(path));
}
