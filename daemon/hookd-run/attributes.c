/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes of a process other than its credentials: oom score, resctrl group, scheduling, limits,
 * keyring, personality and umask. Most of them need capabilities in the initial user namespace, so
 * hookd-run.c sets them before it enters any namespace. No state.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/scheduler.h"
#include "daemon/hookd-run/hookd-run.h"
#include "daemon/raw/keyring.h"

#ifndef RLIM64_INFINITY
#define RLIM64_INFINITY (~0ull)
#endif

/* Not in hookd's child: the kernel applies the value to all processes that share the memory. */
static int write_oom_score(const struct job *job, const char *text)
{
	int fd = openat(job->proc, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	int error = fd < 0 || write(fd, text, strlen(text)) < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	return error;
}

/*
 * Without CAP_SYS_RESOURCE in the initial user namespace a score below the last one that was set
 * with it is refused (EACCES). That is an error only if the settings ask for the score, not if 0 is
 * set as the default.
 */
void oom_score_set(const struct job *job)
{
	bool is_asked_for = job->settings.oom_score_adj.is_set;
	char text[24];
	int error;

	if (!is_asked_for && !(job->message->flags & HELPER_RESET_OOM_SCORE))
		return;
	snprintf(text, sizeof(text), "%d", (int)job->settings.oom_score_adj.value);
	error = write_oom_score(job, text);
	if (error && (is_asked_for || error != EACCES))
		step_fail(SPAWN_STEP_OOM_SCORE_ADJ, error);
}

/* Not in a user's hookd, which cannot set a score below its own. */
void oom_score_of_container_set(const struct job *job)
{
	char path[32], *text;
	int error;

	if (!job->has_container_rights || job->settings.oom_score_adj.is_set || geteuid() != 0)
		return;
	snprintf(path, sizeof(path), "%d/oom_score_adj", job->message->container_pid);
	text = file_read_whole(job->proc, path);
	if (!text)
		step_fail(SPAWN_STEP_OOM_SCORE_ADJ, errno);
	error = write_oom_score(job, text);
	if (error)
		step_fail(SPAWN_STEP_OOM_SCORE_ADJ, error);
	free(text);
}

/* "0" stands for the writing process. Its later children are in the group, too. */
void rdt_group_join(const struct job *job)
{
	if (!(job->message->flags & HELPER_SETTINGS) || !job->settings.intel_rdt)
		return;
	if (write(HELPER_FD_RDT_TASKS, "0", 1) < 0)
		step_fail(SPAWN_STEP_RDT, errno);
	if (write(HELPER_FD_RDT_MON_TASKS, "0", 1) < 0)
		step_fail_at(SPAWN_STEP_RDT, errno, "monitoring group");
}

/* ---- scheduling ---- */

static void set_scheduler(const struct hp_scheduler *scheduler)
{
	struct scheduler_attributes attributes = scheduler_attributes_of(scheduler);

	if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		step_fail(SPAWN_STEP_SCHEDULER, errno);
}

static void set_affinity(const struct hp_settings *settings)
{
	const struct hp_mask *mask = affinity_of(settings);

	if (mask->is_set && syscall(SYS_sched_setaffinity, 0, sizeof(mask->words), mask->words) < 0)
		step_fail_at(SPAWN_STEP_SCHEDULER, errno, "CPU affinity");
}

static void set_memory_policy(const struct hp_memory_policy *policy)
{
	const uint64_t *nodes = policy->nodes.is_set ? policy->nodes.words : NULL;

	if (policy->is_set && syscall(SYS_set_mempolicy, policy->mode | (int)policy->flags, nodes,
				      nodes ? HP_MASK_BITS + 1ul : 0ul) < 0)
		step_fail_at(SPAWN_STEP_SCHEDULER, errno, "memory policy");
}

void scheduler_set(struct job *job)
{
	const struct hp_io_priority *io = &job->settings.io_priority;

	if (job->settings.scheduler.is_set && !scheduler_is_deadline(&job->settings.scheduler))
		set_scheduler(&job->settings.scheduler);
	sched_deadline_prepare(job);
	if (io->is_set && syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
				  IOPRIO_PRIO_VALUE(io->io_class, io->priority)) < 0)
		step_fail_at(SPAWN_STEP_SCHEDULER, errno, "I/O priority");
	set_affinity(&job->settings);
	set_memory_policy(&job->settings.memory_policy);
}

/* ---- limits ---- */

