/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory that the cgroups of runs are made in, and another when it is of no use any more:
 * somebody has removed it, or a process with the rights to do so has made one of the cgroups in it
 * threaded. The directory is a "domain threaded" then, and the kernel takes no process into the
 * others in it (EOPNOTSUPP) as long as that one is there, which a process in it can make long. So
 * new cgroups are made in a new directory, and the old one is removed with its last cgroup.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cgroup/tree.h"

#define NAMES_MAX 1000

int runs_directory_open(int base_fd, const char *name, struct runs_directory **ret_runs)
{
	struct runs_directory *runs = calloc(1, sizeof(*runs));
	int r;

	if (!runs)
		return -ENOMEM;
	snprintf(runs->name, sizeof(runs->name), "%s", name);
	runs->fd = openat(base_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (runs->fd < 0) {
		r = -errno;
		free(runs);
		return r;
	}
	*ret_runs = runs;
	return 0;
}

/* The new one can have the name of one that somebody has removed. */
static void remove_runs(struct cgroup_tree *tree, struct runs_directory *runs)
{
	if (strcmp(runs->name, tree->runs->name) != 0)
		(void)unlinkat(tree->base_fd, runs->name, AT_REMOVEDIR);
	close(runs->fd);
	free(runs);
}

void runs_directory_leave(struct cgroup_tree *tree, struct runs_directory *runs)
{
	if (--runs->users == 0 && runs != tree->runs)
		remove_runs(tree, runs);
}

/* "domain": processes can be cloned into the cgroups in it. */
static bool is_domain(int directory)
{
	char text[64];

	return file_read_at(directory, "cgroup.type", text, sizeof(text)) > 0 &&
	       strcmp(text, "domain\n") == 0;
}

/* A process of the run may have made its cgroup threaded, or turned a controller on below it. */
bool cgroup_is_in_order(const struct cgroup *cgroup)
{
	char path[80], type[64], controllers[256];

	if (cgroup->runs != cgroup->tree->runs || !is_domain(cgroup->parent_fd))
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.type", cgroup->name);
	if (file_read_at(cgroup->parent_fd, path, type, sizeof(type)) <= 0 ||
	    strncmp(type, "domain", 6) != 0 || strcmp(type, "domain invalid\n") == 0)
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroup->name);
	return file_read_at(cgroup->parent_fd, path, controllers, sizeof(controllers)) >= 0 &&
	       (controllers[0] == '\0' || controllers[0] == '\n');
}

/* The first name that is free, or that of an empty one. */
static int make_runs(struct cgroup_tree *tree, struct runs_directory **ret_runs)
{
	int r = -EEXIST;
	char name[24];

	for (int i = 1; r == -EEXIST && i <= NAMES_MAX; i++) {
		if (i == 1)
			snprintf(name, sizeof(name), "runs");
		else
			snprintf(name, sizeof(name), "runs-%d", i);
		(void)unlinkat(tree->base_fd, name, AT_REMOVEDIR);
		r = mkdirat(tree->base_fd, name, 0755) < 0 ? -errno : 0;
	}
	return r < 0 ? r : runs_directory_open(tree->base_fd, name, ret_runs);
}

int cgroup_tree_renew(struct cgroup_tree *tree)
{
	struct runs_directory *runs, *old = tree->runs;
	int r;

	if (is_domain(old->fd))
		return 0;
	(void)unlinkat(tree->base_fd, old->name, AT_REMOVEDIR);
	r = make_runs(tree, &runs);
	if (r < 0)
		return r;
	if (!is_domain(runs->fd)) {
		remove_runs(tree, runs);
		return -EOPNOTSUPP;
	}
	tree->runs = runs;
	if (old->users == 0)
		remove_runs(tree, old);
	cgroup_tree_enable_usual(tree);
	cgroup_watch_directories(tree);
	snprintf(tree->notice, sizeof(tree->notice),
		 "the directory of the runs' cgroups was removed or cannot be used any more; new "
		 "ones are made in \"%s\"",
		 runs->name);
	return 0;
}

bool cgroup_tree_take_notice(struct cgroup_tree *tree, char ret_text[static CGROUP_NOTICE_SIZE])
{
	if (!tree || !tree->notice[0])
		return false;
	memcpy(ret_text, tree->notice, sizeof(tree->notice));
	tree->notice[0] = '\0';
	return true;
}
