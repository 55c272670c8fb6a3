/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The wire: framing of streams that are cut anywhere, the rules of the envelope, and its writers.
 */

#include "tests/proto/base/unit.h"

#include "proto/base/limits.h"
#include "proto/messages/messages.h"

/* ---- framing ---- */

/* Gives the inbox `length` bytes in pieces of at most `piece`. */
static void receive(struct hp_inbox *inbox, const char *bytes, size_t length, size_t piece)
{
	while (length > 0) {
		size_t size, part = length < piece ? length : piece;
		char *room = hp_inbox_reserve(inbox, &size);

		assert_non_null(room);
		assert_true(size > 0);
		if (part > size)
			part = size;
		memcpy(room, bytes, part);
		hp_inbox_commit(inbox, part);
		bytes += part;
		length -= part;
	}
}

static void assert_frame(struct hp_inbox *inbox, const char *expected)
{
	const char *frame;
	size_t length;

	assert_int_equal(hp_inbox_next(inbox, &frame, &length), 1);
	assert_int_equal(length, strlen(expected));
	assert_memory_equal(frame, expected, length + 1);
}

static void assert_no_frame(struct hp_inbox *inbox)
{
	const char *frame;
	size_t length;

	assert_int_equal(hp_inbox_next(inbox, &frame, &length), 0);
}

static void one_byte_at_a_time(void **state)
{
	static const char stream[] = "{\"a\":1}\0{}\0\0x";
	struct hp_inbox inbox = {0};
	size_t frames = 0;

	(void)state;
	assert_true(hp_inbox_is_empty(&inbox));
	for (size_t i = 0; i < sizeof(stream); i++) {
		static const char *const expected[] = {"{\"a\":1}", "{}", "", "x"};

		receive(&inbox, stream + i, 1, 1);
		assert_false(hp_inbox_is_empty(&inbox));
		if (stream[i] == '\0')
			assert_frame(&inbox, expected[frames++]);
		assert_no_frame(&inbox);
	}
	assert_int_equal(frames, 4);
	assert_true(hp_inbox_is_empty(&inbox));
	hp_inbox_free(&inbox);
}

static void several_messages_in_one_read(void **state)
{
	static const char stream[] = "one\0two\0three\0rest";
	struct hp_inbox inbox = {0};

	(void)state;
	receive(&inbox, stream, strlen("one two three rest"), SIZE_MAX);
	assert_frame(&inbox, "one");
	assert_frame(&inbox, "two");
	assert_frame(&inbox, "three");
	assert_no_frame(&inbox);
	assert_false(hp_inbox_is_empty(&inbox));
	receive(&inbox, " is here\0", 9, SIZE_MAX);
	assert_frame(&inbox, "rest is here");
	assert_no_frame(&inbox);
	hp_inbox_free(&inbox);
}

/* Reading continues while an earlier message has not been taken. */
static void messages_wait_while_more_is_received(void **state)
{
	struct hp_inbox inbox = {0};

	(void)state;
	receive(&inbox, "one\0two", 8, SIZE_MAX);
	assert_frame(&inbox, "one");
	receive(&inbox, "three\0", 6, SIZE_MAX);
	assert_frame(&inbox, "two");
	assert_frame(&inbox, "three");
	assert_no_frame(&inbox);
	hp_inbox_free(&inbox);
}

static void longest_message_passes_and_no_longer_one(void **state)
{
	char *message = malloc(HP_MESSAGE_BYTES_MAX + 1);
	struct hp_inbox inbox = {0};
	const char *frame;
	size_t length, size;

	(void)state;
	assert_non_null(message);
	memset(message, 'x', HP_MESSAGE_BYTES_MAX);
	message[HP_MESSAGE_BYTES_MAX] = '\0';
	for (int i = 0; i < 2; i++) {
		receive(&inbox, message, HP_MESSAGE_BYTES_MAX, 65536);
		assert_no_frame(&inbox);
		receive(&inbox, "", 1, 1);
		assert_int_equal(hp_inbox_next(&inbox, &frame, &length), 1);
		assert_int_equal(length, HP_MESSAGE_BYTES_MAX);
	}
	receive(&inbox, message, HP_MESSAGE_BYTES_MAX, 65536);
	receive(&inbox, "x", 1, 1);
	assert_int_equal(hp_inbox_next(&inbox, &frame, &length), -EMSGSIZE);
	assert_null(hp_inbox_reserve(&inbox, &size));
	hp_inbox_free(&inbox);
	free(message);
}

