/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Compares hookd with a model of it: random calls, both drivers, both dialects, resctrl, processes
 * that fork and exit, kills of hookd, restarts of the message bus. After each step the state of
 * hookd, the kernel and systemd must be that of the model.
 *
 *	test_random SECONDS [SEED...]
 *
 * First runs the given seeds completely, then new ones until the time is over. A seed determines
 * the steps; the order of events that happen at the same time varies.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>

#include "tests/guest/random/trial.h"

/* Minimum time for new seeds, however long the given ones took. */
#define NEW_SEED_MS 30000

static unsigned long steps_in_all;

static void run_quietly(const char *command)
{
	if (system(command) != 0)
		give_up("%s fails", command);
}

static void begin(struct test *test)
{
	run_quietly("systemctl stop hookd.socket hookd.service && rm -f /run/hookd/holdings.db* "
		    "/run/hookd/resctrl-groups && systemctl start hookd.socket");
	world_clear();
	model_begin(&test->now);
	test_await_hookd(test);
	step_start(test);
}

/* Once all processes have exited, nothing is left. */
static void end(struct test *test)
{
	for (int i = 0; i < PROCESSES; i++) {
		test_end_children(test, i);
		if (test->now.processes[i].itself.pid)
			test_end_process(test, i);
		test->now.processes[i].itself.pid = 0;
	}
	for (int i = 0; i < PROCESSES; i++)
		model_end(&test->now, i);
	if (test->has_failed)
		return;
	test_note(test, "%d: all processes end", test->step);
	test_settle_one(test, &test->now);
}

static int count_processes(const struct test *test)
{
	int count = 0;

	for (int i = 0; i < PROCESSES; i++)
		count += test->now.processes[i].itself.pid != 0;
	return count;
}

/* Runs all steps, or until the time is over; 0: no time limit. */
static bool run_seed(uint64_t seed, int number, int64_t end_ms)
{
	static struct test test;

	test = (struct test){.random = seed};
	begin(&test);
	for (test.step = 1;
	     test.step <= STEPS && !test.has_failed && (end_ms == 0 || now_ms() < end_ms);
	     test.step++) {
		/*
		 * So that the random numbers that one step uses do not change the following steps.
		 */
		test.random = seed * 1000003 + (uint64_t)test.step * 7919;
		if (count_processes(&test) < 2)
			step_start(&test);
		else
			step_any(&test);
		steps_in_all++;
	}
	end(&test);
	printf("%sok %d - seed %llu\n", test.has_failed ? "not " : "", number,
	       (unsigned long long)seed);
	for (size_t i = 0; i < test.log_length; i++) {
		if (test.has_failed)
			printf("# %s\n", test.log[i]);
		free(test.log[i]);
	}
	fflush(stdout);
	return !test.has_failed;
}

static uint64_t new_seed(void)
{
	uint32_t seed;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		give_up("no random number: %m");
	return seed;
}

int main(int argc, char **argv)
{
	int64_t end_ms = argc > 1 ? now_ms() + 1000 * atoll(argv[1]) : 0;
	int number = 0, failures = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: %s SECONDS [SEED...]\n", argv[0]);
		return 2;
	}
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (int i = 2; i < argc; i++)
		failures += !run_seed(strtoull(argv[i], NULL, 10), ++number, 0);
	if (end_ms < now_ms() + NEW_SEED_MS)
		end_ms = now_ms() + NEW_SEED_MS;
	do {
		failures += !run_seed(new_seed(), ++number, end_ms);
	} while (now_ms() < end_ms);
	printf("# %lu steps\n1..%d\n", steps_in_all, number);
	return failures > 0;
}
