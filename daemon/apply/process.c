/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets attributes of another process. The system calls take a pid, which may be reused; so the
 * target is checked afterwards (target.h says why that suffices), and a revert does nothing if the
 * process has exited. A hard rlimit that hookd could not raise again is not lowered, since a later
 * step may fail. The only state is struct process_change, which the caller owns.
 */
#include "daemon/apply/process.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "daemon/base/scheduler.h"

const char *const process_attribute_names[PROCESS_ATTRIBUTE_COUNT] = {
    [PROCESS_RLIMITS] = "rlimits",
    [PROCESS_OOM_SCORE_ADJ] = "oomScoreAdj",
    [PROCESS_SCHEDULER] = "scheduler",
    [PROCESS_IO_PRIORITY] = "ioPriority",
    [PROCESS_CPU_AFFINITY] = "execCPUAffinity",
};

/* Each takes up to three system calls. */
#define THREADS_AT_ONCE 256

/* One attribute of one process or thread before the change; an entry of the undo list. */
struct before {
	int pidfd; /* of the process; borrowed: the undo runs before the target is closed */
	pid_t id;  /* of the process or thread; for oom_score_adj target::proc */
	int resource;
	struct rlimit limit;
	char oom_score_adj[16];
	struct scheduler_attributes scheduler;
	int io_priority;
	uint64_t cpus[HP_MASK_BITS / 64];
};

static struct before *note(struct undo *undo, const char *what, const struct target *target,
			   pid_t id, undo_fn revert)
{
	struct before *before = undo_add(undo, what, sizeof(*before), revert, NULL);

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

/* ESRCH: the thread has exited; there is nothing to revert. */
static int reverted(long result)
{
	return result < 0 && errno != ESRCH ? -errno : 0;
}

static int fail(int r, const char *path, struct hp_err *err)
{
	if (r < 0)
		hp_err_setting(err, r, path, "%s", strerror(-r));
	return r;
}

/* ---- rlimits ---- */

static int revert_rlimit(void *data)
{
	const struct before *before = data;

	if (is_gone(before))
		return 0;
	return reverted(
	    prlimit(before->id, (__rlimit_resource_t)before->resource, &before->limit, NULL));
}

/* Without CAP_SYS_RESOURCE a hard limit can be lowered, but not raised (setrlimit(2)). */
static bool can_raise_limits(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return syscall(SYS_capget, &header, data) == 0 &&
	       (data[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective & CAP_TO_MASK(CAP_SYS_RESOURCE));
}

static int set_rlimit(const struct target *target, const struct hp_rlimit *limit, struct undo *undo)
{
	const struct rlimit wanted = {limit->soft, limit->hard};
	__rlimit_resource_t resource = (__rlimit_resource_t)limit->resource;
	struct before *before = note(undo, "rlimits", target, target->pid, revert_rlimit);

	if (!before)
		return -ENOMEM;
	before->resource = limit->resource;
	if (prlimit(target->pid, resource, NULL, &before->limit) < 0)
		return -errno;
	if (wanted.rlim_max < before->limit.rlim_max && !can_raise_limits())
		return -EPERM;
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

static int revert_oom_score(void *data)
{
	const struct before *before = data;
	int r = write_oom_score(before->id, before->oom_score_adj);

	return is_gone(before) ? 0 : r;
}

static int set_oom_score(const struct target *target, const struct hp_settings *settings,
			 struct undo *undo)
{
	struct before *before = note(undo, "oomScoreAdj", target, target->proc, revert_oom_score);
	cleanup_close int fd = openat(target->proc, "oom_score_adj", O_RDONLY | O_CLOEXEC);
	char text[16];

	if (!before)
		return -ENOMEM;
	if (fd < 0 || read(fd, before->oom_score_adj, sizeof(before->oom_score_adj) - 1) <= 0)
		return -ESRCH;
	snprintf(text, sizeof(text), "%d", (int)settings->oom_score_adj.value);
	return write_oom_score(target->proc, text);
}

/* ---- attributes of threads ---- */

static int revert_scheduler(void *data)
{
	struct before *before = data;

	if (is_gone(before))
		return 0;
	return reverted(syscall(SYS_sched_setattr, before->id, &before->scheduler, 0));
}

/*
 * Compares what the policy uses. The kernel sets the other members as it likes: newer ones report
 * the time slice of SCHED_OTHER as the runtime.
 */
static bool is_scheduled_so(const struct scheduler_attributes *now,
			    const struct scheduler_attributes *wanted)
{
	if (now->policy != wanted->policy || now->flags != wanted->flags)
		return false;
	switch (now->policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return now->priority == wanted->priority;
	case SCHED_OTHER:
	case SCHED_BATCH:
	case SCHED_IDLE:
		return now->nice == wanted->nice;
	default:
		return now->runtime_ns == wanted->runtime_ns &&
		       now->deadline_ns == wanted->deadline_ns &&
		       now->period_ns == wanted->period_ns;
	}
}

/*
 * New threads do not inherit a policy with SCHED_FLAG_RESET_ON_FORK (sched(7)), so a process that
 * makes threads would never be done: only threads that the first two passes find are set.
 */
static int set_thread_scheduler(pid_t thread, void *userdata)
{
	const struct process_change *change = userdata;
	struct scheduler_attributes wanted = scheduler_attributes_of(&change->settings->scheduler);
	struct scheduler_attributes now;
	struct before *before;

	if ((wanted.flags & SCHED_FLAG_RESET_ON_FORK) && change->walk.passes > 1)
		return 0;
	if (syscall(SYS_sched_getattr, thread, &now, sizeof(now), 0) < 0)
		return -errno;
	if (is_scheduled_so(&now, &wanted))
		return 0;
	before = note(change->undo, "scheduler", change->target, thread, revert_scheduler);
	if (!before)
		return -ENOMEM;
	before->scheduler = now;
	return syscall(SYS_sched_setattr, thread, &wanted, 0) < 0 ? -errno : 1;
}

static int revert_io_priority(void *data)
{
	const struct before *before = data;

	if (is_gone(before))
		return 0;
	return reverted(
	    syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, before->id, before->io_priority));
}

static int set_thread_io_priority(pid_t thread, void *userdata)
{
	const struct process_change *change = userdata;
	const struct hp_io_priority *io = &change->settings->io_priority;
	int wanted = IOPRIO_PRIO_VALUE(io->io_class, io->priority);
	int now = (int)syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, thread);
	struct before *before;

	if (now < 0)
		return -errno;
	if (now == wanted)
		return 0;
	before = note(change->undo, "ioPriority", change->target, thread, revert_io_priority);
	if (!before)
		return -ENOMEM;
	before->io_priority = now;
	return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, thread, wanted) < 0 ? -errno : 1;
}

