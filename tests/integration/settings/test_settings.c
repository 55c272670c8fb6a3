/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of hooks in both dialects, checked by what the kernel reports (the helper's verb
 * `view`). Each row of the table is one hook.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/probe.h"

#define HOOK0  "result.hooks[0]"
#define STDOUT HOOK0 ".stdout"

/* A hook of another user must be able to execute the helper. */
static struct client *open_for_others(struct harness *harness)
{
	assert_int_equal(chmod(harness->directory, 0755), 0);
	return client_open(harness);
}

static void run_with(struct client *client, const char *settings, const char *dialect,
		     const char *verbs)
{
	char extra[8192], hook[1024];

	snprintf(extra, sizeof(extra), ",'dialect':'%s','settings':%s", dialect, settings);
	snprintf(hook, sizeof(hook), "{'path':'@HOOK@','args':['hook',%s]}", verbs);
	run(client, .extra = extra, .hooks = {hook});
}

/* ---- one attribute each ---- */

struct row {
	const char *oci, *libcontainer; /* NULL: the dialect has no such field */
	const char *lines[8];
};

static const struct row rows[] = {
    /* only a new session keyring, otherwise as without settings */
    {"{}", "{}", {"umask 0022", "status NoNewPrivs: 0", "status Seccomp: 0", "pdeathsig 0"}},
    /* user: capabilities are dropped with the ids, as by setuid(2) */
    {"{'process':{'user':{'uid':1234,'gid':5678,'umask':63,'additionalGids':[5,77]}}}",
     NULL,
     {"status Uid: 1234 1234 1234 1234", "status Gid: 5678 5678 5678 5678", "status Groups: 5 77 ",
      "umask 0077", "status CapPrm: 0000000000000000", "status CapEff: 0000000000000000",
      "status CapAmb: 0000000000000000"}},
    {"{'process':{'user':{'uid':0,'gid':0}}}",
     NULL,
     {"status Uid: 0 0 0 0", "status Gid: 0 0 0 0", "status Groups: "}},
    {"{'process':{'user':{'uid':1234,'gid':1,'umask':0}}}", "{'umask':0}", {"umask 0000"}},
    /* capabilities: root has the bounding set, others the inheritable and ambient ones */
    {"{'process':{'capabilities':{'bounding':['CAP_KILL','CAP_NET_RAW'],"
     "'permitted':['CAP_KILL'],'effective':['CAP_KILL']}}}",
     "{'capabilities':{'Bounding':['CAP_KILL','CAP_NET_RAW'],'Permitted':['CAP_KILL'],"
     "'Effective':['CAP_KILL'],'Inheritable':null,'Ambient':null}}",
     {"status CapBnd: 0000000000002020", "status CapPrm: 0000000000002020",
      "status CapEff: 0000000000002020", "status CapInh: 0000000000000000",
      "status CapAmb: 0000000000000000"}},
    {"{'process':{'user':{'uid':1234,'gid':1},'capabilities':{"
     "'bounding':['CAP_KILL','CAP_NET_RAW','CAP_CHOWN'],"
     "'permitted':['CAP_KILL','CAP_NET_RAW'],'effective':['CAP_KILL','CAP_NET_RAW'],"
     "'inheritable':['CAP_KILL'],'ambient':['CAP_KILL']}}}",
     NULL,
     {"status Uid: 1234 1234 1234 1234", "status CapBnd: 0000000000002021",
      "status CapPrm: 0000000000000020", "status CapEff: 0000000000000020",
      "status CapInh: 0000000000000020", "status CapAmb: 0000000000000020"}},
    {"{'process':{'capabilities':{}}}",
     "{'capabilities':{}}",
     {"status CapBnd: 0000000000000000", "status CapPrm: 0000000000000000",
      "status CapEff: 0000000000000000"}},
    /* ambient ones that are not inheritable are left out, as by runc */
    {"{'process':{'user':{'uid':9,'gid':9},'capabilities':{'bounding':['CAP_KILL'],"
     "'permitted':['CAP_KILL'],'ambient':['CAP_KILL']}}}",
     NULL,
     {"status CapAmb: 0000000000000000", "status CapPrm: 0000000000000000"}},
    {"{'process':{'rlimits':[{'type':'RLIMIT_NOFILE','soft':100,'hard':200},"
     "{'type':'RLIMIT_CORE','soft':0,'hard':0},{'type':'RLIMIT_CPU','soft':50,'hard':60},"
     "{'type':'RLIMIT_STACK','soft':4194304,'hard':18446744073709551615}]}}",
     "{'rlimits':[{'type':7,'soft':100,'hard':200},{'type':4,'soft':0,'hard':0},"
     "{'type':0,'soft':50,'hard':60},{'type':3,'soft':4194304,'hard':18446744073709551615}]}",
     {"limit Max open files 100 200 files ", "limit Max core file size 0 0 bytes ",
      "limit Max cpu time 50 60 seconds ", "limit Max stack size 4194304 unlimited bytes "}},
    {"{'process':{'rlimits':[{'type':'RLIMIT_FSIZE','soft':1,'hard':-1}]}}",
     "{'rlimits':[{'type':1,'soft':1,'hard':-1}]}",
     {"limit Max file size 1 unlimited bytes "}},
    {"{'process':{'oomScoreAdj':321}}", "{'oom_score_adj':321}", {"oom_score_adj 321"}},
    {"{'process':{'noNewPrivileges':true}}",
     "{'no_new_privileges':true}",
     {"status NoNewPrivs: 1"}},
    {NULL, "{'parent_death_signal':15}", {"pdeathsig 15"}},
    {"{'linux':{'personality':{'domain':'LINUX32'}}}",
     "{'personality':{'domain':8}}",
     {"personality 8"}},
    {"{'process':{'scheduler':{'policy':'SCHED_BATCH','nice':7}}}",
     "{'scheduler':{'policy':'SCHED_BATCH','nice':7}}",
     {"scheduler policy 3 nice 7 priority 0 flags 0 "}},
    {"{'process':{'scheduler':{'policy':'SCHED_FIFO','priority':11}}}",
     "{'scheduler':{'policy':'SCHED_FIFO','priority':11}}",
     {"scheduler policy 1 nice 0 priority 11 flags 0 "}},
    {"{'process':{'scheduler':{'policy':'SCHED_DEADLINE','runtime':1000000,"
     "'deadline':40000000,'period':50000000,'flags':['SCHED_FLAG_RECLAIM']}}}",
     "{'scheduler':{'policy':'SCHED_DEADLINE','runtime':1000000,'deadline':40000000,"
     "'period':50000000,'flags':['SCHED_FLAG_RECLAIM']}}",
     {"scheduler policy 6 nice 0 priority 0 flags 2 runtime 1000000 deadline 40000000 "
      "period 50000000"}},
    {"{'process':{'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':6}}}",
     "{'io_priority':{'class':'IOPRIO_CLASS_BE','priority':6}}",
     {"ioprio 16390"}},
    {"{'process':{'execCPUAffinity':{'initial':'0-1','final':'1'}}}",
     "{'exec_cpu_affinity':{'Initial':[3],'Final':[2]}}",
     {"status Cpus_allowed_list: 1"}},
    {"{'process':{'execCPUAffinity':{'initial':'0'}}}",
     "{'exec_cpu_affinity':{'Initial':[1],'Final':null}}",
     {"status Cpus_allowed_list: 0"}},
    {"{'linux':{'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0',"
     "'flags':['MPOL_F_STATIC_NODES']}}}",
     "{'memory_policy':{'mode':2,'flags':32768,'nodes':[1]}}",
     {"mempolicy 32770 nodes 1"}},
};

