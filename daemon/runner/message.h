/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "daemon/list/list.h"
#include "daemon/proc/spawn.h"

/*
 * What hookd and its runners say to each other, over a socket of type SOCK_SEQPACKET between two
 * processes of one machine and one user: structs in the machine's own byte order. Each message is a
 * header, a body of the type's size, and a payload of bytes; descriptors travel beside it.
 *
 *	to the runner          from the runner
 *	HELLO                  HELLO                  the version, first of all
 *	CONFIGURE
 *	                       OWNED .. SYNCED        after HELLO: the lists that it has, each with
 *	                                              what is known of it by then
 *	START                  STARTED, MOVED, OUTPUT, FINISHED, ENDED
 *	CANCEL, LISTEN, PAUSE                         LISTEN: what is kept of the running hook's
 *	                                              output comes first, each time
 *	ACKNOWLEDGE                                   an ended list can be forgotten
 *	STOP                                          no front comes back: end when nothing is left
 *
 * HELLO, OWNED, FINISHED, ENDED, CANCEL, ACKNOWLEDGE and STOP mean the same in every version, so
 * that a runner of another version can be emptied; so does SEVERAL, in which they may come. A
 * type's body never changes: what is new gets a new type, and a side that does not know it passes
 * over it.
 *
 * Neither side believes the other: a message that is out of bounds, or that does not fit to what
 * was said before, ends the connection.
 */
#ifndef RUNNER_VERSION /* a test has it built with another */
#define RUNNER_VERSION 1
#endif

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_CONFIGURE,
	MESSAGE_START,
	MESSAGE_CANCEL,
	MESSAGE_LISTEN,
	MESSAGE_PAUSE,
	MESSAGE_ACKNOWLEDGE,
	MESSAGE_STOP,
	MESSAGE_OWNED,
	MESSAGE_SYNCED,
	MESSAGE_STARTED,
	MESSAGE_MOVED,
	MESSAGE_OUTPUT,
	MESSAGE_FINISHED,
	MESSAGE_ENDED,
	MESSAGE_SEVERAL, /* its payload is messages, each at a multiple of MESSAGE_ALIGN */
	MESSAGE_TYPE_COUNT,
};

#define MESSAGE_RUN_SIZE 48 /* with its NUL */
#define MESSAGE_FDS_MAX	 6
#define MESSAGE_ALIGN	 8
/* A request with its settings' filter; a hook's whole output. */
#define MESSAGE_PAYLOAD_MAX (8u * 1024 * 1024)

struct message_header {
	uint32_t type;
	uint32_t body_length, payload_length;
	uint32_t index;		    /* of a hook in its list, where the type has one */
	char run[MESSAGE_RUN_SIZE]; /* "": of no run */
};

/* One message, borrowed from whoever sends it or has received it. */
struct message {
	struct message_header header;
	const void *body;
	const char *payload;
	int *fds; /* of a message that was received: what is taken is set to -1 */
	size_t fd_count;
	pid_t sender; /* of a message that was received; 0: the socket was not asked for it */
};

/* ---- bodies ---- */

/* A runner with cgroups sends the descriptor of the directory that they are in. */
struct hello_body {
	uint32_t version;
	uint32_t is_unit; /* it is a unit of the service manager, which kills what it leaves */
	int32_t pid;
	uint32_t unused;
	uint64_t id; /* random, not 0: another process has another one */
};

/* What holds for all lists that start from now on. */
struct configure_body {
	int32_t umask, nice;
	int32_t log_target, log_level;
	uint64_t pids_max, memory_max, cpu_quota_us;
	uint8_t has_pids_max, has_memory_max, has_cpu_quota;
	uint8_t unused[5];
};

/* The payload is the request, PATH and the filter's instructions. */
struct start_body {
	uint32_t request_length, path_length, filter_count;
	uint32_t first;
	uint64_t default_timeout_ns;
	int64_t waited_ns;
	uint32_t filter_flags;
	int32_t caller, container; /* pids; their pidfds come first in fds, in this order */
	int32_t failed_step, failed_errno;
	uint8_t any_owner, may_be_refused, is_listened_to, is_paused;
	uint8_t is_image_program, needs_listener, has_rdt, has_rdt_mon; /* then these */
	char failed_detail[SPAWN_DETAIL_SIZE];
};

struct pause_body {
	uint32_t is_paused;
	uint32_t unused;
};

struct stop_body {
	uint32_t is_at_once; /* lists that run are killed */
	uint32_t unused;
};

/* With the hook's pidfd, where its cgroup does not tell which processes are the hook's. */
struct started_body {
	int32_t pid;
	int32_t unused;
	int64_t started_us;
};

struct output_body {
	int32_t stream;
	uint32_t is_kept;
	uint64_t offset;
};

/* The payload is the texts and the two outputs, in this order; UINT32_MAX: there is none. */
struct finished_body {
	uint32_t step_length, detail_length, output_length[2], output_head[2];
	uint64_t output_total[2];
	int32_t outcome, exit_status, signal, oom_killed, failed_errno, pid;
	int64_t started_us, duration_us, user_us, system_us, max_rss_bytes;
	uint8_t success, lingering;
	uint8_t is_refusal; /* nothing was run: ENDED follows */
	uint8_t unused[5];
};

/* The payload is what was ignored. */
struct ended_body {
	uint32_t is_cancelled;
	uint32_t unused;
};

/*
 * What hookd sends to the service manager's socket for runners, with the listener that the runner
 * is to serve. It is the only message on that connection, and means the same in every version.
 */
#define RUNNER_OFFER_MAGIC 0x726b6f68
struct runner_offer {
	uint32_t magic;
	uint32_t version; /* of the hookd that sends it */
};

/*
 * Whether the type is known, the body is of its size, and lengths and strings are in bounds. 0,
 * -EBADMSG, or -ENOMSG: of a type that only a later version has.
 */
int message_check(const struct message *message) must_check;

/* A hook's result as a message; *ret_payload is the caller's to free. -ENOMEM. */
int message_from_result(const struct hp_hook_result *result, struct finished_body *ret_body,
			char **ret_payload, size_t *ret_length) must_check;
/* The same without texts and output, for which there is no memory. */
void message_from_outcome(const struct hp_hook_result *result, struct finished_body *ret_body);
/* Of a checked FINISHED: all is copied. path and error are left NULL. -ENOMEM, -EBADMSG. */
int message_to_result(const struct message *message, struct hp_hook_result *ret_result) must_check;
