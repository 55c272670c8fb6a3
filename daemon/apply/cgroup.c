/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd's own cgroup subtree and the pool of run cgroups in it.
 *
 * A cgroup is idle (in the pool), in use (a run's), or busy: its run is over, but processes that a
 * hook left behind live in it. Busy ones are looked at once a second and go back to the pool when
 * they are empty. Called by main.c and run/.
 */
#include "daemon/apply/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#define IDLE_MAX 64
/* Beyond so many cgroups in use, two descriptors each are too much to keep. */
#define FDS_MAX	     64
#define PREPARED     4
#define LAST_WAIT_NS 1000000000ll

struct cgroup {
	struct cgroup_tree *tree;
	char name[24];
	int fd;		     /* O_PATH; -1: not open now */
	int events_fd;	     /* cgroup.events; -1: not open now */
	bool is_known_empty; /* nothing was put in since it was seen empty */
	unsigned long long oom_kills_seen;
	bool is_spent;		  /* was killed: not to be used again */
	TAILQ_ENTRY(cgroup) link; /* cgroup_tree::idle or ::busy; in use: on neither */
};
TAILQ_HEAD(cgroup_list, cgroup);

struct cgroup_tree {
	int base_fd, runs_fd;
	char own_directory[PATH_MAX]; /* to remove at the end; "" where it is not ours */
	unsigned long made;
	size_t idle_count, in_use_count;
	struct cgroup_list idle, busy;
	struct event *look_again; /* pending while busy is not empty */
};

static void on_look_again(evutil_socket_t fd, short what, void *userdata);

/* ---- files ---- */

static ssize_t read_at(int directory, const char *path, char *text, size_t size)
{
	cleanup_close int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, size - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	return length;
}

static int write_at(int directory, const char *path, const char *text)
{
	cleanup_close int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

/* The number behind "key " in a flat-keyed file, or -1. */
static long long keyed_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 && line[length] == ' ')
			return strtoll(line + length + 1, NULL, 10);
		if (!*line)
			break;
	}
	return -1;
}

/* ---- where the tree is ---- */

/* The first mount of cgroup2 that shows the whole hierarchy. */
static int find_mount(char *ret_path, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[1024], point[1024];
	int r = -ENOTSUP;

	if (!file)
		return -errno;
	while (r < 0 && fgets(line, sizeof(line), file)) {
		if (!strstr(line, " - cgroup2 ") ||
		    sscanf(line, "%*d %*d %*s %1023s %1023s", root, point) != 2 ||
		    strcmp(root, "/") != 0)
			continue;
		r = snprintf(ret_path, size, "%s", point) < (int)size ? 0 : -ENAMETOOLONG;
	}
	fclose(file);
	return r;
}

