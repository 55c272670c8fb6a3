/* SPDX-License-Identifier: Apache-2.0 */

/* A scripted peer on a real socket; see fake_server.h. */

#include "tests/client/fake_server.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "proto/messages/messages.h"
#include "tests/client/calls.h"
#include "tests/client/client_test.h"

#define MESSAGES_MAX 16

const struct fake_step fake_no_message[] = {{FAKE_ACCEPT}, {FAKE_EOF}, {FAKE_END}};

struct fake_server {
	const struct fake_step *steps;
	struct fake_step answer[5]; /* the steps of fake_server_answer() */
	char directory[32];
	char *path, *address;
	int directory_fd, listen_fd, fd;
	sem_t go;
	pthread_t thread;
	char *messages[MESSAGES_MAX];
	size_t message_count;
	struct hp_inbox inbox;
	const struct fake_step *failed;
	int failed_errno;
};

/*
 * SO_PEERCRED of a client gives the ids of the thread that called listen(2). The raw system call
 * changes the ids of this thread alone; libc's function would change them for all threads.
 */
static int fake_listen_as(int fd, uid_t uid)
{
	uid_t own = geteuid();
	int r;

	if (uid == 0)
		return listen(fd, 8);
	if (syscall(SYS_setresuid, -1, uid, -1) < 0)
		return -1;
	r = listen(fd, 8);
	if (syscall(SYS_setresuid, -1, own, -1) < 0)
		return -1;
	return r;
}

static int fake_listen(struct fake_server *server, uid_t uid)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/s",
		       server->directory_fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fake_listen_as(fd, uid) < 0)
		return -1;
	server->listen_fd = fd;
	return 0;
}

static int fake_unlisten(struct fake_server *server)
{
	close(server->listen_fd);
	server->listen_fd = -1;
	return unlinkat(server->directory_fd, "s", 0);
}

static int fake_read(struct fake_server *server)
{
	const char *frame;
	size_t length, size;

	while (hp_inbox_next(&server->inbox, &frame, &length) == 0) {
		char *room = hp_inbox_reserve(&server->inbox, &size);
		ssize_t n = room ? read(server->fd, room, size) : -1;

		if (n <= 0)
			return -1;
		hp_inbox_commit(&server->inbox, (size_t)n);
	}
	if (server->message_count == MESSAGES_MAX)
		return -1;
	server->messages[server->message_count++] = strndup(frame, length);
	return 0;
}

static int fake_send(struct fake_server *server, const char *data, size_t length, size_t unit)
{
	while (length > 0) {
		size_t n = unit < length ? unit : length;

		if (send(server->fd, data, n, MSG_NOSIGNAL) != (ssize_t)n)
			return -1;
		data += n;
		length -= n;
	}
	return 0;
}

static int fake_flood(struct fake_server *server)
{
	char data[4096];

	memset(data, ' ', sizeof(data));
	while (fake_send(server, data, sizeof(data), sizeof(data)) == 0)
		continue;
	return 0;
}

static int fake_close(struct fake_server *server)
{
	int fd = server->fd;

	hp_inbox_free(&server->inbox);
	server->fd = -1;
	return close(fd);
}

static int fake_accept(struct fake_server *server)
{
	int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return -1;
	if (server->fd >= 0)
		(void)fake_close(server);
	server->fd = fd;
	return 0;
}

static int fake_expect_end(struct fake_server *server)
{
	char byte;

	return read(server->fd, &byte, 1) == 0 ? 0 : -1;
}

static int fake_answer_all(struct fake_server *server, const char *text)
{
	while (fake_accept(server) == 0) {
		/* A client that disconnects in the middle does not fail the test. */
		if (fake_read(server) == 0) {
			free(server->messages[--server->message_count]);
			(void)fake_send(server, text, strlen(text) + 1, SIZE_MAX);
			(void)fake_expect_end(server);
		}
		if (fake_close(server) < 0)
			return -1;
	}
	return 0;
}

static int fake_wait_connects(unsigned int count)
{
	while (atomic_load(&calls.connects) < count)
		sched_yield();
	return 0;
}

static int fake_do(struct fake_server *server, const struct fake_step *step)
{
	size_t length = step->text ? strlen(step->text) : 0;

	switch (step->type) {
	case FAKE_ACCEPT:
		return fake_accept(server);
	case FAKE_READ:
		return fake_read(server);
	case FAKE_SEND:
		return fake_send(server, step->text, length + 1, length + 1);
	case FAKE_SEND_BYTES:
		return fake_send(server, step->text, length + 1, 1);
	case FAKE_SEND_PART:
		return fake_send(server, step->text, length, length);
	case FAKE_SEND_FLOOD:
		return fake_flood(server);
	case FAKE_EOF:
		return fake_expect_end(server);
	case FAKE_CLOSE:
		return fake_close(server);
	case FAKE_UNLISTEN:
		return fake_unlisten(server);
	case FAKE_LISTEN:
		return fake_listen(server, step->number);
	case FAKE_WAIT_CONNECTS:
		return fake_wait_connects(step->number);
	case FAKE_ADVANCE:
		calls_advance_ms(step->number);
		return 0;
	case FAKE_ANSWER_ALL:
		return fake_answer_all(server, step->text);
	case FAKE_WAIT:
		return sem_wait(&server->go);
	case FAKE_END:
		break;
	}
	return -1;
}

