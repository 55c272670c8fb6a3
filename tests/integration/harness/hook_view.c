/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verb `view` of the helper: prints attributes of the process, one in each line, as system
 * calls and /proc report them.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook_view.h"

/* Replaces white space by single blanks, so that tests can compare whole lines. */
static void view_lines(const char *path, const char *name)
{
	FILE *file = fopen(path, "re");
	int c, last = '\n';

	if (!file) {
		printf("%s errno %d\n", name, errno);
		return;
	}
	while ((c = getc(file)) != EOF) {
		c = c == '\t' ? ' ' : c;
		if (last == '\n')
			printf("%s ", name);
		if (c != ' ' || last != ' ')
			putchar(c);
		last = c;
	}
	if (last != '\n')
		putchar('\n');
	fclose(file);
}

static void view_scheduler(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} at = {0};
	uint64_t nodes[16] = {0};
	int mode = -1;

	syscall(SYS_sched_getattr, 0, &at, sizeof(at), 0);
	printf("scheduler policy %u nice %d priority %u flags %llu runtime %llu deadline %llu "
	       "period %llu\n",
	       at.policy, at.nice, at.priority, (unsigned long long)at.flags,
	       (unsigned long long)at.runtime, (unsigned long long)at.deadline,
	       (unsigned long long)at.period);
	printf("ioprio %ld\n", syscall(SYS_ioprio_get, 1, 0));
	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0) == 0)
		printf("mempolicy %d nodes %llx\n", mode, (unsigned long long)nodes[0]);
}

static void view_calls(void)
{
	int signal = 0;
	mode_t mask = umask(0);

	umask(mask);
	printf("umask %04o\n", mask);
	printf("personality %x\n", (unsigned int)personality(0xffffffff));
	prctl(PR_GET_PDEATHSIG, &signal);
	printf("pdeathsig %d\n", signal);
	printf("keyring %ld\n",
	       syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0));
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static void view_namespaces(void)
{
	static const char *const names[] = {"cgroup", "ipc",  "mnt",  "net",
					    "pid",    "time", "user", "uts"};
	char path[64], target[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		length = readlink(path, target, sizeof(target) - 1);
		if (length > 0)
			printf("ns %.*s\n", (int)length, target);
	}
}

void verb_view(char **words)
{
	(void)words;
	view_lines("/proc/self/status", "status");
	view_lines("/proc/self/limits", "limit");
	view_lines("/proc/self/oom_score_adj", "oom_score_adj");
	view_lines("/proc/self/cgroup", "cgroup");
	view_lines("/proc/self/attr/current", "label");
	view_scheduler();
	view_calls();
	view_namespaces();
	fflush(stdout);
}

/* Makes a system call, "NUMBER:ARG,ARG,...", and prints its result. */
void verb_syscall(char **words)
{
	unsigned long long a[6] = {0};
	long number = -1, result;

	sscanf(words[0], "%ld:%lli,%lli,%lli,%lli,%lli,%lli", &number, (long long *)&a[0],
	       (long long *)&a[1], (long long *)&a[2], (long long *)&a[3], (long long *)&a[4],
	       (long long *)&a[5]);
	errno = 0;
	result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	printf("syscall %ld %s %d\n", number, result < 0 ? "failed" : "worked",
	       result < 0 ? errno : 0);
	fflush(stdout);
}
