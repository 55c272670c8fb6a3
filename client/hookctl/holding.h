/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/table/table.h"
#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

/* Prints what hookd holds for containers. */

/* Appends "Cgroup: /web" and so on, a row for each member that is set. -ENOMEM. */
int holding_write(const struct hookd_applied *applied, struct hp_buf *buf);

/* Appends a table of all containers. -ENOMEM. */
int holding_write_table(const struct hookd_holding_list *holdings, const struct table_style *style,
			struct hp_buf *buf);

/* Appends [{"container": ID, ...}, ...] of the map that Holdings returns. -ENOMEM. */
int holding_write_json(struct hp_json_value containers, struct hp_buf *buf);
/* The names of its members, for --format. */
#define HOLDING_NAMES                                                                              \
	"container|cgroupPath|cgroupCreated|rdtGroup|rdtCreated|schemata|process|ignored|"         \
	"updateInterrupted"
