/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of runs is damaged, cut off, of another boot, or has no room; hookd is killed while it
 * writes it. Requests are then sent again, and a hook writes a line each time that it runs.
 * HOOKD_KILLS=500 is the long run, and HOOKD_SEED repeats one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/records/entry.h"
#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"
#include "tests/integration/harness/runs_file.h"

#define RUNS 30

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void seed_random(void)
{
	uint64_t seed = number_of("HOOKD_SEED", (uint64_t)now_ms());

	printf("HOOKD_SEED=%llu\n", (unsigned long long)seed);
	fflush(stdout);
	srand48((long)seed);
}

static size_t random_below(size_t bound)
{
	return (size_t)lrand48() % bound;
}

static void request_id(char id[static 32], int number)
{
	snprintf(id, 32, "start-%d", number);
}

/* The hook adds a line to "log-NUMBER". */
static void request(struct client *client, int number, const char *state)
{
	char extra[64], hook[128], container[32];

	snprintf(extra, sizeof(extra), ",'requestId':'start-%d'", number);
	snprintf(hook, sizeof(hook), HOOK("'mark','@DIR@/log-%d','x'"), number);
	snprintf(container, sizeof(container), "box-%d", number);
	begin_run(client, .extra = extra, .hooks = {hook}, .container = container, .state = state);
}

static size_t count_runs(const struct harness *harness, int number)
{
	char name[32];

	snprintf(name, sizeof(name), "log-%d", number);
	return harness_count_lines(harness, name);
}

/* `says`: a part of what it logs before it is ready. */
static void start_with(struct harness *harness, const char *config, const char *says)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.config = config, .says = says, .arguments = {argument}});
}

static void start(struct harness *harness)
{
	start_with(harness, NULL, NULL);
}

static void make_runs(struct harness *harness)
{
	struct client *client;

	start(harness);
	client = client_open(harness);
	for (int i = 0; i < RUNS; i++) {
		request(client, i, NULL);
		client_receive(client);
		check_success(client);
	}
	harness_crash(harness);
}

/* Sends all requests again. Returns how many are lost; the others have their results. */
static int request_all_again(struct harness *harness)
{
	struct client *client = client_open(harness);
	int lost = 0;

	for (int i = 0; i < RUNS; i++) {
		request(client, i, NULL);
		client_receive(client);
		check_error(client, "");
		if (strcmp(reply_string(client, "result.outcome"), "lost") == 0)
			lost++;
		else
			check_success(client);
	}
	return lost;
}

/* ---- damage ---- */

/* Fault 33: At most the touched run is lost, and no hook runs twice. */
static void a_flipped_byte_runs_nothing_twice(void **state)
{
	struct harness *harness = *state;
	int lost = 0;

	seed_random();
	make_runs(harness);
	for (int round = 1; round <= 20; round++) {
		size_t offset = random_below(runs_file_size(harness));

		runs_file_flip(harness, offset, (unsigned char)(1 << random_below(8)));
		start(harness);
		lost = request_all_again(harness);
		for (int i = 0; i < RUNS; i++)
			if (count_runs(harness, i) != 1)
				fail_msg("byte %zu: run %d ran again", offset, i);
		assert_in_range(lost, 0, round);
		harness_crash(harness);
	}
	start(harness);
}

/* Fault 33: what is cut off is not known; what is left is, and is not run again. */
static void what_was_not_cut_off_runs_once(void **state)
{
	struct harness *harness = *state;
	bool was_known[RUNS];
	char id[32];

	seed_random();
	make_runs(harness);
	for (int round = 0; round < 10; round++) {
		size_t size = random_below(runs_file_size(harness));
		size_t before[RUNS];

		assert_int_equal(truncate(harness_path(harness, "state/runs"), (off_t)size), 0);
		for (int i = 0; i < RUNS; i++) {
			request_id(id, i);
			was_known[i] = runs_file_has(harness, id);
			before[i] = count_runs(harness, i);
		}
		start(harness);
		(void)request_all_again(harness);
		for (int i = 0; i < RUNS; i++)
			assert_in_range(count_runs(harness, i), before[i],
					before[i] + !was_known[i]);
		harness_crash(harness);
	}
	start(harness);
}

