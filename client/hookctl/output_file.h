/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/* The file of --output, for what is no text for a terminal. */

/* "-" was given. */
bool output_file_is_stdout(const struct ctl *ctl);
/* Writes all of it to --output, which was given. 0, or an exit status after a message. */
int output_file_write(const struct ctl *ctl, const void *bytes, size_t length);
