/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One runner: starts it, connects to it, and cleans up after it. hookd creates and binds its
 * socket, so that hookd can connect before the runner has started; the socket stays in the
 * directory for the next hookd.
 */
#include "daemon/runner/link.h"

#include <assert.h>
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

#include "daemon/base/file.h"
#include "daemon/cgroup/cgroup.h"
#include "daemon/runner/offer.h"
#include "daemon/runner/remote.h"
#include "daemon/runner/runner.h"
#include "daemon/runner/runners_all.h"

#define END_WAIT_MS 5000
#define DYING_MS    100
#define KILL_MS	    1000
/* Above the descriptors that the runner gets, so that none overwrites another. */
#define FDS_ABOVE 16

/* The directory's path can be too long for a socket address; that of its descriptor is not. */
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
	const int yes = 1;

	if (fd < 0)
		return -errno;
	/* For the pid of the sender: SO_PEERCRED has that of the last process to call listen(2). */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return take_fd(&fd);
}

static bool is_runner(pid_t pid)
{
	char path[32], name[sizeof(RUNNER_NAME) + 1];

	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	return file_read_at(AT_FDCWD, path, name, sizeof(name)) > 0 &&
	       strcmp(name, RUNNER_NAME) == 0;
}

/*
 * A runner calls listen(2) on its socket, so that hookd knows its process even if it does not
 * answer. The pid is that of the runner if the connection is still open once its pidfd is.
 */
static void find_process(struct link *link, int connection)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	cleanup_close int pidfd = -1;

	if (link->pid > 0 || getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    peer.pid <= 0 || peer.pid == getpid())
		return;
	pidfd = pidfd_open(peer.pid, 0);
	if (pidfd < 0 || !is_runner(peer.pid) ||
	    poll(&(struct pollfd){.fd = connection, .events = POLLRDHUP}, 1, 0) != 0)
		return;
	link->pid = peer.pid;
	link->pidfd = take_fd(&pidfd);
}

int link_connect(struct link *link)
{
	struct runners *runners = link->runners;
	int fd = connect_to(runners->directory, link->number);
	int r = fd;

	assert(!link->channel);
	if (fd >= 0)
		r = channel_new(runners->base, fd, runners->events, link, &link->channel);
	if (r < 0) {
		close_fd(&fd);
		return r;
	}
	link->has_hello = link->is_synced = link->is_pinged = false;
	link->starts_before = link->starts_sent;
	counter_clear(&link->counter);
	find_process(link, fd);
	return 0;
}

