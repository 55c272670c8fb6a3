/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl drain`: tells hookd to end after its runs, and waits for the end of its process. Only a
 * hookd that is still there is asked how many runs are left: with socket activation another call
 * would start the next one.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/terminal/terminal.h"

#define ASK_EVERY_MS 1000

/* -1: it has ended, or is not a process of this pid namespace, so it cannot be waited for. */
static int open_process(int pid)
{
	char path[32], name[32] = "";
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file != NULL) {
		if (fgets(name, sizeof(name), file) == NULL)
			name[0] = '\0';
		fclose(file);
	}
	if (fd >= 0 && strcmp(name, "hookd\n") != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int find_process(struct ctl *ctl, int *ret_fd)
{
	struct hookd_reply *reply;
	int r = hookd_status(ctl->client, &reply);

	if (r < 0)
		return r;
	*ret_fd = open_process(hookd_reply_status(reply)->pid);
	hookd_reply_free(reply);
	return 0;
}

static void say_draining(const struct ctl *ctl, const struct hookd_reply *reply)
{
	struct hp_json json = {0};
	struct hp_err err;
	uint64_t running = 0;

	if (ctl->is_quiet)
		return;
	if (ctl_read_reply(reply, &json) == 0 &&
	    hp_json_get_uint64(hp_json_member(hp_json_root(&json), "running"), 0, INT64_MAX,
			       &running, &err) == 0)
		printf("hookd ends after %" PRIu64 " run%s\n", running, running == 1 ? "" : "s");
	else
		printf("hookd ends after its runs\n");
	hp_json_free(&json);
	fflush(stdout);
}

/* ---- waiting ---- */

static void hide_progress(bool has_progress)
{
	if (has_progress)
		fputs("\r\x1b[K", stderr);
}

static void show_progress(struct ctl *ctl)
{
	const struct hookd_status_info *status;
	struct hookd_reply *reply;

	if (hookd_status(ctl->client, &reply) < 0)
		return;
	status = hookd_reply_status(reply);
	fprintf(stderr, "\r\x1b[K%" PRIu64 " running, %" PRIu64 " queued", status->running,
		status->queued);
	fflush(stderr);
	hookd_reply_free(reply);
}

static int await_end(struct ctl *ctl, int process)
{
	struct pollfd fd = {process, POLLIN, 0};
	bool has_progress = !ctl->is_quiet && terminal_redraws(STDERR_FILENO);
	int r;

	/* Else a question to a hookd that has just ended would be asked again for a minute. */
	hookd_client_set_timeout(ctl->client, ASK_EVERY_MS);
	while ((r = poll(&fd, 1, has_progress ? ASK_EVERY_MS : -1)) <= 0) {
		if (r < 0 && errno != EINTR)
			break;
		if (r == 0)
			show_progress(ctl);
	}
	hide_progress(has_progress);
	if (r > 0)
		ctl_note(ctl, "hookd has ended");
	return r < 0 ? -errno : 0;
}

int verb_drain(struct ctl *ctl)
{
	struct hookd_reply *reply = NULL;
	int r = ctl_open(ctl), process = -1;

	if (r == 0)
		r = find_process(ctl, &process);
	if (r == 0)
		r = hookd_drain(ctl->client, &reply);
	if (r == 0 && ctl->json != CTL_JSON_OFF)
		r = ctl_put_reply(ctl, reply, NULL);
	else if (r == 0)
		say_draining(ctl, reply);
	if (r == 0 && process >= 0)
		r = await_end(ctl, process);
	if (process >= 0)
		close(process);
	return ctl_finish(ctl, reply, r);
}
