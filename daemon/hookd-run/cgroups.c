/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the cgroups of the container's process, so that the container's limits and device rules
 * apply to a hook of its image. Of cgroup2, hookd has created a cgroup below the container's, so
 * that the hook can be killed without killing the container. Of cgroup v1 (cgroups(7)) the hook
 * joins the container's cgroup in each hierarchy. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

/* One line of /proc/PID/cgroup: "4:cpu,cpuacct:/a/b", or "0::/a/b" of cgroup2. */
struct membership {
	const char *controllers, *path; /* controllers is "" for cgroup2 */
};

/* Splits the first line of the text in place. False: there is no line, or it is malformed. */
static bool next_line(char **text, struct membership *ret)
{
	char *line = *text, *end = line ? strchr(line, '\n') : NULL, *controllers, *path;

	if (!end)
		return false;
	*end = '\0';
	*text = end + 1;
	controllers = strchr(line, ':');
	path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return false;
	*path = '\0';
	*ret = (struct membership){controllers + 1, path + 1};
	return true;
}

static bool has_word(const char *list, const char *word, size_t length)
{
	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

/*
 * Whether a line of proc_pid_mountinfo(5) is the mount of the root of that hierarchy: "36 35 0:30 /
 * /sys/fs/cgroup/pids rw shared:15 - cgroup cgroup rw,pids".
 */
static bool is_mount_of(char *line, const char *controllers, char **ret_mount)
{
	char *type = strstr(line, " - "), *options, *root, *mount, *end;

	root = strchr(line, '/');
	mount = root ? strchr(root, ' ') : NULL;
	end = mount ? strchr(mount + 1, ' ') : NULL;
	if (!type || !end || mount - root != 1)
		return false;
	options = strrchr(type, ' ');
	*end = '\0';
	*ret_mount = mount + 1;
	if (!controllers[0])
		return strncmp(type + 3, "cgroup2 ", 8) == 0;
	return strncmp(type + 3, "cgroup ", 7) == 0 &&
	       has_word(options + 1, controllers, strlen(controllers));
}

/*
 * Controllers of one hierarchy are in the mount options in the same order as in /proc/PID/cgroup.
 */
static bool find_mount(const struct job *job, const char *controllers, char ret_mount[PATH_MAX])
{
	char *text = file_read_whole(job->proc, "self/mountinfo"), *line, *next, *mount;
	bool is_found = false;

	for (line = text; line && *line && !is_found; line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		is_found = is_mount_of(line, controllers, &mount);
	}
	if (is_found)
		snprintf(ret_mount, PATH_MAX, "%s", mount);
	free(text);
	return is_found;
}

/* Outside of hookd's cgroup namespace: cgroup_namespaces(7). */
static bool is_outside(const char *path)
{
	return strncmp(path, "/..", 3) == 0 && (path[3] == '/' || path[3] == '\0');
}

/* 0, or an errno. "0" stands for the writing process. */
static int join(const struct job *job, const struct membership *container)
{
	char mount[PATH_MAX], file[2 * PATH_MAX];
	int fd, error = 0;

	if (is_outside(container->path))
		return EXDEV;
	if (!find_mount(job, container->controllers, mount))
		return ENOENT;
	snprintf(file, sizeof(file), "%s%s/cgroup.procs", mount, container->path);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) < 0)
		error = errno;
	if (fd >= 0)
		close(fd);
	return error;
}

/* A hierarchy without controllers (name=systemd) limits nothing. */
static bool limits_nothing(const struct membership *container)
{
	return strncmp(container->controllers, "name=", 5) == 0;
}

static bool is_own(const char *own, const struct membership *container)
{
	char line[PATH_MAX + 128];

	snprintf(line, sizeof(line), ":%s:%s\n", container->controllers, container->path);
	return own && strstr(own, line);
}

static void join_all(const struct job *job, char *lines)
{
	char *own = file_read_whole(job->proc, "self/cgroup");
	struct membership container;

	while (next_line(&lines, &container)) {
		bool is_given =
		    !container.controllers[0] && (job->message->flags & HELPER_JOIN_CGROUP);
		int error = 0;

		if (!is_given && !is_own(own, &container))
			error = join(job, &container);
		/* A user's hookd may lack the permission. Its hooks are limited as that user is. */
		if (error && geteuid() == 0 && !limits_nothing(&container))
			step_fail_at(SPAWN_STEP_CGROUP, error, container.path);
	}
	free(own);
}

void cgroups_join(const struct job *job)
{
	char path[32], *lines;

	if (!(job->message->flags & HELPER_RUNS_IMAGE))
		return;
	snprintf(path, sizeof(path), "%d/cgroup", job->message->container_pid);
	lines = file_read_whole(job->proc, path);
	if (!lines && errno == ENOENT)
		step_fail(SPAWN_STEP_NAMESPACES, ESRCH);
	if (!lines)
		step_fail_at(SPAWN_STEP_CGROUP, errno, "of the container's process");
	join_all(job, lines);
	free(lines);
	if ((job->message->flags & HELPER_JOIN_CGROUP) && write(HELPER_FD_CGROUP, "0", 1) < 0)
		step_fail_at(SPAWN_STEP_CGROUP, errno, "below the container's");
}
