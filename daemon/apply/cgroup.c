/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cgroup of a run: its directory, its processes, what the kernel did to them. Whether it is
 * idle, in use or busy is the pool's to know (cgroup_pool.c).
 */
#include "daemon/apply/cgroup_tree.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Beyond so many cgroups in use, two descriptors each are too much to keep. */
#define FDS_MAX 64

int cgroup_make(struct cgroup_tree *tree, struct cgroup **ret_cgroup)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));

	if (!cgroup)
		return -ENOMEM;
	cgroup->tree = tree;
	cgroup->fd = cgroup->events_fd = -1;
	cgroup->is_known_empty = true;
	do {
		snprintf(cgroup->name, sizeof(cgroup->name), "%lu", ++tree->made);
	} while (mkdirat(tree->runs_fd, cgroup->name, 0755) < 0 && errno == EEXIST);
	if (faccessat(tree->runs_fd, cgroup->name, F_OK, 0) < 0) {
		int error = errno;

		free(cgroup);
		return -error;
	}
	*ret_cgroup = cgroup;
	return 0;
}

void cgroup_close_fds(struct cgroup *cgroup)
{
	close_fd(&cgroup->fd);
	close_fd(&cgroup->events_fd);
}

void cgroup_remove(struct cgroup *cgroup)
{
	cgroup_close_fds(cgroup);
	(void)unlinkat(cgroup->tree->runs_fd, cgroup->name, AT_REMOVEDIR);
	free(cgroup);
}

static const char *path_in(const struct cgroup *cgroup, const char *file, char path[static 64])
{
	snprintf(path, 64, "%s/%s", cgroup->name, file);
	return path;
}

/* Read again and again through one descriptor; kernfs makes the text anew at offset 0. */
bool cgroup_is_populated(struct cgroup *cgroup)
{
	char path[64], text[256];
	ssize_t length;

	if (cgroup->is_known_empty)
		return false;
	if (cgroup->events_fd < 0)
		cgroup->events_fd =
		    openat(cgroup->tree->runs_fd, path_in(cgroup, "cgroup.events", path),
			   O_RDONLY | O_CLOEXEC);
	length = pread(cgroup->events_fd, text, sizeof(text) - 1, 0);
	if (length <= 0)
		return true; /* not known: then it must not be anybody else's */
	text[length] = '\0';
	cgroup->is_known_empty = file_keyed_value(text, "populated") == 0;
	return !cgroup->is_known_empty;
}

int cgroup_fd(struct cgroup *cgroup)
{
	cgroup->is_known_empty = false;
	if (cgroup->fd < 0)
		cgroup->fd =
		    openat(cgroup->tree->runs_fd, cgroup->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return cgroup->fd < 0 ? -errno : cgroup->fd;
}

void cgroup_rest(struct cgroup *cgroup)
{
	if (cgroup->tree->in_use_count > FDS_MAX)
		cgroup_close_fds(cgroup);
}

/*
 * Since the kernel closed a race of cgroup.kill with fork (kill_seq, 6.14 and stable kernels), a
 * process that is cloned into a cgroup that was killed before can be killed at once: it compares
 * the count of kills of the parent's cgroup with that of the new one. So such a cgroup is spent.
 */
int cgroup_kill(struct cgroup *cgroup)
{
	char path[64];

	cgroup->is_spent = true;
	return file_write_at(cgroup->tree->runs_fd, path_in(cgroup, "cgroup.kill", path), "1");
}

/*
 * Newer kernels count a task until it is switched out for good, a moment after its exit was
 * announced, so "populated" alone can still mean the dead one: the list of processes decides.
 */
bool cgroup_has_others(struct cgroup *cgroup, pid_t dead)
{
	char path[64], text[256], *next = text;

	if (!cgroup_is_populated(cgroup) ||
	    file_read_at(cgroup->tree->runs_fd, path_in(cgroup, "cgroup.procs", path), text,
			 sizeof(text)) <= 0)
		return false;
	for (char *end; *next; next = end + 1) {
		if (strtol(next, &end, 10) != dead || *end != '\n')
			return true;
	}
	return false;
}

int cgroup_was_oom_killed(struct cgroup *cgroup)
{
	char path[64], text[512];
	long long kills;

	if (file_read_at(cgroup->tree->runs_fd, path_in(cgroup, "memory.events", path), text,
			 sizeof(text)) < 0)
		return -1;
	kills = file_keyed_value(text, "oom_kill");
	if (kills < 0 || (unsigned long long)kills == cgroup->oom_kills_seen)
		return 0;
	cgroup->oom_kills_seen = (unsigned long long)kills;
	return 1;
}
