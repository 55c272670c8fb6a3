/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <sys/queue.h>
#include <uthash.h>

#include "daemon/runner/channel.h"
#include "daemon/runner/counter.h"
#include "proto/messages/request.h"

/*
 * A list that a runner owns, from START to ACKNOWLEDGE: what is needed to run it, and its results,
 * for a hookd that connects later.
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
	/* Progress of sending the list to a front that has connected after START. */
	bool is_resent, is_announced; /* all of it; OWNED */
	size_t resent_results;	      /* index of the next result to send */
	TAILQ_ENTRY(owned) not_resent;
	struct runner *runner;
	UT_hash_handle by_run;
};

/* State shared by the lists of a runner. The callbacks are those of the process (runner.c). */
struct runner {
	struct list_starter *starter;
	struct channel *front; /* connection of the front (front.h); NULL: none now */
	struct owned *lists;   /* by run */
	TAILQ_HEAD(, owned) not_resent;
	bool has_cgroups;
	bool is_full;	 /* too much waits to be sent to the front: reading of output is paused */
	bool is_syncing; /* not all lists have been sent to the front yet */
	struct counter counter; /* of the STARTs that were read from the front */
	int socket_fd;		/* its socket's file, O_PATH; -1: not known */
	struct event *sync_more;
	void (*changed)(
	    struct runner *runner); /* a list has started, ended or was freed; or another front */
	void (*configure)(struct runner *runner, const struct configure_body *body);
	void (*stop)(struct runner *runner, bool is_at_once);
};

/* Starts the list of a START, and takes over its descriptors. -ENOMEM, -EBADMSG, -EEXIST. */
int owned_start(struct runner *runner, struct message *message) must_check;
struct owned *owned_find(struct runner *runner, const char *run);
void owned_cancel(struct owned *owned);
void owned_listen(struct owned *owned);
void owned_recall(struct owned *owned);
void owned_pause(struct owned *owned, bool is_paused);
/* Kills the running hook, and frees the list. */
void owned_free(struct owned *owned);
/* For a new front: begins to send all lists to it, each from its beginning. */
void owned_resend_all(struct runner *runner);
/* Sends the next message of these. False: all are sent. */
bool owned_resend_next(struct runner *runner);
/* The front has disconnected, and with it all clients for which output was paused. */
void owned_resume_all(struct runner *runner);
/* After runner->is_full has changed. */
void owned_pause_all(struct runner *runner);
