/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many hooks of one second each at the same time, each requested over its own connection: the time
 * until the last one has exited, and the memory and descriptors while all are running. One thread
 * serves all connections, so that hookd is measured and not a thousand threads. RunHooks in as many
 * goroutines alternates with it, and so do as many bare processes, which show what the machine can
 * do. Prints five rows: of times the medians of the rounds; of the rest the first round, since
 * later ones reuse its memory.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/ask.h"
#include "tests/bench/bare.h"
#include "tests/bench/footprint.h"
#include "tests/bench/options.h"
#include "tests/bench/runhooks.h"

#define OF_BARE_MAX    1.1
#define FDS_EACH_MAX   5
#define KB_EACH_MAX    8
#define EVENTS_AT_ONCE 64

struct held {
	double fds, daemon_kb, machine_kb;
};

struct crowd {
	const struct options *options;
	struct member *members;
	struct runhooks runhooks;
	int epoll;
	unsigned int started, done; /* hooks, in this round */
	int error;
	int fds_at_rest;
	struct held before, peak;
	unsigned int alive; /* hooks, when peak was measured; 0: not yet */
	struct samples ours, theirs, bare;
};

struct member {
	struct crowd *crowd;
	struct asker asker;
	uint32_t events; /* that epoll waits for */
};

static int take_held(const struct crowd *crowd, struct held *ret_held)
{
	pid_t daemon = (pid_t)crowd->options->daemon;
	int fds = footprint_fds(daemon);
	int r = fds < 0 ? fds : footprint_hookd(daemon, "Pss", &ret_held->daemon_kb);

	ret_held->fds = fds;
	return r < 0 ? r : footprint_machine(&ret_held->machine_kb);
}

static void finish_member(struct crowd *crowd, const struct hookd_event *event)
{
	int error = event->error;

	if (error == 0)
		error = ask_check(event->result);
	if (error < 0)
		crowd->error = error;
	hookd_result_free(event->result);
	crowd->done++;
}

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	struct member *member = userdata;
	struct crowd *crowd = member->crowd;

	(void)client;
	if (event->type == HOOKD_EVENT_DONE)
		finish_member(crowd, event);
	if (event->type != HOOKD_EVENT_STARTED || ++crowd->started != crowd->options->clients)
		return;
	if (crowd->alive > 0)
		return;
	crowd->alive = crowd->started - crowd->done;
	if (take_held(crowd, &crowd->peak) < 0)
		crowd->error = -EIO;
}

/* A request that does not fit into the socket's buffer is sent later. */
static int watch(struct member *member, int operation)
{
	const struct hookd_client *client = member->asker.client;
	struct epoll_event event = {.events = (uint32_t)hookd_get_events(client),
				    .data.ptr = member};

	if (operation == EPOLL_CTL_MOD && event.events == member->events)
		return 0;
	member->events = event.events;
	return epoll_ctl(member->crowd->epoll, operation, hookd_get_fd(client), &event) < 0 ? -errno
											    : 0;
}

static int start_all(struct crowd *crowd, int operation)
{
	int r = 0;

	for (unsigned int i = 0; i < crowd->options->clients && r == 0; i++) {
		struct member *member = &crowd->members[i];

		r = hookd_run_start(member->asker.client, &member->asker.request, on_event, member);
		if (r == 0)
			r = watch(member, operation);
	}
	return r;
}

static int wait_for_all(struct crowd *crowd)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (crowd->done < crowd->options->clients) {
		int count = epoll_wait(crowd->epoll, events, EVENTS_AT_ONCE, -1);

		if (count < 0)
			return -errno;
		for (int i = 0; i < count; i++) {
			struct member *member = events[i].data.ptr;
			int r = hookd_process(member->asker.client);

			if (r == 0)
				r = watch(member, EPOLL_CTL_MOD);
			if (r < 0)
				return r;
		}
	}
	return crowd->error;
}

static int round_of_hookd(struct crowd *crowd, unsigned int round)
{
	int64_t begin;
	int r = round == 0 ? take_held(crowd, &crowd->before) : 0;

	if (r < 0)
		return r;
	crowd->started = crowd->done = 0;
	begin = now_ns();
	r = start_all(crowd, round == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD);
	if (r == 0)
		r = wait_for_all(crowd);
	return r < 0 ? r : samples_add(&crowd->ours, now_ns() - begin);
}

static int round_of_runhooks(struct crowd *crowd)
{
	struct runhooks_order order = {
	    .hook = crowd->options->hook,
	    .hooks = 1,
	    .calls = crowd->options->clients,
	    .goroutines = crowd->options->clients,
	};
	int64_t whole = 0;
	int r = runhooks_run(&crowd->runhooks, &order, NULL, &whole);

	return r < 0 ? r : samples_add(&crowd->theirs, whole);
}

