/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/base/names.h"
#include "proto/json/json.h"
#include "proto/json/json_writer.h"
#include "proto/settings/settings.h"

/*
 * Settings and their JSON.
 *
 * Readers allocate in `arena` and fail with -EINVAL and a path relative to the value
 * ("linux.seccomp.syscalls[3].args[0].op"). Fields that have no meaning for a process other than
 * the container's own (mounts, rootfs, hostname, ...) are ignored, and so are unknown ones
 * (config.md "Extensibility"), except those that can only be a mistake; docs/PROTOCOL.md lists
 * them.
 */

/*
 * A fragment of config.json, or the whole, or libcontainer's Config. An absent value is an error;
 * an object without anything gives settings without anything. Sizes are bounded (limits.h).
 */
int hp_settings_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		     struct hp_settings **ret_settings, struct hp_err *err);

/*
 * The dialect that a document is written in, by its outermost members: config.json, a part of it or
 * a profile; libcontainer's Config, runc's state.json or a profile. HP_DIALECT_COUNT: they do not
 * tell.
 */
enum hp_dialect hp_settings_find_dialect(struct hp_json_value root);

/*
 * linux.seccomp, or Config.seccomp. *ret_seccomp is NULL for a profile without a default and
 * without rules, which runc treats as none. Names of system calls are not checked. The conditions
 * of docker's profiles ("includes", "excludes") stay in the rules: call hp_seccomp_resolve() before
 * the profile is used. hp_settings_read() has done that.
 */
int hp_seccomp_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		    struct hp_seccomp **ret_seccomp, struct hp_err *err);

/*
 * Takes out the rules whose conditions do not hold on this machine, for a container with these
 * capabilities (process.capabilities.bounding). `bounding` NULL: they are not known; then a rule
 * that depends on them is -EINVAL, and the reason says that it depends on `needed`.
 */
int hp_seccomp_resolve(struct hp_seccomp *seccomp, const uint64_t *bounding, const char *needed,
		       struct hp_err *err);

#define HP_SYSTEMD_PROPERTY "org.systemd.property." /* begins the names of such annotations */

/* A list of names of capabilities, as process.capabilities has them: 1 << CAP_... */
int hp_capabilities_read(struct hp_json_value value, uint64_t *ret, struct hp_err *err);

/*
 * As runc's Config of today would be written, with what settings can hold; reading it gives the
 * same. -ENOTSUP with the path of what libcontainer's Config cannot express: the user, a limit of 0
 * where 0 means unset in Go, a part of the access to all devices. The output is then invalid.
 * Integers are digits, also beyond 2^63-1, as Go reads them.
 */
int hp_settings_write(struct hp_json_writer *writer, const struct hp_settings *settings,
		      struct hp_err *err);
/*
 * libcontainer's Seccomp: one entry per system call name. Equal profiles give equal bytes. Absent
 * flags are written as SPEC_ALLOW, the default of runc.
 */
void hp_seccomp_write(struct hp_json_writer *writer, const struct hp_seccomp *seccomp);

/*
 * Rewrites a path of an error, "linux.resources.memory.limit", to the name of the field in the
 * dialect: "cgroups.memory". A path without such a name stays as it is.
 */
void hp_settings_path(char path[HP_ERR_PATH_SIZE], enum hp_dialect dialect);
