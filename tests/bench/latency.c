/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a caller waits for its hooks: hookd through libhookd on an open connection, compared
 * with a bare process or with RunHooks. The two alternate in blocks of BLOCK_HOOKS, so that other
 * load of the machine affects both. The same process does both, so CPUs, memory and descriptors are
 * the same. Prints a row with the median for each hook of a request; compared with a bare process
 * also a second row, for what hookd does for every hook (direct.h).
 */
#include <errno.h>

#include "tests/bench/ask.h"
#include "tests/bench/bare.h"
#include "tests/bench/direct.h"
#include "tests/bench/options.h"
#include "tests/bench/runhooks.h"

#define BLOCK_HOOKS 200

struct duel {
	const struct options *options;
	struct asker asker;
	struct runhooks runhooks;
	struct direct *direct; /* NULL: compared with RunHooks */
	struct samples ours, theirs, direct_ones;
};

/* So many requests are one sample. */
static int timed(struct duel *duel, int (*once)(struct duel *duel), unsigned int count,
		 struct samples *samples)
{
	int r = 0;

	for (unsigned int i = 0; i < count && r == 0; i++) {
		int64_t begin = now_ns();

		r = once(duel);
		if (r == 0)
			r = samples_add(samples, now_ns() - begin);
	}
	return r;
}

static int one_request(struct duel *duel)
{
	return asker_run(&duel->asker);
}

static int block_of_hookd(struct duel *duel)
{
	return timed(duel, one_request, BLOCK_HOOKS / duel->options->hooks, &duel->ours);
}

static int one_bare(struct duel *duel)
{
	return bare_run(duel->options->hook);
}

static int block_of_bare(struct duel *duel)
{
	return timed(duel, one_bare, BLOCK_HOOKS, &duel->theirs);
}

static int one_direct(struct duel *duel)
{
	return direct_run(duel->direct);
}

static int block_of_direct(struct duel *duel)
{
	return timed(duel, one_direct, BLOCK_HOOKS, &duel->direct_ones);
}

static int block_of_runhooks(struct duel *duel)
{
	int64_t whole;
	struct runhooks_order order = {
	    .hook = duel->options->hook,
	    .hooks = duel->options->hooks,
	    .calls = BLOCK_HOOKS / duel->options->hooks,
	    .goroutines = 1,
	};

	return runhooks_run(&duel->runhooks, &order, &duel->theirs, &whole);
}

static int run_round(struct duel *duel, unsigned int round)
{
	int (*theirs)(struct duel *) = duel->options->runhooks ? block_of_runhooks : block_of_bare;
	/* Each of the two is first in half of the rounds. */
	int r = round % 2 ? theirs(duel) : block_of_hookd(duel);

	if (r == 0 && duel->direct)
		r = block_of_direct(duel);
	if (r == 0)
		r = round % 2 ? block_of_hookd(duel) : theirs(duel);
	return r;
}

static int run_duel(struct duel *duel)
{
	int r = run_round(duel, 0);

	samples_forget(&duel->ours);
	samples_forget(&duel->theirs);
	samples_forget(&duel->direct_ones);
	for (unsigned int round = 1; round <= duel->options->rounds && r == 0; round++)
		r = run_round(duel, round);
	return r;
}

static void print_result(struct duel *duel)
{
	const struct options *options = duel->options;
	double per_request = 1000.0 * options->hooks;

	row_print(&(struct row){
	    .what = options->what,
	    .a = samples_median_ns(&duel->ours) / per_request,
	    .b = samples_median_ns(&duel->theirs) / (options->runhooks ? per_request : 1000),
	    .unit = "us",
	    .bound = options->bound,
	    .target = options->target,
	});
	if (duel->direct)
		row_print(&(struct row){
		    .what = "  its spawn and capture alone",
		    .a = samples_median_ns(&duel->direct_ones) / 1000,
		    .b = samples_median_ns(&duel->theirs) / 1000,
		    .unit = "us",
		});
}

int main(int argc, char *argv[])
{
	struct options options;
	struct duel duel = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.hooks == 0 || options.hooks > BLOCK_HOOKS || !options.hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	r = asker_init(&duel.asker, options.address, options.hook, options.hooks, 0);
	if (r == 0 && options.runhooks)
		r = runhooks_start(&duel.runhooks, options.runhooks);
	else if (r == 0)
		r = direct_new(options.hook, duel.asker.state, options.cgroup, &duel.direct);
	if (r == 0)
		r = run_duel(&duel);
	if (r == 0)
		print_result(&duel);
	r = options_exit(argv[0], r, "a side of it failed");
	runhooks_stop(&duel.runhooks);
	direct_free(duel.direct);
	asker_clear(&duel.asker);
	samples_free(&duel.ours);
	samples_free(&duel.theirs);
	samples_free(&duel.direct_ones);
	return r;
}
