/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <sys/queue.h>

#include "daemon/base/file.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/cgroup/limit_list.h"

/* Shared by the files that implement cgroup.h; other code includes cgroup.h. */

#define CGROUP_NAME_SIZE 48
/* Extended attribute of a cgroup of which the run has ended and whose processes are to live on. */
#define CGROUP_LINGERING "user.hookd.lingering"

/* The directory "runs", or a replacement for it, "runs-2" and so on: renew.c. */
struct runs_directory {
	int fd;
	char name[24];
	size_t users; /* number of struct cgroup in it */
	int watch;    /* of inotify(7), for directories that are removed from it; -1: none */
};

struct cgroup {
	struct cgroup_tree *tree;
	struct runs_directory *runs; /* NULL where is_foreign */
	int parent_fd;	 /* runs->fd; where is_foreign owned, of the container's cgroup */
	bool is_foreign; /* of cgroup_make_below() */
	char name[CGROUP_NAME_SIZE];
	int fd;		     /* O_PATH; -1: not open now */
	int events_fd;	     /* cgroup.events; -1: not open now */
	bool is_known_empty; /* no process was put in since it was read as empty */
	unsigned long long oom_kills_seen;
	bool is_just_taken;	  /* the watches were read for it, and nothing has run since */
	bool is_killed;		  /* by cgroup_kill(): its processes will exit soon */
	bool is_limited;	  /* it has limits of one run */
	bool is_touched;	  /* another program has changed or removed it, or may have */
	int watch;		  /* of inotify(7); -1: not watched */
	unsigned int generation;  /* cgroup_tree::generation when it was made */
	TAILQ_ENTRY(cgroup) link; /* cgroup_tree::idle, ::busy or ::spent; none while in use */
	LIST_ENTRY(cgroup) made;  /* cgroup_tree::made_here, unless is_foreign */
};
TAILQ_HEAD(cgroup_list, cgroup);

struct cgroup_tree {
	int base_fd;
	char base_path[PATH_MAX];     /* of base_fd; "": not known */
	struct runs_directory *runs;  /* for new cgroups */
	char own_directory[PATH_MAX]; /* made by hookd and removed at the end; "": none */
	int own_lock;		      /* flock(2) of it, or of a part that was made again; or -1 */
	bool has_daemon;	      /* hookd is in the directory "daemon" of base_fd */
	int root_lock;		      /* flock(2) of a directory that was configured, or -1 */
	bool is_part;		      /* base_fd is a directory in another process's tree */
	unsigned long made;	      /* number of the last name */
	size_t idle_count, spent_count;
	size_t idle_least; /* since `trim` was set */
	struct cgroup_list idle, busy, spent;
	struct event *look_again;	 /* pending while busy is not empty */
	struct event *upkeep;		 /* pending while cgroups are to be made or removed */
	struct event *trim;		 /* pending while more are idle than are kept at rest */
	int inotify;			 /* -1: nothing is watched */
	char notice[CGROUP_NOTICE_SIZE]; /* for the operator; "": none */
	void (*renewed)(void *userdata); /* or NULL */
	void *renewed_userdata;
	LIST_HEAD(, cgroup) made_here; /* all in directories of runs, in whichever state */
	bool has_controllers, has_memory_controller; /* enabled for the cgroups of runs */
	bool has_memory_limit;			     /* on a common ancestor that hookd is not in */
	struct limit_list defaults;
	unsigned int generation; /* number of changes of the defaults */
};

/* ---- place.c ---- */

/* Fills base_fd and runs. On failure *ret_reason is set, for the operator. */
int cgroup_tree_place_part(struct cgroup_tree *tree, int directory,
			   const char **ret_reason) must_check;
/* Fills base_fd, runs and own_directory. On failure *ret_reason is set, for the operator. */
int cgroup_tree_place(struct cgroup_tree *tree, const char *root,
		      const char **ret_reason) must_check;
/* Enables a controller for the cgroups of runs. Ignores errors: limits then lack their files. */
void cgroup_tree_enable(struct cgroup_tree *tree, const char *controller, size_t length);
/*
 * Sets has_controllers, has_memory_controller and has_memory_limit; true where it cannot be read.
 */
