/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * linux.resources.devices as a BPF_PROG_TYPE_CGROUP_DEVICE program. Touches nothing:
 * devices_apply() loads it.
 *
 * Each kind of access is decided by the last rule that covers it: after "allow c 1:11 rwm" and
 * "deny c 1:11 w" an open for reading and writing is refused. What no rule covers is refused, but
 * for the devices that runc and crun allow whatever the rules say (runtime-spec config-linux.md
 * "Default Devices"): mknod of all, and use of null, zero, full, tty, random, urandom, console,
 * ptmx, pts/N and net/tun. Rules that are over the defaults count for these too.
 */
struct device_program {
	struct bpf_insn *instructions;
	size_t count;
	bool allows_all; /* as good as none */
};

/* Of rules as proto/settings/settings.h has read them, or as good. -ENOMEM. */
int device_program_make(const struct hp_device_rule *rules, size_t count,
			struct device_program *ret_program, struct hp_err *err) must_check;
void device_program_clear(struct device_program *program);
