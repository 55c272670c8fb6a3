/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One runner: how it is started, connected to and buried. Its socket is made and bound by hookd, so
 * that hookd can connect before the runner is there, and stays in the directory for the next hookd.
 */
#include "daemon/runner/link.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "daemon/runner/offer.h"
#include "daemon/runner/runner.h"

#define BACKLOG	    8
#define END_WAIT_MS 5000
/* Above the descriptors that the runner gets, so that none overwrites another. */
#define FDS_ABOVE 16

/* A directory's path can be too long for a socket's address; its descriptor's is not. */
static struct sockaddr_un address_of(int directory, unsigned int number)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/runner-%u.sock",
		 directory, number);
	return address;
}

static int connect_to(int directory, unsigned int number)
{
	struct sockaddr_un address = address_of(directory, number);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

int link_reconnect(struct link *link, int directory, const struct channel_events *events,
		   struct event_base *base)
{
	int fd = connect_to(directory, link->number);
	int r = fd;

	if (fd >= 0)
		r = channel_new(base, fd, events, link, &link->channel);
	if (r < 0)
		close_fd(&fd);
	else
		link->is_synced = false;
	return r;
}

int link_connect(struct runners *runners, int directory, unsigned int number,
		 const struct channel_events *events, struct event_base *base,
		 struct link **ret_link)
{
	struct link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->runners = runners;
	link->number = number;
	link->pidfd = link->cgroup_fd = link->offer_fd = -1;
	TAILQ_INIT(&link->lists);
	r = link_reconnect(link, directory, events, base);
	if (r < 0)
		free(link);
	else
		*ret_link = link;
	return r;
}

/* ---- starting ---- */

static int make_listener(int directory, unsigned int number)
{
	struct sockaddr_un address = address_of(directory, number);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mode_t mode;
	int r;

	if (fd < 0)
		return -errno;
	(void)unlink(address.sun_path);
	mode = umask(0177);
	r = bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mode);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

/* In the child: the descriptors at their numbers, everything else closed by the exec. */
static _Noreturn void become_runner(const int fds[static RUNNER_FD_COUNT], const char *socket,
				    const struct rlimit *nofile)
{
	static const char *const of_hookd[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
					       "LISTEN_FDS",	"LISTEN_PID",	 "LISTEN_FDNAMES"};
	char *arguments[] = {(char *)RUNNER_NAME, (char *)socket, NULL}; /* as ps(1) shows it */
	int above[RUNNER_FD_COUNT];

	for (int i = RUNNER_FD_LISTENER; i < RUNNER_FD_COUNT; i++)
		above[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FDS_ABOVE);
	for (int i = RUNNER_FD_LISTENER; i < RUNNER_FD_COUNT; i++)
		if (above[i] < 0 || dup2(above[i], i) < 0)
			_exit(127);
	for (size_t i = 0; i < ELEMENTS(of_hookd); i++)
		(void)unsetenv(of_hookd[i]);
	(void)setrlimit(RLIMIT_NOFILE, nofile);
	(void)setsid();
	(void)execve("/proc/self/exe", arguments, environ);
	_exit(127);
}

static int open_null(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int link_spawn(int directory, const struct runners_options *options, unsigned int number,
	       pid_t *ret_child)
{
	struct cgroup_tree *cgroups = options->cgroups;
	char socket[PATH_MAX];
	cleanup_close int listener = make_listener(directory, number);
	cleanup_close int null = listener < 0 ? -1 : open_null();
	cleanup_close int cgroup = -1;
	int fds[RUNNER_FD_COUNT] = {
	    [RUNNER_FD_LISTENER] = listener,
	    [RUNNER_FD_CGROUP] = null,
	    [RUNNER_FD_LOCK] = null,
	};
	char name[32];
	pid_t child;

	if (listener < 0 || null < 0)
		return listener < 0 ? listener : null;
	snprintf(name, sizeof(name), "runner-%u", number);
	if (cgroups) {
		cgroup = cgroup_tree_make_part(cgroups, name);
		if (cgroup >= 0)
			fds[RUNNER_FD_CGROUP] = cgroup;
		if (cgroup_tree_lock(cgroups) >= 0)
			fds[RUNNER_FD_LOCK] = cgroup_tree_lock(cgroups);
	}
	snprintf(socket, sizeof(socket), "%s/runner-%u.sock", options->state, number);
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_runner(fds, socket, &options->nofile);
	*ret_child = child;
	return 0;
}

int link_summon(int directory, const struct runners_options *options, unsigned int number)
{
	cleanup_close int listener = make_listener(directory, number);

	return listener < 0 ? listener : offer_send(options->socket, listener);
}

void link_greeted(struct link *link, struct message *message)
{
	const struct hello_body *hello = message->body;

	link->pid = hello->pid;
	link->is_unit = hello->is_unit;
	if (link->pidfd < 0)
		link->pidfd = pidfd_open(link->pid, 0);
	if (link->cgroup_fd < 0 && message->fd_count > 0)
		link->cgroup_fd = take_fd(&message->fds[0]);
	close_fd(&link->offer_fd);
}

/* ---- the end ---- */

/* One that has not said what it is may be a unit; then it has runs that go on. */
bool link_ends_with_hookd(const struct link *link, const struct runners_options *options)
{
	bool may_be_unit = link->is_unit || (link->pid == 0 && options->socket);

	return link->child > 0 || !may_be_unit;
}

void link_await_end(struct link *link)
{
	if (link->pidfd >= 0)
		(void)poll(&(struct pollfd){.fd = link->pidfd, .events = POLLIN}, 1, END_WAIT_MS);
}

void link_bury(struct link *link, int directory)
{
	struct sockaddr_un address = address_of(directory, link->number);
	char name[32];

	(void)unlink(address.sun_path);
	if (link->pidfd >= 0)
		(void)pidfd_send_signal(link->pidfd, SIGKILL, NULL, 0);
	if (link->child > 0)
		(void)waitpid(link->child, NULL, 0);
	link->child = 0;
	if (link->cgroup_fd < 0)
		return;
	/* The service manager removes those of a unit. Before its runs are called lost they end. */
	cgroup_part_kill(link->cgroup_fd);
	snprintf(name, sizeof(name), "runner-%u", link->number);
	if (!link->is_unit)
		cgroup_part_remove(link->cgroup_fd, name);
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	channel_free(link->channel);
	close_fd(&link->pidfd);
	close_fd(&link->cgroup_fd);
	close_fd(&link->offer_fd);
	free(link);
	return NULL;
}
