/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seccomp filters of hooks: system calls under profiles of both dialects, invalid profiles, and
 * agents that decide about a call (SCMP_ACT_NOTIFY).
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define HOOK0  "result.hooks[0]"
#define STDOUT HOOK0 ".stdout"

static void run_under(struct client *client, const char *profile, const char *dialect,
		      const char *verbs)
{
	bool is_oci = strcmp(dialect, "oci") == 0;
	char *extra;
	char hook[512];

	assert_true(asprintf(&extra, ",'dialect':'%s','settings':%s%s%s", dialect,
			     is_oci ? "{'linux':{'seccomp':" : "{'seccomp':", profile,
			     is_oci ? "}}" : "}") > 0);
	snprintf(hook, sizeof(hook), "{'path':'@HOOK@','args':['hook',%s]}", verbs);
	run(client, .extra = extra, .hooks = {hook});
	free(extra);
}

/* ---- actions ---- */

static void calls_are_refused_in_both_dialects(void **state)
{
	static const char *const profiles[][2] = {
	    {"oci", "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['personality'],"
		    "'action':'SCMP_ACT_ERRNO','errnoRet':77,'args':[{'index':0,'value':4294967303,"
		    "'op':'SCMP_CMP_EQ'}]},{'names':['dup'],'action':'SCMP_ACT_ERRNO'}]}"},
	    {"libcontainer",
	     "{'default_action':4,'architectures':null,'syscalls':[{'name':'personality','action':"
	     "2,"
	     "'errnoRet':77,'args':[{'index':0,'value':4294967303,'value_two':0,'op':1}]},"
	     "{'name':'dup','action':2,'args':[]}]}"},
	};
	struct client *client = client_open(*state);

	harness_needs_root();
	for (size_t i = 0; i < 2; i++) {
		run_under(client, profiles[i][1], profiles[i][0],
			  "'syscall','135:4294967303','syscall','135:7','syscall','32:1'");
		check_success(client);
		check_string(client, STDOUT,
			     "syscall 135 failed 77\nsyscall 135 worked 0\nsyscall 32 failed 1\n");
	}
}

/* A profile may be for newer machines too, so this is no error, and must be seen. */
static void unknown_calls_are_told_in_the_result(void **state)
{
	struct client *client = client_open(*state);

	harness_needs_root();
	run_under(client,
		  "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['no_such_call','dup',"
		  "'nor_this'],'action':'SCMP_ACT_ERRNO'}]}",
		  "oci", "'syscall','32:1'");
	check_success(client);
	check_string(client, STDOUT, "syscall 32 failed 1\n");
	check_string(client, "result.ignored",
		     "linux.seccomp: libseccomp does not know the system calls no_such_call, "
		     "nor_this");
}

static void a_killed_hook_is_reported(void **state)
{
	struct client *client = client_open(*state);

	harness_needs_root();
	run_under(client,
		  "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['dup'],"
		  "'action':'SCMP_ACT_KILL_PROCESS'}]}",
		  "oci", "'say','before','syscall','32:1','say','after'");
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".signal", "SIGSYS");
	check_string(client, STDOUT, "before");
}

/* Without no_new_privs installing it takes CAP_SYS_ADMIN, which the hook itself does not have. */
static void filter_and_no_rights(void **state)
{
	struct client *client = client_open(*state);

	harness_needs_root();
	run(client,
	    .extra = ",'settings':{'process':{'capabilities':{}},'linux':{'seccomp':{"
		     "'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['dup'],"
		     "'action':'SCMP_ACT_ERRNO'}]}}}",
	    .hooks = {HOOK("'view','syscall','32:1'")});
	check_success(client);
	check_part(client, STDOUT, "status CapEff: 0000000000000000");
	check_part(client, STDOUT, "status NoNewPrivs: 0");
	check_part(client, STDOUT, "status Seccomp: 2");
	check_part(client, STDOUT, "syscall 32 failed 1");
}

/* ---- filters that refuse what hookd-run calls ---- */

