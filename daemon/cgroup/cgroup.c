/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One cgroup of a run: makes, limits, kills, reads and removes it. Owns its descriptors. pool.c has
 * the states of a cgroup: idle, in use, busy or spent.
 */
#include "daemon/cgroup/tree.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "daemon/cgroup/devices.h"
#include "daemon/cgroup/limits.h"
#include "daemon/cgroup/path.h"

/* Names that are tried. More can be taken only by a container that makes its own hooks fail. */
#define NAMES_MAX 10000
/* Cgroups that a hook has made in its own: removed by one call, and their maximum depth. */
#define REMOVED_MAX 64
#define DEPTH_MAX   32
#define KILLS_MAX   8

/*
 * A container's cgroup may also have cgroups of a hookd in another pid namespace: hence the pid.
 * The name must not look like that of a hookd's own directory: a hookd that starts there removes
 * empty ones (place.c).
 */
static void set_name(struct cgroup *cgroup)
{
	unsigned long number = ++cgroup->tree->made;

	if (cgroup->is_foreign)
		snprintf(cgroup->name, sizeof(cgroup->name), "hook-%d-%lu", getpid(), number);
	else
		snprintf(cgroup->name, sizeof(cgroup->name), "%lu", number);
}

/* Skips names that exist: cgroups of a hookd that was killed, which may have processes. */
static int make_directory(struct cgroup *cgroup)
{
	int r = -EEXIST;

	for (int i = 0; r == -EEXIST && i < NAMES_MAX; i++) {
		set_name(cgroup);
		r = mkdirat(cgroup->parent_fd, cgroup->name, 0755) < 0 ? -errno : 0;
	}
	return r;
}

static const char *path_in(const struct cgroup *cgroup, const char *file, char path[static 80])
{
	snprintf(path, 80, "%s/%s", cgroup->name, file);
	return path;
}

static int write_defaults(struct cgroup *cgroup)
{
	struct hp_err err;
	int fd, r;

	if (cgroup->tree->defaults.count == 0)
		return 0;
	fd = cgroup_fd(cgroup);
	r = fd < 0 ? fd : limits_apply(fd, &cgroup->tree->defaults, NULL, &err);
	cgroup->is_known_empty = true;
	return r;
}

void cgroup_rest(struct cgroup *cgroup)
{
	close_fd(&cgroup->fd);
	close_fd(&cgroup->events_fd);
}

static void cgroup_free(struct cgroup *cgroup)
{
	cgroup_rest(cgroup);
	cgroup_unwatch(cgroup);
	if (cgroup->is_foreign) {
		close(cgroup->parent_fd);
	} else {
		LIST_REMOVE(cgroup, made);
		runs_directory_leave(cgroup->tree, cgroup->runs);
	}
	free(cgroup);
}

int cgroup_make(struct cgroup_tree *tree, struct cgroup **ret_cgroup)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
	int r;

	assert(tree->runs);
	if (!cgroup)
		return -ENOMEM;
	cgroup->tree = tree;
	cgroup->runs = tree->runs;
	cgroup->runs->users++;
	cgroup->parent_fd = tree->runs->fd;
	cgroup->fd = cgroup->events_fd = cgroup->watch = -1;
	cgroup->is_known_empty = true;
	cgroup->generation = tree->generation;
	LIST_INSERT_HEAD(&tree->made_here, cgroup, made);
	r = make_directory(cgroup);
	if (r < 0) {
		cgroup_free(cgroup);
		return r;
	}
	r = write_defaults(cgroup);
	if (r < 0) {
		cgroup_discard(cgroup);
		return r;
	}
	cgroup_watch(cgroup);
	*ret_cgroup = cgroup;
	return 0;
}

int cgroup_make_below(struct cgroup_tree *tree, pid_t pid, struct cgroup **ret_cgroup)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
	int r;

	if (!cgroup)
		return -ENOMEM;
	r = cgroup->parent_fd = cgroup_open_of_process(pid);
	if (r < 0) {
		free(cgroup);
		return r;
	}
	cgroup->tree = tree;
	cgroup->is_foreign = cgroup->is_limited = true;
	cgroup->fd = cgroup->events_fd = cgroup->watch = -1;
	r = make_directory(cgroup);
	if (r < 0) {
		close(cgroup->parent_fd);
		free(cgroup);
		return r;
	}
	*ret_cgroup = cgroup;
	return 0;
}

int cgroup_open_procs(struct cgroup *cgroup)
{
	char path[80];
	int fd =
	    openat(cgroup->parent_fd, path_in(cgroup, "cgroup.procs", path), O_WRONLY | O_CLOEXEC);

	cgroup->is_known_empty = false;
	return fd < 0 ? -errno : fd;
}

bool cgroup_is_of_container(const struct cgroup *cgroup)
{
	return cgroup->is_foreign;
}

