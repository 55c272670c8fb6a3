/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/proc/proc.h"
#include "tests/daemon/support/support.h"

/* Shared by the tests of daemon/proc: an event loop, and hooks that are run in it. */

#define MS 1000000ull

extern struct event_base *base;
extern struct procs procs;
extern struct cgroup_tree *tree; /* NULL: this machine has none */
extern char test_directory[32];

/* One hook of a test. */
struct hook {
	struct proc_spec spec;
	struct proc *proc;
	struct hp_hook_result result;
	char heard[2][4096];
	int done_count;
	int64_t started_ns, took_ms;
};

int proc_set_up(void **state);
/* Fails where a hook has left a zombie or a child that was not reaped. */
int proc_tear_down(void **state);
#define PROC_TEST(function) cmocka_unit_test_setup_teardown(function, proc_set_up, proc_tear_down)

/* Starts the script, or hook->spec.path where it is set. */
int hook_start(struct hook *hook, const char *script);
/* The same, until it has ended and a little longer: done() is called once. */
void hook_run(struct hook *hook, const char *script);
void hook_clear(struct hook *hook);

/* The callback of proc_start(), and the one that fills hook->heard. */
void hook_on_done(struct proc *proc, void *userdata);
void hook_on_output(struct proc *proc, const struct hook_output *output, void *userdata);

void expect_stream(const struct hook *hook, int stream, const char *expected);
