/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd on a kernel without some features, which a seccomp filter simulates. Without what all hooks
 * need hookd names it and exits; without what some hooks need it names it and runs the others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define EXIT_KERNEL 3
#define ANY	    -1

/* A system call that fails, always or with one argument. */
struct missing {
	const char *name; /* in hookd's message */
	const char *call;
	int argument; /* index of the argument, or ANY */
	uint64_t value;
	int error;
};

static const struct missing *missing;

static void make_it_missing(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int call = seccomp_syscall_resolve_name(missing->call);
	uint32_t action = SCMP_ACT_ERRNO((uint16_t)missing->error);
	int r;

	if (!filter || seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0) < 0)
		_exit(125);
	if (missing->argument == ANY)
		r = seccomp_rule_add(filter, action, call, 0);
	else
		r = seccomp_rule_add(
		    filter, action, call, 1,
		    SCMP_CMP((unsigned int)missing->argument, SCMP_CMP_EQ, missing->value));
	if (r < 0 || seccomp_load(filter) < 0)
		_exit(125);
	seccomp_release(filter);
}

static void expect_not_ready(struct harness *harness, const struct missing *row)
{
	char text[128];

	missing = row;
	harness->said.length = 0;
	assert_int_equal(harness_run_once(harness, &(struct start){.in_child = make_it_missing}),
			 EXIT_KERNEL);
	snprintf(text, sizeof(text), "hookd: %s is missing from this kernel", row->name);
	if (!memmem(harness->said.data, harness->said.length, text, strlen(text)))
		fail_msg("%s: %.*s", row->name, (int)harness->said.length, harness->said.data);
	assert_null(memmem(harness->said.data, harness->said.length, "hookd: ready", 12));
}

/* Fault 36. */
static void hookd_is_not_ready_without_what_hooks_need(void **state)
{
	static const struct missing rows[] = {
	    {"clone3", "clone3", ANY, 0, ENOSYS},
	    {"clone3", "clone3", ANY, 0, EPERM},
	    {"waitid(P_PIDFD)", "waitid", 0, P_PIDFD, ENOSYS},
	    {"waitid(P_PIDFD)", "waitid", 0, P_PIDFD, EINVAL},
	    {"pidfd_send_signal", "pidfd_send_signal", ANY, 0, ENOSYS},
	    {"close_range", "close_range", ANY, 0, ENOSYS},
	    {"pipe2", "pipe2", ANY, 0, ENOSYS},
	    {"memfd_create", "memfd_create", ANY, 0, ENOSYS},
	    {"fcntl(F_ADD_SEALS)", "fcntl", 1, F_ADD_SEALS, ENOSYS},
	    {"getrandom", "getrandom", ANY, 0, ENOSYS},
	    {"accept4", "accept4", ANY, 0, ENOSYS},
	    {"recvmsg", "recvmsg", ANY, 0, ENOSYS},
	    {"epoll", "epoll_ctl", ANY, 0, ENOSYS},
	    {"SO_PEERCRED", "getsockopt", 2, SO_PEERCRED, ENOSYS},
	    {"capget", "capget", ANY, 0, ENOSYS},
	    {"prctl", "prctl", 0, PR_GET_DUMPABLE, ENOSYS},
	    {"timerfd_create", "timerfd_create", ANY, 0, ENOSYS},
	    {"dup2", "dup2", ANY, 0, ENOSYS},
	    {"readlink", "readlink", ANY, 0, EPERM},
	    {"keyctl(KEYCTL_JOIN_SESSION_KEYRING)", "keyctl", ANY, 0, EACCES},
	    {"keyctl(KEYCTL_JOIN_SESSION_KEYRING)", "keyctl", 0, KEYCTL_JOIN_SESSION_KEYRING,
	     EPERM},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_not_ready(*state, &rows[i]);
}

static void run_without(struct harness *harness, const struct missing *row)
{
	struct client *client;
	char text[128];

	missing = row;
	snprintf(text, sizeof(text), "hookd: %s is missing from this kernel", row->name);
	harness_start(harness, &(struct start){.in_child = make_it_missing, .says = text});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_success(client);
	harness_stop(harness);
}

/* Fault 36. */
static void what_some_hooks_need_is_logged_and_others_run(void **state)
{
	static const struct missing rows[] = {
	    {"SO_PEERPIDFD", "getsockopt", 2, 77, ENOSYS},
	    {"pidfd_open", "pidfd_open", ANY, 0, ENOSYS},
	    {"execveat", "execveat", ANY, 0, ENOSYS},
	    {"setns", "setns", ANY, 0, EPERM},
	    {"openat2", "openat2", ANY, 0, ENOSYS},
	    {"keyctl", "keyctl", ANY, 0, ENOSYS},
	    {"keyctl", "keyctl", ANY, 0, EPERM},
	    {"seccomp", "seccomp", 0, 2 /* SECCOMP_GET_ACTION_AVAIL */, ENOSYS},
	    {"sched_setattr", "sched_setattr", ANY, 0, ENOSYS},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		run_without(*state, &rows[i]);
}

/* Fault 18. As while a fork bomb goes on. hookd starts, and answers. */
static void lack_of_processes_is_no_missing_clone3(void **state)
{
	static const struct missing row = {"", "clone3", ANY, 0, EAGAIN};
	struct harness *harness = *state;
	struct client *client;

	missing = &row;
	harness_start(harness, &(struct start){.in_child = make_it_missing});
	client = client_open(harness);
	run(client, .hooks = {HOOK("'exit','0'")});
	check_error(client, "io.hookd.hooks.Busy");
	harness_stop(harness);
}

/* ---- keyrings that cannot be used ---- */

static void be_in_a_revoked_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_keyctl, KEYCTL_REVOKE, KEY_SPEC_SESSION_KEYRING) < 0)
		_exit(125);
}

