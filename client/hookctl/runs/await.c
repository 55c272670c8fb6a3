/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The event loop of run, wait, logs -f and events. From 1 s on, a line on the terminal shows the
 * hook that runs; a second connection asks for it every second. SIGINT is blocked but while poll(2)
 * waits, so that none is missed.
 */

#include "client/hookctl/runs/await.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/hookctl/runs/details.h"
#include "client/hookctl/runs/words.h"
#include "client/hookctl/table/escape.h"
#include "client/hookctl/table/span.h"
#include "client/hookctl/terminal/terminal.h"

#define PROGRESS_US	    1000000
#define OBSERVER_TIMEOUT_MS 1000

static volatile sig_atomic_t is_interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	is_interrupted = 1;
}

static int64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- progress ---- */

static void append(struct hp_buf *buf, const char *text)
{
	escape_append(buf, text, strlen(text), ESCAPE_LINE);
}

/* The last line that is not empty. */
static void append_last_line(struct hp_buf *buf, const char *data, size_t length)
{
	size_t start;

	while (length > 0 && (data[length - 1] == '\n' || data[length - 1] == ' '))
		length--;
	for (start = length; start > 0 && data[start - 1] != '\n'; start--)
		;
	if (start == length)
		return;
	append(buf, ": ");
	escape_append(buf, data + start, length - start, ESCAPE_LINE);
}

static void append_hook(struct hp_buf *buf, const struct hookd_run_info *run,
			const struct hookd_hook_result *hook)
{
	int64_t now_us = span_now_us();
	char text[SPAN_SIZE];

	append(buf, ", ");
	append(buf,
	       span_format(now_us > hook->started_us ? (uint64_t)(now_us - hook->started_us) : 0,
			   text));
	if (run->deadline_us > hook->started_us) {
		append(buf, " of ");
		append(buf, span_format((uint64_t)(run->deadline_us - hook->started_us), text));
	}
	append_last_line(buf, hook->stderr_length > 0 ? hook->stderr_data : hook->stdout_data,
			 hook->stderr_length > 0 ? hook->stderr_length : hook->stdout_length);
}

/* "web createRuntime #1/3 net-add, 12s of 5min: waiting for lock" */
static void append_progress(struct hp_buf *buf, const struct hookd_reply *reply)
{
	const struct hookd_run_info *run = hookd_reply_details(reply)->run;
	size_t count = details_hook_count(reply);
	char text[64];

	append(buf, run->container != NULL ? run->container : "");
	append(buf, " ");
	append(buf, run->stage != NULL ? run->stage : "");
	if (run->state != NULL && strcmp(run->state, "running") != 0) {
		append(buf, " ");
		append(buf, run->state);
		return;
	}
	snprintf(text, sizeof(text), " #%" PRId64 "/%" PRIu64 " ", run->hook, run->hook_count);
	append(buf, text);
	append(buf, words_file_name(run->path));
	if (count > 0)
		append_hook(buf, run, details_hook(reply, count - 1));
}

static void hide_progress(struct await *await)
{
	if (await->is_line_shown)
		fputs("\r\x1b[K", stderr);
	await->is_line_shown = false;
}

static void show_line(struct await *await, const struct hp_buf *line)
{
	size_t columns, width = terminal_size(STDERR_FILENO).columns;

	if (line->failed || line->length == 0)
		return;
	hide_progress(await);
	fprintf(stderr, "%.*s", (int)escape_cut(line->data, line->length, width - 1, &columns),
		line->data);
	fflush(stderr);
	await->is_line_shown = true;
}

/* On a connection of its own: the other one waits for the call. */
static void show_progress(struct await *await)
{
	struct hp_buf line = HP_BUF_INIT;
	struct hookd_reply *reply;

	if (await->observer == NULL &&
	    hookd_client_new(ctl_option(await->ctl, OPTION_ADDRESS), &await->observer) < 0)
		return;
	hookd_client_set_timeout(await->observer, OBSERVER_TIMEOUT_MS);
	if (hookd_get(await->observer, await->run, &reply) < 0)
		return;
	append_progress(&line, reply);
	show_line(await, &line);
	hp_buf_free(&line);
	hookd_reply_free(reply);
}

static bool wants_progress(const struct await *await)
{
	return await->has_progress && !await->ctl->is_quiet && terminal_redraws(STDERR_FILENO);
}

/* ---- Ctrl-C ---- */

static void end_by_interrupt(struct await *await, const sigset_t *mask)
{
	hide_progress(await);
	if (await->run != NULL && terminal_is(STDERR_FILENO))
		fputc('\n', stderr); /* behind the terminal's "^C" */
	if (await->run != NULL && ctl_has(await->ctl, OPTION_PRIVATE))
		ctl_note(await->ctl, "is cancelled");
	else if (await->run != NULL && await->cancels)
		ctl_note(await->ctl, "is cancelled: hookctl inspect %s", await->run);
	else if (await->run != NULL)
		ctl_note(await->ctl, "goes on: hookctl wait %s", await->run);
	fflush(NULL);
	hookd_client_free(await->ctl->client);
	signal(SIGINT, SIG_DFL);
	raise(SIGINT);
	sigprocmask(SIG_SETMASK, mask, NULL);
}

/* ---- the loop ---- */

/* Microseconds until something is to be done; -1: nothing. */
static int64_t next_us(const struct await *await, bool has_progress)
{
	int64_t now_us = clock_us(), next = -1;

	if (has_progress)
		next = await->told_us + PROGRESS_US - now_us;
	if (await->timeout_us > 0 &&
	    (next < 0 || await->started_us + await->timeout_us - now_us < next))
		next = await->started_us + await->timeout_us - now_us;
	if (next < 0 && (has_progress || await->timeout_us > 0))
		return 0;
	return next;
}

static int wait_for_hookd(const struct await *await, bool has_progress, const sigset_t *mask)
{
	struct pollfd fd = {hookd_get_fd(await->ctl->client), hookd_get_events(await->ctl->client),
			    0};
	int64_t us = next_us(await, has_progress);
	struct timespec timeout = {us / 1000000, us % 1000000 * 1000};
	int r = ppoll(&fd, 1, us >= 0 ? &timeout : NULL, mask);

	if (r < 0 && errno != EINTR)
		return -errno;
	return r > 0;
}

static int loop(struct await *await, const sigset_t *mask)
{
	bool has_progress = wants_progress(await);

	while (!await->is_done) {
		int r = wait_for_hookd(await, has_progress && await->run != NULL, mask);

		if (is_interrupted)
			end_by_interrupt(await, mask);
		if (r < 0)
			return r;
		if (r > 0) {
			r = hookd_process(await->ctl->client);
			if (r < 0 && !await->is_done)
				return r;
			continue;
		}
		if (await->timeout_us > 0 && clock_us() - await->started_us >= await->timeout_us)
			return AWAIT_TIMED_OUT;
		if (has_progress && await->run != NULL &&
		    clock_us() - await->told_us >= PROGRESS_US) {
			show_progress(await);
			await->told_us = clock_us();
		}
	}
	return 0;
}

int await_done(struct await *await)
{
	const struct sigaction action = {.sa_handler = on_interrupt};
	struct sigaction old;
	sigset_t blocked, mask;
	int r;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	sigaction(SIGINT, &action, &old);
	await->started_us = await->told_us = clock_us();
	r = loop(await, &mask);
	hide_progress(await);
	await->observer = hookd_client_free(await->observer);
	sigaction(SIGINT, &old, NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return r;
}
