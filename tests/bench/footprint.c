/* SPDX-License-Identifier: Apache-2.0 */
/* Reads memory and descriptors of processes from /proc. */
#include "tests/bench/footprint.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* The sum of the fields, which are in KiB. -ENODATA: there are none. */
static int sum_fields(const char *path, const char *const fields[], double *ret_kb)
{
	FILE *file = fopen(path, "re");
	char line[256], name[64];
	unsigned long kib;
	double sum = 0;
	int found = 0;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63[^:]: %lu kB", name, &kib) != 2)
			continue;
		for (int i = 0; fields[i]; i++) {
			if (strcmp(name, fields[i]) != 0)
				continue;
			sum += (double)kib;
			found++;
		}
	}
	fclose(file);
	if (!found)
		return -ENODATA;
	*ret_kb = sum * 1.024;
	return 0;
}

#define PROCESSES_MAX 65 /* hookd and CONFIG_RUNNERS_MAX */

/* hookd, and those of its children that are runners. */
static size_t find_processes(pid_t hookd, pid_t ret_pids[static PROCESSES_MAX])
{
	char path[64], name[16];
	size_t count = 1;
	FILE *children, *comm;
	int pid;

	ret_pids[0] = hookd;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)hookd, (int)hookd);
	children = fopen(path, "re");
	while (children && count < PROCESSES_MAX && fscanf(children, "%d", &pid) == 1) {
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		comm = fopen(path, "re");
		if (comm && fread(name, 1, 12, comm) == 12 && memcmp(name, "hookd-runner", 12) == 0)
			ret_pids[count++] = pid;
		if (comm)
			fclose(comm);
	}
	if (children)
		fclose(children);
	return count;
}

int footprint_hookd(pid_t pid, const char *field, double *ret_kb)
{
	const char *const fields[] = {field, NULL};
	pid_t pids[PROCESSES_MAX];
	size_t count = find_processes(pid, pids);
	double sum = 0, kb;

	for (size_t i = 0; i < count; i++) {
		char path[64];
		int r;

		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pids[i]);
		r = sum_fields(path, fields, &kb);
		if (r < 0)
			return r;
		sum += kb;
	}
	*ret_kb = sum;
	return 0;
}

int footprint_machine(double *ret_kb)
{
	static const char *const fields[] = {"AnonPages", "PageTables", "Slab", "KernelStack",
					     NULL};

	return sum_fields("/proc/meminfo", fields, ret_kb);
}

static int count_fds(pid_t pid)
{
	char path[64];
	int count = 0;
	DIR *folder;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	folder = opendir(path);
	if (!folder)
		return -errno;
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

int footprint_fds(pid_t pid)
{
	pid_t pids[PROCESSES_MAX];
	size_t count = find_processes(pid, pids);
	int sum = 0;

	for (size_t i = 0; i < count; i++) {
		int fds = count_fds(pids[i]);

		if (fds < 0)
			return fds;
		sum += fds;
	}
	return sum;
}

void footprint_raise_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