static void *fake_main(void *userdata)
{
	struct fake_server *server = userdata;

	for (const struct fake_step *step = server->steps; step->type != FAKE_END; step++) {
		if (fake_do(server, step) < 0) {
			server->failed = step;
			server->failed_errno = errno;
			break;
		}
	}
	if (server->fd >= 0)
		(void)shutdown(server->fd, SHUT_RDWR);
	return NULL;
}

/* A deep directory, for a test whose path must not fit in sun_path. */
static void fake_make_path(struct fake_server *server, size_t path_length)
{
	char *path = NULL, *longer;

	(void)snprintf(server->directory, sizeof(server->directory), "/tmp/hookd-client-XXXXXX");
	assert_non_null(mkdtemp(server->directory));
	assert_true(asprintf(&path, "%s", server->directory) > 0);
	while (strlen(path) + 2 < path_length) {
		assert_true(asprintf(&longer, "%s/a-directory-with-a-name", path) > 0);
		free(path);
		path = longer;
		assert_int_equal(mkdir(path, 0700), 0);
	}
	server->directory_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(server->directory_fd >= 0);
	assert_true(asprintf(&server->path, "%s/s", path) > 0);
	assert_true(asprintf(&server->address, "unix:%s", server->path) > 0);
	free(path);
}

static struct fake_server *fake_new(void)
{
	struct fake_server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	return server;
}

static struct fake_server *fake_start(struct fake_server *server, const struct fake_step *steps,
				      size_t path_length, uid_t uid)
{
	server->steps = steps;
	server->fd = -1;
	fake_make_path(server, path_length);
	assert_int_equal(fake_listen(server, uid), 0);
	assert_int_equal(sem_init(&server->go, 0, 0), 0);
	calls_reset();
	assert_int_equal(pthread_create(&server->thread, NULL, fake_main, server), 0);
	return server;
}

struct fake_server *fake_server_start(const struct fake_step *steps)
{
	return fake_start(fake_new(), steps, 0, 0);
}

struct fake_server *fake_server_start_long(const struct fake_step *steps, size_t path_length)
{
	return fake_start(fake_new(), steps, path_length, 0);
}

struct fake_server *fake_server_start_as(const struct fake_step *steps, uid_t uid)
{
	struct fake_server *server = fake_start(fake_new(), steps, 0, uid);

	assert_int_equal(chmod(server->directory, 0711), 0);
	assert_int_equal(chmod(server->path, 0666), 0);
	return server;
}

struct fake_server *fake_server_answer(const char *reply)
{
	struct fake_server *server = fake_new();

	server->answer[0].type = FAKE_ACCEPT;
	server->answer[1].type = FAKE_READ;
	server->answer[2] = (struct fake_step){FAKE_SEND, reply};
	server->answer[3].type = FAKE_EOF;
	return fake_start(server, server->answer, 0, 0);
}

const char *fake_server_address(const struct fake_server *server)
{
	return server->address;
}

const char *fake_server_path(const struct fake_server *server)
{
	return server->path;
}

void fake_server_go(struct fake_server *server)
{
	(void)sem_post(&server->go);
}

void fake_server_shut(struct fake_server *server)
{
	(void)shutdown(server->listen_fd, SHUT_RDWR);
}

void fake_server_join(struct fake_server *server)
{
	assert_int_equal(pthread_join(server->thread, NULL), 0);
	if (server->failed)
		fail_msg("step %zu of the server: %s", (size_t)(server->failed - server->steps),
			 strerror(server->failed_errno));
}

const char *fake_server_message(const struct fake_server *server, size_t index)
{
	assert_true(index < server->message_count);
	return server->messages[index];
}

static void fake_remove_path(struct fake_server *server)
{
	(void)unlinkat(server->directory_fd, "s", 0);
	while (strlen(server->path) > strlen(server->directory)) {
		*strrchr(server->path, '/') = '\0';
		(void)rmdir(server->path);
	}
}

void fake_server_free(struct fake_server *server)
{
	for (size_t i = 0; i < server->message_count; i++)
		free(server->messages[i]);
	hp_inbox_free(&server->inbox);
	if (server->fd >= 0)
		(void)close(server->fd);
	if (server->listen_fd >= 0)
		(void)close(server->listen_fd);
	fake_remove_path(server);
	(void)close(server->directory_fd);
	(void)sem_destroy(&server->go);
	free(server->path);
	free(server->address);
	free(server);
}
