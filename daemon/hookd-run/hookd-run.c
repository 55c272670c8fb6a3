/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hookd-run: the steps between hookd and a hook that must not be done in a process that shares
 * hookd's memory, because they cross into a container or change what the process may. hookd
 * executes it from a sealed memfd.
 *
 * Static, so that after setns(2) nothing of the container is loaded; not dumpable, so that neither
 * the container's processes nor those of the hook's user can trace it or look through its
 * descriptors (CVE-2016-9962). It reads the plan, does the steps in the order of main() below and
 * becomes the hook by exec. It reports only failures, or the pid of the process that goes on in its
 * place where a pid namespace was entered.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

/*
 * What a path of the runtime's, or a right of the host's, is needed for; nothing of it is lost by
 * entering.
 */
static void do_steps_outside(struct job *job)
{
	rdt_groups_join(job);
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

/* From the moment when a container is entered to that when nothing leads out of it any more. */
static void do_steps_of_entering(struct job *job)
{
	namespaces_enter(job);
	rights_find(job);
	label_set(job);
	descriptors_give_up(job);
}

/* A session keyring is inherited, and hookd's is not for a container to read. */
static void do_steps_of_process(struct job *job)
{
	directory_enter(job);
	keyring_join(job);
	personality_set(job);
	program_check_owners(job, true);
}

/*
 * The filter comes last where it can: with no_new_privs. Without, installing it is a privilege, so
 * the one capability that it takes is given up after it, and it must let capset(2) and prctl(2)
 * through, as with runc. Ids are changed before either, so a filter that forbids that does not
 * matter. All that the hook is not to have is gone before a process of the container can see it.
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
	oom_score_set(&job); /* before the next, by which the file becomes root's */
	undumpable_set();
	job.mounts_of_hookd = mount_namespace(&job);
	do_steps_outside(&job);
	do_steps_of_entering(&job);
	do_steps_of_process(&job);
	give_up_rights(&job);
	program_execute(&job);
}
