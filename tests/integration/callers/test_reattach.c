/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clients while hookd is killed and started again, and a runner runs their hooks: libhookd,
 * hookctl and hookd-oci-hook attach to their run by themselves. Each hook runs once, and each byte
 * of its output is delivered once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/libhookd/hookd.h"
#include "tests/integration/harness/check.h"

#define STATE "{\"ociVersion\":\"1.0.2\",\"id\":\"box\",\"pid\":0,\"bundle\":\"/\"}"
#define STATE_WITH_FILES                                                                           \
	"{\"id\":\"box\",\"bundle\":\"/\",\"annotations\":{\"run.oci.hooks.stdout\":\"/o\"}}"

/* ---- hookd ---- */

static void start_with_runner(struct harness *harness)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.config = "[Hooks]\nRunners=1\n", .arguments = {argument}});
}

/* With a hook that runs, whose descriptors are not those of a hookd that has nothing to do. */
static void kill_and_start(struct harness *harness)
{
	int fds = harness->fds_at_start;

	harness_crash(harness);
	start_with_runner(harness);
	harness->fds_at_start = fds;
}

/* ---- a client in a process of its own ---- */

/* Hooks that mark a line each, and the second one waits for the test; in a static buffer. */
static const char *hooks_of(const struct harness *harness, int status)
{
	static char hooks[2048];
	const char *d = harness->directory;

	snprintf(
	    hooks, sizeof(hooks),
	    "{\"createRuntime\":[{\"path\":\"%s\",\"args\":[\"hook\",\"mark\",\"%s/log\",\"x\","
	    "\"say\",\"one \"]},{\"path\":\"%s\",\"args\":[\"hook\",\"mark\",\"%s/log\",\"x\","
	    "\"say\",\"early \",\"tell\",\"%s/started\",\"await\",\"%s/go\",\"say\",\"late\","
	    "\"exit\",\"%d\"]}]}",
	    harness->hook, d, harness->hook, d, d, d, status);
	return hooks;
}

