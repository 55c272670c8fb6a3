/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/guest/fresh_cgroup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "tests/daemon/support/own_cgroup.h"

char fresh_root[256];
int fresh_fd = -1;

static const char *const controllers[] = {"cpuset",  "cpu",  "io",   "memory",
					  "hugetlb", "pids", "rdma", "misc"};

static void enable_all(const char *path)
{
	int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	assert_true(directory >= 0);
	for (size_t i = 0; i < ELEMENTS(controllers); i++) {
		char text[32];

		snprintf(text, sizeof(text), "+%s", controllers[i]);
		if (file_write_at(directory, "cgroup.subtree_control", text) < 0)
			fail_msg("%s cannot be enabled in %s", controllers[i], path);
	}
	close(directory);
}

int fresh_set_up(void **state)
{
	char path[300];

	(void)state;
	enable_all("/sys/fs/cgroup");
	if (!own_cgroup_make(fresh_root, sizeof(fresh_root)))
		return -1;
	enable_all(fresh_root);
	snprintf(path, sizeof(path), "%s/fresh", fresh_root);
	if (mkdir(path, 0755) < 0)
		return -1;
	fresh_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fresh_fd < 0 ? -1 : 0;
}

int fresh_tear_down(void **state)
{
	(void)state;
	close_fd(&fresh_fd);
	own_cgroup_remove(fresh_root);
	return 0;
}

int fresh_apply(const struct hp_resources *resources, struct limits_journal *journal,
		struct hp_err *err)
{
	struct limit_list list;
	int r = limit_list_make(resources, &list, err);

	if (r == 0) {
		r = limits_apply(fresh_fd, &list, journal, err);
		limit_list_clear(&list);
	}
	return r;
}

void fresh_expect_applied(const struct hp_resources *resources, struct limits_journal *journal)
{
	struct hp_err err = {0};

	if (fresh_apply(resources, journal, &err) < 0)
		fail_msg("%s: %s", err.path, err.reason);
}

void fresh_expect_file(const char *file, const char *expected)
{
	char text[4096];

	if (file_read_at(fresh_fd, file, text, sizeof(text)) < 0)
		fail_msg("%s cannot be read", file);
	if (strcmp(text, expected) != 0)
		fail_msg("%s says %s, not %s", file, text, expected);
}
