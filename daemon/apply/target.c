/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of callers, held by pidfd. Stateless but for the descriptors; used by apply/. */
#include "daemon/apply/target.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/file.h"
#include "daemon/base/pidfd.h"

/* Passes over the threads; a process that makes threads faster than that is refused. */
#define PASSES_MAX 100

int target_open(pid_t pid, struct target *ret_target)
{
	struct target target = TARGET_NONE;
	char path[32];
	int r = target.pidfd = pidfd_of(pid);

	if (r < 0)
		return r;
	target.pid = pid;
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
	return pidfd_is_alive(target->pidfd) ? 0 : -ESRCH;
}

uint64_t target_start_time(const struct target *target)
{
	char text[1024];

	if (file_read_at(target->proc, "stat", text, sizeof(text)) <= 0)
		return 0;
	return file_stat_field(text, STAT_START_TIME);
}

/* ---- whose it is ---- */

/* linux/sched.h: a thread of the kernel's. */
#define PF_KTHREAD 0x00200000
/* Generations that are looked at, and looks at a family in which parents end meanwhile. */
#define GENERATIONS_MAX 10000
#define LOOKS_MAX	100

/*
 * 1: the process descends from hookd. A parent that ends hands its children on to another one, so
 * what was read of the family before counts no more: -EAGAIN.
 */
static int look_for_hookd_above(pid_t pid)
{
	char path[32], text[1024];

	for (int i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
		if (pid == getpid())
			return 1;
		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		if (file_read_at(AT_FDCWD, path, text, sizeof(text)) <= 0)
			return -EAGAIN;
		pid = (pid_t)file_stat_field(text, STAT_PARENT);
	}
	return pid > 1 ? -EAGAIN : 0;
}

static int descends_from_hookd(const struct target *target)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < LOOKS_MAX; i++)
		r = target_check(target) < 0 ? -ESRCH : look_for_hookd_above(target->pid);
	return r;
}

static int refuse(const struct target *target, const char *what, struct hp_err *err)
{
	*err = (struct hp_err){.code = HP_ERR_SETTINGS_REFUSED, .path = "pid"};
	snprintf(err->reason, sizeof(err->reason), "pid %d is %s", target->pid, what);
	return -EACCES;
}

int target_refuse(const struct target *target, struct hp_err *err)
{
	char text[1024];
	ssize_t length = file_read_at(target->proc, "stat", text, sizeof(text));
	int r;

	if (length <= 0)
		return length < 0 ? (int)length : -ESRCH;
	if (target->pid == getpid())
		return refuse(target, "hookd itself", err);
	if (target->pid == 1)
		return refuse(target, "the init process", err);
	if (file_stat_field(text, STAT_FLAGS) & PF_KTHREAD)
		return refuse(target, "a thread of the kernel", err);
	r = descends_from_hookd(target);
	if (r == 1)
		return refuse(target, "a hook, or another process that hookd has started", err);
	if (r == -EAGAIN)
		return hp_err_setting(err, r, NULL, "pid %d has parents that keep changing",
				      target->pid);
	return r < 0 ? r : target_check(target);
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
