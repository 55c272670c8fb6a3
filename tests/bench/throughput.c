/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks per second with many callers: a thread and a connection for each caller of hookd, a
 * goroutine for each of RunHooks (--runhooks), or the same with another hookd (--other). Rounds of
 * --round-hooks alternate; the callers of a round share its hooks, so that all are busy until its
 * end. A third side is what the machine can do: a loop of bare processes on each CPU. Prints two
 * rows, or one beside another hookd or without RunHooks: medians of the rounds.
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

/* The callers of one hookd. */
struct crew {
	unsigned int count;
	struct caller *callers;
	pthread_barrier_t start;
	atomic_int left;
	struct samples times; /* of rounds */
};

/* What hookd is to reach, by the number of callers. 0: nothing. */
struct goal {
	unsigned int clients;
	double of_bare, of_runhooks;
	/* of_runhooks holds only where bare processes are so many times as fast as RunHooks. */
	double if_bare_is;
};

static const struct goal goals_of_two_cpus[] = {
    {16, 0.45, 2.2, 4},
    {64, 0.45, 2.2, 4},
    {256, 0, 2, 0},
};
static const struct goal goals_of_more_cpus[] = {
    {1, 0, 1, 0},
    {16, 0.25, 1, 0},
    {64, 0.35, 1, 0},
    {256, 0.35, 1, 0},
};

struct load {
	const struct options *options;
	struct crew ours, others;
	struct runhooks runhooks;
	int cpu_count;
	struct samples theirs, bare;
};

struct caller {
	struct crew *crew;
	struct asker asker;
	pthread_t thread;
	int64_t begin_ns, end_ns;
	int error;
};

static void *call_hookd(void *userdata)
{
	struct caller *caller = userdata;
	struct crew *crew = caller->crew;

	pthread_barrier_wait(&crew->start);
	caller->begin_ns = now_ns();
	while (caller->error == 0 && atomic_fetch_sub(&crew->left, 1) > 0)
		caller->error = asker_run(&caller->asker);
	caller->end_ns = now_ns();
	return NULL;
}

/* The barrier waits for all threads, so if one cannot be made the process exits. */
static void start_callers(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++) {
		struct caller *caller = &crew->callers[i];

		if (pthread_create(&caller->thread, NULL, call_hookd, caller) != 0)
			exit(options_exit("throughput", -EAGAIN, "threads"));
	}
}

static int round_of_crew(struct crew *crew, unsigned int hooks)
{
	int64_t begin = INT64_MAX, end = 0;
	int r = 0;

	atomic_store(&crew->left, (int)hooks);
	start_callers(crew);
	for (unsigned int i = 0; i < crew->count; i++) {
		struct caller *caller = &crew->callers[i];

		pthread_join(caller->thread, NULL);
		begin = caller->begin_ns < begin ? caller->begin_ns : begin;
		end = caller->end_ns > end ? caller->end_ns : end;
		if (caller->error < 0)
			r = caller->error;
	}
	return r < 0 ? r : samples_add(&crew->times, end - begin);
}

static int round_of_ours(struct load *load)
{
	return round_of_crew(&load->ours, load->options->round_hooks);
}

static int round_of_other(struct load *load)
{
	struct runhooks_order order = {
	    .hook = load->options->hook,
	    .hooks = 1,
	    .calls = load->options->round_hooks,
	    .goroutines = load->options->clients,
	};
	int64_t whole = 0;
	int r;

	if (load->options->other)
		return round_of_crew(&load->others, load->options->round_hooks);
	if (!load->options->runhooks)
		return 0;
	r = runhooks_run(&load->runhooks, &order, NULL, &whole);
	return r < 0 ? r : samples_add(&load->theirs, whole);
}