#define REFUSES(calls)                                                                             \
	"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':77,'syscalls':[{'names':[" calls      \
	"],'action':'SCMP_ACT_ALLOW'}]}"
#define KILLS(calls)                                                                               \
	"{'defaultAction':'SCMP_ACT_KILL_PROCESS','syscalls':[{'names':[" calls                    \
	"],'action':'SCMP_ACT_ALLOW'}]}"

/* Whatever the filter refuses, the failure is reported at once and names the step. */
static void hookd_run_ends_under_any_filter(void **state)
{
	static const struct {
		const char *profile, *step, *errno_name;
		bool no_new_privileges;
	} filters[] = {
	    {REFUSES("'read'"), "exec", "EBADFD", true},
	    {REFUSES("'capset','prctl','read','write'"), "exec", "EBADFD", false},
	    {REFUSES("'capset','prctl','exit_group'"), "exec", "EBADFD", false},
	    {REFUSES("'capset','prctl','sendmsg'"), "exec", "EBADFD", false},
	    {REFUSES("'read'"), "capabilities", "EBADFD", false},
	    {REFUSES("'capset'"), "capabilities", "ENOSYS", false},
	    {KILLS("'read'"), "exec", "EPERM", true},
	    {KILLS("'capset','prctl'"), "exec", "EPERM", false},
	    {KILLS("'read'"), "capabilities", "EPERM", false},
	    {"{'defaultAction':'SCMP_ACT_TRAP','syscalls':[]}", "exec", "EPERM", true},
	    {"{'defaultAction':'SCMP_ACT_KILL_PROCESS','syscalls':[{'names':['execve'],'action':"
	     "'SCMP_ACT_ERRNO','errnoRet':77}]}",
	     "exec", "EBADFD", true},
	    {"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['execve','execveat'],"
	     "'action':'SCMP_ACT_ERRNO','errnoRet':0}]}",
	     "exec", "EPERM", true},
	};
	struct client *client = client_open(*state);
	char extra[1024];

	harness_needs_root();
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		snprintf(extra, sizeof(extra),
			 ",'settings':{'process':{'noNewPrivileges':%s,'capabilities':{}},"
			 "'linux':{'seccomp':%s}}",
			 filters[i].no_new_privileges ? "true" : "false", filters[i].profile);
		run(client, .extra = extra, .hooks = {TIMED_HOOK(60, "'mark','@DIR@/ran','x'")});
		check_outcome(client, "failed");
		check_string(client, HOOK0 ".outcome", "spawn_failed");
		check_string(client, HOOK0 ".failedStep", filters[i].step);
		check_string(client, HOOK0 ".errnoName", filters[i].errno_name);
	}
	assert_int_equal(harness_count_lines(client->harness, "ran"), 0);
}

/* ---- profiles that cannot be installed ---- */

/* Each rule takes instructions of the program, and the kernel accepts 4096. */
static char *profile_of_rules(int count)
{
	size_t size = 256 + (size_t)count * 192, length;
	char *text = malloc(size);

	assert_non_null(text);
	length = (size_t)snprintf(text, size, "{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[");
	for (int i = 0; i < count; i++)
		length += (size_t)snprintf(
		    text + length, size - length,
		    "%s{'names':['ioctl'],'action':'SCMP_ACT_ERRNO','args':[{'index':1,'value':%d,"
		    "'op':'SCMP_CMP_EQ'},{'index':2,'value':%d,'op':'SCMP_CMP_GT'}]}",
		    i ? "," : "", 1000 + i, 77 * i);
	snprintf(text + length, size - length, "]}");
	return text;
}

static void a_profile_that_is_too_large(void **state)
{
	struct client *client = client_open(*state);
	char *profile = profile_of_rules(500);

	run_under(client, profile, "oci", "'mark','@DIR@/ran','x'");
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", "seccomp");
	check_part(client, HOOK0 ".error", "4096");
	assert_int_equal(harness_count_lines(client->harness, "ran"), 0);
	free(profile);
}

