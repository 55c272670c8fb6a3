/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/apply/resctrl_visit.h"
#include "daemon/base/util.h"

/*
 * A directory of resctrl that members use, or that was made here and is not removed yet. For
 * resctrl.c alone.
 */
struct rdt_directory {
	char *path; /* below the file system's root: "c1", "c1/mon_groups/c1"; "." is the root */
	bool is_made;
	bool has_closid; /* named by a caller, who may have put others in: it goes when it is empty
			  */
	unsigned int users;
	LIST_ENTRY(rdt_directory) link; /* rdt_directories::list */
};

struct rdt_directories {
	LIST_HEAD(, rdt_directory) list; /* newest first */
	int journal;			 /* where the names of those made are written down; -1 */
};

void rdt_directories_init(struct rdt_directories *directories);
void rdt_directories_clear(struct rdt_directories *directories);

struct rdt_directory *rdt_directory_find(const struct rdt_directories *directories,
					 const char *path);

/* 1: it was made; 0: there is something by that name; -errno of mkdir(2). */
int rdt_directory_make(struct rdt_directories *directories, const struct rdt_visit *visit,
		       const char *path);
/*
 * One more user of a directory that is there; `is_made` says that it was made just now. -ENOENT
 * where there is none; -ENOMEM, and then one that was made is removed.
 */
int rdt_directory_enter(struct rdt_directories *directories, const struct rdt_visit *visit,
			const char *path, bool is_made, struct rdt_directory **ret_directory);
/* One less; the last one removes what was made. NULL is fine. */
void rdt_directory_leave(struct rdt_directories *directories, const struct rdt_visit *visit,
			 struct rdt_directory *directory);
/* It was removed otherwise. */
void rdt_directory_forget(struct rdt_directories *directories, struct rdt_directory *directory);
bool rdt_directory_has_tasks(const struct rdt_visit *visit, const char *path);

/*
 * From now on the names of what is made stand in a file in the state directory. `left` is told
 * those that an earlier daemon of this boot has written there, the last made first.
 */
int rdt_directories_open(struct rdt_directories *directories, const char *state_directory,
			 void (*left)(const char *path, void *userdata), void *userdata);
/* One that an earlier daemon made and that could not be removed yet. -ENOMEM. */
int rdt_directories_adopt(struct rdt_directories *directories, const char *path);
/* Writes the file as it should be by now. */
void rdt_directories_write_down(const struct rdt_directories *directories);
