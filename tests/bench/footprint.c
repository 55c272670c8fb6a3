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

int footprint_process(pid_t pid, const char *field, double *ret_kb)
{
	const char *const fields[] = {field, NULL};
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	return sum_fields(path, fields, ret_kb);
}

int footprint_machine(double *ret_kb)
{
	static const char *const fields[] = {"AnonPages", "PageTables", "Slab", "KernelStack",
					     NULL};

	return sum_fields("/proc/meminfo", fields, ret_kb);
}

int footprint_fds(pid_t pid)
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

void footprint_raise_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