void cgroup_tree_look_for_controllers(struct cgroup_tree *tree);
/* True where the file has a limit other than "max", or cannot be read. */
bool cgroup_is_limited_in_memory(int directory, const char *file);
/* Opens the cgroup2 directory that a process is in, O_PATH. Follows no link. -errno. */
int cgroup_open_of_process(pid_t pid) must_check;
/* Opens the directory above, and gives the last component. -errno. */
int cgroup_open_above(pid_t pid, char ret_name[static CGROUP_NAME_SIZE]) must_check;
/* Removes the directories that hookd has made, closes and frees what cgroup_tree_place() set. */
void cgroup_tree_unplace(struct cgroup_tree *tree);
/* Removes "runs-2" and so on from the directory. */
void remove_other_runs_in(int base_fd);
/* Enables the controllers that common limits need. */
void cgroup_tree_enable_usual(struct cgroup_tree *tree);
/* Removes the empty cgroups in the directory. Takes ownership of `fd`. */
void remove_cgroups_in(int fd);

/* ---- base.c ---- */

/* False: another directory has the name, or none. */
bool cgroup_has_name(int directory, int parent, const char *name);
/*
 * Opens the directory and takes its lock, which the descriptor holds. -EBUSY: another process has
 * it; -ENOENT: the directory does not exist, or was removed meanwhile.
 */
int cgroup_lock(int parent, const char *name) must_check;
/*
 * The same, and makes it where it does not exist. Blocks up to 0.1 s while others have the lock.
 * Like mkdirat(2) it fails with an error of cgroup_is_gone() where `parent` was removed.
 */
int cgroup_make_locked(int parent, const char *name) must_check;
/* Sets base_path. */
void cgroup_tree_remember_base(struct cgroup_tree *tree);
/* Replaces base_fd, which was removed, and its lock. -ENOENT: not a directory of hookd's own. */
int cgroup_tree_make_base_again(struct cgroup_tree *tree) must_check;

/* ---- renew.c ---- */

/* Opens an existing directory of base_fd. */
int runs_directory_open(int base_fd, const char *name, struct runs_directory **ret_runs) must_check;
/* Call it when a cgroup in it is freed. Removes a directory that was replaced with its last one. */
void runs_directory_leave(struct cgroup_tree *tree, struct runs_directory *runs);
/* Replaces the directory of runs where it cannot be used any more, and base_fd where it is gone. */
int cgroup_tree_renew(struct cgroup_tree *tree) must_check;
/*
 * False: no process can be cloned into it, for a reason other than a limit of its own or above the
 * directory of runs. Where it cannot be read, false too.
 */
bool cgroup_is_in_order(const struct cgroup *cgroup);

/* ---- watch.c ---- */

/* Watches the tree's controllers and memory limits, and reads them for the first time. */
void cgroup_watch_tree(struct cgroup_tree *tree);
/* Call it when the directory of runs is replaced. */
void cgroup_watch_directories(struct cgroup_tree *tree);
/* Call it before the directory is closed. */
void cgroup_unwatch_runs(struct cgroup_tree *tree, struct runs_directory *runs);
/* Starts to watch a cgroup for changes by other programs. On failure `watch` stays -1. */
void cgroup_watch(struct cgroup *cgroup);
void cgroup_unwatch(struct cgroup *cgroup);
/* Reads the pending events: updates cgroup::is_touched and the tree's has_... members. */
void cgroup_watch_read(struct cgroup_tree *tree);

/* ---- cgroup.c ---- */

/* Makes a cgroup with the tree's defaults. */
int cgroup_make(struct cgroup_tree *tree, struct cgroup **ret_cgroup) must_check;
/*
 * Removes the directory, and the empty ones that a hook has made in it, and frees the cgroup.
 * -EBUSY: the kernel still counts a process in it; -EAGAIN: only a part of the directories below it
 * was removed, call again. On both the cgroup is not freed.
 */
int cgroup_remove(struct cgroup *cgroup) must_check;
/* The same for a directory that no struct cgroup is of; 0 also where it does not exist. */
int cgroup_remove_at(int parent_fd, const char *name) must_check;
/* cgroup_kill() without the rest. */
int cgroup_kill_at(int parent_fd, const char *name);
/* Sets CGROUP_LINGERING. */
void cgroup_mark_lingering(const struct cgroup *cgroup);
/* Frees it, also where the directory cannot be removed. */
void cgroup_discard(struct cgroup *cgroup);
/* True where it has processes, or that is not known. */
bool cgroup_is_populated(struct cgroup *cgroup);
/* The same of any directory; true where it is not known, as without descriptors. */
bool cgroup_is_populated_at(int directory);
