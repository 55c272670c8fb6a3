/* SPDX-License-Identifier: Apache-2.0 */
/* The same load on each CPU. */
#include "tests/bench/cpus.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

int cpus_count(void)
{
	cpu_set_t allowed;

	return sched_getaffinity(0, sizeof(allowed), &allowed) < 0 ? -errno : CPU_COUNT(&allowed);
}

static int child_main(int cpu, int (*function)(void *userdata), void *userdata)
{
	cpu_set_t one;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) < 0 || function(userdata) < 0;
}

int cpus_fork(struct cpu_children *children, int (*function)(void *userdata), void *userdata)
{
	cpu_set_t allowed;

	children->count = 0;
	if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		pid_t pid;

		if (!CPU_ISSET(cpu, &allowed))
			continue;
		pid = fork();
		if (pid < 0)
			return -errno;
		if (pid == 0)
			_exit(child_main(cpu, function, userdata));
		children->pids[children->count++] = pid;
	}
	return 0;
}
