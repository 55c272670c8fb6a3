/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/libhookd/hookd.h"
#include "tests/client/calls.h"
#include "tests/client/fake_server.h"
#include "tests/group/group.h"

/* Without a status, so that it can be the state of any stage. */
#define STATE                                                                                      \
	"{\"ociVersion\":\"1.0.2\",\"id\":\"c\",\"pid\":7,\"bundle\":\"/"                          \
	"b\"}"
#define HOOKS "{\"createRuntime\":[{\"path\":\"/bin/true\"}]}"

#define REQUEST(...)                                                                               \
	(&(struct hookd_run_request){.size = sizeof(struct hookd_run_request),                     \
				     .stage = "createRuntime",                                     \
				     .state = STATE,                                               \
				     __VA_ARGS__})

static inline struct hookd_client *test_client(const struct fake_server *server)
{
	struct hookd_client *client;

	assert_int_equal(hookd_client_new(fake_server_address(server), &client), 0);
	return client;
}

/* Frees the client, so that the server sees it disconnect, and then the server. */
static inline void test_end(struct hookd_client *client, struct fake_server *server)
{
	hookd_client_free(client);
	fake_server_join(server);
	fake_server_free(server);
}
