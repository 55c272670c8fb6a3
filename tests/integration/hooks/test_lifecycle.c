/* SPDX-License-Identifier: Apache-2.0 */
/* hookd's start, configuration and exit, and what the exit does to runs. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define WAITING HOOK("'tell','@DIR@/started','await','@DIR@/go','mark','@DIR@/log','x'")
#define ID	",'requestId':'a'"

/* ---- exit ---- */

/* `begin` makes hookd drain while one run is running and another one is queued. */
static void drain_lets_runs_finish(struct harness *harness, void (*begin)(struct harness *))
{
	struct client *first = client_open(harness), *second = client_open(harness);
	struct client *late = client_open(harness), *again = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(first, .extra = ID, .hooks = {WAITING});
	fifo_await(started);
	begin_run(second, .hooks = {HOOK("'mark','@DIR@/log','y'")});
	await_true(status_number(harness, "queued") == 1, "the second is in the line");
	begin(harness);
	harness_await_log(harness, "draining");
	run(late, .container = "other", .hooks = {HOOK("'mark','@DIR@/log','late'")});
	check_error(late, "io.hookd.hooks.Draining");
	client_call(late, "{'method':'io.hookd.status.GetStatus'}");
	check_string(late, "state", "draining");
	/* A request for a run that exists is not a new run. */
	begin_run(again, .extra = ID, .hooks = {WAITING});
	client_expect_alive(late);
	assert_false(client_has_input(again));
	fifo_release(go);
	client_receive(first);
	check_success(first);
	client_receive(again);
	check_success(again);
	client_receive(second);
	check_success(second);
	assert_int_equal(harness_await_end(harness), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 2);
	assert_int_equal(access(harness->socket, F_OK), -1);
}

static void send_sigterm(struct harness *harness)
{
	harness_signal(harness, SIGTERM);
}

static void send_sigint(struct harness *harness)
{
	harness_signal(harness, SIGINT);
}

/* Of how many runs are not done yet. */
static void expect_drain(struct harness *harness, int64_t running)
{
	struct client *client = client_open(harness);

	client_call(client, "{'method':'io.hookd.control.Drain'}");
	check_error(client, "");
	check_int(client, "running", running);
}

static void call_drain(struct harness *harness)
{
	expect_drain(harness, 2);
}

static void sigterm_lets_runs_finish(void **state)
{
	drain_lets_runs_finish(*state, send_sigterm);
}

static void sigint_lets_runs_finish(void **state)
{
	drain_lets_runs_finish(*state, send_sigint);
}

static void drain_method_lets_runs_finish(void **state)
{
	drain_lets_runs_finish(*state, call_drain);
}

/* With "more": until none is left, which is the last reply. */
static void drain_tells_its_end(void **state)
{
	struct harness *harness = *state;
	struct client *runner = client_open(harness), *drain = client_open(harness);
	struct client *gone = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	begin_run(runner, .hooks = {WAITING});
	fifo_await(started);
	client_call(gone, "{'method':'io.hookd.control.Drain','more':true}");
	client_close(gone);
	client_call(drain, "{'method':'io.hookd.control.Drain','more':true}");
	check_error(drain, "");
	check_int(drain, "running", 1);
	assert_false(client_has_input(drain));
	fifo_release(go);
	client_receive(drain);
	check_int(drain, "running", 0);
	client_receive(runner);
	check_success(runner);
	assert_int_equal(harness_await_end(harness), 0);
}

/* The connection ends without that reply. */
static void drain_that_is_ended_does_not_say_so(void **state)
{
	struct harness *harness = *state;
	struct client *runner = client_open(harness), *drain = client_open(harness);
	int started = fifo_open(harness, "started");

	(void)fifo_open(harness, "go");
	begin_run(runner, .hooks = {WAITING});
	fifo_await(started);
	client_call(drain, "{'method':'io.hookd.control.Drain','more':true}");
	check_int(drain, "running", 1);
	harness_signal(harness, SIGTERM);
	client_expect_end(drain);
	assert_int_equal(harness_await_end(harness), 0);
}

static void drain_of_an_idle_hookd_ends_it(void **state)
{
	struct harness *harness = *state;

	expect_drain(harness, 0);
	assert_int_equal(harness_await_end(harness), 0);
}