static int revert_affinity(void *data)
{
	const struct before *before = data;

	if (is_gone(before))
		return 0;
	return reverted(
	    syscall(SYS_sched_setaffinity, before->id, sizeof(before->cpus), before->cpus));
}

/*
 * The kernel removes CPUs that the machine or the cpuset does not have. So the mask is read back,
 * and threads are compared with that.
 */
static int set_thread_affinity(pid_t thread, void *userdata)
{
	struct process_change *change = userdata;
	const struct hp_mask *mask = affinity_of(change->settings);
	uint64_t now[HP_MASK_BITS / 64] = {0};
	struct before *before;

	if (syscall(SYS_sched_getaffinity, thread, sizeof(now), now) < 0)
		return -errno;
	if (change->walk.passes > 0 && memcmp(now, change->cpus, sizeof(now)) == 0)
		return 0;
	before = note(change->undo, "execCPUAffinity", change->target, thread, revert_affinity);
	if (!before)
		return -ENOMEM;
	memcpy(before->cpus, now, sizeof(now));
	if (syscall(SYS_sched_setaffinity, thread, sizeof(mask->words), mask->words) < 0)
		return -errno;
	memset(change->cpus, 0, sizeof(change->cpus));
	return syscall(SYS_sched_getaffinity, thread, sizeof(change->cpus), change->cpus) < 0
		   ? -errno
		   : 1;
}

/* ---- all attributes ---- */

static bool is_asked(const struct hp_settings *settings, int attribute)
{
	const bool asked[PROCESS_ATTRIBUTE_COUNT] = {
	    [PROCESS_RLIMITS] = settings->rlimit_count > 0,
	    [PROCESS_OOM_SCORE_ADJ] = settings->oom_score_adj.is_set,
	    [PROCESS_SCHEDULER] = settings->scheduler.is_set,
	    [PROCESS_IO_PRIORITY] = settings->io_priority.is_set,
	    [PROCESS_CPU_AFFINITY] = affinity_of(settings)->is_set,
	};

	return asked[attribute];
}

bool process_is_asked(const struct hp_settings *settings)
{
	for (int i = 0; i < PROCESS_ATTRIBUTE_COUNT; i++)
		if (is_asked(settings, i))
			return true;
	return false;
}

/* 1: threads are left. */
static int set_of_threads(struct process_change *change, thread_fn function)
{
	int r = thread_walk_continue(&change->walk, change->target, &change->until_ns);

	if (r == 0)
		r = thread_walk_go_on(&change->walk, THREADS_AT_ONCE, function, change);
	if (r <= 0)
		thread_walk_end(&change->walk);
	return r;
}

static int set_one(struct process_change *change)
{
	switch (change->attribute) {
	case PROCESS_RLIMITS:
		return set_rlimits(change->target, change->settings, change->undo);
	case PROCESS_OOM_SCORE_ADJ:
		return set_oom_score(change->target, change->settings, change->undo);
	case PROCESS_SCHEDULER:
		return set_of_threads(change, set_thread_scheduler);
	case PROCESS_IO_PRIORITY:
		return set_of_threads(change, set_thread_io_priority);
	default:
		return set_of_threads(change, set_thread_affinity);
	}
}

void process_change_begin(struct process_change *change, const struct target *target,
			  const struct hp_settings *settings, struct undo *undo)
{
	assert(target->pid > 0 && target->pidfd >= 0); /* pid 0 would be hookd itself */
	*change = (struct process_change){.target = target, .settings = settings, .undo = undo};
}

int process_change_go_on(struct process_change *change, struct hp_err *err)
{
	assert(change->target);
	for (; change->attribute < PROCESS_ATTRIBUTE_COUNT; change->attribute++) {
		int r = is_asked(change->settings, change->attribute) ? set_one(change) : 0;

		if (r > 0)
			return r;
		if (r < 0)
			return fail(r, process_attribute_names[change->attribute], err);
		if (is_asked(change->settings, change->attribute))
			change->set |= 1u << change->attribute;
	}
	return fail(target_check(change->target), "", err);
}

void process_change_end(struct process_change *change)
{
	thread_walk_end(&change->walk);
}

int process_apply(const struct target *target, const struct hp_settings *settings,
		  struct undo *undo, unsigned int *ret_set, struct hp_err *err)
{
	struct process_change change;
	int r;

	process_change_begin(&change, target, settings, undo);
	do {
		r = process_change_go_on(&change, err);
	} while (r > 0);
	*ret_set = change.set;
	process_change_end(&change);
	return r;
}
