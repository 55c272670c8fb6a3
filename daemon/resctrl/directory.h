/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "daemon/resctrl/fs.h"

/*
 * A resctrl group that members use, or that hookd has made and not removed yet: a class, which a
 * request has named by closID, is removed only when it has no tasks, or never. For resctrl.c and
 * groups.c.
 */
struct rdt_directory {
	char *path;    /* below the mount point: "c1", "c1/mon_groups/c1"; ".": the default group */
	bool is_made;  /* by hookd */
	bool is_class; /* named by a closID; other processes may have been put in */
	bool is_leftover; /* of an earlier hookd; removed if it has no tasks */
	unsigned int users;
	LIST_ENTRY(rdt_directory) link; /* rdt_directories::list */
};

struct rdt_directories {
	LIST_HEAD(, rdt_directory) list; /* newest first */
	bool keeps_classes;		 /* they stay when their last user has left them */
	int state_directory; /* has the file with the groups that were made; -1: there is none */
	char boot[64];	     /* the boot id; set if that is not -1 */
};

void rdt_directories_init(struct rdt_directories *directories);
/* Frees the list; leaves the groups and the file as they are. */
void rdt_directories_clear(struct rdt_directories *directories);

struct rdt_directory *rdt_directory_find(const struct rdt_directories *directories,
					 const char *path);

/* True for "c1", "c1/mon_groups/c1", "./mon_groups/c1"; false for the default group. */
bool rdt_directory_can_be_made(const char *path);
/*
 * Makes a group, which is recorded before. 1: made; 0: the path exists; -errno with *err, whose
 * path is `member`.
 */
int rdt_directory_make(struct rdt_directories *directories, const struct rdt_fs *fs,
		       const char *path, const char *member, struct hp_err *err);
/*
 * Adds a user to a group; `is_made`: rdt_directory_make() has just made it. -ENOENT: no such group;
 * -ENOMEM: a group that was made is removed then.
 */
int rdt_directory_enter(struct rdt_directories *directories, const struct rdt_fs *fs,
			const char *path, bool is_made, struct rdt_directory **ret_directory);
/* For a group that a user has named by closID. */
void rdt_directory_make_class(struct rdt_directories *directories, struct rdt_directory *directory);
/* Takes over a group without users, to be removed when it has no tasks. -ENOMEM. */
int rdt_directory_adopt(struct rdt_directories *directories, const char *path);
/* Removes a user; with the last one a group that hookd has made is removed. NULL is fine. */
void rdt_directory_leave(struct rdt_directories *directories, const struct rdt_fs *fs,
			 struct rdt_directory *directory);
/* Removes the groups without users that were made, as if the last user of each left it now. */
void rdt_directories_remove_unused(struct rdt_directories *directories, const struct rdt_fs *fs);
/* For a group without users that was removed by other means. Frees it. */
void rdt_directory_forget(struct rdt_directories *directories, struct rdt_directory *directory);
bool rdt_directory_has_tasks(const struct rdt_fs *fs, const char *path);

/*
 * Records, from now on, the names of groups made in a file in the state directory. The groups that
 * an earlier hookd of this boot has recorded there are taken over, without users, but for those
 * that is_held() returns true for. 1: the file was damaged, and was renamed. -errno: nothing is
 * recorded.
 */
int rdt_directories_open(struct rdt_directories *directories, const char *state_directory,
			 bool (*is_held)(const char *path, void *userdata), void *userdata);
