/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/conn.h"
#include "daemon/ipc/ipc.h"
#include "proto/base/err.h"
#include "proto/messages/messages.h"

/* A call, for its handler. The parsed message is valid until the handler returns. */
struct exchange {
	struct hookd *hookd;
	struct conn *conn;
	struct hp_call call;
	const char *invalid; /* the method's error for wrong values, for hp_reply_err() */
};

/*
 * Writes the reply with hp_reply_*(conn_reply(exchange->conn)), or calls conn_begin_call() and
 * answers later. -errno: *err is filled, and nothing was written.
 */
typedef int (*handler_fn)(struct exchange *exchange, struct hp_err *err);

/* The names of all methods, by their index in hookd::requests; NULL: there are no more. */
const char *dispatch_method_name(size_t index);

/* The enum permission that a method needs; -1: there is no such method. */
int dispatch_method_permission(const char *name);

/* The on_message() of connections. */
void dispatch_message(struct conn *conn, const char *text, size_t length);

/*
 * The text of an error for the log. Errors without a reason get their text from the client library.
 * It may be in `text`.
 */
#define ERROR_TEXT_SIZE (HP_ERR_PATH_SIZE + HP_ERR_REASON_SIZE + 32)
const char *error_text(const struct hp_err *err, char text[static ERROR_TEXT_SIZE]);

/* ---- the handlers; the interface files describe the methods ---- */

int handle_get_info(struct exchange *exchange, struct hp_err *err);		     /* service.c */
int handle_get_interface_description(struct exchange *exchange, struct hp_err *err); /* service.c */
int handle_run(struct exchange *exchange, struct hp_err *err);			     /* hooks.c */
int handle_wait(struct exchange *exchange, struct hp_err *err);			     /* hooks.c */
int handle_cancel(struct exchange *exchange, struct hp_err *err);		     /* hooks.c */
int handle_explain(struct exchange *exchange, struct hp_err *err);	   /* explain_hooks.c */
int handle_list(struct exchange *exchange, struct hp_err *err);		   /* status/list.c */
int handle_get(struct exchange *exchange, struct hp_err *err);		   /* status/get.c */
int handle_watch(struct exchange *exchange, struct hp_err *err);	   /* status/watch.c */
int handle_summary(struct exchange *exchange, struct hp_err *err);	   /* status/summary.c */
int handle_get_metrics(struct exchange *exchange, struct hp_err *err);	   /* status/metrics.c */
int handle_get_status(struct exchange *exchange, struct hp_err *err);	   /* status/status.c */
int handle_apply(struct exchange *exchange, struct hp_err *err);	   /* apply.c */
int handle_update(struct exchange *exchange, struct hp_err *err);	   /* apply.c */
int handle_release(struct exchange *exchange, struct hp_err *err);	   /* apply.c */
int handle_holdings(struct exchange *exchange, struct hp_err *err);	   /* apply.c */
int handle_compile_seccomp(struct exchange *exchange, struct hp_err *err); /* seccomp.c */
int handle_ping(struct exchange *exchange, struct hp_err *err);		   /* control.c */
int handle_reload(struct exchange *exchange, struct hp_err *err);	   /* control.c */
int handle_set_log_level(struct exchange *exchange, struct hp_err *err);   /* control.c */
int handle_drain(struct exchange *exchange, struct hp_err *err);	   /* drain.c */
int handle_explain_policy(struct exchange *exchange, struct hp_err *err);  /* explain.c */

/* In control.c: replies io.hookd.control.ConfigError; writes its members; and others. */
void reply_config_error(struct conn *conn, const struct config_error *error);
void write_config_error(struct hp_json_writer *writer, const struct config_error *error);
void write_config_files(struct hp_json_writer *writer, const struct config *config,
			const char *key);
const char *log_level_name(const struct hookd *hookd);

/* The callbacks of struct run_context, in hooks.c. */
int hooks_on_run_starting(struct run *run, void *userdata);
void hooks_on_run_ending(struct run *run, void *userdata);
void hooks_on_run_done(struct run *run, void *userdata);

/* Refuses settings that this machine does not support; hooks.c. */
int hooks_check_settings(const struct hookd *hookd, const struct hp_request *request,
			 struct hp_err *err) must_check;

/*
 * Creates the run of a request and adds it to the store; the caller submits it. On success the run
 * owns *request. -EBUSY: the user has too many; -ENOMEM; -errno with *err: it cannot be run.
 */
int hooks_make_run(struct hookd *hookd, const struct peer *peer, struct hp_request *request,
		   struct run **ret_run, struct hp_err *err) must_check; /* hooks.c */

/* For methods without parameters. */
int expect_no_parameters(const struct exchange *exchange, struct hp_err *err);
/* Fills *err with that NoSuchRun and returns -ENOENT. */
int err_no_such_run(struct hp_err *err, enum hp_err_code code, const char *id);
/* NULL: NoSuchRun of the method's interface, also if the run exists and the peer may not see it. */
struct run *find_visible_run(const struct exchange *exchange, const char *id, struct hp_err *err);
/* For methods whose only parameter is the id of a run. NULL: an error. */
struct run *find_run_parameter(const struct exchange *exchange, struct hp_err *err);
