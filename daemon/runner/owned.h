/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/runner/channel.h"
#include "proto/messages/request.h"

/*
 * A list that a runner owns, from START to ACKNOWLEDGE: what is needed to run it, and what has come
 * of it, for a hookd that was not there to hear it.
 */
struct owned {
	char run[MESSAGE_RUN_SIZE];
	struct hp_request request;
	struct list_order order;
	struct sock_filter *filter;
	char *path; /* order.default_path */
	int rdt_fds[2];
	struct list *list; /* NULL once it has ended */
	size_t current;	   /* the hook that runs, or ran last */
	int64_t started_us;
	bool is_listened_to, is_paused;
	struct finished_result *results; /* of order.hooks, by index */
	bool has_ended;
	struct ended_body end;
	char *ignored;
	struct runner *runner;
	UT_hash_handle by_run;
};

/* What a runner's lists share with each other and with the process. */
struct runner {
	struct list_starter *starter;
	struct channel *front; /* NULL: there is none now */
	struct owned *lists;   /* by run */
	bool is_full;	       /* the front does not take what it is sent: output waits */
	void (*changed)(struct runner *runner); /* one has ended or is gone, or one is there */
};

/* Begins the list of a START, of which it takes over descriptors. -ENOMEM, -EBADMSG, -EEXIST. */
int owned_start(struct runner *runner, struct message *message) must_check;
struct owned *owned_find(struct runner *runner, const char *run);
void owned_cancel(struct owned *owned);
void owned_listen(struct owned *owned);
void owned_pause(struct owned *owned, bool is_paused);
/* Forgets it; what runs is killed. */
void owned_free(struct owned *owned);
/* Tells the front of it from the beginning. */
void owned_tell(struct owned *owned);
/* The front is gone, and so are those who waited for its listeners. */
void owned_resume_all(struct runner *runner);
/* After runner->is_full has changed. */
void owned_pause_all(struct runner *runner);
