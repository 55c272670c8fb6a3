/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/integration/harness/client.h"

/*
 * Callers with all kinds of requests, each with a request id: short and long hooks, lists, lists
 * that fail, timeouts, runs that are cancelled, streaming callers. When a connection is lost the
 * request is sent again. Each hook writes one line, so that one can see what has run and how often.
 */
#define LOAD_CALLERS 24

struct load_job {
	unsigned int number; /* of the request */
	bool is_open;	     /* asked for, and not answered */
	bool is_cancelled;   /* by a Cancel that was answered */
	char run[48];	     /* "" until it is told */
	struct client *client;
};

struct load {
	struct harness *harness;
	struct load_job jobs[LOAD_CALLERS];
	unsigned int made, answered, lost, refused;
	bool may_be_lost;	/* a runner was killed */
	int64_t latest_us;	/* the longest time by which a timeout came late */
	unsigned char *outcome; /* by number: enum of mixed_load.c */
	uint64_t random;	/* state of a generator */
};

void load_begin(struct load *load, struct harness *harness, uint64_t seed);
/* Below the bound, from the seed. */
unsigned int load_random(struct load *load, unsigned int bound);
/* Sends and receives for some milliseconds; `is_ending`: no new requests. */
void load_go_on(struct load *load, unsigned int ms, bool is_ending);
/* All connections were closed. */
void load_disconnected(struct load *load);
/* Until every request is answered. */
void load_finish(struct load *load);
/* Fails the test where a hook ran twice, or not as its result says. */
void load_check(struct load *load);
void load_clear(struct load *load);

/* Times of one second, measured by a thread of the test: the largest by which one came late. */
struct control_timer;
struct control_timer *control_timer_start(void);
int64_t control_timer_stop(struct control_timer *control);
