/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What it costs a runtime to let hookd run its hooks: whole runs of a container, with hooks that
 * the runtime runs itself (--bundle) and with the same hooks delegated to hookd (--delegated), by
 * turns. Both have a createRuntime and a poststop hook. Prints a row of both, and one of the
 * difference for each stage beside a bare process, which is the median of the differences of
 * neighbours, and how uncertain it is: single runs vary by more than the difference.
 */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "tests/bench/bare.h"
#include "tests/bench/options.h"

#define STAGES	       2
#define BARE_PER_ROUND 20
#define DIFFERENCE_MAX 5 /* for each stage, in bare processes */
#define CONTAINER      "hookd-bench"

struct duel {
	const struct options *options;
	struct samples plain, delegated, differences, bare;
};

static int run_container(const struct duel *duel, const char *bundle, int64_t *ret_ns)
{
	const struct options *options = duel->options;
	char *const argv[] = {
	    (char *)options->program, (char *)"--root", (char *)options->scratch, (char *)"run",
	    (char *)"--bundle",	      (char *)bundle,	(char *)CONTAINER,	  NULL};
	int64_t begin = now_ns();
	pid_t pid = vfork();
	int r;

	if (pid == 0) {
		execv(options->program, argv);
		_exit(127);
	}
	r = pid < 0 ? -errno : bare_wait(pid);
	*ret_ns = now_ns() - begin;
	return r;
}

static int run_both(struct duel *duel, unsigned int round)
{
	const struct options *options = duel->options;
	int64_t plain, delegated;
	int r;

	if (round % 2) {
		r = run_container(duel, options->delegated, &delegated);
		r = r < 0 ? r : run_container(duel, options->bundle, &plain);
	} else {
		r = run_container(duel, options->bundle, &plain);
		r = r < 0 ? r : run_container(duel, options->delegated, &delegated);
	}
	if (r == 0)
		r = samples_add(&duel->plain, plain);
	if (r == 0)
		r = samples_add(&duel->delegated, delegated);
	return r < 0 ? r : samples_add(&duel->differences, delegated - plain);
}

static int run_bare(struct duel *duel)
{
	int r = 0;

	for (int i = 0; i < BARE_PER_ROUND && r == 0; i++) {
		int64_t begin = now_ns();

		r = bare_run(duel->options->hook);
		if (r == 0)
			r = samples_add(&duel->bare, now_ns() - begin);
	}
	return r;
}

static int run_duel(struct duel *duel)
{
	int r = 0;

	for (unsigned int round = 0; round <= duel->options->rounds && r == 0; round++) {
		r = run_both(duel, round);
		if (r == 0)
			r = run_bare(duel);
		if (round > 0)
			continue;
		samples_forget(&duel->plain);
		samples_forget(&duel->delegated);
		samples_forget(&duel->differences);
		samples_forget(&duel->bare);
	}
	return r;
}

/* In which the true median of the differences is in 95 of 100 cases, to both sides, if it is
 * normal. */
static double uncertainty_ns(struct samples *differences)
{
	double quartiles =
	    samples_quantile_ns(differences, 0.75) - samples_quantile_ns(differences, 0.25);

	return 1.96 * 1.253 * quartiles / 1.349 / sqrt((double)differences->count);
}

static void print_results(struct duel *duel)
{
	row_print(&(struct row){
	    .what = duel->options->what,
	    .a = samples_median_ns(&duel->delegated) / 1000,
	    .b = samples_median_ns(&duel->plain) / 1000,
	    .unit = "us",
	});
	row_print(&(struct row){
	    .what = "  what a stage costs more, beside a bare process",
	    .a = samples_median_ns(&duel->differences) / 1000 / STAGES,
	    .b = samples_median_ns(&duel->bare) / 1000,
	    .unit = "us",
	    .bound = BOUND_RATIO_AT_MOST,
	    .target = DIFFERENCE_MAX,
	});
	row_print(&(struct row){
	    .what = "  the uncertainty of that, plus or minus",
	    .a = uncertainty_ns(&duel->differences) / 1000 / STAGES,
	    .b = samples_median_ns(&duel->bare) / 1000,
	    .unit = "us",
	});
}

int main(int argc, char *argv[])
{
	struct options options;
	struct duel duel = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || !options.program || !options.scratch || !options.bundle ||
	    !options.delegated || !options.hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	r = run_duel(&duel);
	if (r == 0)
		print_results(&duel);
	samples_free(&duel.plain);
	samples_free(&duel.delegated);
	samples_free(&duel.differences);
	samples_free(&duel.bare);
	return options_exit(argv[0], r, "a container could not be run");
}
