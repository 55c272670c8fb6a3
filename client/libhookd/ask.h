/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/libhookd/client.h"
#include "client/libhookd/reply.h"

/* A method with one reply, and what that is. */
struct method {
	const char *name;
	enum reply_kind kind;
	reply_read_fn read; /* NULL: REPLY_EMPTY */
};

/* How the caller wants the reply: where `ret` is set by waiting for it, else by `done`. */
struct asker {
	struct hookd_reply **ret;
	hookd_done_fn done;
	void *userdata;
};

#define ASK_NOW(ret_)		    (&(struct asker){.ret = (ret_)})
#define ASK_LATER(done_, userdata_) (&(struct asker){.done = (done_), .userdata = (userdata_)})

static inline int ask_begin(struct hookd_client *client, const struct asker *asker)
{
	return client_begin(client, asker->ret != NULL);
}

/* Starts client->call; the caller writes its parameters. */
struct hp_json_writer ask_write(struct hookd_client *client, const struct method *method);
/* Ends it, sends it, and waits if the caller wants that. `container`: see reply.h. */
int ask_send(struct hookd_client *client, const struct method *method,
	     struct hp_json_writer *writer, const char *container, const struct asker *asker);

/* A method without parameters. */
int ask_plain(struct hookd_client *client, const struct method *method, const struct asker *asker);
/* A method with one text as its parameter `name`, which is required. */
int ask_text(struct hookd_client *client, const struct method *method, const char *name,
	     const char *text, const struct asker *asker);

/* The writer replaces invalid UTF-8, so hookd would get another name. -EINVAL for NULL, too. */
int ask_check_text(struct hookd_client *client, const char *parameter, const char *text);
/* Sets client->fault for an error of reading a reply: -ENOMEM, -EBADMSG. Returns it. */
int ask_misread(struct hookd_client *client, int r, const struct hp_err *err);
/*
 * How often a method's call may be sent, see hookd_calls.h. SENDS_ONCE for one that is not known,
 * and for Run and Watch, which have their own functions.
 */
uint32_t ask_sends(const char *method);
