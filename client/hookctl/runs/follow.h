/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/hookctl/hookctl.h"
#include "proto/messages/told.h"

/*
 * Shows the events of a run as they arrive; on several connections, one after the other, each one
 * once.
 */

struct follow_stream {
	char tail[4]; /* the start of a character that the next bytes complete */
	size_t tail_length;
	bool is_terminal;
	bool is_mid_line;
};

struct follow {
	const struct ctl *ctl;
	struct follow_stream streams[2]; /* stdout, stderr */
	struct hp_told told;
};

struct follow follow_new(const struct ctl *ctl);
/* One reply of Run that is not the last. Returns 0 or a negative errno. */
int follow_event(struct follow *follow, struct hp_json_value reply);
/* Writes what is left, before the result is shown. */
void follow_end(struct follow *follow);
