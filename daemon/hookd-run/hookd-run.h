/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/hookd-run: the helper program that hookd executes for a hook which enters namespaces or
 * has settings. It does the steps of docs/ARCHITECTURE.md "Between clone and exec" and executes the
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

/* All steps either return or end the process with step_fail(). None prints. */

#define NAMESPACES_MAX 16

/* The credentials that the hook will have. */
struct rights {
	bool has_ids;		   /* false: ids and groups are not changed */
	uint32_t uids[3], gids[3]; /* real, effective, saved */
	uint32_t *groups;
	size_t group_count;
	bool has_capabilities; /* false: `sets` is ignored; for the bounding set: cuts_bounding */
	bool cuts_bounding;
	uint64_t sets[HP_CAPABILITY_SET_COUNT];
	bool no_new_privileges;
	bool ends_root; /* set SECBIT_NOROOT: uid 0 gains no capabilities by an exec */
};

struct job {
	const struct helper_message *message;
	struct hp_settings settings; /* those of the message, with pointers that are valid here */
	char *path, *dir, *soft_dir;
	char **argv, **envp;
	const struct sock_filter *filter;	      /* message->filter_count of them */
	const char *listener_path, *listener_message; /* NULL: no listener */

	int proc;    /* O_PATH: hookd's /proc, as a container's is not trusted; -1: closed */
	int program; /* the hook's file, opened before entering; -1: execute by path */
	struct stat program_stat;
	char interpreter[INTERPRETER_SIZE]; /* of that program; "": none */
	int container_root;		    /* O_PATH: the root of the container's process */
	/* Paths are looked up in a container: links of procfs are not followed. */
	bool is_inside;
	/*
	 * The hook may execute or load files of the image: it gets the rights of the container's
	 * process.
	 */
	bool has_container_rights;
	struct rights rights;
	struct hp_rlimit rlimits[RLIM_NLIMITS]; /* of the hook */
	size_t rlimit_count;
	int namespace_fds[NAMESPACES_MAX]; /* of settings.namespaces; -1: it has no path */
	int namespaces;			   /* CLONE_NEW* flags of those that were entered */
	ino_t mounts_of_hookd;		   /* its mount namespace */
	int32_t outer_pid;		   /* of this process, in hookd's pid namespace */
	pid_t deadline_keeper; /* process that sets SCHED_DEADLINE, see deadline.c; 0: none */
	int deadline_pipe;     /* to it; -1: none */
	int listener_socket;   /* connected; -1: none */
};

/* report.c: reports to hookd. */
bool send_with_fd(int socket, const void *bytes, size_t length, int fd); /* -1: without */
void report_successor(int32_t pid, int pidfd);
/* With HELPER_IS_HELD: until hookd allows it; ends the process if hookd has ended. */
void wait_for_release(const struct job *job);
/* For a hook with a filter: maps the memory for a report; and says that the filter is active. */
void report_map_shared(void);
void report_mark_filtered(void);
_Noreturn void step_fail(enum spawn_step step, int error);
_Noreturn void step_fail_at(enum spawn_step step, int error, const char *detail);

/* job.c: reads the message. */
void job_read(struct job *job);

/* program.c: the hook's file. */
/* Of a createContainer hook: opens it in the mount namespace of the runtime. */
void program_open(struct job *job);
/* Of a hook of the runtime's namespaces: program_check(), before or after entering. */
void program_check_owners(const struct job *job, bool is_entered);
/* In a container: that the paths of the hook and its interpreters have no link of procfs. */
void program_check_inside(const struct job *job);
_Noreturn void program_execute(const struct job *job);

/* attributes.c: attributes of a process other than its credentials. */
void oom_score_set(const struct job *job);
void rdt_group_join(const struct job *job);
void scheduler_set(struct job *job);
/* Those of the container's process; settings can only lower them. */
void oom_score_of_container_set(const struct job *job);
void rlimits_find(struct job *job);
void rlimits_set(const struct job *job);
/* RLIMIT_NOFILE is set last, since the steps in between open descriptors. */
void descriptor_limit_set(const struct job *job);
void keyring_join(const struct job *job);
void personality_set(const struct job *job);

/* cgroups.c: joins the container's cgroups of all hierarchies. */
void cgroups_join(const struct job *job);

/* file.c: reads a small file. The caller frees the NUL-terminated text. NULL: see errno. */
char *file_read_whole(int directory, const char *path);

/* deadline.c: SCHED_DEADLINE, which another process sets. */
void sched_deadline_prepare(struct job *job);
void sched_deadline_set(struct job *job, int32_t outer_pid);

/* namespaces.c */
void undumpable_set(void);
void process_check_alive(int pidfd);
/* Enters those of the caller: all, or for a hook of a container only the mount namespace. */
void namespaces_enter_caller(struct job *job);
/* Opens namespaces named by path and the root of the container's process. */
void namespaces_open(struct job *job);
/* Enters those of the container, then those named by path. */
void namespaces_enter(struct job *job);
/* If a pid namespace was entered, another process returns from this call. */
void pid_namespace_continue(struct job *job);

/* inside.c: paths and descriptors in a container. */
int path_open(const struct job *job, const char *path, int flags);
void descriptors_give_up(struct job *job);
void directory_enter(const struct job *job);

/* rights.c, credentials.c */
void rights_find(struct job *job);
void ids_set(const struct job *job);
void parent_death_signal_set(const struct job *job);
/* The capabilities in `keeps` stay permitted and effective in addition to those of the rights. */
void capabilities_set(const struct job *job, uint64_t keeps);

/* For a process that is not the hook: drops all capabilities, or exits. */
void capabilities_give_up(void);

/* confinement.c */
void label_set(const struct job *job);
void no_new_privileges_set(const struct job *job);
void filter_install(const struct job *job);

/* verdict.c: fails if the filter would kill this process before the hook is executed. */
void verdict_check(const struct job *job, bool sets_capabilities);

/* listener.c: sends the descriptor of SECCOMP_RET_USER_NOTIF to the profile's listenerPath. */
/* Connects, in the mount namespace of the caller. */
void listener_connect(struct job *job);
/* Starts the process that sends it, since the filter may forbid that to this one. */
void listener_prepare(const struct job *job);
/*
 * Passes the descriptor, or LISTENER_NONE, to the sending process. It is a plain store to shared
 * memory: the filter is active, so no system call is safe.
 */
#define LISTENER_NONE (-2)
void listener_publish(int fd);