/* It kills all processes of hooks: nothing else would. */
static void second_sigterm_ends(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *queued = client_open(harness);
	int started = fifo_open(harness, "started");

	begin_run(client, .hooks = {HOOK("'crowd','5','tell','@DIR@/started','sleep','60000'")});
	fifo_await(started);
	begin_run(queued, .extra = ",'onDisconnect':'cancel'",
		  .hooks = {HOOK("'mark','@DIR@/log','x'")});
	await_true(status_number(harness, "queued") == 1, "the second is in the line");
	harness_signal(harness, SIGTERM);
	harness_await_log(harness, "draining");
	harness_signal(harness, SIGTERM);
	client_expect_end(client);
	assert_int_equal(harness_await_end(harness), 0);
	await_true(probe_count_processes(harness->directory) == 0, "the tree is dead");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	if (harness->cgroup[0] && access(harness->cgroup, F_OK) == 0)
		fail_msg("hookd left its cgroup");
}

/* Runs that are queued must not be started while hookd frees its parts. */
static void second_sigterm_starts_nothing(void **state)
{
	struct harness *harness = *state;
	struct client *clients[4];
	int started;

	harness_start(harness, &(struct start){.config = "[Hooks]\nConcurrentHooks=1\n"});
	started = fifo_open(harness, "started");
	for (int i = 0; i < 4; i++) {
		char container[16];

		snprintf(container, sizeof(container), "box%d", i);
		clients[i] = client_open(harness);
		begin_run(clients[i], .container = container, .extra = ",'onDisconnect':'cancel'",
			  .hooks = {i == 0 ? HOOK("'tell','@DIR@/started','sleep','60000'")
					   : HOOK("'mark','@DIR@/log','x'")});
		if (i == 0)
			fifo_await(started);
	}
	await_true(status_number(harness, "queued") == 3, "three are in the line");
	harness_signal(harness, SIGTERM);
	harness_await_log(harness, "draining");
	harness_signal(harness, SIGTERM);
	assert_int_equal(harness_await_end(harness), 0);
	await_true(probe_count_processes(harness->directory) == 0, "the tree is dead");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

/* A client that reads slowly gets the reply of the last run before hookd exits. */
static void last_reply_goes_out_whole(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char hooks[10 * 256] = "";

	for (int i = 0; i < 10; i++)
		strcat(strcat(hooks, i ? "," : ""), HOOK("'spam','60000'"));
	begin_run(client, .hooks = {hooks});
	await_true(status_number(harness, "stored") == 1, "the run is done");
	harness_signal(harness, SIGTERM);
	harness_await_log(harness, "draining");
	client_receive(client);
	check_success(client);
	assert_true(client->length > 600000);
	assert_int_equal(harness_await_end(harness), 0);
}

/* ---- the configuration ---- */

static void expect_path(struct harness *harness, const char *path)
{
	struct client *client = client_open(harness);
	char line[64];

	snprintf(line, sizeof(line), "env PATH=%s", path);
	run(client, .hooks = {HOOK("'report'")});
	check_success(client);
	check_line(client, "result.hooks[0].stdout", line);
	client_close(client);
}

/* Fault 29. */
static void sighup_reads_the_configuration_again(void **state)
{
	static const char *const broken[] = {"[Hooks]\nDefaultPath=/broken\nConcurrentHooks=none\n",
					     "[Hooks]\nDefaultPath=/broken\nnonsense\n"};
	struct harness *harness = *state;

	harness_start(harness, &(struct start){.config = "[Hooks]\nDefaultPath=/old\n"});
	expect_path(harness, "/old");
	harness_write_file(harness, "hookd.conf", "[Hooks]\nDefaultPath=/new\n");
	harness_signal(harness, SIGHUP);
	harness_await_log(harness, "configuration reloaded");
	expect_path(harness, "/new");
	for (int i = 0; i < 2; i++) {
		harness_write_file(harness, "hookd.conf", broken[i]);
		harness_signal(harness, SIGHUP);
		harness_await_log(harness, "the configuration is unchanged");
		expect_path(harness, "/new");
	}
	assert_int_equal(unlink(harness->config), 0);
	harness_signal(harness, SIGHUP);
	harness_await_log(harness, "the configuration is unchanged");
	expect_path(harness, "/new");
}

/* With a higher ConcurrentHooks= queued runs are started. */
static void sighup_gives_waiting_runs_their_places(void **state)
{
	struct harness *harness = *state;
	struct client *one, *two;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	harness_start(harness, &(struct start){.config = "[Hooks]\nConcurrentHooks=1\n"});
	one = client_open(harness);
	two = client_open(harness);
	begin_run(one, .container = "one", .hooks = {WAITING});
	fifo_await(started);
	begin_run(two, .container = "two", .hooks = {HOOK("'exit','0'")});
	await_true(status_number(harness, "queued") == 1, "the second waits");
	harness_write_file(harness, "hookd.conf", "[Hooks]\nConcurrentHooks=2\n");
	harness_signal(harness, SIGHUP);
	client_receive(two);
	check_success(two);
	fifo_release(go);
	client_receive(one);
	check_success(one);
}

static const char *directory_of_start;

static void enter_directory_of_start(void)
{
	if (chdir(directory_of_start) < 0)
		_exit(125);
}

/* hookd changes its directory to "/"; paths of its command line are relative to the first one. */
static void paths_are_relative_to_where_it_was_started(void **state)
{
	struct harness *harness = *state;
	char link[32], directory[8] = "";

	directory_of_start = harness->directory;
	harness_start(harness,
		      &(struct start){
			  .config = "[Hooks]\nDefaultPath=/old\n",
			  .arguments = {"--socket=socket", "--config=hookd.conf", "--state-dir=."},
			  .in_child = enter_directory_of_start,
		      });
	snprintf(link, sizeof(link), "/proc/%d/cwd", harness->pid);
	assert_int_equal(readlink(link, directory, sizeof(directory) - 1), 1);
	assert_string_equal(directory, "/");
	expect_path(harness, "/old");
	harness_write_file(harness, "hookd.conf", "[Hooks]\nDefaultPath=/new\n");
	harness_signal(harness, SIGHUP);
	harness_await_log(harness, "configuration reloaded");
	expect_path(harness, "/new");
	assert_int_equal(access(harness_path(harness, "holdings.db"), F_OK), 0);
}

static void limits_that_cannot_be_set_are_logged(void **state)
{
	static const char *const keys[] = {
	    "ignoring PidsMax=: ", "ignoring MemoryMax=: ", "ignoring CPUQuota=: "};
	struct harness *harness = *state;
	char controllers[2];
	FILE *file = fopen("/sys/fs/cgroup/unified/cgroup.controllers", "re");
	bool has_none = file && !fgets(controllers, sizeof(controllers), file);
	struct start start = {.config = "[Hooks]\nMemoryMax=10M\nPidsMax=5\nCPUQuota=50%\n"};

	if (file)
		fclose(file);
	/* Without controllers in cgroup2, and without cgroup2. */
	if (!has_none)
		start.arguments[0] = "--cgroup-root=/nonexistent";
	harness_start(harness, &start);
	harness_signal(harness, SIGHUP);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		harness_await_log(harness, keys[i]);
}

static void check_config_exit_codes(void **state)
{
	static const struct {
		const char *config;
		int status;
		const char *said;
	} cases[] = {
	    {"", 0, ""},
	    {"# nothing\n\n[Hooks]\n; ini\nDefaultTimeoutSec = 0\n", 0, ""},
	    {"[Hooks]\nDefaultTimeout=5\n", 0, "hookd.conf:2:1: unknown key DefaultTimeout"},
	    {"[Hook]\nDefaultTimeoutSec=5\n", 0, "unknown key DefaultTimeoutSec in section [Hook]"},
	    {"[Hooks]\nDefaultTimeoutSec=5s\n", 6, "hookd.conf:2:19: DefaultTimeoutSec: "},
	    {"[Hooks]\nDefaultTimeoutSec=-5\n", 6, "hookd.conf:2:19: DefaultTimeoutSec: "},
	    {"[Hooks]\nDefaultTimeoutSec=\n", 6, "hookd.conf:2:19: DefaultTimeoutSec: "},
	    {"[Hooks]\nDefaultTimeoutSec=99999999999999999999\n", 6, "is invalid"},
	    {"[Hooks]\nConcurrentHooks=0\n", 6, "is invalid"},
	    {"[Hooks]\nConcurrentHooks=4194304\n", 0, ""},
	    {"[Hooks]\nConcurrentHooks=4194305\n", 6,
	     "ConcurrentHooks: '4194305' is invalid: it takes a number, from 1 to 4194304"},
	    {"[Hooks]\nDefaultPath=/\n", 0, ""},
	    {"[Hooks]\nDefaultPath=\n", 6, "it takes folders that begin with /"},
	    {"[Hooks]\nDefaultPath=bin\n", 6, "DefaultPath: 'bin' is invalid: it takes folders"},
	    {"[Hooks]\nDefaultPath=/bin:\n", 6, "DefaultPath: '"},
	    {"[Hooks]\nDefaultPath=/bin::/sbin\n", 6, "DefaultPath: '"},
	    {"[Hooks]\nDefaultPath=/bin:sbin\n", 6, "DefaultPath: '"},
	    {"[Log]\nLevel=loud\n", 6, "is invalid"},
	    {"[Log]\n\nTarget\n", 6, "hookd.conf:3:1: neither a section nor a key"},
	};
	struct harness *harness = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct start start = {.config = cases[i].config, .arguments = {"--check-config"}};
		int status = harness_run_once(harness, &start);

		hp_buf_append(&harness->said, "", 1);
		if (status != cases[i].status || !strstr(harness->said.data, cases[i].said))
			fail_msg("%s: status %d, and hookd said: %s", cases[i].config, status,
				 harness->said.data);
		hp_buf_clear(&harness->said);
	}
}

