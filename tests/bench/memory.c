/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of an idle hookd with its runners: without connections, and for each connection that
 * has made a call and stays open. The daemon must be newly started. Prints two rows.
 */
#include <errno.h>
#include <stdlib.h>

#include "tests/bench/ask.h"
#include "tests/bench/footprint.h"
#include "tests/bench/options.h"

#define REST_MB_MAX 8

static int measure_rest(const struct options *options, double *ret_rss_kb)
{
	double pss;
	int r = footprint_hookd((pid_t)options->daemon, "Rss", ret_rss_kb);

	if (r == 0)
		r = footprint_hookd((pid_t)options->daemon, "Pss", &pss);
	if (r < 0)
		return r;
	row_print(&(struct row){.what = "hookd and two runners at rest, Pss",
				.a = pss / 1000,
				.unit = "MB",
				.bound = BOUND_A_AT_MOST,
				.target = REST_MB_MAX});
	return 0;
}

static int connect_all(const struct options *options, struct asker *askers)
{
	int r = 0;

	for (unsigned int i = 0; i < options->clients && r == 0; i++) {
		r = asker_init(&askers[i], options->address, "/bin/true", 1, i);
		if (r == 0)
			r = asker_connect(&askers[i]);
	}
	return r;
}

int main(int argc, char *argv[])
{
	struct options options;
	struct asker *askers;
	double before, after;
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.clients == 0)
		return options_exit(argv[0], -EINVAL, "options.h");
	footprint_raise_fds();
	askers = calloc(options.clients, sizeof(*askers));
	r = askers ? measure_rest(&options, &before) : -ENOMEM;
	if (r == 0)
		r = connect_all(&options, askers);
	if (r == 0)
		r = footprint_hookd((pid_t)options.daemon, "Rss", &after);
	if (r == 0)
		row_print(&(struct row){.what = "an idle connection, Rss of hookd",
					.a = (after - before) / options.clients,
					.unit = "KB"});
	for (unsigned int i = 0; askers && i < options.clients; i++)
		asker_clear(&askers[i]);
	free(askers);
	return options_exit(argv[0], r, "hookd cannot be measured");
}
