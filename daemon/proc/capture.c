/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures stdout or stderr of a hook, with bounded memory. A capture is embedded in its proc. When
 * the hook is done and other processes still hold the pipe, the pipe becomes a leftover: it is read
 * at a bounded rate and its data is discarded. States of a leftover:
 *
 *	WATCHED --one read--> RESTING --tick, the first LEFTOVERS_PER_TICK--> WATCHED
 *	    \______________________ end of file ______________________> (freed)
 */
#include "daemon/proc/capture.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include "daemon/base/loop.h"
#include "proto/base/limits.h"

/* Size of one read. A pipe holds 64 KiB by default (pipe(7)). */
#define CHUNK_BYTES (64 * 1024)
/* Reads per wake-up, so that a hook that writes a lot does not hold up the event loop. */
#define CHUNKS_PER_WAKEUP 4
/* At most 640 reads of 64 KiB per second for all leftovers: a few percent of one CPU. */
#define LEFTOVERS_TICK_US  (50 * 1000)
#define LEFTOVERS_PER_TICK 32

static void on_readable(evutil_socket_t fd, short what, void *userdata);

int capture_open(struct capture *capture, struct event_base *base, int *ret_write_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* Not by pipe2(): the hook's end must block. */
	if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) {
		int error = errno;

		close(ends[0]);
		close(ends[1]);
		return -error;
	}
	*capture = (struct capture){.base = base, .fd = ends[0]};
	*ret_write_end = ends[1];
	return 0;
}

int capture_watch(struct capture *capture)
{
	if (capture->fd < 0 || capture->event || capture->is_paused)
		return 0;
	capture->event =
	    event_new(capture->base, capture->fd, EV_READ | EV_PERSIST, on_readable, capture);
	if (!capture->event)
		return -ENOMEM;
	if (event_add(capture->event, NULL) < 0) {
		event_free(take_ptr(capture->event));
		return -ENOMEM;
	}
	return 0;
}

int capture_pause(struct capture *capture, bool is_paused)
{
	capture->is_paused = is_paused;
	if (!is_paused)
		return capture_watch(capture);
	if (capture->event)
		event_free(take_ptr(capture->event));
	return 0;
}

/*
 * event_free() comes before close(): epoll watches the open file description, which lives on if a
 * child that has not exec'ed yet has a copy of the descriptor.
 */
static void close_read_end(struct capture *capture)
{
	if (capture->event)
		event_free(take_ptr(capture->event));
	close_fd(&capture->fd);
}

/* ---- keeping ---- */

static size_t keep_head(struct capture *capture, const char *bytes, size_t length)
{
	size_t room = HP_CAPTURE_HEAD_BYTES - capture->head_length;
	size_t needed;

	assert(capture->head_length <= HP_CAPTURE_HEAD_BYTES);
	/* The tail is in use: the head is full, or could not grow for lack of memory. */
	if (capture->tail)
		return 0;
	if (length > room)
		length = room;
	needed = capture->head_length + length;
	if (needed > capture->head_capacity) {
		size_t capacity =
		    needed < HP_CAPTURE_HEAD_BYTES / 4 ? 2 * needed : HP_CAPTURE_HEAD_BYTES;
		char *grown = realloc(capture->head, capacity);

		if (!grown)
			return 0;
		capture->head = grown;
		capture->head_capacity = capacity;
	}
	if (length > 0)
		memcpy(capture->head + capture->head_length, bytes, length);
	capture->head_length += length;
	return length;
}

static void keep_tail(struct capture *capture, const char *bytes, size_t length)
{
	size_t until_wrap;

	assert(capture->tail_end < HP_CAPTURE_TAIL_BYTES);
	if (length == 0)
		return;
	if (!capture->tail && !(capture->tail = malloc(HP_CAPTURE_TAIL_BYTES)))
		return;
	if (length > HP_CAPTURE_TAIL_BYTES) {
		bytes += length - HP_CAPTURE_TAIL_BYTES;
		length = HP_CAPTURE_TAIL_BYTES;
	}
	until_wrap = HP_CAPTURE_TAIL_BYTES - capture->tail_end;
	if (until_wrap > length)
		until_wrap = length;
	memcpy(capture->tail + capture->tail_end, bytes, until_wrap);
	memcpy(capture->tail, bytes + until_wrap, length - until_wrap);
	capture->tail_end = (capture->tail_end + length) % HP_CAPTURE_TAIL_BYTES;
	capture->tail_length += length;
	if (capture->tail_length > HP_CAPTURE_TAIL_BYTES)
		capture->tail_length = HP_CAPTURE_TAIL_BYTES;
}

static void keep(struct capture *capture, const char *bytes, size_t length)
{
	size_t in_head = keep_head(capture, bytes, length);

	keep_tail(capture, bytes + in_head, length - in_head);
	capture->total += length;
	if (capture->on_chunk)
		capture->on_chunk(bytes, length, capture->userdata);
}

