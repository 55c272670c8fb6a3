/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/* cmocka wants these before itself. */

#include "proto/base/buf.h"
#include "tests/group/group.h"

/*
 * One real hookd for one test: started on a socket in a fresh directory, stopped with SIGTERM, and
 * looked at when it has ended. A test that used hookd well has failed all the same when hookd
 *	- did not end with status 0, or a sanitizer had something to say,
 *	- kept a descriptor or a child that it did not have before the test,
 *	- left its cgroups or its socket behind, or a process of a hook that was not to linger.
 *
 * Nothing here sleeps to let something happen; where the kernel has no event to wait for, the fact
 * is looked at again and again for at most DEADLINE_MS, which only a failing test uses up.
 */

#define DEADLINE_MS 10000

struct client;

struct harness {
	char directory[64]; /* of this test alone: the socket, the helper and the test's files */
	char socket[96];
	char hook[96]; /* a copy of the helper: processes are known by its path */
	char config[96];
	pid_t pid;    /* 0: not running */
	pid_t runner; /* of hookd-runner, whose children the hooks are; or `pid` */
	int pidfd;
	int log;	    /* hookd's stderr, the read end */
	struct hp_buf said; /* what came out of it so far */
	int fds_at_start;
	char cgroup[320];      /* hookd's own; "" where it has none */
	char left_cgroup[320]; /* of a hookd that crashed */
	bool leaves_children;  /* the test ends with processes that linger */
	TAILQ_HEAD(client_list, client) clients;
};

/* How hookd is started; all zeroes is how the tests usually do. */
struct start {
	const char *config;	  /* the text of a configuration file */
	const char *arguments[4]; /* more of them */
	void (*in_child)(void);	  /* before the exec */
	const char *says;	  /* on stderr before it is ready; NULL: anything */
	unsigned int runners;	  /* 0: as the environment says */
};

/* ---- a test's frame ---- */

/* Tests that start hookd by themselves, and tests that find it running. */
#define TEST_PREPARED(name) cmocka_unit_test_setup_teardown(name, harness_prepare, harness_end)
#define TEST(name)	    cmocka_unit_test_setup_teardown(name, harness_begin, harness_end)

int harness_prepare(void **state);
int harness_begin(void **state);
int harness_end(void **state);

/* For main(): "--no-cgroups" makes every hookd of the program run without them. */
void harness_read_arguments(int argc, char **argv);
/* Skips the test where hookd has no cgroups, and where the test has not the rights of root. */
void harness_needs_cgroups(const struct harness *harness);
void harness_needs_root(void);

/* ---- hookd ---- */

void harness_start(struct harness *harness, const struct start *start);
/* The same in two steps; harness_crash() may come between. */
void harness_spawn(struct harness *harness, const struct start *start);
void harness_await_ready(struct harness *harness);
/* Open descriptors of hookd and its runner. */
int harness_count_fds(const struct harness *harness);
/* SIGTERM, the end, and all the checks. */
void harness_stop(struct harness *harness);
void harness_signal(const struct harness *harness, int signal);
/* Its exit status, once it has ended; a death by signal fails the test. */
int harness_await_end(struct harness *harness);
/* SIGKILL, as by the OOM killer; hookd can then be started again. Once in a test. */
void harness_crash(struct harness *harness);
/* Waits until hookd has said the text on stderr; forgets what was said up to there. */
void harness_await_log(struct harness *harness, const char *text);
/* While hookd is stopped, what happens to it happens all at once when it goes on. */
void harness_freeze(const struct harness *harness);
void harness_thaw(const struct harness *harness);
/* Runs hookd to its end, as `hookd --check-config`; its exit status. Adds to harness->said. */
int harness_run_once(struct harness *harness, const struct start *start);

/* ---- the directory ---- */

/* "DIR/name", in one of a few static buffers. */
const char *harness_path(const struct harness *harness, const char *name);
void harness_write_file(const struct harness *harness, const char *name, const char *text);
void harness_append_file(const struct harness *harness, const char *name, const char *text);
/* NUL-terminated, to be freed; NULL where there is no such file. */
char *harness_read_file(const struct harness *harness, const char *name, size_t *ret_length);
size_t harness_count_lines(const struct harness *harness, const char *name);

/* A FIFO to a hook or from one: see the helper's verbs tell and await. */
int fifo_open(const struct harness *harness, const char *name);
void fifo_await(int fifo);
void fifo_release(int fifo);
/* True when a hook has told something that was not awaited. */
bool fifo_has_told(int fifo);

/* Repeats a look until it is true; the deadline fails the test with `what`. */
#define await_true(condition, what)                                                                \
	do {                                                                                       \
		int64_t await_until_ = deadline();                                                 \
		while (!(condition))                                                               \
			await_a_moment(await_until_, what);                                        \
	} while (0)
int64_t deadline(void);
void await_a_moment(int64_t until, const char *what);
int64_t now_ms(void);
