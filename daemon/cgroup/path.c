/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroupfs driver: makes directories, enables controllers, moves processes, freezes. limits.c
 * writes limits. No state but the undo entries of the caller's list.
 */
#include "daemon/cgroup/path.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "daemon/base/file.h"
#include "daemon/base/mount.h"

/* A freeze is complete once every task has stopped; the event loop is blocked until then. */
#define FREEZE_WAIT_NS 200000000ll

static const char *const controllers[] = {"cpuset", "cpu",     "io",   "memory",
					  "pids",   "hugetlb", "rdma", "misc"};

/* ---- paths ---- */

static bool begins_like_a_file(const char *name)
{
	if (strncmp(name, "cgroup.", strlen("cgroup.")) == 0)
		return true;
	for (size_t i = 0; i < ELEMENTS(controllers); i++) {
		size_t length = strlen(controllers[i]);

		if (strncmp(name, controllers[i], length) == 0 && name[length] == '.')
			return true;
	}
	return false;
}

/* The kernel takes any bytes but a newline; control characters would confuse who reads a list. */
static bool is_component(const char *name, size_t length)
{
	if (length == 0 || length > NAME_MAX || begins_like_a_file(name) ||
	    (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'))))
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c < ' ' || c == 0x7f)
			return false;
	}
	return true;
}

int cgroup_path_read(const char *cgroups_path, char ret_path[static CGROUP_PATH_SIZE],
		     struct hp_err *err)
{
	char path[CGROUP_PATH_SIZE];
	size_t length = 0;

	if (strlen(cgroups_path) + 2 > CGROUP_PATH_SIZE)
		return hp_err_invalid(err, NULL, "must not be longer than %d bytes",
				      CGROUP_PATH_SIZE - 2);
	for (const char *at = cgroups_path, *end;; at = end) {
		at += strspn(at, "/");
		if (!*at)
			break;
		end = strchrnul(at, '/');
		if (!is_component(at, (size_t)(end - at)))
			return hp_err_invalid(err, NULL, "\"%.*s\" cannot be the name of a cgroup",
					      (int)(end - at > 64 ? 64 : end - at), at);
		length += (size_t)snprintf(path + length, sizeof(path) - length, "/%.*s",
					   (int)(end - at), at);
	}
	if (length == 0)
		return hp_err_invalid(err, NULL, "names no cgroup");
	memcpy(ret_path, path, length + 1);
	return 0;
}

int cgroup_path_open_mount(void)
{
	char path[PATH_MAX];
	int fd, r = mount_find("cgroup2", path, sizeof(path), NULL, 0);

	if (r < 0)
		return -ENOTSUP;
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* Hybrid: cgroup2 is mounted beside cgroup v1, which has the controllers. */
	if (faccessat(fd, "cgroup.controllers", R_OK, 0) < 0 ||
	    mount_find("cgroup", path, sizeof(path), NULL, 0) == 0) {
		close(fd);
		return -ENOTSUP;
	}
	return fd;
}

