/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of a tree, base_fd: its lock, and making it again where another program has removed
 * it. An idle tree has no process in it, so rmdir(2) works for everybody who may write there.
 *
 *	hookd-17/		hookd's own; or one that was configured
 *		runner-0/	"part": of a runner
 *
 * Whoever uses such a directory holds flock(2) of it, and no hookd removes one whose lock is held.
 * A lock counts only while the directory has its name: between open(2) and flock(2) it may have
 * been removed, and another one have been made. The state is in struct cgroup_tree.
 */
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#include "daemon/cgroup/path.h"
#include "daemon/cgroup/tree.h"

#define DIRECTORY_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
/* Another hookd that looks for orphans may hold the lock for a moment, or remove the directory. */
#define TRIES	 50
#define PAUSE_NS 2000000

bool cgroup_has_name(int directory, int parent, const char *name)
{
	struct stat opened, there;

	return fstat(directory, &opened) == 0 &&
	       fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       opened.st_ino == there.st_ino;
}

int cgroup_lock(int parent, const char *name)
{
	cleanup_close int fd = openat(parent, name, DIRECTORY_FLAGS);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	return cgroup_has_name(fd, parent, name) ? take_fd(&fd) : -ENOENT;
}

int cgroup_make_locked(int parent, const char *name)
{
	int r = -EBUSY;

	for (int i = 0; i < TRIES && (r == -EBUSY || r == -ENOENT); i++) {
		if (i > 0)
			(void)nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
		r = mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
		if (r < 0) /* -ENOENT: `parent` is gone */
			return r;
		r = cgroup_lock(parent, name);
	}
	return r;
}

void cgroup_tree_remember_base(struct cgroup_tree *tree)
{
	char link[32];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", tree->base_fd);
	length = readlink(link, tree->base_path, sizeof(tree->base_path) - 1);
	tree->base_path[length < 0 ? 0 : length] = '\0';
}

const char *cgroup_tree_path(const struct cgroup_tree *tree)
{
	return tree->base_path;
}

/* ---- making it again ---- */

static bool is_cgroup(int directory)
{
	struct statfs fs;

	return fstatfs(directory, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* Opens the directory, O_PATH, and makes those of cgroup2 that are missing. `path` is changed. */
static int open_or_make(char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), r;
	char *last = strrchr(path, '/');
	cleanup_close int above = -1;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT || !last || last == path)
		return -errno;
	*last = '\0';
	above = open_or_make(path);
	if (above < 0)
		return above;
	if (!is_cgroup(above))
		return -ENOENT;
	r = mkdirat(above, last + 1, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = r < 0 ? r : openat(above, last + 1, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return r < 0 ? r : fd < 0 ? -errno : fd;
}

/* Makes the directory where it is missing, and takes its lock. */
static int make_locked_path(const char *path)
{
	char above[PATH_MAX], *last;
	int r = -ENOENT;

	for (int i = 0; i < TRIES && r == -ENOENT; i++) {
		cleanup_close int fd = -1;

		snprintf(above, sizeof(above), "%s", path);
		last = strrchr(above, '/');
		*last++ = '\0';
		r = fd = open_or_make(above);
		if (fd >= 0)
			r = is_cgroup(fd) ? cgroup_make_locked(fd, last) : -ENOTSUP;
	}
	return r;
}

/*
 * The directory above may be gone too. The one above a part is then locked by nobody, until its
 * hookd makes its own again, which may have ended; but with a part in it nobody can remove it.
 */
int cgroup_tree_make_base_again(struct cgroup_tree *tree)
{
	cleanup_close int lock = -1, fd = -1;
	bool is_own = tree->own_directory[0] || tree->is_part || tree->root_lock >= 0;

	/* The directory of a unit is the service manager's. */
	if (!is_own || tree->base_path[0] != '/')
		return -ENOENT;
	lock = make_locked_path(tree->base_path);
	if (lock < 0)
		return lock;
	fd = openat(lock, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	close_fd(&tree->base_fd);
	tree->base_fd = take_fd(&fd);
	if (tree->root_lock >= 0) {
		close_fd(&tree->root_lock);
		tree->root_lock = take_fd(&lock);
	} else {
		close_fd(&tree->own_lock);
		tree->own_lock = take_fd(&lock);
	}
	return 0;
}
