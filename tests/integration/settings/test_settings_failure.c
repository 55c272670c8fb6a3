/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each step between clone and exec fails once: the result names it, no hook runs, and nothing is
 * left (the harness checks that). System calls fail by a seccomp filter that hookd inherits and
 * passes on; capabilities are missing because hookd is started without them.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

#define HOOK0 "result.hooks[0]"

/*
 * Makes the system call fail with EPERM; with `has_argument` only with that first argument. Not
 * with -1 as the second one, an invalid address, by which hookd probes for the call at its start.
 */
struct fault {
	long number;
	bool has_argument;
	unsigned int argument;
};
static struct fault fault;

static void install_fault(void)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)fault.number, 0, 5),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, fault.argument, 0, fault.has_argument ? 3 : 0),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ~0u, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		_exit(1);
}

/* An exec as root gains all capabilities that the bounding set has. */
static void drop_sys_resource(void)
{
	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE, 0, 0, 0);
}

static void expect_failure(struct client *client, const char *settings, const char *dialect,
			   const char *step, const char *errno_name)
{
	char extra[1024];

	snprintf(extra, sizeof(extra), ",'dialect':'%s','settings':%s", dialect, settings);
	run(client, .extra = extra,
	    .hooks = {HOOK("'mark','@DIR@/ran','x'"), HOOK("'mark','@DIR@/ran','y'")});
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", step);
	check_string(client, HOOK0 ".errnoName", errno_name);
	check_part(client, HOOK0 ".error", step);
	check_string(client, "result.hooks[1].outcome", "skipped");
	assert_int_equal(harness_count_lines(client->harness, "ran"), 0);
}

/* ---- system calls ---- */

static const struct {
	struct fault fault;
	const char *settings, *step;
	const char *dialect; /* NULL: oci */
} faults[] = {
    {{SYS_sched_setattr},
     "{'process':{'scheduler':{'policy':'SCHED_BATCH','nice':1}}}",
     "scheduler"},
    {{SYS_ioprio_set},
     "{'process':{'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':6}}}",
     "scheduler"},
    {{SYS_sched_setaffinity}, "{'process':{'execCPUAffinity':{'final':'0'}}}", "scheduler"},
    {{SYS_set_mempolicy},
     "{'linux':{'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0'}}}",
     "scheduler"},
    {{SYS_setns},
     "{'linux':{'namespaces':[{'type':'network','path':'/proc/self/ns/net'}]}}",
     "namespaces"},
    {{SYS_keyctl, true, KEYCTL_JOIN_SESSION_KEYRING}, "{}", "keyring"},
    {{SYS_personality}, "{'linux':{'personality':{'domain':'LINUX32'}}}", "personality"},
    {{SYS_setgroups}, "{'process':{'user':{'uid':1,'gid':2}}}", "credentials"},
    {{SYS_setresgid}, "{'process':{'user':{'uid':1,'gid':2}}}", "credentials"},
    {{SYS_setresuid}, "{'process':{'user':{'uid':1,'gid':2}}}", "credentials"},
    {{SYS_prctl, true, PR_SET_KEEPCAPS}, "{'process':{'user':{'uid':1,'gid':2}}}", "credentials"},
    {{SYS_prctl, true, PR_SET_PDEATHSIG},
     "{'parent_death_signal':9}",
     "credentials",
     "libcontainer"},
    {{SYS_prctl, true, PR_SET_NO_NEW_PRIVS}, "{'process':{'noNewPrivileges':true}}", "credentials"},
    {{SYS_prctl, true, PR_CAPBSET_DROP}, "{'process':{'capabilities':{}}}", "capabilities"},
    {{SYS_capset}, "{'process':{'capabilities':{}}}", "capabilities"},
    {{SYS_prctl, true, PR_CAP_AMBIENT}, "{'process':{'capabilities':{}}}", "capabilities"},
    {{SYS_seccomp, true, SECCOMP_SET_MODE_FILTER},
     "{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['reboot'],"
     "'action':'SCMP_ACT_ERRNO'}]}}}",
     "seccomp"},
};

static void every_system_call(void **state)
{
	struct harness *harness = *state;

	harness_needs_root();
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		fault = faults[i].fault;
		harness_start(harness, &(struct start){.in_child = install_fault});
		expect_failure(client_open(harness), faults[i].settings,
			       faults[i].dialect ? faults[i].dialect : "oci", faults[i].step,
			       "EPERM");
		client_close_all(harness);
		harness_stop(harness);
	}
}

/* ---- keyrings ---- */

