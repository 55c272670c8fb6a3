/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdio.h>

#include "client/libhookd/hookd.h"
#include "tests/integration/harness/check.h"

/* For tests of libhookd with a real hookd: a client, and a loop for the form that does not wait. */

static inline struct hookd_client *lib_open(const struct harness *harness)
{
	struct hookd_client *client;
	char address[128];

	snprintf(address, sizeof(address), "unix:%s", harness->socket);
	assert_int_equal(hookd_client_new(address, &client), 0);
	return client;
}

struct answer {
	struct hookd_reply *reply;
	int error;
	bool is_done;
};

static inline void on_done(struct hookd_client *client, int error, struct hookd_reply *reply,
			   void *userdata)
{
	(void)client;
	*(struct answer *)userdata = (struct answer){reply, error, true};
}

static inline void loop_once(struct hookd_client *client)
{
	struct pollfd pollfd = {hookd_get_fd(client), hookd_get_events(client), 0};

	assert_true(pollfd.fd >= 0);
	assert_int_equal(poll(&pollfd, 1, DEADLINE_MS), 1);
	(void)hookd_process(client);
}

static inline struct hookd_reply *await_answer(struct hookd_client *client, struct answer *answer)
{
	while (!answer->is_done)
		loop_once(client);
	if (answer->error < 0)
		fail_msg("%s", hookd_client_error(client));
	return answer->reply;
}

/* A run that is done; its id. */
static inline void run_one(struct harness *harness, char id[static 64])
{
	struct client *client = client_open(harness);

	run(client, .container = "box", .hooks = {HOOK("'say','one'"), HOOK("'exit','3'")});
	snprintf(id, 64, "%s", reply_string(client, "result.run"));
	client_close(client);
}