/* While a profile is compiled, other runs begin and end. */
static void other_runs_go_on_while_a_profile_is_compiled(void **state)
{
	struct harness *harness = *state;
	struct client *slow = client_open(harness), *quick = client_open(harness);
	char *profile = profile_of_rules(300), *extra;

	assert_true(asprintf(&extra, ",'settings':{'linux':{'seccomp':%s}}", profile) > 0);
	begin_run(slow, .container = "slow", .extra = extra, .hooks = {HOOK("'exit','0'")});
	run(quick, .container = "quick", .hooks = {HOOK("'exit','0'")});
	check_success(quick);
	client_receive(slow);
	check_error(slow, "");
	free(extra);
	free(profile);
}

static void poststop_goes_on_with_every_hook_failing(void **state)
{
	struct client *client = client_open(*state);

	run(client, .stage = "poststop",
	    .extra = ",'settings':{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
		     "'architectures':['SCMP_ARCH_SHEB']}}}",
	    .hooks = {HOOK("'exit','0'"), HOOK("'exit','0'")});
	check_outcome(client, "failed");
	check_string(client, "result.hooks[0].failedStep", "seccomp");
	check_string(client, "result.hooks[1].failedStep", "seccomp");
}

/* ---- an agent ---- */

struct agent {
	int socket, fd;
	char text[4096];
};

static void agent_listen(struct agent *agent, struct harness *harness)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", harness_path(harness, "agent"));
	agent->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(agent->socket, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(agent->socket, 1), 0);
}

/* The listener comes with the first bytes; the text ends at EOF. */
static void agent_accept(struct agent *agent)
{
	int connection = accept(agent->socket, NULL, NULL);
	struct iovec iov = {agent->text, sizeof(agent->text) - 1};
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t length, more;

	assert_true(connection >= 0);
	length = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	assert_true(length > 0);
	assert_int_equal(control.header.cmsg_type, SCM_RIGHTS);
	memcpy(&agent->fd, CMSG_DATA(&control.header), sizeof(int));
	while ((more = read(connection, agent->text + length,
			    sizeof(agent->text) - 1 - (size_t)length)) > 0)
		length += more;
	agent->text[length] = '\0';
	close(connection);
}

/* Answers one notification: `error` for this system call; any other one is continued. */
static long agent_answer(const struct agent *agent, int number, int error)
{
	struct seccomp_notif question = {0};
	struct seccomp_notif_resp answer = {0};

	assert_int_equal(ioctl(agent->fd, SECCOMP_IOCTL_NOTIF_RECV, &question), 0);
	answer.id = question.id;
	if (question.data.nr == number)
		answer.error = -error;
	else
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	assert_int_equal(ioctl(agent->fd, SECCOMP_IOCTL_NOTIF_SEND, &answer), 0);
	return question.data.nr;
}

/* The hook's execve(2) is notified too, so the agent also decides whether the hook starts. */
static void an_agent_decides(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct agent agent;
	char extra[1024];

	harness_needs_root();
	agent_listen(&agent, harness);
	snprintf(extra, sizeof(extra),
		 ",'settings':{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
		 "'listenerPath':'%s','listenerMetadata':'what it is for','syscalls':["
		 "{'names':['dup','execve'],'action':'SCMP_ACT_NOTIFY'}]}}}",
		 harness_path(harness, "agent"));
	begin_run(client, .state = "{\"id\":\"box\",\"pid\":0,\"what\":\"it was\"}", .extra = extra,
		  .hooks = {HOOK("'syscall','32:1'")});
	agent_accept(&agent);
	assert_int_equal(agent_answer(&agent, SYS_dup, 99), SYS_execve);
	assert_int_equal(agent_answer(&agent, SYS_dup, 99), SYS_dup);
	client_receive(client);
	check_success(client);
	check_string(client, STDOUT, "syscall 32 failed 99\n");
	assert_non_null(strstr(agent.text, "\"fds\":[\"seccompFd\"]"));
	assert_non_null(strstr(agent.text, "\"metadata\":\"what it is for\""));
	assert_non_null(
	    strstr(agent.text, "\"state\":{\"id\":\"box\",\"pid\":0,\"what\":\"it was\"}}"));
	assert_int_equal(strtol(strstr(agent.text, "\"pid\":") + strlen("\"pid\":"), NULL, 10),
			 reply_int(client, HOOK0 ".pid"));
	close(agent.fd);
	close(agent.socket);
	unlink(harness_path(harness, "agent"));
}

