/* SPDX-License-Identifier: Apache-2.0 */
/* An invalid request gets one error, which names the field and the reason; no hook is run. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/limits.h"
#include "tests/integration/harness/check.h"
#include "tests/integration/harness/files.h"

#define STATE  "'state':{'id':'box'}"
#define HOOKS  "'hooks':{'createRuntime':[" HOOK("'mark','@DIR@/log','x'") "]}"
#define STAGE  "'stage':'createRuntime'"
#define AFTER  STAGE "," STATE "," HOOKS ","
#define SECOND STAGE "," STATE ",'hooks':{'createRuntime':[" HOOK("'mark','@DIR@/log','x'") ","
#define END    "]}"

#define FILTER "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW'}}"

/* The text of `parameters`, and the path that the error must have. */
struct bad_call {
	const char *parameters, *field;
};

static const struct bad_call without_a_parameter[] = {
    {"", "stage"},
    {STATE "," HOOKS, "stage"},
    {STATE "," HOOKS ",'stage':null", "stage"},
    {STAGE "," HOOKS, "state"},
    {STAGE "," HOOKS ",'state':null", "state"},
    {STAGE "," STATE, "hooks"},
    {STAGE "," STATE ",'hooks':null", "hooks"},
    {AFTER "'timeout':5", "timeout"},
    {AFTER "'Stage':'createRuntime'", "Stage"},
};

static const struct bad_call with_a_wrong_value[] = {
    {STATE "," HOOKS ",'stage':5", "stage"},
    {STATE "," HOOKS ",'stage':'createruntime'", "stage"},
    {STATE "," HOOKS ",'stage':''", "stage"},
    {STAGE "," HOOKS ",'state':'{}'", "state"},
    {STAGE "," HOOKS ",'state':[]", "state"},
    {STAGE "," HOOKS ",'state':{}", "state.id"},
    {STAGE "," HOOKS ",'state':{'id':''}", "state.id"},
    {STAGE "," HOOKS ",'state':{'id':7}", "state.id"},
    {STAGE "," HOOKS ",'state':{'id':'a\\nb'}", "state.id"},
    {STAGE "," HOOKS ",'state':{'id':'box','pid':'x'}", "state.pid"},
    {STAGE "," HOOKS ",'state':{'id':'box','pid':-1}", "state.pid"},
    {STAGE "," HOOKS ",'state':{'id':'box','pid':1.5}", "state.pid"},
    {STAGE "," HOOKS ",'state':{'id':'box','pid':4294967297}", "state.pid"},
    {STAGE "," HOOKS ",'state':{'id':'box','bundle':[]}", "state.bundle"},
    {STAGE "," STATE ",'hooks':[]", "hooks"},
    {STAGE "," STATE ",'hooks':{'prestrat':[]}", "hooks.prestrat"},
    {STAGE "," STATE ",'hooks':{'createRuntime':{}}", "hooks.createRuntime"},
    {SECOND "null" END, "hooks.createRuntime[1]"},
    {SECOND "'/bin/true'" END, "hooks.createRuntime[1]"},
    {SECOND "{}" END, "hooks.createRuntime[1].path"},
    {SECOND "{'path':''}" END, "hooks.createRuntime[1].path"},
    {SECOND "{'path':'true'}" END, "hooks.createRuntime[1].path"},
    {SECOND "{'path':'./true'}" END, "hooks.createRuntime[1].path"},
    {SECOND "{'path':7}" END, "hooks.createRuntime[1].path"},
    {SECOND "{'path':'/x','args':'y'}" END, "hooks.createRuntime[1].args"},
    {SECOND "{'path':'/x','args':['y',7]}" END, "hooks.createRuntime[1].args[1]"},
    {SECOND "{'path':'/x','args':[null]}" END, "hooks.createRuntime[1].args[0]"},
    {SECOND "{'path':'/x','env':{}}" END, "hooks.createRuntime[1].env"},
    {SECOND "{'path':'/x','env':['A=1','']}" END, "hooks.createRuntime[1].env[1]"},
    {SECOND "{'path':'/x','env':['A=1',[]]}" END, "hooks.createRuntime[1].env[1]"},
    {SECOND "{'path':'/x','timeout':0}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':-1}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':1.5}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':1e1}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':'soon'}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':true}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':18446744073709551616}" END, "hooks.createRuntime[1].timeout"},
    {SECOND "{'path':'/x','timeout':1000000000000}" END, "hooks.createRuntime[1].timeout"},
    {AFTER "'dialect':'docker'", "dialect"},
    {AFTER "'dialect':[]", "dialect"},
    {AFTER "'namespaces':'host'", "namespaces"},
    {AFTER "'onDisconnect':'kill'", "onDisconnect"},
    {AFTER "'requestId':''", "requestId"},
    {AFTER "'requestId':7", "requestId"},
    {AFTER "'requestId':'\\u00e9'", "requestId"},
    {AFTER "'traceparent':'00-1-2-01'", "traceparent"},
    {AFTER "'traceparent':7", "traceparent"},
    {AFTER "'settings':7", "settings"},
    /* Hooks of other stages are checked too: the whole config.json must be valid. */
    {STAGE "," STATE ",'hooks':{'createRuntime':[],'poststop':[{'path':'x'}]}",
     "hooks.poststop[0].path"},
    {STAGE "," STATE ",'dialect':'libcontainer','hooks':{'createRuntime':[{'path':'/x',"
	   "'dir':'y'}]}",
     "hooks.createRuntime[0].dir"},
    {STAGE "," STATE ",'dialect':'libcontainer','hooks':{'createRuntime':[{'path':'/x',"
	   "'timeout':-1}]}",
     "hooks.createRuntime[0].timeout"},
    {"'stage':'startContainer'," STATE ",'hooks':{}", "state.pid"},
    {"'stage':'createContainer'," STATE ",'hooks':{}", "state.pid"},
    {AFTER "'namespaces':'container'", "state.pid"},
};

