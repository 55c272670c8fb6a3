/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens, checks and executes the hook's file. Its stage decides whether the path is looked up
 * before or after the namespaces are entered. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"
#include "daemon/raw/program_check.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* ---- the owner ---- */

static bool enters_mounts_by_path(const struct job *job)
{
	for (size_t i = 0; i < job->settings.namespace_count; i++)
		if (job->settings.namespaces[i].type == CLONE_NEWNS &&
		    job->settings.namespaces[i].path)
			return true;
	return false;
}

/*
 * In the caller's user namespace files of root would show the overflow uid. So the file is checked
 * below /proc/PID/root of the caller, before any namespace is entered. Only if the settings name a
 * mount namespace by path, the check has to be done inside.
 */
void program_check_owners(const struct job *job, bool is_entered)
{
	static struct program_check check;
	int error;

	if ((job->message->flags & (HELPER_ANY_OWNER | HELPER_IMAGE_PROGRAM)) ||
	    enters_mounts_by_path(job) != is_entered)
		return;
	check.uid = job->settings.user.is_set ? job->settings.user.uid : geteuid();
	if ((job->message->flags & HELPER_ENTER_CALLER) && !is_entered)
		snprintf(check.root, sizeof(check.root), "/proc/%d/root", job->message->caller_pid);
	error = program_check(&check, job->path);
	if (error)
		step_fail_at(SPAWN_STEP_EXEC, error, check.detail);
}

/* ---- interpreters ---- */

/* In a container the path may lead to a device: only a regular file is opened for reading. */
static int open_regular(const struct job *job, const char *path)
{
	int fd = path_open(job, path, O_PATH);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		step_fail_at(SPAWN_STEP_EXEC, errno, path == job->path ? "" : path);
	close(fd);
	return S_ISREG(st.st_mode) ? path_open(job, path, O_RDONLY | O_NONBLOCK) : -1;
}

/*
 * The kernel will resolve all of these paths again at the exec. By then the process has the hook's
 * rights and no descriptors that lead out.
 */
static void check_inside(const struct job *job, const char *path)
{
	static _Alignas(8) char head[INTERPRETER_HEAD_SIZE];
	static char interpreter[INTERPRETER_SIZE];

	for (int i = 0; i <= INTERPRETERS_MAX; i++) {
		int fd = open_regular(job, path);
		enum interpreter kind = INTERPRETER_NONE;

		/*
		 * A script that cannot be read is no problem: its interpreter cannot read it
		 * either.
		 */
		if (fd >= 0)
			kind = interpreter_read(fd, head, interpreter);
		if (fd >= 0)
			close(fd);
		if (kind == INTERPRETER_NONE)
			return;
		path = interpreter;
	}
}

/* ---- of a createContainer hook ---- */

static int open_for_reading(const struct job *job, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "self/fd/%d", fd);
	fd = openat(job->proc, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		step_fail(SPAWN_STEP_EXEC, errno);
	return fd;
}

/*
 * Processes of the container can open the file of a program that runs among them, and write to it
 * when it has ended (CVE-2019-5736). So after pivot_root(2) a sealed copy is executed. Before, the
 * container has no processes.
 */
static int copy_sealed(int from, off_t size)
{
	int copy = memfd_create("hook", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	off_t copied = 0;

	while (copy >= 0 && copied < size) {
		ssize_t n = sendfile(copy, from, NULL, (size_t)(size - copied));

		if (n <= 0)
			step_fail(SPAWN_STEP_EXEC, n < 0 ? errno : EIO);
		copied += n;
	}
	if (copy < 0 || fcntl(copy, F_ADD_SEALS, SEALS) < 0)
		step_fail(SPAWN_STEP_EXEC, errno);
	return copy;
}

void program_open(struct job *job)
{
	static _Alignas(8) char head[INTERPRETER_HEAD_SIZE];
	enum interpreter kind;
	struct stat st;
	int file;

	if (!(job->message->flags & HELPER_ENTER_CONTAINER) ||
	    (job->message->flags & HELPER_IMAGE_PROGRAM))
		return;
	job->program = open(job->path, O_PATH | O_CLOEXEC);
	if (job->program < 0 || fstat(job->program, &job->program_stat) < 0)
		step_fail(SPAWN_STEP_EXEC, errno);
	st = job->program_stat;
	if (!S_ISREG(st.st_mode))
		step_fail(SPAWN_STEP_EXEC, EACCES);
	file = open_for_reading(job, job->program);
	kind = interpreter_read(file, head, job->interpreter);
	if (job->has_container_rights && kind != INTERPRETER_OF_SCRIPT) {
		close(job->program);
		job->program = copy_sealed(file, st.st_size);
	}
	close(file);
}

/* ---- exec ---- */

void program_check_inside(const struct job *job)
{
	if (job->program >= 0 && job->interpreter[0])
		check_inside(job, job->interpreter);
	else if (job->program < 0 && job->is_inside)
		check_inside(job, job->path);
}

/*
 * An exec that returns has failed, also if it returns 0, as a filter or its agent can make it do;
 * errno is not set then.
 */
static int error_of_exec(long result)
{
	return result < 0 ? errno : EPERM;
}

static _Noreturn void execute_by_path(const struct job *job)
{
	long result = execve(job->path, job->argv, job->envp);

	step_fail(SPAWN_STEP_EXEC, error_of_exec(result));
}

/*
 * A script cannot be executed by a close-on-exec descriptor (ENOENT), since its interpreter has to
 * open it by /dev/fd. It is executed by its path, if that leads to the same file in here.
 */
void program_execute(const struct job *job)
{
	struct stat st;
	int error;

	if (job->program < 0)
		execute_by_path(job);
	error = error_of_exec(
	    syscall(SYS_execveat, job->program, "", job->argv, job->envp, AT_EMPTY_PATH));
	if (error != ENOENT)
		step_fail(SPAWN_STEP_EXEC, error);
	if (stat(job->path, &st) < 0 || st.st_dev != job->program_stat.st_dev ||
	    st.st_ino != job->program_stat.st_ino)
		step_fail(SPAWN_STEP_EXEC, ENOEXEC);
	execute_by_path(job);
}