/*
 * The limit is read at each call, since a hook of the run may have written to it, or to one above.
 * For the first hook of the run cgroup_acquire() has just read the watches.
 */
bool cgroup_has_own_memory_limit(struct cgroup *cgroup)
{
	struct cgroup_tree *tree = cgroup->tree;
	char path[80];

	if (!cgroup->is_just_taken)
		cgroup_watch_read(tree);
	cgroup->is_just_taken = false;
	return tree->has_memory_limit ||
	       (tree->has_memory_controller &&
		cgroup_is_limited_in_memory(cgroup->parent_fd,
					    path_in(cgroup, "memory.max", path)));
}

/* ---- the end ---- */

/* The attribute is the kernel's, and with the cgroup it is gone. */
void cgroup_mark_lingering(const struct cgroup *cgroup)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", cgroup->parent_fd, cgroup->name);
	(void)setxattr(path, CGROUP_LINGERING, "", 0, 0);
}

void cgroup_discard(struct cgroup *cgroup)
{
	(void)unlinkat(cgroup->parent_fd, cgroup->name, AT_REMOVEDIR);
	cgroup_free(cgroup);
}

static int remove_all_in(int parent_fd, const char *name, int depth, int *left);

/* 0 also where it does not exist any more. */
static int remove_directory(int parent_fd, const char *name, int depth, int *left)
{
	int r;

	if (*left <= 0)
		return -EAGAIN;
	--*left;
	r = unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	if (r == -EBUSY && depth < DEPTH_MAX && remove_all_in(parent_fd, name, depth, left) > 0)
		r = unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
	if (r == -EBUSY && *left <= 0)
		return -EAGAIN;
	return r == -ENOENT ? 0 : r;
}

