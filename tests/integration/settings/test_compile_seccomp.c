/* SPDX-License-Identifier: Apache-2.0 */
/* io.hookd.settings.CompileSeccomp: programs, errors, callers that disconnect. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/seccomp/answer.h"
#include "proto/json/base64.h"
#include "tests/daemon/seccomp/bpf.h"
#include "tests/integration/harness/check.h"
#include "tests/integration/harness/files.h"
#include "tests/integration/harness/probe.h"

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

/* The program in the last reply. */
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
	client_call(client, COMPILE(OCI)); /* from the cache */
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
		const char *call, *path;
	} bad[] = {
	    {COMPILE("'seccomp':[]"), "seccomp"},
	    {COMPILE("'seccomp':{}"), "seccomp"},
	    {COMPILE(OCI ",'dialect':'runc'"), "dialect"},
	    {COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		     "'action':'SCMP_ACT_MAYBE'}]}"),
	     "seccomp.syscalls[0].action"},
	    {COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],"
		     "'action':'SCMP_ACT_ERRNO','errnoRet':4095}]}"),
	     "seccomp.syscalls[0].errnoRet"},
	};
	struct client *client = client_open(*state);

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		client_call(client, bad[i].call);
		check_invalid(client, "settings", bad[i].path);
	}
	client_call(client, COMPILE(""));
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "seccomp");
	client_call(client, COMPILE(OCI ",'container':'x'"));
	check_error(client, "org.varlink.service.InvalidParameter");
	check_string(client, "parameter", "container");
}

/* Valid profiles that cannot be compiled. */
static void failures_have_a_reason(void **state)
{
	struct client *client = client_open(*state);

	client_call(client, COMPILE("'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
				    "'architectures':['SCMP_ARCH_S390X']}"));
	check_error(client, "io.hookd.settings.NotSupported");
	check_string(client, "path", "seccomp");
	check_part(client, "detail", "SCMP_ARCH_S390X");
}

/* Fault 28. 500 rules with two ranges each. */
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
		send_numbered(clients[i], 100 + i); /* answered after the first one */
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

/* ---- privileges of the compiler process ---- */

struct compiler {
	pid_t pid;
	int in, out, error;
};

/* hookd, started as its compiler process; it waits for a profile. */
static struct compiler compiler_start(void (*in_child)(void))
{
	int in[2], out[2], error[2];
	struct compiler compiler;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(error, O_CLOEXEC), 0);
	compiler = (struct compiler){fork(), in[1], out[0], error[0]};
	assert_true(compiler.pid >= 0);
	if (compiler.pid == 0) {
		int program = open(HOOKD_PATH, O_PATH | O_CLOEXEC);

		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(error[1], STDERR_FILENO);
		if (in_child)
			in_child();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		syscall(SYS_execveat, program, "", (char *[]){(char *)COMPILER_NAME, NULL},
			(char *[]){NULL}, AT_EMPTY_PATH);
		_exit(126);
	}
	close(in[0]);
	close(out[1]);
	close(error[1]);
	return compiler;
}

/* Closes its stdin; returns its exit status and its output. */
static int compiler_end(const struct compiler *compiler, struct compiled *ret_compiled,
			char sentence[static 256])
{
	ssize_t length;
	int status;

	close(compiler->in);
	*ret_compiled = (struct compiled){0};
	(void)!read(compiler->out, ret_compiled, sizeof(*ret_compiled));
	length = read(compiler->error, sentence, 255);
	sentence[length > 0 ? length : 0] = '\0';
	close(compiler->out);
	close(compiler->error);
	assert_int_equal(waitpid(compiler->pid, &status, 0), compiler->pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char *read_proc(pid_t pid, const char *name)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	text = file_read(path, NULL);
	assert_non_null(text);
	return text;
}

static bool has_line(pid_t pid, const char *name, const char *line)
{
	char *text = read_proc(pid, name);
	bool has = strstr(text, line) != NULL;

	free(text);
	return has;
}

static void expect_lines(pid_t pid, const char *name, const char *const *lines)
{
	for (; *lines; lines++)
		if (!has_line(pid, name, *lines))
			fail_msg("%s lacks %s in: %s", name, *lines, read_proc(pid, name));
}

static void expect_confined(const struct compiler *compiler)
{
	static const char *const lines[] = {"\nCapInh:\t0000000000000000\n",
					    "\nCapPrm:\t0000000000000000\n",
					    "\nCapEff:\t0000000000000000\n",
					    "\nCapAmb:\t0000000000000000\n",
					    "\nNoNewPrivs:\t1\n",
					    "\nSeccomp:\t2\n",
					    NULL};
	static const char *const limits[] = {"Max processes             0                    0 ",
					     "Max core file size        0                    0 ",
					     "Max cpu time              1                    2 ",
					     "Max open files            16                   16 ",
					     NULL};
	char path[64];
	struct stat st;

	await_true(has_line(compiler->pid, "status", "\nSeccomp:\t2\n"),
		   "the compiler is confined");
	expect_lines(compiler->pid, "status", lines);
	expect_lines(compiler->pid, "limits", limits);
	if (geteuid() != 0)
		return;
	/* Files of a process that is not dumpable belong to root, else to its user (proc(5)). */
	snprintf(path, sizeof(path), "/proc/%d/environ", compiler->pid);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(probe_count_fds(compiler->pid), 3);
}

static void expect_compiler(const struct compiler *compiler)
{
	struct compiled compiled;
	char sentence[256];

	assert_int_equal(write(compiler->in, "{}", 2), 2);
	assert_int_equal(compiler_end(compiler, &compiled, sentence), 1);
	assert_int_equal(compiled.error, EINVAL);
}

static void join_groups(void)
{
	const gid_t groups[] = {5, 77};

	(void)setgroups(2, groups); /* which only root can do */
}

static void the_compiler_has_no_rights(void **state)
{
	static const char *const lines[] = {
	    "\nUid:\t65534\t65534\t65534\t65534\n", "\nGid:\t65534\t65534\t65534\t65534\n",
	    "\nGroups:\t \n", "\nCapBnd:\t0000000000000000\n", NULL};
	struct compiler compiler = compiler_start(join_groups);

	(void)state;
	expect_confined(&compiler);
	if (geteuid() == 0)
		expect_lines(compiler.pid, "status", lines);
	expect_compiler(&compiler);
}

/* Not root, but with capabilities that survive an exec. */
static void become_somebody_with_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const uint32_t bit = 1u << CAP_NET_ADMIN;
	struct __user_cap_data_struct sets[2] = {{bit, bit, bit}};

	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresgid(4242, 4242, 4242) < 0 ||
	    setresuid(4242, 4242, 4242) < 0 || syscall(SYS_capset, &header, sets) < 0 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) < 0)
		_exit(125);
}

