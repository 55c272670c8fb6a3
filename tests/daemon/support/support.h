/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Shared by most tests of the daemon. */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/base/base.h"
#include "tests/group/group.h"

/* Ends the program where it hangs; for every main(). */
void bound_time(void);

/* ---- the event loop ---- */

/* With the flags that the daemon's own has. */
struct event_base *loop_new(void);

/* Waits for an event, at most until the deadline (CLOCK_MONOTONIC). False: it has passed. */
bool loop_turn(struct event_base *base, int64_t deadline_ns);

#define WAIT_NS (60 * 1000000000ll)

/* Runs the event loop until the condition is true. */
#define wait_for(base, condition)                                                                  \
	do {                                                                                       \
		int64_t deadline_ns_ = clock_ns(CLOCK_MONOTONIC) + WAIT_NS;                        \
		while (!(condition) && loop_turn(base, deadline_ns_))                              \
			continue;                                                                  \
		assert_true(condition);                                                            \
	} while (0)

/* ---- processes ---- */

/*
 * Calls the function in a child and returns what it returns, or -1 when the child was killed.
 * cmocka's assertions would jump out of there: the function uses CHECK().
 */
int in_child(int (*function)(void *userdata), void *userdata);

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
			return 1;                                                                  \
		}                                                                                  \
	} while (0)

/* The state letter of /proc/PID/stat ('R', 'S', 'T', 'Z'), or 0 where there is no process. */
char process_state(pid_t pid);

/* Moves the caller into a mount namespace of its own. */
bool own_mounts(void);

/* ---- files ---- */

/* A file in memory with this text; its path is valid while the descriptor is open. */
int memory_file(const char *text, size_t length, char path[static 32]);

/* The whole file, with a NUL; the caller frees it. NULL: it cannot be read. */
char *read_whole(const char *path, size_t *ret_length);

/* Reads until the end of the stream, at most `size`. */
size_t read_all(int fd, char *bytes, size_t size);

/* Redirects stderr to memory from here on... */
struct grab {
	int saved, memory;
};
void grab_stderr(struct grab *grab);
/* ...until here. The caller frees the text. */
char *grab_end(struct grab *grab);

/* A directory below /tmp for one test. */
void temporary_directory(char path[static 32]);