static void memory_grows_with_what_came(void **state)
{
	char block[4096];
	struct hp_inbox inbox = {0};

	(void)state;
	memset(block, 'x', sizeof(block));
	for (size_t received = sizeof(block); received <= 1 << 20; received += sizeof(block)) {
		receive(&inbox, block, sizeof(block), SIZE_MAX);
		assert_true(inbox.buf.capacity <= 2 * received + 4096);
	}
	receive(&inbox, "", 1, 1);
	assert_int_equal(hp_inbox_next(&inbox, &(const char *){NULL}, &(size_t){0}), 1);
	/* A connection that sent one big message and is idle does not keep its memory. */
	receive(&inbox, "x", 1, 1);
	assert_true(inbox.buf.capacity <= 4096);
	hp_inbox_free(&inbox);
}

/* ---- reading the envelope ---- */

static int read_call(const char *text, struct hp_call *call)
{
	static struct hp_json json;
	struct hp_err err;
	int r;

	if (hp_json_parse(&json, text, strlen(text), &err) < 0)
		fail_msg("%s: %s", text, err.reason);
	r = hp_call_read(&json, call, &err);
	if (r < 0)
		assert_int_equal(err.code, HP_ERR_PROTOCOL);
	return r;
}

static void calls_are_taken_apart(void **state)
{
	struct hp_call call;

	(void)state;
	assert_int_equal(
	    read_call("{\"method\":\"io.hookd.hooks.Run\",\"parameters\":{\"a\":1}}", &call), 0);
	assert_string_equal(call.method, "io.hookd.hooks.Run");
	assert_int_equal(hp_json_count(call.parameters), 1);
	assert_false(call.more || call.oneway || call.upgrade);
	assert_int_equal(
	    read_call("{\"more\":true,\"method\":\"a\\u002eB\",\"oneway\":false}", &call), 0);
	assert_string_equal(call.method, "a.B");
	assert_true(call.more);
	assert_int_equal(read_call("{\"method\":\"a.B\",\"oneway\":true}", &call), 0);
	assert_true(call.oneway);
	assert_int_equal(read_call("{\"method\":\"a.B\",\"upgrade\":true}", &call), 0);
	assert_true(call.upgrade);
}

static void no_parameters_has_three_spellings(void **state)
{
	static const char *const texts[] = {
	    "{\"method\":\"a.B\"}",
	    "{\"method\":\"a.B\",\"parameters\":null}",
	    "{\"method\":\"a.B\",\"parameters\":{}}",
	};
	struct hp_call call;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(read_call(texts[i], &call), 0);
		assert_int_equal(hp_json_count(call.parameters), 0);
		assert_int_equal(hp_json_type(call.parameters),
				 i < 2 ? HP_JSON_ABSENT : HP_JSON_OBJECT);
	}
}

static void extension_objects_are_passed_over(void **state)
{
	struct hp_call call;

	(void)state;
	assert_int_equal(read_call("{\"org.example\":{\"more\":true},\"method\":\"a.B\"}", &call),
			 0);
	assert_false(call.more);
}

#define LONG_16	 "0123456789abcdef"
#define LONG_112 LONG_16 LONG_16 LONG_16 LONG_16 LONG_16 LONG_16 LONG_16

static void method_may_be_127_bytes(void **state)
{
	struct hp_call call;

	(void)state;
	assert_int_equal(read_call("{\"method\":\"" LONG_112 "0123456789abcde\"}", &call), 0);
	assert_int_equal(strlen(call.method), 127);
	assert_int_equal(read_call("{\"method\":\"" LONG_112 LONG_16 "\"}", &call), -EPROTO);
}

