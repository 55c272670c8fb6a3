/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/base.h"
#include "proto/messages/result.h"

/*
 * What a hook writes into one pipe: the first and the last part are kept, all is counted, the
 * pipe is read as it fills, so that a hook does not wait for hookd and hookd's memory stays flat.
 */

/* Told of every chunk as it is read; the bytes are valid during the call. */
typedef void (*capture_fn)(const char *bytes, size_t length, void *userdata);

struct capture {
	struct event_base *base;
	struct event *event; /* on fd; NULL until capture_watch() */
	int fd;		     /* read end, non-blocking; -1 at the end of the stream */
	char *head;	     /* the first bytes, grown up to HP_CAPTURE_HEAD_BYTES */
	size_t head_length, head_capacity;
	char *tail; /* a ring of HP_CAPTURE_TAIL_BYTES, made when the head is full */
	size_t tail_length, tail_end;
	uint64_t total;
	bool is_paused;
	capture_fn on_chunk; /* NULL: nobody listens */
	void *userdata;
};

/* Makes the pipe. *ret_write_end is blocking and the caller's; both ends are close-on-exec. */
int capture_open(struct capture *capture, struct event_base *base, int *ret_write_end) must_check;

/*
 * Reads as bytes come, from now on. Until then the pipe holds up to 64 KiB by itself, which spares
 * most hooks two registrations; see procs in proc.c.
 */
int capture_watch(struct capture *capture);

/* Reads some of what is there, where nothing watches it. */
void capture_look(struct capture *capture);

/*
 * While it pauses nothing is read, and the hook waits where the pipe is full: for a listener that
 * could not keep up. -ENOMEM: it cannot be watched again yet, see capture_watch().
 */
int capture_pause(struct capture *capture, bool is_paused);

/* Reads what is there now, without blocking. */
void capture_drain(struct capture *capture);

/* True while somebody can still write: meaningful after capture_drain(). */
bool capture_is_open(const struct capture *capture);

/*
 * Moves what was kept. Where the middle is missing, no character is left cut in two. Without memory
 * to join them the first part is all there is.
 */
void capture_take(struct capture *capture, struct hp_output *ret_output);
/* Takes more out of the middle, until no more than `length` bytes are left. */
void output_cut(struct hp_output *output, size_t length);

void capture_close(struct capture *capture);

/*
 * Pipes that processes left behind still hold. They are read and thrown away until the last writer
 * is gone, so that such a process keeps a stdout that works. It is no hook any more, so it gets
 * little of hookd's time: after each read a pipe rests, its writer waits where the pipe is full,
 * and of those that rest only a few are taken up again at each tick.
 */
TAILQ_HEAD(leftover_list, leftover);
struct leftovers {
	struct leftover_list watched;
	struct leftover_list resting; /* the one that has rested longest is first */
	size_t count;		      /* of both */
	struct event *tick;	      /* pending while there are any that rest */
};
/* All zeroes are nothing to clear. */
int leftovers_init(struct leftovers *leftovers, struct event_base *base) must_check;
/* Takes the pipe over; beyond LEFTOVERS_MAX, or without memory, it stays the capture's. */
void leftovers_adopt(struct leftovers *leftovers, struct capture *capture);
void leftovers_clear(struct leftovers *leftovers);
#define LEFTOVERS_MAX 4096