/* This CPU's share of a round. */
static int bare_loop(void *userdata)
{
	const struct load *load = userdata;
	int r = 0;

	for (int left = (int)load->options->round_hooks / load->cpu_count; left > 0 && r == 0;
	     left--)
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
		r = round % 2 ? round_of_other(load) : round_of_ours(load);
		if (r == 0 && !load->options->other)
			r = round_of_bare(load);
		if (r == 0)
			r = round % 2 ? round_of_ours(load) : round_of_other(load);
		if (round == 0) {
			samples_forget(&load->ours.times);
			samples_forget(&load->others.times);
			samples_forget(&load->theirs);
			samples_forget(&load->bare);
		}
	}
	return r;
}

static int crew_init(struct crew *crew, const struct options *options, const char *address)
{
	int r = -pthread_barrier_init(&crew->start, NULL, options->clients);

	if (r < 0)
		return r;
	crew->callers = calloc(options->clients, sizeof(*crew->callers));
	if (!crew->callers)
		return -ENOMEM;
	crew->count = options->clients;
	for (unsigned int i = 0; i < crew->count && r == 0; i++) {
		struct caller *caller = &crew->callers[i];

		caller->crew = crew;
		r = asker_init(&caller->asker, address, options->hook, 1, i);
		if (r == 0)
			r = asker_connect(&caller->asker);
	}
	return r;
}

static void crew_clear(struct crew *crew)
{
	for (unsigned int i = 0; i < crew->count; i++)
		asker_clear(&crew->callers[i].asker);
	free(crew->callers);
	samples_free(&crew->times);
}

static double per_second(const struct load *load, struct samples *times)
{
	return load->options->round_hooks * 1e9 / samples_median_ns(times);
}

static struct goal find_goal(const struct load *load)
{
	const struct goal *goals = load->cpu_count > 2 ? goals_of_more_cpus : goals_of_two_cpus;
	size_t count = load->cpu_count > 2
			   ? sizeof(goals_of_more_cpus) / sizeof(goals_of_more_cpus[0])
			   : sizeof(goals_of_two_cpus) / sizeof(goals_of_two_cpus[0]);

	for (size_t i = 0; i < count && load->cpu_count > 1; i++) {
		if (goals[i].clients == load->options->clients)
			return goals[i];
	}
	return (struct goal){0};
}

static void print_row(const char *what, double ours, double theirs, double target)
{
	row_print(&(struct row){
	    .what = what,
	    .a = ours,
	    .b = theirs,
	    .unit = "/s",
	    .bound = target > 0 ? BOUND_RATIO_AT_LEAST : BOUND_NONE,
	    .target = target,
	});
}

static void print_results(struct load *load)
{
	const struct options *options = load->options;
	double ours = per_second(load, &load->ours.times), bare = per_second(load, &load->bare),
	       runhooks;
	struct goal goal = find_goal(load);

	if (options->other) {
		print_row(options->what, ours, per_second(load, &load->others.times),
			  options->target);
		return;
	}
	if (options->runhooks) {
		runhooks = per_second(load, &load->theirs);
		print_row(options->what, ours, runhooks,
			  bare >= goal.if_bare_is * runhooks ? goal.of_runhooks : 0);
	}
	print_row(options->runhooks ? "  beside a bare loop on each CPU" : options->what, ours,
		  bare, goal.of_bare);
}

int main(int argc, char *argv[])
{
	struct options options;
	struct load load = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.clients == 0 || options.round_hooks == 0 || !options.hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	load.cpu_count = cpus_count();
	r = load.cpu_count < 0 ? load.cpu_count : crew_init(&load.ours, &options, options.address);
	if (r == 0 && options.other)
		r = crew_init(&load.others, &options, options.other);
	else if (r == 0 && options.runhooks)
		r = runhooks_start(&load.runhooks, options.runhooks);
	if (r == 0)
		r = run_rounds(&load);
	if (r == 0)
		print_results(&load);
	runhooks_stop(&load.runhooks);
	crew_clear(&load.ours);
	crew_clear(&load.others);
	samples_free(&load.theirs);
	samples_free(&load.bare);
	return options_exit(argv[0], r, "a side of it failed");
}
