/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts runhooks.go, sends it one request at a time and reads the times that it has measured.
 * Between requests the program is blocked in read(2), so it does not slow hookd down.
 */
#include "tests/bench/runhooks.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/ask.h"

static int spawn_program(struct runhooks *runhooks, const char *program, int input, int output)
{
	char *const argv[] = {(char *)program, NULL};
	posix_spawn_file_actions_t actions;
	int r = -posix_spawn_file_actions_init(&actions);

	if (r < 0)
		return r;
	r = -posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	if (r == 0)
		r = -posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	if (r == 0)
		r = -posix_spawn(&runhooks->pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

static int send_state(struct runhooks *runhooks)
{
	char *state = ask_state(0);
	int r = state ? 0 : -ENOMEM;

	if (r == 0 && (fprintf(runhooks->orders, "%s\n", state) < 0 || fflush(runhooks->orders)))
		r = -EIO;
	free(state);
	return r;
}

int runhooks_start(struct runhooks *runhooks, const char *program)
{
	int orders[2], answers[2];
	int r;

	*runhooks = (struct runhooks){0};
	if (pipe2(orders, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(answers, O_CLOEXEC) < 0) {
		r = -errno;
		close(orders[0]);
		close(orders[1]);
		return r;
	}
	r = spawn_program(runhooks, program, orders[0], answers[1]);
	close(orders[0]);
	close(answers[1]);
	runhooks->orders = fdopen(orders[1], "w");
	runhooks->answers = fdopen(answers[0], "r");
	if (r == 0 && (!runhooks->orders || !runhooks->answers))
		r = -ENOMEM;
	if (r == 0)
		r = send_state(runhooks);
	if (r < 0)
		runhooks_stop(runhooks);
	return r;
}

void runhooks_stop(struct runhooks *runhooks)
{
	if (runhooks->orders)
		fclose(runhooks->orders);
	if (runhooks->answers)
		fclose(runhooks->answers);
	if (runhooks->pid > 0)
		waitpid(runhooks->pid, NULL, 0);
	*runhooks = (struct runhooks){0};
}

int runhooks_run(struct runhooks *runhooks, const struct runhooks_order *order,
		 struct samples *times, int64_t *ret_whole_ns)
{
	int64_t whole, time;

	fprintf(runhooks->orders, "%s %u %u %u\n", order->hook, order->hooks, order->calls,
		order->goroutines);
	if (fflush(runhooks->orders) != 0)
		return -EIO;
	if (fscanf(runhooks->answers, "%" SCNd64, &whole) != 1)
		return -EIO;
	for (unsigned int i = 0; i < order->calls; i++) {
		if (fscanf(runhooks->answers, "%" SCNd64, &time) != 1)
			return -EIO;
		if (times && samples_add(times, time) < 0)
			return -ENOMEM;
	}
	*ret_whole_ns = whole;
	return 0;
}
