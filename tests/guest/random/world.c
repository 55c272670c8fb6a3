/* SPDX-License-Identifier: Apache-2.0 */
/* Reads files of the kernel, and starts processes. No state. */
#include "tests/guest/random/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const char *const limit_files[LIMIT_COUNT] = {
    [MEMORY] = "memory.max", [SWAP] = "memory.swap.max", [PIDS] = "pids.max",
    [WEIGHT] = "cpu.weight", [CPU] = "cpu.max",		 [CPUS] = "cpuset.cpus",
    [HIGH] = "memory.high",
};

void give_up(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	printf("# the test itself: ");
	vprintf(format, arguments);
	printf("\n");
	va_end(arguments);
	fflush(stdout);
	_exit(2);
}

int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pause_ms(int ms)
{
	(void)usleep((useconds_t)ms * 1000);
}

/* ---- files ---- */

bool world_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	while (length > 0 && text[length - 1] == '\n')
		text[--length] = '\0';
	return length >= 0;
}

bool world_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool is_written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return is_written;
}

void world_limit(const char *cgroup, enum limit limit, char *text, size_t size)
{
	char path[2 * TEXT_SIZE];

	snprintf(path, sizeof(path), CGROUPS "%s/%s", cgroup, limit_files[limit]);
	(void)world_read(path, text, size);
}

/* ---- cgroups and groups that exist ---- */

struct names {
	char *names[64];
	size_t count;
};

static void add_name(struct names *names, const char *prefix, const char *name)
{
	char text[2 * TEXT_SIZE];

	if (names->count == 64)
		give_up("more than 64 names");
	snprintf(text, sizeof(text), "%s%s", prefix, name);
	names->names[names->count++] = strdup(text);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_names(struct names *names, char *text, size_t size)
{
	size_t length = 0;

	qsort(names->names, names->count, sizeof(char *), compare_names);
	text[0] = '\0';
	for (size_t i = 0; i < names->count; i++) {
		if (length < size)
			length +=
			    (size_t)snprintf(text + length, size - length, "%s ", names->names[i]);
		free(names->names[i]);
	}
}

/* Lists the directories whose names begin with the prefix. */
static void list(struct names *names, const char *root, const char *below, const char *begin)
{
	char path[2 * TEXT_SIZE];
	struct dirent *entry;
	DIR *directory;

	snprintf(path, sizeof(path), "%s%s", root, below);
	directory = opendir(path);
	while (directory && (entry = readdir(directory)))
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    strncmp(entry->d_name, begin, strlen(begin)) == 0)
			add_name(names, below, entry->d_name);
	if (directory)
		closedir(directory);
}

void world_cgroups(char *text, size_t size)
{
	struct names names = {.count = 0};

	list(&names, CGROUPS, "/", "rnd");
	list(&names, CGROUPS, "/random/", "");
	list(&names, CGROUPS, "/random/nest/", "");
	list(&names, CGROUPS, "/system.slice/", "hookd-");
	list(&names, CGROUPS, "/other.slice/", "hookd-");
	print_names(&names, text, size);
}

void world_groups(char *text, size_t size)
{
	struct names names = {.count = 0}, groups = {.count = 0};
	char below[TEXT_SIZE];

	list(&groups, RESCTRL, "/", "r");
	for (size_t i = 0; i < groups.count; i++) {
		snprintf(below, sizeof(below), "%s/mon_groups/", groups.names[i]);
		add_name(&names, "", groups.names[i]);
		list(&names, RESCTRL, below, "");
		free(groups.names[i]);
	}
	print_names(&names, text, size);
}

bool world_monitors(void)
{
	return access(RESCTRL "/info/L3_MON", F_OK) == 0;
}

void world_schema(const char *group, char *text, size_t size)
{
	char path[TEXT_SIZE], schemata[4096], *at;

	snprintf(path, sizeof(path), RESCTRL "/%s/schemata", group);
	text[0] = '\0';
	if (!world_read(path, schemata, sizeof(schemata)) || !(at = strstr(schemata, "L3:0=")))
		return;
	snprintf(text, size, "%lx", strtoul(at + strlen("L3:0="), NULL, 16));
}

/* ---- processes ---- */

