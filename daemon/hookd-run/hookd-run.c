/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd-run: the steps between hookd and a hook that must not be done in a process that shares
 * hookd's memory, because they cross into a container. hookd executes it from a sealed memfd.
 *
 * Static, so that after setns(2) nothing of the container is loaded; not dumpable, so that the
 * container's processes can neither trace it nor look through its descriptors (CVE-2016-9962).
 * It reads the plan, enters the namespaces, becomes the hook by exec, and reports only failures,
 * or the pid of the process that goes on in its place where a pid namespace was entered.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/run/plan.h"
#include "daemon/run/spawn.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

struct job {
	const struct plan *plan;
	char *path, *dir, *soft_dir;
	char **argv, **envp;
	int program; /* O_PATH, opened before entering; -1: by path, inside */
	struct stat program_stat;
	int namespaces; /* CLONE_NEW* that were entered */
};

static void send_report(const struct plan_report *report, int pidfd)
{
	struct iovec iov = {(void *)report, sizeof(*report)};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

	if (pidfd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		control.header = (struct cmsghdr){
		    .cmsg_level = SOL_SOCKET,
		    .cmsg_type = SCM_RIGHTS,
		    .cmsg_len = CMSG_LEN(sizeof(int)),
		};
		memcpy(CMSG_DATA(&control.header), &pidfd, sizeof(int));
	}
	(void)sendmsg(PLAN_FD_CONTROL, &message, MSG_NOSIGNAL);
}

static _Noreturn void fail(enum spawn_step step, int error)
{
	send_report(&(struct plan_report){.step = step, .error = error}, -1);
	_exit(127);
}

/* ---- the plan ---- */

static char *next_string(char **cursor)
{
	char *string = *cursor;

	*cursor += strlen(string) + 1;
	return string;
}

static char **next_vector(char **cursor, uint32_t count)
{
	char **vector = calloc((size_t)count + 1, sizeof(*vector));

	if (!vector)
		fail(SPAWN_STEP_EXEC, ENOMEM);
	for (uint32_t i = 0; i < count; i++)
		vector[i] = next_string(cursor);
	return vector;
}

static void read_plan(struct job *job)
{
	struct stat st;
	char *cursor;
	void *mapping;

	if (fstat(PLAN_FD_PLAN, &st) < 0)
		fail(SPAWN_STEP_EXEC, errno);
	mapping = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, PLAN_FD_PLAN, 0);
	if (mapping == MAP_FAILED)
		fail(SPAWN_STEP_EXEC, errno);
	job->plan = mapping;
	cursor = (char *)job->plan->strings;
	job->path = next_string(&cursor);
	job->dir = job->plan->has_dir ? next_string(&cursor) : NULL;
	job->soft_dir = job->plan->has_soft_dir ? next_string(&cursor) : NULL;
	job->argv = next_vector(&cursor, job->plan->argc);
	job->envp = next_vector(&cursor, job->plan->envc);
}

/* Only a process with memory of its own may do this: the kernel applies it to all that share. */
static void reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) < 0)
		fail(SPAWN_STEP_RLIMITS, errno);
	close(fd);
}

static void stay_undumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
}

/* ---- the program ---- */

/* runtime-spec: a createContainer hook's path is looked up in the runtime's namespace. */
static void open_program(struct job *job)
{
	job->program = open(job->path, O_PATH | O_CLOEXEC);
	if (job->program < 0 || fstat(job->program, &job->program_stat) < 0)
		fail(SPAWN_STEP_EXEC, errno);
}

/*
 * A script cannot be executed by a close-on-exec descriptor, since its interpreter opens it again
 * by /dev/fd; by its path it can, provided that the path still means the same file in here.
 */
static void execute(const struct job *job)
{
	struct stat st;

	if (job->program < 0) {
		execve(job->path, job->argv, job->envp);
		fail(SPAWN_STEP_EXEC, errno);
	}
	syscall(SYS_execveat, job->program, "", job->argv, job->envp, AT_EMPTY_PATH);
	if (errno != ENOENT)
		fail(SPAWN_STEP_EXEC, errno);
	if (stat(job->path, &st) < 0 || st.st_dev != job->program_stat.st_dev ||
	    st.st_ino != job->program_stat.st_ino)
		fail(SPAWN_STEP_EXEC, ENOEXEC);
	execve(job->path, job->argv, job->envp);
	fail(SPAWN_STEP_EXEC, errno);
}

