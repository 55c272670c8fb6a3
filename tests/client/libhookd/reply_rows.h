/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/client/client_test.h"

/* The calls of hookd_calls.h with one reply: what each sends, and what it reads. */

/* One way to make each call: `ret` or `done`. */
struct form {
	struct hookd_client *client;
	struct hookd_reply **ret;
	hookd_done_fn done;
	void *userdata;
};

struct reply_row {
	int (*call)(const struct form *form);
	const char *sent, *reply;
	void (*check)(const struct hookd_reply *reply);
};

extern const struct reply_row reply_rows[];
extern const size_t reply_row_count;

int call_apply(const struct form *form);
int call_drain(const struct form *form);
int call_explain(const struct form *form);
int call_explain_policy(const struct form *form);
int call_get(const struct form *form);
int call_list(const struct form *form);
int call_metrics(const struct form *form);
int call_ping(const struct form *form);
int call_release(const struct form *form);
int call_reload(const struct form *form);
int call_status(const struct form *form);
int call_summary(const struct form *form);
int call_update(const struct form *form);
int call_wait(const struct form *form);
void check_empty_list(const struct hookd_reply *reply);

#define REPLY(parameters) "{\"parameters\":" parameters "}"
