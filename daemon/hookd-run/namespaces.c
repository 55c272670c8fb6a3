/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Enters namespaces: those of the caller and of the container's process, both by pidfd, and those
 * that the settings name by path. The paths are opened in the mount namespace of the caller. A pid
 * namespace is entered by a new process, which continues as the hook. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#define ALL_KINDS (~0)

static const struct {
	const char *name;
	int flag;
} kinds[] = {
    {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},	  {"net", CLONE_NEWNET},
    {"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},	  {"pid", CLONE_NEWPID},
    {"time", CLONE_NEWTIME}, {"cgroup", CLONE_NEWCGROUP},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void undumpable_set(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
}

/*
 * Call after files of /proc/PID were used. A pid is not reused before its process is reaped, so if
 * the process of the pidfd is still alive, the pid was that process all the time.
 */
void process_check_alive(int pidfd)
{
	if (syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0 && errno == ESRCH)
		step_fail(SPAWN_STEP_NAMESPACES, ESRCH);
}

/* ---- by process ---- */

static int open_of_process(const struct job *job, int32_t pid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", pid, name);
	fd = openat(job->proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno == ENOENT ? ESRCH : errno);
	return fd;
}

static bool is_other_namespace(const struct job *job, int32_t pid, const char *name)
{
	char path[64];
	struct stat own, theirs;

	snprintf(path, sizeof(path), "self/ns/%s", name);
	if (fstatat(job->proc, path, &own, 0) < 0)
		return false; /* this kernel has no such namespaces */
	snprintf(path, sizeof(path), "%d/ns/%s", pid, name);
	if (fstatat(job->proc, path, &theirs, 0) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno == ENOENT ? ESRCH : errno);
	return own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev;
}

/*
 * setns(2) refuses the user namespace that the process is in already, so equal ones are left out.
 */
static int differing_namespaces(const struct job *job, int32_t pid, int wanted)
{
	int namespaces = 0;

	for (size_t i = 0; i < KINDS; i++)
		if ((kinds[i].flag & wanted) && is_other_namespace(job, pid, kinds[i].name))
			namespaces |= kinds[i].flag;
	return namespaces;
}

/* The ids of the host are not mapped in the namespace: become its root. */
static void become_namespace_root(void)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM) /* EPERM: "deny" in /proc/PID/setgroups */
		step_fail(SPAWN_STEP_CREDENTIALS, errno);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		step_fail(SPAWN_STEP_CREDENTIALS, errno);
	undumpable_set(); /* a change of ids resets it */
}

/*
 * setns(2) leads to the root of the mount namespace; the process may have another, by chroot(2).
 * getcwd(3) has no path for what does not lie below the first: that is not of this namespace.
 */
static void enter_root(int root)
{
	char path[PATH_MAX];

	if (fchdir(root) < 0 || !getcwd(path, sizeof(path)) || chroot(".") < 0)
		step_fail_at(SPAWN_STEP_NAMESPACES, errno, "root directory");
	close(root);
}

/* `root` is the root directory of the process, opened before. It is closed. */
static void enter_process(struct job *job, int pidfd, int32_t pid, int wanted, int root)
{
	int namespaces = differing_namespaces(job, pid, wanted);

	/* Drop hookd's groups now: the user namespace may forbid setgroups(2). */
	if (namespaces & CLONE_NEWUSER)
		(void)setgroups(0, NULL);
	if (namespaces && setns(pidfd, namespaces) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
	process_check_alive(pidfd);
	job->namespaces |= namespaces;
	if (namespaces & CLONE_NEWUSER)
		become_namespace_root();
	if (namespaces & CLONE_NEWNS)
		enter_root(root);
	else
		close(root);
}

void namespaces_enter_caller(struct job *job)
{
	uint32_t flags = job->message->flags;
	int wanted = flags & HELPER_ENTER_CONTAINER ? CLONE_NEWNS | CLONE_NEWUSER : ALL_KINDS;

	if (flags & HELPER_ENTER_CALLER)
		enter_process(job, HELPER_FD_CALLER, job->message->caller_pid, wanted,
			      open_of_process(job, job->message->caller_pid, "root"));
}

/* hookd has checked the process already, but it may have changed its namespace since then. */
static void enter_container(struct job *job)
{
	struct stat inside;

	enter_process(job, HELPER_FD_CONTAINER, job->message->container_pid, ALL_KINDS,
		      job->container_root);
	if (fstatat(job->proc, "self/ns/mnt", &inside, 0) < 0 ||
	    inside.st_ino == job->mounts_of_hookd)
		step_fail_at(SPAWN_STEP_NAMESPACES, EINVAL,
			     "state.pid is a process in hookd's own mount namespace");
	job->is_inside = true;
}

/* ---- by path ---- */

static void open_by_path(struct job *job)
{
	const struct hp_settings *settings = &job->settings;

	for (size_t i = 0; i < settings->namespace_count; i++) {
		const char *path = settings->namespaces[i].path;

		job->namespace_fds[i] = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (path && job->namespace_fds[i] < 0)
			step_fail_at(SPAWN_STEP_NAMESPACES, errno, path);
	}
}

static bool is_own_namespace(const struct job *job, int type, int fd)
{
	struct stat own, theirs;
	char path[64];

	for (size_t i = 0; i < KINDS; i++) {
		if (kinds[i].flag != type)
			continue;
		/* setns(2) to a pid namespace applies to later children. */
		snprintf(path, sizeof(path), "self/ns/%s",
			 type == CLONE_NEWPID ? "pid_for_children" : kinds[i].name);
		return fstatat(job->proc, path, &own, 0) == 0 && fstat(fd, &theirs) == 0 &&
		       own.st_ino == theirs.st_ino && own.st_dev == theirs.st_dev;
	}
	return false;
}

static void close_by_path(struct job *job, size_t i)
{
	close(job->namespace_fds[i]);
	job->namespace_fds[i] = -1;
}

/* 0, or the errno; an entered one is closed. A hook of a container may not leave its namespaces. */
static int enter_by_path(struct job *job, size_t i)
{
	int type = job->settings.namespaces[i].type;
	bool is_in_container = job->message->flags & HELPER_ENTER_CONTAINER;
	bool is_own = is_own_namespace(job, type, job->namespace_fds[i]);

	if (is_in_container && !is_own)
		step_fail_at(SPAWN_STEP_NAMESPACES, EPERM, job->settings.namespaces[i].path);
	/* setns(2) refuses the user namespace that the process is in already. */
	if (!is_in_container && !(is_own && type == CLONE_NEWUSER)) {
		if (setns(job->namespace_fds[i], type) < 0)
			return errno;
		job->namespaces |= type;
		job->is_inside |= type == CLONE_NEWNS;
	}
	close_by_path(job, i);
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
			step_fail_at(SPAWN_STEP_NAMESPACES, error,
				     job->settings.namespaces[i].path);
	}
}

