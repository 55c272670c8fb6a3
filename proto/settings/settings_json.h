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
 * ("linux.seccomp.syscalls[3].args[0].op"). Fields that cannot mean anything for a process that is
 * not the container's own (mounts, rootfs, hostname, ...) are passed over, as are unknown ones
 * (config.md "Extensibility") but those that can only be a mistake; docs/PROTOCOL.md lists them.
 */

/*
 * A fragment of config.json, or the whole, or libcontainer's Config. An absent value is an error;
 * an object without anything gives settings without anything. Sizes are bounded (limits.h).
 */
int hp_settings_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		     struct hp_settings **ret_settings, struct hp_err *err);

/*
 * linux.seccomp, or Config.seccomp. *ret_seccomp is NULL for a profile that says nothing, which
 * runc takes for none. Names of system calls are not looked at. What docker's own format has over
 * runtime-spec's ("includes", "excludes", "archMap") is refused where it says something.
 */
int hp_seccomp_read(struct hp_json_value value, enum hp_dialect dialect, struct hp_arena *arena,
		    struct hp_seccomp **ret_seccomp, struct hp_err *err);

/*
 * As runc's Config of today would be written, with what settings can hold; reading it gives the
 * same. -ENOTSUP with the path of what libcontainer's Config has no field for: the user, a limit of
 * 0 where Go's 0 means that there is none, a part of the access to every device. What stands in the
 * buffer is then not to be used. Integers are digits, however great, as Go wants them.
 */
int hp_settings_write(struct hp_json_writer *writer, const struct hp_settings *settings,
		      struct hp_err *err);
/*
 * libcontainer's Seccomp: one entry per system call name. Equal profiles give equal bytes. Flags
 * that are absent are written as what runc makes of them, SPEC_ALLOW.
 */
void hp_seccomp_write(struct hp_json_writer *writer, const struct hp_seccomp *seccomp);

/*
 * Rewrites a path of an error, "linux.resources.memory.limit", to what the dialect calls the field:
 * "cgroups.memory". A path that it has no name for stays as it is.
 */
void hp_settings_path(char path[HP_ERR_PATH_SIZE], enum hp_dialect dialect);
