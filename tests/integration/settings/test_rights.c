/* SPDX-License-Identifier: Apache-2.0 */
/* A hook whose program is in the image has the privileges of the container's process, no more. */
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"

#define HOOK0  "result.hooks[0]"
#define STDOUT HOOK0 ".stdout"
#define VIEW   HOOK("'view'")
#define KILL   (1ull << CAP_KILL)
#define CHOWN  (1ull << CAP_CHOWN)

/* With and without the container's own user and pid namespaces. */
static const int kinds[] = {
    CLONE_NEWNS,
    CLONE_NEWNS | CLONE_NEWPID,
    CLONE_NEWNS | CLONE_NEWUSER,
    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUSER,
};

/* ---- privileges of the container's process ---- */

static bool set_capabilities(uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
	    {(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
	    {(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32),
	     (uint32_t)(inheritable >> 32)},
	};

	return syscall(SYS_capset, &header, data) == 0;
}

static bool cut_bounding_set(uint64_t kept)
{
	for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (!(kept >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return false;
	return true;
}

static bool stay_root(void)
{
	return true;
}

static bool be_root_of_few(void)
{
	return cut_bounding_set(KILL | CHOWN) && set_capabilities(KILL | CHOWN, 0);
}

/* Like runc with a user: no capabilities, but the bounding set still has some. */
static bool be_user(void)
{
	const gid_t groups[] = {2000, 2001};

	return cut_bounding_set(KILL | CHOWN) && setgroups(2, groups) == 0 &&
	       setresgid(1001, 1001, 1001) == 0 && setresuid(1000, 1000, 1000) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static bool be_user_with_ambient(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && setresgid(1001, 1001, 1001) == 0 &&
	       setresuid(1000, 1000, 1000) == 0 && set_capabilities(KILL, KILL) &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0;
}

/* An exec would give it all capabilities again. */
static bool give_up_permitted(void)
{
	return set_capabilities(KILL, 0);
}

static bool give_up_all_but_ambient(void)
{
	return set_capabilities(KILL, KILL) &&
	       prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0) == 0;
}

static bool be_somebody_else_for_now(void)
{
	return setresgid(1001, 1001, 0) == 0 && setresuid(1000, 1000, 0) == 0;
}

/* ---- comparing ---- */

static const char *state_of(const struct container *container)
{
	static char state[64];

	snprintf(state, sizeof(state), "{\"id\":\"box\",\"pid\":%d}", container->pid);
	return state;
}

static void start(struct harness *harness, int kind, bool (*prepare)(void),
		  struct container *ret_container)
{
	assert_int_equal(chmod(harness->directory, 0755), 0);
	container_start_as(harness, kind, prepare, ret_container);
}

/* A capability set of the container's process, or from the hook's output. */
static uint64_t set_in(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	assert_non_null(at);
	return strtoull(at + strlen(key), NULL, 16);
}

static uint64_t set_of_process(pid_t pid, const char *key)
{
	char path[64], text[4096];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	fclose(file);
	return set_in(text, key);
}

static const char *const sets[] = {"CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"};

/* The hook has no capability that the process lacks, also after the exec. */
static void expect_no_more(struct client *client, const struct container *container)
{
	const char *view = reply_string(client, STDOUT);

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		assert_int_equal(set_in(view, sets[i]) & ~set_of_process(container->pid, sets[i]),
				 0);
}

static void expect_set(struct client *client, const char *key, uint64_t set)
{
	assert_int_equal(set_in(reply_string(client, STDOUT), key), set);
}

static void view(struct client *client, const struct container *container)
{
	run(client, .stage = "startContainer", .state = state_of(container), .hooks = {VIEW});
	check_success(client);
	expect_no_more(client, container);
}

/* The capabilities of a hook in a container of each kind, whose process was prepared so. */
static void in_each_kind(struct harness *harness, bool (*prepare)(void), const char *settings,
			 void (*look)(struct client *client, const struct container *container))
{
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		start(harness, kinds[i], prepare, &container);
		run(client, .stage = "startContainer", .state = state_of(&container),
		    .extra = settings, .hooks = {VIEW});
		check_success(client);
		look(client, &container);
		container_stop(&container);
	}
}

/* ---- without settings ---- */

static void look_for_all(struct client *client, const struct container *container)
{
	check_line(client, STDOUT, "status Uid: 0 0 0 0");
	check_line(client, STDOUT, "status NoNewPrivs: 0");
	expect_set(client, "CapEff:", set_of_process(container->pid, "CapEff:"));
}

static void a_root_of_all_capabilities_has_them(void **state)
{
	in_each_kind(*state, stay_root, NULL, look_for_all);
}

static void look_for_few(struct client *client, const struct container *container)
{
	expect_no_more(client, container);
	check_line(client, STDOUT, "status Uid: 0 0 0 0");
	expect_set(client, "CapPrm:", KILL | CHOWN);
	expect_set(client, "CapEff:", KILL | CHOWN);
	expect_set(client, "CapBnd:", KILL | CHOWN);
}

static void a_root_of_few_capabilities_has_few(void **state)
{
	in_each_kind(*state, be_root_of_few, NULL, look_for_few);
}

static void look_for_user(struct client *client, const struct container *container)
{
	expect_no_more(client, container);
	check_line(client, STDOUT, "status Uid: 1000 1000 1000 1000");
	check_line(client, STDOUT, "status Gid: 1001 1001 1001 1001");
	check_line(client, STDOUT, "status Groups: 2000 2001 ");
	check_line(client, STDOUT, "status NoNewPrivs: 1");
	expect_set(client, "CapPrm:", 0);
	expect_set(client, "CapBnd:", KILL | CHOWN);
}

static void a_user_has_his_ids_groups_and_no_new_privs(void **state)
{
	in_each_kind(*state, be_user, NULL, look_for_user);
}

static void look_for_ambient(struct client *client, const struct container *container)
{
	expect_no_more(client, container);
	expect_set(client, "CapPrm:", KILL);
	expect_set(client, "CapAmb:", KILL);
}

static void ambient_capabilities_are_kept(void **state)
{
	in_each_kind(*state, be_user_with_ambient, NULL, look_for_ambient);
}

/*
 * capabilities(7): an exec as uid 0 gains the bounding set, from which this one has dropped some.
 */
static void what_was_given_up_does_not_come_back_by_the_exec(void **state)
{
	in_each_kind(*state, give_up_permitted, NULL, expect_no_more);
	in_each_kind(*state, give_up_all_but_ambient, NULL, look_for_ambient);
}

/* A group of the host that a process has kept is not mapped in its user namespace. */
static void a_group_without_a_number_is_left_out(void **state)
{
	const gid_t groups[] = {4711};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	assert_int_equal(setgroups(1, groups), 0);
	start(harness, CLONE_NEWNS | CLONE_NEWUSER, stay_root, &container);
	assert_int_equal(setgroups(0, NULL), 0);
	view(client, &container);
	check_line(client, STDOUT, "status Groups: ");
	container_stop(&container);
}

/* execve(2) copies the effective id to the saved one. */
static void look_for_effective(struct client *client, const struct container *container)
{
	(void)container;
	check_line(client, STDOUT, "status Uid: 1000 1000 1000 1000");
}

static void effective_ids_count(void **state)
{
	in_each_kind(*state, be_somebody_else_for_now, NULL, look_for_effective);
}

static void any_stage_in_a_container_is_treated_alike(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	start(harness, CLONE_NEWNS | CLONE_NEWPID, be_user, &container);
	run(client, .stage = "poststart", .extra = ",'namespaces':'container'",
	    .state = state_of(&container), .hooks = {VIEW});
	check_success(client);
	check_line(client, STDOUT, "status Uid: 1000 1000 1000 1000");
	expect_no_more(client, &container);
	container_stop(&container);
}

/* Its program is one of the host, and the container has no root directory yet. */
static void createContainer_is_the_runtime_s(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	start(harness, CLONE_NEWNS | CLONE_NEWPID, be_user, &container);
	run(client, .stage = "createContainer", .state = state_of(&container), .hooks = {VIEW});
	check_success(client);
	check_line(client, STDOUT, "status Uid: 0 0 0 0");
	container_stop(&container);
}

static const char *new_root;

static bool be_user_in_another_root(void)
{
	return chroot(new_root) == 0 && chdir("/") == 0 && be_user();
}

/* Then it loads files of the image, so it must not be able to write what the container cannot. */
static void createContainer_is_the_container_s_once_that_has_its_root(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	new_root = strdup(harness_path(harness, "private"));
	start(harness, CLONE_NEWNS | CLONE_NEWPID, be_user_in_another_root, &container);
	run(client, .stage = "createContainer", .state = state_of(&container),
	    .hooks = {HOOK("'show','/marker'")});
	check_success(client);
	run(client, .stage = "createContainer", .state = state_of(&container),
	    .hooks = {HOOK("'mark','/made','x'")});
	check_string(client, HOOK0 ".outcome", "exited");
	assert_int_not_equal(reply_int(client, HOOK0 ".exitStatus"), 0);
	container_stop(&container);
	free((void *)new_root);
}

static bool is_executed_from_memory(struct client *client)
{
	char path[64], exe[64] = "";

	client_call(client, "{'method':'io.hookd.status.List'}");
	if (!reply_has(client, "runs[0].pid"))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)reply_int(client, "runs[0].pid"));
	return readlink(path, exe, sizeof(exe) - 1) > 0 && strncmp(exe, "/memfd:hook ", 12) == 0;
}

