/* SPDX-License-Identifier: Apache-2.0 */

/* A row for each call; see reply_rows.h. */

#include "tests/client/libhookd/reply_rows.h"

#include <string.h>

#define FORM(name, ...)                                                                            \
	(form->ret                                                                                 \
	     ? hookd_##name(form->client, ##__VA_ARGS__, form->ret)                                \
	     : hookd_##name##_start(form->client, ##__VA_ARGS__, form->done, form->userdata))

static const struct hookd_run_filter list_filter = {.size = sizeof(list_filter),
						    .run_prefix = "ab",
						    .container = "w\"",
						    .container_prefix = "w",
						    .stage = "poststop",
						    .state = "done",
						    .outcome = "lost",
						    .failed = true,
						    .path = "a*",
						    .since_us = 5,
						    .until_us = 6,
						    .limit = 7,
						    .before = "x"};
static const struct hookd_run_filter summary_filter = {
    .size = sizeof(summary_filter), .container = "w", .path = "/p", .until_us = 6};

int call_wait(const struct form *form)
{
	return FORM(wait, "r1");
}

static int call_cancel(const struct form *form)
{
	return FORM(cancel, "r1");
}

int call_get(const struct form *form)
{
	return FORM(get, "r1");
}

int call_list(const struct form *form)
{
	return FORM(list, &list_filter);
}

static int call_list_all(const struct form *form)
{
	return FORM(list, NULL);
}

int call_summary(const struct form *form)
{
	return FORM(summary, &summary_filter);
}

int call_status(const struct form *form)
{
	return FORM(status);
}

int call_metrics(const struct form *form)
{
	return FORM(metrics, "prometheus");
}

int call_ping(const struct form *form)
{
	return FORM(ping);
}

int call_reload(const struct form *form)
{
	return FORM(reload);
}

static int call_set_log_level(const struct form *form)
{
	return FORM(set_log_level, "debug");
}

int call_drain(const struct form *form)
{
	return FORM(drain);
}

int call_explain(const struct form *form)
{
	static const struct hookd_run_request request = {
	    .size = sizeof(request), .stage = "poststop", .hooks = "{}", .settings = "{\"a\":1}"};

	return FORM(explain, &request);
}

int call_explain_policy(const struct form *form)
{
	return FORM(explain_policy, &(struct hookd_caller){.uid = 4294967295u},
		    "io.hookd.hooks.Run");
}

int call_apply(const struct form *form)
{
	static const struct hookd_apply_request request = {
	    .size = sizeof(request), .container = "w", .pid = 7, .settings = "{}"};

	return FORM(apply, &request);
}

int call_update(const struct form *form)
{
	static const struct hookd_apply_request request = {
	    .size = sizeof(request), .container = "w", .settings = "{}"};

	return FORM(update, &request);
}

int call_release(const struct form *form)
{
	return FORM(release, "w");
}

static int call_holdings(const struct form *form)
{
	return FORM(holdings);
}

static int call_compile(const struct form *form)
{
	return FORM(compile_seccomp, "{}", NULL);
}

/* ---- what is read ---- */

static void check_nothing(const struct hookd_reply *reply)
{
	assert_string_equal(hookd_reply_json(reply), "{}");
	assert_null(hookd_reply_result(reply));
	assert_null(hookd_reply_details(reply));
	assert_null(hookd_reply_list(reply));
	assert_null(hookd_reply_summary(reply));
	assert_null(hookd_reply_status(reply));
	assert_null(hookd_reply_text(reply));
	assert_null(hookd_reply_strings(reply));
	assert_null(hookd_reply_decision(reply));
	assert_null(hookd_reply_applied(reply));
	assert_null(hookd_reply_holdings(reply));
	assert_null(hookd_reply_seccomp(reply));
}

static void check_wait(const struct hookd_reply *reply)
{
	assert_string_equal(hookd_result_outcome(hookd_reply_result(reply)), "succeeded");
	assert_string_equal(hookd_result_run(hookd_reply_result(reply)), "r1");
}

#define RUN_INFO                                                                                   \
	"{\"run\":\"r1\",\"requestId\":\"q\",\"container\":\"w\",\"stage\":\"poststop\","          \
	"\"state\":\"running\",\"uid\":7,\"hook\":1,\"hooks\":3,\"path\":\"/p\",\"pid\":9,"        \
	"\"hookOutcome\":\"running\",\"deadlineUSec\":\"12\",\"submittedUSec\":10,"                \
	"\"queuedUSec\":1,\"durationUSec\":2,\"later\":[{}]}"

static void check_info(const struct hookd_run_info *info)
{
	assert_string_equal(info->run, "r1");
	assert_string_equal(info->request_id, "q");
	assert_string_equal(info->state, "running");
	assert_null(info->outcome);
	assert_null(info->error);
	assert_int_equal(info->uid, 7);
	assert_int_equal(info->hook, 1);
	assert_int_equal(info->hook_count, 3);
	assert_string_equal(info->path, "/p");
	assert_int_equal(info->pid, 9);
	assert_string_equal(info->hook_outcome, "running");
	assert_int_equal(info->exit_status, -1);
	assert_null(info->signal);
	assert_int_equal(info->oom_killed, -1);
	assert_int_equal(info->deadline_us, 12);
	assert_int_equal(info->submitted_us, 10);
	assert_int_equal(info->queued_us, 1);
	assert_int_equal(info->duration_us, 2);
}

#define RUNNING_HOOK                                                                               \
	"{\"index\":1,\"path\":\"/p\",\"outcome\":\"running\",\"success\":false,\"pid\":9,"        \
	"\"stdout\":\"so far\",\"stdoutBytes\":6,\"stdoutTruncated\":false,\"stderrBytes\":0,"     \
	"\"stderrTruncated\":false,\"lingering\":false}"

static void check_progress(const struct hookd_reply *reply)
{
	const struct hookd_run_details *details = hookd_reply_details(reply);

	check_info(details->run);
	assert_null(hookd_reply_result(reply));
	assert_int_equal(details->hook_count, 2);
	assert_string_equal(details->hooks[0]->outcome, "exited");
	assert_string_equal(details->hooks[1]->outcome, "running");
	assert_int_equal(details->hooks[1]->pid, 9);
	assert_string_equal(details->hooks[1]->stdout_data, "so far");
	assert_string_equal(details->request, "{ \"stage\" : 1 }");
}

static void check_get_done(const struct hookd_reply *reply)
{
	assert_string_equal(hookd_result_outcome(hookd_reply_result(reply)), "succeeded");
	assert_int_equal(hookd_reply_details(reply)->hook_count, 0);
	assert_null(hookd_reply_details(reply)->request);
}

static void check_list(const struct hookd_reply *reply)
{
	const struct hookd_run_list *list = hookd_reply_list(reply);

	assert_int_equal(list->count, 2);
	check_info(&list->runs[0]);
	assert_string_equal(list->runs[1].run, "r2");
	assert_null(list->runs[1].container);
	assert_int_equal(list->runs[1].uid, -1);
	assert_int_equal(list->runs[1].hook, -1);
	assert_int_equal(list->runs[1].oom_killed, 1);
	assert_int_equal(list->runs[1].exit_status, 0);
	assert_true(list->has_more);
}

void check_empty_list(const struct hookd_reply *reply)
{
	assert_int_equal(hookd_reply_list(reply)->count, 0);
	assert_false(hookd_reply_list(reply)->has_more);
}

static void check_summary(const struct hookd_reply *reply)
{
	const struct hookd_summary_table *table = hookd_reply_summary(reply);

	assert_int_equal(table->runs, 4);
	assert_int_equal(table->oldest_us, 3);
	assert_int_equal(table->count, 1);
	assert_string_equal(table->paths[0].path, "/p");
	assert_string_equal(table->paths[0].stage, "poststop");
	assert_int_equal(table->paths[0].runs, 4);
	assert_int_equal(table->paths[0].failures, 2);
	assert_int_equal(table->paths[0].timeouts, 1);
	assert_int_equal(table->paths[0].p50_us, 5);
	assert_int_equal(table->paths[0].p90_us, 6);
	assert_int_equal(table->paths[0].p99_us, 7);
	assert_int_equal(table->paths[0].max_us, 8);
}

#define STATUS                                                                                     \
	"{\"version\":\"9\",\"pid\":3,\"uptimeUSec\":4,\"startedUSec\":5,\"state\":\"draining\","  \
	"\"running\":6,\"queued\":7,\"connections\":8,\"stored\":9,\"runners\":10,"                \
	"\"addresses\":[\"unix:/a\"],\"configFiles\":[\"/f\",\"/g\"],\"configError\":{\"file\":"   \
	"\"/f\",\"line\":11,\"reason\":\"why\"},\"logLevel\":\"info\",\"lastHour\":{\"runs\":12,"  \
	"\"failed\":13,\"timedOut\":14,\"lost\":15,\"refused\":16},\"dropped\":{\"journal\":17,"   \
	"\"watch\":18,\"history\":19},\"history\":{\"state\":\"failing\",\"path\":\"/"             \
	"h\",\"error\":\"full\",\"runs\":20,\"bytes\":21},\"kernelRelease\":\"6\",\"features\":["  \
	"\"records\"],"                                                                            \
	"\"kernelFeatures\":{\"cgroup\":true,\"resctrl\":false}}"

static void check_status(const struct hookd_reply *reply)
{
	const struct hookd_status_info *status = hookd_reply_status(reply);
	const uint64_t numbers[] = {(uint64_t)status->pid,
				    (uint64_t)status->uptime_us,
				    (uint64_t)status->started_us,
				    status->running,
				    status->queued,
				    status->connections,
				    status->stored,
				    status->runners,
				    status->config_error_line,
				    status->last_hour_runs,
				    status->last_hour_failed,
				    status->last_hour_timed_out,
				    status->last_hour_lost,
				    status->last_hour_refused,
				    status->dropped_journal,
				    status->dropped_watch,
				    status->dropped_history,
				    status->history_runs,
				    status->history_bytes};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		assert_int_equal(numbers[i], i + 3);
	assert_string_equal(status->version, "9");
	assert_string_equal(status->state, "draining");
	assert_string_equal(status->addresses[0], "unix:/a");
	assert_string_equal(status->config_files[1], "/g");
	assert_null(status->config_files[2]);
	assert_string_equal(status->config_error_reason, "why");
	assert_null(status->config_error_key);
	assert_int_equal(status->config_error_column, 0);
	assert_string_equal(status->features[0], "records");
	assert_int_equal(status->kernel_feature_count, 2);
	assert_string_equal(status->kernel_features[1].name, "resctrl");
	assert_true(status->kernel_features[0].is_there);
	assert_false(status->kernel_features[1].is_there);
	assert_string_equal(status->history_state, "failing");
	assert_string_equal(status->history_path, "/h");
	assert_string_equal(status->history_error, "full");
}

/* An older hookd, which sends less. */
static void check_empty_status(const struct hookd_reply *reply)
{
	const struct hookd_status_info *status = hookd_reply_status(reply);

	assert_null(status->version);
	assert_null(status->addresses[0]);
	assert_null(status->config_files[0]);
	assert_null(status->features[0]);
	assert_null(status->config_error_file);
	assert_null(status->history_state);
	assert_int_equal(status->kernel_feature_count, 0);
	assert_int_equal(status->last_hour_runs, 0);
}

static void check_text(const struct hookd_reply *reply)
{
	assert_string_equal(hookd_reply_text(reply), "# a\nb 1\n");
}

static void check_strings(const struct hookd_reply *reply)
{
	assert_string_equal(hookd_reply_strings(reply)[0], "/a");
	assert_null(hookd_reply_strings(reply)[1]);
}

static void check_explanation(const struct hookd_reply *reply)
{
	const struct hookd_explanation *explanation = hookd_reply_explanation(reply);

	assert_true(explanation->allowed);
	assert_int_equal(explanation->hook_count, 1);
	assert_string_equal(explanation->hooks[0].path, "/h");
	assert_string_equal(explanation->hooks[0].args[0], "h");
	assert_int_equal(explanation->hooks[0].uid, -1);
	assert_null(explanation->hooks[0].namespaces[0]);
	assert_int_equal(explanation->hooks[0].timeout_us, 5);
	assert_string_equal(explanation->hooks[0].why_timeout, "/c:3");
	assert_int_equal(explanation->default_count, 1);
	assert_string_equal(explanation->defaults[0].key, "PidsMax");
	assert_int_equal(explanation->defaults[0].value, 64);
	assert_null(hookd_reply_decision(reply));
}

static void check_decision(const struct hookd_reply *reply)
{
	assert_true(hookd_reply_decision(reply)->allowed);
	assert_null(hookd_reply_decision(reply)->rule);
	assert_string_equal(hookd_reply_decision(reply)->reason, "root");
}

static void check_applied(const struct hookd_reply *reply)
{
	assert_string_equal(hookd_reply_applied(reply)->container, "w");
	assert_string_equal(hookd_reply_applied(reply)->cgroup_path, "/w");
	assert_null(hookd_reply_holdings(reply));
}

static void check_holdings(const struct hookd_reply *reply)
{
	assert_int_equal(hookd_reply_holdings(reply)->count, 1);
	assert_string_equal(hookd_reply_holdings(reply)->containers[0].container, "w");
	assert_null(hookd_reply_applied(reply));
}

static void check_seccomp(const struct hookd_reply *reply)
{
	assert_int_equal(hookd_reply_seccomp(reply)->count, 1);
	assert_null(hookd_reply_seccomp(reply)->unknown_syscalls[0]);
}

#define CALL(method, parameters)                                                                   \
	"{\"method\":\"io.hookd." method "\",\"parameters\":" parameters "}"
#define PLAIN(method) "{\"method\":\"io.hookd." method "\"}"

const struct reply_row reply_rows[] = {
    {call_wait, CALL("hooks.Wait", "{\"run\":\"r1\"}"), FAKE_SUCCESS, check_wait},
    {call_cancel, CALL("hooks.Cancel", "{\"run\":\"r1\"}"), "{}", check_nothing},
    {call_get, CALL("status.Get", "{\"run\":\"r1\"}"),
     REPLY("{\"run\":" RUN_INFO ",\"progress\":{\"hooks\":[" FAKE_HOOK(
	 0, "/bin/true") "," RUNNING_HOOK "]},\"request\":{ \"stage\" : 1 }}"),
     check_progress},
    {call_get, CALL("status.Get", "{\"run\":\"r1\"}"),
     REPLY("{\"run\":{\"run\":\"r1\"},\"result\":" FAKE_RUN("r1", "succeeded", "",
							    FAKE_HOOK(0, "/bin/true")) "}"),
     check_get_done},
    {call_list,
     CALL("status.List",
	  "{\"runPrefix\":\"ab\",\"container\":\"w\\\"\",\"containerPrefix\":\"w\",\"stage\":"
	  "\"poststop\",\"state\":\"done\",\"outcome\":\"lost\",\"path\":\"a*\",\"before\":\"x\","
	  "\"failed\":true,\"sinceUSec\":5,\"untilUSec\":6,\"limit\":7}"),
     REPLY("{\"runs\":[" RUN_INFO ",{\"run\":\"r2\",\"oomKilled\":true,\"exitStatus\":0}],"
	   "\"hasMore\":true}"),
     check_list},
    {call_list_all, PLAIN("status.List"), REPLY("{\"runs\":[]}"), check_empty_list},
    {call_summary, CALL("status.Summary", "{\"container\":\"w\",\"path\":\"/p\",\"untilUSec\":6}"),
     REPLY("{\"runs\":4,\"oldestUSec\":3,\"paths\":[{\"path\":\"/p\",\"stage\":\"poststop\","
	   "\"runs\":4,\"failures\":2,\"timeouts\":1,\"p50USec\":5,\"p90USec\":6,\"p99USec\":7,"
	   "\"maxUSec\":8}]}"),
     check_summary},
    {call_status, PLAIN("status.GetStatus"), REPLY(STATUS), check_status},
    {call_status, PLAIN("status.GetStatus"), "{}", check_empty_status},
    {call_metrics, CALL("status.GetMetrics", "{\"format\":\"prometheus\"}"),
     REPLY("{\"text\":\"# a\\nb 1\\n\"}"), check_text},
    {call_ping, PLAIN("control.Ping"), "{}", check_nothing},
    {call_reload, PLAIN("control.Reload"), REPLY("{\"files\":[\"/a\"]}"), check_strings},
    {call_set_log_level, CALL("control.SetLogLevel", "{\"level\":\"debug\"}"), "{}", check_nothing},
    {call_drain, PLAIN("control.Drain"), "{}", check_nothing},
    {call_explain,
     CALL("hooks.Explain", "{\"stage\":\"poststop\",\"hooks\":{},\"settings\":{\"a\":1}}"),
     REPLY("{\"hooks\":[{\"index\":0,\"path\":\"/h\",\"args\":[\"h\"],\"dir\":\"/\","
	   "\"namespaces\":[],\"timeoutUSec\":5,\"why\":{\"timeout\":\"/c:3\"}}],"
	   "\"defaults\":[{\"key\":\"PidsMax\",\"value\":64,\"source\":\"/c:4\"}],"
	   "\"allowed\":true}"),
     check_explanation},
    {call_explain_policy,
     CALL("control.ExplainPolicy", "{\"uid\":4294967295,\"method\":\"io.hookd.hooks.Run\"}"),
     REPLY("{\"allowed\":true,\"reason\":\"root\"}"), check_decision},
    {call_apply, CALL("settings.Apply", "{\"container\":\"w\",\"pid\":7,\"settings\":{}}"),
     REPLY("{\"applied\":{\"cgroupPath\":\"/w\"}}"), check_applied},
    {call_update, CALL("settings.Update", "{\"container\":\"w\",\"settings\":{}}"),
     REPLY("{\"applied\":{\"cgroupPath\":\"/w\"}}"), check_applied},
    {call_release, CALL("settings.Release", "{\"container\":\"w\"}"),
     REPLY("{\"removed\":[\"/a\"]}"), check_strings},
    {call_holdings, PLAIN("settings.Holdings"), REPLY("{\"containers\":{\"w\":{}}}"),
     check_holdings},
    {call_compile, CALL("settings.CompileSeccomp", "{\"seccomp\":{}}"),
     REPLY("{\"bpfBase64\":\"BgAAAAAA/38=\",\"instructions\":1,\"flags\":0,"
	   "\"needsListener\":false,\"unknownSyscalls\":[]}"),
     check_seccomp},
};
const size_t reply_row_count = sizeof(reply_rows) / sizeof(reply_rows[0]);
