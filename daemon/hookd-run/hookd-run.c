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
#include <unistd.h>

#include "daemon/hookd-run/job.h"

/* What a path, or a right of the host's, is needed for; nothing of it is lost by entering. */
static void do_steps_outside(struct job *job)
{
	stay_undumpable();
	oom_score_set(job);
	rdt_join(job);
	if ((job->plan->flags & PLAN_ENTER) && !(job->plan->flags & PLAN_RESOLVE_INSIDE))
		program_open(job);
	namespaces_open(job);
	listener_connect(job);
	scheduler_set(job);
	rlimits_set(job);
}

/*
 * The filter comes last where it can: with no_new_privs. Without, installing it is a privilege, so
 * it comes before the capabilities are given up and must let capset(2) and prctl(2) through, as
 * with runc. Ids are changed before either, so a filter that forbids that does not matter.
 */
static void give_up_rights(const struct job *job)
{
	label_set(job);
	ids_set(job);
	parent_death_signal_set(job);
	if (job->settings.no_new_privileges) {
		no_new_privileges_set(job);
		capabilities_set(job);
		filter_install(job);
	} else {
		filter_install(job);
		capabilities_set(job);
	}
}

int main(int argc, char **argv)
{
	struct job job = {
	    .program = -1,
	    .listener_socket = -1,
	    .proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC),
	    .outer_pid = getpid(),
	};

	(void)argc, (void)argv;
	for (int fd = PLAN_FD_CONTROL; fd < PLAN_FD_COUNT; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	job_read(&job);
	do_steps_outside(&job);
	namespaces_enter(&job);
	deadline_scheduler_set(&job);
	directory_enter(&job);
	if (job.plan->flags & PLAN_SETTINGS) {
		keyring_join(&job);
		personality_set(&job);
		give_up_rights(&job);
	}
	program_execute(&job);
}
