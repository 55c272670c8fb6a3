/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/runner/counter.h"
#include "daemon/runner/runners.h"
#include "tests/daemon/runner/other_side.h"

/* A runner that sends what the test wants, and hookd's side of it, in one event loop. */
struct fake_runner {
	struct event_base *loop;
	int listener;
	struct event *on_connection;
	struct other_side side;
	int connections;
	const char *greeting; /* sent to each hookd that connects, as by fake_runner_send() */
	struct hello_body hello;
	struct counter counter;
};

/* Calls of the listener of one list: words as of fake_runner_send(), and L if the list is lost. */
struct listening {
	char received[512];
	int ended, refusal; /* refusal: errno */
	bool keeps;	    /* an ended list is not acknowledged */
	bool is_cancelled;
};

extern struct event_base *loop;
extern char state_directory[32];
extern struct runners *runners;
extern struct listening listening;
extern const struct list_listener test_listener;
/* Of a test list. */
#define HOOK_COUNT 2
extern size_t adopts;	     /* hook count returned by adopt(); 0: it adopts no list */
extern int adoptions, known; /* calls of adopt() and all_known() */

int runners_set_up(void **state);
/* Frees hookd's side. */
void end_runners(void);
int runners_tear_down(void **state);
#define RUNNERS_TEST(function)                                                                     \
	cmocka_unit_test_setup_teardown(function, runners_set_up, runners_tear_down)

void fake_runner_open(struct fake_runner *fake, unsigned int number);
void fake_runner_close(struct fake_runner *fake);
/*
 * Sends messages. Words: h HELLO, Y SYNCED, and of run "r" O OWNED, S STARTED, M MOVED, T OUTPUT, F
 * FINISHED, f the same of a failed hook, R a refusal, E ENDED, C the same of a cancelled list, s
 * START, I PONG, n COUNTER, v a type of a later version. A number after the letter is the hook's
 * index.
 */
void fake_runner_send(struct fake_runner *fake, const char *words);
/* Creates hookd's side with `count` runners. */
void open_runners(size_t count);
/* The process that hookd kills in the place of fake runners. */
bool stand_in_is_alive(void);
void kill_stand_in(void);
/* Starts a list "r" of HOOK_COUNT hooks. -errno. */
int start_test_list(struct list **ret_list);
