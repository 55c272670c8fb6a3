/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

#include "proto/settings/settings.h"

/*
 * The message to hookd-run, and its report. Both programs are built from one tree for one machine,
 * so structs are passed as they are.
 *
 * hookd-run is started with the hook's descriptors 0, 1 and 2, and these:
 */
enum helper_fd {
	HELPER_FD_CONTROL = 3, /* SOCK_SEQPACKET to hookd: struct helper_report */
	HELPER_FD_MESSAGE = 4, /* memfd with struct helper_message and what follows */
	/* Those below are /dev/null if there is nothing to enter or to join. */
	HELPER_FD_CALLER = 5,	     /* pidfd of the caller, if its namespaces are not hookd's */
	HELPER_FD_CONTAINER = 6,     /* pidfd of the container's process */
	HELPER_FD_RDT_TASKS = 7,     /* "tasks" of the resctrl group to join */
	HELPER_FD_RDT_MON_TASKS = 8, /* "tasks" of its monitoring group */
	HELPER_FD_CGROUP = 9,	     /* cgroup.procs of the cgroup to move to */
	HELPER_FD_COUNT = 10,
};

enum helper_flag {
	HELPER_ENTER_CALLER = 1 << 0,
	HELPER_ENTER_CONTAINER = 1 << 1,
	/* Set oom_score_adj to 0. */
	HELPER_RESET_OOM_SCORE = 1 << 2,
	/* `settings` are to be applied. */
	HELPER_SETTINGS = 1 << 3,
	/* The filter has SECCOMP_RET_USER_NOTIF: its listener is sent to the listener path. */
	HELPER_LISTENER = 1 << 4,
	/*
	 * The hook's path is looked up inside the container (startContainer), and the hook gets no
	 * more rights than the container's process. Else it is looked up before entering.
	 */
	HELPER_IMAGE_PROGRAM = 1 << 5,
	/* The owner of the hook's file does not matter: no program_check(). */
	HELPER_ANY_OWNER = 1 << 6,
	/* HELPER_FD_CGROUP is a cgroup below the container's. */
	HELPER_JOIN_CGROUP = 1 << 7,
	/* hook_target_runs_image(): all restrictions of the container apply to the hook. */
	HELPER_RUNS_IMAGE = 1 << 8,
	/* It waits for hookd at its start, and again in the process that continues as the hook. */
	HELPER_IS_HELD = 1 << 9,
};

#define HELPER_DETAIL_SIZE 128

/*
 * pid > 0: the process that continues as the hook. It is a child of hookd, and its pidfd is
 * attached (SCM_RIGHTS). hookd-run creates it since only a new process can be in another pid
 * namespace. Else: `step` has failed.
 */
struct helper_report {
	int32_t pid;
	int32_t step; /* enum spawn_step */
	int32_t error;
	char detail[HELPER_DETAIL_SIZE]; /* which part of the step ("RLIMIT_NOFILE"), or "" */
};

/*
 * It is followed, without gaps, by the instructions of the filter, the namespaces, the groups
 * (in this order all are aligned), then by strings with their NULs: path, dir, soft dir, args,
 * env, AppArmor profile, SELinux label, paths of the namespaces, path of the listener and the rest
 * of its message. A string that is absent (has_dir, a NULL pointer in the settings) is left out.
 */
struct helper_message {
	uint32_t flags;
	int32_t caller_pid, container_pid; /* in hookd's pid namespace */
	uint32_t argc, envc;
	uint8_t has_dir, has_soft_dir;
	/* Its pointers are addresses in hookd: only whether they are NULL means something. */
	struct hp_settings settings;
	uint32_t filter_count; /* instructions; 0: no filter */
	uint32_t filter_flags; /* for seccomp(2) */
	uint64_t timeout_ns;   /* the hook's; 0: none */
	/*
	 * What failed under the filter. hookd-run writes it by a store to the shared mapping, since
	 * the filter may refuse any system call; hookd reads it when hookd-run has ended.
	 */
	struct helper_report report;
	char data[] __attribute__((aligned(8)));
};

struct spawn_spec;
struct hook_target;
struct helper_settings;

/* Returns a memfd with the message, or -errno. For hookd. */
int helper_message_open(const struct spawn_spec *spec, const struct hook_target *target,
			const struct helper_settings *settings, uint32_t flags);