static void wrong_calls_end_the_connection(void **state)
{
	static const char *const texts[] = {
	    "[]",
	    "1",
	    "null",
	    "\"a.B\"",
	    "{}",
	    "{\"parameters\":{}}",
	    "{\"method\":null}",
	    "{\"method\":1}",
	    "{\"method\":\"\"}",
	    "{\"method\":[\"a.B\"]}",
	    "{\"method\":\"a.B\",\"parameters\":[]}",
	    "{\"method\":\"a.B\",\"parameters\":\"{}\"}",
	    "{\"method\":\"a.B\",\"parameters\":1}",
	    "{\"method\":\"a.B\",\"parameters\":false}",
	    "{\"method\":\"a.B\",\"more\":1}",
	    "{\"method\":\"a.B\",\"more\":\"true\"}",
	    "{\"method\":\"a.B\",\"more\":null}",
	    "{\"method\":\"a.B\",\"oneway\":null}",
	    "{\"method\":\"a.B\",\"upgrade\":0}",
	    "{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
	    "{\"method\":\"a.B\",\"more\":true,\"upgrade\":true}",
	    "{\"method\":\"a.B\",\"oneway\":true,\"upgrade\":true}",
	    "{\"method\":\"a.B\",\"extra\":{}}",
	    "{\"method\":\"a.B\",\"error\":\"a.B\"}",
	    "{\"method\":\"a.B\",\"continues\":true}",
	    "{\"method\":\"a.B\",\"org.example\":1}",
	    "{\"method\":\"a.B\",\"org.example\":null}",
	    "{\"Method\":\"a.B\"}",
	};
	struct hp_call call = {.method = "untouched"};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (read_call(texts[i], &call) != -EPROTO)
			fail_msg("%s was taken", texts[i]);
	}
	assert_string_equal(call.method, "untouched");
}

static int read_reply(const char *text, struct hp_reply *reply)
{
	static struct hp_json json;
	struct hp_err err;

	if (hp_json_parse(&json, text, strlen(text), &err) < 0)
		fail_msg("%s: %s", text, err.reason);
	return hp_reply_read(&json, reply, &err);
}

static void replies_are_taken_apart(void **state)
{
	struct hp_reply reply;

	(void)state;
	assert_int_equal(read_reply("{}", &reply), 0);
	assert_string_equal(reply.error, "");
	assert_int_equal(hp_json_type(reply.parameters), HP_JSON_ABSENT);
	assert_false(reply.continues);
	assert_int_equal(read_reply("{\"parameters\":{\"a\":1},\"continues\":true}", &reply), 0);
	assert_true(reply.continues);
	assert_int_equal(hp_json_count(reply.parameters), 1);
	assert_int_equal(read_reply("{\"error\":\"a.E\",\"parameters\":null}", &reply), 0);
	assert_string_equal(reply.error, "a.E");
	assert_int_equal(read_reply("{\"error\":\"a.E\",\"continues\":false}", &reply), 0);
}

static void wrong_replies_are_refused(void **state)
{
	static const char *const texts[] = {
	    "[]",
	    "{\"error\":null}",
	    "{\"error\":\"\"}",
	    "{\"error\":1}",
	    "{\"error\":\"a.E\",\"continues\":true}",
	    "{\"continues\":1}",
	    "{\"parameters\":[]}",
	    "{\"result\":{}}",
	    "{\"method\":\"a.B\"}",
	};
	struct hp_reply reply;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (read_reply(texts[i], &reply) != -EPROTO)
			fail_msg("%s was taken", texts[i]);
	}
}

/* ---- writing ---- */

static void assert_message(struct hp_buf *buf, const char *expected)
{
	assert_false(buf->failed);
	assert_int_equal(buf->length, strlen(expected) + 1);
	assert_string_equal(buf->data, expected);
	hp_buf_clear(buf);
}

static void calls_have_no_key_too_many(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer;

	(void)state;
	writer = hp_call_begin(&buf, "a.B", false, false);
	hp_call_end(&writer);
	assert_message(&buf, "{\"method\":\"a.B\"}");
	writer = hp_call_begin(&buf, "a.B", true, false);
	hp_json_key(&writer, "x");
	hp_json_put_int(&writer, 1);
	hp_call_end(&writer);
	assert_message(&buf, "{\"method\":\"a.B\",\"more\":true,\"parameters\":{\"x\":1}}");
	writer = hp_call_begin(&buf, "a.B", false, true);
	hp_call_end(&writer);
	assert_message(&buf, "{\"method\":\"a.B\",\"oneway\":true}");
	hp_buf_free(&buf);
}

static void replies_have_no_key_too_many(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer;

	(void)state;
	hp_reply_empty(&buf, NULL);
	assert_message(&buf, "{}");
	hp_reply_empty(&buf, "a.E");
	assert_message(&buf, "{\"error\":\"a.E\"}");
	writer = hp_reply_begin(&buf, NULL, true);
	hp_json_key(&writer, "x");
	hp_json_begin(&writer, '{');
	hp_json_end(&writer, '}');
	hp_reply_end(&writer);
	assert_message(&buf, "{\"continues\":true,\"parameters\":{\"x\":{}}}");
	writer = hp_reply_begin(&buf, NULL, true);
	hp_reply_end(&writer);
	assert_message(&buf, "{\"continues\":true}");
	hp_buf_free(&buf);
}

