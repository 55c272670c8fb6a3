/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"

/* Waits for the end of a call that was started, with a terminal that shows how the run goes on. */

struct await {
	struct ctl *ctl;
	const char *run;    /* its id; NULL: not known yet */
	bool is_done;	    /* set by the call's callback */
	bool has_progress;  /* show it on stderr, if that is a terminal */
	bool cancels;	    /* the run ends with hookctl */
	int64_t timeout_us; /* 0: none */
	/* Its own. */
	int64_t started_us, told_us;
	struct hookd_client *observer;
	bool is_line_shown;
};

/* What await_done() returns besides 0 and a negative errno. */
#define AWAIT_TIMED_OUT 1

/*
 * Processes ctl->client until await->is_done, or until the timeout. Ctrl-C ends hookctl here, after
 * a word about the run.
 */
int await_done(struct await *await);