static size_t tail_start(const struct capture *capture)
{
	return (capture->tail_end + HP_CAPTURE_TAIL_BYTES - capture->tail_length) %
	       HP_CAPTURE_TAIL_BYTES;
}

/* ---- reading ---- */

/* Up to `chunks` reads. False: the pipe is empty for now, or at end of file. */
static bool read_chunks(struct capture *capture, int chunks)
{
	static char chunk[CHUNK_BYTES];

	for (int i = 0; i < chunks && capture->fd >= 0; i++) {
		ssize_t length = read(capture->fd, chunk, sizeof(chunk));

		if (length > 0) {
			keep(capture, chunk, (size_t)length);
			continue;
		}
		if (length < 0 && errno == EINTR)
			continue;
		if (length == 0 || errno != EAGAIN)
			close_read_end(capture);
		return false;
	}
	return capture->fd >= 0;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	read_chunks(userdata, CHUNKS_PER_WAKEUP);
}

void capture_look(struct capture *capture)
{
	if (!capture->event && !capture->is_paused)
		read_chunks(capture, CHUNKS_PER_WAKEUP);
}

/*
 * Reads no more than a pipe can hold. That is all that the hook can have left in it; what comes
 * after that is from a process that the hook left behind.
 */
void capture_drain(struct capture *capture)
{
	int size;

	if (!read_chunks(capture, 1))
		return;
	size = fcntl(capture->fd, F_GETPIPE_SZ);
	read_chunks(capture, size / CHUNK_BYTES + 2);
}

bool capture_is_open(const struct capture *capture)
{
	return capture->fd >= 0;
}

/* ---- what is kept so far ---- */

static size_t add_part(struct hook_output *parts, size_t count, uint64_t offset, const char *bytes,
		       size_t length)
{
	if (length > 0)
		parts[count++] = (struct hook_output){
		    .offset = offset, .is_kept = true, .bytes = bytes, .length = length};
	return count;
}

size_t capture_kept(const struct capture *capture, struct hook_output ret_parts[static 3])
{
	uint64_t tail = capture->total - capture->tail_length;
	size_t start = tail_start(capture), first = HP_CAPTURE_TAIL_BYTES - start;
	size_t count = add_part(ret_parts, 0, 0, capture->head, capture->head_length);

	if (first > capture->tail_length)
		first = capture->tail_length;
	count = add_part(ret_parts, count, tail, capture->tail + start, first);
	return add_part(ret_parts, count, tail + first, capture->tail,
			capture->tail_length - first);
}

size_t output_kept(const struct hp_output *output, struct hook_output ret_parts[static 2])
{
	bool is_whole = output->total == output->length;
	size_t head = is_whole ? output->length : output->head, count;

	if (!is_whole && (head == 0 || head > output->length))
		return 0;
	count = add_part(ret_parts, 0, 0, output->bytes, head);
	return add_part(ret_parts, count, output->total - (output->length - head),
			output->bytes + head, output->length - head);
}

/* ---- the result ---- */

