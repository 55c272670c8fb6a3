/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/integration/harness/client.h"

/*
 * Callers with all kinds of requests, each with a request id: short and long hooks, lists, lists
 * that fail, timeouts, runs that are cancelled, streaming callers. When a connection is lost the
 * request is sent again. Each hook writes one line, so that the test can count how often it has
 * run.
 */
#define LOAD_CALLERS 24

struct load_job {
	unsigned int number; /* of the request */
	bool is_open;	     /* requested, and not answered yet */
	bool is_cancelled;   /* by a Cancel that was answered */
	char run[48];	     /* id; "" until it is known */
	struct client *client;
};

struct load {
	struct harness *harness;
	struct load_job jobs[LOAD_CALLERS];
	unsigned int made, answered, lost, refused;
	bool may_be_lost;	/* a runner was killed */
	int64_t latest_us;	/* the largest delay of a timeout */
	unsigned char *outcome; /* by number: enum outcome of mixed_load.c */
	uint64_t random;	/* state of a generator */
};

void load_begin(struct load *load, struct harness *harness, uint64_t seed);
/* A pseudo-random number below the bound. */
unsigned int load_random(struct load *load, unsigned int bound);
/* Sends and receives for `ms` milliseconds; `is_ending`: no new requests. */
void load_go_on(struct load *load, unsigned int ms, bool is_ending);
/* Call when all connections were closed. */
void load_disconnected(struct load *load);
/* Waits until every request is answered. */
void load_finish(struct load *load);
/* Fails the test if a hook ran twice, or if its result is wrong. */
void load_check(struct load *load);
void load_clear(struct load *load);

/*
 * Timeouts of one second in threads of the test, for comparison. stop() returns the largest delay,
 * in microseconds.
 */
struct control_timer;
struct control_timer *control_timer_start(void);
int64_t control_timer_stop(struct control_timer *control);
