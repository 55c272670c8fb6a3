/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.settings.CompileSeccomp: programs, errors, and callers that do not wait. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/base64.h"
#include "tests/daemon/bpf.h"
#include "tests/integration/check.h"

#define NOBODY 65534

#define COMPILE(parameters)                                                                        \
	"{'method':'io.hookd.settings.CompileSeccomp','parameters':{" parameters "}}"
#define OCI                                                                                        \
	"'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','architectures':['SCMP_ARCH_X86_64'],"        \
	"'syscalls':[{'names':['read','no_such_call'],'action':'SCMP_ACT_ALLOW'},"                 \
	"{'names':['personality'],'action':'SCMP_ACT_ERRNO','errnoRet':77,"                        \
	"'args':[{'index':0,'value':18446744073709551615,'op':'SCMP_CMP_EQ'}]}]}"
#define LIBCONTAINER                                                                               \
	"'dialect':'libcontainer','seccomp':{'default_action':2,'architectures':['amd64'],"        \
	"'flags':['SECCOMP_FILTER_FLAG_SPEC_ALLOW'],'syscalls':["                                  \
	"{'name':'read','action':4,'args':[]},{'name':'no_such_call','action':4,'args':[]},"       \
	"{'name':'personality','action':2,'errnoRet':77,'args':[{'index':0,"                       \
	"'value':18446744073709551615,'value_two':0,'op':1}]}]}"

/* The program of the last reply. */
static size_t take_program(struct client *client, struct sock_filter program[BPF_MAXINSNS])
{
	struct hp_json_value value = reply_value(client, "bpfBase64");
	size_t length;
	const char *text = hp_json_text(value, &length);

	assert_true(length / 4 * 3 <= BPF_MAXINSNS * sizeof(*program));
	assert_int_equal(hp_base64_decode(program, text + 1, length - 2, &length), 0);
	assert_int_equal(length % sizeof(*program), 0);
	assert_int_equal(length / sizeof(*program), reply_int(client, "instructions"));
	return length / sizeof(*program);
}

static uint32_t ask(const struct sock_filter *program, int number, uint64_t first)
{
	const struct seccomp_data data = {
	    .arch = AUDIT_ARCH_X86_64,
	    .nr = number,
	    .args = {first},
	};

	return bpf_run(program, &data, NULL);
}

static void expect_program(struct client *client)
{
	struct sock_filter program[BPF_MAXINSNS];
	size_t count;

	check_error(client, "");
	count = take_program(client, program);
	assert_null(bpf_check(program, count));
	assert_int_equal(ask(program, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(program, SYS_write, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(program, SYS_personality, UINT64_MAX), SECCOMP_RET_ERRNO | 77);
	assert_int_equal(ask(program, SYS_personality, UINT32_MAX), SECCOMP_RET_ERRNO | EPERM);
	check_int(client, "flags", SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	check_bool(client, "needsListener", false);
	check_count(client, "unknownSyscalls", 1);
	check_string(client, "unknownSyscalls[0]", "no_such_call");
}

static void a_profile_becomes_a_program(void **state)
{
	struct client *client = client_open(*state);

	client_call(client, COMPILE(OCI));
	expect_program(client);
	client_call(client, COMPILE(LIBCONTAINER));
	expect_program(client);
	client_call(client, COMPILE(OCI)); /* the one that is kept */
	expect_program(client);
}

static void a_listener_is_needed_for_notify(void **state)
{
	struct client *client = client_open(*state);

	client_call(client,
		    COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':[],"
			    "'syscalls':[{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]}"));
	check_bool(client, "needsListener", true);
	check_int(client, "flags", 0);
	check_count(client, "unknownSyscalls", 0);
}

static void errors_name_the_field(void **state)
{
	static const struct {
		const char *call, *parameter;
	} bad[] = {
	    {COMPILE(""), "seccomp"},
	    {COMPILE("'seccomp':[]"), "seccomp"},
	    {COMPILE("'seccomp':{}"), "seccomp"},
	    {COMPILE(OCI ",'dialect':'runc'"), "dialect"},
	    {COMPILE(OCI ",'container':'x'"), "container"},
	    {COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		     "'action':'SCMP_ACT_MAYBE'}]}"),
	     "seccomp.syscalls[0].action"},
	};
	struct client *client = client_open(*state);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		client_call(client, bad[i].call);
		check_error(client, "org.varlink.service.InvalidParameter");
		check_string(client, "parameter", bad[i].parameter);
	}
}

