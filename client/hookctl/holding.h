/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"

/* Prints what hookd holds for containers. */

/* Appends "Cgroup: /web" and so on, a row for each member that is set. -ENOMEM. */
int holding_write(const struct hookd_applied *applied, struct hp_buf *buf);

/* Appends a table of all containers. -ENOMEM. */
int holding_write_table(const struct hookd_holding_list *holdings, bool has_legend, bool has_colour,
			struct hp_buf *buf);
