/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many hooks run while hookd is restarted, and end while it or its runner is stopped.
 * HOOKD_HOOKS=10000 is the long run.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define HOOKS_DEFAULT 1000
#define WAITING	      HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go','say','on'")

struct many {
	struct harness *harness;
	struct client **clients;
	size_t count;
	int started, go; /* FIFOs */
};

/* Each hook costs its runner five descriptors; the others less. */
static void raise_limit(size_t count)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 5 * count + 300;
	if (limit.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		skip("RLIMIT_NOFILE is too low");
}

static void start_hookd(const struct many *many)
{
	char config[256];

	snprintf(config, sizeof(config),
		 "[Hooks]\nConcurrentHooks=%zu\nQueuedRunsPerUser=%zu\n[Results]\nMaxRuns=%zu\n"
		 "[Connections]\nMax=%zu\n",
		 many->count, many->count, many->count, many->count + 100);
	harness_start(many->harness, &(struct start){.config = config, .runners = 1});
}

static void send_all(struct many *many)
{
	char container[32], extra[64];

	for (size_t i = 0; i < many->count; i++) {
		snprintf(container, sizeof(container), "box-%zu", i);
		snprintf(extra, sizeof(extra), ",'requestId':'request-%zu'", i);
		many->clients[i] = client_open(many->harness);
		begin_run(many->clients[i], .container = container, .extra = extra,
			  .hooks = {WAITING});
	}
}

static void begin(struct many *many, struct harness *harness)
{
	const char *count = getenv("HOOKD_HOOKS");

	*many = (struct many){.harness = harness};
	many->count = count ? strtoul(count, NULL, 10) : HOOKS_DEFAULT;
	raise_limit(many->count);
	many->clients = calloc(many->count, sizeof(struct client *));
	assert_non_null(many->clients);
	many->started = fifo_open(harness, "started");
	many->go = fifo_open(harness, "go");
	start_hookd(many);
	send_all(many);
	for (size_t i = 0; i < many->count; i++)
		fifo_await(many->started);
}

static void let_all_end(struct many *many)
{
	for (size_t i = 0; i < many->count; i++)
		fifo_release(many->go);
}

/* Each has run once, and its caller has the result. */
static void end(struct many *many)
{
	for (size_t i = 0; i < many->count; i++) {
		client_receive(many->clients[i]);
		check_success(many->clients[i]);
		check_string(many->clients[i], "result.hooks[0].stdout", "on");
	}
	assert_int_equal(harness_count_lines(many->harness, "log"), many->count);
	free(many->clients);
}

/* Fault 30. */
static void none_is_lost_when_hookd_is_killed(void **state)
{
	struct many many;

	begin(&many, *state);
	harness_crash(many.harness);
	start_hookd(&many);
	send_all(&many);
	client_expect_alive(client_open(many.harness));
	assert_int_equal(status_number(many.harness, "running"), many.count);
	let_all_end(&many);
	end(&many);
}

/* They are zombies until the process goes on. */
static void end_while_it_is_stopped(struct many *many, pid_t stopped)
{
	assert_int_equal(kill(stopped, SIGSTOP), 0);
	let_all_end(many);
	await_true(probe_count_processes(many->harness->directory) == 0, "all hooks have ended");
	assert_int_equal(kill(stopped, SIGCONT), 0);
	end(many);
}

/* Fault 37. */
static void all_results_are_right_after_the_runner_was_stopped(void **state)
{
	struct many many;

	begin(&many, *state);
	end_while_it_is_stopped(&many, many.harness->runner);
}

/* Fault 37. */
static void all_results_are_right_after_hookd_was_stopped(void **state)
{
	struct many many;

	begin(&many, *state);
	end_while_it_is_stopped(&many, many.harness->pid);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(none_is_lost_when_hookd_is_killed),
	    TEST_PREPARED(all_results_are_right_after_the_runner_was_stopped),
	    TEST_PREPARED(all_results_are_right_after_hookd_was_stopped),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
