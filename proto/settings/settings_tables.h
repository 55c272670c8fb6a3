/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/base/names.h"
#include "proto/json/json.h"
#include "proto/settings/fields.h"
#include "proto/settings/settings.h"

/*
 * The tables that read and write settings, and what they share. Internal to proto/. "oci" tables
 * read, "libcontainer" ones read and write.
 */

/* Of a struct hp_settings. */
extern const struct hp_table hp_oci_settings_table;
extern const struct hp_table hp_libcontainer_settings_table;

/* ---- of the filter ---- */

/* Of a struct hp_seccomp; hp_seccomp_read() reads by them. */
extern const struct hp_table hp_seccomp_tables[HP_DIALECT_COUNT];

/* ---- of the process ---- */

/* Both dialects write them as runtime-spec does. */
extern const struct hp_table hp_scheduler_table, hp_io_priority_table;
/* A uint64_t that -1 makes RLIM_INFINITY. */
extern const struct hp_field_type hp_field_rlimit_value;
/* No resource twice; the soft limit is not above the hard one. */
int hp_rlimit_check(void *object, const void *first, struct hp_err *err);
/* No type twice. */
int hp_namespace_check(void *object, const void *first, struct hp_err *err);
/* The mode and the nodes fit together. */
int hp_memory_policy_check(void *object, const void *first, struct hp_err *err);

#define HP_RLIMIT_VALUE(key, member)                                                               \
	HP_FIELD(key, hp_field_rlimit_value, struct hp_rlimit, member, uint64_t,                   \
		 .is_required = true)

/* ---- of the cgroup ---- */

/* Of a struct hp_resources, and of `cgroups`: the tables of the two types below. */
extern const struct hp_table hp_oci_resources_table, hp_libcontainer_cgroup_table;
/* A pointer to a struct hp_resources; NULL if nothing in it is set. */
extern const struct hp_field_type hp_field_oci_resources;
/* `cgroups` of libcontainer's Config: resources, cgroups_path and rootless_cgroups of settings. */
extern const struct hp_field_type hp_field_libcontainer_cgroup;
/* runtime-spec's blockIO weight: a struct hp_uint. */
extern const struct hp_field_type hp_field_io_weight;
/* A struct hp_uint; -1 is absent. */
extern const struct hp_field_type hp_field_swappiness;
/* "rwm" in a hp_device_rule.access. */
extern const struct hp_field_type hp_field_device_access;

bool hp_resources_is_empty(const struct hp_resources *resources);

int hp_check_cgroups_path(const char *text, struct hp_err *err);
int hp_check_page_size(const char *text, struct hp_err *err);
int hp_check_cpu_list(const char *text, struct hp_err *err);
/* A file of cgroup v2 that limits something, none that moves or kills. */
int hp_check_unified_file(const char *text, struct hp_err *err);
int hp_check_unified_value(const char *text, struct hp_err *err);
/* `swap` and `limit` are the names of the fields in the dialect. */
int hp_check_swap(const struct hp_memory *memory, const char *swap, const char *limit,
		  struct hp_err *err);
/* weight or leafWeight must be there. */
int hp_weight_device_check(void *object, const void *first, struct hp_err *err);

/* ---- of the resctrl group ---- */

extern const struct hp_table hp_oci_intel_rdt_table, hp_libcontainer_intel_rdt_table;