static const char *rlimit_name(int resource)
{
	static const char *const names[] = {
	    [RLIMIT_CPU] = "RLIMIT_CPU",	   [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
	    [RLIMIT_DATA] = "RLIMIT_DATA",	   [RLIMIT_STACK] = "RLIMIT_STACK",
	    [RLIMIT_CORE] = "RLIMIT_CORE",	   [RLIMIT_RSS] = "RLIMIT_RSS",
	    [RLIMIT_NPROC] = "RLIMIT_NPROC",	   [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
	    [RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
	    [RLIMIT_LOCKS] = "RLIMIT_LOCKS",	   [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
	    [RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
	    [RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",	   [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == RLIM_NLIMITS, "one for each resource");
	return names[resource];
}

/* The raw system call, as libc's functions convert the values. */
static void change_rlimit(int resource, const uint64_t *values, uint64_t *old)
{
	if (syscall(SYS_prlimit64, 0, resource, values, old) < 0)
		step_fail_at(SPAWN_STEP_RLIMITS, errno, rlimit_name(resource));
}

static struct hp_rlimit *find_rlimit(struct job *job, int resource)
{
	for (size_t i = 0; i < job->rlimit_count; i++)
		if (job->rlimits[i].resource == resource)
			return &job->rlimits[i];
	return &job->rlimits[job->rlimit_count++];
}

/* A column of proc_pid_limits(5): a number or "unlimited". */
static uint64_t read_limit(const char *column)
{
	return *column == 'u' ? RLIM64_INFINITY : strtoull(column, NULL, 10);
}

/*
 * /proc/PID/limits has a line for each resource, in the order of their numbers: "Max cpu time",
 * padded to 26 columns, then the soft and the hard limit with 21 columns each. The hard limit is
 * not raised above that of this process.
 */
static void take_rlimit(struct job *job, int resource, const char *line)
{
	uint64_t own[2], soft, hard;

	if (strlen(line) < 48)
		step_fail_at(SPAWN_STEP_RLIMITS, EPROTO, "of the container's process");
	change_rlimit(resource, NULL, own);
	soft = read_limit(line + 26);
	hard = read_limit(line + 47);
	hard = hard < own[1] ? hard : own[1];
	*find_rlimit(job, resource) = (struct hp_rlimit){
	    .resource = resource,
	    .soft = soft < hard ? soft : hard,
	    .hard = hard,
	};
}

static void take_rlimits_of_container(struct job *job)
{
	char path[32], *text, *line;

	snprintf(path, sizeof(path), "%d/limits", job->message->container_pid);
	line = text = file_read_whole(job->proc, path);
	if (!text)
		step_fail_at(SPAWN_STEP_RLIMITS, errno == ENOENT ? ESRCH : errno,
			     "of the container's process");
	for (int resource = 0; resource < (int)RLIM_NLIMITS; resource++) {
		line = strchr(line, '\n'); /* the first line is the header */
		if (!line++)
			step_fail_at(SPAWN_STEP_RLIMITS, EPROTO, "of the container's process");
		take_rlimit(job, resource, line);
	}
	free(text);
}

void rlimits_find(struct job *job)
{
	if (job->has_container_rights)
		take_rlimits_of_container(job);
	for (size_t i = 0; i < job->settings.rlimit_count; i++) {
		const struct hp_rlimit *wanted = &job->settings.rlimits[i];
		struct hp_rlimit *limit = find_rlimit(job, wanted->resource);

		if (job->has_container_rights && wanted->hard > limit->hard)
			step_fail_at(SPAWN_STEP_RLIMITS, EPERM, rlimit_name(wanted->resource));
		*limit = *wanted;
	}
}

/* To raise the hard limit needs CAP_SYS_RESOURCE, which is dropped before RLIMIT_NOFILE is set. */
static void raise_descriptor_limit(const struct hp_rlimit *limit)
{
	uint64_t values[2];

	change_rlimit(RLIMIT_NOFILE, NULL, values);
	if (limit->hard <= values[1])
		return;
	values[1] = limit->hard;
	change_rlimit(RLIMIT_NOFILE, values, NULL);
}

static void apply_rlimit(const struct hp_rlimit *limit)
{
	const uint64_t values[2] = {limit->soft, limit->hard};

	change_rlimit(limit->resource, values, NULL);
}

void rlimits_set(const struct job *job)
{
	for (size_t i = 0; i < job->rlimit_count; i++) {
		if (job->rlimits[i].resource == RLIMIT_NOFILE)
			raise_descriptor_limit(&job->rlimits[i]);
		else
			apply_rlimit(&job->rlimits[i]);
	}
}

void descriptor_limit_set(const struct job *job)
{
	for (size_t i = 0; i < job->rlimit_count; i++)
		if (job->rlimits[i].resource == RLIMIT_NOFILE)
			apply_rlimit(&job->rlimits[i]);
}

/* ---- the rest ---- */

void keyring_join(const struct job *job)
{
	int r = job->settings.no_new_keyring ? 0 : keyring_join_new();

	if (r < 0)
		step_fail(SPAWN_STEP_KEYRING, -r);
}

void personality_set(const struct job *job)
{
	if (job->settings.personality.is_set &&
	    personality((unsigned long)job->settings.personality.value) < 0)
		step_fail(SPAWN_STEP_PERSONALITY, errno);
	if (job->settings.umask.is_set)
		umask((mode_t)job->settings.umask.value);
}
