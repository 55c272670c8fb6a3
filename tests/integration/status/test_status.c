/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.status.GetStatus and GetMetrics: what hookd says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/integration/harness/check.h"

static void get_status(struct client *client)
{
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	check_error(client, "");
}

static void hookd_describes_itself(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char address[128];

	get_status(client);
	check_int(client, "pid", harness->pid);
	check_string(client, "state", "running");
	snprintf(address, sizeof(address), "unix:%s", harness->socket);
	check_string(client, "addresses[0]", address);
	check_string(client, "configFiles[0]", harness->config);
	check_count(client, "configFiles", 1);
	check_absent(client, "configError");
	check_int(client, "runners", harness_has_runners() ? 1 : 0);
	check_int(client, "dropped.journal", 0);
	check_int(client, "dropped.watch", 0);
	assert_true(strlen(reply_string(client, "kernelRelease")) > 0);
	assert_true(reply_int(client, "startedUSec") > 1000000);
	check_bool(client, "kernelFeatures.seccomp", true);
	assert_true(reply_has(client, "kernelFeatures.resctrl"));
	assert_true(reply_has(client, "kernelFeatures.apparmor"));
	assert_true(reply_has(client, "kernelFeatures.clone3"));
	if (harness->cgroup[0] == '\0')
		check_bool(client, "kernelFeatures.cgroup", false);
}

static void the_last_hour(void **state)
{
	struct client *client = client_open(*state);

	run(client, .hooks = {HOOK("'exit','0'")});
	run(client, .hooks = {HOOK("'exit','1'")});
	run(client, .hooks = {TIMED_HOOK(1, "'sleep','60000'")});
	get_status(client);
	check_int(client, "lastHour.runs", 3);
	check_int(client, "lastHour.failed", 1);
	check_int(client, "lastHour.timedOut", 1);
	check_int(client, "lastHour.lost", 0);
	check_int(client, "lastHour.refused", 0);
}

static void start_with_state(struct harness *harness)
{
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.arguments = {argument}});
}

/* A run that is lost with hookd is counted by the next one. */
static void lost_runs_count(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client;

	if (harness_has_runners())
		skip("needs Runners=0: a runner goes on without hookd");
	start_with_state(harness);
	begin_run(client_open(harness), .flags = ",'oneway':true",
		  .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	harness_crash(harness);
	fifo_release(go);
	start_with_state(harness);
	client = client_open(harness);
	get_status(client);
	check_int(client, "lastHour.lost", 1);
	client_call(client, "{'method':'io.hookd.status.GetMetrics'}");
	check_line(client, "text", "hookd_runs_lost_total 1");
}

static void refused_calls_count(void **state)
{
	struct harness *harness = *state;
	struct client *client, *other;

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness->socket, 0666), 0);
	client = client_open(harness);
	other = client_open_as(harness, 4711);
	client_call(other, "{'method':'io.hookd.status.GetStatus'}");
	check_error(other, "io.hookd.hooks.Refused");
	get_status(client);
	check_int(client, "lastHour.refused", 1);
	client_call(client, "{'method':'io.hookd.status.GetMetrics'}");
	check_line(client, "text",
		   "hookd_auth_denied_total{method=\"io.hookd.status.GetStatus\"} 1");
}

static void get_metrics(struct client *client, const char *parameters)
{
	char text[128];

	snprintf(text, sizeof(text), "{'method':'io.hookd.status.GetMetrics','parameters':{%s}}",
		 parameters);
	client_call(client, text);
	check_error(client, "");
}

static void metrics_count_what_happens(void **state)
{
	struct client *client = client_open(*state);

	get_metrics(client, "");
	check_line(client, "text", "hookd_hook_runs_total{stage=\"poststop\",result=\"failed\"} 0");
	check_line(client, "text", "hookd_hook_duration_seconds_count{stage=\"poststop\"} 0");
	run(client, .container = "secret", .stage = "poststop",
	    .hooks = {HOOK("'say','four'"), HOOK("'exit','2'")});
	run(client, .stage = "poststop", .hooks = {TIMED_HOOK(1, "'sleep','60000'")});
	run(client, .stage = "nonsense", .hooks = {HOOK("'exit','0'")});
	check_invalid(client, "hooks", "stage");
	get_metrics(client, "");
	check_line(client, "text", "hookd_hook_runs_total{stage=\"poststop\",result=\"failed\"} 1");
	check_line(client, "text",
		   "hookd_hook_runs_total{stage=\"poststop\",result=\"succeeded\"} 1");
	check_line(client, "text",
		   "hookd_hook_runs_total{stage=\"poststop\",result=\"timed_out\"} 1");
	check_line(client, "text", "hookd_hook_timeouts_total{stage=\"poststop\"} 1");
	check_line(client, "text", "hookd_hook_duration_seconds_count{stage=\"poststop\"} 3");
	check_line(client, "text",
		   "hookd_hook_duration_seconds_bucket{stage=\"poststop\",le=\"300.0\"} 3");
	check_line(client, "text", "hookd_queue_wait_seconds_count{stage=\"poststop\"} 2");
	check_line(client, "text", "hookd_captured_bytes_total{stream=\"stdout\"} 4");
	check_line(client, "text",
		   "hookd_requests_total{method=\"io.hookd.hooks.Run\",status=\"ok\"} 2");
	check_line(client, "text",
		   "hookd_requests_total{method=\"io.hookd.hooks.Run\",status=\"Invalid\"} 1");
	check_line(client, "text",
		   "hookd_request_duration_seconds_count{method=\"io.hookd.hooks.Run\"} 3");
	check_line(client, "text", "hookd_stored_runs 2");
	check_line(client, "text", "hookd_connections 1");
	check_line(client, "text", "hookd_config_last_reload_successful 1");
	check_part(client, "text", "\nprocess_resident_memory_bytes ");
	assert_null(strstr(reply_string(client, "text"), "secret"));
	assert_null(strstr(reply_string(client, "text"), "/hook"));
}

static void clients_that_go_are_counted(void **state)
{
	struct harness *harness = *state;
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");
	struct client *client = client_open(harness), *other = client_open(harness);

	begin_run(client, .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	client_close(client);
	await_true(status_number(harness, "connections") == 2, "the client is gone");
	get_metrics(other, "");
	check_line(other, "text",
		   "hookd_requests_total{method=\"io.hookd.hooks.Run\",status=\"disconnected\"} 1");
	check_line(other, "text", "hookd_hooks_running 1");
	fifo_release(go);
	await_true(status_number(harness, "running") == 0, "the run ends");
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void both_formats(void **state)
{
	struct client *client = client_open(*state);

	get_metrics(client, "");
	assert_true(ends_with(reply_string(client, "text"), "\n# EOF\n"));
	check_line(client, "text", "# TYPE hookd_hook_runs counter");
	check_line(client, "text", "# TYPE hookd_build info");
	get_metrics(client, "'format':'prometheus'");
	assert_false(ends_with(reply_string(client, "text"), "# EOF\n"));
	check_line(client, "text", "# TYPE hookd_hook_runs_total counter");
	check_line(client, "text", "# TYPE hookd_build_info gauge");
	client_call(client, "{'method':'io.hookd.status.GetMetrics','parameters':{'format':'x'}}");
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "format");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(hookd_describes_itself),
	    TEST(the_last_hour),
	    TEST_PREPARED(lost_runs_count),
	    TEST(refused_calls_count),
	    TEST(metrics_count_what_happens),
	    TEST(clients_that_go_are_counted),
	    TEST(both_formats),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
