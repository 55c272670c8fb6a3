/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way into namespaces: those of a process, held by a pidfd, and those that the settings name
 * by path. Descriptors are opened while paths still mean what they mean to hookd; a pid namespace
 * is entered by a new process that goes on as the hook.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/job.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

void stay_undumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
}

/* ---- by process ---- */

static bool is_other_namespace(const struct job *job, const char *name)
{
	char path[64];
	struct stat own, theirs;

	snprintf(path, sizeof(path), "self/ns/%s", name);
	if (fstatat(job->proc, path, &own, 0) < 0)
		return false; /* this kernel does not have the kind */
	snprintf(path, sizeof(path), "%d/ns/%s", job->plan->target_pid, name);
	if (fstatat(job->proc, path, &theirs, 0) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno == ENOENT ? ESRCH : errno);
	return own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev;
}

/* setns(2) refuses a user namespace that is the caller's already, so only differing ones count. */
static int differing_namespaces(const struct job *job)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = {
	    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},	  {"net", CLONE_NEWNET},
	    {"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},	  {"pid", CLONE_NEWPID},
	    {"time", CLONE_NEWTIME}, {"cgroup", CLONE_NEWCGROUP},
	};
	int namespaces = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (is_other_namespace(job, kinds[i].name))
			namespaces |= kinds[i].flag;
	return namespaces;
}

/*
 * The numbers under /proc/PID and the pidfd are one process as long as that process is alive, for
 * a number is not given again before: so alive afterwards means that it was right all the time.
 */
static void enter_those_of_target(struct job *job)
{
	job->namespaces = differing_namespaces(job);
	if (job->namespaces && setns(PLAN_FD_TARGET, job->namespaces) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
	if (syscall(SYS_pidfd_send_signal, PLAN_FD_TARGET, 0, NULL, 0) < 0 && errno == ESRCH)
		fail(SPAWN_STEP_NAMESPACES, ESRCH);
}

/* ---- by path ---- */

void namespaces_open(struct job *job)
{
	const struct hp_settings *settings = &job->settings;

	for (size_t i = 0; i < settings->namespace_count; i++) {
		const char *path = settings->namespaces[i].path;

		job->namespace_fds[i] = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (path && job->namespace_fds[i] < 0)
			fail_at(SPAWN_STEP_NAMESPACES, errno, path);
	}
}

static bool is_own_user_namespace(const struct job *job, int fd)
{
	struct stat own, theirs;

	return fstatat(job->proc, "self/ns/user", &own, 0) == 0 && fstat(fd, &theirs) == 0 &&
	       own.st_ino == theirs.st_ino && own.st_dev == theirs.st_dev;
}

/* 0, or the errno; what is entered is closed. */
static int enter_by_path(struct job *job, size_t i)
{
	int type = job->settings.namespaces[i].type;

	if (type == CLONE_NEWUSER && is_own_user_namespace(job, job->namespace_fds[i]))
		return 0;
	if (setns(job->namespace_fds[i], type) < 0)
		return errno;
	job->namespaces |= type;
	close(job->namespace_fds[i]);
	job->namespace_fds[i] = -1;
	return 0;
}

static void enter_those_of_types(struct job *job, bool is_user, bool may_wait)
{
	for (size_t i = 0; i < job->settings.namespace_count; i++) {
		int error;

		if (job->namespace_fds[i] < 0 ||
		    (job->settings.namespaces[i].type == CLONE_NEWUSER) != is_user)
			continue;
		error = enter_by_path(job, i);
		if (error && !(error == EPERM && may_wait))
			fail_at(SPAWN_STEP_NAMESPACES, error, job->settings.namespaces[i].path);
	}
}

/*
 * setns(2) wants CAP_SYS_ADMIN in the namespace's own user namespace. So those of the host come
 * first, then the user namespace, in which the process is almighty, then those that belong to it.
 */
static void enter_those_by_path(struct job *job)
{
	enter_those_of_types(job, false, true);
	enter_those_of_types(job, true, false);
	enter_those_of_types(job, false, false);
}

/* ---- afterwards ---- */

/* Host ids mean nothing in there: become the namespace's root, as its own processes see it. */
static void become_namespace_root(void)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM) /* EPERM: /proc/PID/setgroups says deny */
		fail(SPAWN_STEP_CREDENTIALS, errno);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(SPAWN_STEP_CREDENTIALS, errno);
	stay_undumpable(); /* a change of ids makes the kernel forget it */
}

/* Waits for the word to go, which is its own pid as hookd sees it; without it nobody knows of us.
 */
static int32_t await_go(int gate)
{
	int32_t pid;

	if (read(gate, &pid, sizeof(pid)) != sizeof(pid))
		_exit(127);
	close(gate);
	return pid;
}

/*
 * setns(2) puts only future children into a pid namespace. The child is made hookd's, not ours
 * (CLONE_PARENT), so that hookd waits for the hook itself. It goes on only when it was reported: if
 * we are killed before, the gate's end does not open it.
 */
static void go_on_in_pid_namespace(struct job *job)
{
	int pidfd = -1, gate[2];
	struct clone_args args = {
	    .flags = CLONE_PARENT | CLONE_PIDFD,
	    .pidfd = (uintptr_t)&pidfd,
	};
	int32_t pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
	pid = (int32_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
	if (pid > 0) {
		report_successor(pid, pidfd);
		_exit(write(gate[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 127);
	}
	close(gate[1]);
	setsid();
	job->outer_pid = await_go(gate[0]);
}

void namespaces_enter(struct job *job)
{
	if (job->plan->flags & PLAN_ENTER)
		enter_those_of_target(job);
	enter_those_by_path(job);
	if (job->namespaces & CLONE_NEWUSER)
		become_namespace_root();
	if (job->namespaces & CLONE_NEWPID)
		go_on_in_pid_namespace(job);
}
