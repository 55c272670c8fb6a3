/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "daemon/cgroup/device_program.h"

/*
 * Controls which devices the processes of a cgroup may open and may make nodes of. Cgroup v2 does
 * that by a BPF program that is attached to the directory until the cgroup is removed. Needs
 * CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN. Blocks while the kernel verifies and compiles the
 * program: 0.1 ms, and 10 us for each rule.
 */

#define DEVICES_PROGRAMS_MAX 64 /* the kernel's limit for one cgroup */

/* What devices_undo() needs. */
struct devices_journal {
	int made;			 /* the program that was attached; -1: none */
	int found[DEVICES_PROGRAMS_MAX]; /* the programs that were attached before */
	size_t found_count;
	uint32_t flags; /* of `found`, for attaching them again */
};

#define DEVICES_JOURNAL_INIT ((struct devices_journal){.made = -1})

/*
 * Replaces the programs that are attached to the cgroup by one for the rules; programs of its
 * ancestors stay in force. At every moment the old or the new rules apply. With `count` 0 nothing
 * is changed; and where no program is attached, rules that allow everything attach none.
 *
 * `cgroup_fd` is a directory of cgroup2, O_PATH is enough. `journal` may be NULL; else it must be
 * DEVICES_JOURNAL_INIT, and the caller closes it by devices_journal_clear(). On failure *err gets
 * "devices" and the step that failed, and nothing has changed. -errno.
 */
int devices_apply(int cgroup_fd, const struct hp_device_rule *rules, size_t count,
		  struct devices_journal *journal, struct hp_err *err) must_check;

/* Attaches the programs that were attached before. 0, or -errno. */
int devices_undo(int cgroup_fd, const struct devices_journal *journal);
void devices_journal_clear(struct devices_journal *journal);
