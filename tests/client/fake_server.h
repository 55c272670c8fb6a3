/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * The server of a client under test: a thread with a real Unix socket that follows a list of steps,
 * byte for byte, and keeps the messages it receives. A step that does not happen fails the test
 * when the server is stopped.
 */

enum fake_type {
	FAKE_END = 0,
	FAKE_ACCEPT,	    /* a connection; closes the one before */
	FAKE_READ,	    /* one message, kept for fake_server_message() */
	FAKE_SEND,	    /* the text and a NUL */
	FAKE_SEND_BYTES,    /* the same, one byte at a time */
	FAKE_SEND_PART,	    /* the text alone */
	FAKE_SEND_FLOOD,    /* spaces, until the client disconnects */
	FAKE_EOF,	    /* wait until the client closes */
	FAKE_CLOSE,	    /* close the connection */
	FAKE_UNLISTEN,	    /* stop listening */
	FAKE_LISTEN,	    /* listen again, as uid `number` unless 0 */
	FAKE_WAIT_CONNECTS, /* until connect(2) was called `number` times in all */
	FAKE_ADVANCE,	    /* the clock, by `number` ms */
	FAKE_ANSWER_ALL,    /* one message per connection, until fake_server_shut() */
	FAKE_WAIT,	    /* until fake_server_go() */
};

struct fake_step {
	enum fake_type type;
	const char *text;
	unsigned int number;
};

struct fake_server;

/* The steps of a client that connects and closes, and sends nothing in between. */
extern const struct fake_step fake_no_message[];

/* `steps` ends with FAKE_END and lives as long as the server. Listens before it returns. */
struct fake_server *fake_server_start(const struct fake_step *steps);
/* The same at a path of at least this length. */
struct fake_server *fake_server_start_long(const struct fake_step *steps, size_t path_length);
/* The same with a socket that any user may connect to and that listens as `uid`; needs root. */
struct fake_server *fake_server_start_as(const struct fake_step *steps, uid_t uid);
/*
 * For most tests: a client connects, sends one message, gets this reply and closes, with nothing
 * sent in between. `reply` lives as long as the server.
 */
struct fake_server *fake_server_answer(const char *reply);
const char *fake_server_address(const struct fake_server *server);
const char *fake_server_path(const struct fake_server *server);
void fake_server_go(struct fake_server *server);
void fake_server_shut(struct fake_server *server);
/* Waits for the last step. Afterwards the messages can be read. */
void fake_server_join(struct fake_server *server);
const char *fake_server_message(const struct fake_server *server, size_t index);
void fake_server_free(struct fake_server *server);

/* The Run result that most tests answer with, and the whole reply around it. */
#define FAKE_HOOK(index, path)                                                                     \
	"{\"index\":" #index ",\"path\":\"" path "\",\"outcome\":\"exited\",\"success\":true,"     \
	"\"exitStatus\":0,\"stdoutBytes\":0,\"stdoutTruncated\":false,\"stderrBytes\":0,"          \
	"\"stderrTruncated\":false,\"lingering\":false}"
#define FAKE_FAILED_HOOK(index, path, status)                                                      \
	"{\"index\":" #index ",\"path\":\"" path "\",\"outcome\":\"exited\",\"success\":false,"    \
	"\"exitStatus\":" #status ",\"error\":\"exit status " #status "\",\"stdoutBytes\":0,"      \
	"\"stdoutTruncated\":false,\"stderr\":\"oh\\n\",\"stderrBytes\":3,"                        \
	"\"stderrTruncated\":false,\"lingering\":false}"
#define FAKE_RUN(run, outcome, more, hooks)                                                        \
	"{\"run\":\"" run                                                                          \
	"\",\"container\":\"c\",\"stage\":\"createRuntime\",\"outcome\":\"" outcome "\"," more     \
	"\"hooks\":[" hooks "],\"queuedUSec\":1,\"durationUSec\":20}"
#define FAKE_RESULT(run, outcome, more, hooks)                                                     \
	"{\"parameters\":{\"result\":" FAKE_RUN(run, outcome, more, hooks) "}}"
#define FAKE_SUCCESS FAKE_RESULT("r1", "succeeded", "", FAKE_HOOK(0, "/bin/true"))