/* Returns the number of directories that were removed. */
static int remove_all_in(int parent_fd, const char *name, int depth, int *left)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int removed = 0;

	if (!directory) {
		close_fd(&fd);
		return 0;
	}
	while (*left > 0 && (entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			removed += remove_directory(fd, entry->d_name, depth + 1, left) == 0;
	closedir(directory);
	return removed;
}

int cgroup_remove_at(int parent_fd, const char *name)
{
	int left = REMOVED_MAX;

	return remove_directory(parent_fd, name, 0, &left);
}

int cgroup_remove(struct cgroup *cgroup)
{
	int r;

	cgroup_rest(cgroup);
	r = cgroup_remove_at(cgroup->parent_fd, cgroup->name);
	if (r == -EBUSY || r == -EAGAIN)
		return r;
	cgroup_free(cgroup);
	return 0;
}

/* Another program has removed it. Then it was empty, else the kernel had refused. */
static bool was_removed(const struct cgroup *cgroup)
{
	return faccessat(cgroup->parent_fd, cgroup->name, F_OK, 0) < 0 && errno == ENOENT;
}

/* Keeps the descriptor open, since kernfs generates the text again at each read from offset 0. */
bool cgroup_is_populated(struct cgroup *cgroup)
{
	char path[80], text[256];
	ssize_t length;

	if (cgroup->is_known_empty)
		return false;
	if (cgroup->events_fd < 0)
		cgroup->events_fd =
		    openat(cgroup->parent_fd, path_in(cgroup, "cgroup.events", path),
			   O_RDONLY | O_CLOEXEC);
	length = pread(cgroup->events_fd, text, sizeof(text) - 1, 0);
	if (length < 0 && was_removed(cgroup))
		return false;
	if (length <= 0)
		return true; /* not known: it must not be reused */
	text[length] = '\0';
	cgroup->is_known_empty = file_keyed_value(text, "populated") == 0;
	return !cgroup->is_known_empty;
}

int cgroup_fd(struct cgroup *cgroup)
{
	cgroup->is_known_empty = false;
	if (cgroup->fd < 0)
		cgroup->fd =
		    openat(cgroup->parent_fd, cgroup->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return cgroup->fd < 0 ? -errno : cgroup->fd;
}

static bool exists(int directory, const char *file)
{
	return faccessat(directory, file, F_OK, 0) == 0;
}

/* A file is missing where its controller is not enabled. */
static void enable_what_is_missing(struct cgroup_tree *tree, int fd, const struct limit_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct limit *limit = &list->limits[i];
		const char *file = limit->else_file ? limit->else_file : limit->file;

		if (!exists(fd, file) && !exists(fd, limit->file))
			cgroup_tree_enable(tree, file, strcspn(file, "."));
	}
}

int cgroup_limit(struct cgroup *cgroup, const struct hp_resources *resources, struct hp_err *err)
{
	struct limit_list list;
	int fd, r;

	if (resources->freezer == HP_FREEZER_FROZEN)
		return hp_err_invalid(err, "freezer",
				      "must not be FROZEN: no hook would run in the cgroup");
	r = limit_list_make(resources, &list, err);
	if (r < 0)
		return r;
	cgroup->is_limited |= list.count > 0 || resources->device_count > 0;
	fd = cgroup_fd(cgroup);
	if (fd < 0)
		r = hp_err_setting(err, fd, NULL, "the run's cgroup: %s", strerror(-fd));
	if (r == 0)
		r = devices_apply(fd, resources->devices, resources->device_count, NULL, err);
	if (r == 0 && !cgroup->is_foreign)
		enable_what_is_missing(cgroup->tree, fd, &list);
	if (r == 0)
		r = limits_apply(fd, &list, NULL, err);
	limit_list_clear(&list);
	return r;
}

/*
 * A killed process still has to run until it exits, for which it needs CPU time. "max" keeps the
 * period. The file exists only where the cpu controller is enabled.
 */
static void lift_cpu_quota(struct cgroup *cgroup)
{
	char path[80];

	if (cgroup->is_foreign || cgroup->tree->has_controllers)
		(void)file_write_at(cgroup->parent_fd, path_in(cgroup, "cpu.max", path), "max");
}

/*
 * For a cgroup that a hook has made threaded, in which cgroup.kill fails with EOPNOTSUPP. Threads
 * may be created while the list is read, so it is read several times.
 */
static int kill_threads(int parent_fd, const char *name)
{
	char path[80], text[4096], *end;
	ssize_t length = 1;

	snprintf(path, sizeof(path), "%s/cgroup.threads", name);
	for (int i = 0; i < KILLS_MAX && length > 0; i++) {
		length = file_read_at(parent_fd, path, text, sizeof(text));
		for (char *next = text; length > 0 && *next; next = end + 1) {
			long thread = strtol(next, &end, 10);

			if (thread <= 0 || *end != '\n')
				break;
			(void)kill((pid_t)thread, SIGKILL);
		}
	}
	return length < 0 ? (int)length : 0;
}

int cgroup_kill_at(int parent_fd, const char *name)
{
	char path[80];
	int r;

	snprintf(path, sizeof(path), "%s/cgroup.kill", name);
	r = file_write_at(parent_fd, path, "1");
	return r == -EOPNOTSUPP ? kill_threads(parent_fd, name) : r;
}

int cgroup_kill(struct cgroup *cgroup)
{
	int r = cgroup_kill_at(cgroup->parent_fd, cgroup->name);

	cgroup->is_killed = true;
	if (r == 0)
		lift_cpu_quota(cgroup);
	return r;
}

static bool has_process_below(int parent_fd, const char *name, pid_t dead, int depth);

/* True where it is not known, as of a threaded cgroup, which has no such list (EOPNOTSUPP). */
static bool has_process(int parent_fd, const char *name, pid_t dead, int depth)
{
	char path[NAME_MAX + 32], text[256], *next = text;
	ssize_t length;

	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	length = file_read_at(parent_fd, path, text, sizeof(text));
	if (length < 0)
		return !cgroup_is_gone((int)length);
	for (char *end; *next; next = end + 1) {
		if (strtol(next, &end, 10) != dead || *end != '\n')
			return true;
	}
	return has_process_below(parent_fd, name, dead, depth);
}

/* kernfs counts the directories in a directory as links of it. */
static bool has_process_below(int parent_fd, const char *name, pid_t dead, int depth)
{
	struct dirent *entry;
	bool is_found = false;
	struct stat st;
	DIR *directory;
	int fd;

	if (fstatat(parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return !cgroup_is_gone(-errno);
	if (st.st_nlink <= 2)
		return false;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return !cgroup_is_gone(-errno);
	directory = fdopendir(fd);
	if (!directory) {
		close(fd);
		return true;
	}
	while (!is_found && (entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			is_found =
			    depth >= DEPTH_MAX || has_process(fd, entry->d_name, dead, depth + 1);
	closedir(directory);
	return is_found;
}

/*
 * Newer kernels count a task until its last context switch, shortly after its pidfd has become
 * readable. So "populated" may still mean the dead process, and cgroup.procs decides.
 */
bool cgroup_has_others(struct cgroup *cgroup, pid_t dead)
{
	return cgroup_is_populated(cgroup) && has_process(cgroup->parent_fd, cgroup->name, dead, 0);
}

int cgroup_was_oom_killed(struct cgroup *cgroup)
{
	char path[80], text[512];
	long long kills;

	if (file_read_at(cgroup->parent_fd, path_in(cgroup, "memory.events", path), text,
			 sizeof(text)) < 0)
		return -1;
	kills = file_keyed_value(text, "oom_kill");
	if (kills < 0 || (unsigned long long)kills == cgroup->oom_kills_seen)
		return 0;
	cgroup->oom_kills_seen = (unsigned long long)kills;
	return 1;
}