/* The kernel's timeout is in seconds, and there is no event for its end. */
static void be_in_an_expired_keyring(void)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ||
	    syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, KEY_SPEC_SESSION_KEYRING, 1) < 0)
		_exit(125);
	while (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) >= 0)
		usleep(1000);
}

static void a_keyring_that_has_ended_is_no_missing_keyctl(void **state)
{
	void (*const enter[])(void) = {be_in_a_revoked_keyring, be_in_an_expired_keyring};
	struct harness *harness = *state;
	struct client *client;

	for (size_t i = 0; i < sizeof(enter) / sizeof(enter[0]); i++) {
		harness_start(harness, &(struct start){.in_child = enter[i]});
		client = client_open(harness);
		client_call(client, "{'method':'io.hookd.status.GetStatus'}");
		check_bool(client, "kernelFeatures.keyctl", true);
		run(client, .hooks = {HOOK("'exit','0'")});
		check_success(client);
		harness_stop(harness);
	}
}

/* ---- the limit of open files ---- */

static void limit_open_files(void)
{
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){200, 200}) < 0)
		_exit(125);
}

static void low_limit_of_open_files_is_logged(void **state)
{
	harness_start(*state, &(struct start){
				  .in_child = limit_open_files,
				  .says = "the limit of open files (RLIMIT_NOFILE) is 200",
			      });
}

static struct rlimit too_low;

static void limit_open_files_too_much(void)
{
	if (setrlimit(RLIMIT_NOFILE, &too_low) < 0)
		_exit(125);
}

/* Checked before files are opened: one that cannot be opened would look like a damaged one. */
static void a_limit_that_is_too_low_to_start_is_an_error(void **state)
{
	static const struct rlimit limits[] = {{16, 16}, {30, 30}, {42, 42}, {63, 63}, {16, 4096}};
	struct harness *harness = *state;
	char text[128];

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		too_low = limits[i];
		harness->said.length = 0;
		assert_int_equal(
		    harness_run_once(harness,
				     &(struct start){.in_child = limit_open_files_too_much}),
		    1);
		snprintf(text, sizeof(text),
			 "(RLIMIT_NOFILE) is %d (hard: %d), and hookd needs at least 32 (hard: 64)",
			 (int)too_low.rlim_cur, (int)too_low.rlim_max);
		if (!memmem(harness->said.data, harness->said.length, text, strlen(text)))
			fail_msg("%d: %.*s", (int)too_low.rlim_cur, (int)harness->said.length,
				 harness->said.data);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(hookd_is_not_ready_without_what_hooks_need),
	    TEST_PREPARED(what_some_hooks_need_is_logged_and_others_run),
	    TEST_PREPARED(lack_of_processes_is_no_missing_clone3),
	    TEST_PREPARED(a_keyring_that_has_ended_is_no_missing_keyctl),
	    TEST_PREPARED(low_limit_of_open_files_is_logged),
	    TEST_PREPARED(a_limit_that_is_too_low_to_start_is_an_error),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