/* CVE-2019-5736: by /proc/PID/exe processes of the container could open the host's file. */
static void createContainer_leaves_its_file_to_nobody(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *other = client_open(harness);
	struct container container;
	char cancel[96];

	harness_needs_root();
	new_root = strdup(harness_path(harness, "private"));
	start(harness, CLONE_NEWNS | CLONE_NEWPID, be_user_in_another_root, &container);
	begin_run(client, .stage = "createContainer", .state = state_of(&container),
		  .hooks = {HOOK("'sleep','60000'")});
	await_true(is_executed_from_memory(other), "the hook is a copy in memory");
	snprintf(cancel, sizeof(cancel),
		 "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 reply_string(other, "runs[0].run"));
	client_call(other, cancel);
	client_receive(client);
	container_stop(&container);
	free((void *)new_root);
}

/* ---- with settings ---- */

#define SETTINGS(process) ",'settings':{'process':{" process "}}"
#define USER(uid, gid)	  "'user':{'uid':" #uid ",'gid':" #gid "}"
#define SETS(names)                                                                                \
	"'capabilities':{'bounding':[" names "],'permitted':[" names "],'effective':[" names "]}"

static void settings_add_nothing(void **state)
{
	static const struct {
		const char *settings, *step, *part;
	} raises[] = {
	    {SETTINGS(USER(0, 0)), "credentials", "uid 0"},
	    {SETTINGS(USER(1002, 1001)), "credentials", "uid 1002"},
	    {SETTINGS(USER(1000, 0)), "credentials", "gid 0"},
	    {SETTINGS("'user':{'uid':1000,'gid':1001,'additionalGids':[0]}"), "credentials",
	     "group 0"},
	    {SETTINGS(SETS("'CAP_KILL'")), "capabilities", "permitted"},
	    {SETTINGS(SETS("'CAP_SYS_ADMIN'")), "capabilities", "bounding, capability 21"},
	    {SETTINGS("'capabilities':{'inheritable':['CAP_KILL']}"), "capabilities",
	     "inheritable"},
	};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	start(harness, CLONE_NEWNS | CLONE_NEWPID, be_user, &container);
	for (size_t i = 0; i < sizeof(raises) / sizeof(raises[0]); i++) {
		run(client, .stage = "startContainer", .state = state_of(&container),
		    .extra = raises[i].settings, .hooks = {HOOK("'mark','@DIR@/log','x'")});
		check_string(client, HOOK0 ".outcome", "spawn_failed");
		check_string(client, HOOK0 ".failedStep", raises[i].step);
		check_string(client, HOOK0 ".errnoName", "EPERM");
		check_part(client, "result.error", raises[i].part);
	}
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	container_stop(&container);
}

static void look_for_kill(struct client *client, const struct container *container)
{
	expect_no_more(client, container);
	expect_set(client, "CapPrm:", KILL);
	expect_set(client, "CapBnd:", KILL);
}

static void look_for_user_without_rights(struct client *client, const struct container *container)
{
	expect_no_more(client, container);
	check_line(client, STDOUT, "status Uid: 1000 1000 1000 1000");
	check_line(client, STDOUT, "status NoNewPrivs: 1");
	expect_set(client, "CapPrm:", 0);
}

static void settings_take_away(void **state)
{
	in_each_kind(*state, be_root_of_few, SETTINGS(SETS("'CAP_KILL'")), look_for_kill);
	in_each_kind(*state, stay_root, SETTINGS(USER(1000, 1001) ",'noNewPrivileges':true"),
		     look_for_user_without_rights);
}

/* Settings without the member change nothing, and neither does "false". */
static void other_settings_give_no_rights_back(void **state)
{
	static const char *const settings[] = {
	    SETTINGS("'noNewPrivileges':false"),
	    SETTINGS("'oomScoreAdj':100"),
	    SETTINGS("'rlimits':[{'type':'RLIMIT_NOFILE','soft':16,'hard':16}]"),
	    SETTINGS(USER(1000, 1001)),
	    (",'settings':{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':"
	     "[{'names':['swapon'],'action':'SCMP_ACT_ERRNO'}]}}}"),
	};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;

	harness_needs_root();
	start(harness, CLONE_NEWNS | CLONE_NEWPID, be_user, &container);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		run(client, .stage = "startContainer", .state = state_of(&container),
		    .extra = settings[i], .hooks = {VIEW});
		check_success(client);
		expect_no_more(client, &container);
		check_line(client, STDOUT, "status Uid: 1000 1000 1000 1000");
		check_line(client, STDOUT, "status NoNewPrivs: 1");
	}
	container_stop(&container);
}

