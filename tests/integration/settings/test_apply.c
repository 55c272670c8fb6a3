/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.settings.Apply: processes that it refuses. Its effects are tested in the guest. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/files.h"
#include "tests/integration/harness/probe.h"

static void apply_to(struct client *client, pid_t pid)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{'method':'io.hookd.settings.Apply','parameters':{'container':'box','pid':%d,"
		 "'settings':{'process':{'oomScoreAdj':77}}}}",
		 pid);
	client_call(client, text);
}

static bool has_score(pid_t pid)
{
	char path[64];
	int score = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &score), 1);
	fclose(file);
	return score == 77;
}

static void expect_refusal(struct client *client, pid_t pid, const char *reason)
{
	apply_to(client, pid);
	check_error(client, "io.hookd.settings.Refused");
	check_string(client, "rule", "pid");
	check_part(client, "reason", reason);
	assert_false(has_score(pid));
	client_call(client, "{'method':'io.hookd.settings.Holdings'}");
	check_absent(client, "containers.box");
}

static void hookd_and_its_children_are_refused(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *other = client_open(harness);
	int started = fifo_open(harness, "started"), go = fifo_open(harness, "go");

	harness_needs_root();
	begin_run(client, .hooks = {HOOK("'tell','@DIR@/started','await','@DIR@/go'")});
	fifo_await(started);
	expect_refusal(other, harness->pid, "hookd itself");
	expect_refusal(other, probe_find_process(harness->directory), "a hook");
	fifo_release(go);
	client_receive(client);
	check_success(client);
}

/* A process of the caller, with the same parent as hookd, is accepted. */
static void any_other_process_is_accepted(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	pid_t pid;

	harness_needs_root();
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	apply_to(client, pid);
	check_error(client, "");
	assert_true(has_score(pid));
	client_call(client, "{'method':'io.hookd.settings.Release','parameters':{'container':"
			    "'box'}}");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A whole Config may be given; what Apply does not do must be seen. */
static void what_only_the_process_can_change_is_told(void **state)
{
	struct client *client = client_open(*state);
	char text[256];
	pid_t pid;

	harness_needs_root();
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	snprintf(text, sizeof(text),
		 "{'method':'io.hookd.settings.Apply','parameters':{'container':'box','pid':%d,"
		 "'dialect':'libcontainer','settings':{'oom_score_adj':77,'umask':63,"
		 "'no_new_privileges':true,'capabilities':{'Bounding':[]}}}}",
		 pid);
	client_call(client, text);
	check_error(client, "");
	check_string(client, "applied.process[0]", "oomScoreAdj");
	check_string(client, "applied.ignored[0]", "umask");
	check_string(client, "applied.ignored[1]", "capabilities");
	check_string(client, "applied.ignored[2]", "no_new_privileges");
	check_absent(client, "applied.ignored[3]");
	client_call(client, "{'method':'io.hookd.settings.Holdings'}");
	check_string(client, "containers.box.process[0]", "oomScoreAdj");
	check_absent(client, "containers.box.ignored");
	client_call(client, "{'method':'io.hookd.settings.Release','parameters':{'container':"
			    "'box'}}");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void apply_settings(struct client *client, const char *container, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{'method':'io.hookd.settings.Apply','parameters':{'container':'%s','pid':%d,%s}}",
		 container, getpid(), more);
	client_call(client, text);
}

/* The error names a member of the request, though the cgroup's name was made by hookd. */
static void an_error_names_what_the_cgroup_is_named_by(void **state)
{
	static const char limits[] = "'settings':{'linux':{'resources':{'pids':{'limit':5}}}}";
	static const char *const bad[] = {"a b", "cpu.max"};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char own[32];

	harness_needs_root();
	apply_settings(client, bad[0], limits);
	if (strcmp(client->reply.error, "io.hookd.settings.NotSupported") == 0) {
		check_string(client, "path", "settings.linux.resources");
		return;
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		apply_settings(client, bad[i], limits);
		check_error(client, "io.hookd.settings.Invalid");
		check_string(client, "path", "container");
	}
	apply_settings(client, "box", "'settings':{'linux':{'cgroupsPath':'/a b'}}");
	check_error(client, "io.hookd.settings.Invalid");
	check_string(client, "path", "settings.linux.cgroupsPath");
	apply_settings(client, "box",
		       "'dialect':'libcontainer','settings':{'cgroups':{'path':'/a b'}}");
	check_error(client, "io.hookd.settings.Invalid");
	check_string(client, "path", "settings.cgroups.path");
	apply_settings(client, "box",
		       "'dialect':'libcontainer','settings':{'cgroups':{'parent':'cpu.max',"
		       "'name':'n'}}");
	check_error(client, "io.hookd.settings.Invalid");
	check_string(client, "path", "settings.cgroups");
	/* The cgroup of this hookd's hooks. */
	snprintf(own, sizeof(own), "hookd-%d", harness->pid);
	apply_settings(client, own, limits);
	check_error(client, "io.hookd.settings.SettingFailed");
	check_string(client, "path", "container");
}

/* Nothing was changed, so the log does not report an undo. */
static void failures_are_logged(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	harness_needs_root();
	client_call(client, "{'method':'io.hookd.settings.Update','parameters':{'container':'nope',"
			    "'settings':{'linux':{'resources':{'pids':{'limit':5}}}}}}");
	check_error(client, "io.hookd.settings.NoSuchContainer");
	harness_await_log(harness, "container nope: settings not applied: no such container\" ");
	apply_to(client, harness->pid);
	check_error(client, "io.hookd.settings.Refused");
	harness_await_log(harness, "container box: settings not applied: pid: ");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(hookd_and_its_children_are_refused),
	    TEST(any_other_process_is_accepted),
	    TEST(what_only_the_process_can_change_is_told),
	    TEST(an_error_names_what_the_cgroup_is_named_by),
	    TEST(failures_are_logged),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
