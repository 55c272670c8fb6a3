/* SPDX-License-Identifier: Apache-2.0 */
/* hookd started by its socket, as by systemd, while its configuration is wrong. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

#define WRONG	    "[Hooks]\nConcurrentHooks = none\n"
#define RIGHT	    "[Hooks]\nDefaultPath=/mended\n"
#define FIRST_FD    3
#define SAYS_WRONG  "calls get an error until it is mended"
#define SAYS_MENDED "the configuration is right now"

static const char *socket_path;

/* As the service manager does it: sd_listen_fds(3). */
static void pass_socket(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char pid[16];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	(void)unlink(socket_path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 16) < 0 || (fd != FIRST_FD && dup2(fd, FIRST_FD) < 0))
		_exit(125);
	(void)fcntl(FIRST_FD, F_SETFD, 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
}

static void start_activated(struct harness *harness, const char *config)
{
	socket_path = harness->socket;
	harness_spawn(harness, &(struct start){.config = config, .in_child = pass_socket});
}

static void start_wrong(struct harness *harness)
{
	start_activated(harness, WRONG);
	harness_await_log(harness, "hookd.conf:2:19: ConcurrentHooks: 'none' is invalid");
	harness_await_log(harness, SAYS_WRONG);
}

/* hookd leaves a socket that it was passed. */
static void stop(struct harness *harness)
{
	assert_int_equal(unlink(harness->socket), 0);
	harness_stop(harness);
}

static void check_goes_on(struct harness *harness)
{
	struct client *client;

	harness_await_log(harness, SAYS_MENDED);
	harness_await_ready(harness);
	client = client_open(harness);
	run(client, .hooks = {HOOK("'report'")});
	check_success(client);
	check_line(client, "result.hooks[0].stdout", "env PATH=/mended");
	stop(harness);
}

static void right_file_is_read_as_usual(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	start_activated(harness, RIGHT);
	harness_await_ready(harness);
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	stop(harness);
}

static void every_call_gets_the_error_at_once(void **state)
{
	static const char *const calls[] = {
	    "{'method':'io.hookd.control.Ping'}",   "{'method':'io.hookd.status.GetStatus'}",
	    "{'method':'io.hookd.control.Reload'}", "{'method':'io.hookd.status.List'}",
	    "{'method':'io.hookd.control.Drain'}",  "{'method':'io.hookd.settings.Holdings'}"};
	struct harness *harness = *state;
	struct client *client;

	start_wrong(harness);
	client = client_open(harness);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		client_call(client, calls[i]);
		check_error(client, "io.hookd.control.ConfigError");
		check_string(client, "file", harness->config);
		check_int(client, "line", 2);
		check_int(client, "column", 19);
		check_string(client, "key", "ConcurrentHooks");
		check_part(client, "reason", "'none' is invalid");
	}
	run(client, .hooks = {HOOK("'mark','@DIR@/log','x'")});
	check_error(client, "io.hookd.control.ConfigError");
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	client_call(client, "{'method':'org.varlink.service.GetInfo'}");
	check_error(client, "");
	client_close(client);
	harness_signal(harness, SIGTERM);
	assert_int_equal(harness_await_end(harness), 0);
	assert_int_equal(unlink(harness->socket), 0);
}

/* Another user may connect, but not read the configuration. */
static void others_do_not_get_the_text(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	start_wrong(harness);
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness->socket, 0666), 0);
	client = client_open_as(harness, 4711);
	client_call(client, "{'method':'io.hookd.control.Ping'}");
	check_error(client, "io.hookd.control.ConfigError");
	check_string(client, "file", "");
	check_int(client, "line", 0);
	check_string(client, "reason", "the configuration of hookd is wrong; its log says where");
	check_absent(client, "key");
	check_absent(client, "column");
	client_close(client);
	harness_signal(harness, SIGTERM);
	assert_int_equal(harness_await_end(harness), 0);
	assert_int_equal(unlink(harness->socket), 0);
}

/* Connections of before are closed: clients connect again. */
static void goes_on_when_the_file_is_written(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	start_wrong(harness);
	client = client_open(harness);
	harness_write_file(harness, "hookd.conf", "[Log]\nLevel=loud\n");
	harness_await_log(harness, "hookd.conf:2:7: Level: 'loud' is invalid");
	client_call(client, "{'method':'io.hookd.control.Ping'}");
	check_error(client, "io.hookd.control.ConfigError");
	check_string(client, "key", "Level");
	harness_write_file(harness, "hookd.conf", RIGHT);
	client_expect_end(client);
	check_goes_on(harness);
}

