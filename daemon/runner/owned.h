/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <sys/queue.h>
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
	/* What this front has been told of what there was before it came. */
	bool is_told, is_announced;
	size_t told_results; /* index of the next one */
	TAILQ_ENTRY(owned) untold;
	struct runner *runner;
	UT_hash_handle by_run;
};

/* What a runner's lists share with each other and with the process. */
struct runner {
	struct list_starter *starter;
	struct channel *front; /* NULL: there is none now */
	struct owned *lists;   /* by run */
	TAILQ_HEAD(, owned) untold;
	bool has_cgroups;
	bool is_full;	 /* the front does not take what it is sent: output waits */
	bool is_telling; /* the front has not been told of all lists yet */
	struct event *tell_more;
	void (*changed)(struct runner *runner); /* a list or the front has come, ended or gone */
	void (*configure)(struct runner *runner, const struct configure_body *body);
	void (*stop)(struct runner *runner, bool is_at_once);
};

/* Begins the list of a START, of which it takes over descriptors. -ENOMEM, -EBADMSG, -EEXIST. */
int owned_start(struct runner *runner, struct message *message) must_check;
struct owned *owned_find(struct runner *runner, const char *run);
void owned_cancel(struct owned *owned);
void owned_listen(struct owned *owned);
void owned_pause(struct owned *owned, bool is_paused);
/* Forgets it; what runs is killed. */
void owned_free(struct owned *owned);
/* For a new front: all lists are to be told to it from the beginning, and none before. */
void owned_tell_all(struct runner *runner);
/* Sends the next message of that. False: there was none. */
bool owned_tell_next(struct runner *runner);
/* The front is gone, and so are those who waited for its listeners. */
void owned_resume_all(struct runner *runner);
/* After runner->is_full has changed. */
void owned_pause_all(struct runner *runner);