/* The peer of the connection has closed it. */
static bool is_hung_up(int connection)
{
	struct pollfd end = {.fd = connection};

	return poll(&end, 1, 0) == 1 && (end.revents & POLLHUP);
}

/* No process that hookd has started is left. */
static bool has_empty_cgroups(const struct harness *harness)
{
	char path[512], text[256] = "";
	FILE *file;

	if (!harness->cgroup[0])
		return true;
	snprintf(path, sizeof(path), "%s/cgroup.events", harness->cgroup);
	file = fopen(path, "re");
	assert_non_null(file);
	(void)!fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	return strstr(text, "populated 0") != NULL;
}

/*
 * It accepts the connection and reads nothing. The hook runs nevertheless. After the timeout of the
 * hook nothing waits for the agent, or keeps descriptors of the hook.
 */
static void an_agent_that_never_reads_costs_nothing(void **state)
{
	enum { LENGTH = 2000000 };
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct agent agent;
	char extra[1024], *text = malloc(LENGTH + 256);
	int connection, fds;

	harness_needs_root();
	assert_non_null(text);
	agent_listen(&agent, harness);
	snprintf(extra, sizeof(extra),
		 ",'settings':{'process':{'noNewPrivileges':true},'linux':{'seccomp':{"
		 "'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'%s','syscalls':["
		 "{'names':['swapon'],'action':'SCMP_ACT_NOTIFY'}]}}}",
		 harness_path(harness, "agent"));
	sprintf(text, "{\"id\":\"box\",\"pid\":0,\"annotations\":{\"x\":\"%0*d\"}}", LENGTH, 0);
	client_expect_alive(client);
	fds = harness_count_fds(harness);
	run(client, .state = text, .extra = extra, .hooks = {TIMED_HOOK(1, "'say','hi'")});
	check_success(client);
	check_string(client, STDOUT, "hi");
	connection = accept(agent.socket, NULL, NULL);
	assert_true(connection >= 0);
	await_true(is_hung_up(connection), "who hands the descriptor over has given up");
	await_true(has_empty_cgroups(harness), "and has ended");
	await_true(harness_count_fds(harness) == fds, "hookd has closed what it had open");
	close(connection);
	close(agent.socket);
	unlink(harness_path(harness, "agent"));
	free(text);
}

/* hookd-run sends the listener while the hook runs, and may exit after it. */
static void hookd_run_is_not_left_behind(void **state)
{
	enum { RUNS = 20 };
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct agent agent;
	char extra[1024];

	harness_needs_root();
	agent_listen(&agent, harness);
	snprintf(extra, sizeof(extra),
		 ",'settings':{'process':{'noNewPrivileges':true},'linux':{'seccomp':{"
		 "'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'%s','syscalls':["
		 "{'names':['swapon'],'action':'SCMP_ACT_NOTIFY'}]}}}",
		 harness_path(harness, "agent"));
	for (int i = 0; i < RUNS; i++) {
		begin_run(client, .extra = extra, .hooks = {HOOK("'exit','0'")});
		agent_accept(&agent);
		client_receive(client);
		check_success(client);
		check_bool(client, HOOK0 ".lingering", false);
		close(agent.fd);
	}
	close(agent.socket);
	unlink(harness_path(harness, "agent"));
}

