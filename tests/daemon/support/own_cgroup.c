/* SPDX-License-Identifier: Apache-2.0 */
/* A directory on cgroup2 for the tests of daemon/cgroup, and of code that uses it. */
#include "tests/daemon/support/own_cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/daemon/support/support.h"

static bool find_mount(char *ret_path, size_t size)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], root[256], point[256];
	bool is_found = false;

	while (file && !is_found && fgets(line, sizeof(line), file)) {
		is_found = strstr(line, " - cgroup2 ") &&
			   sscanf(line, "%*d %*d %*s %255s %255s", root, point) == 2 &&
			   strcmp(root, "/") == 0;
	}
	if (file)
		fclose(file);
	if (is_found)
		snprintf(ret_path, size, "%s/hookd-test-%d", point, getpid());
	return is_found;
}

bool own_cgroup_make(char *ret_path, size_t size)
{
	char kill_file[512];

	if (!find_mount(ret_path, size) || mkdir(ret_path, 0755) < 0)
		return false;
	snprintf(kill_file, sizeof(kill_file), "%s/cgroup.kill", ret_path);
	if (access(kill_file, W_OK) == 0)
		return true;
	rmdir(ret_path);
	return false;
}

static void remove_below(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	char below[512];

	while (directory && (entry = readdir(directory))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		remove_below(below);
	}
	if (directory)
		closedir(directory);
	rmdir(path);
}

static bool is_populated(const char *path)
{
	char file[512];
	char *text;
	bool is;

	snprintf(file, sizeof(file), "%s/cgroup.events", path);
	text = read_whole(file, NULL);
	is = text && strstr(text, "populated 1");
	free(text);
	return is;
}

void own_cgroup_remove(const char *path)
{
	int64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + 1000000000ll;
	char kill_file[512];
	int fd;

	snprintf(kill_file, sizeof(kill_file), "%s/cgroup.kill", path);
	fd = open(kill_file, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!write(fd, "1", 1);
		close(fd);
	}
	while (is_populated(path) && clock_ns(CLOCK_MONOTONIC) < deadline_ns)
		sched_yield();
	remove_below(path);
}