static void goes_on_when_the_file_is_replaced(void **state)
{
	struct harness *harness = *state;
	char fresh[128];

	start_wrong(harness);
	snprintf(fresh, sizeof(fresh), "%s", harness_path(harness, "fresh"));
	harness_write_file(harness, "fresh", RIGHT);
	assert_int_equal(rename(fresh, harness->config), 0);
	harness_await_log(harness, SAYS_MENDED);
	harness_await_ready(harness);
	stop(harness);
}

static void goes_on_when_the_file_is_there(void **state)
{
	struct harness *harness = *state;
	char absent[128];

	snprintf(absent, sizeof(absent), "--config=%s", harness_path(harness, "absent.conf"));
	socket_path = harness->socket;
	harness_spawn(harness, &(struct start){.arguments = {absent}, .in_child = pass_socket});
	harness_await_log(harness, "absent.conf: No such file or directory");
	harness_await_log(harness, SAYS_WRONG);
	harness_write_file(harness, "absent.conf", RIGHT);
	check_goes_on(harness);
}

static void link_to(const struct harness *harness, const char *target, const char *name)
{
	char fresh[PATH_MAX];

	snprintf(fresh, sizeof(fresh), "%s/fresh", harness->directory);
	assert_int_equal(symlink(target, fresh), 0);
	assert_int_equal(rename(fresh, harness_path(harness, name)), 0);
}

/* Kubernetes replaces the files of a volume so. */
static void goes_on_when_a_folder_on_the_way_is_replaced(void **state)
{
	struct harness *harness = *state;
	char linked[PATH_MAX];

	assert_int_equal(mkdir(harness_path(harness, "v1"), 0755), 0);
	assert_int_equal(mkdir(harness_path(harness, "v2"), 0755), 0);
	harness_write_file(harness, "v1/hookd.conf", WRONG);
	harness_write_file(harness, "v2/hookd.conf", RIGHT);
	link_to(harness, "v1", "data");
	link_to(harness, "data/hookd.conf", "linked.conf");
	snprintf(linked, sizeof(linked), "--config=%s", harness_path(harness, "linked.conf"));
	socket_path = harness->socket;
	harness_spawn(harness, &(struct start){.arguments = {linked}, .in_child = pass_socket});
	harness_await_log(harness, SAYS_WRONG);
	link_to(harness, "v2", "data");
	check_goes_on(harness);
}

/* The watch waits for a moment; SIGHUP does not. */
static void sighup_reads_the_file_again(void **state)
{
	struct harness *harness = *state;

	start_wrong(harness);
	harness_signal(harness, SIGHUP);
	harness_await_log(harness, "hookd.conf:2:19: ConcurrentHooks: 'none' is invalid");
	harness_write_file(harness, "hookd.conf", RIGHT);
	harness_signal(harness, SIGHUP);
	check_goes_on(harness);
}

/* An administrator mends the file and reloads at once, while hookd is starting because of that. */
static void sighup_during_the_start_waits(void **state)
{
	struct harness *harness = *state;

	start_wrong(harness);
	harness_write_file(harness, "hookd.conf", RIGHT);
	harness_signal(harness, SIGHUP);
	harness_await_log(harness, SAYS_MENDED);
	harness_signal(harness, SIGHUP);
	harness_await_ready(harness);
	harness_await_log(harness, "configuration reloaded");
	stop(harness);
}

static void started_by_hand_it_ends(void **state)
{
	struct harness *harness = *state;

	assert_int_equal(harness_run_once(harness, &(struct start){.config = WRONG}), 6);
	hp_buf_append(&harness->said, "", 1);
	assert_non_null(strstr(harness->said.data, "hookd.conf:2:19: ConcurrentHooks: 'none'"));
	assert_non_null(strstr(harness->said.data, "cannot start with a wrong configuration\n"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(right_file_is_read_as_usual),
	    TEST_PREPARED(every_call_gets_the_error_at_once),
	    TEST_PREPARED(others_do_not_get_the_text),
	    TEST_PREPARED(goes_on_when_the_file_is_written),
	    TEST_PREPARED(goes_on_when_the_file_is_replaced),
	    TEST_PREPARED(goes_on_when_the_file_is_there),
	    TEST_PREPARED(goes_on_when_a_folder_on_the_way_is_replaced),
	    TEST_PREPARED(sighup_reads_the_file_again),
	    TEST_PREPARED(sighup_during_the_start_waits),
	    TEST_PREPARED(started_by_hand_it_ends),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