static int open_beneath(int mount_fd, const char *path)
{
	const struct open_how how = {
	    .flags = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
	    .resolve =
		RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	long fd = syscall(SYS_openat2, mount_fd, path[0] ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

int cgroup_path_open(int mount_fd, const char *path)
{
	return open_beneath(mount_fd, path + 1);
}

/* ---- directories that must not be used ---- */

static bool has_suffix(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

bool cgroup_systemd_runs_here(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* systemd marks delegated directories; all others only systemd may write to. */
bool cgroup_is_delegated(const char *directory)
{
	char value[8];

	return getxattr(directory, "user.delegate", value, sizeof(value)) > 0 ||
	       getxattr(directory, "trusted.delegate", value, sizeof(value)) > 0;
}

/* The types of units that have cgroups: systemd.unit(5). */
static bool names_a_unit(const char *name)
{
	static const char *const suffixes[] = {".service", ".scope", ".slice",
					       ".socket",  ".mount", ".swap"};

	for (size_t i = 0; i < ELEMENTS(suffixes); i++)
		if (has_suffix(name, suffixes[i]))
			return true;
	return false;
}

/*
 * systemd's CGROUP_DELEGATION: each directory has a single writer. A missing directory with the
 * name of a unit is refused too, since systemd would use it for a unit of that name. `fd` is the
 * directory, or -ENOENT.
 */
static int refuse_unit(const char *path, int fd, struct hp_err *err)
{
	char link[32];

	if (!names_a_unit(strrchr(path, '/') + 1) || !cgroup_systemd_runs_here())
		return 0;
	if (fd == -ENOENT)
		return hp_err_setting(err, -EPERM, NULL,
				      "%s has the name of a systemd unit: only systemd may make it",
				      path);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd); /* fgetxattr(2) takes no O_PATH */
	if (fd >= 0 && !cgroup_is_delegated(link))
		return hp_err_setting(err, -EPERM, NULL,
				      "%s belongs to systemd, which has not delegated it", path);
	return 0;
}

/* True where a process in the cgroup `own` is in `path` or below it. */
static bool holds(const char *path, const char *own, size_t own_length)
{
	size_t length = strlen(path);

	return own_length >= length && strncmp(own, path, length) == 0 &&
	       (own_length == length || own[length] == '/');
}

/* Limits and a freeze affect all processes in a cgroup, so hookd and init must not be in it. */
static int refuse_vital(const char *path, struct hp_err *err)
{
	static const struct {
		const char *cgroup, *what;
	} vital[] = {
	    {"/proc/self/cgroup", "hookd itself"},
	    {"/proc/1/cgroup", "the init process"},
	};

	for (size_t i = 0; i < ELEMENTS(vital); i++) {
		char text[4096];
		ssize_t r = file_read_at(AT_FDCWD, vital[i].cgroup, text, sizeof(text));
		size_t length;
		const char *own = r < 0 ? NULL : cgroup_path_find(text, &length);

		if (!own)
			return hp_err_setting(err, r < 0 ? (int)r : -ENOTSUP, NULL,
					      "%s has no cgroup2 path", vital[i].cgroup);
		if (holds(path, own, length))
			return hp_err_setting(err, -EPERM, NULL, "%s contains %s", path,
					      vital[i].what);
	}
	return 0;
}

/* ---- making ---- */

struct change {
	int mount_fd; /* borrowed from the applier, which outlives every request */
	char path[CGROUP_PATH_SIZE];
	char controller[16];
};

/* EBUSY: it still has processes. Then the caller, which was told by making(), removes it later. */
static int remove_directory(void *data)
{
	const struct change *change = data;
	int r = cgroup_path_remove(change->mount_fd, change->path);

	return r == -EBUSY ? 0 : r;
}

/* EBUSY: another cgroup has come to use the controller, so it stays enabled. */
static int disable_controller(void *data)
{
	const struct change *change = data;
	cleanup_close int fd = cgroup_path_open(change->mount_fd, change->path);
	char text[24];
	int r = fd;

	snprintf(text, sizeof(text), "-%s", change->controller);
	if (fd >= 0)
		r = file_write_at(fd, "cgroup.subtree_control", text);
	return r == -ENOENT || r == -EBUSY ? 0 : r < 0 ? r : 0;
}

static struct change *note(struct undo *undo, const char *what, undo_fn revert, int mount_fd,
			   const char *path)
{
	struct change *change = undo_add(undo, what, sizeof(*change), revert, NULL);

	if (change) {
		change->mount_fd = mount_fd;
		snprintf(change->path, sizeof(change->path), "%s", path);
	}
	return change;
}

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length)
		if ((at == words || at[-1] == ' ') &&
		    (at[length] == ' ' || at[length] == '\n' || at[length] == '\0'))
			return true;
	return false;
}

/*
 * One write for each controller, so that one that cannot be enabled does not prevent the others. A
 * missing controller is reported by the limit that needs it; only EBUSY, which applies to all of
 * them, is an error here.
 */
static int enable_controllers(int mount_fd, const char *path, int fd, struct undo *undo)
{
	char there[512], enabled[512], text[24];
	ssize_t length = file_read_at(fd, "cgroup.controllers", there, sizeof(there));
	int r = 0;

	if (length >= 0)
		length = file_read_at(fd, "cgroup.subtree_control", enabled, sizeof(enabled));
	if (length < 0)
		return (int)length;
	for (size_t i = 0; i < ELEMENTS(controllers); i++) {
		struct change *change;

		if (!has_word(there, controllers[i]) || has_word(enabled, controllers[i]))
			continue;
		change = note(undo, "cgroup.subtree_control", disable_controller, mount_fd, path);
		if (!change)
			return -ENOMEM;
		snprintf(change->controller, sizeof(change->controller), "%s", controllers[i]);
		snprintf(text, sizeof(text), "+%s", controllers[i]);
		if (file_write_at(fd, "cgroup.subtree_control", text) == -EBUSY)
			r = -EBUSY;
	}
	return r;
}

struct making {
	int mount_fd;
	cgroup_path_making_fn announce;
	void *userdata;
	struct undo *undo;
	struct hp_err *err;
};

static int fail(const struct making *making, int r, const char *what, const char *path)
{
	return hp_err_setting(making->err, r, NULL, "%s %s: %s", what, path, strerror(-r));
}

/* Makes a directory whose parent exists. */
static int make_one(const struct making *making, const char *path)
{
	int r = making->announce(path, making->userdata);

	if (r < 0)
		return r;
	if (!note(making->undo, "the cgroup", remove_directory, making->mount_fd, path))
		return -ENOMEM;
	if (mkdirat(making->mount_fd, path + 1, 0755) < 0 && errno != EEXIST)
		return -errno;
	return cgroup_path_open(making->mount_fd, path);
}

/* Enables the controllers in `parent`, makes `path` in it where it is missing, and opens that. */
static int make_below(const struct making *making, const char *parent, int parent_fd,
		      const char *path)
{
	int fd = cgroup_path_open(making->mount_fd, path);
	int r = refuse_unit(path, fd, making->err);

	if (r == 0) {
		r = enable_controllers(making->mount_fd, parent[1] ? parent : "/", parent_fd,
				       making->undo);
		if (r < 0)
			(void)fail(making, r, "controllers of", parent[1] ? parent : "/");
	}
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	if (fd == -ENOENT)
		fd = make_one(making, path);
	return fd < 0 ? fail(making, fd, "cgroup", path) : fd;
}

int cgroup_path_make(int mount_fd, const char *path, cgroup_path_making_fn announce, void *userdata,
		     struct undo *undo, int *ret_fd, struct hp_err *err)
{
	const struct making making = {mount_fd, announce, userdata, undo, err};
	char parent[CGROUP_PATH_SIZE] = "/", below[CGROUP_PATH_SIZE];
	int r = refuse_vital(path, err), fd;

	assert(path[0] == '/');
	if (r < 0)
		return r;
	fd = cgroup_path_open(mount_fd, "/");
	if (fd < 0)
		return fail(&making, fd, "cgroup", "/");
	for (const char *end = path; *end;) {
		int next;

		end = strchrnul(end + 1, '/');
		snprintf(below, sizeof(below), "%.*s", (int)(end - path), path);
		next = make_below(&making, parent, fd, below);
		close(fd);
		if (next < 0)
			return next;
		fd = next;
		memcpy(parent, below, sizeof(parent));
	}
	*ret_fd = fd;
	return 0;
}

/* ---- processes ---- */

const char *cgroup_path_find(const char *text, size_t *ret_length)
{
	const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");

	line = line ? strchr(line, '/') : NULL;
	*ret_length = line ? strcspn(line, "\n") : 0;
	return line;
}

int cgroup_path_of(const struct target *target, char ret_path[static CGROUP_PATH_SIZE])
{
	char text[4096];
	ssize_t read = file_read_at(target->proc, "cgroup", text, sizeof(text));
	const char *path;
	size_t length;

	if (read < 0)
		return (int)read;
	path = cgroup_path_find(text, &length);
	if (!path || length >= CGROUP_PATH_SIZE)
		return -ESRCH;
	snprintf(ret_path, CGROUP_PATH_SIZE, "%.*s", (int)length, path);
	return 0;
}

static int write_pid(int cgroup_fd, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return file_write_at(cgroup_fd, "cgroup.procs", text);
}

/*
 * The pid may have been reused: it is moved only where a process that is held by a pidfd is in
 * `from`, and was started at that time (0: any).
 */
static int move_one(int to_fd, pid_t pid, uint64_t start_time, const char *from)
{
	char path[CGROUP_PATH_SIZE];
	struct target target;
	int r = target_open(pid, &target);

	if (r < 0)
		return r == -ESRCH ? 0 : r;
	r = cgroup_path_of(&target, path);
	if (r == 0 && strcmp(path, from) == 0 &&
	    (start_time == 0 || target_start_time(&target) == start_time))
		r = write_pid(to_fd, pid);
	target_close(&target);
	return r == -ESRCH ? 0 : r;
}

/* 0: there was no process; 1: those that there were have been moved, or the first `budget`. */
static int move_some(int from_fd, int to_fd, const char *from, unsigned int budget)
{
	int fd = openat(from_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC), r = 0, pid;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file) {
		r = -errno;
		close_fd(&fd);
		return cgroup_is_gone(r) ? 0 : r;
	}
	while (r >= 0 && budget-- > 0 && fscanf(file, "%d", &pid) == 1) {
		r = move_one(to_fd, (pid_t)pid, 0, from);
		r = r < 0 ? r : 1;
	}
	fclose(file);
	return r;
}

int cgroup_path_put_back(int mount_fd, pid_t pid, uint64_t start_time, const char *from,
			 const char *to)
{
	cleanup_close int to_fd = cgroup_path_open(mount_fd, to);

	return to_fd < 0 ? to_fd : move_one(to_fd, pid, start_time, from);
}

int cgroup_path_empty(int mount_fd, const char *from, const char *to, unsigned int budget)
{
	cleanup_close int from_fd = cgroup_path_open(mount_fd, from);
	cleanup_close int to_fd = cgroup_path_open(mount_fd, to);

	if (strcmp(from, to) == 0)
		return 0;
	if (from_fd < 0)
		return from_fd == -ENOENT ? 0 : from_fd;
	return to_fd < 0 ? to_fd : move_some(from_fd, to_fd, from, budget);
}

struct move {
	int mount_fd;
	struct target target; /* borrowed: it is closed after the undo */
	char former[CGROUP_PATH_SIZE];
};

static int move_back(void *data)
{
	const struct move *move = data;
	cleanup_close int fd = -1;

	if (!move->former[0] || target_check(&move->target) < 0)
		return 0;
	fd = cgroup_path_open(move->mount_fd, move->former);
	if (fd < 0)
		return fd;
	return write_pid(fd, move->target.pid);
}

int cgroup_path_remember(int mount_fd, const struct target *target, struct undo *undo)
{
	struct move *move = undo_add(undo, "the process's cgroup", sizeof(*move), move_back, NULL);

	assert(target->pid > 0 && target->pidfd >= 0); /* pid 0 would be hookd itself */
	if (!move)
		return -ENOMEM;
	move->mount_fd = mount_fd;
	move->target = *target;
	return cgroup_path_of(target, move->former);
}

int cgroup_path_move(int mount_fd, int cgroup_fd, const struct target *target, struct undo *undo,
		     struct hp_err *err)
{
	int r = cgroup_path_remember(mount_fd, target, undo);

	if (r == 0)
		r = write_pid(cgroup_fd, target->pid);
	if (r == 0)
		r = target_check(target);
	return r < 0 ? hp_err_setting(err, r, NULL, "cgroup.procs: %s", strerror(-r)) : 0;
}

int cgroup_path_remove(int mount_fd, const char *path)
{
	return unlinkat(mount_fd, path + 1, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* ---- freeze ---- */

struct freeze {
	int cgroup_fd;
	bool was_frozen;
};

static int put_back_freeze(void *data)
{
	const struct freeze *freeze = data;

	return file_write_at(freeze->cgroup_fd, "cgroup.freeze", freeze->was_frozen ? "1" : "0");
}

static void close_freeze(void *data)
{
	struct freeze *freeze = data;

	close_fd(&freeze->cgroup_fd);
}

/* The kernel notifies of a change of cgroup.events by POLLPRI. */
static int await_frozen(int cgroup_fd, bool freezes)
{
	int64_t until_ns = clock_ns(CLOCK_MONOTONIC) + FREEZE_WAIT_NS, left_ns;
	cleanup_close int events = openat(cgroup_fd, "cgroup.events", O_RDONLY | O_CLOEXEC);
	struct pollfd change = {.fd = events, .events = POLLPRI};
	char text[256];
	ssize_t length;

	while ((left_ns = until_ns - clock_ns(CLOCK_MONOTONIC)) > 0) {
		length = pread(events, text, sizeof(text) - 1, 0);
		if (length < 0)
			return -errno;
		text[length] = '\0';
		if (file_keyed_value(text, "frozen") == freezes)
			return 0;
		(void)poll(&change, 1, (int)(left_ns / 1000000) + 1);
	}
	return -ETIMEDOUT;
}

int cgroup_path_freeze(int cgroup_fd, bool freezes, struct undo *undo)
{
	struct freeze *freeze =
	    undo_add(undo, "cgroup.freeze", sizeof(*freeze), put_back_freeze, close_freeze);
	char text[16];
	ssize_t length;
	int r;

	if (!freeze)
		return -ENOMEM;
	freeze->cgroup_fd = fcntl(cgroup_fd, F_DUPFD_CLOEXEC, 0);
	length = file_read_at(cgroup_fd, "cgroup.freeze", text, sizeof(text));
	if (length < 0)
		return (int)length;
	freeze->was_frozen = text[0] == '1';
	r = file_write_at(cgroup_fd, "cgroup.freeze", freezes ? "1" : "0");
	return r < 0 ? r : await_frozen(cgroup_fd, freezes);
}
