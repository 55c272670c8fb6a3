/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths and descriptors in a container. The image decides where a path in it leads, and by a link
 * of procfs it can lead out: to a descriptor of this process, or to the root of another one
 * (CVE-2024-21626). So all descriptors that lead to the host are closed, such links are not
 * followed, and the working directory is checked after it was entered. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

/* Returns a descriptor, or -1 with errno: ELOOP for a link of procfs. */
int path_open(const struct job *job, const char *path, int flags)
{
	struct open_how how = {
	    .flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
	    .resolve = job->is_inside ? RESOLVE_NO_MAGICLINKS : 0,
	};

	return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

/*
 * Closes all descriptors but those of the hook and those that are still needed: the socket to
 * hookd, the hook's file, the connection to a filter's agent, the pipe of deadline.c. None of these
 * is a directory.
 */
void descriptors_give_up(struct job *job)
{
	const int kept[] = {HELPER_FD_CONTROL, job->program, job->listener_socket,
			    job->deadline_pipe};
	int last = STDERR_FILENO;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		last = kept[i] > last ? kept[i] : last;
	for (int fd = STDERR_FILENO + 1; fd < last; fd++) {
		bool is_kept = false;

		for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
			is_kept |= kept[i] == fd;
		if (!is_kept)
			close(fd);
	}
	if (syscall(SYS_close_range, last + 1, ~0u, 0) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
	job->proc = -1;
}

/* ---- the working directory ---- */

/* 0, or an errno. */
static int change_to(const struct job *job, const char *path)
{
	int fd = path_open(job, path, O_PATH | O_DIRECTORY), error = 0;

	if (fd < 0)
		return errno;
	if (fchdir(fd) < 0)
		error = errno;
	close(fd);
	return error;
}

/* Outside of the root, getcwd(2) returns "(unreachable)...", and libc ENOENT. */
static bool is_below_root(void)
{
	char path[PATH_MAX];

	return getcwd(path, sizeof(path)) != NULL;
}

void directory_enter(const struct job *job)
{
	int error;

	if (job->dir) {
		error = change_to(job, job->dir);
		if (!error && job->is_inside && !is_below_root())
			error = errno;
		if (error)
			step_fail(SPAWN_STEP_CWD, error);
		return;
	}
	if (job->soft_dir && change_to(job, job->soft_dir) == 0 &&
	    (!job->is_inside || is_below_root()))
		return;
	if (chdir("/") < 0)
		step_fail(SPAWN_STEP_CWD, errno);
}
