/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Framing: messages split at any byte, and malformed ones. hookd closes a connection that violates
 * the protocol, without a reply; others are not affected.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/base/limits.h"
#include "tests/integration/harness/check.h"

#define PING "{\"method\":\"io.hookd.control.Ping\"}"

static void expect_pong(struct client *client)
{
	client_receive(client);
	check_error(client, "");
}

/* lldpd read one message per wake-up, and the second one only when a third came. */
static void two_frames_one_write(void **state)
{
	static const char calls[] = PING "\0{\"method\":\"org.varlink.service.GetInfo\"}";
	struct client *client = client_open(*state);

	client_send_bytes(client, calls, sizeof(calls));
	expect_pong(client);
	client_receive(client);
	check_string(client, "vendor", "hookd");
}

static void one_byte_per_write(void **state)
{
	static const char call[] = PING;
	struct client *client = client_open(*state);

	for (size_t i = 0; i < sizeof(call); i++)
		client_send_bytes(client, call + i, 1);
	expect_pong(client);
}

/* All are sent at once; hookd answers in order, also after a call that takes long. */
static void pipelined_calls_answered_in_order(void **state)
{
	struct client *client = client_open(*state);

	for (int i = 0; i < 3; i++) {
		begin_run(client, .hooks = {HOOK("'sleep','20','say','slow'")});
		client_send(client, "{'method':'org.varlink.service.GetInfo'}");
	}
	for (int i = 0; i < 3; i++) {
		client_receive(client);
		check_success(client);
		check_string(client, "result.hooks[0].stdout", "slow");
		client_receive(client);
		check_string(client, "vendor", "hookd");
	}
}

/* More than one read(2) returns and more than the first buffer holds. */
static void a_thousand_pipelined_calls(void **state)
{
	struct client *client = client_open(*state);

	for (int i = 0; i < 1000; i++)
		client_send(client, "{'method':'io.hookd.control.Ping'}");
	for (int i = 0; i < 1000; i++)
		expect_pong(client);
}

struct junk {
	const char *name;
	const char *bytes;
	size_t length;
};
#define JUNK(name, bytes)                                                                          \
	{                                                                                          \
		name, bytes, sizeof(bytes)                                                         \
	}

static const struct junk junks[] = {
    JUNK("nothing", ""),
    JUNK("no JSON", "hello"),
    JUNK("no object", "[]"),
    JUNK("a string", "\"" PING "\""),
    JUNK("cut short", "{\"method\":\"io.hookd.control.Ping\""),
    JUNK("more behind", PING PING),
    JUNK("comma behind", "{\"method\":\"io.hookd.control.Ping\",}"),
    JUNK("comment", PING "//"),
    JUNK("single quotes", "{'method':'io.hookd.control.Ping'}"),
    JUNK("unknown key", "{\"method\":\"io.hookd.control.Ping\",\"id\":1}"),
    JUNK("unknown key null", "{\"method\":\"io.hookd.control.Ping\",\"id\":null}"),
    JUNK("duplicate key", "{\"method\":\"a.b.C\",\"method\":\"io.hookd.control.Ping\"}"),
    JUNK("duplicate by escape", "{\"method\":\"a.b.C\",\"meth\\u006fd\":\"a.b.C\"}"),
    JUNK("duplicate parameter",
	 "{\"method\":\"io.hookd.hooks.Cancel\",\"parameters\":{\"run\":\"a\",\"run\":\"b\"}}"),
    JUNK("U+0000", "{\"method\":\"io.hookd.control.Ping\\u0000\"}"),
    JUNK("lone surrogate", "{\"method\":\"io.hookd.control.Ping\\ud800\"}"),
    JUNK("invalid UTF-8", "{\"method\":\"io.hookd.control.Ping\xff\"}"),
    JUNK("overlong UTF-8", "{\"method\":\"io.hookd.control.Ping\xc0\xaf\"}"),
    JUNK("control character", "{\"method\":\"io.hookd.control.\nPing\"}"),
    JUNK("no method", "{\"parameters\":{}}"),
    JUNK("empty method", "{\"method\":\"\"}"),
    JUNK("method null", "{\"method\":null}"),
    JUNK("method number", "{\"method\":1}"),
    JUNK("parameters list", "{\"method\":\"io.hookd.control.Ping\",\"parameters\":[]}"),
    JUNK("flag 1.5", "{\"method\":\"io.hookd.control.Ping\",\"more\":1.5}"),
    JUNK("flag string", "{\"method\":\"io.hookd.control.Ping\",\"oneway\":\"true\"}"),
    JUNK("flag 1", "{\"method\":\"io.hookd.control.Ping\",\"upgrade\":1}"),
    JUNK("two flags", "{\"method\":\"io.hookd.control.Ping\",\"more\":true,\"oneway\":true}"),
    JUNK("a reply", "{\"error\":\"a.b.C\"}"),
    JUNK("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    JUNK("HTTP", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
};

static void junk_closes_the_connection(void **state)
{
	struct client *bystander = client_open(*state);

	for (size_t i = 0; i < sizeof(junks) / sizeof(junks[0]); i++) {
		struct client *client = client_open(*state);

		print_message("%s\n", junks[i].name);
		client_send_bytes(client, junks[i].bytes, junks[i].length);
		client_expect_end(client);
		client_close(client);
		client_expect_alive(bystander);
	}
}

/* Valid messages before the violation are answered. */
static void junk_behind_a_call(void **state)
{
	static const char bytes[] = PING "\0}{";
	struct client *client = client_open(*state);

	client_send_bytes(client, bytes, sizeof(bytes));
	expect_pong(client);
	client_expect_end(client);
}

/* The same keys with allowed values. */
static void odd_but_right_envelopes(void **state)
{
	static const char *const calls[] = {
	    " {\n\t'method' : 'io.hookd.control.Ping' }\r\n",
	    "{'parameters':null,'method':'io.hookd.control.Ping'}",
	    "{'parameters':{},'method':'io.hookd.control.Ping','more':false,'oneway':false}",
	    "{'method':'io.hookd.control.P\\u0069ng','upgrade':false}",
	    "{'method':'io.hookd.control.Ping','org.example.trace':{'a':[1,2,{'b':null}]}}",
	    "{'method':'io.hookd.control.Ping','more':true}",
	};
	struct client *client = client_open(*state);

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		client_call(client, calls[i]);
		check_error(client, "");
		assert_false(client->reply.continues);
	}
}

