/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds and kills the processes of a hook by reading /proc, for machines without a writable
 * cgroup2. No state between calls.
 */
#include "daemon/proc/session.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/base/base.h"
#include "daemon/proc/strays.h"

/* The search is bounded: the processes may fork faster than they are found. */
#define ROUNDS_MAX 16
#define FAMILY_MAX 4096

struct family {
	pid_t leader;
	const struct strays *strays; /* NULL: orphans do not come to hookd */
	unsigned long long started;  /* the leader; with strays */
	pid_t members[FAMILY_MAX];
	size_t count;
};

struct relations {
	char state; /* proc(5): 'Z' for a zombie */
	pid_t parent;
	pid_t group;
	pid_t session;
	unsigned long long started; /* ticks since the boot */
};

/* comm can contain any character, such as ')': the other fields begin after the last ')'. */
static bool read_relations(int proc, const char *pid, struct relations *ret)
{
	char path[32], text[512];
	const char *fields;
	ssize_t length;
	int parent, group, session;
	unsigned long long started;
	char state;

	snprintf(path, sizeof(path), "%s/stat", pid);
	cleanup_close int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || (length = read(fd, text, sizeof(text) - 1)) <= 0)
		return false;
	text[length] = '\0';
	fields = strrchr(text, ')');
	if (!fields || sscanf(fields,
			      ") %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			      "%*d %*d %llu",
			      &state, &parent, &group, &session, &started) != 5)
		return false;
	*ret = (struct relations){state, parent, group, session, started};
	return true;
}

static bool is_member(const struct family *family, pid_t pid)
{
	for (size_t i = 0; i < family->count; i++)
		if (family->members[i] == pid)
			return true;
	return false;
}

/* Within a tick, pids tell the order: the kernel gives them in turn. */
static bool is_orphan(const struct family *family, pid_t pid, const struct relations *relations)
{
	return family->strays && relations->parent == getpid() &&
	       (relations->started > family->started ||
		(relations->started == family->started && pid > family->leader)) &&
	       !strays_knows(family->strays, pid);
}

static void stop_if_relative(struct family *family, int proc, const char *name)
{
	struct relations relations;
	pid_t pid = (pid_t)strtol(name, NULL, 10);

	if (pid <= 1 || pid == getpid() || is_member(family, pid) || family->count == FAMILY_MAX ||
	    !read_relations(proc, name, &relations))
		return;
	if (relations.session != family->leader && !is_member(family, relations.parent) &&
	    !is_orphan(family, pid, &relations))
		return;
	if (kill(pid, SIGSTOP) == 0)
		family->members[family->count++] = pid;
}

/*
 * The /proc of another pid namespace has other numbers. In a createContainer hook of runc it is the
 * host's, while the processes are in the container's pid namespace.
 */
static bool is_own_proc(int proc)
{
	char text[16] = "";

	return readlinkat(proc, "self", text, sizeof(text) - 1) > 0 &&
	       strtol(text, NULL, 10) == getpid();
}

static DIR *open_proc(void)
{
	DIR *directory = opendir("/proc");

	if (!directory || is_own_proc(dirfd(directory)))
		return directory;
	closedir(directory);
	return NULL;
}

static bool find_more(struct family *family)
{
	size_t before = family->count;
	DIR *directory = open_proc();
	struct dirent *entry;

	if (!directory)
		return false;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			stop_if_relative(family, dirfd(directory), entry->d_name);
	closedir(directory);
	return family->count > before;
}

static void find_orphans_too(struct family *family, const struct strays *strays)
{
	cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct relations leader;
	int is_subreaper = 0;
	char name[16];

	snprintf(name, sizeof(name), "%d", family->leader);
	if (prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper, 0, 0, 0) < 0 || !is_subreaper ||
	    proc < 0 || !is_own_proc(proc) || !read_relations(proc, name, &leader))
		return;
	family->strays = strays;
	family->started = leader.started;
}

void session_kill(pid_t leader, const struct strays *strays)
{
	struct family *family = calloc(1, sizeof(*family));

	assert(leader > 1);
	kill(leader, SIGSTOP);
	if (family) {
		family->leader = leader;
		family->members[family->count++] = leader;
		if (strays)
			find_orphans_too(family, strays);
		for (int i = 0; i < ROUNDS_MAX && find_more(family); i++)
			continue;
		for (size_t i = 1; i < family->count; i++)
			kill(family->members[i], SIGKILL);
		free(family);
	}
	kill(-leader, SIGKILL);
	kill(leader, SIGKILL);
}

static bool is_alive_in_group(int proc, const char *name, pid_t group)
{
	struct relations relations;

	return name[0] >= '1' && name[0] <= '9' && read_relations(proc, name, &relations) &&
	       relations.group == group && relations.state != 'Z' && relations.state != 'X';
}

/* kill(2) also finds zombies, which their parents may reap late: so /proc is read, too. */
bool session_has_members(pid_t leader)
{
	DIR *directory;
	struct dirent *entry;
	bool has_members = false;

	assert(leader > 1);
	if (kill(-leader, 0) < 0 && errno != EPERM)
		return false;
	directory = open_proc();
	if (!directory)
		return true;
	while (!has_members && (entry = readdir(directory)))
		has_members = is_alive_in_group(dirfd(directory), entry->d_name, leader);
	closedir(directory);
	return has_members;
}
