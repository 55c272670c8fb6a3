/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reaps children of hookd that have no owner in hookd. Owns a timer, and the list of the children
 * that have an owner.
 *
 * A handler of SIGCHLD would cost two system calls for each hook. Instead, once per second while
 * hookd has a child, waitid(2) is asked whether any has ended; only then all children are examined.
 *
 * A child is reaped if it had ended at the tick before already. One that has just ended may be the
 * process that continues as a hook: it has an owner only when the report of hookd-run was read.
 */
#include "daemon/proc/strays.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define TICK_S 1
/* Per tick, which then takes about 50 ms. The others are reaped at later ticks. */
#define ENDED_MAX 8192

static void on_tick(evutil_socket_t fd, short what, void *userdata);

int strays_init(struct strays *strays, struct event_base *base)
{
	*strays = (struct strays){.tick = event_new(base, -1, 0, on_tick, strays)};
	LIST_INIT(&strays->known);
	return strays->tick ? 0 : -ENOMEM;
}

void strays_clear(struct strays *strays)
{
	if (strays->tick)
		event_free(take_ptr(strays->tick));
	free(take_ptr(strays->ended));
	strays->ended_count = 0;
}

static void arm(struct strays *strays)
{
	strays->is_ticking = event_add(strays->tick, &(struct timeval){.tv_sec = TICK_S}) == 0;
}

void strays_know(struct strays *strays, struct known_child *child, const pid_t *pid)
{
	assert(!child->pid);
	child->pid = pid;
	LIST_INSERT_HEAD(&strays->known, child, link);
	if (!strays->is_ticking)
		arm(strays);
}

void strays_forget(struct known_child *child)
{
	if (!child->pid)
		return;
	LIST_REMOVE(child, link);
	child->pid = NULL;
}

/* ---- a tick ---- */

bool strays_knows(const struct strays *strays, pid_t pid)
{
	const struct known_child *child;

	LIST_FOREACH (child, &strays->known, link)
		if (*child->pid == pid)
			return true;
	return false;
}

static bool has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 &&
	       info.si_pid != 0;
}

/* The pid of a child that has ended; 0: none; -1: hookd has no child. */
static pid_t any_ended(void)
{
	siginfo_t info = {0};

	if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) < 0)
		return errno == ECHILD ? -1 : 0;
	return info.si_pid;
}

static int compare_pids(const void *left, const void *right)
{
	pid_t a = *(const pid_t *)left, b = *(const pid_t *)right;

	return (a > b) - (a < b);
}

/*
 * Fills the sorted pids of children that have ended. If the kernel has no `children` file
 * (CONFIG_PROC_CHILDREN), that is the one which waitid(2) returned. No child is reaped while the
 * file is read, since that would shift the entries.
 */
static size_t list_ended(pid_t ended[static ENDED_MAX])
{
	pid_t first = any_ended(), pid;
	FILE *file = first > 0 ? fopen("/proc/thread-self/children", "re") : NULL;
	size_t count = 0;

	if (first > 0)
		ended[count++] = first;
	while (file && count < ENDED_MAX && fscanf(file, "%d", &pid) == 1)
		if (pid != first && has_ended(pid))
			ended[count++] = pid;
	if (file)
		fclose(file);
	qsort(ended, count, sizeof(*ended), compare_pids);
	return count;
}

static bool had_ended(const struct strays *strays, pid_t pid)
{
	return strays->ended_count > 0 &&
	       bsearch(&pid, strays->ended, strays->ended_count, sizeof(pid), compare_pids) != NULL;
}

static bool is_stray(const struct strays *strays, pid_t pid)
{
	return had_ended(strays, pid) && !strays_knows(strays, pid);
}

/* Reaps strays, and remembers the children that have ended. Without memory, the next tick does. */
static void reap_ended(struct strays *strays)
{
	pid_t *ended = malloc(ENDED_MAX * sizeof(*ended));
	size_t count, waited = 0;

	if (!ended)
		return;
	count = list_ended(ended);
	for (size_t i = 0; i < count; i++)
		if (is_stray(strays, ended[i]) &&
		    waitid(P_PID, (id_t)ended[i], NULL, WEXITED | WNOHANG | __WALL) == 0)
			waited++;
	/* Adds those that the full list had no room for: they have ended by this tick, too. */
	if (waited > 0)
		count = list_ended(ended);
	free(strays->ended);
	strays->ended = ended;
	strays->ended_count = count;
}

static void on_tick(evutil_socket_t fd, short what, void *userdata)
{
	struct strays *strays = userdata;
	pid_t first = any_ended();

	(void)fd, (void)what;
	strays->is_ticking = false;
	if (first >= 0)
		arm(strays);
	if (first > 0) {
		reap_ended(strays);
	} else {
		free(take_ptr(strays->ended));
		strays->ended_count = 0;
	}
}
