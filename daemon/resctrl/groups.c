/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of resctrl by their names, for who is no member: looks at them, removes them. Owns struct
 * rdt, but for the groups that directory.c has in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/resctrl/rdt.h"

int rdt_new(const char *root, struct rdt **ret_rdt)
{
	struct rdt *rdt = calloc(1, sizeof(*rdt));

	if (!rdt)
		return -ENOMEM;
	rdt_directories_init(&rdt->directories);
	if (root) {
		rdt->root = strdup(root);
		if (!rdt->root) {
			free(rdt);
			return -ENOMEM;
		}
	}
	*ret_rdt = rdt;
	return 0;
}

struct rdt *rdt_free(struct rdt *rdt)
{
	if (!rdt)
		return NULL;
	rdt_directories_clear(&rdt->directories);
	free(rdt->root);
	free(rdt);
	return NULL;
}

/* ---- groups by name ---- */

ssize_t rdt_schemata(const struct rdt *rdt, const char *group, char *text, size_t size)
{
	struct rdt_fs fs;
	ssize_t length = rdt_fs_open(&fs, rdt->root);

	if (length == 0)
		length = rdt_fs_read(&fs, rdt_path_of(group), "schemata", text, size);
	rdt_fs_close(&fs);
	return length;
}

ssize_t rdt_member_schemata(const struct rdt_member *member, char *text, size_t size)
{
	return rdt_schemata(member->rdt, rdt_member_group(member), text, size);
}

int rdt_set_schemata(struct rdt *rdt, const char *group, const char *text)
{
	struct rdt_fs fs;
	int r = rdt_fs_open(&fs, rdt->root);

	if (r == 0)
		r = rdt_fs_write(&fs, rdt_path_of(group), "schemata", text);
	rdt_fs_close(&fs);
	return r;
}

int rdt_closids(const struct rdt *rdt, int *ret_in_use)
{
	struct rdt_fs fs;
	int number = rdt_fs_open(&fs, rdt->root);

	if (number == 0) {
		number = rdt_fs_closids(&fs);
		*ret_in_use = rdt_fs_groups(&fs);
	}
	rdt_fs_close(&fs);
	return number;
}

bool rdt_is_there(const struct rdt *rdt)
{
	return rdt_has_group(rdt, "/");
}

bool rdt_has_group(const struct rdt *rdt, const char *group)
{
	struct rdt_fs fs;
	bool is_there = rdt_fs_open(&fs, rdt->root) == 0 &&
			faccessat(fs.root, rdt_path_of(group), F_OK, 0) == 0;

	rdt_fs_close(&fs);
	return is_there;
}

int rdt_remove(struct rdt *rdt, const char *group, bool has_closid)
{
	struct rdt_directory *directory;
	struct rdt_fs fs;
	int r;

	if (!rdt_directory_can_be_made(group))
		return -EINVAL;
	directory = rdt_directory_find(&rdt->directories, group);
	if (directory && directory->users > 0)
		return -EBUSY;
	r = rdt_fs_open(&fs, rdt->root);
	if (r == 0)
		(void)rdt_fs_lock(&fs);
	if (r == 0 && has_closid && rdt_directory_has_tasks(&fs, group))
		r = -EBUSY;
	if (r == 0)
		r = unlinkat(fs.root, group, AT_REMOVEDIR) < 0 ? -errno : 0;
	rdt_fs_close(&fs);
	if (r < 0 && r != -ENOENT)
		return r;
	if (directory)
		rdt_directory_forget(&rdt->directories, directory);
	return 0;
}

/* ---- groups of an earlier hookd ---- */

int rdt_restore(struct rdt *rdt, const char *directory,
		bool (*is_held)(const char *group, void *userdata), void *userdata)
{
	return rdt_directories_open(&rdt->directories, directory, is_held, userdata);
}

void rdt_remove_unused(struct rdt *rdt)
{
	struct rdt_fs fs;

	if (rdt_fs_open(&fs, rdt->root) == 0) {
		(void)rdt_fs_lock(&fs);
		rdt_directories_remove_unused(&rdt->directories, &fs);
	}
	rdt_fs_close(&fs);
}

void rdt_remove_classes(struct rdt *rdt, bool removes_them)
{
	rdt->directories.keeps_classes = !removes_them;
}

bool rdt_leave_class(struct rdt *rdt, struct rdt_member *member, const char *group)
{
	if (member)
		rdt_leave(member);
	else if (!rdt->directories.keeps_classes && rdt_remove(rdt, group, true) == -EBUSY)
		(void)rdt_directory_adopt(&rdt->directories, group);
	return !rdt_has_group(rdt, group);
}