/* The kernel reaps its children while it is alive (SIGCHLD is ignored); they survive it. */
static _Noreturn void be_a_process(int commands)
{
	pid_t pid;
	char command;

	(void)signal(SIGCHLD, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(commands, &command, 1) == 1) {
		pid = fork();
		if (pid == 0)
			for (;;)
				pause();
		if (write(commands, &pid, sizeof(pid)) != sizeof(pid))
			break;
	}
	_exit(0);
}

struct person world_start_process(void)
{
	struct person person;
	char text[16];
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		give_up("socketpair: %m");
	fflush(stdout);
	person.pid = fork();
	if (person.pid < 0)
		give_up("fork: %m");
	if (person.pid == 0) {
		close(ends[0]);
		be_a_process(ends[1]);
	}
	close(ends[1]);
	person.commands = ends[0];
	snprintf(text, sizeof(text), "%d", person.pid);
	if (!world_write(CGROUPS HOME "/cgroup.procs", text))
		give_up("a process does not get home: %m");
	return person;
}

pid_t world_fork(const struct person *person)
{
	pid_t pid = -1;

	if (write(person->commands, "f", 1) != 1 ||
	    read(person->commands, &pid, sizeof(pid)) != sizeof(pid) || pid <= 0)
		give_up("process %d does not fork: %m", person->pid);
	return pid;
}

/* Children of a process that has exited are reparented to this program, a subreaper. */
void world_end_process(pid_t pid)
{
	char path[32];

	kill(pid, SIGKILL);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	for (int64_t end = now_ms() + 60000; access(path, F_OK) == 0; pause_ms(1)) {
		(void)waitpid(pid, NULL, WNOHANG);
		if (now_ms() > end)
			give_up("process %d does not end", pid);
	}
}

bool world_process_is_in(pid_t pid, char *cgroup, size_t size)
{
	char path[32], text[TEXT_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	if (!world_read(path, text, sizeof(text)) || strncmp(text, "0::", 3) != 0)
		return false;
	snprintf(cgroup, size, "%s", text + 3);
	return true;
}

bool world_process_group(pid_t pid, char *group, size_t size)
{
	char path[64], text[TEXT_SIZE], *at;

	snprintf(path, sizeof(path), "/proc/%d/cpu_resctrl_groups", pid);
	if (!world_read(path, text, sizeof(text)) || !(at = strstr(text, "res:")))
		return false;
	at += strlen("res:");
	snprintf(group, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

int world_oom_score(pid_t pid)
{
	char path[64], text[TEXT_SIZE];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	return world_read(path, text, sizeof(text)) ? atoi(text) : -10000;
}

/* ---- begin and end of a seed ---- */

static void remove_cgroups(void)
{
	char text[8192], path[2 * TEXT_SIZE], *save = NULL, *names[64];
	size_t count = 0;

	world_cgroups(text, sizeof(text));
	for (char *name = strtok_r(text, " ", &save); name && count < 64;
	     name = strtok_r(NULL, " ", &save))
		names[count++] = name;
	while (count-- > 0) {
		snprintf(path, sizeof(path), CGROUPS "%s/cgroup.kill", names[count]);
		(void)world_write(path, "1");
		snprintf(path, sizeof(path), CGROUPS "%s", names[count]);
		(void)rmdir(path);
	}
}

static void remove_groups(void)
{
	char text[8192], path[2 * TEXT_SIZE], *save = NULL;

	world_groups(text, sizeof(text));
	for (char *name = strtok_r(text, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
		snprintf(path, sizeof(path), RESCTRL "%s", name);
		(void)rmdir(path);
	}
}

void world_clear(void)
{
	static const char *const directories[] = {CGROUPS "/random", CGROUPS HOME, CGROUPS THEIRS};
	char text[8192];

	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
	remove_groups();
	for (int64_t end = now_ms() + 60000; now_ms() < end; pause_ms(20)) {
		remove_cgroups();
		world_cgroups(text, sizeof(text));
		if (text[0] == '\0')
			break;
	}
	(void)rmdir(CGROUPS "/random");
	(void)world_write(CGROUPS "/cgroup.subtree_control", "+cpu +cpuset +memory +pids");
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		if (mkdir(directories[i], 0755) < 0)
			give_up("%s: %m", directories[i]);
		if (i == 0)
			(void)world_write(CGROUPS "/random/cgroup.subtree_control",
					  "+cpu +cpuset +memory +pids");
	}
}
