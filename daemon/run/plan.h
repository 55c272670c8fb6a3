/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

/*
 * What hookd asks of hookd-run, and how hookd-run answers. Both are built from one tree and meet
 * in one process, so the layout is that of the compiler.
 *
 * hookd-run is started with the hook's own 0, 1, 2 and these descriptors:
 */
enum plan_fd {
	PLAN_FD_CONTROL = 3, /* SOCK_SEQPACKET to hookd: struct plan_report */
	PLAN_FD_PLAN = 4,    /* a sealed memfd: struct plan and its strings */
	PLAN_FD_TARGET = 5, /* pidfd of the process whose namespaces to enter; /dev/null for none */
	PLAN_FD_COUNT = 6,
};

enum plan_flag {
	/* The hook's path is looked up in the container (startContainer); else before entering. */
	PLAN_RESOLVE_INSIDE = 1 << 0,
	PLAN_ENTER = 1 << 1,
	/* "0" to oom_score_adj: what a fresh process has. */
	PLAN_RESET_OOM_SCORE = 1 << 2,
};

struct plan {
	uint32_t flags;
	int32_t target_pid; /* as hookd's pid namespace counts */
	uint32_t argc, envc;
	uint8_t has_dir, has_soft_dir;
	/* path, dir, soft dir, args, env: each with its NUL, one behind the other */
	char strings[];
};

/*
 * pid > 0: the hook is this process, a child of hookd's own, whose pidfd comes along; it was made
 * because only a new process can be in another pid namespace. Else: `step` failed.
 */
struct plan_report {
	int32_t pid;
	int32_t step; /* enum spawn_step */
	int32_t error;
};
