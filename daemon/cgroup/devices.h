/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdint.h>

#include "daemon/cgroup/device_program.h"

/*
 * Which devices the processes of a cgroup may open and make nodes of. Cgroup v2 has no file for it:
 * a BPF program is attached to the directory, and stays for as long as the cgroup does. Needs
 * CAP_BPF and CAP_NET_ADMIN, or CAP_SYS_ADMIN. Blocks while the kernel verifies and compiles the
 * program: 0.1 ms, and 10 us more for each rule.
 */

#define DEVICES_PROGRAMS_MAX 64 /* that the kernel attaches to one cgroup */

/* For whoever may have to undo. */
struct devices_journal {
	int made; /* the program attached; -1: none was */
	int found[DEVICES_PROGRAMS_MAX];
	size_t found_count;
	uint32_t flags; /* how those were attached */
};

#define DEVICES_JOURNAL_INIT ((struct devices_journal){.made = -1})

/*
 * Puts the rules in the place of what is attached to the cgroup itself; programs of its ancestors
 * go on to count. There is no moment at which neither the old nor the new rules are in force. No
 * rules (`count` 0) change nothing, and rules that allow everything attach nothing where nothing
 * is attached.
 *
 * `cgroup_fd` is a directory of cgroup2, O_PATH is enough. `journal` may be NULL. Fills *err with
 * "devices" and the step that failed; nothing has changed then.
 */
int devices_apply(int cgroup_fd, const struct hp_device_rule *rules, size_t count,
		  struct devices_journal *journal, struct hp_err *err) must_check;

/* Puts back what was attached before. */
int devices_undo(int cgroup_fd, const struct devices_journal *journal);
void devices_journal_clear(struct devices_journal *journal);
