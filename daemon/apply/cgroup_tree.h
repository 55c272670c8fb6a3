/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <limits.h>
#include <sys/queue.h>

#include "daemon/apply/cgroup.h"
#include "daemon/apply/limit_list.h"
#include "daemon/base/file.h"

/* What the files of the tree share. Everybody else includes cgroup.h. */

struct cgroup {
	struct cgroup_tree *tree;
	int parent_fd;	 /* that it is made in: the tree's runs_fd, or */
	bool is_foreign; /* one of its own, of a container's cgroup */
	char name[48];
	int fd;		     /* O_PATH; -1: not open now */
	int events_fd;	     /* cgroup.events; -1: not open now */
	bool is_known_empty; /* nothing was put in since it was seen empty */
	unsigned long long oom_kills_seen;
	bool is_killed;		  /* by cgroup_kill(): those in it are about to be gone */
	bool is_limited;	  /* has limits that another run did not ask for */
	unsigned int generation;  /* of the defaults it was made with */
	TAILQ_ENTRY(cgroup) link; /* cgroup_tree::idle or ::busy; in use: on neither */
};
TAILQ_HEAD(cgroup_list, cgroup);

struct cgroup_tree {
	int base_fd, runs_fd;
	char own_directory[PATH_MAX]; /* to remove at the end; "" where it is not ours */
	unsigned long made;
	size_t idle_count, in_use_count;
	struct cgroup_list idle, busy;
	struct event *look_again; /* pending while busy is not empty */
	struct limit_list defaults;
	unsigned int generation; /* counts the changes of defaults */
};

/* ---- cgroup_place.c ---- */

/* Fills base_fd, runs_fd and own_directory. The reason is for an operator, set on failure. */
int cgroup_tree_place(struct cgroup_tree *tree, const char *root,
		      const char **ret_reason) must_check;
/* For run cgroups, in all directories above them; where it does not work, files will be missing. */
void cgroup_tree_enable(struct cgroup_tree *tree, const char *controller, size_t length);
/* The directory of cgroup2 that a process is in, O_PATH. Follows no link. -errno. */
int cgroup_open_of_process(pid_t pid) must_check;
/* Removes the directories that are hookd's own. */
void cgroup_tree_unplace(struct cgroup_tree *tree);
/* Takes the descriptor. Removes what is empty in the directory; what is not refuses. */
void remove_cgroups_in(int fd);

/* ---- cgroup.c ---- */

/* With the tree's defaults. */
int cgroup_make(struct cgroup_tree *tree, struct cgroup **ret_cgroup) must_check;
/* Removes the directory, which must be empty, and frees. */
void cgroup_remove(struct cgroup *cgroup);
/* True where it is not known. */
bool cgroup_is_populated(struct cgroup *cgroup);
