/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "daemon/list/list.h"
#include "daemon/proc/spawn.h"

/*
 * The messages between hookd and its runners, over a socket of type SOCK_SEQPACKET between two
 * processes of one machine and one user: structs in the machine's own byte order. Each message is a
 * header, a body of the type's size, and a payload of bytes; some have descriptors (SCM_RIGHTS).
 *
 * The front of a runner is the hookd process that is connected to it: at most one at a time.
 *
 *	to the runner          from the runner
 *	HELLO                  HELLO                  the version; the first message
 *	                       COUNTER                a descriptor (counter.h)
 *	CONFIGURE
 *	SOCKET                                        a descriptor of its socket's file
 *	                       OWNED .. SYNCED        after HELLO: all lists of the runner, each
 *	                                              with its events until now
 *	START                  STARTED, MOVED, OUTPUT, FINISHED, ENDED
 *	CANCEL, LISTEN, PAUSE                         LISTEN: the kept output of the running hook
 *	                                              is sent first, after each LISTEN
 *	RECALL                                        the kept output, once
 *	ACKNOWLEDGE                                   an ended list can be freed
 *	STOP                                          no front will connect again: exit when no
 *	                                              list is left
 *	                       DIRECTORY              a descriptor, which replaces that of HELLO:
 *	                                              the directory of the cgroups was made again
 *	PING                   PONG                   whether its event loop goes on
 *
 * HELLO, OWNED, FINISHED, ENDED, CANCEL, ACKNOWLEDGE and STOP mean the same in every version, so
 * that the lists of a runner of another version can end; so does SEVERAL, which may contain them.
 * The body of a type never changes: a new feature gets a new type, and a side that does not know
 * the type ignores the message.
 *
 * Neither side trusts the other: a message that is out of bounds, or that contradicts earlier ones,
 * ends the connection.
 */
#ifndef RUNNER_VERSION /* a test has it built with another */
#define RUNNER_VERSION 2
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
	MESSAGE_PING,
	MESSAGE_PONG,
	MESSAGE_SOCKET,
	MESSAGE_COUNTER,
	MESSAGE_RECALL,
	MESSAGE_DIRECTORY,
	MESSAGE_TYPE_COUNT,
};

#define MESSAGE_RUN_SIZE 48 /* with its NUL */
#define MESSAGE_FDS_MAX	 6
#define MESSAGE_ALIGN	 8
/* Enough for a request with its seccomp filter, and for the kept output of a hook. */
#define MESSAGE_PAYLOAD_MAX (8u * 1024 * 1024)

struct message_header {
	uint32_t type;
	uint32_t body_length, payload_length;
	uint32_t index;		    /* of a hook in its list, if the type has one */
	char run[MESSAGE_RUN_SIZE]; /* id; "": the message belongs to no run */
};

/* One message; all pointers are borrowed. */
struct message {
	struct message_header header;
	const void *body;
	const char *payload;
	int *fds; /* of a received message: -1 once taken over */
	size_t fd_count;
	pid_t sender; /* of a received message, with SO_PASSCRED; else 0 */
};

/* ---- bodies ---- */

/* A runner with cgroups adds a descriptor of their parent directory. */
struct hello_body {
	uint32_t version;
	uint32_t is_unit; /* of the service manager, which kills what is left when it ends */
	int32_t pid;
	uint32_t unused;
	uint64_t id; /* random, not 0, of this process */
};

/* Settings of all lists that start from now on. */
struct configure_body {
	int32_t umask, nice;
	int32_t log_target, log_level;
	uint64_t pids_max, memory_max, cpu_quota_us;
	uint8_t has_pids_max, has_memory_max, has_cpu_quota;
	uint8_t unused[5];
};

/* The payload is the request, PATH with its NUL, and the filter's instructions. */
struct start_body {
	uint32_t request_length, path_length, filter_count;
	uint32_t first;
	uint64_t default_timeout_ns;
	int64_t waited_ns;
	uint32_t filter_flags;
	int32_t caller,
	    container; /* pids, 0: none; their pidfds are the first in fds, in this order */
	int32_t failed_step, failed_errno;
	uint8_t any_owner, may_be_refused, is_listened_to, is_paused;
	uint8_t is_image_program, needs_listener, has_rdt, has_rdt_mon; /* rdt*: the next fds */
	char failed_detail[SPAWN_DETAIL_SIZE];
};

struct pause_body {
	uint32_t is_paused;
	uint32_t unused;
};

struct stop_body {
	uint32_t is_at_once; /* running lists are killed */
	uint32_t unused;
};

/* With the hook's pidfd if its processes cannot be found by a cgroup of the runner. */
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

/* The payload is the texts and the two outputs, in this order. Length UINT32_MAX: no text. */
struct finished_body {
	uint32_t step_length, detail_length, output_length[2], output_head[2];
	uint64_t output_total[2];
	int32_t outcome, exit_status, signal, oom_killed, failed_errno, pid;
	int64_t started_us, duration_us, user_us, system_us, max_rss_bytes;
	uint8_t success, lingering;
	uint8_t is_refusal; /* no hook was run; ENDED follows */
	uint8_t unused;
	uint32_t drain_us; /* 0 from a runner of before 0.2; UINT32_MAX: so long or longer */
};

/* The payload is list_end.ignored. */
struct ended_body {
	uint32_t is_cancelled;
	uint32_t unused;
};

/*
 * What hookd sends to the service manager's socket for runners, with the listening socket for the
 * new runner. It is the only message on that connection, and the same in every version.
 */
#define RUNNER_OFFER_MAGIC 0x726b6f68
struct runner_offer {
	uint32_t magic;
	uint32_t version; /* of the hookd that sends it */
};

/*
 * Checks that the type is known, the body has its size, and lengths and strings are in bounds.
 * -EBADMSG; -ENOMSG: the type is one of a later version.
 */
int message_check(const struct message *message) must_check;

/* A hook's result as a message; *ret_payload is the caller's to free. -ENOMEM. */
int message_from_result(const struct hp_hook_result *result, struct finished_body *ret_body,
			char **ret_payload, size_t *ret_length) must_check;
/* The same without texts and output, for when there is not enough memory. */
void message_from_outcome(const struct hp_hook_result *result, struct finished_body *ret_body);
/* Copies the result from a FINISHED that was checked. path and error are left NULL. -ENOMEM. */
int message_to_result(const struct message *message, struct hp_hook_result *ret_result) must_check;
