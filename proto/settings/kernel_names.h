/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/settings/fields.h"

/*
 * Names of the kernel's numbers, as runtime-spec and libcontainer write them. The numbers are the
 * kernel's (include/uapi/linux), copied since musl comes without its headers.
 */

extern const struct hp_names hp_capability_names;	  /* 1 << CAP_... */
extern const struct hp_names hp_rlimit_names;		  /* RLIMIT_... */
extern const struct hp_names hp_scheduler_policy_names;	  /* SCHED_... */
extern const struct hp_names hp_scheduler_flag_names;	  /* SCHED_FLAG_... */
extern const struct hp_names hp_io_class_names;		  /* IOPRIO_CLASS_... */
extern const struct hp_names hp_memory_policy_mode_names; /* MPOL_... */
extern const struct hp_names hp_memory_policy_flag_names; /* MPOL_F_... */
extern const struct hp_names hp_namespace_names;	  /* CLONE_NEW..., of runtime-spec */
extern const struct hp_names hp_libcontainer_namespace_names;
extern const struct hp_names hp_personality_names; /* PER_... */

/* All of MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES, MPOL_F_NUMA_BALANCING. */
#define HP_MEMORY_POLICY_FLAGS 0xe000u
#define HP_PER_LINUX	       0
#define HP_PER_LINUX32	       8