int link_open_socket(const struct link *link)
{
	struct sockaddr_un address = address_of(link->runners->directory, link->number);
	int fd = open(address.sun_path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

struct link *link_new(struct runners *runners, unsigned int number)
{
	struct link *link = calloc(1, sizeof(*link));

	if (!link)
		return NULL;
	link->runners = runners;
	link->number = number;
	link->pidfd = link->cgroup_fd = link->offer_fd = -1;
	link->counter = COUNTER_NONE;
	TAILQ_INIT(&link->lists);
	TAILQ_INIT(&link->ended);
	return link;
}

/* ---- killing ---- */

static bool ends_within(const struct link *link, int ms)
{
	return link->pidfd >= 0 &&
	       poll(&(struct pollfd){.fd = link->pidfd, .events = POLLIN}, 1, ms) > 0;
}

bool link_is_dead(const struct link *link)
{
	return ends_within(link, 0);
}

void link_kill(const struct link *link)
{
	if (link->pidfd >= 0)
		(void)pidfd_send_signal(link->pidfd, SIGKILL, NULL, 0);
}

/*
 * The pid of a child that was not reaped is not used again. One that hangs in the kernel ends
 * later, without returning to its program.
 */
static void kill_runner(struct link *link)
{
	link_kill(link);
	if (link->child <= 0)
		return;
	(void)kill(link->child, SIGKILL);
	if (link->pidfd < 0 || ends_within(link, KILL_MS))
		(void)waitpid(link->child, NULL, 0);
	link->child = 0;
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
	if (r == 0 && listen(fd, RUNNER_BACKLOG) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

/* In the child: puts the descriptors at their numbers; the exec closes all others. */
static _Noreturn void become_runner(const int fds[static RUNNER_FD_COUNT], const char *socket,
				    const struct rlimit *nofile)
{
	static const char *const of_hookd[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
					       "LISTEN_FDS",	"LISTEN_PID",	 "LISTEN_FDNAMES"};
	char *arguments[] = {(char *)RUNNER_NAME, (char *)socket, NULL}; /* shown by ps(1) */
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

/* Starts the process of the link. -errno. */
static int spawn(struct link *link)
{
	const struct runners_options *options = &link->runners->options;
	char socket[PATH_MAX];
	cleanup_close int listener = make_listener(link->runners->directory, link->number);
	cleanup_close int null = listener < 0 ? -1 : open_null();
	int lock = options->cgroups ? cgroup_tree_lock(options->cgroups) : -1;
	const int fds[RUNNER_FD_COUNT] = {
	    [RUNNER_FD_LISTENER] = listener,
	    [RUNNER_FD_CGROUP] = link->cgroup_fd < 0 ? null : link->cgroup_fd,
	    [RUNNER_FD_LOCK] = lock < 0 ? null : lock,
	};
	pid_t child;

	if (listener < 0 || null < 0)
		return listener < 0 ? listener : null;
	snprintf(socket, sizeof(socket), "%s/runner-%u.sock", options->state, link->number);
	child = fork();
	if (child == 0)
		become_runner(fds, socket, &options->nofile);
	if (child < 0)
		return -errno;
	link->child = link->pid = child;
	link->pidfd = pidfd_open(child, 0);
	return 0;
}

int link_spawn(struct runners *runners, unsigned int number, struct link **ret_link)
{
	struct link *link = link_new(runners, number);
	char name[32];
	int r;

	if (!link)
		return -ENOMEM;
	snprintf(name, sizeof(name), "runner-%u", number);
	if (runners->options.cgroups)
		link->cgroup_fd = cgroup_tree_make_part(runners->options.cgroups, name);
	/* Without a directory for another reason it works without cgroups. */
	r = link->cgroup_fd == -EBUSY || link->cgroup_fd == -ESTALE ? link->cgroup_fd : spawn(link);
	if (r == 0)
		r = link_connect(link);
	if (r < 0) {
		kill_runner(link);
		link_free(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

int link_start_unit(struct runners *runners, unsigned int number, struct link **ret_link)
{
	cleanup_close int listener = make_listener(runners->directory, number);
	struct link *link = listener < 0 ? NULL : link_new(runners, number);
	int r = listener < 0 ? listener : -ENOMEM;

	if (!link)
		return r;
	r = link->offer_fd = offer_send(runners->options.socket, listener);
	link->is_unit = true;
	if (r >= 0)
		r = link_connect(link);
	if (r < 0)
		link_free(link);
	else
		*ret_link = link;
	return r;
}

void link_take_hello(struct link *link, struct message *message)
{
	const struct hello_body *hello = message->body;

	assert(!link->has_hello);
	link->has_hello = true;
	link->id = hello->id;
	if (link->pid != hello->pid)
		close_fd(&link->pidfd);
	link->pid = hello->pid;
	link->is_unit = hello->is_unit;
	if (link->pidfd < 0)
		link->pidfd = pidfd_open(link->pid, 0);
	if (link->cgroup_fd < 0 && message->fd_count > 0)
		link->cgroup_fd = take_fd(&message->fds[0]);
	close_fd(&link->offer_fd);
}

/* ---- the end ---- */

/* A runner whose HELLO was not received may be a unit, whose runs continue. */
bool link_ends_with_hookd(const struct link *link)
{
	bool may_be_unit = link->is_unit || (link->id == 0 && link->runners->options.socket);

	return !link->is_left && (link->child > 0 || !may_be_unit);
}

/* The kernel closes the files of a process that dies before its pidfd becomes readable. */
bool link_has_ended(const struct link *link)
{
	return ends_within(link, DYING_MS);
}

bool link_await_end(const struct link *link)
{
	return ends_within(link, END_WAIT_MS);
}

void link_clean_up(struct link *link, bool kills)
{
	char name[32];

	kill_runner(link);
	snprintf(name, sizeof(name), "runner-%u", link->number);
	if (link->cgroup_fd < 0)
		return;
	if (!link->is_unit)
		cgroup_part_remove(link->cgroup_fd, name, kills);
	else if (kills)
		cgroup_part_kill(link->cgroup_fd);
}

void link_unlink_socket(struct link *link)
{
	struct sockaddr_un address = address_of(link->runners->directory, link->number);

	(void)unlink(address.sun_path);
}

struct link *link_free(struct link *link)
{
	if (!link)
		return NULL;
	assert(TAILQ_EMPTY(&link->lists) && link->load == 0);
	while (!TAILQ_EMPTY(&link->ended))
		remote_free(TAILQ_FIRST(&link->ended));
	channel_free(link->channel);
	close_fd(&link->pidfd);
	close_fd(&link->cgroup_fd);
	close_fd(&link->offer_fd);
	counter_clear(&link->counter);
	free(link);
	return NULL;
}
