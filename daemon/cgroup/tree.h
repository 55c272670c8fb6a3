/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <sys/queue.h>

#include "daemon/base/file.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/cgroup/limit_list.h"

/* What the files of the tree share. Everybody else includes cgroup.h. */

/* "runs", or another beside it, made after that could not be used any more: cgroup_renew.c. */
struct runs_directory {
	int fd;
	char name[24];
	size_t users; /* cgroups in it */
};

struct cgroup {
	struct cgroup_tree *tree;
	struct runs_directory *runs; /* that it is in; NULL where it is foreign */
	int parent_fd;		     /* that it is made in: the descriptor of runs, or */
	bool is_foreign;	     /* one of its own, of a container's cgroup */
	char name[48];
	int fd;		     /* O_PATH; -1: not open now */
	int events_fd;	     /* cgroup.events; -1: not open now */
	bool is_known_empty; /* nothing was put in since it was seen empty */
	unsigned long long oom_kills_seen;
	bool is_just_taken;	    /* the watch was read for it, and nothing has run since */
	bool is_killed;		    /* by cgroup_kill(): those in it are about to be gone */
	bool is_limited;	    /* has limits that another run did not ask for */
	bool is_touched;	    /* somebody has looked at or changed what is in it */
	int watch;		    /* inotify's; -1: what happens to it is not known */
	unsigned int generation;    /* of the defaults it was made with */
	TAILQ_ENTRY(cgroup) link;   /* cgroup_tree::idle, ::busy or ::spent; in use: on none */
	LIST_ENTRY(cgroup) watched; /* cgroup_tree::watched, where it has a watch */
};
TAILQ_HEAD(cgroup_list, cgroup);

struct cgroup_tree {
	int base_fd;
	struct runs_directory *runs;  /* for new cgroups */
	char own_directory[PATH_MAX]; /* to remove at the end; "" where it is not ours */
	int own_lock;		      /* of that directory, or -1 */
	bool is_part;		      /* base_fd is a directory in another process's tree */
	unsigned long made;
	size_t idle_count, spent_count;
	struct cgroup_list idle, busy, spent;
	struct event *look_again; /* pending while busy is not empty */
	struct event *upkeep;	  /* pending while there is one to make or to remove */
	int inotify;
	char notice[CGROUP_NOTICE_SIZE]; /* for the log; "": nothing to tell */
	LIST_HEAD(, cgroup) watched;
	bool has_controllers, has_memory_controller; /* in the cgroups of runs */
	bool has_memory_limit;			     /* for all runs together */
	struct limit_list defaults;
	unsigned int generation; /* counts the changes of defaults */
};

/* ---- cgroup_place.c ---- */

/* Fills base_fd, runs and own_directory. The reason is for an operator, set on failure. */
int cgroup_tree_place_part(struct cgroup_tree *tree, int directory,
			   const char **ret_reason) must_check;
int cgroup_tree_place(struct cgroup_tree *tree, const char *root,
		      const char **ret_reason) must_check;
/* For run cgroups, in all directories above them; where it does not work, files will be missing. */
void cgroup_tree_enable(struct cgroup_tree *tree, const char *controller, size_t length);
/*
 * Which controllers are on in the cgroups of runs, and whether there is a limit of memory for all
 * of them that hookd is not under: has_controllers, has_memory_controller, has_memory_limit. True
 * where it cannot be told.
 */
void cgroup_tree_look_for_controllers(struct cgroup_tree *tree);
/* Other than "max". True where it cannot be read. */
bool cgroup_is_limited_in_memory(int directory, const char *file);
/* The directory of cgroup2 that a process is in, O_PATH. Follows no link. -errno. */
int cgroup_open_of_process(pid_t pid) must_check;
/* Removes the directories that are hookd's own. */
void cgroup_tree_unplace(struct cgroup_tree *tree);
/* Those that hookds have made in the directory: "runs-2" and so on. */
void remove_other_runs_in(int base_fd);
/* The controllers that usual limits need, for the cgroups of runs. */
void cgroup_tree_enable_usual(struct cgroup_tree *tree);
/* Takes the descriptor. Removes what is empty in the directory; what is not refuses. */
void remove_cgroups_in(int fd);

/* ---- cgroup_renew.c ---- */

/* Opens a directory of base_fd that is there. */
int runs_directory_open(int base_fd, const char *name, struct runs_directory **ret_runs) must_check;
/* A cgroup in it was freed. Where it was the last, and new ones are made elsewhere, it goes. */
void runs_directory_leave(struct cgroup_tree *tree, struct runs_directory *runs);
/* Makes another directory for runs where the one that is there cannot be used. */
int cgroup_tree_renew(struct cgroup_tree *tree) must_check;
/* False: a process cannot be cloned into it, whatever is asked for. */
bool cgroup_is_in_order(const struct cgroup *cgroup);

/* ---- cgroup_watch.c ---- */

/* Watches the controllers and the limits of the tree, and looks at them for the first time. */
void cgroup_watch_tree(struct cgroup_tree *tree);
/* Again where the directory of the runs is another. */
void cgroup_watch_directories(struct cgroup_tree *tree);
/* From now on it is known whether the cgroup is as new; where it cannot be watched, it is not. */
void cgroup_watch(struct cgroup *cgroup);
void cgroup_unwatch(struct cgroup *cgroup);
/* Takes in what has happened until now: cgroup::is_touched, the tree's controllers. */
void cgroup_watch_read(struct cgroup_tree *tree);

/* ---- cgroup.c ---- */

/* With the tree's defaults. */
int cgroup_make(struct cgroup_tree *tree, struct cgroup **ret_cgroup) must_check;
/*
 * Removes the directory with the empty ones that a hook has made in it, and frees. -EBUSY where the
 * kernel does not let go of it yet; -EAGAIN where there is more to remove than should be done at a
 * time. It is as it was then, but for those below it that are gone.
 */
int cgroup_remove(struct cgroup *cgroup) must_check;
/* Frees it, whether the directory can be removed or not. */
void cgroup_discard(struct cgroup *cgroup);
/* True where it is not known. */
bool cgroup_is_populated(struct cgroup *cgroup);
