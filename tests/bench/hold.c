/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long hookd's event loop is blocked by starting a hook while other processes keep all CPUs
 * busy: hookd's spawn.c compared with vfork(2), whose caller is suspended until the child has got a
 * CPU. Blocks of the two alternate. With --fds the process has so many more descriptors open, like
 * hookd with many hooks. Prints two rows: the median and the 99th percentile.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/proc/spawn.h"
#include "tests/bench/bare.h"
#include "tests/bench/cpus.h"
#include "tests/bench/options.h"

#define BLOCK_HOOKS 20
#define HOLD_US_MAX 30

struct hold {
	const struct options *options;
	struct spawner *spawner;
	int null_fd;
	struct cpu_children hogs;
	struct samples ours, theirs;
};

static int wait_for_child(struct hold *hold, struct spawn_child *child)
{
	siginfo_t exited = {0};
	int r = 0;

	if (waitid(P_PIDFD, (id_t)child->pidfd, &exited, WEXITED) < 0)
		r = -errno;
	else if (exited.si_code != CLD_EXITED || exited.si_status != 0)
		r = -ECHILD;
	spawner_settle(hold->spawner, child);
	close(child->pidfd);
	return r;
}

static int block_of_spawner(struct hold *hold)
{
	char *const argv[] = {(char *)hold->options->hook, NULL};
	char *const envp[] = {NULL};
	struct spawn_spec spec = {
	    .path = hold->options->hook,
	    .program = -1,
	    .argv = argv,
	    .envp = envp,
	    .fds = {hold->null_fd, hold->null_fd, hold->null_fd},
	    .fd_count = 3,
	    .cgroup = -1,
	};
	int r = 0;

	for (int i = 0; i < BLOCK_HOOKS && r == 0; i++) {
		struct spawn_child child;
		int64_t begin = now_ns();

		r = spawner_start(hold->spawner, &spec, &child);
		if (r == 0)
			r = samples_add(&hold->ours, now_ns() - begin);
		if (r == 0)
			r = wait_for_child(hold, &child);
	}
	return r;
}

static int block_of_vfork(struct hold *hold)
{
	int r = 0;

	for (int i = 0; i < BLOCK_HOOKS && r == 0; i++) {
		int64_t begin = now_ns();
		pid_t pid = bare_start(hold->options->hook);

		r = pid < 0 ? pid : samples_add(&hold->theirs, now_ns() - begin);
		if (pid >= 0 && r == 0)
			r = bare_wait(pid);
	}
	return r;
}

static int run_rounds(struct hold *hold)
{
	int r = 0;

	for (unsigned int round = 0; round <= hold->options->rounds && r == 0; round++) {
		r = round % 2 ? block_of_vfork(hold) : block_of_spawner(hold);
		if (r == 0)
			r = round % 2 ? block_of_spawner(hold) : block_of_vfork(hold);
		if (round == 0) {
			samples_forget(&hold->ours);
			samples_forget(&hold->theirs);
		}
	}
	return r;
}

static int hog(void *userdata)
{
	(void)userdata;
	for (volatile bool is_busy = true; is_busy;)
		continue;
	return 0;
}

static void stop_hogs(struct hold *hold)
{
	for (int i = 0; i < hold->hogs.count; i++) {
		kill(hold->hogs.pids[i], SIGKILL);
		waitpid(hold->hogs.pids[i], NULL, 0);
	}
}

static int prepare(struct hold *hold)
{
	int r = spawner_new(&hold->spawner);

	if (r < 0)
		return r;
	r = cpus_fork(&hold->hogs, hog, NULL);
	/* The last one is opened after the others, like the pipes of a new hook. */
	for (unsigned int i = 0; i <= hold->options->fds && r == 0; i++) {
		hold->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		r = hold->null_fd < 0 ? -errno : 0;
	}
	return r;
}

static void print_result(struct hold *hold)
{
	row_print(&(struct row){.what = hold->options->what,
				.a = samples_median_ns(&hold->ours) / 1000,
				.b = samples_median_ns(&hold->theirs) / 1000,
				.unit = "us",
				.bound = BOUND_A_AT_MOST,
				.target = HOLD_US_MAX});
	row_print(&(struct row){.what = "  99 of 100 are below",
				.a = samples_quantile_ns(&hold->ours, 0.99) / 1000,
				.b = samples_quantile_ns(&hold->theirs, 0.99) / 1000,
				.unit = "us"});
}

int main(int argc, char *argv[])
{
	struct options options;
	struct hold hold = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || !options.hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	r = prepare(&hold);
	if (r == 0)
		r = run_rounds(&hold);
	if (r == 0)
		print_result(&hold);
	stop_hogs(&hold);
	hold.spawner = spawner_free(hold.spawner);
	samples_free(&hold.ours);
	samples_free(&hold.theirs);
	return options_exit(argv[0], r, "a hook could not be run");
}
