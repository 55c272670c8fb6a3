/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of callers, held by pidfd. Stateless but for the descriptors; used by apply/. */
#include "daemon/apply/target.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "daemon/base/file.h"

/* Passes over the threads; a process that makes threads faster than that is refused. */
#define PASSES_MAX 100

int target_open(pid_t pid, struct target *ret_target)
{
	struct target target = TARGET_NONE;
	char path[32];
	int r;

	target.pid = pid;
	target.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* EINVAL, and ENOENT since Linux 6.9: the number of a thread, or none at all. */
	if (target.pidfd < 0)
		return errno == EINVAL || errno == ENOENT ? -ESRCH : -errno;
	snprintf(path, sizeof(path), "/proc/%d", pid);
	target.proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = target.proc < 0 ? (errno == ENOENT ? -ESRCH : -errno) : target_check(&target);
	if (r < 0) {
		target_close(&target);
		return r;
	}
	*ret_target = target;
	return 0;
}

void target_close(struct target *target)
{
	close_fd(&target->pidfd);
	close_fd(&target->proc);
}

int target_check(const struct target *target)
{
	struct pollfd exit = {.fd = target->pidfd, .events = POLLIN};

	return poll(&exit, 1, 0) == 0 ? 0 : -ESRCH;
}

/* Field 22, "starttime", behind the command, which may hold anything. */
uint64_t target_start_time(const struct target *target)
{
	char text[1024];
	const char *at;

	if (file_read_at(target->proc, "stat", text, sizeof(text)) <= 0)
		return 0;
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at ? strtoull(at + 1, NULL, 10) : 0;
}

/* ---- threads ---- */

struct threads {
	pid_t *ids;
	size_t count, capacity;
};

static bool is_known(const struct threads *threads, pid_t id)
{
	for (size_t i = 0; i < threads->count; i++)
		if (threads->ids[i] == id)
			return true;
	return false;
}

static int remember(struct threads *threads, pid_t id)
{
	if (threads->count == threads->capacity) {
		size_t capacity = threads->capacity ? 2 * threads->capacity : 64;
		pid_t *ids = reallocarray(threads->ids, capacity, sizeof(*ids));

		if (!ids)
			return -ENOMEM;
		threads->ids = ids;
		threads->capacity = capacity;
	}
	threads->ids[threads->count++] = id;
	return 0;
}

/* One pass: how many threads were new, or the first error. */
static int visit_new(DIR *directory, struct threads *threads, int (*function)(pid_t, void *),
		     void *userdata)
{
	struct dirent *entry;
	int news = 0, r;

	rewinddir(directory);
	while ((entry = readdir(directory))) {
		pid_t id = (pid_t)strtol(entry->d_name, NULL, 10);

		if (id <= 0 || is_known(threads, id))
			continue;
		r = function(id, userdata);
		if (r < 0 && r != -ESRCH)
			return r;
		r = remember(threads, id);
		if (r < 0)
			return r;
		news++;
	}
	return news;
}

int target_each_thread(const struct target *target, int (*function)(pid_t thread, void *userdata),
		       void *userdata)
{
	int fd = openat(target->proc, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct threads threads = {0};
	int r = 1;

	if (!directory) {
		close_fd(&fd);
		return -ESRCH;
	}
	for (int pass = 0; r > 0 && pass < PASSES_MAX; pass++)
		r = visit_new(directory, &threads, function, userdata);
	if (r > 0)
		r = -EAGAIN;
	closedir(directory);
	free(threads.ids);
	return r < 0 ? r : target_check(target);
}
