/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl: the program hookctl. One file per verb or group of verbs; the other files need no
 * daemon and have unit tests.
 *
 * May use: client/hookctl/table, client/hookctl/terminal, client/libhookd, proto/base, proto/json,
 * proto/messages, proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/hookctl/options.h"
#include "client/hookctl/table/table.h"
#include "client/hookctl/table/template.h"
#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"
#include "proto/json/json.h"

/* What all verbs share: the command line, the connection, and printing. */

/* One table for all verbs. */
enum ctl_exit {
	CTL_EXIT_OK = 0,
	/* A hook failed or was cancelled; a setting failed; a check, the policy or reload says no.
	 */
	CTL_EXIT_FAILED = 1,
	/* The command line, a file or the request is wrong; nothing was done. */
	CTL_EXIT_USAGE = 2,
	CTL_EXIT_TIMED_OUT = 124, /* a hook, or --timeout */
	/*
	 * hookd was not reached, refused, is busy or draining; there is no such run or container;
	 * the run was lost; stdout could not be written.
	 */
	CTL_EXIT_UNREACHABLE = 125,
	CTL_EXIT_SPAWN_FAILED = 126,
};

enum ctl_json { CTL_JSON_OFF, CTL_JSON_SHORT, CTL_JSON_PRETTY };

struct ctl {
	const char *verb;
	struct ctl_options options;
	struct hookd_client *client; /* NULL until the first call */
	enum ctl_json json;
	bool is_quiet;
	bool has_legend;
	bool has_pager;	  /* stdout and stdin are a terminal, and it is wanted */
	bool has_colour;  /* stdout is a terminal that wants it */
	bool is_terminal; /* stdout */
	size_t width;	  /* of the terminal; 0: nothing is cut to it */
};

static inline const char *ctl_option(const struct ctl *ctl, enum option_id id)
{
	return ctl->options.values[id];
}

static inline bool ctl_has(const struct ctl *ctl, enum option_id id)
{
	return ctl->options.values[id] != NULL;
}

/* The verbs. Each returns an exit status. */
int verb_run(struct ctl *ctl);
int verb_ps(struct ctl *ctl);
int verb_inspect(struct ctl *ctl);
int verb_logs(struct ctl *ctl);
int verb_events(struct ctl *ctl);
int verb_summary(struct ctl *ctl);
int verb_plot(struct ctl *ctl);
int verb_wait(struct ctl *ctl);
int verb_cancel(struct ctl *ctl);
int verb_seccomp(struct ctl *ctl);
int verb_apply(struct ctl *ctl);
int verb_update(struct ctl *ctl);
int verb_release(struct ctl *ctl);
int verb_holdings(struct ctl *ctl);
int verb_status(struct ctl *ctl);
int verb_ping(struct ctl *ctl);
int verb_metrics(struct ctl *ctl);
int verb_reload(struct ctl *ctl);
int verb_log_level(struct ctl *ctl);
int verb_drain(struct ctl *ctl);
int verb_delegate(struct ctl *ctl);
int verb_validate(struct ctl *ctl);
int verb_explain(struct ctl *ctl);
int verb_policy(struct ctl *ctl);

/* ---- messages ---- */

/*
 * "hookctl: WHAT: WHY" on stderr, escaped, without a full stop. Flushes stdout before. Then
 * ctl_hint() with a command that helps, where there is one.
 */
void ctl_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same. Returns CTL_EXIT_USAGE. */
int ctl_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "Hint: COMMAND" on stderr; nothing with --quiet. */
void ctl_hint(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line on stderr that is no error; nothing with --quiet. */
void ctl_note(const struct ctl *ctl, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Reports why a call of libhookd failed with `r`, or a write to stdout. Returns the exit status. */
int ctl_call_failed(const struct ctl *ctl, int r);
/* Frees the reply, and reports `r` if it is an error. Returns the exit status. */
int ctl_finish(const struct ctl *ctl, struct hookd_reply *reply, int r);

/* ---- calls ---- */

/* Makes ctl->client, if there is none yet. 0, or a negative errno for ctl_call_failed(). */
int ctl_open(struct ctl *ctl);
/* Parses the text of a reply, to be printed. */
int ctl_read_reply(const struct hookd_reply *reply, struct hp_json *json);

/* ---- stdout ---- */

/*
 * Writes the buffer to stdout and frees it. 0, or -ENOMEM if it had failed, or the errno of stdout,
 * which is kept: ctl_call_failed() reports it.
 */
int ctl_put(struct hp_buf *buf);
/* The same, in a pager if it is longer than the screen. For output that is complete. */
int ctl_page(const struct ctl *ctl, struct hp_buf *buf);
/* Prints one JSON document, in the form that --json asks for. */
int ctl_put_json(const struct ctl *ctl, struct hp_json_value value);
/* Prints the reply, or a member of it, in the form that --json asks for. 0 or a negative errno. */
int ctl_put_reply(const struct ctl *ctl, const struct hookd_reply *reply, const char *member);
/*
 * Call after a failed write to stdout. Keeps its errno, since the call to hookd that it ends fails
 * with another one. Returns the kept errno, negative.
 */
int ctl_keep_stdout_error(void);
/* The kept errno, or 0. */
int ctl_stdout_error(void);
/* Reports it. Returns the exit status. */
int ctl_stdout_failed(void);

/* How tables are printed. */
static inline struct table_style ctl_table_style(const struct ctl *ctl)
{
	return (struct table_style){ctl->has_legend, ctl->has_colour, ctl->width};
}

/*
 * --format with a TEMPLATE: prints `count` rows, each a JSON object and further names (or NULL).
 * `names` are those that may be used, divided by '|'. Returns an exit status.
 */
struct ctl_row {
	struct hp_json_value object;
	const struct template_extra *extras;
};
int ctl_put_formatted(const struct ctl *ctl, const char *names, const struct ctl_row *rows,
		      size_t count);
/* The same for the members of a reply. -errno; *ret_exit is filled on success. */
int ctl_put_formatted_reply(const struct ctl *ctl, const char *names,
			    const struct hookd_reply *reply, int *ret_exit);
/* The same for the elements of an array. */
int ctl_put_formatted_array(const struct ctl *ctl, const char *names, struct hp_json_value array);
