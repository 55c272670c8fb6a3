/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.hooks.Explain: what it says is what Run does, and nothing is run. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"

#define NOBODY 65534

static void explain(struct client *client, const char *parameters)
{
	char text[1024];

	snprintf(text, sizeof(text), "{'method':'io.hookd.hooks.Explain','parameters':{%s}}",
		 parameters);
	client_call(client, text);
}

static void each_value_has_its_source(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	char source[4200];

	harness_start(harness,
		      &(struct start){.config = "[Hooks]\nNice=3\n\nDefaultTimeoutSec=7\n"});
	client = client_open(harness);
	explain(client, "'stage':'poststop','hooks':{'poststop':["
			"{'path':'/bin/a'},{'path':'/bin/b','args':['b','c'],'timeout':9}]}");
	check_error(client, "");
	check_bool(client, "allowed", true);
	check_count(client, "hooks", 2);
	check_string(client, "hooks[0].args[0]", "/bin/a");
	check_string(client, "hooks[0].dir", "/");
	check_int(client, "hooks[0].uid", getuid());
	check_count(client, "hooks[0].namespaces", 0);
	check_int(client, "hooks[0].timeoutUSec", 7000000);
	snprintf(source, sizeof(source), "%s:4", harness->config);
	check_string(client, "hooks[0].why.timeout", source);
	check_string(client, "hooks[0].why.namespaces", "stage");
	check_string(client, "hooks[0].why.settings", "default");
	check_string(client, "hooks[1].args[1]", "c");
	check_int(client, "hooks[1].timeoutUSec", 9000000);
	check_string(client, "hooks[1].why.timeout", "request");
	check_count(client, "defaults", 1);
	check_string(client, "defaults[0].key", "Nice");
	check_int(client, "defaults[0].value", 3);
	snprintf(source, sizeof(source), "%s:2", harness->config);
	check_string(client, "defaults[0].source", source);
	client_call(client, "{'method':'io.hookd.status.GetStatus'}");
	check_int(client, "stored", 0);
}

static void settings_come_before_defaults(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nUMask=0027\n"});
	client = client_open(harness);
	explain(client, "'stage':'poststop','hooks':{'poststop':[{'path':'/bin/a'}]},"
			"'settings':{'process':{'user':{'uid':5,'gid':6,'umask':7}},'linux':{"
			"'namespaces':[{'type':'network','path':'/proc/1/ns/net'}]}}");
	check_error(client, "");
	check_int(client, "hooks[0].uid", 5);
	check_int(client, "hooks[0].gid", 6);
	check_string(client, "hooks[0].why.ids", "request");
	check_string(client, "hooks[0].why.settings", "request");
	check_count(client, "hooks[0].namespaces", 1);
	check_string(client, "hooks[0].namespaces[0]", "net");
	check_count(client, "defaults", 0);
	/* The default timeout of a hookd without a file that sets it. */
	check_string(client, "hooks[0].why.timeout", "default");
}

static void container_has_its_namespaces(void **state)
{
	struct harness *harness = *state;
	struct client *client;
	struct container container;
	char text[512];

	harness_needs_root();
	client = client_open(harness);
	container_start(harness, CLONE_NEWNS | CLONE_NEWUTS, false, &container);
	snprintf(text, sizeof(text),
		 "'stage':'startContainer','hooks':{'startContainer':[{'path':'/bin/a'}]},"
		 "'state':{'id':'c','pid':%d}",
		 container.pid);
	explain(client, text);
	check_error(client, "");
	check_count(client, "hooks[0].namespaces", 2);
	check_string(client, "hooks[0].namespaces[0]", "mnt");
	check_string(client, "hooks[0].namespaces[1]", "uts");
	check_absent(client, "hooks[0].uid");
	explain(client, "'stage':'startContainer','hooks':{'startContainer':[{'path':'/bin/a'}]},"
			"'namespaces':'runtime'");
	check_count(client, "hooks[0].namespaces", 0);
	check_string(client, "hooks[0].why.namespaces", "request");
	container_stop(&container);
}

