/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/base.h"
#include "proto/base/err.h"
#include "proto/settings/resources.h"

/*
 * Generates a BPF_PROG_TYPE_CGROUP_DEVICE program from linux.resources.devices. No system call:
 * devices_apply() loads it.
 *
 * Read, write and mknod are decided separately, each by the last rule that matches: after "allow c
 * 1:11 rwm" and "deny c 1:11 w" an open for reading and writing is refused. Without a matching rule
 * access is refused, except to the devices that runc and crun always allow (runtime-spec
 * config-linux.md "Default Devices"): mknod of all, and use of null, zero, full, tty, random,
 * urandom, console, ptmx, pts/N and net/tun. Only rules with is_over_defaults override these.
 */
struct device_program {
	struct bpf_insn *instructions;
	size_t count;
	bool allows_all; /* the same as no program */
};

/*
 * Makes the program. The rules must be valid, as the readers of proto/settings check them. The
 * caller frees the result by device_program_clear(). -ENOMEM.
 */
int device_program_make(const struct hp_device_rule *rules, size_t count,
			struct device_program *ret_program, struct hp_err *err) must_check;
void device_program_clear(struct device_program *program);
