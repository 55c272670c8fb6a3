/* SPDX-License-Identifier: Apache-2.0 */

/*
 * `hookctl drain`: tells hookd to end after its runs, and waits for its word that they are done and
 * for the end of its process. Nothing is asked afterwards: with socket activation another call
 * would start the next hookd.
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "client/hookctl/terminal/terminal.h"

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

/* ---- what hookd says ---- */

struct drain {
	struct ctl *ctl;
	bool has_begun; /* hookd has answered */
	bool is_line_shown;
	uint64_t left; /* runs that are not done */
};

static void hide_progress(struct drain *drain)
{
	if (drain->is_line_shown)
		fputs("\r\x1b[K", stderr);
	drain->is_line_shown = false;
}

static void show_progress(struct drain *drain)
{
	if (drain->ctl->is_quiet || !terminal_redraws(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\x1b[K%" PRIu64 " run%s left", drain->left, drain->left == 1 ? "" : "s");
	fflush(stderr);
	drain->is_line_shown = true;
}

static int say_draining(struct drain *drain, struct hp_json_value reply)
{
	struct ctl *ctl = drain->ctl;
	int r = 0;

	if (ctl->json != CTL_JSON_OFF)
		r = ctl_put_json(ctl, reply);
	else if (!ctl->is_quiet && drain->left > 0)
		printf("hookd ends after %" PRIu64 " run%s\n", drain->left,
		       drain->left == 1 ? "" : "s");
	fflush(stdout);
	return r;
}

static int on_reply(const char *parameters, bool continues, void *userdata)
{
	struct drain *drain = userdata;
	struct hp_json json = {0};
	struct hp_err err;
	int r = hp_json_parse(&json, parameters, strlen(parameters), &err);

	if (r == 0)
		r = hp_json_get_uint64(hp_json_member(hp_json_root(&json), "running"), 0, INT64_MAX,
				       &drain->left, &err);
	if (r == 0 && !drain->has_begun) {
		drain->has_begun = true;
		r = say_draining(drain, hp_json_root(&json));
	}
	if (r == 0 && continues)
		show_progress(drain);
	hp_json_free(&json);
	return r;
}

/* ---- the end ---- */

static int fail_early(struct drain *drain)
{
	ctl_error("hookd has ended before %" PRIu64 " run%s %s done", drain->left,
		  drain->left == 1 ? "" : "s", drain->left == 1 ? "was" : "were");
	ctl_hint(drain->ctl, "hookctl ps, when there is a hookd again");
	return CTL_EXIT_UNREACHABLE;
}

static int await_end(struct ctl *ctl, int process)
{
	struct pollfd fd = {process, POLLIN, 0};
	int r;

	do
		r = poll(&fd, 1, -1);
	while (r < 0 && errno == EINTR);
	if (r > 0)
		ctl_note(ctl, "hookd has ended");
	return r < 0 ? -errno : 0;
}

int verb_drain(struct ctl *ctl)
{
	struct drain drain = {.ctl = ctl};
	int r = ctl_open(ctl), process = -1;

	if (r == 0)
		r = find_process(ctl, &process);
	if (r == 0)
		r = hookd_call(ctl->client, "io.hookd.control.Drain", NULL, true, on_reply, &drain);
	hide_progress(&drain);
	if (drain.has_begun && ctl_stdout_error() == 0 &&
	    (r == -EPIPE || (r == 0 && drain.left > 0)))
		r = fail_early(&drain);
	else if (r == 0 && process >= 0)
		r = await_end(ctl, process);
	if (process >= 0)
		close(process);
	return r > 0 ? r : ctl_finish(ctl, NULL, r);
}
