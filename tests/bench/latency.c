/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a caller waits for its hooks: hookd through libhookd on an open connection, compared
 * with a bare process and with the loop of direct.h, which does for a hook what hookd has to do; or
 * with RunHooks (--runhooks). --other adds the hookd of another build. All sides alternate in
 * blocks of BLOCK_HOOKS, so that other load of the machine affects all of them. The same process
 * makes all requests, so CPUs, memory and descriptors are the same. Prints a row with the median
 * for each hook of a request, and rows for the other comparisons.
 */
#include <errno.h>

#include "tests/bench/ask.h"
#include "tests/bench/bare.h"
#include "tests/bench/direct.h"
#include "tests/bench/options.h"
#include "tests/bench/runhooks.h"
#include "tests/bench/wake.h"

#define BLOCK_HOOKS 200

/* From here on a target for slow wake-ups (--at-most-slow) replaces the other one. */
#define WAKE_SLOW_US 20

/* The most that a hook may take, beside the other build. */
#define AT_MOST_OF_OTHER 1.2

struct duel;

/* A side: runs hooks, and has the times of its requests. */
struct side {
	int (*once)(struct duel *duel); /* NULL: not measured */
	unsigned int hooks;		/* in each call of once() */
	struct samples times;
};

enum { SIDE_HOOKD, SIDE_OTHER, SIDE_FLOOR, SIDE_BARE, SIDE_RUNHOOKS, SIDE_COUNT };

struct duel {
	const struct options *options;
	struct asker asker, other_asker;
	struct runhooks runhooks;
	struct direct *direct;
	struct side sides[SIDE_COUNT];
};

/* ---- one request of each ---- */

static int one_request(struct duel *duel)
{
	return asker_run(&duel->asker);
}

static int one_other_request(struct duel *duel)
{
	return asker_run(&duel->other_asker);
}

static int one_direct(struct duel *duel)
{
	return direct_run(duel->direct);
}

static int one_bare(struct duel *duel)
{
	return bare_run(duel->options->hook);
}

/* RunHooks is asked for a whole block, and measures its calls itself. */
static int block_of_runhooks(struct duel *duel)
{
	int64_t whole;
	struct runhooks_order order = {
	    .hook = duel->options->hook,
	    .hooks = duel->options->hooks,
	    .calls = BLOCK_HOOKS / duel->options->hooks,
	    .goroutines = 1,
	};

	return runhooks_run(&duel->runhooks, &order, &duel->sides[SIDE_RUNHOOKS].times, &whole);
}

/* ---- all of them ---- */

static int block(struct duel *duel, unsigned int index)
{
	struct side *side = &duel->sides[index];
	int r = 0;

	if (index == SIDE_RUNHOOKS)
		return duel->options->runhooks ? block_of_runhooks(duel) : 0;
	for (unsigned int i = 0; side->once && i < BLOCK_HOOKS / side->hooks && r == 0; i++) {
		int64_t begin = now_ns();

		r = side->once(duel);
		if (r == 0)
			r = samples_add(&side->times, now_ns() - begin);
	}
	return r;
}

/* Each side is before each other one in half of the rounds. */
static int run_round(struct duel *duel, unsigned int round)
{
	int r = 0;

	for (unsigned int i = 0; i < SIDE_COUNT && r == 0; i++)
		r = block(duel, round % 2 ? SIDE_COUNT - 1 - i : i);
	return r;
}

static int run_duel(struct duel *duel)
{
	int r = run_round(duel, 0);

	for (unsigned int i = 0; i < SIDE_COUNT; i++)
		samples_forget(&duel->sides[i].times);
	for (unsigned int round = 1; round <= duel->options->rounds && r == 0; round++)
		r = run_round(duel, round);
	return r;
}

static double us_per_hook(struct duel *duel, unsigned int index)
{
	struct side *side = &duel->sides[index];

	return samples_median_ns(&side->times) / 1000 / side->hooks;
}

/* Prints the row of two sides. */
static void print_sides(struct duel *duel, const char *what, unsigned int a, unsigned int b,
			enum bound bound, double target)
{
	row_print(&(struct row){
	    .what = what,
	    .a = us_per_hook(duel, a),
	    .b = us_per_hook(duel, b),
	    .unit = "us",
	    .bound = bound,
	    .target = target,
	});
}

/* How long waking takes on the CPUs of this row decides which of the two targets it has. */
static int choose_target(const struct options *options, double *ret_target)
{
	int64_t wake_ns;
	int r;

	*ret_target = options->target;
	if (options->target_slow <= 0)
		return 0;
	r = wake_measure(&wake_ns);
	if (r < 0)
		return r;
	if (wake_ns > WAKE_SLOW_US * 1000)
		*ret_target = options->target_slow;
	row_print(&(struct row){.what = "waking another process, on the CPUs of the next row",
				.a = (double)wake_ns / 1000,
				.unit = "us"});
	return 0;
}

static int print_results(struct duel *duel)
{
	const struct options *options = duel->options;
	double target;
	int r = choose_target(options, &target);

	if (r < 0)
		return r;
	print_sides(duel, options->what, SIDE_HOOKD, options->runhooks ? SIDE_RUNHOOKS : SIDE_FLOOR,
		    options->bound, target);
	if (options->other)
		print_sides(duel, "  beside the older hookd", SIDE_HOOKD, SIDE_OTHER,
			    BOUND_RATIO_AT_MOST, AT_MOST_OF_OTHER);
	if (options->runhooks)
		return 0;
	print_sides(duel, "  beside a bare process", SIDE_HOOKD, SIDE_BARE, BOUND_NONE, 0);
	print_sides(duel, "  its spawn and capture alone, beside a bare process", SIDE_FLOOR,
		    SIDE_BARE, BOUND_NONE, 0);
	return 0;
}

/* ---- start and end ---- */

static int prepare(struct duel *duel)
{
	const struct options *options = duel->options;
	unsigned int hooks = options->hooks;
	int r = asker_init(&duel->asker, options->address, options->hook, hooks, 0);

	duel->sides[SIDE_HOOKD] = (struct side){.once = one_request, .hooks = hooks};
	if (r == 0 && options->other) {
		r = asker_init(&duel->other_asker, options->other, options->hook, hooks, 0);
		duel->sides[SIDE_OTHER] = (struct side){.once = one_other_request, .hooks = hooks};
	}
	if (r == 0 && options->runhooks) {
		duel->sides[SIDE_RUNHOOKS].hooks = hooks;
		return runhooks_start(&duel->runhooks, options->runhooks);
	}
	duel->sides[SIDE_FLOOR] = (struct side){.once = one_direct, .hooks = 1};
	duel->sides[SIDE_BARE] = (struct side){.once = one_bare, .hooks = 1};
	return r < 0 ? r
		     : direct_new(options->hook, duel->asker.state, options->cgroup, &duel->direct);
}

static void clear(struct duel *duel)
{
	runhooks_stop(&duel->runhooks);
	direct_free(duel->direct);
	asker_clear(&duel->asker);
	asker_clear(&duel->other_asker);
	for (unsigned int i = 0; i < SIDE_COUNT; i++)
		samples_free(&duel->sides[i].times);
}

int main(int argc, char *argv[])
{
	struct options options;
	struct duel duel = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.hooks == 0 || options.hooks > BLOCK_HOOKS || !options.hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	r = prepare(&duel);
	if (r == 0)
		r = run_duel(&duel);
	if (r == 0)
		r = print_results(&duel);
	clear(&duel);
	return options_exit(argv[0], r, "a side of it failed");
}