static void expect_row(struct client *client, const struct row *row, const char *settings,
		       const char *dialect)
{
	if (!settings)
		return;
	run_with(client, settings, dialect, "'view'");
	check_success(client);
	for (const char *const *line = row->lines; *line; line++)
		check_part(client, STDOUT, *line);
}

static void each_attribute_in_both_dialects(void **state)
{
	struct client *client = open_for_others(*state);

	harness_needs_root();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect_row(client, &rows[i], rows[i].oci, "oci");
		expect_row(client, &rows[i], rows[i].libcontainer, "libcontainer");
	}
}

/* ---- the session keyring ---- */

static long keyring_of(struct client *client)
{
	const char *line = strstr(reply_string(client, STDOUT), "\nkeyring ");

	assert_non_null(line);
	return strtol(line + strlen("\nkeyring "), NULL, 10);
}

static void session_keyring_is_new_unless_told(void **state)
{
	struct client *client = open_for_others(*state);
	long hookd_s, first, second;

	run_with(client, "{'no_new_keyring':true}", "libcontainer", "'view'");
	check_success(client);
	hookd_s = keyring_of(client);
	run_with(client, "{'no_new_keyring':false}", "libcontainer", "'view'");
	first = keyring_of(client);
	run_with(client, "{}", "oci", "'view'");
	second = keyring_of(client);
	assert_int_not_equal(first, hookd_s);
	assert_int_not_equal(second, hookd_s);
	assert_int_not_equal(first, second);
}

