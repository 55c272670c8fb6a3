/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "daemon/resctrl/fs.h"

/*
 * A directory of resctrl that members use, or that was made here and is not removed yet: one
 * with a closID goes when it is empty. For resctrl.c alone.
 */
struct rdt_directory {
	char *path; /* below the file system's root: "c1", "c1/mon_groups/c1"; "." is the root */
	bool is_made;
	bool has_closid; /* named by a caller, who may have put others in */
	unsigned int users;
	LIST_ENTRY(rdt_directory) link; /* rdt_directories::list */
};

struct rdt_directories {
	LIST_HEAD(, rdt_directory) list; /* newest first */
	int journal;   /* the directory of the file with the names of those made */
	char boot[64]; /* which is the file's first line, where journal is not -1 */
};

void rdt_directories_init(struct rdt_directories *directories);
void rdt_directories_clear(struct rdt_directories *directories);

struct rdt_directory *rdt_directory_find(const struct rdt_directories *directories,
					 const char *path);

/* 1: it was made; 0: there is something by that name; -errno of mkdir(2). */
int rdt_directory_make(struct rdt_directories *directories, const struct rdt_fs *fs,
		       const char *path);
/*
 * One more user of a directory that is there; `is_made` says that it was made just now. -ENOENT
 * where there is none; -ENOMEM, and then one that was made is removed.
 */
int rdt_directory_enter(struct rdt_directories *directories, const struct rdt_fs *fs,
			const char *path, bool is_made, struct rdt_directory **ret_directory);
/* One less; the last one removes what was made. NULL is fine. */
void rdt_directory_leave(struct rdt_directories *directories, const struct rdt_fs *fs,
			 struct rdt_directory *directory);
/* It was removed otherwise. */
void rdt_directory_forget(struct rdt_directories *directories, struct rdt_directory *directory);
bool rdt_directory_has_tasks(const struct rdt_fs *fs, const char *path);

/*
 * From now on the names of what is made stand in a file in the state directory. Asks for each that
 * an earlier daemon of this boot has written there, the last made first, whether it stays; one that
 * does goes with its next user, when it is empty. 1: the file was damaged and is set
 * aside. -errno: then nothing is written down.
 */
int rdt_directories_open(struct rdt_directories *directories, const char *state_directory,
			 bool (*stays)(const char *path, void *userdata), void *userdata);
