/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Names that are used in messages. */

enum hp_dialect { HP_DIALECT_OCI, HP_DIALECT_LIBCONTAINER, HP_DIALECT_COUNT };
extern const char *const hp_dialect_names[HP_DIALECT_COUNT];

/* "ENOENT", "SIGKILL"; "errno 4095" or "signal 99" where the number has no name. */
const char *hp_errno_name(int error, char buffer[static 24]);
const char *hp_signal_name(int signal, char buffer[static 24]);
int hp_errno_from_name(const char *name);
int hp_signal_from_name(const char *name);
