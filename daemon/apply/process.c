/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of somebody else's process. Every call here is by number, so the caller checks the
 * target afterwards (target.h says why that is enough); a revert by number does nothing where the
 * process is gone.
 */
#include "daemon/apply/process.h"

#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "daemon/apply/scheduler.h"

const char *const process_attribute_names[PROCESS_ATTRIBUTE_COUNT] = {
    [PROCESS_RLIMITS] = "rlimits",
    [PROCESS_OOM_SCORE_ADJ] = "oomScoreAdj",
    [PROCESS_SCHEDULER] = "scheduler",
    [PROCESS_IO_PRIORITY] = "ioPriority",
    [PROCESS_CPU_AFFINITY] = "execCPUAffinity",
};

/* How a thing was of one process or thread. A pidfd tells whether it is still the same. */
struct before {
	int pidfd; /* of the process, borrowed: undone before the target is closed */
	pid_t id;
	int resource;
	struct rlimit limit;
	char oom_score_adj[16];
	struct scheduler_attributes scheduler;
	int io_priority;
	uint64_t cpus[HP_MASK_BITS / 64];
};

static struct before *note(struct undo *undo, const struct target *target, pid_t id, undo_fn revert)
{
	struct before *before = undo_add(undo, sizeof(*before), revert, NULL);

	if (before) {
		before->pidfd = target->pidfd;
		before->id = id;
	}
	return before;
}

static bool is_gone(const struct before *before)
{
	return syscall(SYS_pidfd_send_signal, before->pidfd, 0, NULL, 0) < 0;
}

static int fail(int r, const char *path, struct hp_err *err)
{
	if (r < 0)
		hp_err_setting(err, r, path, "%s", strerror(-r));
	return r;
}

/* ---- rlimits ---- */

static void revert_rlimit(void *data)
{
	const struct before *before = data;

	if (!is_gone(before))
		(void)prlimit(before->id, (__rlimit_resource_t)before->resource, &before->limit,
			      NULL);
}

static int set_rlimit(const struct target *target, const struct hp_rlimit *limit, struct undo *undo)
{
	const struct rlimit wanted = {limit->soft, limit->hard};
	__rlimit_resource_t resource = (__rlimit_resource_t)limit->resource;
	struct before *before = note(undo, target, target->pid, revert_rlimit);

	if (!before)
		return -ENOMEM;
	before->resource = limit->resource;
	if (prlimit(target->pid, resource, NULL, &before->limit) < 0)
		return -errno;
	return prlimit(target->pid, resource, &wanted, NULL) < 0 ? -errno : 0;
}

static int set_rlimits(const struct target *target, const struct hp_settings *settings,
		       struct undo *undo)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < settings->rlimit_count; i++)
		r = set_rlimit(target, &settings->rlimits[i], undo);
	return r;
}

/* ---- oom_score_adj ---- */

static int write_oom_score(int proc, const char *text)
{
	cleanup_close int fd = openat(proc, "oom_score_adj", O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static void revert_oom_score(void *data)
{
	const struct before *before = data;

	(void)write_oom_score(before->id, before->oom_score_adj); /* id: the directory */
}

static int set_oom_score(const struct target *target, const struct hp_settings *settings,
			 struct undo *undo)
{
	struct before *before = note(undo, target, target->proc, revert_oom_score);
	cleanup_close int fd = openat(target->proc, "oom_score_adj", O_RDONLY | O_CLOEXEC);
	char text[16];

	if (!before)
		return -ENOMEM;
	if (fd < 0 || read(fd, before->oom_score_adj, sizeof(before->oom_score_adj) - 1) <= 0)
		return -ESRCH;
	snprintf(text, sizeof(text), "%d", (int)settings->oom_score_adj.value);
	return write_oom_score(target->proc, text);
}

/* ---- of every thread ---- */

struct visit {
	const struct target *target;
	const struct hp_settings *settings;
	struct undo *undo;
};

static void revert_scheduler(void *data)
{
	struct before *before = data;

	if (!is_gone(before))
		(void)syscall(SYS_sched_setattr, before->id, &before->scheduler, 0);
}

static int set_thread_scheduler(pid_t thread, void *userdata)
{
	const struct visit *visit = userdata;
	struct before *before = note(visit->undo, visit->target, thread, revert_scheduler);
	struct scheduler_attributes wanted = scheduler_attributes_of(&visit->settings->scheduler);

	if (!before)
		return -ENOMEM;
	if (syscall(SYS_sched_getattr, thread, &before->scheduler, sizeof(before->scheduler), 0) <
	    0)
		return -errno;
	return syscall(SYS_sched_setattr, thread, &wanted, 0) < 0 ? -errno : 0;
}

static void revert_io_priority(void *data)
{
	const struct before *before = data;

	if (!is_gone(before))
		(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, before->id, before->io_priority);
}

static int set_thread_io_priority(pid_t thread, void *userdata)
{
	const struct visit *visit = userdata;
	const struct hp_io_priority *io = &visit->settings->io_priority;
	struct before *before = note(visit->undo, visit->target, thread, revert_io_priority);

	if (!before)
		return -ENOMEM;
	before->io_priority = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, thread);
	if (before->io_priority < 0)
		return -errno;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread,
		       IOPRIO_PRIO_VALUE(io->io_class, io->priority)) < 0
		   ? -errno
		   : 0;
}