static void the_compiler_of_another_user_has_no_rights(void **state)
{
	static const char *const lines[] = {"\nUid:\t4242\t4242\t4242\t4242\n",
					    "\nGid:\t4242\t4242\t4242\t4242\n", NULL};
	struct compiler compiler;

	(void)state;
	harness_needs_root();
	compiler = compiler_start(become_somebody_with_rights);
	expect_confined(&compiler);
	expect_lines(compiler.pid, "status", lines);
	expect_compiler(&compiler);
}

/* ---- a compiler process that cannot drop them ---- */

static void drop(int capability)
{
	if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
		_exit(125);
}

static void without_setuid(void)
{
	drop(CAP_SETUID);
}

static void without_setgid(void)
{
	drop(CAP_SETGID);
}

static void without_setpcap(void)
{
	drop(CAP_SETPCAP);
}

/* Like under the filter of a container runtime. */
static void without_seccomp(void)
{
	static struct sock_filter instructions[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {.len = sizeof(instructions) / sizeof(instructions[0]),
					   .filter = instructions};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		_exit(125);
}

/* It names the step that failed, and reads nothing. */
static void what_cannot_be_confined_does_not_compile(void **state)
{
	static const struct {
		void (*in_child)(void);
		const char *step;
	} rows[] = {
	    {without_setuid, "user"},
	    {without_setgid, "supplementary groups"},
	    {without_setpcap, "capability bounding set"},
	    {without_seccomp, "seccomp filter"},
	};

	(void)state;
	harness_needs_root();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct compiler compiler = compiler_start(rows[i].in_child);
		char sentence[256], expected[256];
		struct compiled compiled;

		snprintf(expected, sizeof(expected),
			 "the compiler cannot confine itself: %s: Operation not permitted",
			 rows[i].step);
		assert_int_equal(compiler_end(&compiler, &compiled, sentence), 1);
		assert_string_equal(sentence, expected);
		assert_int_equal(compiled.error, EIO);
	}
}

static void a_failed_confinement_is_reported(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	harness_start(harness, &(struct start){.in_child = without_setuid});
	client = client_open(harness);
	client_call(client, COMPILE(OCI));
	check_error(client, "io.hookd.settings.SettingFailed");
	check_string(client, "path", "seccomp");
	check_string(client, "errnoName", "EIO");
	check_string(client, "detail",
		     "the compiler cannot confine itself: user: Operation not permitted");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_profile_becomes_a_program),
	    TEST(a_listener_is_needed_for_notify),
	    TEST(errors_name_the_field),
	    TEST(failures_have_a_reason),
	    TEST(too_long_a_program_is_an_error),
	    TEST(many_callers_get_their_own),
	    TEST(callers_that_go_away),
	    TEST(anyone_may_ask),
	    TEST(the_interface_is_listed),
	    TEST_PREPARED(the_compiler_has_no_rights),
	    TEST_PREPARED(the_compiler_of_another_user_has_no_rights),
	    TEST_PREPARED(what_cannot_be_confined_does_not_compile),
	    TEST_PREPARED(a_failed_confinement_is_reported),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
