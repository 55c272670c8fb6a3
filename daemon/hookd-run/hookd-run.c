/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main program of hookd-run. It does the steps that must not be done in a process that shares
 * hookd's memory, since they enter a container or change credentials. hookd executes it from a
 * sealed memfd.
 *
 * It is static, so that nothing of the container is loaded after setns(2), and not dumpable, so
 * that neither processes of the container nor those of the hook's user can trace it or open its
 * descriptors (CVE-2016-9962). It reads the message, does the steps in the order of main() and
 * executes the hook. It reports only failures or, if it has entered a pid namespace, the pid of the
 * process that continues as the hook.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

/* Steps that need paths of the runtime or capabilities in the initial user namespace. */
static void do_steps_outside(struct job *job)
{
	rdt_group_join(job);
	cgroups_join(job);
	program_check_owners(job, false);
	namespaces_enter_caller(job);
	namespaces_open(job);
	program_open(job);
	listener_connect(job);
	oom_score_of_container_set(job);
	scheduler_set(job);
	rlimits_find(job);
	rlimits_set(job);
}

/* From entering the container until no descriptor leads out of it. */
static void do_steps_of_entering(struct job *job)
{
	namespaces_enter(job);
	rights_find(job);
	label_set(job);
	descriptors_give_up(job);
}

/* With a new session keyring, since otherwise the hook could read hookd's. */
static void do_steps_of_process(struct job *job)
{
	directory_enter(job);
	keyring_join(job);
	personality_set(job);
	program_check_owners(job, true);
}

/*
 * With no_new_privs the filter is installed last. Without, seccomp(2) needs CAP_SYS_ADMIN, which is
 * dropped after it: then the filter must allow capset(2) and prctl(2), as with runc. Ids are
 * changed before in both cases, so the filter may forbid that. All other rights are dropped before
 * processes of the container can see this one (pid_namespace_continue()).
 */
static void give_up_rights(struct job *job)
{
	bool needs_admin = job->message->filter_count > 0 && !job->rights.no_new_privileges;

	ids_set(job);
	no_new_privileges_set(job);
	capabilities_set(job, needs_admin ? 1ull << CAP_SYS_ADMIN : 0);
	program_check_inside(job);
	pid_namespace_continue(job);
	sched_deadline_set(job, job->outer_pid);
	parent_death_signal_set(job);
	descriptor_limit_set(job);
	if (job->message->filter_count > 0)
		verdict_check(job, needs_admin && job->rights.has_capabilities);
	filter_install(job);
	if (needs_admin)
		capabilities_set(job, 0);
}

static ino_t mount_namespace(const struct job *job)
{
	struct stat st;

	if (fstatat(job->proc, "self/ns/mnt", &st, 0) < 0)
		step_fail(SPAWN_STEP_NAMESPACES, errno);
	return st.st_ino;
}

int main(int argc, char **argv)
{
	struct job job = {
	    .program = -1,
	    .listener_socket = -1,
	    .deadline_pipe = -1,
	    .container_root = -1,
	    .proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
	    .outer_pid = getpid(),
	};

	(void)argc, (void)argv;
	for (int fd = HELPER_FD_CONTROL; fd < HELPER_FD_COUNT; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	job_read(&job);
	wait_for_release(&job);
	oom_score_set(&job); /* before the next step, after which the file is root's */
	undumpable_set();
	job.mounts_of_hookd = mount_namespace(&job);
	do_steps_outside(&job);
	do_steps_of_entering(&job);
	do_steps_of_process(&job);
	give_up_rights(&job);
	program_execute(&job);
}