/* Fault 33. The log says where, and the file is kept; what comes later is in the new one. */
static void damage_is_logged_and_kept(void **state)
{
	struct harness *harness = *state;
	size_t offset;

	make_runs(harness);
	offset = runs_file_size(harness) / 2;
	runs_file_flip(harness, offset, 1);
	start_with(harness, NULL, "bytes at offset ");
	assert_int_equal(access(harness_path(harness, "state/runs.bad"), F_OK), 0);
	request(client_open(harness), RUNS, NULL);
	await_true(count_runs(harness, RUNS) == 1, "it has run");
	harness_crash(harness);
	start(harness);
	(void)request_all_again(harness);
	request(client_open(harness), RUNS, NULL);
	client_expect_alive(client_open(harness));
	assert_int_equal(count_runs(harness, RUNS), 1);
	assert_int_equal(access(harness_path(harness, "state/runs.bad.1"), F_OK), -1);
}

/* Fault 35: the hooks of an earlier boot have ended with it. */
static void runs_of_another_boot_are_not_attached_to(void **state)
{
	struct harness *harness = *state;

	make_runs(harness);
	runs_file_of_another_boot(harness);
	start_with(harness, NULL, "another boot");
	assert_int_equal(request_all_again(harness), 0);
	for (int i = 0; i < RUNS; i++)
		assert_int_equal(count_runs(harness, i), 2);
}

/* ---- no room ---- */

static const char *large_state(void)
{
	static char text[6400];

	snprintf(text, sizeof(text),
		 "{\"id\":\"box\",\"pid\":1,\"bundle\":\"/\",\"annotations\":{\"a\":\"%06000d\"}}",
		 0);
	return text;
}

