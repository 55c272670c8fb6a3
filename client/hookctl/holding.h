/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "proto/base/buf.h"
#include "proto/messages/applied.h"

/* What hookd holds for containers, for a person. */

/* Appends "Cgroup: /web" and so on, one row for each thing that is there. -ENOMEM. */
int holding_write(const struct hp_applied *applied, struct hp_buf *buf);

/*
 * Appends a table of them: `containers` is the object of a Holdings reply. -EINVAL where it is
 * none, -ENOMEM.
 */
int holdings_write(struct hp_json_value containers, bool has_legend, bool has_colour,
		   struct hp_buf *buf);