static bool is_continuation(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The length without an incomplete UTF-8 sequence at the end. */
static size_t whole_characters(const char *bytes, size_t length)
{
	size_t start = length;
	unsigned char lead;
	size_t wanted;

	while (start > 0 && length - start < 3 && is_continuation(bytes[start - 1]))
		start--;
	if (start == 0)
		return length;
	lead = (unsigned char)bytes[start - 1];
	wanted = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
	return wanted > length - start + 1 ? start - 1 : length;
}

/* Copies the ring in the order in which it was written. */
static void unroll_tail(const struct capture *capture, char *out)
{
	size_t start = tail_start(capture);
	size_t first = HP_CAPTURE_TAIL_BYTES - start;

	if (first > capture->tail_length)
		first = capture->tail_length;
	memcpy(out, capture->tail + start, first);
	memcpy(out + first, capture->tail, capture->tail_length - first);
}

/*
 * Removes the bytes from `head` to `tail`, and the remainders of UTF-8 sequences that this cuts.
 * The new length, and in *ret_head that of the first part.
 */
static size_t take_out(char *bytes, size_t length, size_t head, size_t tail, size_t *ret_head)
{
	size_t kept = whole_characters(bytes, head), skipped = 0;

	assert(head <= tail && tail <= length);
	while (skipped < 3 && tail + skipped < length && is_continuation(bytes[tail + skipped]))
		skipped++;
	tail += skipped;
	memmove(bytes + kept, bytes + tail, length - tail);
	*ret_head = kept;
	return kept + length - tail;
}

void capture_take(struct capture *capture, struct hp_output *ret_output)
{
	size_t length = capture->head_length + capture->tail_length;
	char *joined = capture->tail_length > 0 ? realloc(capture->head, length) : NULL;

	*ret_output = (struct hp_output){.total = capture->total, .head = capture->head_length};
	if (joined) {
		unroll_tail(capture, joined + capture->head_length);
		if (capture->total > length)
			length = take_out(joined, length, capture->head_length,
					  capture->head_length, &ret_output->head);
		capture->head = joined;
	} else {
		length = capture->head_length;
	}
	ret_output->bytes = take_ptr(capture->head);
	ret_output->length = length;
}

void output_cut(struct hp_output *output, size_t length)
{
	bool has_gap = output->total > output->length;
	size_t head = length / 2, tail;
	char *shrunk;

	if (output->length <= length)
		return;
	tail = output->length - (length - head);
	/* What is missing already stays between the two parts. */
	if (has_gap && head > output->head)
		head = output->head;
	if (has_gap && tail < output->head)
		tail = output->head;
	output->length = take_out(output->bytes, output->length, head, tail, &output->head);
	shrunk = realloc(output->bytes, output->length ? output->length : 1);
	if (shrunk)
		output->bytes = shrunk;
}

void capture_close(struct capture *capture)
{
	close_read_end(capture);
	free(take_ptr(capture->head));
	free(take_ptr(capture->tail));
}

/* ---- leftovers ---- */

struct leftover {
	struct leftovers *owner;
	struct leftover_list *list; /* the list that it is in */
	struct event *event;	    /* pending in leftovers::watched */
	int fd;
	TAILQ_ENTRY(leftover) link; /* leftovers::watched or ::resting */
};

static void move_to(struct leftover *leftover, struct leftover_list *list)
{
	if (leftover->list)
		TAILQ_REMOVE(leftover->list, leftover, link);
	leftover->list = list;
	TAILQ_INSERT_TAIL(list, leftover, link);
}

static void leftover_free(struct leftover *leftover)
{
	assert(leftover->list && leftover->owner->count > 0);
	TAILQ_REMOVE(leftover->list, leftover, link);
	leftover->owner->count--;
	event_free(leftover->event);
	close(leftover->fd);
	free(leftover);
}

static void rest(struct leftover *leftover)
{
	struct leftovers *leftovers = leftover->owner;

	assert(leftover->list == &leftovers->watched);
	if (TAILQ_EMPTY(&leftovers->resting))
		tick_set(leftovers->tick, LEFTOVERS_TICK_US);
	move_to(leftover, &leftovers->resting);
}

static void on_leftover(evutil_socket_t fd, short what, void *userdata)
{
	static char chunk[CHUNK_BYTES];
	ssize_t length = read(fd, chunk, sizeof(chunk));

	(void)what;
	if (length == 0 || (length < 0 && errno != EAGAIN && errno != EINTR))
		leftover_free(userdata);
	else
		rest(userdata);
}

/* A leftover whose event cannot be added for lack of memory stays in the list for the next tick. */
static void on_leftovers_tick(evutil_socket_t fd, short what, void *userdata)
{
	struct leftovers *leftovers = userdata;
	struct leftover *leftover;

	(void)fd, (void)what;
	for (int i = 0; i < LEFTOVERS_PER_TICK; i++) {
		leftover = TAILQ_FIRST(&leftovers->resting);
		if (!leftover || event_add(leftover->event, NULL) < 0)
			break;
		move_to(leftover, &leftovers->watched);
	}
	if (TAILQ_EMPTY(&leftovers->resting))
		tick_rest(leftovers->tick);
	else
		tick_set(leftovers->tick, LEFTOVERS_TICK_US);
}

int leftovers_init(struct leftovers *leftovers, struct event_base *base)
{
	*leftovers = (struct leftovers){0};
	TAILQ_INIT(&leftovers->watched);
	TAILQ_INIT(&leftovers->resting);
	return tick_new(base, on_leftovers_tick, leftovers, &leftovers->tick);
}

void leftovers_adopt(struct leftovers *leftovers, struct capture *capture)
{
	struct leftover *leftover;

	if (capture->fd < 0 || leftovers->count >= LEFTOVERS_MAX ||
	    !(leftover = calloc(1, sizeof(*leftover))))
		return;
	if (capture->event)
		event_free(take_ptr(capture->event));
	leftover->event = event_new(capture->base, capture->fd, EV_READ, on_leftover, leftover);
	if (!leftover->event || event_add(leftover->event, NULL) < 0) {
		if (leftover->event)
			event_free(leftover->event);
		free(leftover);
		return;
	}
	leftover->owner = leftovers;
	leftover->fd = take_fd(&capture->fd);
	move_to(leftover, &leftovers->watched);
	leftovers->count++;
}

static void clear_list(struct leftover_list *list)
{
	struct leftover *leftover;

	while ((leftover = TAILQ_FIRST(list)))
		leftover_free(leftover);
}

void leftovers_clear(struct leftovers *leftovers)
{
	clear_list(&leftovers->watched);
	clear_list(&leftovers->resting);
	if (leftovers->tick)
		event_free(take_ptr(leftovers->tick));
}
