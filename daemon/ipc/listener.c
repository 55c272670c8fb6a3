/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accepts connections. On EMFILE, ENFILE or ENOMEM accepting is paused (struct retry), shortly at
 * first: who waits in the queue may have given up, and then its descriptor is free again at once.
 *
 *	LISTENING --accept4(2) fails--> PAUSED --struct retry--> LISTENING
 *
 * The socket's event is edge-triggered: it does not wake the event loop all the time while nothing
 * can be accepted. So it is never removed, and to add it again cannot fail. An edge means that
 * there may be connections until accept4(2) has returned EAGAIN, hence the tick for the rest.
 */
#include "daemon/ipc/listener.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "daemon/base/log.h"
#include "daemon/base/loop.h"
#include "daemon/policy/peer.h"

#define LOG_EVERY_NS (60 * NS_PER_S)
#define BACKLOG	     512
#define DEAD_WAIT_MS 500
#define DEAD_TRIES   20
/* Per wake-up, so that many new clients do not hold up those that are connected. */
#define ACCEPTS_PER_WAKEUP 16

struct listener {
	struct event *readable;
	struct retry retry;
	bool is_paused;
	int fd;
	int logged_error; /* the last one; 0: none yet */
	int64_t logged_ns;
	listener_fn on_connection;
	void *userdata;
};

static void on_readable(evutil_socket_t fd, short what, void *userdata);
static void on_tick(evutil_socket_t fd, short what, void *userdata);

static bool is_listening(int fd)
{
	int value = 0;
	socklen_t length = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) == 0 && value;
}

int listener_new(struct event_base *base, int fd, listener_fn on_connection, void *userdata,
		 struct listener **ret_listener)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener) {
		close(fd);
		return -ENOMEM;
	}
	r = peer_listen(fd);
	if (r < 0) {
		free(listener);
		close(fd);
		return r;
	}
	*listener =
	    (struct listener){.fd = -1, .on_connection = on_connection, .userdata = userdata};
	if (!is_listening(fd)) {
		on_connection(fd, userdata);
		*ret_listener = listener;
		return 0;
	}
	listener->readable =
	    event_new(base, fd, EV_READ | EV_ET | EV_PERSIST, on_readable, listener);
	listener->fd = fd;
	r = tick_new(base, on_tick, listener, &listener->retry.tick);
	if (r < 0 || !listener->readable || event_add(listener->readable, NULL) < 0) {
		listener_free(listener);
		return -ENOMEM;
	}
	*ret_listener = listener;
	return 0;
}

struct listener *listener_free(struct listener *listener)
{
	if (!listener)
		return NULL;
	if (listener->readable)
		event_free(listener->readable);
	if (listener->retry.tick)
		event_free(listener->retry.tick);
	close_fd(&listener->fd);
	free(listener);
	return NULL;
}

/* Logs the same error once per minute: it may last, and accepting is tried again often. */
static void log_failure(struct listener *listener, int error)
{
	int64_t now_ns = clock_ns(CLOCK_BOOTTIME);

	if (error == listener->logged_error && now_ns - listener->logged_ns < LOG_EVERY_NS)
		return;
	listener->logged_error = error;
	listener->logged_ns = now_ns;
	log_warning("cannot accept a connection, trying again: %s", strerror(error));
}

static void pause_accepting(struct listener *listener, int error)
{
	log_failure(listener, error);
	listener->is_paused = true;
	retry_later(&listener->retry);
}

static void accept_some(struct listener *listener)
{
	for (int i = 0; i < ACCEPTS_PER_WAKEUP; i++) {
		int connection = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (connection >= 0) {
			retry_succeeded(&listener->retry);
			listener->on_connection(connection, listener->userdata);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN)
			pause_accepting(listener, errno);
		return;
	}
	tick_set(listener->retry.tick, 0);
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct listener *listener = userdata;

	(void)fd, (void)what;
	if (!listener->is_paused)
		accept_some(listener);
}

static void on_tick(evutil_socket_t fd, short what, void *userdata)
{
	struct listener *listener = userdata;

	(void)fd, (void)what;
	tick_rest(listener->retry.tick);
	listener->is_paused = false;
	accept_some(listener);
}

/* ---- a socket of our own ---- */

/* Unlinks a socket that no process has open. -EBUSY: one has. -EADDRINUSE: it is no socket. */
static int try_to_remove(const struct sockaddr_un *address)
{
	cleanup_close int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (probe < 0)
		return -errno;
	if (connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return -EBUSY;
	if (errno != ECONNREFUSED || lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	return unlink(address->sun_path) < 0 ? -errno : 0;
}

/* For some time, since a child of a hookd that was killed has it open until it is executed. */
static int remove_dead_socket(const struct sockaddr_un *address, bool waits)
{
	const struct timespec pause = {.tv_nsec = DEAD_WAIT_MS * 1000000 / DEAD_TRIES};
	int r = try_to_remove(address);

	for (int i = 0; waits && i < DEAD_TRIES && r == -EBUSY; i++) {
		(void)nanosleep(&pause, NULL);
		r = try_to_remove(address);
	}
	return r == -EBUSY ? -EADDRINUSE : r;
}

static int bind_privately(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177); /* so that the socket never exists with a wider mode */
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ? -errno : 0;

	umask(before);
	return r;
}

int listener_bind(const char *path, bool waits, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	r = peer_listen(fd);
	if (r == 0)
		r = bind_privately(fd, &address);
	if (r == -EADDRINUSE && (r = remove_dead_socket(&address, waits)) == 0)
		r = bind_privately(fd, &address);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r == 0)
		*ret_fd = take_fd(&fd);
	return r;
}

void listener_describe(int fd, char ret_text[static LISTENER_TEXT_SIZE])
{
	struct sockaddr_un address = {0};
	socklen_t length = sizeof(address);

	ret_text[0] = '\0';
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0 ||
	    address.sun_family != AF_UNIX || address.sun_path[0] == '\0')
		return;
	snprintf(ret_text, LISTENER_TEXT_SIZE, "unix:%.*s", (int)sizeof(address.sun_path),
		 address.sun_path);
}
