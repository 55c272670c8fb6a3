/* SPDX-License-Identifier: Apache-2.0 */
/* A process that a caller has named: its pidfd and its /proc/PID. No other state. */
#include "daemon/base/target.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "daemon/base/file.h"
#include "daemon/base/pidfd.h"

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

/* ---- processes that must not be changed ---- */

/* linux/sched.h: a kernel thread. */
#define PF_KTHREAD 0x00200000
/* Ancestors that are read at most; attempts where ancestors exit while they are read. */
#define GENERATIONS_MAX 10000
#define LOOKS_MAX	100

/*
 * 1: the process descends from hookd. -EAGAIN: an ancestor has exited meanwhile, whose children
 * then have another parent, so what was read before is no longer true.
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
		return refuse(target, "a kernel thread", err);
	r = descends_from_hookd(target);
	if (r == 1)
		return refuse(target, "a hook, or another process that hookd has started", err);
	if (r == -EAGAIN)
		return hp_err_setting(err, r, NULL,
				      "the parent processes of pid %d keep changing, try again",
				      target->pid);
	return r < 0 ? r : target_check(target);
}