static int round_of_bare(struct crowd *crowd)
{
	pid_t *pids = calloc(crowd->options->clients, sizeof(*pids));
	unsigned int count = 0;
	int64_t begin = now_ns();
	int r = pids ? 0 : -ENOMEM;

	while (r == 0 && count < crowd->options->clients) {
		pid_t pid = bare_start(crowd->options->hook);

		if (pid < 0)
			r = pid;
		else
			pids[count++] = pid;
	}
	while (count > 0) {
		int waited = bare_wait(pids[--count]);

		r = r < 0 ? r : waited;
	}
	free(pids);
	return r < 0 ? r : samples_add(&crowd->bare, now_ns() - begin);
}

static int run_rounds(struct crowd *crowd)
{
	int r = 0;

	for (unsigned int round = 0; round < crowd->options->rounds && r == 0; round++) {
		r = round_of_hookd(crowd, round);
		if (r == 0 && crowd->options->runhooks)
			r = round_of_runhooks(crowd);
		if (r == 0)
			r = round_of_bare(crowd);
	}
	return r;
}

static int gather(struct crowd *crowd)
{
	int r = 0;

	crowd->fds_at_rest = footprint_fds((pid_t)crowd->options->daemon);
	crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
	crowd->members = calloc(crowd->options->clients, sizeof(*crowd->members));
	if (crowd->fds_at_rest < 0 || crowd->epoll < 0)
		return -errno;
	if (!crowd->members)
		return -ENOMEM;
	for (unsigned int i = 0; i < crowd->options->clients && r == 0; i++) {
		struct member *member = &crowd->members[i];

		member->crowd = crowd;
		r = asker_init(&member->asker, crowd->options->address, crowd->options->hook, 1, i);
		if (r == 0)
			r = asker_connect(&member->asker);
	}
	return r;
}

static void print_results(struct crowd *crowd)
{
	double clients = crowd->options->clients, alive = crowd->alive;

	row_print(&(struct row){.what = crowd->options->what,
				.a = samples_median_ns(&crowd->ours) / 1e9,
				.b = samples_median_ns(&crowd->theirs) / 1e9,
				.unit = "s"});
	row_print(&(struct row){.what = "  beside as many bare processes",
				.a = samples_median_ns(&crowd->ours) / 1e9,
				.b = samples_median_ns(&crowd->bare) / 1e9,
				.unit = "s",
				.bound = BOUND_RATIO_AT_MOST,
				.target = OF_BARE_MAX});
	if (crowd->alive == 0)
		return; /* the first one had exited before the last one was started */
	/* Includes the connection, which existed before. */
	row_print(&(struct row){.what = "  descriptors of hookd and its runners for each",
				.a = (crowd->before.fds - crowd->fds_at_rest) / clients +
				     (crowd->peak.fds - crowd->before.fds) / alive,
				.unit = "",
				.bound = BOUND_A_AT_MOST,
				.target = FDS_EACH_MAX});
	row_print(&(struct row){.what = "  memory of hookd and its runners for each",
				.a = (crowd->peak.daemon_kb - crowd->before.daemon_kb) / alive,
				.unit = "KB",
				.bound = BOUND_A_AT_MOST,
				.target = KB_EACH_MAX});
	row_print(&(struct row){.what = "  memory of the machine for each",
				.a = (crowd->peak.machine_kb - crowd->before.machine_kb) / alive,
				.unit = "KB"});
}

int main(int argc, char *argv[])
{
	struct options options;
	struct crowd crowd = {.options = &options, .epoll = -1};
	int r = options_parse(argc, argv, &options);

	if (r < 0 || options.clients == 0 || options.rounds == 0 || !options.hook)
		return options_exit(argv[0], -EINVAL, "options.h");
	footprint_raise_fds();
	r = gather(&crowd);
	if (r == 0 && options.runhooks)
		r = runhooks_start(&crowd.runhooks, options.runhooks);
	if (r == 0)
		r = run_rounds(&crowd);
	if (r == 0)
		print_results(&crowd);
	runhooks_stop(&crowd.runhooks);
	for (unsigned int i = 0; crowd.members && i < options.clients; i++)
		asker_clear(&crowd.members[i].asker);
	free(crowd.members);
	if (crowd.epoll >= 0)
		close(crowd.epoll);
	samples_free(&crowd.ours);
	samples_free(&crowd.theirs);
	samples_free(&crowd.bare);
	return options_exit(argv[0], r, "a side of it failed");
}
