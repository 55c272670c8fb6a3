/* SPDX-License-Identifier: Apache-2.0 */
/* Makes packets of an input. No state. */
#include "tests/fuzz/steps.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "daemon/base/memfd.h"

#define FDS_MAX 8

union body {
	struct hello_body hello;
	struct configure_body configure;
	struct start_body start;
	struct pause_body pause;
	struct stop_body stop;
	struct started_body started;
	struct output_body output;
	struct finished_body finished;
	struct ended_body ended;
	uint8_t bytes[512];
};

struct packet {
	struct message_header header;
	union body body;
	char payload[70000];
	bool has_memfd;
	int fds[FDS_MAX];
	size_t fd_count;
};

uint8_t steps_byte(struct steps *steps)
{
	if (steps->size == 0)
		return 0;
	steps->size--;
	return *steps->data++;
}

static size_t take(struct steps *steps, void *to, size_t length)
{
	size_t taken = length < steps->size ? length : steps->size;

	memcpy(to, steps->data, taken);
	steps->data += taken;
	steps->size -= taken;
	return taken;
}

/* The payload gets PATH and as many instructions as the body says. */
static void fill_start(struct packet *packet, size_t length)
{
	struct start_body *start = &packet->body.start;
	size_t fds = packet->fd_count;

	memcpy(packet->payload + length, "/bin", 5);
	start->request_length = (uint32_t)length;
	start->path_length = 5;
	start->caller = fds > 0;
	start->container = fds > 1;
	start->has_rdt = fds > 2;
	start->has_rdt_mon = fds > 3;
	packet->header.payload_length = (uint32_t)length + 5;
}

static void fill_finished(struct finished_body *finished, size_t length, bool is_success)
{
	*finished = (struct finished_body){
	    .step_length = UINT32_MAX,
	    .detail_length = UINT32_MAX,
	    .output_length = {(uint32_t)length / 2, (uint32_t)(length - length / 2)},
	    .output_total = {length, length},
	    .outcome = HP_HOOK_EXITED,
	    .oom_killed = -1,
	    .success = is_success,
	};
}

/* A body in bounds; its size. */
static size_t fill_body(struct packet *packet, bool is_success)
{
	union body *body = &packet->body;
	size_t length = packet->header.payload_length;

	switch (packet->header.type) {
	case MESSAGE_HELLO:
		body->hello = (struct hello_body){.version = RUNNER_VERSION, .pid = getpid()};
		return sizeof(body->hello);
	case MESSAGE_CONFIGURE:
		return sizeof(body->configure);
	case MESSAGE_START:
		fill_start(packet, length);
		return sizeof(body->start);
	case MESSAGE_PAUSE:
		body->pause.is_paused = is_success;
		return sizeof(body->pause);
	case MESSAGE_STOP:
		return sizeof(body->stop);
	case MESSAGE_STARTED:
	case MESSAGE_MOVED:
		body->started.pid = 1;
		return sizeof(body->started);
	case MESSAGE_OUTPUT:
		body->output.stream = 1 + is_success;
		return sizeof(body->output);
	case MESSAGE_FINISHED:
		fill_finished(&body->finished, length, is_success);
		return sizeof(body->finished);
	case MESSAGE_ENDED:
		body->ended.is_cancelled = !is_success;
		return sizeof(body->ended);
	default:
		return 0;
	}
}

static void send_packet(int fd, struct packet *packet, size_t body_length, size_t payload_length)
{
	struct iovec iov[] = {{&packet->header, sizeof(packet->header)},
			      {&packet->body, body_length},
			      {packet->payload, packet->has_memfd ? 0 : payload_length}};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * (FDS_MAX + 1))];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
	size_t count = packet->fd_count;
	int fds[FDS_MAX + 1];

	memcpy(fds, packet->fds, sizeof(int) * count);
	if (packet->has_memfd) {
		memmove(fds + 1, fds, sizeof(int) * count++);
		fds[0] = memfd_sealed("fuzz", packet->payload, payload_length);
	}
	if (count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.align =
		    (struct cmsghdr){CMSG_LEN(sizeof(int) * count), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
	}
	(void)sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (packet->has_memfd)
		close(fds[0]);
}

static void send_raw(struct steps *steps, int fd)
{
	char bytes[256];
	size_t length = take(steps, bytes, steps_byte(steps));

	if (length > 0)
		(void)send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
}

void steps_send(struct steps *steps, uint8_t type, int fd)
{
	static const char *const runs[] = {"r0", "r1", "",
					   "a-name-of-47-bytes-which-is-the-longest-there-i"};
	static struct packet packet;
	uint8_t how, index, patches;
	size_t length, body_length;

	if (type == STEP_RAW) {
		send_raw(steps, fd);
		return;
	}
	how = steps_byte(steps);
	index = steps_byte(steps);
	length = steps_byte(steps);
	length |= (size_t)steps_byte(steps) << 8;
	patches = steps_byte(steps) % 8;
	memset(&packet, 0, sizeof(packet) - sizeof(packet.payload));
	packet.header = (struct message_header){.type = type, .index = index};
	strcpy(packet.header.run, runs[how & 3]);
	packet.has_memfd = how & 4;
	packet.fd_count = how >> 3 & 7;
	packet.header.payload_length = (uint32_t)(length < steps->size ? length : steps->size);
	body_length = fill_body(&packet, how & 128);
	packet.header.body_length = (uint32_t)body_length;
	for (; patches > 0; patches--) {
		size_t at = steps_byte(steps) | (size_t)steps_byte(steps) << 8;

		if (at < body_length)
			packet.body.bytes[at] = steps_byte(steps);
		else if (at - body_length < sizeof(packet.header))
			((uint8_t *)&packet.header)[at - body_length] = steps_byte(steps);
	}
	take(steps, packet.payload, length);
	length = packet.header.payload_length;
	if (length > sizeof(packet.payload))
		length = sizeof(packet.payload);
	/* As they are: short of a byte. */
	if (how & 64 && length > 0)
		length--;
	send_packet(fd, &packet, body_length, length);
}
