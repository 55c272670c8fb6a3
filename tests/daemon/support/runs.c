/* SPDX-License-Identifier: Apache-2.0 */
/* Runs lists of hooks for the tests of daemon/run. */
#include "tests/daemon/support/runs.h"

struct config config;
int starting_count, ending_count, done_count, begin_error;

static int on_starting(struct run *run, void *userdata)
{
	assert_ptr_equal(userdata, &config);
	assert_int_equal(run->state, RUN_RUNNING);
	assert_int_equal(run_pid(run), 0);
	starting_count++;
	return begin_error;
}

/* The result is complete, and no waiter has got it yet. */
static void on_ending(struct run *run, void *userdata)
{
	assert_ptr_equal(userdata, &config);
	assert_int_equal(run->state, RUN_DONE);
	assert_int_equal(run_pid(run), 0);
	assert_int_equal(done_count, ending_count);
	ending_count++;
}

static void on_done(struct run *run, void *userdata)
{
	assert_ptr_equal(userdata, &config);
	assert_int_equal(run->state, RUN_DONE);
	done_count++;
	assert_int_equal(done_count, ending_count);
}

static struct list_context lists = {.starter = {.start = list_start_here}, .procs = &procs};
const struct run_context test_context = {
    .config = &config,
    .lists = &lists.starter,
    .deadlines = &procs.deadlines,
    .starting = on_starting,
    .ending = on_ending,
    .done = on_done,
    .userdata = &config,
};

int run_set_up(void **state)
{
	starting_count = ending_count = done_count = begin_error = 0;
	config =
	    (struct config){.default_timeout_ms = 5000, .default_path = (char *)"/bin:/usr/bin"};
	return proc_set_up(state);
}

struct run *run_prepare(enum hp_stage stage, const struct hp_hook *hooks, size_t count)
{
	return run_make(&test_context, "id-1", request_make("c1", stage, hooks, count));
}

void run_to_end(struct run *run)
{
	wait_for(base, done_count > 0);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(done_count, 1);
	assert_int_equal(run->state, RUN_DONE);
}

struct run *run_hooks(enum hp_stage stage, const struct hp_hook *hooks, size_t count)
{
	struct run *run = run_prepare(stage, hooks, count);

	run_start(run);
	run_to_end(run);
	return run;
}

void expect_output(const struct run *run, size_t index, const char *expected)
{
	const struct hp_output *output = &run->result.hooks[index].output[0];

	assert_int_equal(output->length, strlen(expected));
	assert_memory_equal(output->bytes, expected, output->length);
}

void expect_outcomes(const struct run *run, enum hp_run_outcome outcome,
		     const enum hp_hook_outcome *outcomes)
{
	assert_int_equal(run->result.outcome, outcome);
	for (size_t i = 0; i < run->result.hook_count; i++) {
		assert_int_equal(run->result.hooks[i].index, i);
		assert_int_equal(run->result.hooks[i].outcome, outcomes[i]);
	}
}