static void is_wrong(struct client *client, const char *field)
{
	check_invalid(client, "hooks", field);
}

static void is_no_parameter(struct client *client, const char *field)
{
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", field);
}

static void call(struct client *client, const char *method, const char *parameters)
{
	struct hp_buf buf = HP_BUF_INIT;
	char head[256];

	snprintf(head, sizeof(head), "{'method':'%s','parameters':{", method);
	hp_buf_append(&buf, head, strlen(head));
	hp_buf_append(&buf, parameters, strlen(parameters));
	hp_buf_append(&buf, "}}", 3);
	client_call(client, buf.data);
	hp_buf_free(&buf);
}

static void expect_parameter(struct client *client, const char *method, const char *parameters,
			     const char *name)
{
	call(client, method, parameters);
	is_no_parameter(client, name);
}

static void expect_invalid_run(struct client *client, const char *parameters, const char *path)
{
	call(client, "io.hookd.hooks.Run", parameters);
	is_wrong(client, path);
}

static void run_names_the_field(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	for (size_t i = 0; i < sizeof(with_a_wrong_value) / sizeof(with_a_wrong_value[0]); i++)
		expect_invalid_run(client, with_a_wrong_value[i].parameters,
				   with_a_wrong_value[i].field);
	for (size_t i = 0; i < sizeof(without_a_parameter) / sizeof(without_a_parameter[0]); i++)
		expect_parameter(client, "io.hookd.hooks.Run", without_a_parameter[i].parameters,
				 without_a_parameter[i].field);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	assert_int_equal(status_number(harness, "stored"), 0);
	client_expect_alive(client);
}

static int is_json(const struct dirent *entry)
{
	return strstr(entry->d_name, "--") && strstr(entry->d_name, ".json");
}

/* The names of the files are "FIELD--what is wrong with it.json". */
static void for_each_file(struct client *client, const char *folder,
			  void (*expect)(struct client *client, const char *field))
{
	static const char begin[] = "{\"method\":\"io.hookd.hooks.Run\",\"parameters\":";
	struct dirent **entries;
	int count = scandir(folder, &entries, is_json, alphasort);

	assert_true(count > 0);
	for (int i = 0; i < count; i++) {
		char path[512], *text, *name = entries[i]->d_name;

		snprintf(path, sizeof(path), "%s/%s", folder, name);
		text = file_read(path, NULL);
		assert_non_null(text);
		client_send_bytes(client, begin, strlen(begin));
		client_send_bytes(client, text, strlen(text));
		client_send_bytes(client, "}", 2);
		client_receive(client);
		print_message("%s\n", name);
		*strstr(name, "--") = '\0';
		expect(client, name);
		free(text);
		free(entries[i]);
	}
	free(entries);
}

static void files_of_bad_requests(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	for_each_file(client, TEST_DATA "/bad", is_wrong);
	for_each_file(client, TEST_DATA "/no_parameter", is_no_parameter);
	assert_int_equal(status_number(harness, "stored"), 0);
}

static void names_of_too_many_bytes(void **state)
{
	struct client *client = client_open(*state);
	char parameters[HP_PATH_BYTES_MAX + 512], name[HP_PATH_BYTES_MAX + 8];

	memset(name, 'x', sizeof(name) - 1);
	snprintf(parameters, sizeof(parameters), STAGE "," HOOKS ",'state':{'id':'%.*s'}",
		 HP_ID_BYTES_MAX + 1, name);
	expect_invalid_run(client, parameters, "state.id");
	snprintf(parameters, sizeof(parameters), AFTER "'requestId':'%.*s'", HP_ID_BYTES_MAX + 1,
		 name);
	expect_invalid_run(client, parameters, "requestId");
	snprintf(parameters, sizeof(parameters),
		 STAGE "," STATE ",'hooks':{'createRuntime':[{'path':'/%.*s'}]}", HP_PATH_BYTES_MAX,
		 name);
	expect_invalid_run(client, parameters, "hooks.createRuntime[0].path");
}