static int find_own(char *ret_path, size_t size)
{
	char mount[1024], text[4096];
	ssize_t length = read_at(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
	int r = length < 0 ? (int)length : find_mount(mount, sizeof(mount));
	const char *line;
	size_t path_length;

	if (r < 0)
		return r;
	line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	if (!line)
		return -ENOTSUP;
	line = strchr(line, '/');
	path_length = line ? strcspn(line, "\n") : 0;
	if (path_length <= 1)
		return snprintf(ret_path, size, "%s", mount) < (int)size ? 0 : -ENAMETOOLONG;
	return snprintf(ret_path, size, "%s%.*s", mount, (int)path_length, line) < (int)size
		   ? 0
		   : -ENAMETOOLONG;
}

/* systemd marks what it has handed over; writing elsewhere would break its single-writer rule. */
static bool is_delegated(const char *path)
{
	char value[8];

	return getxattr(path, "user.delegate", value, sizeof(value)) > 0 ||
	       getxattr(path, "trusted.delegate", value, sizeof(value)) > 0;
}

static bool systemd_runs_here(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/*
 * Moves hookd out of the directory itself: cgroup2 wants no processes beside children that have
 * controllers. Where it does not work the tree serves without controllers.
 */
static void make_room(int base)
{
	char pid[16];

	if (mkdirat(base, "daemon", 0755) < 0 && errno != EEXIST)
		return;
	snprintf(pid, sizeof(pid), "%d", getpid());
	(void)write_at(base, "daemon/cgroup.procs", pid);
}

static void enable_controllers(int directory)
{
	static const char *const controllers[] = {"+memory", "+pids", "+cpu", "+io"};

	for (size_t i = 0; i < ELEMENTS(controllers); i++)
		(void)write_at(directory, "cgroup.subtree_control", controllers[i]);
}

/* Takes the descriptor. Removes what is empty in the directory; what is not refuses. */
static void remove_children(int fd)
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

static int open_directory_at(int directory, const char *path)
{
	return openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* What daemons that were killed have left beside us, as far as no hook of theirs lives on in it. */
static void remove_orphans(const char *own)
{
	DIR *directory = opendir(own);
	struct dirent *entry;
	char runs[64];
	int pid;

	if (!directory)
		return;
	while ((entry = readdir(directory))) {
		if (sscanf(entry->d_name, "hookd-%d", &pid) != 1 || kill(pid, 0) == 0)
			continue;
		snprintf(runs, sizeof(runs), "hookd-%d/runs", pid);
		remove_children(open_directory_at(dirfd(directory), runs));
		(void)unlinkat(dirfd(directory), runs, AT_REMOVEDIR);
		(void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
	}
	closedir(directory);
}

/* Which directory to work in; made where it is to be hookd's own. */
static int choose_base(struct cgroup_tree *tree, const char *root, const char **ret_reason)
{
	char own[PATH_MAX / 2];
	bool is_own_unit;
	int r = find_own(own, sizeof(own));

	if (root || r < 0) {
		*ret_reason = "no cgroup2 file system is mounted";
		tree->base_fd = root ? open(root, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
		r = root ? (tree->base_fd < 0 ? -errno : 0) : r;
		if (root && r < 0)
			*ret_reason = "the cgroup root cannot be opened";
		return r;
	}
	is_own_unit = is_delegated(own);
	if (!is_own_unit && systemd_runs_here()) {
		*ret_reason = "the service manager has not delegated hookd's cgroup";
		return -ENOTSUP;
	}
	if (!is_own_unit) {
		remove_orphans(own);
		snprintf(tree->own_directory, sizeof(tree->own_directory), "%s/hookd-%d", own,
			 getpid());
		if (mkdir(tree->own_directory, 0755) < 0 && errno != EEXIST) {
			*ret_reason = "hookd's cgroup is not writable";
			tree->own_directory[0] = '\0';
			return -errno;
		}
	}
	tree->base_fd =
	    open(is_own_unit ? own : tree->own_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->base_fd < 0)
		return -errno;
	if (is_own_unit)
		make_room(tree->base_fd);
	return 0;
}

static int open_runs(struct cgroup_tree *tree, const char **ret_reason)
{
	struct statfs fs;

	if (fstatfs(tree->base_fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC) {
		*ret_reason = "the cgroup root is not on cgroup2";
		return -ENOTSUP;
	}
	*ret_reason = "hookd's cgroup is not writable";
	if (mkdirat(tree->base_fd, "runs", 0755) < 0 && errno != EEXIST)
		return -errno;
	tree->runs_fd = open_directory_at(tree->base_fd, "runs");
	if (tree->runs_fd < 0)
		return -errno;
	*ret_reason = "the kernel has no cgroup.kill (Linux 5.14)";
	return faccessat(tree->runs_fd, "cgroup.kill", W_OK, 0) < 0 ? -ENOTSUP : 0;
}

/* ---- one cgroup ---- */

static int cgroup_make(struct cgroup_tree *tree, struct cgroup **ret_cgroup)
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

static void close_fds(struct cgroup *cgroup)
{
	close_fd(&cgroup->fd);
	close_fd(&cgroup->events_fd);
}

static void cgroup_remove(struct cgroup *cgroup)
{
	close_fds(cgroup);
	(void)unlinkat(cgroup->tree->runs_fd, cgroup->name, AT_REMOVEDIR);
	free(cgroup);
}

static const char *path_in(const struct cgroup *cgroup, const char *file, char path[static 64])
{
	snprintf(path, 64, "%s/%s", cgroup->name, file);
	return path;
}

/* Read again and again through one descriptor; kernfs makes the text anew at offset 0. */
static bool is_populated(struct cgroup *cgroup)
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
	cgroup->is_known_empty = keyed_value(text, "populated") == 0;
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
		close_fds(cgroup);
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
	return write_at(cgroup->tree->runs_fd, path_in(cgroup, "cgroup.kill", path), "1");
}

/*
 * Newer kernels count a task until it is switched out for good, a moment after its exit was
 * announced, so "populated" alone can still mean the dead one: the list of processes decides.
 */
bool cgroup_has_others(struct cgroup *cgroup, pid_t dead)
{
	char path[64], text[256], *next = text;

	if (!is_populated(cgroup) ||
	    read_at(cgroup->tree->runs_fd, path_in(cgroup, "cgroup.procs", path), text,
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

	if (read_at(cgroup->tree->runs_fd, path_in(cgroup, "memory.events", path), text,
		    sizeof(text)) < 0)
		return -1;
	kills = keyed_value(text, "oom_kill");
	if (kills < 0 || (unsigned long long)kills == cgroup->oom_kills_seen)
		return 0;
	cgroup->oom_kills_seen = (unsigned long long)kills;
	return 1;
}

/* ---- the pool ---- */

static void put_idle(struct cgroup *cgroup)
{
	struct cgroup_tree *tree = cgroup->tree;

	if (cgroup->is_spent || tree->idle_count >= IDLE_MAX) {
		cgroup_remove(cgroup);
		return;
	}
	TAILQ_INSERT_HEAD(&tree->idle, cgroup, link);
	tree->idle_count++;
}

int cgroup_acquire(struct cgroup_tree *tree, struct cgroup **ret_cgroup)
{
	struct cgroup *cgroup = TAILQ_FIRST(&tree->idle);
	int r;

	if (cgroup) {
		TAILQ_REMOVE(&tree->idle, cgroup, link);
		tree->idle_count--;
	} else {
		r = cgroup_make(tree, &cgroup);
		if (r < 0)
			return r;
	}
	tree->in_use_count++;
	*ret_cgroup = cgroup;
	return 0;
}

static void look_again_soon(struct cgroup_tree *tree)
{
	(void)event_add(tree->look_again, &(struct timeval){.tv_sec = 1});
}

void cgroup_release(struct cgroup *cgroup)
{
	struct cgroup_tree *tree;

	if (!cgroup)
		return;
	tree = cgroup->tree;
	tree->in_use_count--;
	if (!is_populated(cgroup)) {
		put_idle(cgroup);
		return;
	}
	close_fds(cgroup);
	TAILQ_INSERT_TAIL(&tree->busy, cgroup, link);
	look_again_soon(tree);
}

static void on_look_again(evutil_socket_t fd, short what, void *userdata)
{
	struct cgroup_tree *tree = userdata;
	struct cgroup *cgroup = TAILQ_FIRST(&tree->busy), *next;

	(void)fd, (void)what;
	for (; cgroup; cgroup = next) {
		next = TAILQ_NEXT(cgroup, link);
		if (is_populated(cgroup)) {
			close_fds(cgroup);
			continue;
		}
		TAILQ_REMOVE(&tree->busy, cgroup, link);
		put_idle(cgroup);
	}
	if (!TAILQ_EMPTY(&tree->busy))
		look_again_soon(tree);
}

/* ---- the tree ---- */

static void prepare(struct cgroup_tree *tree)
{
	struct cgroup *cgroup;

	while (tree->idle_count < PREPARED && cgroup_make(tree, &cgroup) == 0)
		put_idle(cgroup);
}

int cgroup_tree_new(struct event_base *base, const char *root, struct cgroup_tree **ret_tree,
		    const char **ret_reason)
{
	struct cgroup_tree *tree = calloc(1, sizeof(*tree));
	int r;

	*ret_reason = "out of memory";
	if (!tree)
		return -ENOMEM;
	tree->base_fd = tree->runs_fd = -1;
	TAILQ_INIT(&tree->idle);
	TAILQ_INIT(&tree->busy);
	tree->look_again = event_new(base, -1, 0, on_look_again, tree);
	r = tree->look_again ? choose_base(tree, root, ret_reason) : -ENOMEM;
	if (r == 0)
		r = open_runs(tree, ret_reason);
	if (r < 0) {
		cgroup_tree_free(tree);
		return r;
	}
	enable_controllers(tree->base_fd);
	enable_controllers(tree->runs_fd);
	remove_children(open_directory_at(tree->runs_fd, "."));
	prepare(tree);
	*ret_tree = tree;
	return 0;
}

/* Those in it were killed: they are gone in a moment, and the kernel tells of it (POLLPRI). */
static void wait_until_empty(struct cgroup *cgroup)
{
	int64_t give_up_ns = clock_ns(CLOCK_MONOTONIC) + LAST_WAIT_NS, left_ns;

	while (is_populated(cgroup) && (left_ns = give_up_ns - clock_ns(CLOCK_MONOTONIC)) > 0)
		(void)poll(&(struct pollfd){.fd = cgroup->events_fd, .events = POLLPRI}, 1,
			   (int)(left_ns / 1000000) + 1);
}

static void free_list(struct cgroup_list *list)
{
	struct cgroup *cgroup;

	while ((cgroup = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, cgroup, link);
		if (cgroup->is_spent)
			wait_until_empty(cgroup);
		cgroup_remove(cgroup);
	}
}

struct cgroup_tree *cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return NULL;
	free_list(&tree->idle);
	free_list(&tree->busy);
	if (tree->look_again)
		event_free(tree->look_again);
	if (tree->own_directory[0]) {
		(void)unlinkat(tree->base_fd, "runs", AT_REMOVEDIR);
		(void)rmdir(tree->own_directory);
	}
	close_fd(&tree->runs_fd);
	close_fd(&tree->base_fd);
	free(tree);
	return NULL;
}
