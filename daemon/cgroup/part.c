/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removes cgroups: empty ones, and those of a runner that has ended. Its directory is that of a
 * tree (tree.h):
 *
 *	runner-3/		"part"
 *		runs/17/	of a run that was going on: it is killed
 *		runs/18/	has CGROUP_LINGERING: its hook has ended, and left processes behind
 *		runs-2/...
 *
 * No state.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>

#include "daemon/cgroup/path.h"
#include "daemon/cgroup/tree.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
/* How long to wait for the kernel to end killed processes. */
#define WAIT_NS	 1000000000ll
#define PAUSE_NS 2000000

static void await_a_moment(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
}

/* Calls visit() for each directory in `fd` whose name has the prefix. Takes over `fd`. */
static size_t for_each(int fd, const char *prefix,
		       size_t (*visit)(int directory, const char *name, const void *userdata),
		       const void *userdata)
{
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t sum = 0;

	if (!directory) {
		close_fd(&fd);
		return 0;
	}
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
			sum += visit(fd, entry->d_name, userdata);
	closedir(directory);
	return sum;
}

static bool is_lingering(int directory, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", directory, name);
	return getxattr(path, CGROUP_LINGERING, NULL, 0) >= 0;
}

/* Returns 1 if it was killed and could not be removed yet. */
static size_t clear_run(int directory, const char *name, const void *userdata)
{
	const bool *kills = userdata;
	bool is_killed = *kills && !is_lingering(directory, name);

	if (is_killed)
		(void)cgroup_kill_at(directory, name);
	return cgroup_remove_at(directory, name) < 0 && is_killed;
}

static size_t clear_runs(int base, const char *name, const void *userdata)
{
	size_t left = for_each(openat(base, name, DIRECTORY_FLAGS), "", clear_run, userdata);

	(void)unlinkat(base, name, AT_REMOVEDIR);
	return left;
}

void cgroup_part_remove(int directory, const char *name, bool kills)
{
	cleanup_close int above = openat(directory, "..", DIRECTORY_FLAGS);
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	while (for_each(openat(directory, ".", DIRECTORY_FLAGS), "runs", clear_runs, &kills) > 0 &&
	       clock_ns(CLOCK_MONOTONIC) < give_up_ns)
		await_a_moment();
	if (above >= 0 && cgroup_has_name(directory, above, name))
		(void)unlinkat(above, name, AT_REMOVEDIR);
}

struct alive {
	const int *fds;
	size_t count;
};

static bool is_alive(int directory, const struct alive *alive)
{
	struct stat stat, other;

	if (fstat(directory, &stat) < 0)
		return true;
	for (size_t i = 0; i < alive->count; i++)
		if (fstat(alive->fds[i], &other) < 0 || other.st_ino == stat.st_ino)
			return true;
	return false;
}

/* Its process is alive, but of another hookd: it holds the lock (cgroup_tree_make_part()). */
static bool is_held(int directory)
{
	return flock(directory, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static size_t remove_part(int base, const char *name, const void *userdata)
{
	cleanup_close int directory = openat(base, name, DIRECTORY_FLAGS);

	if (directory >= 0 && !is_alive(directory, userdata) && !is_held(directory))
		cgroup_part_remove(directory, name, true);
	return 0;
}

void cgroup_parts_remove(int base, const int *alive, size_t alive_count)
{
	const struct alive others = {alive, alive_count};

	(void)for_each(openat(base, ".", DIRECTORY_FLAGS), "runner-", remove_part, &others);
}

bool cgroup_is_populated_at(int directory)
{
	char text[128];
	ssize_t length = file_read_at(directory, "cgroup.events", text, sizeof(text));

	if (length < 0)
		return !cgroup_is_gone((int)length);
	return file_keyed_value(text, "populated") != 0;
}

void cgroup_part_kill(int directory)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;

	(void)file_write_at(directory, "cgroup.kill", "1");
	while (cgroup_is_populated_at(directory) && clock_ns(CLOCK_MONOTONIC) < give_up_ns)
		await_a_moment();
}

bool cgroup_tree_is_populated(const struct cgroup_tree *tree)
{
	const struct cgroup *cgroup;

	TAILQ_FOREACH (cgroup, &tree->busy, link)
		if (!cgroup->is_foreign && cgroup->runs != tree->runs)
			return true;
	return cgroup_is_populated_at(tree->runs->fd);
}

bool cgroup_kill_made_below(pid_t pid, pid_t maker)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;
	char name[CGROUP_NAME_SIZE], prefix[32];
	cleanup_close int above = cgroup_open_above(pid, name);

	snprintf(prefix, sizeof(prefix), "hook-%d-", maker);
	if (above < 0 || strncmp(name, prefix, strlen(prefix)) != 0)
		return false;
	(void)cgroup_kill_at(above, name);
	while (cgroup_remove_at(above, name) < 0 && clock_ns(CLOCK_MONOTONIC) < give_up_ns)
		await_a_moment();
	return true;
}

/* ---- empty cgroups ---- */

void remove_cgroups_in(int fd)
{
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			(void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	closedir(directory);
}

void remove_other_runs_in(int base_fd)
{
	int fd = openat(base_fd, ".", DIRECTORY_FLAGS);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!directory) {
		close_fd(&fd);
		return;
	}
	while ((entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || strncmp(entry->d_name, "runs-", 5) != 0)
			continue;
		remove_cgroups_in(openat(fd, entry->d_name, DIRECTORY_FLAGS | O_NOFOLLOW));
		(void)unlinkat(fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
}
