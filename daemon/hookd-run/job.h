/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "daemon/run/plan.h"
#include "daemon/run/spawn.h"

/*
 * The parts of hookd-run. Each step either returns or ends the process with fail(); none prints.
 */

#define NAMESPACES_MAX 16

struct job {
	const struct plan *plan;
	struct hp_settings settings; /* the plan's, with pointers that are good here */
	char *path, *dir, *soft_dir;
	char **argv, **envp;
	const struct sock_filter *filter;	      /* plan->filter_count of them */
	const char *listener_path, *listener_message; /* NULL: no listener */

	int proc;    /* O_PATH: hookd's /proc, since a container's may be anything */
	int program; /* O_PATH, opened before entering; -1: by path, inside */
	struct stat program_stat;
	int namespace_fds[NAMESPACES_MAX]; /* of settings.namespaces; -1: none by path */
	int namespaces;			   /* CLONE_NEW* that were entered */
	int32_t outer_pid;		   /* as hookd's pid namespace counts */
	int listener_socket;		   /* connected; -1: none */
};

/* report.c: tells hookd, and ends the process. */
bool send_with_fd(int socket, const void *bytes, size_t length, int fd); /* -1: without */
void report_successor(int32_t pid, int pidfd);
_Noreturn void fail(enum spawn_step step, int error);
_Noreturn void fail_at(enum spawn_step step, int error, const char *detail);

/* job.c: reads the plan. */
void job_read(struct job *job);

/* program.c: the hook's own file. */
void program_open(struct job *job);
_Noreturn void program_execute(const struct job *job);

/* attributes.c: what the kernel keeps of a process besides its rights. */
void oom_score_set(const struct job *job);
void rdt_join(const struct job *job);
void scheduler_set(const struct job *job);
void deadline_scheduler_set(const struct job *job);
void rlimits_set(const struct job *job);
void keyring_join(const struct job *job);
void personality_set(const struct job *job);
void directory_enter(const struct job *job);

/* namespaces.c */
void namespaces_open(struct job *job);
/* Afterwards the caller may be another process than before. */
void namespaces_enter(struct job *job);
void stay_undumpable(void);

/* credentials.c */
void ids_set(const struct job *job);
void parent_death_signal_set(const struct job *job);
void capabilities_set(const struct job *job);

/* confinement.c */
void label_set(const struct job *job);
void no_new_privileges_set(const struct job *job);
void filter_install(const struct job *job);

/* listener.c: SECCOMP_RET_USER_NOTIF's descriptor goes to the profile's listenerPath. */
/* Connects, where hookd's paths mean what they mean to hookd. */
void listener_connect(struct job *job);
/* Starts who hands the descriptor over, since the filter may forbid that to this process. */
void listener_prepare(const struct job *job);
/* It was made; a store to memory, since any system call may be filtered by now. */
void listener_made(int fd);
