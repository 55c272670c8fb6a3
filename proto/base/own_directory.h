/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The default directory of hookd's socket. For root it is HP_SYSTEM_DIRECTORY. For other users it
 * is "hookd" in $XDG_RUNTIME_DIR or, without that, in /run/user/UID; if that does not exist either,
 * HP_SYSTEM_DIRECTORY. A uid 0 of another user namespace than the initial one (a rootless engine)
 * is the user that it is mapped to, and UID is that user's number.
 */

#define HP_SYSTEM_DIRECTORY "/run/hookd"
#define HP_SOCKET_NAME	    "hookd.sock"
#define HP_STATE_NAME	    "state" /* hookd's state directory, in the directory of the socket */
#define HP_SPOOL_NAME	    "spool" /* the spool, in the state directory: proto/spool */

#define HP_INITIAL_USER_NAMESPACE 0xeffffffdu /* its inode number, in all kernels */
/* What the kernel shows in other user namespaces for a uid that is not mapped there. */
#define HP_OVERFLOW_UID 65534

/*
 * Without `trusts_environment` $XDG_RUNTIME_DIR is ignored. A set-user-id program always ignores
 * it. -ENAMETOOLONG.
 */
int hp_own_directory(bool trusts_environment, char *ret_path, size_t size);

/*
 * -EPERM for a directory that belongs to another user than this process's, or that others may write
 * to, or another -errno; then `reason` is a text that continues a sentence after the path. On an
 * open descriptor, since only the owner could change either later.
 */
int hp_own_directory_check(int fd, char *reason, size_t size);
