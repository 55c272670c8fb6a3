/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/settings: the settings of a process, and their two JSON dialects: tables of members, checks
 * of values, names of the kernel's flags. All checks that depend on neither machine nor kernel are
 * here.
 *
 * May use: proto/base, proto/json.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/base.h"
#include "proto/settings/resources.h"
#include "proto/settings/seccomp.h"

/*
 * The settings of a process, in the form that both dialects are read into: a fragment of
 * runtime-spec's config.json ({"process": {...}, "linux": {...}}) and libcontainer's Config, of
 * 2020 and of today. Names are resolved to the kernel's numbers; nothing here is applied yet.
 * docs/PROTOCOL.md describes every field of both.
 */

struct hp_user {
	bool is_set;
	uint32_t uid, gid;
	uint32_t *groups; /* additionalGids */
	size_t group_count;
};

enum hp_capability_set {
	HP_CAPABILITIES_BOUNDING,
	HP_CAPABILITIES_EFFECTIVE,
	HP_CAPABILITIES_INHERITABLE,
	HP_CAPABILITIES_PERMITTED,
	HP_CAPABILITIES_AMBIENT,
	HP_CAPABILITY_SET_COUNT,
};

/* A set that is missing in an object is empty. */
struct hp_capabilities {
	bool is_set;
	uint64_t sets[HP_CAPABILITY_SET_COUNT]; /* 1 << CAP_... */
};

#define HP_RLIMITS_MAX 16
struct hp_rlimit {
	int resource;	     /* RLIMIT_... */
	uint64_t soft, hard; /* UINT64_MAX: RLIM_INFINITY */
};

/* sched_setattr(2) */
struct hp_scheduler {
	bool is_set;
	int policy; /* SCHED_... */
	int32_t nice, priority;
	uint64_t flags; /* SCHED_FLAG_... */
	uint64_t runtime_ns, deadline_ns, period_ns;
};

/* ioprio_set(2) */
struct hp_io_priority {
	bool is_set;
	int io_class; /* IOPRIO_CLASS_... */
	int priority; /* 0 to 7 */
	bool has_priority;
};

/* CPUs or NUMA nodes, as sched_setaffinity(2) and set_mempolicy(2) take them. */
#define HP_MASK_BITS 1024
struct hp_mask {
	bool is_set;
	uint64_t words[HP_MASK_BITS / 64];
};

struct hp_memory_policy {
	bool is_set;
	int mode;	    /* MPOL_... */
	unsigned int flags; /* MPOL_F_... */
	struct hp_mask nodes;
};

struct hp_namespace {
	int type;   /* CLONE_NEW... */
	char *path; /* NULL: one that the runtime makes for the container */
};

/* An annotation org.systemd.property.NAME of runtime-spec: for the unit, with systemd's driver. */
struct hp_systemd_property {
	char *name;  /* letters, the first one a capital */
	char *value; /* a text of GVariant, not checked */
};

struct hp_settings {
	struct hp_user user;
	struct hp_uint umask;
	struct hp_capabilities capabilities;
	struct hp_rlimit rlimits[HP_RLIMITS_MAX]; /* each resource once */
	size_t rlimit_count;
	struct hp_int oom_score_adj;
	bool no_new_privileges;
	int parent_death_signal; /* 0: none */
	char *apparmor_profile, *selinux_label;
	struct hp_seccomp *seccomp;
	struct hp_uint personality; /* for personality(2) */
	struct hp_scheduler scheduler;
	struct hp_io_priority io_priority;
	struct hp_mask cpu_affinity_initial, cpu_affinity_final;
	struct hp_memory_policy memory_policy;
	bool no_new_keyring;
	struct hp_namespace *namespaces;
	size_t namespace_count;
	char *cgroups_path;	     /* NULL: absent */
	bool is_cgroups_path_joined; /* of libcontainer's parent, scope_prefix and name */
	struct hp_resources *resources;
	struct hp_intel_rdt *intel_rdt;
	bool rootless_euid, rootless_cgroups;
	struct hp_systemd_property *systemd_properties;
	size_t systemd_property_count;
};
