/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures how long a new caller waits when hookd is killed while hooks are running: from the
 * SIGKILL to the result of its own hook. The script `run` acts as the service manager, and starts
 * hookd again at once. Before the next hookd serves callers it connects to its runners, which send
 * all running lists. The same caller without a kill is the comparison. Prints two rows: the median
 * and the longest.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/options.h"

#define NEW_CALLER 100000 /* a container that no other caller uses */
#define RETRY_NS   1000000

struct restart {
	const struct options *options;
	struct asker *askers; /* of the running hooks */
	bool has_started;
	struct samples ours, theirs;
};

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	struct restart *restart = userdata;

	(void)client;
	if (event->type == HOOKD_EVENT_STARTED)
		restart->has_started = true;
	if (event->type == HOOKD_EVENT_DONE)
		hookd_result_free(event->result);
}

static int start_one(struct restart *restart, struct asker *asker)
{
	int r = hookd_run_start(asker->client, &asker->request, on_event, restart);

	restart->has_started = false;
	while (r == 0 && !restart->has_started) {
		struct pollfd wait = {.fd = hookd_get_fd(asker->client),
				      .events = hookd_get_events(asker->client)};

		r = poll(&wait, 1, -1) < 0 ? -errno : hookd_process(asker->client);
	}
	return r;
}

static int start_all(struct restart *restart)
{
	const struct options *options = restart->options;
	int r = 0;

	for (unsigned int i = 0; i < options->clients && r == 0; i++) {
		struct asker *asker = &restart->askers[i];

		asker_clear(asker);
		r = asker_init(asker, options->address, options->long_hook, 1, i);
		if (r == 0)
			r = start_one(restart, asker);
	}
	return r;
}

/* The process that called listen(2) on the socket is hookd. */
static pid_t find_hookd(const struct asker *asker)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int fd = hookd_get_fd(asker->client);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ? -errno : peer.pid;
}

/* No hookd is running, or the killed one had accepted the connection. */
static bool is_down(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED || r == -EPIPE || r == -ECONNRESET;
}

/* Tries until the next hookd serves it. */
static int ask_until_served(const struct options *options, struct samples *samples, int64_t begin)
{
	const struct timespec pause = {.tv_nsec = RETRY_NS};
	struct asker asker;
	int r;

	do {
		r = asker_init(&asker, options->address, options->hook, 1, NEW_CALLER);
		if (r < 0)
			return r;
		r = hookd_client_connect(asker.client);
		if (r == 0)
			r = asker_run(&asker);
		asker_clear(&asker);
		if (is_down(r))
			nanosleep(&pause, NULL);
	} while (is_down(r));
	return r < 0 ? r : samples_add(samples, now_ns() - begin);
}

static int run_round(struct restart *restart)
{
	const struct options *options = restart->options;
	int r = start_all(restart);
	pid_t hookd = r < 0 ? r : find_hookd(&restart->askers[0]);
	int64_t begin;

	if (hookd < 0)
		return hookd;
	r = ask_until_served(options, &restart->theirs, now_ns());
	if (r < 0)
		return r;
	begin = now_ns();
	if (kill(hookd, SIGKILL) < 0)
		return -errno;
	return ask_until_served(options, &restart->ours, begin);
}

static void print_result(struct restart *restart)
{
	row_print(&(struct row){.what = restart->options->what,
				.a = samples_median_ns(&restart->ours) / 1e6,
				.b = samples_median_ns(&restart->theirs) / 1e6,
				.unit = "ms"});
	row_print(&(struct row){.what = "  the longest",
				.a = samples_quantile_ns(&restart->ours, 1) / 1e6,
				.b = samples_quantile_ns(&restart->theirs, 1) / 1e6,
				.unit = "ms"});
}

int main(int argc, char *argv[])
{
	struct options options;
	struct restart restart = {.options = &options};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.clients == 0 || !options.hook || !options.long_hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	restart.askers = calloc(options.clients, sizeof(*restart.askers));
	r = restart.askers ? 0 : -ENOMEM;
	for (unsigned int round = 0; round < options.rounds && r == 0; round++)
		r = run_round(&restart);
	if (r == 0)
		print_result(&restart);
	for (unsigned int i = 0; restart.askers && i < options.clients; i++)
		asker_clear(&restart.askers[i]);
	free(restart.askers);
	samples_free(&restart.ours);
	samples_free(&restart.theirs);
	return options_exit(argv[0], r, "hookd did not serve a caller");
}