static char *repeat(const char *begin, const char *part, size_t times, const char *end)
{
	size_t length = strlen(part);
	char *text = malloc(strlen(begin) + times * length + strlen(end) + 1), *at = text;

	assert_non_null(text);
	at = stpcpy(at, begin);
	for (size_t i = 0; i < times; i++)
		at = (char *)memcpy(at, part, length) + length;
	strcpy(at, end);
	return text;
}

static void expect_too_much(struct harness *harness, const char *begin, const char *part,
			    size_t times, const char *end)
{
	struct client *client = client_open(harness), *bystander = client_open(harness);
	char *text = repeat(begin, part, times, end);

	client_send_bytes(client, text, strlen(text) + 1);
	client_expect_end(client);
	client_expect_alive(bystander);
	free(text);
	client_close(client);
	client_close(bystander);
}

#define BEGIN "{\"method\":\"io.hookd.control.Ping\",\"a.b\":{\"x\":"

static void message_over_the_bounds(void **state)
{
	expect_too_much(*state, BEGIN "\"", "y", 5 * 1024 * 1024, "\"}}");
	expect_too_much(*state, BEGIN, "[", 5000, "");
	expect_too_much(*state, BEGIN "[0", ",0", HP_JSON_TOKENS_MAX, "]}}");
	/* Without a NUL: hookd must not buffer without limit. */
	expect_too_much(*state, "", " ", 5 * 1024 * 1024, "");
}

static void message_at_the_bound(void **state)
{
	static const char begin[] = BEGIN "\"", end[] = "\"}}";
	struct client *client = client_open(*state);
	size_t times = HP_MESSAGE_BYTES_MAX - strlen(begin) - strlen(end);
	char *text = repeat(begin, "y", times, end);

	assert_int_equal(strlen(text), HP_MESSAGE_BYTES_MAX);
	client_send_bytes(client, text, strlen(text) + 1);
	expect_pong(client);
	free(text);
}

static void client_that_ends_within_a_message(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness), *bystander = client_open(harness);

	client_send_bytes(client, PING, 10);
	client_close(client);
	harness_await_log(harness, "end of file within a message");
	client_expect_alive(bystander);
}

/* ---- unknown calls ---- */