/* An agent that does not answer for the exec: the hook ends by its timeout. */
static void an_agent_that_never_answers_is_a_timeout(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct agent agent;
	char extra[1024];

	harness_needs_root();
	agent_listen(&agent, harness);
	snprintf(extra, sizeof(extra),
		 ",'settings':{'process':{'noNewPrivileges':true},'linux':{'seccomp':{"
		 "'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'%s','syscalls':["
		 "{'names':['execve'],'action':'SCMP_ACT_NOTIFY'}]}}}",
		 harness_path(harness, "agent"));
	begin_run(client, .extra = extra, .hooks = {TIMED_HOOK(1, "'mark','@DIR@/ran','x'")});
	agent_accept(&agent);
	client_receive(client);
	check_string(client, HOOK0 ".outcome", "timed_out");
	assert_int_equal(harness_count_lines(harness, "ran"), 0);
	close(agent.fd);
	close(agent.socket);
	unlink(harness_path(harness, "agent"));
}

/* It is notified of the exit of the process too. */
static void an_agent_does_not_delay_the_exit_of_hookd_run(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct agent agent;
	char extra[1024];

	harness_needs_root();
	agent_listen(&agent, harness);
	snprintf(extra, sizeof(extra),
		 ",'settings':{'process':{'noNewPrivileges':true},'linux':{'seccomp':{"
		 "'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'%s','syscalls':["
		 "{'names':['exit_group','exit','sendmsg'],'action':'SCMP_ACT_NOTIFY'},"
		 "{'names':['execve'],'action':'SCMP_ACT_ERRNO','errnoRet':77}]}}}",
		 harness_path(harness, "agent"));
	run(client, .extra = extra, .hooks = {TIMED_HOOK(60, "'exit','0'")});
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", "EBADFD");
	close(agent.socket);
	unlink(harness_path(harness, "agent"));
}

/* With val 0 and error 0, the answer for a call that the agent has made itself. */
static void an_agent_that_pretends_an_exec_fails_it(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct agent agent;
	char extra[1024];

	harness_needs_root();
	agent_listen(&agent, harness);
	snprintf(extra, sizeof(extra),
		 ",'settings':{'process':{'noNewPrivileges':true},'linux':{'seccomp':{"
		 "'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'%s','syscalls':["
		 "{'names':['execve'],'action':'SCMP_ACT_NOTIFY'}]}}}",
		 harness_path(harness, "agent"));
	begin_run(client, .extra = extra, .hooks = {TIMED_HOOK(60, "'exit','0'")});
	agent_accept(&agent);
	assert_int_equal(agent_answer(&agent, SYS_execve, 0), SYS_execve);
	client_receive(client);
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", "EPERM");
	close(agent.fd);
	close(agent.socket);
	unlink(harness_path(harness, "agent"));
}

static void no_agent_no_hook(void **state)
{
	struct client *client = client_open(*state);

	harness_needs_root();
	run_under(client,
		  "{'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/nowhere/agent','syscalls':["
		  "{'names':['dup'],'action':'SCMP_ACT_NOTIFY'}]}",
		  "oci", "'mark','@DIR@/ran','x'");
	check_string(client, HOOK0 ".failedStep", "seccomp");
	check_string(client, HOOK0 ".errnoName", "ENOENT");
	assert_int_equal(harness_count_lines(client->harness, "ran"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(calls_are_refused_in_both_dialects),
	    TEST(a_killed_hook_is_reported),
	    TEST(unknown_calls_are_told_in_the_result),
	    TEST(filter_and_no_rights),
	    TEST(hookd_run_ends_under_any_filter),
	    TEST(a_profile_that_is_too_large),
	    TEST(other_runs_go_on_while_a_profile_is_compiled),
	    TEST(poststop_goes_on_with_every_hook_failing),
	    TEST(an_agent_decides),
	    TEST(an_agent_that_never_reads_costs_nothing),
	    TEST(hookd_run_is_not_left_behind),
	    TEST(an_agent_that_never_answers_is_a_timeout),
	    TEST(an_agent_does_not_delay_the_exit_of_hookd_run),
	    TEST(an_agent_that_pretends_an_exec_fails_it),
	    TEST(no_agent_no_hook),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
