/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long a caller waits until resources like docker's are applied to an existing process: by
 * hookd's Apply through libhookd on an open connection, compared with the bare file accesses by the
 * caller itself: one mkdir, the same files in the same order, cgroup.procs. The two alternate, in
 * a cgroup of their own. Moving the process out again and removing the cgroup are not measured.
 * Prints two rows: the median and the 99th percentile.
 *
 * Exits with 77 if there is no cgroup2 with the controllers that the resources need.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/libhookd/hookd.h"
#include "tests/bench/options.h"

#define ROOT	    "/sys/fs/cgroup"
#define FOLDER	    "/hookd-bench-apply"
#define BARE	    ROOT FOLDER "/bare"
#define CONTAINER   "bench"
#define EXIT_SKIP   77
#define ROUND_TIMES 50

/* The files that the resources are written to, in hookd's order. */
static const struct {
	const char *file, *text;
} files[] = {
    {"pids.max", "100"},	 {"memory.swap.max", "268435456"},
    {"memory.max", "268435456"}, {"memory.low", "134217728"},
    {"io.weight", "4950"},	 {"cpu.weight", "59"},
    {"cpu.max", "50000 100000"}, {"cpuset.cpus", "0"},
    {"cpuset.mems", "0"},
};
#define FILES (sizeof(files) / sizeof(files[0]))

static const char settings[] =
    "{\"linux\":{\"cgroupsPath\":\"" FOLDER "/ours\",\"resources\":{"
    "\"pids\":{\"limit\":100},\"memory\":{\"limit\":268435456,\"reservation\":134217728,"
    "\"swap\":536870912},\"blockIO\":{\"weight\":500},\"cpu\":{\"shares\":512,\"quota\":50000,"
    "\"period\":100000,\"cpus\":\"0\",\"mems\":\"0\"}}}}";

struct duel {
	const struct options *options;
	struct hookd_client *client;
	pid_t process;
	struct samples ours, theirs;
};

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return r;
}

static int write_pid(const char *path, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	return write_file(path, text);
}

/* ---- one of each ---- */

static int apply(struct duel *duel)
{
	const struct hookd_apply_request request = {
	    .size = sizeof(request),
	    .container = CONTAINER,
	    .pid = duel->process,
	    .settings = settings,
	};
	struct hookd_reply *applied = NULL, *removed = NULL;
	int64_t begin = now_ns();
	int r = hookd_apply(duel->client, &request, &applied);

	if (r == 0)
		r = samples_add(&duel->ours, now_ns() - begin);
	hookd_reply_free(applied);
	if (r == 0)
		r = write_pid(ROOT "/cgroup.procs", duel->process);
	if (r == 0)
		r = hookd_release(duel->client, CONTAINER, &removed);
	hookd_reply_free(removed);
	if (r < 0)
		fprintf(stderr, "hookd: %s\n", hookd_client_error(duel->client));
	return r;
}

static int write_all(pid_t process)
{
	char path[128];
	int r = mkdir(BARE, 0755) < 0 ? -errno : 0;

	for (size_t i = 0; i < FILES && r == 0; i++) {
		snprintf(path, sizeof(path), BARE "/%s", files[i].file);
		r = write_file(path, files[i].text);
	}
	return r < 0 ? r : write_pid(BARE "/cgroup.procs", process);
}

static int bare(struct duel *duel)
{
	int64_t begin = now_ns();
	int r = write_all(duel->process);

	if (r == 0)
		r = samples_add(&duel->theirs, now_ns() - begin);
	if (r == 0)
		r = write_pid(ROOT "/cgroup.procs", duel->process);
	return rmdir(BARE) < 0 && r == 0 ? -errno : r;
}

/* ---- all of them ---- */

static int run_duel(struct duel *duel)
{
	int r = 0;

	for (unsigned int round = 0; round <= duel->options->rounds && r == 0; round++) {
		for (unsigned int i = 0; i < ROUND_TIMES && r == 0; i++) {
			r = i % 2 ? bare(duel) : apply(duel);
			if (r == 0)
				r = i % 2 ? apply(duel) : bare(duel);
		}
		if (round == 0) {
			samples_forget(&duel->ours);
			samples_forget(&duel->theirs);
		}
	}
	return r;
}

static int enable_controllers(const char *path)
{
	static const char *const controllers[] = {"+cpuset", "+cpu", "+io", "+memory", "+pids"};
	int r = 0;

	for (size_t i = 0; i < sizeof(controllers) / sizeof(controllers[0]) && r == 0; i++)
		r = write_file(path, controllers[i]);
	return r;
}

/* False: this machine lacks what the benchmark needs. */
static bool make_folder(void)
{
	if (mkdir(ROOT FOLDER, 0755) < 0 || access(ROOT FOLDER "/cgroup.subtree_control", W_OK) < 0)
		return false;
	return enable_controllers(ROOT "/cgroup.subtree_control") == 0 &&
	       enable_controllers(ROOT FOLDER "/cgroup.subtree_control") == 0;
}

static pid_t start_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void print_result(struct duel *duel)
{
	const struct options *options = duel->options;

	row_print(&(struct row){.what = options->what,
				.a = samples_median_ns(&duel->ours) / 1000,
				.b = samples_median_ns(&duel->theirs) / 1000,
				.unit = "us",
				.bound = options->bound,
				.target = options->target});
	row_print(&(struct row){.what = "  99 of 100 are below",
				.a = samples_quantile_ns(&duel->ours, 0.99) / 1000,
				.b = samples_quantile_ns(&duel->theirs, 0.99) / 1000,
				.unit = "us"});
}

static int measure(struct duel *duel)
{
	int r = hookd_client_new(duel->options->address, &duel->client);

	if (r < 0)
		return r;
	duel->process = start_process();
	r = duel->process < 0 ? -errno : run_duel(duel);
	if (duel->process > 0) {
		kill(duel->process, SIGKILL);
		waitpid(duel->process, NULL, 0);
	}
	hookd_client_free(duel->client);
	return r;
}

int main(int argc, char *argv[])
{
	struct options options;
	struct duel duel = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0)
		return options_exit(argv[0], r, "options.h");
	if (!make_folder()) {
		printf("%-52s no cgroup2 with cpuset, cpu, io, memory and pids here\n",
		       options.what);
		(void)rmdir(ROOT FOLDER);
		return EXIT_SKIP;
	}
	r = measure(&duel);
	(void)rmdir(ROOT FOLDER);
	if (r == 0)
		print_result(&duel);
	samples_free(&duel.ours);
	samples_free(&duel.theirs);
	return options_exit(argv[0], r, "a side of it failed");
}
