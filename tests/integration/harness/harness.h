/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

/* cmocka.h needs these before it. */

#include "proto/base/buf.h"
#include "tests/group/group.h"

/*
 * One real hookd for one test: started on a socket in a fresh directory, stopped with SIGTERM, and
 * checked. The test fails if hookd
 *	- exits with a status other than 0, or a sanitizer reports an error,
 *	- has a descriptor or a child that it did not have before the test,
 *	- leaves its cgroups, its socket or a process of a hook behind.
 *
 * Tests wait for events. Where the kernel has none, a condition is polled for at most DEADLINE_MS,
 * which only a failing test reaches.
 */

#define DEADLINE_MS 30000

struct client;

struct harness {
	char directory[64]; /* this test's: the socket, the helper and the test's files */
	char socket[96];
	char hook[96]; /* path of a copy of the helper, by which its processes are found */
	char config[96];
	pid_t pid;    /* 0: not running */
	pid_t runner; /* hookd-runner, the parent of hooks; without runners: pid */
	int pidfd;
	int log;	    /* hookd's stderr, the read end */
	struct hp_buf said; /* what was read from it so far */
	int fds_at_start;
	char cgroup[320];      /* hookd's own; "": none */
	char left_cgroup[320]; /* of a hookd that was killed */
	bool leaves_children;  /* processes of hooks are left at the end of the test */
	TAILQ_HEAD(client_list, client) clients;
};

/* How hookd is started; zeroed: the default. */
struct start {
	const char *program;	  /* NULL: the hookd of this build */
	const char *config;	  /* text of the configuration file */
	const char *arguments[4]; /* additional ones */
	void (*in_child)(void);	  /* before the exec */
	const char *says;	  /* must be on stderr before it is ready; NULL: not checked */
	unsigned int runners;	  /* number of them; 0: one, or none with "--no-runners" */
	bool no_runners;	  /* Runners=0 */
};

/* ---- set-up and tear-down ---- */

/* For tests that start hookd themselves; for tests with a hookd that is running. */
#define TEST_PREPARED(name) cmocka_unit_test_setup_teardown(name, harness_prepare, harness_end)
#define TEST(name)	    cmocka_unit_test_setup_teardown(name, harness_begin, harness_end)

int harness_prepare(void **state);
int harness_begin(void **state);
int harness_end(void **state);

/* For main(): with "--no-cgroups" or "--no-runners" all tests run hookd without them. */
void harness_read_arguments(int argc, char **argv);
/* Skip the test if hookd has no cgroups; if the test does not run as root. */
void harness_needs_cgroups(const struct harness *harness);
void harness_needs_root(void);
/* False with "--no-runners": hookd itself runs hooks, and they are lost with it. */
bool harness_has_runners(void);

/* ---- hookd ---- */

void harness_start(struct harness *harness, const struct start *start);
/* The same in two steps; harness_crash() may come between. */
void harness_spawn(struct harness *harness, const struct start *start);
void harness_await_ready(struct harness *harness);
/* Number of open descriptors of hookd and its runner. */
int harness_count_fds(const struct harness *harness);
/* Stops hookd by SIGTERM and makes all checks. */
void harness_stop(struct harness *harness);
void harness_signal(const struct harness *harness, int signal);
/* Waits for its exit status; fails the test if a signal killed it. */
int harness_await_end(struct harness *harness);
/* Kills hookd with SIGKILL; it can be started again. At most once in a test. */
void harness_crash(struct harness *harness);
/* Waits for the text on hookd's stderr, and drops all up to its end. */
void harness_await_log(struct harness *harness, const char *text);
/* The same; fails if hookd has said `unwanted` before that. */
void harness_await_log_without(struct harness *harness, const char *text, const char *unwanted);
/* Fails the test, and prints what hookd and its runner do and what hookd has said. */
void harness_fail(struct harness *harness, const char *reason);
/* Stops hookd (SIGSTOP) and continues it: it then gets all events of that time at once. */
void harness_freeze(const struct harness *harness);
void harness_thaw(const struct harness *harness);
/* Runs a hookd that exits by itself, such as `hookd --check-config`. Adds to harness->said. */
int harness_run_once(struct harness *harness, const struct start *start);

/* ---- the directory ---- */

/* "DIR/name", in one of a few static buffers. */
const char *harness_path(const struct harness *harness, const char *name);
void harness_write_file(const struct harness *harness, const char *name, const char *text);
void harness_append_file(const struct harness *harness, const char *name, const char *text);
/* NUL-terminated; the caller frees it. NULL: there is no such file. */
char *harness_read_file(const struct harness *harness, const char *name, size_t *ret_length);
size_t harness_count_lines(const struct harness *harness, const char *name);

/* A FIFO to or from a hook: see the verbs tell and await of the helper. */
int fifo_open(const struct harness *harness, const char *name);
void fifo_await(int fifo);
void fifo_release(int fifo);
/* True where the FIFO has data that were not read. */
bool fifo_has_told(int fifo);

/* Repeats a check until it is true; after the deadline the test fails with `what`. */
#define await_true(condition, what)                                                                \
	do {                                                                                       \
		int64_t await_until_ = deadline();                                                 \
		while (!(condition))                                                               \
			await_a_moment(await_until_, what);                                        \
	} while (0)
int64_t deadline(void);
void await_a_moment(int64_t until, const char *what);
int64_t now_ms(void);
