/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What hookd-runtime costs before the real runtime: it is started as `create` with a config that
 * has not been delegated yet, as an engine has written it, and as `state`; the real runtime is a
 * program that ends at once, which is also started alone, by turns. Prints a row for each command
 * with the median of the differences of neighbours beside a bare process.
 *
 * --program is hookd-runtime, --hook the program, --bundle has the config, --scratch is for a copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bench/bare.h"
#include "tests/bench/options.h"

#define PER_ROUND   50
#define CONFIG_SIZE (1024 * 1024)

struct bench {
	const struct options *options;
	char *config; /* before it is delegated */
	size_t config_length;
	char path[PATH_MAX]; /* of the copy */
	char program_option[PATH_MAX], shim_option[PATH_MAX];
	struct samples alone, before, differences;
};

static int read_config(struct bench *bench)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/config.json", bench->options->bundle);
	bench->config = malloc(CONFIG_SIZE);
	file = fopen(path, "re");
	if (bench->config && file)
		bench->config_length = fread(bench->config, 1, CONFIG_SIZE, file);
	if (file)
		fclose(file);
	return bench->config_length > 0 ? 0 : -EIO;
}

static int write_config(const struct bench *bench)
{
	int fd = open(bench->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t written = fd < 0 ? -1 : write(fd, bench->config, bench->config_length);

	if (fd >= 0)
		close(fd);
	return written == (ssize_t)bench->config_length ? 0 : -EIO;
}

/* Otherwise the row would be of a config that was left as it is. */
static int check_delegated(const struct bench *bench)
{
	struct stat status;

	if (stat(bench->path, &status) < 0)
		return -errno;
	return status.st_size != (off_t)bench->config_length ? 0 : -EBADMSG;
}

static int run(const char *program, char *const argv[], int64_t *ret_ns)
{
	int64_t begin = now_ns();
	pid_t pid = vfork();
	int r;

	if (pid == 0) {
		execv(program, argv);
		_exit(127);
	}
	r = pid < 0 ? -errno : bare_wait(pid);
	*ret_ns = now_ns() - begin;
	return r;
}

static int run_pair(struct bench *bench, const char *command)
{
	const struct options *options = bench->options;
	char *const argv[] = {(char *)"hookd-runtime", bench->program_option,
			      bench->shim_option,      (char *)"--root",
			      (char *)"/run/runc",     (char *)command,
			      (char *)"--bundle",      (char *)options->scratch,
			      (char *)"container",     NULL};
	bool is_create = strcmp(command, "create") == 0;
	int64_t alone, before;
	int r = is_create ? write_config(bench) : 0;

	if (r == 0)
		r = run(options->program, argv, &before);
	if (r == 0)
		r = run(options->hook, argv, &alone);
	if (r == 0)
		r = samples_add(&bench->before, before);
	if (r == 0)
		r = samples_add(&bench->alone, alone);
	return r < 0 ? r : samples_add(&bench->differences, before - alone);
}

static int run_rounds(struct bench *bench, const char *command)
{
	int r = 0;

	samples_forget(&bench->before);
	samples_forget(&bench->alone);
	samples_forget(&bench->differences);
	for (unsigned int i = 0; i < bench->options->rounds * PER_ROUND && r == 0; i++)
		r = run_pair(bench, command);
	return r;
}

static int measure(struct bench *bench, const char *command, const char *what, enum bound bound)
{
	int r = run_rounds(bench, command);

	if (r == 0)
		row_print(&(struct row){
		    .what = what,
		    .a = samples_median_ns(&bench->differences) / 1000,
		    .b = samples_median_ns(&bench->alone) / 1000,
		    .unit = "us",
		    .bound = bound,
		    .target = bench->options->target,
		});
	return r;
}

static int measure_all(struct bench *bench)
{
	const struct options *options = bench->options;
	int r = read_config(bench);

	snprintf(bench->path, sizeof(bench->path), "%s/config.json", options->scratch);
	snprintf(bench->program_option, PATH_MAX, "--hookd-runtime=%s", options->hook);
	snprintf(bench->shim_option, PATH_MAX, "--hookd-shim=%s", options->hook);
	if (r == 0)
		r = measure(bench, "create", options->what, options->bound);
	if (r == 0)
		r = check_delegated(bench);
	return r < 0 ? r : measure(bench, "state", "  the same before state", BOUND_NONE);
}

int main(int argc, char *argv[])
{
	struct options options;
	struct bench bench = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0)
		return EXIT_FAILURE;
	r = measure_all(&bench);
	samples_free(&bench.alone);
	samples_free(&bench.before);
	samples_free(&bench.differences);
	free(bench.config);
	return options_exit(argv[0], r, "cannot measure hookd-runtime");
}