static void too_many_hooks(void **state)
{
	static char hooks[(HP_HOOKS_MAX + 1) * 32 + 256];
	struct client *client = client_open(*state);

	strcpy(hooks, STAGE "," STATE ",'hooks':{'createRuntime':[");
	for (int i = 0; i <= HP_HOOKS_MAX; i++)
		strcat(strcat(hooks, i ? "," : ""), "{'path':'/nonexistent'}");
	strcat(hooks, "]}");
	expect_invalid_run(client, hooks, "hooks.createRuntime");
}

static void other_methods_name_it_too(void **state)
{
	struct client *client = client_open(*state);

	expect_parameter(client, "io.hookd.hooks.Cancel", "", "run");
	expect_parameter(client, "io.hookd.hooks.Cancel", "'run':7", "run");
	expect_parameter(client, "io.hookd.hooks.Wait", "'run':''", "run");
	expect_parameter(client, "io.hookd.hooks.Wait", "'run':'x','timeout':1", "timeout");
	expect_parameter(client, "io.hookd.status.Get", "'id':'x'", "id");
	expect_parameter(client, "io.hookd.status.List", "'limit':-1", "limit");
	expect_parameter(client, "io.hookd.status.List", "'stage':'stop'", "stage");
	expect_parameter(client, "io.hookd.status.List", "'outcome':'fine'", "outcome");
	expect_parameter(client, "io.hookd.status.GetStatus", "'all':true", "all");
	expect_parameter(client, "io.hookd.control.Ping", "'text':'x'", "text");
	expect_parameter(client, "org.varlink.service.GetInfo", "'x':1", "x");
	expect_parameter(client, "org.varlink.service.GetInterfaceDescription", "", "interface");
}

static void apply_and_update_name_it_with_the_reason(void **state)
{
	static const struct bad_call wrong[] = {
	    {"'container':'','settings':{}", "container"},
	    {"'container':'a/b','settings':{}", "container"},
	    {"'container':7,'settings':{}", "container"},
	    {"'container':'c','settings':[]", "settings"},
	    {"'container':'c','settings':{},'dialect':'runc'", "dialect"},
	    {"'container':'c','settings':{'linux':{'resources':{'pids':{'limit':true}}}}",
	     "settings.linux.resources.pids.limit"},
	    {"'container':'c','settings':{" FILTER "}", "settings.linux.seccomp"},
	    {"'container':'c','settings':{'seccomp':{'default_action':2}},"
	     "'dialect':'libcontainer'",
	     "settings.seccomp"},
	};
	struct client *client = client_open(*state);
	char text[256];

	harness_needs_root();
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		call(client, "io.hookd.settings.Update", wrong[i].parameters);
		check_invalid(client, "settings", wrong[i].field);
		snprintf(text, sizeof(text), "'pid':1,%s", wrong[i].parameters);
		call(client, "io.hookd.settings.Apply", text);
		check_invalid(client, "settings", wrong[i].field);
	}
	call(client, "io.hookd.settings.Apply", "'container':'c','settings':{},'pid':0");
	check_invalid(client, "settings", "pid");
	call(client, "io.hookd.settings.Apply",
	     "'container':'c','settings':{},'pid':1,'cgroupManager':'v1'");
	check_invalid(client, "settings", "cgroupManager");
}

static void apply_and_update_lack_a_parameter(void **state)
{
	struct client *client = client_open(*state);
	const char *apply = "io.hookd.settings.Apply", *update = "io.hookd.settings.Update";

	harness_needs_root();
	expect_parameter(client, apply, "", "container");
	expect_parameter(client, apply, "'container':'c','pid':1", "settings");
	expect_parameter(client, apply, "'container':'c','settings':{}", "pid");
	expect_parameter(client, apply, "'container':'c','settings':{},'pid':null", "pid");
	expect_parameter(client, apply, "'container':'c','settings':{},'pid':1,'x':1", "x");
	expect_parameter(client, update, "'settings':{}", "container");
	expect_parameter(client, update, "'container':'c'", "settings");
	expect_parameter(client, update, "'container':'c','settings':{},'pid':1", "pid");
}

/* Unknown members of a hook are ignored (runtime-spec, config.md, Extensibility). */
static void unknown_fields_of_a_hook_are_passed_over(void **state)
{
	struct client *client = client_open(*state);

	run(client, .state = "{\"id\":\"box\",\"future\":[{\"a\":null}],\"pid\":null}",
	    .hooks = {
		HOOK_WITH(",'future':{'x':18446744073709551615},'timeout':'5'", "'say','x'")});
	check_success(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(run_names_the_field),
	    TEST(files_of_bad_requests),
	    TEST(names_of_too_many_bytes),
	    TEST(too_many_hooks),
	    TEST(other_methods_name_it_too),
	    TEST(apply_and_update_name_it_with_the_reason),
	    TEST(apply_and_update_lack_a_parameter),
	    TEST(unknown_fields_of_a_hook_are_passed_over),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