static void look_for_filter(struct client *client, const struct container *container)
{
	look_for_few(client, container);
	check_line(client, STDOUT, "status Seccomp: 2");
	check_line(client, STDOUT, "status NoNewPrivs: 0");
}

/* Installing a filter without no_new_privs takes CAP_SYS_ADMIN, which the hook does not get. */
static void a_filter_leaves_no_right_behind(void **state)
{
	in_each_kind(*state, be_root_of_few,
		     ",'settings':{'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW',"
		     "'syscalls':[{'names':['swapon'],'action':'SCMP_ACT_ERRNO'}]}}}",
		     look_for_filter);
}

/* ---- keys ---- */

static void a_hook_in_a_container_has_its_own_keyring(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	char line[64];

	harness_needs_root();
	start(harness, CLONE_NEWNS, stay_root, &container);
	run(client, .hooks = {VIEW});
	snprintf(line, sizeof(line), "%.40s", strstr(reply_string(client, STDOUT), "keyring "));
	*strchr(line, '\n') = '\0';
	view(client, &container);
	assert_null(strstr(reply_string(client, STDOUT), line));
	container_stop(&container);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_root_of_all_capabilities_has_them),
	    TEST(a_root_of_few_capabilities_has_few),
	    TEST(a_user_has_his_ids_groups_and_no_new_privs),
	    TEST(ambient_capabilities_are_kept),
	    TEST(what_was_given_up_does_not_come_back_by_the_exec),
	    TEST(a_group_without_a_number_is_left_out),
	    TEST(effective_ids_count),
	    TEST(any_stage_in_a_container_is_treated_alike),
	    TEST(createContainer_is_the_runtime_s),
	    TEST(createContainer_is_the_container_s_once_that_has_its_root),
	    TEST(createContainer_leaves_its_file_to_nobody),
	    TEST(settings_add_nothing),
	    TEST(settings_take_away),
	    TEST(other_settings_give_no_rights_back),
	    TEST(a_filter_leaves_no_right_behind),
	    TEST(a_hook_in_a_container_has_its_own_keyring),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
