/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Each allocation in turn fails: the library returns -ENOMEM and leaks nothing. The linker finds
 * the malloc(3) family of this file before libc's. A sanitizer would need its own, so this test is
 * not built with one.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/client_test.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *pointer, size_t size);
extern void __libc_free(void *pointer);

/* For the test's thread; the server's thread has its own. */
static _Thread_local unsigned long until_refusal; /* 0: none is refused */
static _Thread_local unsigned long refusals;
static _Thread_local long live; /* allocations that were not freed */

static bool is_refused(void)
{
	if (until_refusal == 0 || --until_refusal > 0)
		return false;
	refusals++;
	errno = ENOMEM;
	return true;
}

static void *count(void *pointer)
{
	live += pointer != NULL;
	return pointer;
}

void *malloc(size_t size)
{
	return is_refused() ? NULL : count(__libc_malloc(size));
}

void *calloc(size_t number, size_t size)
{
	return is_refused() ? NULL : count(__libc_calloc(number, size));
}

void *realloc(void *pointer, size_t size)
{
	if (is_refused())
		return NULL;
	return pointer ? __libc_realloc(pointer, size) : count(__libc_malloc(size));
}

void free(void *pointer)
{
	live -= pointer != NULL;
	__libc_free(pointer);
}

/* Repeats with the first, second, ... allocation failing, until none fails. */
static void with_refusals(int (*try)(void *userdata), void *userdata)
{
	unsigned long number = 0, refused = 0;
	int r;

	do {
		long before = live;

		refusals = 0;
		until_refusal = ++number;
		r = try(userdata);
		until_refusal = 0;
		/* asprintf(3) recovers from one failed allocation. */
		if (refusals > 0 && r != -ENOMEM && r != 0)
			fail_msg("allocation %lu was refused: %d", number, r);
		refused += refusals > 0 && r == -ENOMEM;
		if (live != before)
			fail_msg("allocation %lu was refused: memory is kept", number);
	} while (refusals > 0);
	assert_int_equal(r, 0);
	assert_true(refused >= 3);
}

static int try_list(void *userdata)
{
	static const char *const args[] = {"a", NULL};
	static const struct hookd_hook hook = {.size = sizeof(hook), .path = "/a", .args = args};
	struct hookd_hooks *hooks;
	char *json;
	int r = hookd_hooks_new(&hooks);

	(void)userdata;
	if (r < 0)
		return r;
	r = hookd_hooks_add_command(hooks, "poststop", &hook);
	if (r >= 0)
		r = hookd_hooks_add_json(hooks, HOOKS, "oci");
	if (r >= 0)
		r = hookd_hooks_to_json(hooks, "oci", &json, NULL);
	if (r >= 0)
		free(json);
	hookd_hooks_free(hooks);
	return r;
}

static void test_list(void **state)
{
	(void)state;
	with_refusals(try_list, NULL);
}

static int do_nothing(const char *state, void *userdata)
{
	(void)state;
	(void)userdata;
	return -EPERM;
}

static int try_functions(void *userdata)
{
	const struct fake_server *server = userdata;
	struct hookd_client *client;
	struct hookd_hooks *hooks;
	struct hookd_result *result;
	int r = hookd_client_new(fake_server_address(server), &client);

	if (r < 0)
		return r;
	r = hookd_hooks_new(&hooks);
	if (r >= 0) {
		r = hookd_hooks_add_function(hooks, "createRuntime", "f", do_nothing, NULL);
		if (r >= 0)
			r = hookd_run(client, REQUEST(.hook_list = hooks), &result);
		if (r >= 0)
			hookd_result_free(result);
		hookd_hooks_free(hooks);
	}
	hookd_client_free(client);
	return r;
}

static void test_functions(void **state)
{
	static const struct fake_step steps[] = {{FAKE_END}};
	struct fake_server *server = fake_server_start(steps);

	(void)state;
	with_refusals(try_functions, server);
	fake_server_join(server);
	fake_server_free(server);
}

/* One run and one call; the server answers every message, on any number of connections. */
static int try_run(void *userdata)
{
	const struct fake_server *server = userdata;
	struct hookd_client *client;
	struct hookd_result *result;
	int r = hookd_client_new(fake_server_address(server), &client);

	if (r < 0)
		return r;
	r = hookd_run(client, REQUEST(.hooks = HOOKS), &result);
	if (r >= 0)
		hookd_result_free(result);
	hookd_client_free(client);
	return r;
}

static void test_run(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ANSWER_ALL, FAKE_SUCCESS}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);

	(void)state;
	with_refusals(try_run, server);
	fake_server_shut(server);
	fake_server_join(server);
	fake_server_free(server);
}

#define RUN "{\"run\":\"r1\",\"container\":\"web\",\"stage\":\"poststop\"}"
/* A reply to each of them; the server takes one call per connection. */
#define ANSWER                                                                                     \
	"{\"parameters\":{\"applied\":{\"cgroupPath\":\"/web\",\"process\":[\"rlimits\"]},"        \
	"\"removed\":[\"/web\"],\"containers\":{\"web\":{\"rdtGroup\":\"g\"}},"                    \
	"\"bpfBase64\":\"BgAAAAAA/38=\",\"instructions\":1,\"flags\":4,\"needsListener\":false,"   \
	"\"unknownSyscalls\":[\"a\"],\"run\":" RUN ",\"runs\":[" RUN "," RUN "],\"progress\":{"    \
	"\"hooks\":[" FAKE_HOOK(                                                                   \
	    0, "/bin/true") "]},\"request\":{},\"paths\":[{\"path\":\"/p\"}],"                     \
			    "\"addresses\":[\"unix:/a\"],\"kernelFeatures\":{\"a\":true}}}"

static int apply(struct hookd_client *client, struct hookd_reply **ret)
{
	return hookd_apply(client,
			   &(struct hookd_apply_request){.size = sizeof(struct hookd_apply_request),
							 .container = "web",
							 .pid = 7,
							 .settings = "{}"},
			   ret);
}

static int release(struct hookd_client *client, struct hookd_reply **ret)
{
	return hookd_release(client, "web", ret);
}

static int compile(struct hookd_client *client, struct hookd_reply **ret)
{
	return hookd_compile_seccomp(client, "{}", NULL, ret);
}

static int get(struct hookd_client *client, struct hookd_reply **ret)
{
	return hookd_get(client, "r1", ret);
}

static int list(struct hookd_client *client, struct hookd_reply **ret)
{
	return hookd_list(client, NULL, ret);
}

struct reply_try {
	const struct fake_server *server;
	int (*function)(struct hookd_client *client, struct hookd_reply **ret);
};

static int try_reply(void *userdata)
{
	const struct reply_try *try = userdata;
	struct hookd_client *client;
	struct hookd_reply *reply;
	int r = hookd_client_new(fake_server_address(try->server), &client);

	if (r < 0)
		return r;
	r = try->function(client, &reply);
	if (r >= 0)
		hookd_reply_free(reply);
	hookd_client_free(client);
	return r;
}

static void test_replies(void **state)
{
	static int (*const functions[])(struct hookd_client *, struct hookd_reply **) = {
	    apply, release, hookd_holdings, compile, get, list, hookd_status};
	static const struct fake_step steps[] = {{FAKE_ANSWER_ALL, ANSWER}, {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);

	(void)state;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		with_refusals(try_reply, &(struct reply_try){server, functions[i]});
	fake_server_shut(server);
	fake_server_join(server);
	fake_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_list),
	    cmocka_unit_test(test_functions),
	    cmocka_unit_test(test_run),
	    cmocka_unit_test(test_replies),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
