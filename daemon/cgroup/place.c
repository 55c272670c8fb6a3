/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chooses the directory of cgroup2 for the cgroups of runs: the configured one, the unit's that
 * systemd has delegated, or one that hookd makes in the cgroup that it was started in. Also checks
 * paths of callers and memory limits against that directory. The state is in struct cgroup_tree.
 */
#include "daemon/cgroup/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include "daemon/base/mount.h"
#include "daemon/cgroup/path.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
/* Directories of hookds that have the same pid, each in its own pid namespace. */
#define NAMES_MAX     1000
#define LOCK_WAIT_NS  (NS_PER_S / 2)
#define LOCK_PAUSE_NS 5000000
/* Of hookd, where the hooks have 100: as much precedence as in daemon/proc/precedence.c. */
#define DAEMON_CPU_WEIGHT "1000"

/* The directory that a process is in, by its file /proc/PID/cgroup. */
static int find_of(const char *cgroup_file, char *ret_path, size_t size)
{
	char mount[1024], text[4096];
	ssize_t read = file_read_at(AT_FDCWD, cgroup_file, text, sizeof(text));
	int r = read < 0 ? (int)read : mount_find("cgroup2", mount, sizeof(mount), NULL, 0);
	const char *path;
	size_t length;

	if (r < 0)
		return r;
	path = cgroup_path_find(text, &length);
	if (!path)
		return -ENOTSUP;
	if (length <= 1) /* "/" is the mount point itself */
		length = 0;
	return snprintf(ret_path, size, "%s%.*s", mount, (int)length, path) < (int)size
		   ? 0
		   : -ENAMETOOLONG;
}

/* A path that begins with "/.." is outside of hookd's cgroup namespace, and so of its mount. */
static int find_of_process(pid_t pid, char ret_path[static PATH_MAX])
{
	char file[32];
	int r;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	r = find_of(file, ret_path, PATH_MAX);
	return r == 0 && strstr(ret_path, "/../") ? -EXDEV : r;
}

