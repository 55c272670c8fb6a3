/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/* One run in full, as inspect, run and wait show it. */

/* Appends what the reply of hookd_get() says. 0 or -ENOMEM. */
int details_append(const struct ctl *ctl, const struct hookd_reply *reply, struct hp_buf *buf);

/* "17B", "12K", "3.4M". */
#define DETAILS_SIZE 24
const char *details_format_bytes(uint64_t bytes, char buffer[static DETAILS_SIZE]);

/* The hooks of the reply of hookd_get(), of a run that is done or not. */
size_t details_hook_count(const struct hookd_reply *reply);
const struct hookd_hook_result *details_hook(const struct hookd_reply *reply, size_t index);
