/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/* Finds the run or the container that a word of the command line means. */

#define RUN_PREFIX_MIN 4 /* digits */

enum resolve_how {
	RESOLVE_ONE,	/* a container with several runs is an error */
	RESOLVE_NEWEST, /* it is the newest one then, and a note says so */
	RESOLVE_WHOLE,	/* as ONE; and a beginning of a container's id does not do */
};

/*
 * A RUN: an id, a unique prefix of one, or a container with one run that is not done, or else with
 * one run; `stage` (or NULL) restricts the runs of a container. *ret is the id, for free(3). 0, or
 * an exit status after a message.
 */
int resolve_run(struct ctl *ctl, const char *word, const char *stage, enum resolve_how how,
		char **ret);

/*
 * A CONTAINER: an id or a unique prefix of one of which hookd has runs. *ret is the id, for
 * free(3). 0, or an exit status after a message; -ESRCH without one if there is no such container.
 */
int resolve_container(struct ctl *ctl, const char *word, char **ret);

/*
 * The container of --container, or the word itself if hookd has no runs of it: there may be one
 * later. *ret is for free(3), and NULL without the option. 0, or an exit status after a message.
 */
int resolve_container_option(struct ctl *ctl, char **ret);

/* Either. One of the two is set. 0, or an exit status after a message. */
int resolve_run_or_container(struct ctl *ctl, const char *word, char **ret_run,
			     char **ret_container);