/* What can be read and cannot be compiled. */
static void failures_have_a_reason(void **state)
{
	struct client *client = client_open(*state);

	client_call(client,
		    COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':["
			    "'read'],'action':'SCMP_ACT_ERRNO','errnoRet':4095}]}"));
	check_error(client, "io.hookd.settings.SettingFailed");
	check_string(client, "path", "seccomp");
	check_string(client, "step", "seccomp");
	check_string(client, "errnoName", "EINVAL");
	check_part(client, "detail", "less than 4095");
	client_call(client, COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
				    "'architectures':['SCMP_ARCH_S390X']}"));
	check_error(client, "io.hookd.settings.NotSupported");
	check_string(client, "path", "seccomp");
	check_part(client, "detail", "SCMP_ARCH_S390X");
}

/* 500 rules with two ranges each. */
static void too_long_a_program_is_an_error(void **state)
{
	struct client *client = client_open(*state);
	char *text = malloc(256 * 1024), *end;

	end = text + sprintf(text, "{'method':'io.hookd.settings.CompileSeccomp','parameters':{"
				   "'seccomp':{'defaultAction':'SCMP_ACT_KILL','syscalls':[");
	for (int i = 0; i < 500; i++)
		end += sprintf(end,
			       "%s{'names':['ioctl'],'action':'SCMP_ACT_ALLOW','args':["
			       "{'index':0,'value':%d,'op':'SCMP_CMP_GT'},"
			       "{'index':1,'value':%d,'op':'SCMP_CMP_LT'}]}",
			       i ? "," : "", i, i);
	sprintf(end, "]}}}");
	client_call(client, text);
	check_error(client, "io.hookd.settings.SettingFailed");
	check_string(client, "errnoName", "E2BIG");
	check_part(client, "detail", "4096");
	free(text);
}

static void send_numbered(struct client *client, int number)
{
	char text[512];

	snprintf(text, sizeof(text),
		 COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':%d,"
			 "'syscalls':[{'names':['read','mprotect'],'action':'SCMP_ACT_ALLOW'}]}"),
		 number);
	client_send(client, text);
}

static void expect_numbered(struct client *client, int number)
{
	struct sock_filter program[BPF_MAXINSNS];

	client_receive(client);
	check_error(client, "");
	take_program(client, program);
	assert_int_equal(ask(program, SYS_write, 0), SECCOMP_RET_ERRNO | (uint32_t)number);
}

static void many_callers_get_their_own(void **state)
{
	enum { COUNT = 24 };
	struct client *clients[COUNT];

	for (int i = 0; i < COUNT; i++) {
		clients[i] = client_open(*state);
		send_numbered(clients[i], 1 + i % 12);
		send_numbered(clients[i], 100 + i); /* is answered behind the first */
	}
	for (int i = 0; i < COUNT; i++) {
		expect_numbered(clients[i], 1 + i % 12);
		expect_numbered(clients[i], 100 + i);
	}
}

static void callers_that_go_away(void **state)
{
	struct harness *harness = *state;
	struct client *stays = client_open(harness);

	for (int i = 0; i < 24; i++) {
		struct client *client = client_open(harness);

		send_numbered(client, 1 + i / 2);
		client_close(client);
	}
	send_numbered(stays, 5);
	expect_numbered(stays, 5);
	await_true(status_number(harness, "connections") == 2, "hookd has seen them go");
}

static void anyone_may_ask(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(chmod(harness->socket, 0666), 0);
	client = client_open_as(harness, NOBODY);
	client_call(client, COMPILE(OCI));
	expect_program(client);
	client_call(client, "{'method':'io.hookd.settings.Holdings'}");
	check_error(client, "io.hookd.settings.Refused");
}

static void the_interface_is_listed(void **state)
{
	struct client *client = client_open(*state);

	client_call(client, "{'method':'org.varlink.service.GetInfo'}");
	check_string(client, "interfaces[3]", "io.hookd.settings");
	client_call(client, "{'method':'org.varlink.service.GetInterfaceDescription',"
			    "'parameters':{'interface':'io.hookd.settings'}}");
	check_part(client, "description", "method CompileSeccomp(");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_profile_becomes_a_program),	  TEST(a_listener_is_needed_for_notify),
	    TEST(errors_name_the_field),	  TEST(failures_have_a_reason),
	    TEST(too_long_a_program_is_an_error), TEST(many_callers_get_their_own),
	    TEST(callers_that_go_away),		  TEST(anyone_may_ask),
	    TEST(the_interface_is_listed),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