/* Its stdin is the file "state", its stdout the file "out". */
static pid_t start_client(struct harness *harness, const char *state, char *const argv[])
{
	pid_t child;

	harness_write_file(harness, "state.json", state);
	child = fork();
	if (child == 0) {
		dup2(open(harness_path(harness, "state.json"), O_RDONLY | O_CLOEXEC), STDIN_FILENO);
		dup2(open(harness_path(harness, "out"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600),
		     STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(99);
	}
	assert_true(child > 0);
	return child;
}

static int await_client(pid_t child)
{
	int64_t until = deadline();
	int status;

	while (waitpid(child, &status, WNOHANG) == 0)
		await_a_moment(until, "the client ends");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void expect_file(const struct harness *harness, const char *name, const char *text)
{
	char *content = harness_read_file(harness, name, NULL);

	assert_non_null(content);
	assert_string_equal(content, text);
	free(content);
}

static char *address_of(const struct harness *harness)
{
	static char option[128];

	snprintf(option, sizeof(option), "--address=unix:%s", harness->socket);
	return option;
}

/* Kills hookd twice while the client waits for the second hook. Returns the client's status. */
static int kill_hookd_under(struct harness *harness, const char *state, char *const argv[])
{
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	pid_t client;
	int status;

	start_with_runner(harness);
	client = start_client(harness, state, argv);
	fifo_await(started);
	kill_and_start(harness);
	kill_and_start(harness);
	fifo_release(go);
	status = await_client(client);
	assert_int_equal(harness_count_lines(harness, "log"), 2);
	return status;
}

#define ARGV(...) ((char *const[]){__VA_ARGS__, NULL})

static char *hooks_option(const struct harness *harness, int status)
{
	static char option[2100];

	snprintf(option, sizeof(option), "--hooks-json=%s", hooks_of(harness, status));
	return option;
}

static void shim_attaches_again(void **state)
{
	struct harness *harness = *state;

	assert_int_equal(kill_hookd_under(harness, STATE,
					  ARGV((char *)SHIM, (char *)"--stage=createRuntime",
					       (char *)"--if-down=run-local", address_of(harness),
					       hooks_option(harness, 0))),
			 0);
	expect_file(harness, "out", "");
}

static void shim_has_the_status_of_the_hook(void **state)
{
	struct harness *harness = *state;

	assert_int_equal(kill_hookd_under(harness, STATE,
					  ARGV((char *)SHIM, (char *)"--stage=createRuntime",
					       (char *)"--if-down=ignore", address_of(harness),
					       hooks_option(harness, 3))),
			 3);
}

/* For a runtime that keeps the output of hooks. */
static void shim_streams_each_byte_once(void **state)
{
	struct harness *harness = *state;

	assert_int_equal(kill_hookd_under(harness, STATE_WITH_FILES,
					  ARGV((char *)SHIM, (char *)"--stage=createRuntime",
					       address_of(harness), hooks_option(harness, 0))),
			 0);
	expect_file(harness, "out", "one early late");
}

static void hookctl_run_follows_on(void **state)
{
	struct harness *harness = *state;
	char hooks[128];

	harness_write_file(harness, "hooks.json", hooks_of(harness, 0));
	snprintf(hooks, sizeof(hooks), "--hooks=%s/hooks.json", harness->directory);
	assert_int_equal(kill_hookd_under(harness, STATE,
					  ARGV((char *)HOOKCTL, address_of(harness), (char *)"run",
					       (char *)"--follow", (char *)"--stage=createRuntime",
					       (char *)"--state=-", hooks)),
			 0);
	expect_file(harness, "out", "one early late");
}

static void hookctl_wait_waits_on(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;
	pid_t waiter;
	char *id;

	start_with_runner(harness);
	client = client_open(harness);
	begin_run(
	    client, .flags = ",'oneway':true",
	    .hooks = {HOOK("'mark','@DIR@/log','x','tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	client_call(client, "{'method':'io.hookd.status.List'}");
	id = strdup(reply_string(client, "runs[0].run"));
	waiter = start_client(harness, STATE,
			      ARGV((char *)HOOKCTL, address_of(harness), (char *)"wait", id));
	/* This one's, the one that asks, and hookctl's. */
	await_true(status_number(harness, "connections") == 3, "hookctl connects");
	kill_and_start(harness);
	fifo_release(go);
	assert_int_equal(await_client(waiter), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 1);
	free(id);
}

/* ---- libhookd ---- */

static struct hookd_client *client_of(const struct harness *harness)
{
	struct hookd_client *client;
	char address[128];

	snprintf(address, sizeof(address), "unix:%s", harness->socket);
	assert_int_equal(hookd_client_new(address, &client), 0);
	return client;
}

/* In a child: hookd_run(). Exits with 0 where the result is that of all hooks. */
static _Noreturn void run_in_child(const struct harness *harness, const char *request_id)
{
	const struct hookd_run_request request = {
	    .size = sizeof(request),
	    .stage = "createRuntime",
	    .state = STATE,
	    .hooks = hooks_of(harness, 0),
	    .request_id = request_id,
	};
	struct hookd_client *client = client_of(harness);
	struct hookd_result *result;

	if (hookd_run(client, &request, &result) < 0)
		_exit(1);
	if (strcmp(hookd_result_outcome(result), "succeeded") != 0)
		_exit(2);
	_exit(strcmp(hookd_result_hook(result, 1)->stdout_data, "early late") == 0 ? 0 : 3);
}

static void blocking_run_attaches_again(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	pid_t child;

	start_with_runner(harness);
	child = fork();
	if (child == 0)
		run_in_child(harness, NULL);
	fifo_await(started);
	kill_and_start(harness);
	fifo_release(go);
	assert_int_equal(await_client(child), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 2);
}

/* A run that had not begun is not known to the next hookd, and runs then, in its turn. */
static void queued_run_runs_once(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	pid_t children[2];

	start_with_runner(harness);
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		if (children[i] == 0)
			run_in_child(harness, i == 0 ? "first" : "second");
		if (i == 0)
			fifo_await(started);
		else
			await_true(status_number(harness, "queued") == 1, "the second one waits");
	}
	kill_and_start(harness);
	await_true(status_number(harness, "queued") == 1, "the second one waits again");
	assert_int_equal(harness_count_lines(harness, "log"), 2);
	fifo_release(go);
	assert_int_equal(await_client(children[0]), 0);
	fifo_await(started);
	fifo_release(go);
	assert_int_equal(await_client(children[1]), 0);
	assert_int_equal(harness_count_lines(harness, "log"), 4);
}

struct heard {
	char text[256];
	bool is_done;
};

static void on_event(struct hookd_client *client, const struct hookd_event *event, void *userdata)
{
	static const char letters[] = "?ASOFD";
	struct heard *heard = userdata;
	size_t length = strlen(heard->text);

	(void)client;
	snprintf(heard->text + length, sizeof(heard->text) - length, "%c%zu%.*s ",
		 letters[event->type], event->index, (int)event->data_length,
		 event->data ? event->data : "");
	if (event->type != HOOKD_EVENT_DONE)
		return;
	heard->is_done = true;
	assert_int_equal(event->error, 0);
	assert_string_equal(hookd_result_outcome(event->result), "succeeded");
	hookd_result_free(event->result);
}

static void process_until(struct hookd_client *client, const struct heard *heard, const char *text)
{
	while (!strstr(heard->text, text)) {
		struct pollfd poll_fd = {.fd = hookd_get_fd(client),
					 .events = hookd_get_events(client)};

		assert_int_equal(poll(&poll_fd, 1, DEADLINE_MS), 1);
		assert_int_equal(hookd_process(client), 0);
	}
}

static void events_go_on(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	const struct hookd_run_request request = {
	    .size = sizeof(request),
	    .stage = "createRuntime",
	    .state = STATE,
	    .hooks = hooks_of(harness, 0),
	    .on_disconnect = "cancel",
	};
	struct heard heard = {0};
	struct hookd_client *client;

	start_with_runner(harness);
	client = client_of(harness);
	assert_int_equal(hookd_run_start(client, &request, on_event, &heard), 0);
	process_until(client, &heard, "S1 ");
	fifo_await(started);
	kill_and_start(harness);
	fifo_release(go);
	process_until(client, &heard, "D");
	hookd_client_free(client);
	assert_true(heard.is_done);
	assert_int_equal(harness_count_lines(harness, "log"), 2);
	/* What came before the kill and after is one stream, cut somewhere. */
	assert_memory_equal(heard.text, "A0 S0 O0one  F0 S1 O1e", 21);
	if (strcmp(heard.text, "A0 S0 O0one  F0 S1 O1early  O1late F1 D0 ") != 0)
		assert_string_equal(heard.text, "A0 S0 O0one  F0 S1 O1early late F1 D0 ");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(shim_attaches_again),
	    TEST_PREPARED(shim_has_the_status_of_the_hook),
	    TEST_PREPARED(shim_streams_each_byte_once),
	    TEST_PREPARED(hookctl_run_follows_on),
	    TEST_PREPARED(hookctl_wait_waits_on),
	    TEST_PREPARED(blocking_run_attaches_again),
	    TEST_PREPARED(queued_run_runs_once),
	    TEST_PREPARED(events_go_on),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
