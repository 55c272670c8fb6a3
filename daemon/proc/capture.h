/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "proto/messages/result.h"

/*
 * Captures what a hook writes into one pipe. The first and the last bytes are kept and all are
 * counted; the pipe is read as it fills, so that the hook does not have to wait for hookd, and the
 * memory used is bounded.
 */

/* Called for each chunk that is read. The bytes are valid during the call. */
typedef void (*capture_fn)(const char *bytes, size_t length, void *userdata);

struct capture {
	struct event_base *base;
	struct event *event; /* on fd; NULL until capture_watch() */
	int fd;		     /* read end, non-blocking; -1 at the end of the stream */
	char *head;	     /* the first bytes, grown up to HP_CAPTURE_HEAD_BYTES */
	size_t head_length, head_capacity;
	char *tail; /* a ring of HP_CAPTURE_TAIL_BYTES, allocated when the head is full */
	size_t tail_length, tail_end;
	uint64_t total;
	bool is_paused;
	capture_fn on_chunk; /* or NULL */
	void *userdata;
};

/* Creates the pipe, close-on-exec. The caller closes *ret_write_end, which is blocking. -errno. */
int capture_open(struct capture *capture, struct event_base *base, int *ret_write_end) must_check;

/*
 * Adds the pipe to the event loop. Until then the pipe buffers up to 64 KiB, which is enough for
 * most hooks: they end before (see proc_watch.c). Does nothing for a capture that is watched,
 * paused or at end of file. -ENOMEM.
 */
int capture_watch(struct capture *capture);

/* Reads a bounded part of what is in the pipe, if the event loop does not watch it. */
void capture_look(struct capture *capture);

/*
 * While paused, nothing is read, and the hook blocks when the pipe is full: for a client that reads
 * its output too slowly. -ENOMEM: see capture_watch().
 */
int capture_pause(struct capture *capture, bool is_paused);

/* Reads what is in the pipe now, up to what a pipe can hold. Does not block. */
void capture_drain(struct capture *capture);

/* After capture_drain(): whether other processes still have the write end open. */
bool capture_is_open(const struct capture *capture);

/* What a hook has written: a chunk as it was read, or a part of what is kept. */
struct hook_output {
	int stream;	 /* 1 stdout, 2 stderr */
	uint64_t offset; /* of the first byte in its stream */
	bool is_kept;	 /* it was read before: bytes in front of it may be missing */
	const char *bytes;
	size_t length; /* 0: the end of what is kept */
};

/* The one or two parts that are kept so far, in order. The bytes are the capture's. The count. */
size_t capture_kept(const struct capture *capture, struct hook_output ret_parts[static 3]);
/* The same of a result's stream. None where it is not known what is missing. */
size_t output_kept(const struct hp_output *output, struct hook_output ret_parts[static 2]);

/*
 * Moves the kept output to *ret_output. If bytes in the middle are missing, no UTF-8 sequence is
 * cut in two. If there is no memory to join the two parts, only the first one is returned.
 */
void capture_take(struct capture *capture, struct hp_output *ret_output);
/* Removes bytes from the middle until at most `length` are left. */
void output_cut(struct hp_output *output, size_t length);

void capture_close(struct capture *capture);

/*
 * Pipes of hooks that are done, whose write ends are still open in processes that the hooks left
 * behind. They are read, and the data is discarded, until the last writer closes its end: so such a
 * process does not get SIGPIPE. To bound the CPU time for them, a pipe rests after each read, and
 * each tick resumes only the first few.
 */
TAILQ_HEAD(leftover_list, leftover);
struct leftovers {
	struct leftover_list watched;
	struct leftover_list resting; /* ordered by the time of the last read */
	size_t count;		      /* in both lists */
	struct event *tick;	      /* set while `resting` is not empty */
};
/* -ENOMEM. leftovers_clear() may be called on a zeroed struct. */
int leftovers_init(struct leftovers *leftovers, struct event_base *base) must_check;
/* Takes the pipe from the capture, unless there are LEFTOVERS_MAX or memory is short. */
void leftovers_adopt(struct leftovers *leftovers, struct capture *capture);
void leftovers_clear(struct leftovers *leftovers);
#define LEFTOVERS_MAX 4096
