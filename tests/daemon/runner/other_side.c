/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a channel, and messages in bounds. */
#include "tests/daemon/runner/other_side.h"

#include <fcntl.h>
#include <sys/socket.h>

static const char letters[MESSAGE_TYPE_COUNT] = {
    [MESSAGE_HELLO] = 'h',	 [MESSAGE_CONFIGURE] = 'c', [MESSAGE_START] = 's',
    [MESSAGE_CANCEL] = 'k',	 [MESSAGE_LISTEN] = 'l',    [MESSAGE_PAUSE] = 'p',
    [MESSAGE_ACKNOWLEDGE] = 'a', [MESSAGE_STOP] = 't',	    [MESSAGE_OWNED] = 'O',
    [MESSAGE_SYNCED] = 'Y',	 [MESSAGE_STARTED] = 'S',   [MESSAGE_MOVED] = 'M',
    [MESSAGE_OUTPUT] = 'T',	 [MESSAGE_FINISHED] = 'F',  [MESSAGE_ENDED] = 'E',
    [MESSAGE_PING] = 'i',	 [MESSAGE_PONG] = 'I',	    [MESSAGE_SOCKET] = 'f',
    [MESSAGE_COUNTER] = 'n',
};

static bool has_index(uint32_t type)
{
	return type == MESSAGE_STARTED || type == MESSAGE_MOVED || type == MESSAGE_OUTPUT ||
	       type == MESSAGE_FINISHED || type == MESSAGE_OWNED;
}

static int on_message(struct channel *channel, struct message *message, void *userdata)
{
	struct other_side *other = userdata;
	const struct message_header *header = &message->header;
	size_t length = strlen(other->received);
	char index[16] = "";

	(void)channel;
	if (has_index(header->type))
		snprintf(index, sizeof(index), "%u", header->index);
	snprintf(other->received + length, sizeof(other->received) - length, "%s%c%s",
		 length > 0 ? " " : "", letters[header->type], index);
	other->counts[header->type]++;
	other->payload_bytes += header->payload_length;
	if (header->type == MESSAGE_FINISHED)
		memcpy(&other->finished, message->body, sizeof(other->finished));
	return 0;
}

static void on_closed(struct channel *channel, int r, void *userdata)
{
	struct other_side *other = userdata;

	other->closed++;
	other->error = r;
	other->channel = channel_free(channel);
	close_fd(&other->raw);
}

void other_side_open(struct other_side *other, struct event_base *base, int fd)
{
	static const struct channel_events events = {.message = on_message, .closed = on_closed};

	*other = (struct other_side){.base = base, .raw = fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	assert_true(other->raw >= 0);
	assert_int_equal(channel_new(base, fd, &events, other, &other->channel), 0);
}

void other_side_close(struct other_side *other)
{
	other->channel = channel_free(other->channel);
	close_fd(&other->raw);
}

void other_side_forget(struct other_side *other)
{
	memset(other->received, 0, sizeof(other->received));
	memset(other->counts, 0, sizeof(other->counts));
	other->payload_bytes = 0;
}

void other_side_send(struct other_side *other, const struct message *message, int payload_fd)
{
	size_t payload_length = payload_fd < 0 ? message->header.payload_length : 0;
	struct iovec iov[] = {
	    {(void *)&message->header, sizeof(message->header)},
	    {(void *)message->body, message->header.body_length},
	    {(void *)message->payload, payload_length},
	};
	union {
		char bytes[CMSG_SPACE(sizeof(int) * 64)];
		struct cmsghdr align;
	} control = {0};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};
	size_t count = message->fd_count + (payload_fd >= 0);
	int *fds = (int *)(void *)CMSG_DATA(&control.align);

	if (count > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		control.align =
		    (struct cmsghdr){CMSG_LEN(sizeof(int) * count), SOL_SOCKET, SCM_RIGHTS};
		if (payload_fd >= 0)
			*fds++ = payload_fd;
		if (message->fd_count > 0)
			memcpy(fds, message->fds, sizeof(int) * message->fd_count);
	}
	assert_true(sendmsg(other->raw, &msg, MSG_NOSIGNAL) >= 0);
}

void make_pair(int fds[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
}

/* ---- messages ---- */

struct message started_message(size_t index)
{
	static const struct started_body body = {.pid = 77, .started_us = 1};

	return message_make(MESSAGE_STARTED, "r", index, &body, sizeof(body), NULL, 0);
}

struct message finished_message(size_t index)
{
	static const struct finished_body body = {
	    .step_length = UINT32_MAX,
	    .detail_length = UINT32_MAX,
	    .outcome = HP_HOOK_EXITED,
	    .oom_killed = -1,
	    .pid = 77,
	    .success = true,
	};

	return message_make(MESSAGE_FINISHED, "r", index, &body, sizeof(body), NULL, 0);
}

struct message refusal_message(size_t index, int error)
{
	static struct finished_body body;

	body = (struct finished_body){
	    .step_length = UINT32_MAX,
	    .detail_length = UINT32_MAX,
	    .outcome = HP_HOOK_SPAWN_FAILED,
	    .oom_killed = -1,
	    .failed_errno = error,
	    .is_refusal = true,
	};
	return message_make(MESSAGE_FINISHED, "r", index, &body, sizeof(body), NULL, 0);
}

struct message ended_message(bool is_cancelled)
{
	static struct ended_body body;

	body = (struct ended_body){.is_cancelled = is_cancelled};
	return message_make(MESSAGE_ENDED, "r", 0, &body, sizeof(body), NULL, 0);
}

struct message plain_message(enum message_type type)
{
	return message_make(type, "r", 0, NULL, 0, NULL, 0);
}

struct message start_message(const char *run, size_t hook_count, size_t state_length,
			     struct start_body *body)
{
	static const char path[] = "/bin:/usr/bin";
	char *state = calloc(1, state_length + 1), *text, *hooks = calloc(hook_count + 1, 16);
	int length;

	assert_true(state && hooks);
	memset(state, 'x', state_length);
	for (size_t i = 0; i < hook_count; i++)
		strcpy(hooks + strlen(hooks), i > 0 ? ",{\"path\":\"/h\"}" : "{\"path\":\"/h\"}");
	length = asprintf(
	    &text,
	    "{\"stage\":\"createRuntime\",\"state\":{\"ociVersion\":"
	    "\"1.0.2\",\"id\":\"c\",\"status\":\"creating\",\"bundle\":\"/b\",\"annotations\":"
	    "{\"a\":\"%s\"}},\"hooks\":{\"createRuntime\":[%s]}}%s",
	    state, hooks, path);
	free(state);
	free(hooks);
	assert_true(length > 0);
	*body = (struct start_body){.request_length = (uint32_t)length - (sizeof(path) - 1),
				    .path_length = sizeof(path)};
	return message_make(MESSAGE_START, run, 0, body, sizeof(*body), text, (size_t)length + 1);
}
