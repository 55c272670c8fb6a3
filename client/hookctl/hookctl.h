/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl: the program hookctl. One file for each verb; files that are no verb need no
 * daemon and have tests of their own.
 *
 * May use: client/hookctl/table, client/libhookd, proto/base, proto/json, proto/messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/hookctl/options.h"
#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

/* What all verbs share: the command line, the connection, and how to print. */

enum ctl_exit {
	CTL_EXIT_OK = 0,
	/* A hook failed; a setting could not be made; delegate: the config cannot be rewritten. */
	CTL_EXIT_FAILED = 1,
	CTL_EXIT_USAGE = 2, /* the command line, or a file that it names */
	CTL_EXIT_TIMED_OUT = 124,
	CTL_EXIT_UNREACHABLE = 125, /* hookd could not be reached, refused, or lost the run */
	CTL_EXIT_SPAWN_FAILED = 126,
};

enum ctl_json { CTL_JSON_OFF, CTL_JSON_SHORT, CTL_JSON_PRETTY };

struct ctl {
	struct options options;
	struct hookd_client *client; /* NULL until the first call */
	int reply_error;	     /* why we ended the last call ourselves, or 0 */
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

/* "hookctl: ..." on stderr, escaped, behind what stdout has got so far. */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* As above, with CTL_EXIT_USAGE to return. */
int ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One reply, for as long as the function runs. A negative errno ends the call. */
typedef int (*ctl_reply_fn)(struct hp_json_value reply, bool continues, void *userdata);

/*
 * hookd_call() on the one connection, which the first call makes. `function` may be NULL. 0 or a
 * negative errno; a reply that cannot be understood is -EBADMSG.
 */
int ctl_call(struct ctl *ctl, const char *method, const char *parameters, bool more,
	     ctl_reply_fn function, void *userdata);
/* Says what came of a call that failed with `r`; the exit status to return. */
int ctl_call_failed(const struct ctl *ctl, int r);
/* The same of a call of io.hookd.settings: CTL_EXIT_FAILED where hookd tried and could not. */
int ctl_setting_failed(const struct ctl *ctl, int r);
/* A call without parameters whose reply has nothing to show; an exit status. */
int ctl_call_plain(struct ctl *ctl, const char *method);

/* {"run": OPERAND} in *ret, for the verbs that take one run; -EINVAL when it is no text. */
int ctl_run_parameters(const struct ctl *ctl, struct hp_buf *ret);

/*
 * Behind a write to stdout that failed, with its errno: kept, since a call that is ended for it has
 * errors of its own. Returns it negative.
 */
int ctl_keep_stdout_error(void);
/* What was kept, or 0. ctl_call_failed() tells it. */
int ctl_stdout_error(void);
/* Says so; the exit status to return. */
int ctl_stdout_failed(void);

/* Writes to stdout and forgets; -ENOMEM when the buffer had failed, or stdout's error, kept. */
int ctl_put(struct hp_buf *buf);
/* One JSON document on stdout, as --json asks. */
int ctl_put_json(const struct ctl *ctl, struct hp_json_value value);

/* Shows a RunResult as --json asks and finds the exit status for it: 0, or a negative errno. */
int ctl_show_result(const struct ctl *ctl, struct hp_json_value result, int *ret_exit);
