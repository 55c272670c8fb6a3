/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/* Which runs are meant: --container, --stage, --since and so on. */

struct filter {
	struct hookd_run_filter of; /* without a limit */
	char *container;
};

/*
 * Reads the options that were given. A prefix of a container's id becomes the id. 0, or an exit
 * status after a message.
 */
int filter_read(struct ctl *ctl, struct filter *ret);
void filter_free(struct filter *filter);

/* The time that an option has; 0 without it. 0, or an exit status after a message. */
int filter_read_time(const struct ctl *ctl, enum option_id id, int64_t *ret_us);
/* A number from 0 on; `otherwise` without the option. 0, or an exit status after a message. */
int filter_read_count(const struct ctl *ctl, enum option_id id, uint64_t otherwise, uint64_t *ret);
