/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/base/names.h"
#include "proto/settings/fields.h"
#include "proto/settings/seccomp.h"

/* Parts of the tables of seccomp profiles. Internal to proto/. */

/* Architectures, and `archMap` of docker: the `archs` of a struct hp_seccomp. */
extern const struct hp_field_type hp_field_oci_archs, hp_field_libcontainer_archs,
    hp_field_arch_map;

/* Of a struct hp_seccomp_rule: `includes`, `excludes`. */
extern const struct hp_table hp_seccomp_includes_table, hp_seccomp_excludes_table;

/*
 * `errno` and `defaultErrno`, by which podman names the number beside it: a struct hp_uint, which
 * counts in place of the number.
 */
extern const struct hp_field_type hp_field_errno_name;
