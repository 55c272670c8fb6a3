/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a hook with the modules of daemon/proc that every hook needs, and with bare system calls
 * instead of the event loop.
 */
#include "tests/bench/direct.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>

#include "daemon/proc/capture.h"
#include "daemon/proc/exit.h"
#include "daemon/proc/spawn.h"
#include "daemon/proc/stdin.h"

struct direct {
	const char *hook, *state;
	struct spawner *spawner;
	struct capture out[2];
	int cgroup, cgroup_events; /* -1: none */
	int epoll;
};

/* Opens cgroup.events too, which hookd reads after each hook to find processes left behind. */
static int open_cgroup(struct direct *direct, const char *path)
{
	direct->cgroup = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (direct->cgroup >= 0)
		direct->cgroup_events =
		    openat(direct->cgroup, "cgroup.events", O_RDONLY | O_CLOEXEC);
	return direct->cgroup_events < 0 ? -errno : 0;
}

int direct_new(const char *hook, const char *state, const char *cgroup, struct direct **ret_direct)
{
	struct direct *direct = calloc(1, sizeof(*direct));
	int r;

	if (!direct)
		return -ENOMEM;
	*direct = (struct direct){.hook = hook, .state = state, .cgroup = -1, .cgroup_events = -1};
	direct->epoll = epoll_create1(EPOLL_CLOEXEC);
	r = direct->epoll < 0 ? -errno : spawner_new(&direct->spawner);
	if (r == 0 && cgroup)
		r = open_cgroup(direct, cgroup);
	if (r < 0) {
		direct_free(direct);
		return r;
	}
	*ret_direct = direct;
	return 0;
}

struct direct *direct_free(struct direct *direct)
{
	if (!direct)
		return NULL;
	spawner_free(direct->spawner);
	close_fd(&direct->cgroup);
	close_fd(&direct->cgroup_events);
	close_fd(&direct->epoll);
	free(direct);
	return NULL;
}

static int start(struct direct *direct, struct spawn_child *child)
{
	char *const argv[] = {(char *)direct->hook, NULL};
	char *const envp[] = {(char *)"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	struct spawn_spec spec = {
	    .path = direct->hook,
	    .program = -1,
	    .argv = argv,
	    .envp = envp,
	    .fds = {-1, -1, -1},
	    .fd_count = 3,
	    .cgroup = direct->cgroup,
	};
	int r = spec.fds[0] = stdin_open(direct->state, strlen(direct->state));

	for (int i = 0; i < 2 && r >= 0; i++)
		r = capture_open(&direct->out[i], NULL, &spec.fds[1 + i]);
	if (r >= 0)
		r = spawner_start(direct->spawner, &spec, child);
	for (int i = 0; i < 3; i++)
		close_fd(&spec.fds[i]);
	return r;
}

static int wait_for_exit(struct direct *direct, struct spawn_child *child)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct process_exit exit = {0};

	if (epoll_ctl(direct->epoll, EPOLL_CTL_ADD, child->pidfd, &event) < 0 ||
	    epoll_wait(direct->epoll, &event, 1, -1) != 1 ||
	    epoll_ctl(direct->epoll, EPOLL_CTL_DEL, child->pidfd, &event) < 0)
		return -errno;
	if (!process_exit_take(child->pidfd, &exit) || exit.code != CLD_EXITED || exit.status != 0)
		return -ECHILD;
	spawner_settle(direct->spawner, child);
	return 0;
}

int direct_run(struct direct *direct)
{
	struct spawn_child child = {.pidfd = -1};
	char events[256];
	int r;

	direct->out[0].fd = direct->out[1].fd = -1;
	r = start(direct, &child);
	if (r == 0)
		r = wait_for_exit(direct, &child);
	for (int i = 0; i < 2; i++) {
		capture_drain(&direct->out[i]);
		capture_close(&direct->out[i]);
	}
	if (r == 0 && direct->cgroup_events >= 0 &&
	    pread(direct->cgroup_events, events, sizeof(events), 0) < 0)
		r = -errno;
	close_fd(&child.pidfd);
	return r;
}
