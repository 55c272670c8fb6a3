/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/base/buf.h"
#include "proto/messages/applied.h"

/* Prints what hookd holds for containers. */

/* Appends "Cgroup: /web" and so on, a row for each member that is set. -ENOMEM. */
int holding_write(const struct hp_applied *applied, struct hp_buf *buf);

/*
 * Appends a table of all containers: `containers` is the member of a Holdings reply. -EINVAL if it
 * is not valid, -ENOMEM.
 */
int holding_write_table(struct hp_json_value containers, bool has_legend, bool has_colour,
			struct hp_buf *buf);