/*
 * setns(2) needs CAP_SYS_ADMIN in the user namespace that owns the other namespace. So those of the
 * host come first, then the user namespace, in which the process has all capabilities, then the
 * namespaces that it owns.
 */
static void enter_those_by_path(struct job *job)
{
	int before = job->namespaces & CLONE_NEWUSER;

	enter_those_of_types(job, false, true);
	enter_those_of_types(job, true, false);
	enter_those_of_types(job, false, false);
	if ((job->namespaces & CLONE_NEWUSER) != before)
		become_namespace_root();
}

/* ---- both ---- */

/*
 * If the container's process has another root than its runtime, the runtime has called
 * pivot_root(2): dynamic loader and libraries of a program are then files of the image. hookd has
 * decided by that before (HELPER_RUNS_IMAGE), so a change in between is an error.
 */
static void check_container(struct job *job)
{
	struct stat theirs, ours;

	job->container_root = open_of_process(job, job->message->container_pid, "root");
	if (fstat(job->container_root, &theirs) < 0 || stat("/", &ours) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
	job->has_container_rights = (job->message->flags & HELPER_RUNS_IMAGE) != 0;
	if (!job->has_container_rights &&
	    (theirs.st_ino != ours.st_ino || theirs.st_dev != ours.st_dev))
		step_fail_at(SPAWN_STEP_NAMESPACES, EAGAIN,
			     "the root of the container's process was changed in the meantime");
}

void namespaces_open(struct job *job)
{
	open_by_path(job);
	if (job->message->flags & HELPER_ENTER_CONTAINER)
		check_container(job);
}

void namespaces_enter(struct job *job)
{
	if (job->message->flags & HELPER_ENTER_CONTAINER)
		enter_container(job);
	enter_those_by_path(job);
}

/* ---- a pid namespace ---- */

/* Waits until the parent has reported this process. The message is its pid as hookd sees it. */
static int32_t wait_for_gate(int gate)
{
	int32_t pid;

	if (read(gate, &pid, sizeof(pid)) != sizeof(pid))
		_exit(127);
	close(gate);
	return pid;
}

/*
 * setns(2) puts only later children into a pid namespace, so the hook has to be a new process. It
 * is created as a child of hookd (CLONE_PARENT), so that hookd reaps it. It continues only after it
 * was reported: if this process is killed before, the read from the gate fails. The hook of an
 * image also waits until hookd's process has passed that on.
 *
 * From here on processes of the container see it. So all rights that the hook is not to have were
 * dropped before: a process that may trace it (CAP_SYS_PTRACE) gains nothing.
 */
void pid_namespace_continue(struct job *job)
{
	int pidfd = -1, gate[2];
	struct clone_args args = {
	    .flags = CLONE_PARENT | CLONE_PIDFD,
	    .pidfd = (uintptr_t)&pidfd,
	};
	int32_t pid;

	if (!(job->namespaces & CLONE_NEWPID))
		return;
	if (pipe2(gate, O_CLOEXEC) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
	pid = (int32_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
	if (pid > 0) {
		report_successor(pid, pidfd);
		sched_deadline_set(job, pid);
		_exit(write(gate[1], &pid, sizeof(pid)) == sizeof(pid) ? 0 : 127);
	}
	close(gate[1]);
	setsid();
	job->deadline_keeper = 0;
	job->outer_pid = wait_for_gate(gate[0]);
	wait_for_release(job);
}
