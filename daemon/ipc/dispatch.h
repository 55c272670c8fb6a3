/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/conn.h"
#include "daemon/ipc/ipc.h"
#include "proto/base/err.h"
#include "proto/messages/messages.h"

/* One call while its handler looks at it; the parsed message is valid during the handler. */
struct exchange {
	struct hookd *hookd;
	struct conn *conn;
	struct hp_call call;
};

/*
 * A handler writes its reply with hp_reply_*(&exchange->conn->out), or begins a call that answers
 * later (ipc/call.h). On failure it has written nothing and filled *err.
 */
typedef int (*handler_fn)(struct exchange *exchange, struct hp_err *err);

/* A connection's on_message(). */
void dispatch_message(struct conn *conn, const char *text, size_t length);

/* ---- the handlers; see the interface files for what they do ---- */

int handle_get_info(struct exchange *exchange, struct hp_err *err);		     /* service.c */
int handle_get_interface_description(struct exchange *exchange, struct hp_err *err); /* service.c */
int handle_run(struct exchange *exchange, struct hp_err *err);			     /* hooks.c */
int handle_wait(struct exchange *exchange, struct hp_err *err);			     /* hooks.c */
int handle_cancel(struct exchange *exchange, struct hp_err *err);		     /* hooks.c */
int handle_list(struct exchange *exchange, struct hp_err *err);			     /* status.c */
int handle_get(struct exchange *exchange, struct hp_err *err);			     /* status.c */
int handle_get_status(struct exchange *exchange, struct hp_err *err);		     /* status.c */
int handle_apply(struct exchange *exchange, struct hp_err *err);		     /* apply.c */
int handle_update(struct exchange *exchange, struct hp_err *err);		     /* apply.c */
int handle_release(struct exchange *exchange, struct hp_err *err);		     /* apply.c */
int handle_holdings(struct exchange *exchange, struct hp_err *err);		     /* apply.c */
int handle_compile_seccomp(struct exchange *exchange, struct hp_err *err);	     /* seccomp.c */
int handle_ping(struct exchange *exchange, struct hp_err *err);			     /* control.c */
int handle_drain(struct exchange *exchange, struct hp_err *err);		     /* control.c */

/* What hooks.c does when a run starts, ends and is done; for struct run_context. */
void hooks_on_run_starting(struct run *run, void *userdata);
void hooks_on_run_ending(struct run *run, void *userdata);
void hooks_on_run_done(struct run *run, void *userdata);

/* For the several handlers of methods that take nothing. */
int expect_no_parameters(const struct exchange *exchange, struct hp_err *err);
/*
 * For those that take one run's id: the run, if it is there and the peer may see it; else NULL and
 * NoSuchRun, which is the same answer for both.
 */
struct run *find_run_parameter(const struct exchange *exchange, struct hp_err *err);