static void unknown_methods(void **state)
{
	struct client *client = client_open(*state);

	client_call(client, "{'method':'io.hookd.hooks.Walk'}");
	check_error(client, "org.varlink.service.MethodNotFound");
	check_string(client, "method", "io.hookd.hooks.Walk");
	client_call(client, "{'method':'com.example.Run'}");
	check_error(client, "org.varlink.service.InterfaceNotFound");
	check_string(client, "interface", "com.example");
	client_call(client, "{'method':'io.hookd.control.Ping','upgrade':true}");
	check_error(client, "org.varlink.service.MethodNotImplemented");
	client_expect_alive(client);
}

static void oneway_never_answers(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	int done = fifo_open(harness, "done");

	begin_run(client, .flags = ",'oneway':true", .hooks = {HOOK("'tell','@DIR@/done'")});
	begin_run(client, .flags = ",'oneway':true", .stage = "walk");
	client_send(client, "{'method':'io.hookd.hooks.Walk','oneway':true}");
	client_send(client, "{'method':'com.example.Run','oneway':true}");
	client_send(client, "{'method':'io.hookd.control.Ping','oneway':true}");
	client_send(client, "{'method':'io.hookd.status.List','oneway':true}");
	client_send(client, "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'x'},"
			    "'oneway':true}");
	client_send(client, "{'method':'io.hookd.hooks.Wait','parameters':{'run':'x'},"
			    "'oneway':true}");
	client_expect_alive(client);
	fifo_await(done);
	await_true(status_number(harness, "stored") == 1, "the run is done");
	client_expect_alive(client);
}

#define CALL(method, parameters)                                                                   \
	"{'method':'" method "','parameters':{" parameters "},'oneway':true}"

/* Also of methods that are answered later: a reply would be read as that of the next call. */
static void oneway_never_answers_for_any_method(void **state)
{
	static const char *const calls[] = {
	    CALL("io.hookd.settings.Update",
		 "'container':'no','settings':{'process':{'oomScoreAdj':5}}"),
	    CALL("io.hookd.settings.Release", "'container':'no'"),
	    CALL("io.hookd.settings.Release", "'container':5"),
	    CALL("io.hookd.settings.Holdings", ""),
	    CALL("io.hookd.settings.CompileSeccomp",
		 "'seccomp':{'defaultAction':'SCMP_ACT_ERRNO'}"),
	    CALL("io.hookd.status.Get", "'run':'no'"),
	    CALL("io.hookd.status.GetStatus", ""),
	    CALL("org.varlink.service.GetInfo", ""),
	    CALL("org.varlink.service.GetInterfaceDescription", "'interface':'io.hookd.hooks'"),
	};
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char apply[256];
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	assert_true(pid > 0);
	snprintf(apply, sizeof(apply),
		 CALL("io.hookd.settings.Apply", "'container':'box','pid':%d,"
						 "'settings':{'process':{'oomScoreAdj':500}}"),
		 pid);
	client_send(client, apply);
	client_send(client, apply); /* fails: it has one */
	client_send(client, CALL("io.hookd.settings.Release", "'container':'box'"));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		client_send(client, calls[i]);
		client_expect_alive(client);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The client reads late, so there are unsent replies when the oneway calls are dispatched. */
static void oneway_does_not_cut_the_replies_before(void **state)
{
	enum { DESCRIPTIONS = 200 };
	struct client *client = client_open(*state);

	for (int i = 0; i < DESCRIPTIONS; i++) {
		client_send(client, "{'method':'org.varlink.service.GetInterfaceDescription',"
				    "'parameters':{'interface':'io.hookd.settings'}}");
		client_send(client, CALL("io.hookd.settings.Release", "'container':'no'"));
		client_send(client, CALL("io.hookd.control.Ping", ""));
	}
	for (int i = 0; i < DESCRIPTIONS; i++) {
		client_receive(client);
		check_part(client, "description", "interface io.hookd.settings");
	}
	client_expect_alive(client);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(two_frames_one_write),
	    TEST(one_byte_per_write),
	    TEST(pipelined_calls_answered_in_order),
	    TEST(a_thousand_pipelined_calls),
	    TEST(junk_closes_the_connection),
	    TEST(junk_behind_a_call),
	    TEST(odd_but_right_envelopes),
	    TEST(message_over_the_bounds),
	    TEST(message_at_the_bound),
	    TEST(client_that_ends_within_a_message),
	    TEST(unknown_methods),
	    TEST(oneway_never_answers),
	    TEST(oneway_never_answers_for_any_method),
	    TEST(oneway_does_not_cut_the_replies_before),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