static int open_path(const char *path)
{
	struct open_how how = {
	    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
	    .resolve = RESOLVE_NO_SYMLINKS,
	};
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int cgroup_open_of_process(pid_t pid)
{
	char path[PATH_MAX];
	int r = find_of_process(pid, path);

	return r < 0 ? r : open_path(path);
}

int cgroup_open_above(pid_t pid, char ret_name[static CGROUP_NAME_SIZE])
{
	char path[PATH_MAX], *last;
	int r = find_of_process(pid, path);

	if (r < 0)
		return r;
	last = strrchr(path, '/');
	if (!last || strlen(last + 1) >= CGROUP_NAME_SIZE)
		return -ENOENT;
	memcpy(ret_name, last + 1, strlen(last + 1) + 1);
	*last = '\0';
	return open_path(path);
}

/*
 * Moves hookd from the directory into a child: a cgroup that has processes cannot enable
 * controllers for its children. Where that fails the tree works without controllers.
 */
static void make_room(struct cgroup_tree *tree)
{
	char pid[16];

	if (mkdirat(tree->base_fd, "daemon", 0755) < 0 && errno != EEXIST)
		return;
	snprintf(pid, sizeof(pid), "%d", getpid());
	tree->has_daemon = file_write_at(tree->base_fd, "daemon/cgroup.procs", pid) >= 0;
}

static void remove_all_in(int fd)
{
	cgroup_parts_remove(fd, NULL, 0);
	remove_cgroups_in(openat(fd, "runs", DIRECTORY_FLAGS));
	(void)unlinkat(fd, "runs", AT_REMOVEDIR);
	remove_other_runs_in(fd);
}

/*
 * Each hookd holds a lock of its directory, by which others see that it is alive. A pid would be
 * ambiguous in another pid namespace.
 */
static void remove_orphan(int parent, const char *name)
{
	cleanup_close int fd = cgroup_lock(parent, name);

	if (fd < 0)
		return;
	remove_all_in(fd);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* "hookd-PID", "hookd-PID-N": see make_own_directory(). */
static bool is_name_of_ours(const char *name)
{
	size_t prefix = strlen("hookd-");

	return strncmp(name, "hookd-", prefix) == 0 && name[prefix] &&
	       strspn(name + prefix, "0123456789-") == strlen(name + prefix);
}

/* Removes directories of hookds that were killed, except those in which hooks still run. */
static void remove_orphans(const char *own)
{
	DIR *directory = opendir(own);
	struct dirent *entry;

	if (!directory)
		return;
	while ((entry = readdir(directory)))
		if (entry->d_type == DT_DIR && is_name_of_ours(entry->d_name))
			remove_orphan(dirfd(directory), entry->d_name);
	closedir(directory);
}

void cgroup_tree_remove_orphans(const struct cgroup_tree *tree)
{
	char above[sizeof(tree->own_directory)];

	if (!tree->own_directory[0])
		return;
	memcpy(above, tree->own_directory, sizeof(above));
	*strrchr(above, '/') = '\0';
	remove_orphans(above);
}

/* A hookd with the same pid in another pid namespace may have made a directory of that name. */
static int make_own_directory(struct cgroup_tree *tree, const char *below)
{
	for (int i = 0; i < NAMES_MAX; i++) {
		char *path = tree->own_directory, number[16] = "";
		int r;

		if (i > 0)
			snprintf(number, sizeof(number), "-%d", i);
		snprintf(path, sizeof(tree->own_directory), "%s/hookd-%d%s", below, getpid(),
			 number);
		r = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
		if (r == 0)
			r = tree->own_lock = cgroup_lock(AT_FDCWD, path);
		if (r >= 0)
			return 0;
		if (r != -EBUSY && r != -ENOENT)
			return r;
	}
	return -EBUSY;
}

/*
 * For a hookd that is not root. A user's service manager does not mark delegated directories, and
 * everything below it belongs to the user. In the cgroup of a service hookd is the only process; in
 * that of a terminal there is also a shell.
 */
static bool is_users_own(const char *directory)
{
	char path[PATH_MAX], text[64];
	struct stat st;

	snprintf(path, sizeof(path), "%s/cgroup.procs", directory);
	return geteuid() != 0 && stat(directory, &st) == 0 && st.st_uid == geteuid() &&
	       access(directory, W_OK) == 0 &&
	       file_read_at(AT_FDCWD, path, text, sizeof(text)) > 0 &&
	       strtol(text, NULL, 10) == getpid() && text[strcspn(text, "\n") + 1] == '\0';
}

/*
 * Locks a configured directory, in which another hookd would kill this one's hooks. Tried for some
 * time, since a child of a hookd that was killed holds the lock until it is executed. Runners do
 * not hold it, so that the next hookd can take it.
 */
static int lock_root(struct cgroup_tree *tree)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + LOCK_WAIT_NS;

	do {
		tree->root_lock = cgroup_lock(tree->base_fd, ".");
		if (tree->root_lock != -EBUSY)
			break;
		(void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	} while (clock_ns(CLOCK_MONOTONIC) < give_up_ns);
	return tree->root_lock < 0 ? tree->root_lock : 0;
}

static int use_root(struct cgroup_tree *tree, const char *root, const char **ret_reason)
{
	int r;

	*ret_reason = "the cgroup root cannot be opened";
	tree->base_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->base_fd < 0)
		return -errno;
	r = lock_root(tree);
	if (r == -EBUSY)
		*ret_reason = "another hookd uses the cgroup root";
	return r;
}

/* Chooses base_fd, and makes the directory where it is one of hookd's own. */
static int choose_base(struct cgroup_tree *tree, const char *root, const char **ret_reason)
{
	char own[PATH_MAX / 2];
	bool is_own_unit;
	int r;

	if (root)
		return use_root(tree, root, ret_reason);
	*ret_reason = "no cgroup2 file system is mounted";
	r = find_of("/proc/self/cgroup", own, sizeof(own));
	if (r < 0)
		return r;
	is_own_unit = cgroup_is_delegated(own) || (cgroup_systemd_runs_here() && is_users_own(own));
	if (!is_own_unit && cgroup_systemd_runs_here()) {
		*ret_reason = "the service manager has not delegated hookd's cgroup";
		return -ENOTSUP;
	}
	if (!is_own_unit) {
		remove_orphans(own);
		r = make_own_directory(tree, own);
		if (r < 0) {
			*ret_reason = "hookd's cgroup is not writable";
			tree->own_directory[0] = '\0';
			return r;
		}
	}
	tree->base_fd =
	    open(is_own_unit ? own : tree->own_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->base_fd < 0)
		return -errno;
	if (is_own_unit)
		make_room(tree);
	return 0;
}

static int open_runs(struct cgroup_tree *tree, const char **ret_reason)
{
	struct statfs fs;
	int r;

	if (fstatfs(tree->base_fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		*ret_reason = "the cgroup root is not on cgroup2";
		return -ENOTSUP;
	}
	cgroup_tree_remember_base(tree);
	*ret_reason = "hookd's cgroup is not writable";
	if (mkdirat(tree->base_fd, "runs", 0755) < 0 && errno != EEXIST)
		return -errno;
	remove_other_runs_in(tree->base_fd);
	r = runs_directory_open(tree->base_fd, "runs", &tree->runs);
	if (r < 0)
		return r;
	*ret_reason = "the kernel has no cgroup.kill (Linux 5.14)";
	return faccessat(tree->runs->fd, "cgroup.kill", W_OK, 0) < 0 ? -ENOTSUP : 0;
}

int cgroup_tree_place(struct cgroup_tree *tree, const char *root, const char **ret_reason)
{
	int r = choose_base(tree, root, ret_reason);

	return r < 0 ? r : open_runs(tree, ret_reason);
}

/* The part's process holds the lock, by the same open file, until it ends. */
int cgroup_tree_make_part(struct cgroup_tree *tree, const char *name)
{
	int fd = cgroup_lock(tree->base_fd, name);

	if (fd == -EBUSY)
		return fd;
	/* It is that of a process that has ended. It stays if hooks have left processes behind. */
	if (fd >= 0) {
		cgroup_part_remove(fd, name, true);
		close(fd);
	}
	fd = cgroup_make_locked(tree->base_fd, name);
	if (cgroup_is_gone(fd) && cgroup_tree_repair(tree) == 0)
		fd = cgroup_make_locked(tree->base_fd, name);
	return cgroup_is_gone(fd) ? -ESTALE : fd;
}

int cgroup_tree_place_part(struct cgroup_tree *tree, int directory, const char **ret_reason)
{
	tree->is_part = true;
	tree->base_fd = openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*ret_reason = "the directory cannot be opened";
	return tree->base_fd < 0 ? -errno : open_runs(tree, ret_reason);
}

int cgroup_tree_base(const struct cgroup_tree *tree)
{
	return tree->base_fd;
}

int cgroup_tree_lock(const struct cgroup_tree *tree)
{
	return tree->own_lock;
}

void cgroup_tree_enable(struct cgroup_tree *tree, const char *controller, size_t length)
{
	char text[64];

	snprintf(text, sizeof(text), "+%.*s", (int)length, controller);
	/* A runner's directory has it from hookd's. */
	if (tree->is_part)
		(void)file_write_at(tree->base_fd, "../cgroup.subtree_control", text);
	(void)file_write_at(tree->base_fd, "cgroup.subtree_control", text);
	(void)file_write_at(tree->runs->fd, "cgroup.subtree_control", text);
	cgroup_tree_look_for_controllers(tree);
}

/* Other controllers slow down each fork and exit; they are enabled when they are first needed. */
void cgroup_tree_enable_usual(struct cgroup_tree *tree)
{
	static const char *const controllers[] = {"memory", "pids", "cpu", "io"};

	for (size_t i = 0; i < ELEMENTS(controllers); i++)
		cgroup_tree_enable(tree, controllers[i], strlen(controllers[i]));
	if (tree->has_daemon)
		(void)file_write_at(tree->base_fd, "daemon/cpu.weight", DAEMON_CPU_WEIGHT);
}

/* ---- paths of callers ---- */

/*
 * 1 where both are the same cgroup: its inode number is the same in every mount and cgroup
 * namespace.
 */
static int is_same(int fd, int other_fd)
{
	struct stat stat, other;

	if (fstat(fd, &stat) < 0 || fstat(other_fd, &other) < 0)
		return -errno;
	return stat.st_ino == other.st_ino;
}

/* 1 where `below` is below the cgroup `fd`. Goes up until a directory is not on cgroup2. */
static int is_in(int below, int fd)
{
	cleanup_close int at = openat(below, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	for (;;) {
		int r, above;

		if (at < 0 || fstatfs(at, &fs) < 0)
			return -errno;
		if (fs.f_type != CGROUP2_SUPER_MAGIC)
			return 0;
		r = is_same(at, fd);
		if (r != 0)
			return r;
		above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (above >= 0 && is_same(above, at) == 1) { /* cgroup2 is mounted at "/" */
			close(above);
			return 0;
		}
		close(at);
		at = above;
	}
}

/* Checks the first components of `path`: `part`, which `fd` is open for. */
static int refuse_part(const struct cgroup_tree *tree, int fd, const char *path, const char *part,
		       struct hp_err *err)
{
	int r = is_same(fd, tree->base_fd);

	if (r == 0)
		r = is_same(fd, tree->runs->fd);
	if (r > 0)
		return hp_err_setting(err, -EPERM, NULL, "%s is hookd's own cgroup for hooks",
				      part);
	if (r == 0 && strcmp(path, part) == 0) {
		r = is_in(tree->base_fd, fd);
		if (r > 0)
			return hp_err_setting(err, -EPERM, NULL, "%s contains hookd's hooks", part);
	}
	return r < 0 ? hp_err_setting(err, r, NULL, "cgroup %s: %s", part, strerror(-r)) : 0;
}

int cgroup_tree_refuse(const struct cgroup_tree *tree, int mount_fd, const char *path,
		       struct hp_err *err)
{
	char part[CGROUP_PATH_SIZE];

	for (const char *end = path; tree && *end;) {
		int fd, r;

		end = strchrnul(end + 1, '/');
		snprintf(part, sizeof(part), "%.*s", (int)(end - path), path);
		fd = cgroup_path_open(mount_fd, part);
		if (fd == -ENOENT) /* then the rest of the path does not exist either */
			return 0;
		r = fd < 0 ? hp_err_setting(err, fd, NULL, "cgroup %s: %s", part, strerror(-fd))
			   : refuse_part(tree, fd, path, part, err);
		close_fd(&fd);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- controllers and memory limits ---- */

/* True where hookd is in the cgroup or below it: a limit there applies to hookd as well. */
static bool has_hookd_in_it(int fd)
{
	cleanup_close int own = cgroup_open_of_process(getpid());

	return own >= 0 && (is_same(own, fd) == 1 || is_in(own, fd) == 1);
}

bool cgroup_is_limited_in_memory(int directory, const char *file)
{
	char text[64];

	return file_read_at(directory, file, text, sizeof(text)) < 0 || strcmp(text, "max\n") != 0;
}

/*
 * Goes from the directory of runs up to the first cgroup that hookd is in as well. memory.max does
 * not exist in the root cgroup, nor where the controller is not enabled: hookd and the runs are
 * then charged to the same cgroup above.
 */
static void look_for_memory(struct cgroup_tree *tree)
{
	int at = openat(tree->runs->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	while (at >= 0 && faccessat(at, "memory.max", F_OK, 0) == 0 && !has_hookd_in_it(at)) {
		int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		tree->has_memory_limit |= cgroup_is_limited_in_memory(at, "memory.max");
		close(at);
		at = above;
	}
	tree->has_memory_limit |= at < 0;
	close_fd(&at);
}

void cgroup_tree_look_for_controllers(struct cgroup_tree *tree)
{
	char text[256];
	ssize_t length = file_read_at(tree->runs->fd, "cgroup.subtree_control", text, sizeof(text));
	bool is_unknown = length < 0 || tree->inotify < 0;

	tree->has_controllers = is_unknown || (length > 0 && text[0] != '\n');
	tree->has_memory_controller = is_unknown || strstr(text, "memory");
	tree->has_memory_limit = is_unknown;
	look_for_memory(tree);
}

/*
 * The kernel may return EBUSY for a moment after the last process of a cgroup was reaped. A
 * directory with processes that hooks have left stays.
 */
static void remove_own_directory(struct cgroup_tree *tree)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + NS_PER_S;

	for (;;) {
		remove_all_in(tree->base_fd);
		if (rmdir(tree->own_directory) == 0 || errno == ENOENT ||
		    cgroup_is_populated_at(tree->base_fd) || clock_ns(CLOCK_MONOTONIC) > give_up_ns)
			return;
		(void)nanosleep(&(struct timespec){.tv_nsec = LOCK_PAUSE_NS}, NULL);
	}
}

void cgroup_tree_unplace(struct cgroup_tree *tree)
{
	/* Of the service manager's directory it is left: that is removed with the unit. */
	if (!tree->own_directory[0] && tree->root_lock >= 0)
		(void)unlinkat(tree->base_fd, "runs", AT_REMOVEDIR);
	if (tree->own_directory[0]) {
		remove_own_directory(tree);
		/* Runners of a hookd that was killed were in its directory, and have ended now. */
		cgroup_tree_remove_orphans(tree);
	}
	if (tree->runs)
		close_fd(&tree->runs->fd);
	free(take_ptr(tree->runs));
	close_fd(&tree->base_fd);
	close_fd(&tree->own_lock);
	close_fd(&tree->root_lock);
}

bool cgroup_tree_has_controller(const struct cgroup_tree *tree, const char *controller)
{
	char text[256], *state, *name;

	if (!tree || file_read_at(tree->base_fd, "cgroup.controllers", text, sizeof(text)) < 0)
		return false;
	for (name = strtok_r(text, " \n", &state); name; name = strtok_r(NULL, " \n", &state))
		if (strcmp(name, controller) == 0)
			return true;
	return false;
}
