/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the namespaces of processes, and their pids in them, from /proc. No state. */
#include "daemon/policy/namespaces.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "daemon/base/file.h"

#ifndef NS_GET_PID_FROM_PIDNS
#define NS_GET_PID_FROM_PIDNS _IOR(NSIO, 0x6, int)
#endif

#ifndef PIDFD_GET_USER_NAMESPACE
#define PIDFD_GET_USER_NAMESPACE _IO(0xFF, 9)
#endif

/* pid_namespaces(7): 32 can be nested in the initial one; a process has a pid in each. */
#define PID_NAMESPACES_MAX 33
/* A runtime is the caller itself or one of its nearest ancestors. */
#define PARENTS_MAX 16

static const char *const kind_names[] = {
    [NAMESPACE_MNT] = "mnt",   [NAMESPACE_USER] = "user",     [NAMESPACE_PID] = "pid",
    [NAMESPACE_NET] = "net",   [NAMESPACE_UTS] = "uts",	      [NAMESPACE_IPC] = "ipc",
    [NAMESPACE_TIME] = "time", [NAMESPACE_CGROUP] = "cgroup",
};

const char *namespace_kind_name(enum namespace_kind kind)
{
	assert(kind < NAMESPACE_KINDS);
	return kind_names[kind];
}

static int open_directory(pid_t pid, const char *name)
{
	char path[64];
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	else
		snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? (errno == ENOENT ? -ESRCH : -errno) : fd;
}

int namespaces_read(pid_t pid, struct namespaces *ret_namespaces)
{
	struct namespaces namespaces = {0};
	cleanup_close int directory = open_directory(pid, "ns");

	static_assert(ELEMENTS(kind_names) == NAMESPACE_KINDS, "a name for each kind");
	if (directory < 0)
		return directory;
	for (size_t i = 0; i < NAMESPACE_KINDS; i++) {
		struct stat st;

		if (fstatat(directory, kind_names[i], &st, 0) == 0)
			namespaces.ids[i] = st.st_ino;
		/* ENOENT: the process has exited, or the kernel does not have this kind. */
		else if (errno != ENOENT || i == NAMESPACE_MNT || i == NAMESPACE_PID)
			return errno == ENOENT ? -ESRCH : -errno;
	}
	*ret_namespaces = namespaces;
	return 0;
}

/* "user:[4026531837]". Reading the link takes a fifth of the time of following it. */
static int read_user_by_number(pid_t pid, ino_t *ret_id)
{
	char path[64], text[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	length = readlink(path, text, sizeof(text) - 1);
	/* ENOENT: the process has exited, or the kernel has no user namespaces. */
	*ret_id = 0;
	if (length < 0)
		return errno == ENOENT ? 0 : -errno;
	text[length] = '\0';
	return sscanf(text, "user:[%lu]", ret_id) == 1 ? 0 : -EPROTO;
}

int namespaces_read_user(pid_t pid, int pidfd, ino_t *ret_id)
{
	cleanup_close int fd = ioctl(pidfd, PIDFD_GET_USER_NAMESPACE, 0);
	struct stat st;

	if (fd < 0)
		return read_user_by_number(pid, ret_id);
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret_id = st.st_ino;
	return 0;
}

bool namespaces_are_equal(const struct namespaces *a, const struct namespaces *b)
{
	return memcmp(a->ids, b->ids, sizeof(a->ids)) == 0;
}

/* ---- pids in other pid namespaces ---- */

/* "\t4711\t1\n": the pids of a process, the one in the outermost namespace first. */
static int parse_numbers(const char *at, pid_t numbers[static PID_NAMESPACES_MAX])
{
	int count = 0;
	char *end;

	for (; count < PID_NAMESPACES_MAX && *at == '\t'; at = end)
		numbers[count++] = (pid_t)strtol(at, &end, 10);
	return count;
}

/* Read line by line, since the line of groups can have 65536 numbers. */
static int read_numbers(pid_t pid, pid_t numbers[static PID_NAMESPACES_MAX])
{
	static const char key[] = "NSpid:";
	char path[32], *line = NULL;
	size_t size = 0;
	int count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	while (count == 0 && getline(&line, &size, file) > 0)
		if (strncmp(line, key, strlen(key)) == 0)
			count = parse_numbers(line + strlen(key), numbers);
	fclose(file);
	free(line);
	return count;
}

/*
 * How many levels the pid namespace of the process is below the given one; -1: it is not below it.
 * Of the pids in NSpid the last one is in the process's own namespace, the one before it in the
 * parent of that, and so on.
 */
static int depth_below(pid_t pid, ino_t pid_namespace)
{
	char path[32];
	int fd, depth = 0;

	snprintf(path, sizeof(path), "/proc/%d/ns/pid", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0) {
		struct stat st;
		int parent;

		if (fstat(fd, &st) == 0 && st.st_ino == pid_namespace) {
			close(fd);
			return depth;
		}
		/* EPERM: the parent is outside of hookd's own pid namespace. */
		parent = ioctl(fd, NS_GET_PARENT);
		close(fd);
		fd = parent;
		depth++;
	}
	return -1;
}

bool namespaces_has_number(pid_t pid, ino_t pid_namespace, pid_t number)
{
	pid_t numbers[PID_NAMESPACES_MAX];
	int count = read_numbers(pid, numbers), depth;
	bool is_among_them = false;

	for (int i = 0; i < count; i++)
		is_among_them |= numbers[i] == number;
	if (!is_among_them)
		return false;
	depth = depth_below(pid, pid_namespace);
	return depth >= 0 && depth < count && numbers[count - 1 - depth] == number;
}

static pid_t parent_of(pid_t pid)
{
	char path[32], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read_at(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	return (pid_t)file_stat_field(text, STAT_PARENT);
}

static pid_t find_among_parents(pid_t member, ino_t pid_namespace, pid_t number)
{
	for (int i = 0; i < PARENTS_MAX && member > 1; i++) {
		if (namespaces_has_number(member, pid_namespace, number))
			return member;
		member = parent_of(member);
	}
	return 0;
}

/* 0: no such process; -ENOTTY: the kernel does not have this ioctl (Linux 6.11). */
static pid_t ask_kernel(pid_t member, ino_t pid_namespace, pid_t number)
{
	cleanup_close int directory = open_directory(member, "ns"), fd = -1;
	struct stat st;
	int pid;

	if (directory >= 0)
		fd = openat(directory, "pid", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != pid_namespace)
		return 0;
	pid = ioctl(fd, NS_GET_PID_FROM_PIDNS, number);
	if (pid > 0)
		return pid;
	return errno == ENOTTY || errno == EINVAL ? -ENOTTY : 0;
}

static pid_t find_among_all(ino_t pid_namespace, pid_t number)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	pid_t found = 0;

	while (directory && !found && (entry = readdir(directory))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && namespaces_has_number(pid, pid_namespace, number))
			found = pid;
	}
	if (directory)
		closedir(directory);
	return found;
}

pid_t namespaces_find_process(pid_t member, ino_t pid_namespace, pid_t number)
{
	pid_t found = find_among_parents(member, pid_namespace, number);

	if (!found)
		found = ask_kernel(member, pid_namespace, number);
	return found == -ENOTTY ? find_among_all(pid_namespace, number) : found;
}
