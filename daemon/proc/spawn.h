/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * From a description to a running process, without ever holding the event loop: clone3(2) shares
 * hookd's memory with the child until it execs, as vfork(2) does, but hookd goes on at once. On a
 * busy host vfork keeps its caller stopped for a scheduler slice of 4 ms per hook.
 *
 * Where the child's cgroup can be out of memory, the child gets a copy instead, as with fork(2):
 * the kernel kills every process that shares its victim's memory.
 */

/* What failed before the program ran; the names are HookResult.failedStep. */
enum spawn_step {
	SPAWN_STEP_NONE = 0,
	SPAWN_STEP_CGROUP,
	SPAWN_STEP_OOM_SCORE_ADJ,
	SPAWN_STEP_RDT,
	SPAWN_STEP_SCHEDULER, /* with I/O priority, CPU affinity, memory policy */
	SPAWN_STEP_RLIMITS,
	SPAWN_STEP_NAMESPACES,
	SPAWN_STEP_CWD,
	SPAWN_STEP_KEYRING,
	SPAWN_STEP_PERSONALITY,
	SPAWN_STEP_LABEL,
	SPAWN_STEP_CREDENTIALS, /* with no_new_privs and the parent death signal */
	SPAWN_STEP_CAPABILITIES,
	SPAWN_STEP_SECCOMP,
	SPAWN_STEP_STDIN, /* any of the descriptors that the program is to have */
	SPAWN_STEP_EXEC,
	SPAWN_STEP_COUNT,
};
extern const char *const spawn_step_names[SPAWN_STEP_COUNT];

#define SPAWN_FDS_MAX	  10
#define SPAWN_DETAIL_SIZE 400 /* a path and a reason of struct hp_err */

struct spawn_spec {
	const char *path; /* for execve(2) */
	int program;	  /* a descriptor to execute instead, or -1 */
	char *const *argv;
	char *const *envp;
	const char *dir;	/* the working directory, which must be there; NULL: */
	const char *soft_dir;	/* taken where it can be entered; NULL or else: "/" */
	int fds[SPAWN_FDS_MAX]; /* fds[i] becomes i; all >= fd_count, so that none overwrites one */
	int fd_count;
	int cgroup;	    /* descriptor of a cgroup2 directory, or -1 */
	bool copies_memory; /* the child shares none with hookd: cgroup_has_own_memory_limit() */
	bool any_owner;	    /* else `path` is executed only where program_check() lets it pass */
};

/* Why there is no process of a hook. */
struct spawn_failure {
	enum spawn_step step;
	int error;			/* errno */
	char detail[SPAWN_DETAIL_SIZE]; /* what of the step; "" where that says enough */
};

struct spawner;
struct slot_set;

/* One child. It and all that the spec points at must stay until the child has exited. */
struct spawn_child {
	pid_t pid;
	int pidfd;		  /* close on exec; the caller's */
	volatile int failed_step; /* enum spawn_step; set before the child exits with 127 */
	volatile int failed_errno;
	char failed_detail[SPAWN_DETAIL_SIZE]; /* hookd-run's */
	struct slot_set *slots;		       /* the spawner's */
	struct spawn_child *report; /* the spawner's: where a child without hookd's memory says what
				       failed; until spawner_settle() it is not said here */
};

/*
 * Remembers what the process looked like when hookd was started, which its children get back, and
 * whether its working directory is "/", which it does not leave from now on.
 * Raises hookd's own limit of open files to the hard limit. -ENOMEM.
 */
int spawner_new(struct spawner **ret_spawner) must_check;
struct spawner *spawner_free(struct spawner *spawner);

/* What every child gets from now on, where its own settings do not say otherwise. */
struct spawn_defaults {
	int umask; /* -1: hookd's */
	int nice;  /* 0: hookd's */
};
void spawner_set_defaults(struct spawner *spawner, const struct spawn_defaults *defaults);

/*
 * Starts the process. 0: it is being made; whether the exec worked is known at its exit, from
 * child->failed_step. <0: there is no process, child->failed_step says at what.
 */
int spawner_start(struct spawner *spawner, const struct spawn_spec *spec,
		  struct spawn_child *child) must_check;

/*
 * The child has exited: what the spawner kept for it is let go, and what failed is in `child`.
 * Until then hookd itself may still hold write ends that the child was given, so their pipes need
 * not be at their end before.
 */
void spawner_settle(struct spawner *spawner, struct spawn_child *child);