static void enter_dir(const struct job *job)
{
	if (job->dir) {
		if (chdir(job->dir) < 0)
			fail(SPAWN_STEP_CWD, errno);
		return;
	}
	if (job->soft_dir && chdir(job->soft_dir) == 0)
		return;
	if (chdir("/") < 0)
		fail(SPAWN_STEP_CWD, errno);
}

/* ---- namespaces ---- */

static bool is_other_namespace(pid_t target, const char *name)
{
	char path[64];
	struct stat own, theirs;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	if (stat(path, &own) < 0)
		return false; /* this kernel does not have the kind */
	snprintf(path, sizeof(path), "/proc/%d/ns/%s", target, name);
	if (stat(path, &theirs) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno == ENOENT ? ESRCH : errno);
	return own.st_ino != theirs.st_ino || own.st_dev != theirs.st_dev;
}

/* setns(2) refuses a user namespace that is the caller's already, so only differing ones count. */
static int differing_namespaces(pid_t target)
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
		if (is_other_namespace(target, kinds[i].name))
			namespaces |= kinds[i].flag;
	return namespaces;
}

/* Host ids mean nothing in there: become the namespace's root, as its own processes see it. */
static void become_namespace_root(void)
{
	if (setgroups(0, NULL) < 0 && errno != EPERM) /* EPERM: /proc/PID/setgroups says deny */
		fail(SPAWN_STEP_CREDENTIALS, errno);
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		fail(SPAWN_STEP_CREDENTIALS, errno);
	stay_undumpable(); /* a change of ids makes the kernel forget it */
}

/*
 * The numbers under /proc/PID and the pidfd are one process as long as that process is alive, for
 * a number is not given again before: so alive afterwards means that it was right all the time.
 */
static void enter_namespaces(struct job *job)
{
	job->namespaces = differing_namespaces(job->plan->target_pid);
	if (job->namespaces && setns(PLAN_FD_TARGET, job->namespaces) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
	if (syscall(SYS_pidfd_send_signal, PLAN_FD_TARGET, 0, NULL, 0) < 0 && errno == ESRCH)
		fail(SPAWN_STEP_NAMESPACES, ESRCH);
	if (job->namespaces & CLONE_NEWUSER)
		become_namespace_root();
}

/* Waits for the word to go; without it hookd does not know of this process, and it must not be. */
static void await_go(int gate)
{
	char go;

	if (read(gate, &go, 1) != 1)
		_exit(127);
	close(gate);
}

/*
 * setns(2) puts only future children into a pid namespace. The child is made hookd's, not ours
 * (CLONE_PARENT), so that hookd waits for the hook itself. It goes on only when it was reported: if
 * we are killed before, the gate's end does not open it.
 */
static void go_on_in_pid_namespace(void)
{
	int pidfd = -1, gate[2];
	struct clone_args args = {
	    .flags = CLONE_PARENT | CLONE_PIDFD,
	    .pidfd = (uintptr_t)&pidfd,
	};
	long pid;

	if (pipe2(gate, O_CLOEXEC) < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		fail(SPAWN_STEP_NAMESPACES, errno);
	if (pid > 0) {
		send_report(&(struct plan_report){.pid = (int32_t)pid}, pidfd);
		_exit(write(gate[1], "", 1) == 1 ? 0 : 127);
	}
	close(gate[1]);
	setsid();
	await_go(gate[0]);
}

int main(int argc, char **argv)
{
	struct job job = {.program = -1};

	(void)argc, (void)argv;
	for (int fd = PLAN_FD_CONTROL; fd < PLAN_FD_COUNT; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	read_plan(&job);
	if (job.plan->flags & PLAN_RESET_OOM_SCORE)
		reset_oom_score();
	if (job.plan->flags & PLAN_ENTER) {
		stay_undumpable();
		if (!(job.plan->flags & PLAN_RESOLVE_INSIDE))
			open_program(&job);
		enter_namespaces(&job);
		if (job.namespaces & CLONE_NEWPID)
			go_on_in_pid_namespace();
	}
	enter_dir(&job);
	execute(&job);
	return 127;
}
