/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections, and clients that do not read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

/* More than socket buffers hold: several hooks with as much output as is kept. */
#define LOUD_HOOK  HOOK("'spam','60000'")
#define LOUD_HOOKS LOUD_HOOK, LOUD_HOOK, LOUD_HOOK, LOUD_HOOK, LOUD_HOOK, LOUD_HOOK
#define LOUD_BYTES 360000

static void wait_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* The process can open no descriptor of this number, nor above. */
static void limit_descriptors(pid_t pid, int number)
{
	struct rlimit limit;

	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), 0);
	limit.rlim_cur = (rlim_t)number;
	assert_int_equal(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), 0);
}

/* It can open so many more. */
static void allow_descriptors(pid_t pid, int more)
{
	limit_descriptors(pid, probe_limit_of_fds(pid, more));
}

/*
 * Fault 17. conmon, seatd and lldpd spin: while connections are queued the listening socket is
 * readable.
 */
static void emfile_in_accept_no_spin(void **state)
{
	struct harness *harness = *state;
	struct client *inside = client_open(harness), *crowd[40], *late;
	int64_t cpu_ms;

	client_expect_alive(inside);
	allow_descriptors(harness->pid, 8);
	for (int i = 0; i < 40; i++)
		crowd[i] = client_open(harness);
	harness_await_log(harness, "cannot accept a connection");
	cpu_ms = probe_cpu_ms(harness->pid);
	wait_ms(500); /* measures hookd's CPU time */
	client_expect_alive(inside);
	cpu_ms = probe_cpu_ms(harness->pid) - cpu_ms;
	if (cpu_ms > 100)
		fail_msg("hookd was busy for %d of 500 ms", (int)cpu_ms);
	for (int i = 0; i < 40; i++)
		client_close(crowd[i]);
	late = client_open(harness);
	client_expect_alive(late);
}

/* hookd must accept again without the end of another connection. */
static void emfile_recovers_without_a_close(void **state)
{
	struct harness *harness = *state;
	struct client *crowd[40];

	allow_descriptors(harness->pid, 8);
	for (int i = 0; i < 40; i++)
		crowd[i] = client_open(harness);
	harness_await_log(harness, "cannot accept a connection");
	allow_descriptors(harness->pid, 100);
	for (int i = 0; i < 40; i++)
		client_expect_alive(crowd[i]);
}

static void hook_without_descriptors_is_busy(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	client_expect_alive(client);
	limit_descriptors(harness->runner, 3);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_error(client, "io.hookd.hooks.Busy");
	check_part(client, "reason", "too many open files");
	allow_descriptors(harness->runner, 100);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
}

static void more_connections_than_configured(void **state)
{
	struct harness *harness = *state;
	struct client *clients[3], *too_many;

	harness_start(harness, &(struct start){.config = "[Connections]\nMax=3\n"});
	for (int i = 0; i < 3; i++) {
		clients[i] = client_open(harness);
		client_expect_alive(clients[i]);
	}
	too_many = client_open(harness);
	client_expect_end(too_many);
	client_expect_alive(clients[0]);
	client_close(clients[0]);
	/* Each of the two takes a socket and a pidfd. */
	await_true(harness_count_fds(harness) == harness->fds_at_start + 4, "one has left");
	client_expect_alive(client_open(harness));
}

/* seatd dropped what it could not send at once. */
static void slow_reader_gets_the_whole_reply(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	begin_run(client, .hooks = {LOUD_HOOKS});
	await_true(status_number(harness, "stored") == 1, "the run is done");
	client_expect_alive(client_open(harness));
	client_receive(client);
	check_success(client);
	assert_true(client->length > LOUD_BYTES);
	for (int i = 0; i < 6; i++) {
		char path[64];

		snprintf(path, sizeof(path), "result.hooks[%d].stdout", i);
		assert_int_equal(strlen(reply_string(client, path)), 60000);
	}
	client_expect_alive(client);
}

static void client_dies_with_reply_queued(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *bystander = client_open(harness);

	begin_run(client, .hooks = {LOUD_HOOKS});
	await_true(status_number(harness, "stored") == 1, "the run is done");
	client_close(client);
	client_expect_alive(bystander);
	await_true(status_number(harness, "connections") == 2, "hookd has seen it go");
}

/* Fault 13. Replies are kept for it, up to a limit; then it is disconnected, and its run goes on.
 */
static void listener_that_never_reads_is_cut_off(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	begin_run(client, .flags = ",'more':true", .hooks = {HOOK("'spam','200000000'")});
	harness_await_log(harness, "the client does not read its replies");
	await_true(status_number(harness, "stored") == 1, "the run goes on without it");
	assert_true(probe_rss_bytes(harness->pid) < 300ll * 1024 * 1024);
	client_call(client_open(harness), "{'method':'io.hookd.status.List'}");
	check_string(TAILQ_LAST(&harness->clients, client_list), "runs[0].outcome", "succeeded");
}

static void half_closed_client_still_gets_reply(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(client, .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go','say','x'")});
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	fifo_await(started);
	client_expect_alive(client_open(harness));
	fifo_release(go);
	client_receive(client);
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "x");
	client_expect_end(client);
}

/* A client that has shut down its sending side must not make the event loop spin. */
static void half_closed_client_costs_nothing(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	int64_t cpu_ms;

	begin_run(client, .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	client_send(client, "{'method':'io.hookd.control.Ping'}");
	assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
	fifo_await(started);
	cpu_ms = probe_cpu_ms(harness->pid);
	wait_ms(300); /* how much hookd does in that time is what is tested */
	cpu_ms = probe_cpu_ms(harness->pid) - cpu_ms;
	if (cpu_ms > 60)
		fail_msg("hookd was busy for %d of 300 ms", (int)cpu_ms);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	client_receive(client);
	check_error(client, "");
}

/*
 * If the client has not read all replies, the kernel reports ECONNRESET instead of EOF (unix(7)).
 */
static void client_gone_without_reading_no_spin(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	int64_t cpu_ms;

	begin_run(client, .flags = ",'more':true",
		  .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	client_expect_alive(client_open(harness));
	client_close(client);
	cpu_ms = probe_cpu_ms(harness->pid);
	wait_ms(300); /* how much hookd does in that time is what is tested */
	cpu_ms = probe_cpu_ms(harness->pid) - cpu_ms;
	fifo_release(go);
	if (cpu_ms > 60)
		fail_msg("hookd was busy for %d of 300 ms", (int)cpu_ms);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(emfile_in_accept_no_spin),
	    TEST(emfile_recovers_without_a_close),
	    TEST(hook_without_descriptors_is_busy),
	    TEST_PREPARED(more_connections_than_configured),
	    TEST(slow_reader_gets_the_whole_reply),
	    TEST(client_dies_with_reply_queued),
	    TEST(listener_that_never_reads_is_cut_off),
	    TEST(half_closed_client_still_gets_reply),
	    TEST(half_closed_client_costs_nothing),
	    TEST(client_gone_without_reading_no_spin),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
