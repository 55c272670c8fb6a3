/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/base.h"

/*
 * A seccomp profile in the one form that both dialects are read into (runtime-spec config-linux.md
 * "Seccomp"; runc libcontainer/configs Seccomp). Values are as in the profile;
 * daemon/seccomp/compile.c makes a filter of them.
 */

/* The numbers are those of libcontainer's Action. KILL and KILL_THREAD mean the same. */
enum hp_seccomp_action {
	HP_SECCOMP_KILL = 1,
	HP_SECCOMP_ERRNO,
	HP_SECCOMP_TRAP,
	HP_SECCOMP_ALLOW,
	HP_SECCOMP_TRACE,
	HP_SECCOMP_LOG,
	HP_SECCOMP_NOTIFY,
	HP_SECCOMP_KILL_THREAD,
	HP_SECCOMP_KILL_PROCESS,
	HP_SECCOMP_ACTION_END,
};
/* "SCMP_ACT_KILL", ...; indexed by the enum, [0] is NULL. */
extern const char *const hp_seccomp_action_names[HP_SECCOMP_ACTION_END];

/* The numbers are those of libcontainer's Operator. */
enum hp_seccomp_operator {
	HP_SECCOMP_EQ = 1,
	HP_SECCOMP_NE,
	HP_SECCOMP_GT,
	HP_SECCOMP_GE,
	HP_SECCOMP_LT,
	HP_SECCOMP_LE,
	HP_SECCOMP_MASKED_EQ, /* (argument & value) == value_two */
	HP_SECCOMP_OPERATOR_END,
};
/* "SCMP_CMP_EQ", ...; indexed by the enum, [0] is NULL. */
extern const char *const hp_seccomp_operator_names[HP_SECCOMP_OPERATOR_END];

/* All architectures of runtime-spec; libseccomp may not know all of them. */
struct hp_seccomp_arch {
	const char *oci;	  /* "SCMP_ARCH_X86_64" */
	const char *libcontainer; /* "amd64" */
};
extern const struct hp_seccomp_arch hp_seccomp_archs[];
extern const size_t hp_seccomp_arch_count;
/* True for the architecture that this program was compiled for. */
bool hp_seccomp_is_machine(uint32_t arch);

/* Bits of hp_seccomp.flags, in the order of hp_seccomp_flag_names. */
enum hp_seccomp_flag {
	HP_SECCOMP_FLAG_TSYNC,
	HP_SECCOMP_FLAG_LOG,
	HP_SECCOMP_FLAG_SPEC_ALLOW,
	HP_SECCOMP_FLAG_WAIT_KILLABLE_RECV,
	HP_SECCOMP_FLAG_COUNT,
};
/* "SECCOMP_FILTER_FLAG_TSYNC", ... */
extern const char *const hp_seccomp_flag_names[HP_SECCOMP_FLAG_COUNT];

struct hp_seccomp_arg {
	uint32_t index; /* 0 to 5 */
	enum hp_seccomp_operator op;
	uint64_t value, value_two;
};

/* Of docker's profiles; what is 0 or NULL is no condition. */
struct hp_seccomp_condition {
	uint64_t capabilities; /* 1 << CAP_... */
	char **archs;	       /* Go's names, such as "amd64" */
	char *min_kernel;      /* "4.8" */
};

struct hp_seccomp_rule {
	char **names; /* at least one */
	enum hp_seccomp_action action;
	struct hp_uint errno_ret; /* for ERRNO and TRACE; refused for the others */
	struct hp_seccomp_arg *args;
	size_t arg_count;
	/* Nothing is left of these when hp_seccomp_resolve() has returned. */
	struct hp_seccomp_condition includes, excludes;
	char **old_names;	    /* of docker's `name`: moved to `names` when it was read */
	struct hp_uint errno_named; /* of podman's `errno`: moved to `errno_ret` */
};

struct hp_seccomp {
	enum hp_seccomp_action default_action;
	struct hp_uint default_errno_ret;
	struct hp_uint default_errno_named; /* of podman's `defaultErrno`: moved likewise */
	uint32_t *archs;		    /* indexes in hp_seccomp_archs */
	size_t arch_count;
	bool has_flags; /* absent and [] differ: absent stands for the default flags */
	uint32_t flags; /* 1u << enum hp_seccomp_flag */
	struct hp_seccomp_rule *rules;
	size_t rule_count;
	char *listener_path, *listener_metadata; /* NULL: none */
};
