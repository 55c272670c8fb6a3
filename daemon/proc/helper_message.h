/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

#include "proto/settings/settings.h"

/*
 * What hookd asks of hookd-run, and how hookd-run answers. Both are built from one tree and meet
 * in one process, so the layout is that of the compiler.
 *
 * hookd-run is started with the hook's own 0, 1, 2 and these descriptors:
 */
enum helper_fd {
	HELPER_FD_CONTROL = 3, /* SOCK_SEQPACKET to hookd: struct helper_report */
	HELPER_FD_MESSAGE =
	    4, /* a memfd, sealed but for reports: struct helper_message and what follows */
	HELPER_FD_CALLER = 5, /* pidfd of the caller, where its namespaces are others than hookd's;
			       /dev/null for none */
	HELPER_FD_CONTAINER = 6,     /* pidfd of the container's process; likewise */
	HELPER_FD_RDT_TASKS = 7,     /* of the resctrl group to join; likewise */
	HELPER_FD_RDT_MON_TASKS = 8, /* of its monitoring group; likewise */
	HELPER_FD_CGROUP = 9,	     /* cgroup.procs of the cgroup to move to; likewise */
	HELPER_FD_COUNT = 10,
};

enum helper_flag {
	HELPER_ENTER_CALLER = 1 << 0,
	HELPER_ENTER_CONTAINER = 1 << 1,
	/* "0" to oom_score_adj: what a fresh process has. */
	HELPER_RESET_OOM_SCORE = 1 << 2,
	/* `settings` say what the hook is put under. */
	HELPER_SETTINGS = 1 << 3,
	/* The filter has SECCOMP_RET_USER_NOTIF, and its listener goes to settings.seccomp's path.
	 */
	HELPER_LISTENER = 1 << 4,
	/* The hook's path is looked up in the container (startContainer), and the hook has no more
	 * rights than the container's process; else it is looked up before entering. */
	HELPER_IMAGE_PROGRAM = 1 << 5,
	/* The hook's file may belong to anybody: no program_check(). */
	HELPER_ANY_OWNER = 1 << 6,
	/* HELPER_FD_CGROUP is one below the container's. */
	HELPER_JOIN_CGROUP = 1 << 7,
	/* hook_target_runs_image(): the hook is under all that the container is under. */
	HELPER_RUNS_IMAGE = 1 << 8,
};

#define HELPER_DETAIL_SIZE 128

/*
 * pid > 0: the hook is this process, a child of hookd's own, whose pidfd comes along; it was made
 * because only a new process can be in another pid namespace. Else: `step` failed.
 */
struct helper_report {
	int32_t pid;
	int32_t step; /* enum spawn_step */
	int32_t error;
	char detail[HELPER_DETAIL_SIZE]; /* what of the step: "RLIMIT_NOFILE"; may be "" */
};

/*
 * Behind it, without gaps: the filter's instructions, the namespaces, the groups (whose alignments
 * fall in this order), then strings, each with its NUL: path, dir, soft dir, args, env, AppArmor
 * profile, SELinux label, the namespaces' paths, the listener's path and the rest of its message.
 * A string that is not there (has_dir, a NULL pointer in the settings) is left out.
 */
struct helper_message {
	uint32_t flags;
	int32_t caller_pid, container_pid; /* as hookd's pid namespace counts */
	uint32_t argc, envc;
	uint8_t has_dir, has_soft_dir;
	/* Its pointers say that something is there; what they point at is hookd's own. */
	struct hp_settings settings;
	uint32_t filter_count; /* instructions; 0: no filter */
	uint32_t filter_flags; /* for seccomp(2) */
	uint64_t timeout_ns;   /* the hook's; 0: none */
	/* What failed under the filter: hookd reads it when hookd-run has ended, and to write it
	 * takes no system call, which the filter could refuse. */
	struct helper_report report;
	char data[] __attribute__((aligned(8)));
};

struct spawn_spec;
struct hook_target;
struct helper_settings;

/* hookd's side: the plan in a memfd, or -errno. */
int helper_message_open(const struct spawn_spec *spec, const struct hook_target *target,
			const struct helper_settings *settings, uint32_t flags);
