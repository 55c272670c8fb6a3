/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks per second with many callers: a thread and a connection for each caller of hookd, a
 * goroutine for each of RunHooks. Rounds of ROUND_HOOKS alternate; the callers of a round share its
 * hooks, so that all are busy until its end. A third side is what the machine can do: a loop of
 * bare processes on each CPU. Prints two rows: medians of the rounds.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/bare.h"
#include "tests/bench/cpus.h"
#include "tests/bench/options.h"
#include "tests/bench/runhooks.h"

#define ROUND_HOOKS 2000

struct load {
	const struct options *options;
	struct caller *callers;
	struct runhooks runhooks;
	int cpu_count;
	pthread_barrier_t start;
	atomic_int left;
	struct samples ours, theirs, bare; /* times of rounds */
};

struct caller {
	struct load *load;
	struct asker asker;
	pthread_t thread;
	int64_t begin_ns, end_ns;
	int error;
};

static void *call_hookd(void *userdata)
{
	struct caller *caller = userdata;
	struct load *load = caller->load;

	pthread_barrier_wait(&load->start);
	caller->begin_ns = now_ns();
	while (caller->error == 0 && atomic_fetch_sub(&load->left, 1) > 0)
		caller->error = asker_run(&caller->asker);
	caller->end_ns = now_ns();
	return NULL;
}

/* The barrier waits for all threads, so if one cannot be made the process exits. */
static void start_callers(struct load *load)
{
	for (unsigned int i = 0; i < load->options->clients; i++) {
		struct caller *caller = &load->callers[i];

		if (pthread_create(&caller->thread, NULL, call_hookd, caller) != 0)
			exit(options_exit("throughput", -EAGAIN, "threads"));
	}
}

static int round_of_hookd(struct load *load)
{
	int64_t begin = INT64_MAX, end = 0;
	int r = 0;

	atomic_store(&load->left, ROUND_HOOKS);
	start_callers(load);
	for (unsigned int i = 0; i < load->options->clients; i++) {
		struct caller *caller = &load->callers[i];

		pthread_join(caller->thread, NULL);
		begin = caller->begin_ns < begin ? caller->begin_ns : begin;
		end = caller->end_ns > end ? caller->end_ns : end;
		if (caller->error < 0)
			r = caller->error;
	}
	return r < 0 ? r : samples_add(&load->ours, end - begin);
}

static int round_of_runhooks(struct load *load)
{
	struct runhooks_order order = {
	    .hook = load->options->hook,
	    .hooks = 1,
	    .calls = ROUND_HOOKS,
	    .goroutines = load->options->clients,
	};
	int64_t whole = 0;
	int r = runhooks_run(&load->runhooks, &order, NULL, &whole);

	return r < 0 ? r : samples_add(&load->theirs, whole);
}

/* This CPU's share of a round. */
static int bare_loop(void *userdata)
{
	const struct load *load = userdata;
	int r = 0;

	for (int left = ROUND_HOOKS / load->cpu_count; left > 0 && r == 0; left--)
		r = bare_run(load->options->hook);
	return r;
}

static int round_of_bare(struct load *load)
{
	struct cpu_children loops;
	int64_t begin = now_ns();
	int r = cpus_fork(&loops, bare_loop, load);

	for (int i = 0; i < loops.count; i++) {
		int waited = bare_wait(loops.pids[i]);

		r = r < 0 ? r : waited;
	}
	return r < 0 ? r : samples_add(&load->bare, now_ns() - begin);
}

static int run_rounds(struct load *load)
{
	int r = 0;

	for (unsigned int round = 0; round <= load->options->rounds && r == 0; round++) {
		r = round % 2 ? round_of_runhooks(load) : round_of_hookd(load);
		if (r == 0)
			r = round_of_bare(load);
		if (r == 0)
			r = round % 2 ? round_of_hookd(load) : round_of_runhooks(load);
		if (round == 0) {
			samples_forget(&load->ours);
			samples_forget(&load->theirs);
			samples_forget(&load->bare);
		}
	}
	return r;
}

static int connect_callers(struct load *load)
{
	const struct options *options = load->options;
	int r = 0;

	load->callers = calloc(options->clients, sizeof(*load->callers));
	if (!load->callers)
		return -ENOMEM;
	for (unsigned int i = 0; i < options->clients && r == 0; i++) {
		struct caller *caller = &load->callers[i];

		caller->load = load;
		r = asker_init(&caller->asker, options->address, options->hook, 1, i);
		if (r == 0)
			r = asker_connect(&caller->asker);
	}
	return r;
}

static void print_results(struct load *load)
{
	row_print(&(struct row){
	    .what = load->options->what,
	    .a = ROUND_HOOKS * 1e9 / samples_median_ns(&load->ours),
	    .b = ROUND_HOOKS * 1e9 / samples_median_ns(&load->theirs),
	    .unit = "/s",
	    .bound = load->options->bound,
	    .target = load->options->target,
	});
	row_print(&(struct row){
	    .what = "  beside a bare loop on each CPU",
	    .a = ROUND_HOOKS * 1e9 / samples_median_ns(&load->ours),
	    .b = ROUND_HOOKS * 1e9 / samples_median_ns(&load->bare),
	    .unit = "/s",
	});
}

int main(int argc, char *argv[])
{
	struct options options;
	struct load load = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.clients == 0 || !options.hook || !options.runhooks)
		return options_exit(argv[0], -EINVAL, "options.h");
	load.cpu_count = cpus_count();
	r = load.cpu_count < 0 ? load.cpu_count
			       : -pthread_barrier_init(&load.start, NULL, options.clients);
	if (r == 0)
		r = connect_callers(&load);
	if (r == 0)
		r = runhooks_start(&load.runhooks, options.runhooks);
	if (r == 0)
		r = run_rounds(&load);
	if (r == 0)
		print_results(&load);
	runhooks_stop(&load.runhooks);
	for (unsigned int i = 0; load.callers && i < options.clients; i++)
		asker_clear(&load.callers[i].asker);
	free(load.callers);
	samples_free(&load.ours);
	samples_free(&load.theirs);
	samples_free(&load.bare);
	return options_exit(argv[0], r, "a side of it failed");
}