static void messages_follow_one_another_in_a_buffer(void **state)
{
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	hp_reply_empty(&buf, NULL);
	hp_reply_empty(&buf, NULL);
	assert_int_equal(buf.length, 6);
	assert_memory_equal(buf.data, "{}\0{}", 6);
	hp_buf_free(&buf);
}

static void errors_go_out_under_their_names(void **state)
{
	static const struct {
		struct hp_err err;
		const char *expected;
	} cases[] = {
	    {{HP_ERR_INVALID, "hooks.poststop[2].path", "must be absolute"},
	     "{\"error\":\"a.b.Invalid\","
	     "\"parameters\":{\"path\":\"hooks.poststop[2].path\",\"detail\":\"must be "
	     "absolute\"}}"},
	    {{HP_ERR_NO_PARAMETER, "hooks", "is required"},
	     "{\"error\":\"org.varlink.service.InvalidParameter\","
	     "\"parameters\":{\"parameter\":\"hooks\"}}"},
	    {{HP_ERR_STATUS_NO_SUCH_RUN, "r1", ""},
	     "{\"error\":\"io.hookd.status.NoSuchRun\",\"parameters\":{\"run\":\"r1\"}}"},
	    {{HP_ERR_NO_SUCH_RUN, "r1", ""},
	     "{\"error\":\"io.hookd.hooks.NoSuchRun\",\"parameters\":{\"run\":\"r1\"}}"},
	    {{HP_ERR_REQUEST_ID_CONFLICT, "id \"1\"", ""},
	     "{\"error\":\"io.hookd.hooks.RequestIdConflict\","
	     "\"parameters\":{\"requestId\":\"id \\\"1\\\"\"}}"},
	    {{HP_ERR_BUSY, "", "the queue is full"},
	     "{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":100000,"
	     "\"reason\":\"the queue is full\"}}"},
	    {{HP_ERR_NO_MEMORY, "", ""},
	     "{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":100000}}"},
	    {{HP_ERR_DRAINING, "", ""}, "{\"error\":\"io.hookd.hooks.Draining\"}"},
	    {{HP_ERR_REFUSED, "", "not for uid 7"},
	     "{\"error\":\"io.hookd.hooks.Refused\",\"parameters\":{\"reason\":\"not for uid "
	     "7\"}}"},
	    {{HP_ERR_REFUSED, "users", "not for uid 7"},
	     "{\"error\":\"io.hookd.hooks.Refused\","
	     "\"parameters\":{\"reason\":\"not for uid 7\",\"rule\":\"users\"}}"},
	};
	struct hp_buf buf = HP_BUF_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		hp_reply_err(&buf, &cases[i].err, "a.b.Invalid");
		assert_message(&buf, cases[i].expected);
	}
	/* A method without such an error. */
	hp_reply_err(&buf, &(struct hp_err){HP_ERR_INVALID, "run", "must be a string"}, NULL);
	assert_message(&buf, "{\"error\":\"org.varlink.service.InvalidParameter\","
			     "\"parameters\":{\"parameter\":\"run\"}}");
	hp_reply_err(&buf, &(struct hp_err){.code = HP_ERR_PROTOCOL}, NULL);
	assert_int_equal(buf.length, 0);
	hp_buf_free(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(one_byte_at_a_time),
	    cmocka_unit_test(several_messages_in_one_read),
	    cmocka_unit_test(messages_wait_while_more_is_received),
	    cmocka_unit_test(longest_message_passes_and_no_longer_one),
	    cmocka_unit_test(memory_grows_with_what_came),
	    cmocka_unit_test(calls_are_taken_apart),
	    cmocka_unit_test(no_parameters_has_three_spellings),
	    cmocka_unit_test(extension_objects_are_passed_over),
	    cmocka_unit_test(method_may_be_127_bytes),
	    cmocka_unit_test(wrong_calls_end_the_connection),
	    cmocka_unit_test(replies_are_taken_apart),
	    cmocka_unit_test(wrong_replies_are_refused),
	    cmocka_unit_test(calls_have_no_key_too_many),
	    cmocka_unit_test(replies_have_no_key_too_many),
	    cmocka_unit_test(messages_follow_one_another_in_a_buffer),
	    cmocka_unit_test(errors_go_out_under_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
