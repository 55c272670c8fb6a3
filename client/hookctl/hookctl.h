/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl: the program hookctl. One file per verb or group of verbs; the other files need no
 * daemon and have unit tests.
 *
 * May use: client/hookctl/table, client/libhookd, proto/base, proto/json, proto/messages,
 * proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/hookctl/options.h"
#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

/* What all verbs share: the command line, the connection, and printing. */

enum ctl_exit {
	CTL_EXIT_OK = 0,
	/* A hook failed; a setting could not be made; delegate: the config cannot be rewritten. */
	CTL_EXIT_FAILED = 1,
	CTL_EXIT_USAGE = 2, /* an error in the command line, or in a file that it names */
	CTL_EXIT_TIMED_OUT = 124,
	CTL_EXIT_UNREACHABLE = 125, /* hookd could not be reached, refused, or lost the run */
	CTL_EXIT_SPAWN_FAILED = 126,
};

enum ctl_json { CTL_JSON_OFF, CTL_JSON_SHORT, CTL_JSON_PRETTY };

struct ctl {
	struct ctl_options options;
	struct hookd_client *client; /* NULL until the first call */
	int reply_error;	     /* of our callback, which ended the last call; or 0 */
	enum ctl_json json;
	bool has_legend;
	bool has_colour;  /* stdout is a terminal that wants it */
	bool is_terminal; /* stdout */
};

static inline const char *ctl_option(const struct ctl *ctl, enum option_id id)
{
	return ctl->options.values[id];
}

/* The verbs. Each returns an exit status. */
int verb_run(struct ctl *ctl);
int verb_apply(struct ctl *ctl);
int verb_update(struct ctl *ctl);
int verb_release(struct ctl *ctl);
int verb_holdings(struct ctl *ctl);
int verb_seccomp(struct ctl *ctl);
int verb_ps(struct ctl *ctl);
int verb_inspect(struct ctl *ctl);
int verb_wait(struct ctl *ctl);
int verb_cancel(struct ctl *ctl);
int verb_status(struct ctl *ctl);
int verb_ping(struct ctl *ctl);
int verb_drain(struct ctl *ctl);
int verb_delegate(struct ctl *ctl);

/* Prints "hookctl: ..." on stderr, escaped. Flushes stdout before. */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same. Returns CTL_EXIT_USAGE. */
int ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes ctl->client, if there is none yet. */
int ctl_open(struct ctl *ctl);

/* Parses the text of a reply, to be printed. */
int ctl_read_reply(const struct hookd_reply *reply, struct hp_json *json);
/* Prints the reply, or a member of it, in the form that --json asks for. 0 or a negative errno. */
int ctl_put_reply(const struct ctl *ctl, const struct hookd_reply *reply, const char *member);
/* Frees the reply, and reports `r` if the call or showing it has failed. Returns the exit status.
 */
int ctl_finish(const struct ctl *ctl, struct hookd_reply *reply, int r);

/* Gets one reply, which is valid until it returns. A negative errno ends the call. */
typedef int (*ctl_reply_fn)(struct hp_json_value reply, bool continues, void *userdata);

/*
 * hookd_call() on the one connection, which the first call opens. `function` may be NULL. 0 or a
 * negative errno; -EBADMSG for a reply that cannot be understood.
 */
int ctl_call(struct ctl *ctl, const char *method, const char *parameters, bool more,
	     ctl_reply_fn function, void *userdata);
/* Reports why a call failed with `r`. Returns the exit status. */
int ctl_call_failed(const struct ctl *ctl, int r);
/* The same for a call of io.hookd.settings: CTL_EXIT_FAILED if hookd tried and failed. */
int ctl_setting_failed(const struct ctl *ctl, int r);
/*
 * Call after a failed write to stdout. Keeps its errno, since the call to hookd that it ends fails
 * with another one. Returns the kept errno, negative.
 */
int ctl_keep_stdout_error(void);
/* The kept errno, or 0. ctl_call_failed() reports it. */
int ctl_stdout_error(void);
/* Reports it. Returns the exit status. */
int ctl_stdout_failed(void);

/*
 * Writes the buffer to stdout and frees it. -ENOMEM if it had failed; an error of stdout is kept.
 */
int ctl_put(struct hp_buf *buf);
/* Prints one JSON document on stdout, in the form that --json asks for. */
int ctl_put_json(const struct ctl *ctl, struct hp_json_value value);

/*
 * Shows a RunResult, in the form that --json asks for, and finds its exit status. 0 or a negative
 * errno.
 */
int ctl_show_result(const struct ctl *ctl, struct hp_json_value result, int *ret_exit);