static void no_keyring_of_its_own_without_settings(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	fault = (struct fault){SYS_keyctl, true, KEYCTL_JOIN_SESSION_KEYRING};
	harness_start(harness, &(struct start){.in_child = install_fault});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'mark','@DIR@/ran','x'")});
	check_outcome(client, "failed");
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", "keyring");
	check_string(client, HOOK0 ".errnoName", "EPERM");
	assert_int_equal(harness_count_lines(harness, "ran"), 0);
}

/* Like under docker's default filter: the hook cannot use keyrings. */
static void where_nobody_can_use_keys_hooks_run(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	fault = (struct fault){SYS_keyctl};
	harness_start(harness, &(struct start){.in_child = install_fault});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	if (geteuid() != 0)
		return;
	run(client, .extra = ",'settings':{}", .hooks = {HOOK("'exit','0'")});
	check_success(client);
}

/* ---- missing capabilities ---- */

static void limits_that_need_a_right(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_needs_root();
	harness_start(harness, &(struct start){.in_child = drop_sys_resource});
	client = client_open(harness);
	expect_failure(client, "{'process':{'oomScoreAdj':-900}}", "oci", "oomScoreAdj", "EACCES");
	expect_failure(
	    client, "{'process':{'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':1000000000}]}}",
	    "oci", "rlimits", "EPERM");
	check_part(client, HOOK0 ".error", "rlimits (RLIMIT_NOFILE): operation not permitted");
	expect_failure(client,
		       "{'process':{'capabilities':{'bounding':['CAP_SYS_RESOURCE'],"
		       "'permitted':['CAP_SYS_RESOURCE'],'effective':['CAP_SYS_RESOURCE']}}}",
		       "oci", "capabilities", "EPERM");
}

/* ---- missing files and features ---- */

static void paths(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	expect_failure(client,
		       "{'linux':{'namespaces':[{'type':'network','path':'@DIR@/nothing'}]}}",
		       "oci", "namespaces", "ENOENT");
	check_part(client, HOOK0 ".error", "/nothing");
	expect_failure(client, "{'linux':{'namespaces':[{'type':'network','path':'/dev/null'}]}}",
		       "oci", "namespaces", "EINVAL");
	expect_failure(client,
		       "{'linux':{'namespaces':[{'type':'network','path':'/proc/self/ns/uts'}]}}",
		       "oci", "namespaces", "EINVAL");
	run(client, .extra = ",'dialect':'libcontainer','settings':{}",
	    .hooks = {"{'path':'@HOOK@','args':['hook'],'dir':'/nowhere'}"});
	check_string(client, HOOK0 ".failedStep", "cwd");
	run(client, .extra = ",'settings':{'process':{'user':{'uid':1,'gid':1}}}",
	    .hooks = {"{'path':'@DIR@/nothing'}"});
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", "ENOENT");
}

/* The exec is made with the permissions of the hook's user. */
static void program_that_the_user_may_not_execute(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	harness_needs_root();
	assert_int_equal(chmod(harness->directory, 0755), 0);
	harness_write_file(harness, "mine", "#!/bin/sh\n");
	assert_int_equal(chmod(harness_path(harness, "mine"), 0700), 0);
	run(client, .extra = ",'settings':{'process':{'user':{'uid':1,'gid':1}}}",
	    .hooks = {"{'path':'@DIR@/mine'}"});
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", "EACCES");
}

/* A setting that this machine does not support is an error, not a result: no hook was run. */
static void what_the_kernel_lacks(void **state)
{
	static const struct {
		const char *there, *extra, *path;
	} lacks[] = {
	    {"/sys/module/apparmor/parameters/enabled",
	     ",'settings':{'process':{'apparmorProfile':'box'}}",
	     "settings.process.apparmorProfile"},
	    {"/sys/fs/selinux/enforce",
	     ",'dialect':'libcontainer','settings':{'process_label':'box'}",
	     "settings.process_label"},
	    {"/sys/fs/resctrl/schemata", ",'settings':{'linux':{'intelRdt':{'closID':'box'}}}",
	     "settings.linux.intelRdt"},
	};
	struct client *client = client_open(*state);

	for (size_t i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++) {
		if (access(lacks[i].there, F_OK) == 0)
			continue;
		run(client, .extra = lacks[i].extra, .hooks = {HOOK("'mark','@DIR@/ran','x'")});
		check_error(client, "io.hookd.settings.NotSupported");
		check_string(client, "path", lacks[i].path);
		assert_int_equal(harness_count_lines(client->harness, "ran"), 0);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(every_system_call),
	    TEST_PREPARED(no_keyring_of_its_own_without_settings),
	    TEST_PREPARED(where_nobody_can_use_keys_hooks_run),
	    TEST_PREPARED(limits_that_need_a_right),
	    TEST(paths),
	    TEST(program_that_the_user_may_not_execute),
	    TEST(what_the_kernel_lacks),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
