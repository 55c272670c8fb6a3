/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/hookd-run: a static program that hookd executes before a hook which enters namespaces or
 * has settings. It does the steps of docs/ARCHITECTURE.md "Between clone and exec" and becomes the
 * hook.
 *
 * May use: daemon/raw, daemon/base, daemon/proc.
 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "daemon/proc/helper_message.h"
#include "daemon/proc/spawn.h"
#include "daemon/raw/interpreter.h"

/*
 * The parts of hookd-run. Each step either returns or ends the process with step_fail(); none
 * prints.
 */

#define NAMESPACES_MAX 16

/* What the hook may, when everything is done. */
struct rights {
	bool has_ids;		   /* else they stay as they are */
	uint32_t uids[3], gids[3]; /* real, effective, saved */
	uint32_t *groups;
	size_t group_count;
	bool has_capabilities; /* likewise; of the bounding set, cuts_bounding says it */
	bool cuts_bounding;
	uint64_t sets[HP_CAPABILITY_SET_COUNT];
	bool no_new_privileges;
	bool ends_root; /* SECBIT_NOROOT: uid 0 gets nothing by an exec */
};

struct job {
	const struct helper_message *message;
	struct hp_settings settings; /* the plan's, with pointers that are good here */
	char *path, *dir, *soft_dir;
	char **argv, **envp;
	const struct sock_filter *filter;	      /* plan->filter_count of them */
	const char *listener_path, *listener_message; /* NULL: no listener */

	int proc;    /* O_PATH: hookd's /proc, since a container's may be anything; -1: given up */
	int program; /* opened before entering; -1: by path, inside */
	struct stat program_stat;
	char interpreter[INTERPRETER_SIZE]; /* of that program; "": none */
	int container_root;		    /* O_PATH: the root of the container's process */
	/* Paths are looked up in a container now: no link of procfs is followed. */
	bool is_inside;
	/* The hook may be made of files of the image: it gets the rights of the container's
	 * process. */
	bool has_container_rights;
	struct rights rights;
	struct hp_rlimit rlimits[RLIM_NLIMITS]; /* that the hook gets */
	size_t rlimit_count;
	int namespace_fds[NAMESPACES_MAX]; /* of settings.namespaces; -1: none by path */
	int namespaces;			   /* CLONE_NEW* that were entered */
	ino_t mounts_of_hookd;		   /* its mount namespace */
	int32_t outer_pid;		   /* as hookd's pid namespace counts */
	pid_t deadline_keeper;		   /* sets SCHED_DEADLINE, see deadline.c; 0: none */
	int deadline_pipe;		   /* to it; -1: none */
	int listener_socket;		   /* connected; -1: none */
};

/* report.c: tells hookd, and ends the process. */
bool send_with_fd(int socket, const void *bytes, size_t length, int fd); /* -1: without */
void report_successor(int32_t pid, int pidfd);
/* For a hook with a filter: the memory for what fails under it; and that it is there. */
void report_map_shared(void);
void report_mark_filtered(void);
_Noreturn void step_fail(enum spawn_step step, int error);
_Noreturn void step_fail_at(enum spawn_step step, int error, const char *detail);

/* job.c: reads the plan. */
void job_read(struct job *job);

/* program.c: the hook's own file. */
/* Of a createContainer hook: looked up where the runtime is. */
void program_open(struct job *job);
/* Of a hook of the runtime's: nobody else can have chosen the file. */
void program_check_owners(const struct job *job, bool is_entered);
/* Inside: that no link leads out, of the hook's file or of its interpreter. */
void program_check_inside(const struct job *job);
_Noreturn void program_execute(const struct job *job);

/* attributes.c: what the kernel keeps of a process besides its rights. */
void oom_score_set(const struct job *job);
void rdt_groups_join(const struct job *job);
void scheduler_set(struct job *job);
/* Those of the container's process, of which settings can take away. */
void oom_score_of_container_set(const struct job *job);
void rlimits_find(struct job *job);
void rlimits_set(const struct job *job);
/* The limit of descriptors comes last, for the steps in between need some. */
void descriptor_limit_set(const struct job *job);
void keyring_join(const struct job *job);
void personality_set(const struct job *job);

/* cgroups.c: the container's, of every hierarchy. */
void cgroups_join(const struct job *job);

/* file.c: all of a small file of unknown length, terminated; to be freed. NULL with errno. */
char *file_read_whole(int directory, const char *path);

/* deadline.c: SCHED_DEADLINE, set from outside, since it forbids fork(2) and takes rights. */
void sched_deadline_prepare(struct job *job);
void sched_deadline_set(struct job *job, int32_t outer_pid);

/* namespaces.c */
void undumpable_set(void);
void process_check_alive(int pidfd);
/* The caller's: all of them, or, on the way into a container, its mounts alone. */
void namespaces_enter_caller(struct job *job);
/* Opens what is named by path, and looks at the container's root. */
void namespaces_open(struct job *job);
/* Those of the container, and those by path. */
void namespaces_enter(struct job *job);
/* Where a pid namespace was entered, the caller is another process afterwards. */
void pid_namespace_continue(struct job *job);

/* inside.c: where paths are looked up, and what must not be reached by them. */
int path_open(const struct job *job, const char *path, int flags);
void descriptors_give_up(struct job *job);
void directory_enter(const struct job *job);

/* rights.c, credentials.c */
void rights_find(struct job *job);
void ids_set(const struct job *job);
void parent_death_signal_set(const struct job *job);
/* With `keeps`, these capabilities stay permitted and effective beside those of the rights. */
void capabilities_set(const struct job *job, uint64_t keeps);

/* Of a process that is not the hook: all of them; it ends where that fails. */
void capabilities_give_up(void);

/* confinement.c */
void label_set(const struct job *job);
void no_new_privileges_set(const struct job *job);
void filter_install(const struct job *job);

/* verdict.c: fails where the filter would kill this process before it is the hook. */
void verdict_check(const struct job *job, bool sets_capabilities);

/* listener.c: SECCOMP_RET_USER_NOTIF's descriptor goes to the profile's listenerPath. */
/* Connects, where paths mean what they mean to the caller. */
void listener_connect(struct job *job);
/* Starts who hands the descriptor over, since the filter may forbid that to this process. */
void listener_prepare(const struct job *job);
/* It was made; a store to memory, since any system call may be filtered by now. LISTENER_NONE: it
 * will never be. */
#define LISTENER_NONE (-2)
void listener_publish(int fd);
