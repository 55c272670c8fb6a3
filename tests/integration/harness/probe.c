/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc. No state. */
#include "tests/integration/harness/probe.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The name of hookd's cgroup, and that of the test's folder, starts with hookd-. */
static bool is_counted(const char *target)
{
	return strstr(target, "/hookd-") == NULL;
}

/* Calls `visit` for each descriptor; returns how many are counted. */
static int visit_fds(pid_t pid, void (*visit)(const char *fd, const char *target))
{
	char path[64], target[512];
	struct dirent *entry;
	DIR *directory;
	ssize_t length;
	int count = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	directory = opendir(path);
	while (directory && (entry = readdir(directory))) {
		length = readlinkat(dirfd(directory), entry->d_name, target, sizeof(target) - 1);
		if (length < 0)
			continue;
		target[length] = '\0';
		count += is_counted(target);
		if (visit)
			visit(entry->d_name, target);
	}
	if (directory)
		closedir(directory);
	return count;
}

int probe_count_fds(pid_t pid)
{
	return visit_fds(pid, NULL);
}

int probe_limit_of_fds(pid_t pid, int more)
{
	char path[64];
	struct stat link;
	int limit = 0;

	while (more >= 0) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, limit++);
		more -= lstat(path, &link) < 0;
	}
	return limit - 1;
}

static void print_fd(const char *fd, const char *target)
{
	printf("# descriptor %s: %s\n", fd, target);
}

/* The first line of the file that starts with `name`. */
static void print_line(pid_t pid, const char *file_name, const char *name)
{
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file_name);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0) {
			printf("# %s: %.*s\n", file_name, (int)strcspn(line, "\n"), line);
			break;
		}
	if (file)
		fclose(file);
}

void probe_print(pid_t pid)
{
	probe_print_fds(pid);
	print_line(pid, "limits", "Max open files");
	print_line(pid, "status", "State:");
	print_line(pid, "wchan", "");
	print_line(pid, "syscall", "");
	fflush(stdout);
}

void probe_print_fds(pid_t pid)
{
	printf("# process %d has %d descriptors that are counted\n", pid, visit_fds(pid, print_fd));
	fflush(stdout);
}

/* The fields of proc_pid_stat(5) after the command, which may contain any character. */
static bool read_stat(pid_t pid, char *state, pid_t *parent, int64_t *cpu_ticks)
{
	unsigned long user = 0, system = 0;
	char path[64], text[1024];
	const char *fields;
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	fields = strrchr(text, ')');
	if (!fields || sscanf(fields, ") %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", state,
			      parent, &user, &system) != 4)
		return false;
	*cpu_ticks = (int64_t)(user + system);
	return true;
}

char probe_state(pid_t pid)
{
	int64_t ticks;
	pid_t parent;
	char state;

	return read_stat(pid, &state, &parent, &ticks) ? state : 0;
}

int64_t probe_cpu_ms(pid_t pid)
{
	int64_t ticks;
	pid_t parent;
	char state;

	if (!read_stat(pid, &state, &parent, &ticks))
		return -1;
	return ticks * 1000 / sysconf(_SC_CLK_TCK);
}

int64_t probe_rss_bytes(pid_t pid)
{
	long pages = -1;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%*d %ld", &pages) != 1)
		pages = -1;
	fclose(file);
	return pages * sysconf(_SC_PAGESIZE);
}

/* ---- all processes ---- */

static pid_t next_process(DIR *proc)
{
	struct dirent *entry;

	while ((entry = readdir(proc)))
		if (isdigit((unsigned char)entry->d_name[0]))
			return (pid_t)strtol(entry->d_name, NULL, 10);
	return 0;
}

int probe_count_children(pid_t pid)
{
	DIR *proc = opendir("/proc");
	int64_t ticks;
	int count = 0;
	pid_t other, parent;
	char state;

	while (proc && (other = next_process(proc)))
		count += read_stat(other, &state, &parent, &ticks) && parent == pid;
	if (proc)
		closedir(proc);
	return count;
}

static bool runs_from(pid_t pid, const char *directory)
{
	char path[64], target[512];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return strncmp(target, directory, strlen(directory)) == 0;
}

/* By its list of children, which is faster than to look at all processes. */
pid_t probe_find_helper(pid_t parent)
{
	char path[64];
	int child = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1)
		if (runs_from(child, "/memfd:hookd-run"))
			break;
		else
			child = 0;
	if (file)
		fclose(file);
	return child;
}

int probe_count_processes(const char *directory)
{
	DIR *proc = opendir("/proc");
	int count = 0;
	pid_t pid;

	while (proc && (pid = next_process(proc)))
		count += runs_from(pid, directory);
	if (proc)
		closedir(proc);
	return count;
}

pid_t probe_find_process(const char *directory)
{
	DIR *proc = opendir("/proc");
	pid_t pid = 0;

	while (proc && (pid = next_process(proc)) && !runs_from(pid, directory))
		continue;
	if (proc)
		closedir(proc);
	return pid;
}

static bool is_named_as_runner_in(pid_t pid, const char *directory)
{
	static const char name[] = "hookd-runner";
	char path[64], line[512];
	int fd;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	length = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	if (length < (ssize_t)sizeof(name))
		return false;
	line[length] = '\0';
	return strcmp(line, name) == 0 &&
	       strncmp(line + sizeof(name), directory, strlen(directory)) == 0;
}

/* A hook that is not executed yet shares the memory of its runner, and the name. */
static bool is_runner_in(pid_t pid, const char *directory)
{
	int64_t ticks;
	pid_t parent;
	char state;

	return is_named_as_runner_in(pid, directory) && read_stat(pid, &state, &parent, &ticks) &&
	       !is_named_as_runner_in(parent, directory);
}

size_t probe_find_runners(const char *directory, pid_t pids[], size_t max)
{
	DIR *proc = opendir("/proc");
	size_t count = 0;
	pid_t pid;

	while (proc && count < max && (pid = next_process(proc)))
		if (is_runner_in(pid, directory))
			pids[count++] = pid;
	if (proc)
		closedir(proc);
	return count;
}

pid_t probe_find_runner(const char *directory)
{
	pid_t pid = 0;

	(void)probe_find_runners(directory, &pid, 1);
	return pid;
}

void probe_kill_processes(const char *directory)
{
	DIR *proc = opendir("/proc");
	pid_t pid;

	while (proc && (pid = next_process(proc)))
		if (runs_from(pid, directory))
			kill(pid, SIGKILL);
	if (proc)
		closedir(proc);
}

/* ---- cgroups ---- */

static bool find_mount(char *ret_mount, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], point[1024];
	bool is_found = false;

	while (file && !is_found && fgets(line, sizeof(line), file))
		if (strstr(line, " - cgroup2 ") && sscanf(line, "%*d %*d %*s / %1023s", point) == 1)
			is_found = snprintf(ret_mount, size, "%s", point) < (int)size;
	if (file)
		fclose(file);
	return is_found;
}

bool probe_find_cgroup(pid_t pid, char *ret_path)
{
	char path[64], mount[128], line[512], own[128] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "0::", 3) == 0)
			snprintf(own, sizeof(own), "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	if (file)
		fclose(file);
	if (!own[0] || !find_mount(mount, sizeof(mount)))
		return false;
	snprintf(ret_path, 320, "%s%s/hookd-%d", mount, own[1] ? own : "", pid);
	return access(ret_path, F_OK) == 0;
}