/* ---- namespaces by path ---- */

static const struct {
	const char *type, *libcontainer, *name;
	int flag;
} kinds[] = {
    {"network", "NEWNET", "net", CLONE_NEWNET}, {"uts", "NEWUTS", "uts", CLONE_NEWUTS},
    {"ipc", "NEWIPC", "ipc", CLONE_NEWIPC},	{"mount", "NEWNS", "mnt", CLONE_NEWNS},
    {"pid", "NEWPID", "pid", CLONE_NEWPID},	{"cgroup", "NEWCGROUP", "cgroup", CLONE_NEWCGROUP},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* The first process in new namespaces, and its parent, which made them and waits for it. */
struct box {
	pid_t maker, pid;
};

static _Noreturn void live_in_box(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("proc", "/proc", "proc", 0, NULL) < 0)
		_exit(1);
	for (;;)
		pause();
}

static struct box box_make(void)
{
	struct box box;
	int ready[2];

	assert_int_equal(pipe(ready), 0);
	box.maker = fork();
	if (box.maker == 0) {
		int flags = 0;
		pid_t pid;

		for (size_t i = 0; i < KINDS; i++)
			flags |= kinds[i].flag;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(flags) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(1);
		pid = fork();
		if (pid == 0)
			live_in_box();
		if (write(ready[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &box.pid, sizeof(box.pid)), sizeof(box.pid));
	close(ready[0]);
	return box;
}

static void box_end(const struct box *box)
{
	kill(box->pid, SIGKILL);
	waitpid(box->maker, NULL, 0);
}

static void expect_namespace(struct client *client, pid_t pid, const char *name)
{
	char path[64], target[64] = "", line[80];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, name);
	assert_true(readlink(path, target, sizeof(target) - 1) > 0);
	snprintf(line, sizeof(line), "ns %s", target);
	check_line(client, STDOUT, line);
}

static void enter_by_paths(struct client *client, pid_t pid, const char *dialect)
{
	bool is_oci = strcmp(dialect, "oci") == 0;
	char list[1024] = "", settings[1200];

	for (size_t i = 0; i < KINDS; i++) {
		size_t length = strlen(list);

		snprintf(list + length, sizeof(list) - length,
			 "%s{'type':'%s','path':'/proc/%d/ns/%s'}", i ? "," : "",
			 is_oci ? kinds[i].type : kinds[i].libcontainer, pid, kinds[i].name);
	}
	snprintf(settings, sizeof(settings),
		 is_oci ? "{'linux':{'namespaces':[%s]}}" : "{'namespaces':[%s]}", list);
	run_with(client, settings, dialect, "'view'");
	check_success(client);
	for (size_t i = 0; i < KINDS; i++)
		expect_namespace(client, pid, kinds[i].name);
}

static void namespaces_by_path_are_entered(void **state)
{
	struct client *client = open_for_others(*state);
	struct box box;

	harness_needs_root();
	box = box_make();
	enter_by_paths(client, box.pid, "oci");
	enter_by_paths(client, box.pid, "libcontainer");
	/* Namespaces without a path are new ones of the container, which this hook is not in. */
	run_with(client, "{'linux':{'namespaces':[{'type':'network'},{'type':'pid'}]}}", "oci",
		 "'view'");
	check_success(client);
	expect_namespace(client, getpid(), "net");
	box_end(&box);
}

/* ---- defaults of the configuration ---- */

static void defaults_of_the_configuration(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nNice=3\nUMask=0027\n"});
	client = open_for_others(harness);
	run(client, .hooks = {HOOK("'view'")});
	check_success(client);
	check_line(client, STDOUT, "umask 0027");
	check_part(client, STDOUT, "scheduler policy 0 nice 3 ");
	/* The settings of the request have priority. */
	run_with(client,
		 "{'process':{'user':{'uid':0,'gid':0,'umask':7},"
		 "'scheduler':{'policy':'SCHED_OTHER','nice':9}}}",
		 "oci", "'view'");
	check_success(client);
	check_line(client, STDOUT, "umask 0007");
	check_part(client, STDOUT, "scheduler policy 0 nice 9 ");
}

/* ---- all settings together ---- */

/* Privileges must be dropped after the steps that need them. */
static void all_settings_together(void **state)
{
	struct client *client = open_for_others(*state);

	harness_needs_root();
	run_with(client,
		 "{'process':{'user':{'uid':1000,'gid':1000,'additionalGids':[2000]},"
		 "'capabilities':{'bounding':['CAP_KILL'],'permitted':['CAP_KILL'],"
		 "'effective':['CAP_KILL'],'inheritable':['CAP_KILL'],'ambient':['CAP_KILL']},"
		 "'rlimits':[{'type':'RLIMIT_NPROC','soft':10,'hard':10}],'oomScoreAdj':500,"
		 "'noNewPrivileges':true,'ioPriority':{'class':'IOPRIO_CLASS_IDLE','priority':0},"
		 "'scheduler':{'policy':'SCHED_RR','priority':3},'execCPUAffinity':{'final':'0'}},"
		 "'linux':{'personality':{'domain':'LINUX32'},"
		 "'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['setuid',"
		 "'setresuid','capset','setgroups'],'action':'SCMP_ACT_KILL_PROCESS'}]}}}",
		 "oci", "'view'");
	check_success(client);
	check_part(client, STDOUT, "status Uid: 1000 1000 1000 1000");
	check_part(client, STDOUT, "status Groups: 2000 ");
	check_part(client, STDOUT, "status CapEff: 0000000000000020");
	check_part(client, STDOUT, "limit Max processes 10 10 ");
	check_part(client, STDOUT, "status NoNewPrivs: 1");
	check_part(client, STDOUT, "status Seccomp: 2");
	check_part(client, STDOUT, "scheduler policy 2 nice 0 priority 3 ");
	check_part(client, STDOUT, "personality 8");
	check_part(client, STDOUT, "oom_score_adj 500");
}

/* hookd-run is not dumpable, so neither its user nor the container can trace it; the hook is. */
static void the_hook_is_dumpable(void **state)
{
	struct client *client = open_for_others(*state);

	run_with(client, "{}", "oci", "'view'");
	check_success(client);
	check_line(client, STDOUT, "dumpable 1");
}

/* Both the container's namespaces and settings. */
static void settings_in_a_container(void **state)
{
	struct client *client = open_for_others(*state);
	char text[64];
	struct box box;

	harness_needs_root();
	box = box_make();
	snprintf(text, sizeof(text), "{\"id\":\"box\",\"pid\":%d}", box.pid);
	run(client, .stage = "startContainer", .state = text,
	    .extra = ",'settings':{'process':{'user':{'uid':7,'gid':8},'oomScoreAdj':9,"
		     "'scheduler':{'policy':'SCHED_DEADLINE','runtime':1000000,"
		     "'deadline':40000000,'period':50000000}}}",
	    .hooks = {HOOK("'view'")});
	check_success(client);
	expect_namespace(client, box.pid, "net");
	expect_namespace(client, box.pid, "pid");
	check_part(client, STDOUT, "status Uid: 7 7 7 7");
	check_part(client, STDOUT, "oom_score_adj 9");
	check_part(client, STDOUT, "scheduler policy 6 ");
	box_end(&box);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_attribute_in_both_dialects), TEST(session_keyring_is_new_unless_told),
	    TEST(namespaces_by_path_are_entered),  TEST_PREPARED(defaults_of_the_configuration),
	    TEST(all_settings_together),	   TEST(the_hook_is_dumpable),
	    TEST(settings_in_a_container),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