static void revert_affinity(void *data)
{
	const struct before *before = data;

	if (!is_gone(before))
		(void)syscall(SYS_sched_setaffinity, before->id, sizeof(before->cpus),
			      before->cpus);
}

static int set_thread_affinity(pid_t thread, void *userdata)
{
	const struct visit *visit = userdata;
	const struct hp_mask *mask = affinity_of(visit->settings);
	struct before *before = note(visit->undo, visit->target, thread, revert_affinity);

	if (!before)
		return -ENOMEM;
	if (syscall(SYS_sched_getaffinity, thread, sizeof(before->cpus), before->cpus) < 0)
		return -errno;
	return syscall(SYS_sched_setaffinity, thread, sizeof(mask->words), mask->words) < 0 ? -errno
											    : 0;
}

static int visit_threads(const struct target *target, const struct hp_settings *settings,
			 struct undo *undo, int (*set)(pid_t, void *))
{
	struct visit visit = {target, settings, undo};

	return target_each_thread(target, set, &visit);
}

/* ---- all of it ---- */

static int set_scheduler(const struct target *target, const struct hp_settings *settings,
			 struct undo *undo)
{
	return visit_threads(target, settings, undo, set_thread_scheduler);
}

static int set_io_priority(const struct target *target, const struct hp_settings *settings,
			   struct undo *undo)
{
	return visit_threads(target, settings, undo, set_thread_io_priority);
}

static int set_affinity(const struct target *target, const struct hp_settings *settings,
			struct undo *undo)
{
	return visit_threads(target, settings, undo, set_thread_affinity);
}

int process_apply(const struct target *target, const struct hp_settings *settings,
		  struct undo *undo, unsigned int *ret_set, struct hp_err *err)
{
	const struct {
		bool is_asked;
		int (*set)(const struct target *, const struct hp_settings *, struct undo *);
	} steps[PROCESS_ATTRIBUTE_COUNT] = {
	    [PROCESS_RLIMITS] = {settings->rlimit_count > 0, set_rlimits},
	    [PROCESS_OOM_SCORE_ADJ] = {settings->oom_score_adj.is_set, set_oom_score},
	    [PROCESS_SCHEDULER] = {settings->scheduler.is_set, set_scheduler},
	    [PROCESS_IO_PRIORITY] = {settings->io_priority.is_set, set_io_priority},
	    [PROCESS_CPU_AFFINITY] = {affinity_of(settings)->is_set, set_affinity},
	};

	*ret_set = 0;
	for (int i = 0; i < PROCESS_ATTRIBUTE_COUNT; i++) {
		int r = steps[i].is_asked ? steps[i].set(target, settings, undo) : 0;

		if (r < 0)
			return fail(r, process_attribute_names[i], err);
		*ret_set |= steps[i].is_asked ? 1u << i : 0;
	}
	return fail(target_check(target), "", err);
}