static void fill(const char *path)
{
	static const char bytes[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	size_t length = sizeof(bytes);

	assert_true(fd >= 0);
	while (length > 0)
		if (write(fd, bytes, length) <= 0)
			length /= 2;
	assert_int_equal(errno, ENOSPC);
	close(fd);
}

static void mount_small(struct harness *harness)
{
	const char *directory = harness_path(harness, "state");

	harness_needs_root();
	assert_int_equal(mkdir(directory, 0700), 0);
	if (mount("tmpfs", directory, "tmpfs", 0, "size=512k,mode=700") < 0)
		skip("cannot mount a tmpfs");
}

static void unmount_state(struct harness *harness)
{
	assert_int_equal(umount2(harness_path(harness, "state"), MNT_DETACH), 0);
}

static void unmount(struct harness *harness)
{
	harness_stop(harness);
	unmount_state(harness);
}

static void expect_not_recorded(struct client *client)
{
	check_error(client, "io.hookd.hooks.Busy");
	check_part(client, "reason", "runs cannot be recorded: No space left on device");
}

/*
 * Fault 19: a run that cannot be recorded is not begun, poststop neither; its request id is free;
 * and all goes on when there is room.
 */
static void without_room_nothing_is_begun(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char filler[128];

	mount_small(harness);
	snprintf(filler, sizeof(filler), "%s", harness_path(harness, "state/filler"));
	start(harness);
	client = client_open(harness);
	request(client, 0, NULL);
	client_receive(client);
	check_success(client);
	for (int round = 0; round < 3; round++) {
		fill(filler);
		for (int i = 1; i < 4; i++) {
			request(client, 10 * round + i, large_state());
			client_receive(client);
			expect_not_recorded(client);
		}
		run(client, .stage = "poststop", .hooks = {HOOK("'mark','@DIR@/poststop','x'")},
		    .state = large_state());
		expect_not_recorded(client);
		assert_int_equal(unlink(filler), 0);
		for (int i = 1; i < 4; i++) {
			assert_int_equal(count_runs(harness, 10 * round + i), 0);
			request(client, 10 * round + i, large_state());
			client_receive(client);
			check_success(client);
		}
	}
	assert_int_equal(harness_count_lines(harness, "poststop"), 0);
	harness_crash(harness);
	start(harness);
	client = client_open(harness);
	for (int i = 0; i < 4; i++) {
		request(client, i, i == 0 ? NULL : large_state());
		client_receive(client);
		check_success(client);
		assert_int_equal(count_runs(harness, i), 1);
	}
	assert_int_equal(access(harness_path(harness, "state/runs.bad"), F_OK), -1);
	unmount(harness);
}

/* Fault 20: the end of a run is written when there is room again, and then its runner forgets it.
 */
static void an_end_without_room_is_not_lost(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	static const char *const hook =
	    HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go'");
	struct client *client;
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};

	start(harness);
	client = client_open(harness);
	begin_run(client, .extra = ",'requestId':'a'", .hooks = {hook});
	fifo_await(started);
	limit.rlim_cur = runs_file_size(harness); /* nothing can be appended */
	assert_int_equal(prlimit(harness->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	run(client, .extra = ",'requestId':'b'", .hooks = {HOOK("'exit','0'")});
	check_error(client, "io.hookd.hooks.Busy");
	assert_int_equal(runs_file_count(harness, ENTRY_ENDED), 0);
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(prlimit(harness->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	await_true(runs_file_count(harness, ENTRY_ENDED) == 1, "the end is written");
	run(client, .extra = ",'requestId':'b'", .hooks = {HOOK("'exit','0'")});
	check_success(client);
	harness_crash(harness);
	if (harness_has_runners())
		kill(harness->runner, SIGKILL);
	start(harness);
	client = client_open(harness);
	run(client, .extra = ",'requestId':'a'", .hooks = {hook});
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
}

static void request_output(struct client *client)
{
	static const char *const hook =
	    HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await',"
		 "'@DIR@/go','spam','300000'");

	begin_run(client, .extra = ",'requestId':'a'", .hooks = {hook});
}

/* Fault 20: hookd has reserved the room that the ends need, at least without the output. */
static void an_end_without_room_is_recorded_at_the_end_of_hookd(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;
	char filler[128];

	mount_small(harness);
	snprintf(filler, sizeof(filler), "%s", harness_path(harness, "state/filler"));
	start(harness);
	client = client_open(harness);
	request_output(client);
	fifo_await(started);
	fill(filler);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	assert_int_equal(runs_file_count(harness, ENTRY_ENDED), 0);
	harness_stop(harness);
	assert_int_equal(runs_file_count(harness, ENTRY_ENDED), 1);
	assert_int_equal(unlink(filler), 0);
	start(harness);
	client = client_open(harness);
	request_output(client);
	client_receive(client);
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	unmount(harness);
}

/* Fault 20: not even that can be written. Then the runner is left, with the result. */
static void a_runner_is_left_with_what_cannot_be_recorded(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct rlimit limit = {.rlim_max = RLIM_INFINITY};
	struct client *client;
	pid_t runner;

	if (!harness_has_runners())
		skip("hookd keeps the result itself");
	start(harness);
	runner = harness->runner;
	client = client_open(harness);
	request_output(client);
	fifo_await(started);
	limit.rlim_cur = runs_file_size(harness);
	assert_int_equal(prlimit(harness->pid, RLIMIT_FSIZE, &limit, NULL), 0);
	fifo_release(go);
	client_receive(client);
	check_success(client);
	harness_signal(harness, SIGTERM);
	assert_int_equal(harness_await_end(harness), 0);
	client_close_all(harness);
	assert_int_equal(probe_find_runner(harness->directory), runner);
	start(harness);
	client = client_open(harness);
	request_output(client);
	client_receive(client);
	check_success(client);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	await_true(runs_file_count(harness, ENTRY_ENDED) == 1, "the end is written");
}

/* Fault 19: what hookd itself has recorded of runs that are not kept must not take the last room.
 */
static void a_small_file_system_is_not_filled(void **state)
{
	static const char config[] = "[Results]\nMaxRuns=5\n";
	struct harness *harness = *state;
	struct client *client;

	mount_small(harness);
	for (int pass = 0; pass < 2; pass++) {
		start_with(harness, config, NULL);
		client = client_open(harness);
		for (int i = 0; i < 200; i++) {
			request(client, 200 * pass + i, large_state());
			client_receive(client);
			check_success(client);
		}
		harness_stop(harness);
	}
	unmount_state(harness);
}

/* ---- kept as documented ---- */

/* By SIGKILL and by SIGTERM: what can be attached to before can be attached to afterwards. */
static void the_same_ids_attach_after_a_restart(void **state)
{
	static const char config[] = "[Results]\nMaxRuns=20\n";
	struct harness *harness = *state;
	struct client *client;
	size_t known = 0;

	start_with(harness, config, NULL);
	client = client_open(harness);
	for (int i = 0; i < 2 * RUNS; i++) {
		request(client, i, NULL);
		client_receive(client);
		check_success(client);
	}
	for (int pass = 0; pass < 2; pass++) {
		if (pass == 0)
			harness_crash(harness);
		else
			harness_stop(harness);
		start_with(harness, config, NULL);
		known = (size_t)status_number(harness, "stored");
		assert_int_equal(known, 20);
		client = client_open(harness);
		for (int i = 2 * RUNS - 20; i < 2 * RUNS; i++) {
			request(client, i, NULL);
			client_receive(client);
			check_success(client);
			assert_int_equal(count_runs(harness, i), 1);
		}
	}
}

/* ---- killed ---- */

#define KEPT 20

static const char *padded_state(void)
{
	static char text[200 * 1024];

	if (!text[0])
		snprintf(text, sizeof(text),
			 "{\"id\":\"box\",\"pid\":1,\"bundle\":\"/"
			 "\",\"annotations\":{\"a\":\"%0150000d\"}}",
			 0);
	return text;
}

/*
 * hookd is killed at any moment of writing and rewriting the file, which happens each few requests.
 * The request that was sent last, and those that are kept, are sent again.
 */
static void killed_while_it_records(void **state)
{
	static const char config[] = "[Results]\nMaxRuns=20\n";
	uint64_t kills = number_of("HOOKD_KILLS", 30);
	struct harness *harness = *state;
	struct timespec moment = {0};
	struct client *client;
	int number = 0, first;

	seed_random();
	for (; kills > 0; kills--) {
		start_with(harness, config, NULL);
		client = client_open(harness);
		for (size_t i = random_below(12); i > 0; i--) {
			request(client, number++, padded_state());
			client_receive(client);
			check_success(client);
		}
		request(client, number++, padded_state());
		moment.tv_nsec = (long)random_below(3000000);
		nanosleep(&moment, NULL);
		harness_crash(harness);
		start_with(harness, config, NULL);
		client = client_open(harness);
		first = number > KEPT / 2 ? number - KEPT / 2 : 0;
		for (int i = first; i < number; i++) {
			request(client, i, padded_state());
			client_receive(client);
			if (harness_has_runners())
				check_success(client);
			check_error(client, "");
			assert_in_range(count_runs(harness, i), harness_has_runners(), 1);
		}
		harness_crash(harness);
	}
	start(harness);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(a_flipped_byte_runs_nothing_twice),
	    TEST_PREPARED(what_was_not_cut_off_runs_once),
	    TEST_PREPARED(damage_is_logged_and_kept),
	    TEST_PREPARED(runs_of_another_boot_are_not_attached_to),
	    TEST_PREPARED(without_room_nothing_is_begun),
	    TEST_PREPARED(an_end_without_room_is_not_lost),
	    TEST_PREPARED(an_end_without_room_is_recorded_at_the_end_of_hookd),
	    TEST_PREPARED(a_runner_is_left_with_what_cannot_be_recorded),
	    TEST_PREPARED(a_small_file_system_is_not_filled),
	    TEST_PREPARED(the_same_ids_attach_after_a_restart),
	    TEST_PREPARED(killed_while_it_records),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