static void errors_are_those_of_run(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	explain(client, "'stage':'poststop','hooks':{'poststart':[{'path':'a'}]}");
	check_invalid(client, "hooks", "hooks.poststart[0].path");
	explain(client, "'stage':'startContainer','hooks':{},'state':{'id':'c','pid':1}");
	check_invalid(client, "hooks", "state.pid");
	explain(client, "'stage':'poststop','hooks':{},'settings':{'linux':{'resources':{"
			"'memory':{'limt':1}}}}");
	check_invalid(client, "hooks", "settings.linux.resources.memory.limt");
	explain(client, "'stage':'poststop','hooks':{},'requestId':'1'");
	check_error(client, "org.varlink.service.InvalidParameter");
	explain(client, "'stage':'poststop'");
	check_error(client, "org.varlink.service.InvalidParameter");
}

/* A limit that is set but has no effect is not shown as if it had one. */
static void ignored_defaults_are_named(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nPidsMax=5\nUMask=0027\n",
					       .arguments = {"--cgroup-root=/nonexistent"}});
	client = client_open(harness);
	explain(client, "'stage':'poststop','hooks':{'poststop':[{'path':'/bin/a'}]}");
	check_error(client, "");
	check_string(client, "defaults[0].key", "PidsMax");
	check_string(client, "defaults[0].ignored", "hookd has no writable cgroup");
	check_string(client, "defaults[1].key", "UMask");
	check_absent(client, "defaults[1].ignored");
}

static void files_are_those_that_run_would_refuse(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	explain(client, "'stage':'poststop','hooks':{'poststop':[{'path':'/bin/true'},"
			"{'path':'/nonexistent'},{'path':'/etc/passwd'}]}");
	check_error(client, "");
	check_absent(client, "hooks[0].fails");
	check_string(client, "hooks[1].fails", "No such file or directory");
	check_string(client, "hooks[2].fails", "the file is not executable");
	/* In a container other files have these names. */
	explain(client, "'stage':'startContainer','hooks':{'startContainer':["
			"{'path':'/nonexistent'}]}");
	check_error(client, "");
	check_absent(client, "hooks[0].fails");
}

/* Whatever this machine has: what Explain says of a limit is what happens. */
static void limits_fail_as_in_a_run(void **state)
{
	static const char settings[] = ",'settings':{'linux':{'resources':{'memory':{"
				       "'limit':100000000}}}}";
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char text[512];
	bool fails, is_refused;

	harness_needs_cgroups(harness);
	snprintf(text, sizeof(text),
		 "'stage':'poststop','hooks':{'poststop':[{'path':'/bin/true'}]}%s", settings);
	explain(client, text);
	check_error(client, "");
	fails = reply_has(client, "fails");
	if (fails)
		check_part(client, "fails", "linux.resources.memory.limit: ");
	run(client, .extra = settings, .hooks = {HOOK("'exit','0'")});
	check_error(client, "");
	is_refused = reply_has(client, "result.hooks[0].failedStep");
	assert_int_equal(fails, is_refused);
}

/* Who may not run hooks is told so, and nothing of the configuration. */
static void others_are_told_that_they_may_not(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness->socket, 0666), 0);
	client = client_open_as(harness, NOBODY);
	explain(client, "'stage':'poststop','hooks':{'poststop':[{'path':'/bin/a'}]}");
	check_error(client, "");
	check_bool(client, "allowed", false);
	check_string(client, "rule", "permission");
	check_part(client, "reason", "uid 65534");
	check_count(client, "hooks", 0);
	check_count(client, "defaults", 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(each_value_has_its_source),
	    TEST_PREPARED(settings_come_before_defaults),
	    TEST(container_has_its_namespaces),
	    TEST(errors_are_those_of_run),
	    TEST(others_are_told_that_they_may_not),
	    TEST_PREPARED(ignored_defaults_are_named),
	    TEST(files_are_those_that_run_would_refuse),
	    TEST(limits_fail_as_in_a_run),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
