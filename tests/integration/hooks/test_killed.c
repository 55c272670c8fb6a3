/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd and its runners are killed at random moments under a mixed load and started again: no hook
 * runs twice, and no run is lost unless its runner was killed. HOOKD_KILLS=500 is the long run, and
 * HOOKD_SEED repeats one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"
#include "tests/integration/hooks/mixed_load.h"

#define RUNNERS	   2
#define TIMEOUT_US 1000000 /* of the load's hooks that time out */

static const struct start two_runners = {.runners = RUNNERS};

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void begin(struct load *load, struct harness *harness)
{
	uint64_t seed = number_of("HOOKD_SEED", (uint64_t)now_ms());

	printf("HOOKD_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	load_begin(load, harness, seed);
	harness_start(harness, &two_runners);
}

/* Sometimes hookd is killed again while it starts. */
static void kill_hookd(struct load *load)
{
	struct harness *harness = load->harness;
	struct timespec moment = {.tv_nsec = 0};

	harness_crash(harness);
	load_disconnected(load);
	while (load_random(load, 4) == 0) {
		moment.tv_nsec = load_random(load, 20) * 1000000;
		harness_spawn(harness, &two_runners);
		nanosleep(&moment, NULL);
		harness_crash(harness);
	}
	harness_start(harness, &two_runners);
}

static void kill_runner(struct load *load)
{
	pid_t runners[8];
	size_t count = probe_find_runners(load->harness->directory, runners, 8);

	if (count > 0)
		kill(runners[load_random(load, (unsigned int)count)], SIGKILL);
}

static size_t count_runners(const struct harness *harness)
{
	pid_t runners[8];

	return probe_find_runners(harness->directory, runners, 8);
}

/* Descriptors and processes are as at the start, which harness_stop() checks. */
static void end(struct load *load)
{
	struct harness *harness = load->harness;

	load_finish(load);
	load_check(load);
	await_true(probe_count_processes(harness->directory) == 0, "the hooks' processes are dead");
	await_true(count_runners(harness) == RUNNERS, "there are as many runners as configured");
	printf("%u requests, %u lost, %u refused\n", load->made, load->lost, load->refused);
	load_clear(load);
	harness_crash(harness);
	harness_start(harness, &two_runners);
}

/* Fault 39. */
static void killed_hookd_loses_nothing(void **state)
{
	uint64_t kills = number_of("HOOKD_KILLS", 50);
	struct control_timer *control;
	int64_t control_us;
	struct load load;

	begin(&load, *state);
	control = control_timer_start();
	for (; kills > 0; kills--) {
		load_go_on(&load, load_random(&load, 60), false);
		kill_hookd(&load);
	}
	load_go_on(&load, 1200, false);
	load_finish(&load);
	control_us = control_timer_stop(control);
	printf("timeouts came up to %lld us late, those of the control timer %lld us\n",
	       (long long)load.latest_us, (long long)control_us);
	end(&load);
	assert_int_equal(load.refused, 0);
	/* A timer that each hookd had set anew would be later by the whole timeout, and more. */
	assert_true(load.latest_us < 3 * control_us + TIMEOUT_US);
}

/* Fault 39. */
static void killed_runner_loses_its_runs_alone(void **state)
{
	uint64_t kills = number_of("HOOKD_KILLS", 50);
	struct load load;

	begin(&load, *state);
	load.may_be_lost = true;
	for (; kills > 0; kills--) {
		load_go_on(&load, load_random(&load, 100), false);
		kill_runner(&load);
	}
	load_go_on(&load, 1200, false);
	/* Requests without a running runner were answered Busy, and sent again. */
	end(&load);
	assert_in_range(load.lost, 1, load.made - 1);
}

/* Fault 39. */
static void both_killed_run_nothing_twice(void **state)
{
	uint64_t kills = number_of("HOOKD_KILLS", 50);
	struct load load;

	begin(&load, *state);
	harness_needs_cgroups(*state);
	load.may_be_lost = true;
	for (; kills > 0; kills--) {
		unsigned int which = load_random(&load, 4);

		load_go_on(&load, load_random(&load, 100), false);
		if (which != 0)
			kill_runner(&load);
		if (which == 1)
			kill_runner(&load);
		if (which != 3)
			kill_hookd(&load);
	}
	load_go_on(&load, 1200, false);
	end(&load);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(killed_hookd_loses_nothing),
	    TEST_PREPARED(killed_runner_loses_its_runs_alone),
	    TEST_PREPARED(both_killed_run_nothing_twice),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
