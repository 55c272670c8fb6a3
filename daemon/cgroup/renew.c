/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replaces the directory of the cgroups of runs where it cannot be used any more: another program
 * has removed it, perhaps with the directory above (base.c), or has set a limit in it, or a hook
 * that may write to its cgroup has made that threaded. The directory is "domain threaded" then, and
 * the kernel takes no process into the other cgroups in it (EOPNOTSUPP) while the threaded one
 * exists. So new cgroups are made in a new directory, and the old one is removed with its last
 * cgroup.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/cgroup/path.h"
#include "daemon/cgroup/tree.h"

#define NAMES_MAX 1000

int runs_directory_open(int base_fd, const char *name, struct runs_directory **ret_runs)
{
	struct runs_directory *runs = calloc(1, sizeof(*runs));
	int r;

	assert(strlen(name) < sizeof(runs->name));
	if (!runs)
		return -ENOMEM;
	runs->watch = -1;
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

/* Where another program has removed the old directory, the new one may have the same name. */
static void remove_runs(struct cgroup_tree *tree, struct runs_directory *runs)
{
	if (strcmp(runs->name, tree->runs->name) != 0)
		(void)unlinkat(tree->base_fd, runs->name, AT_REMOVEDIR);
	cgroup_unwatch_runs(tree, runs);
	close(runs->fd);
	free(runs);
}

void runs_directory_leave(struct cgroup_tree *tree, struct runs_directory *runs)
{
	assert(runs->users > 0);
	if (--runs->users == 0 && runs != tree->runs)
		remove_runs(tree, runs);
}

/* Processes can be cloned into the cgroups in a directory of type "domain" alone. */
static bool is_domain(int directory)
{
	char text[64];

	return file_read_at(directory, "cgroup.type", text, sizeof(text)) > 0 &&
	       strcmp(text, "domain\n") == 0;
}

/*
 * Limits for which mkdir(2) or clone3(2) fails with EAGAIN. hookd sets none in the directory. The
 * file exists only where its controller is enabled.
 */
static bool is_unlimited(int directory, const char *file)
{
	char text[64];
	ssize_t length = file_read_at(directory, file, text, sizeof(text));

	return length == -ENOENT || (length > 0 && strcmp(text, "max\n") == 0);
}

static bool is_usable(int directory)
{
	return is_domain(directory) && is_unlimited(directory, "cgroup.max.descendants") &&
	       is_unlimited(directory, "cgroup.max.depth") && is_unlimited(directory, "pids.max");
}

/*
 * False: another program has removed the cgroup that is open. What has its name now is another one,
 * since the kernel gives each cgroup an inode number of its own.
 */
static bool is_still_there(const struct cgroup *cgroup)
{
	return cgroup->fd < 0 || cgroup_has_name(cgroup->fd, cgroup->parent_fd, cgroup->name);
}

/* A hook may have made its cgroup threaded, or have enabled a controller below it. */
bool cgroup_is_in_order(const struct cgroup *cgroup)
{
	char path[80], type[64], controllers[256];

	if (cgroup->runs != cgroup->tree->runs || !is_usable(cgroup->parent_fd) ||
	    !is_still_there(cgroup))
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.type", cgroup->name);
	if (file_read_at(cgroup->parent_fd, path, type, sizeof(type)) <= 0 ||
	    strncmp(type, "domain", 6) != 0 || strcmp(type, "domain invalid\n") == 0)
		return false;
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", cgroup->name);
	return file_read_at(cgroup->parent_fd, path, controllers, sizeof(controllers)) >= 0 &&
	       (controllers[0] == '\0' || controllers[0] == '\n');
}

/* Takes the first name that does not exist, or whose directory can be removed. */
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

/* *ret_is_base_new: the directory above was gone too. */
static int make_directories(struct cgroup_tree *tree, struct runs_directory **ret_runs,
			    bool *ret_is_base_new)
{
	int r = make_runs(tree, ret_runs);

	*ret_is_base_new = cgroup_is_gone(r);
	if (!*ret_is_base_new)
		return r;
	r = cgroup_tree_make_base_again(tree);
	return r < 0 ? r : make_runs(tree, ret_runs);
}

static void announce(struct cgroup_tree *tree, bool is_base_new)
{
	if (is_base_new)
		snprintf(tree->notice, sizeof(tree->notice),
			 "another program has removed %s, the directory for the cgroups of runs; "
			 "it was made again",
			 tree->base_path);
	else
		snprintf(tree->notice, sizeof(tree->notice),
			 "the directory for the cgroups of runs was removed or is unusable; it is "
			 "now \"%s\" in %s",
			 tree->runs->name, tree->base_path);
	if (tree->renewed)
		tree->renewed(tree->renewed_userdata);
}

int cgroup_tree_renew(struct cgroup_tree *tree)
{
	struct runs_directory *runs, *old = tree->runs;
	bool is_base_new;
	int r;

	if (is_usable(old->fd))
		return 0;
	(void)unlinkat(tree->base_fd, old->name, AT_REMOVEDIR);
	r = make_directories(tree, &runs, &is_base_new);
	if (r < 0)
		return r;
	if (!is_usable(runs->fd)) {
		remove_runs(tree, runs);
		return -EOPNOTSUPP;
	}
	tree->runs = runs;
	if (old->users == 0)
		remove_runs(tree, old);
	cgroup_tree_enable_usual(tree);
	cgroup_watch_directories(tree);
	announce(tree, is_base_new);
	return 0;
}

void cgroup_tree_on_renewed(struct cgroup_tree *tree, void (*renewed)(void *userdata),
			    void *userdata)
{
	tree->renewed = renewed;
	tree->renewed_userdata = userdata;
}

bool cgroup_tree_take_notice(struct cgroup_tree *tree, char ret_text[static CGROUP_NOTICE_SIZE])
{
	if (!tree || !tree->notice[0])
		return false;
	memcpy(ret_text, tree->notice, sizeof(tree->notice));
	tree->notice[0] = '\0';
	return true;
}
