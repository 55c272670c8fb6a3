/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * Starts processes without blocking the event loop. The child shares hookd's memory until its exec,
 * as with vfork(2), but hookd continues at once: on a busy host vfork(2) suspends its caller for a
 * scheduler slice of 4 ms per hook.
 *
 * If the child's cgroup has a memory limit that hookd is not under, the child gets a copy of the
 * memory instead, as with fork(2): when such a cgroup is out of memory, the kernel kills all
 * processes that share the memory of its victim.
 */

/* The steps before the program runs. The names are the values of HookResult.failedStep. */
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
	SPAWN_STEP_STDIN, /* or another of the program's descriptors */
	SPAWN_STEP_EXEC,
	SPAWN_STEP_COUNT,
};
extern const char *const spawn_step_names[SPAWN_STEP_COUNT];

#define SPAWN_FDS_MAX	  10
#define SPAWN_DETAIL_SIZE 400 /* path and reason of a struct hp_err fit into it */

struct spawn_spec {
	const char *path; /* for execve(2) */
	int program;	  /* a descriptor to execute instead, or -1 */
	char *const *argv;
	char *const *envp;
	const char *dir;	/* the working directory; it is an error if it cannot be entered */
	const char *soft_dir;	/* if dir is NULL: entered if possible, else "/" */
	int fds[SPAWN_FDS_MAX]; /* fds[i] becomes i. All are >= fd_count: none overwrites another */
	int fd_count;
	int cgroup;	    /* descriptor of a cgroup2 directory, or -1 */
	bool copies_memory; /* the child gets a copy of the memory: cgroup_has_own_memory_limit() */
	bool any_owner;	    /* execute `path` without program_check() */
};

/* Why a hook could not be started. */
struct spawn_failure {
	enum spawn_step step;
	int error;			/* errno */
	char detail[SPAWN_DETAIL_SIZE]; /* which part of the step, or "" */
};

struct spawner;
struct slot_set;

/* One child. It, and what the spec points to, must exist until the child has exited. */
struct spawn_child {
	pid_t pid;
	int pidfd;		  /* close-on-exec; owned by the caller */
	volatile int failed_step; /* enum spawn_step; set before the child exits with 127 */
	volatile int failed_errno;
	char failed_detail[SPAWN_DETAIL_SIZE];
	struct slot_set *slots; /* owned by the spawner */
	/*
	 * Owned by the spawner: a child with a copy of the memory sets the failed_ members there,
	 * and spawner_settle() copies them. NULL: the child sets those above.
	 */
	struct spawn_child *report;
};

/*
 * Raises hookd's soft limit of open files to the hard limit; children get back the one that hookd
 * was started with. hookd must not change its working directory afterwards. -ENOMEM.
 */
int spawner_new(struct spawner **ret_spawner) must_check;
struct spawner *spawner_free(struct spawner *spawner);

/* Attributes of all children from now on, unless their settings say otherwise. */
struct spawn_defaults {
	int umask; /* -1: hookd's */
	int nice;  /* 0: hookd's */
};
void spawner_set_defaults(struct spawner *spawner, const struct spawn_defaults *defaults);
/* RLIMIT_NOFILE of this process when the spawner was made, which hooks get. */
struct rlimit spawner_nofile(const struct spawner *spawner);

/*
 * Starts the process. 0: the process exists, but may not have exec'ed yet; if a step fails, the
 * process exits and child->failed_step is set. -errno: there is no process, and child->failed_step
 * is set.
 */
int spawner_start(struct spawner *spawner, const struct spawn_spec *spec,
		  struct spawn_child *child) must_check;

/*
 * Call once the child has exited: sets child->failed_step and releases the descriptors kept for it.
 * Until then hookd may have write ends of its pipes open itself, so do not wait for end of file.
 */
void spawner_settle(struct spawner *spawner, struct spawn_child *child);