static int run_with(struct harness *harness, const char *argument)
{
	return harness_run_once(harness, &(struct start){.arguments = {argument}});
}

static void command_line_exit_codes(void **state)
{
	assert_int_equal(run_with(*state, "--version"), 0);
	assert_int_equal(run_with(*state, "--help"), 0);
	assert_int_equal(run_with(*state, "--walk"), 2);
	/* An empty path would be an abstract socket, which has no permissions. */
	assert_int_equal(run_with(*state, "--socket="), 2);
	assert_int_equal(run_with(*state, "--config="), 2);
	assert_int_equal(run_with(*state, "--state-dir="), 2);
	assert_int_equal(run_with(*state, "--cgroup-root="), 2);
	assert_int_equal(run_with(*state, "walk"), 2);
	assert_int_equal(run_with(*state, "--log-level=loud"), 2);
	assert_int_equal(run_with(*state, "--log-target="), 2);
	assert_int_equal(run_with(*state, "--config=/nonexistent"), 6);
	assert_int_equal(run_with(*state, "--socket=/nonexistent/socket"), 1);
}

/* ---- the socket ---- */

static void socket_of_a_dead_hookd_is_replaced(void **state)
{
	struct harness *harness = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(address.sun_path, harness->socket, strlen(harness->socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	harness_start(harness, NULL);
	client_expect_alive(client_open(harness));
}

static void socket_in_use_is_left_alone(void **state)
{
	struct harness *harness = *state;
	char argument[128];
	void *other;

	snprintf(argument, sizeof(argument), "--socket=%s", harness->socket);
	assert_int_equal(harness_prepare(&other), 0);
	assert_int_equal(run_with(other, argument), 1);
	harness_end(&other);
	client_expect_alive(client_open(harness));
}

static void file_that_is_no_socket_is_left_alone(void **state)
{
	struct harness *harness = *state;
	char *text;

	harness_write_file(harness, "socket", "precious");
	assert_int_equal(run_with(harness, NULL), 1);
	text = harness_read_file(harness, "socket", NULL);
	assert_string_equal(text, "precious");
	free(text);
}

/* hookd does not die of SIGPIPE when the reader of its log has exited. */
static void reader_of_the_log_has_exited(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	close(harness->log);
	harness->log = open("/dev/null", O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 3; i++) {
		run(client, .hooks = {HOOK("'exit','1'")});
		check_outcome(client, "failed");
	}
}

static void make_log_small(void)
{
	(void)fcntl(STDERR_FILENO, F_SETPIPE_SZ, 4096);
}

/* Without another line, which may come hours later. */
static void lost_lines_are_told_when_the_log_is_read(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.in_child = make_log_small});
	client = client_open(harness);
	for (int i = 0; i < 40; i++) {
		run(client, .hooks = {HOOK("'exit','0'")});
		check_success(client);
	}
	harness_await_log(harness, " log lines were lost\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(sigterm_lets_runs_finish),
	    TEST(sigint_lets_runs_finish),
	    TEST(drain_method_lets_runs_finish),
	    TEST(drain_tells_its_end),
	    TEST(drain_that_is_ended_does_not_say_so),
	    TEST(drain_of_an_idle_hookd_ends_it),
	    TEST(second_sigterm_ends),
	    TEST_PREPARED(second_sigterm_starts_nothing),
	    TEST(last_reply_goes_out_whole),
	    TEST_PREPARED(sighup_reads_the_configuration_again),
	    TEST_PREPARED(sighup_gives_waiting_runs_their_places),
	    TEST_PREPARED(paths_are_relative_to_where_it_was_started),
	    TEST_PREPARED(limits_that_cannot_be_set_are_logged),
	    TEST_PREPARED(check_config_exit_codes),
	    TEST_PREPARED(command_line_exit_codes),
	    TEST_PREPARED(socket_of_a_dead_hookd_is_replaced),
	    TEST(socket_in_use_is_left_alone),
	    TEST_PREPARED(file_that_is_no_socket_is_left_alone),
	    TEST(reader_of_the_log_has_exited),
	    TEST_PREPARED(lost_lines_are_told_when_the_log_is_read),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
