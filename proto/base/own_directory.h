/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Where hookd and its clients meet when nobody names a place. Of root it is HP_SYSTEM_DIRECTORY. Of
 * anybody else it is "hookd" in $XDG_RUNTIME_DIR or, without that, in /run/user/UID; and where that
 * is not there either, HP_SYSTEM_DIRECTORY. A uid 0 of another user namespace than the initial one
 * is the user whom its number stands for (an engine without root), and UID is that user's number.
 */

#define HP_SYSTEM_DIRECTORY "/run/hookd"
#define HP_SOCKET_NAME	    "hookd.sock"

/*
 * `trusts_environment`: else $XDG_RUNTIME_DIR is somebody else's word and is not looked at. A
 * set-user-id program never looks at it. -ENAMETOOLONG.
 */
int hp_own_directory(bool trusts_environment, char *ret_path, size_t size);
