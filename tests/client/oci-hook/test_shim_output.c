/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookd-oci-hook with a runtime that keeps the output of hooks, as crun does for two annotations.
 */

#include <string.h>
#include <unistd.h>

#include "tests/client/oci-hook/shim.h"

#define STATE_WITH_FILES "{\"id\":\"c\",\"annotations\":{\"run.oci.hooks.stdout\":\"/o\"}}"
#define EVENT(event, more)                                                                         \
	"{\"parameters\":{\"event\":\"" event "\",\"run\":\"r1\"" more "},\"continues\":true}"
#define OUTPUT(index, stream, data)                                                                \
	EVENT("output", ",\"index\":" #index ",\"stream\":\"" stream "\"," data)
#define LOUD_HOOK(index, out, bytes)                                                               \
	"{\"index\":" #index                                                                       \
	",\"path\":\"/x\",\"outcome\":\"exited\",\"success\":true,\"exitStatus\":0,"               \
	"\"stdout\":\"" out "\",\"stdoutBytes\":" #bytes ",\"stdoutTruncated\":false,"             \
	"\"stderrBytes\":0,\"stderrTruncated\":false,\"lingering\":false}"

static void expect_streamed(const struct fake_step *steps, int status, const char *text)
{
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome = run_shim_with(
	    STATE_WITH_FILES, ENV,
	    ARGV((char *)"--stage=poststop", shim_address_option(server), (char *)"--hook=/x"));

	assert_string_equal(outcome.text, text);
	assert_int_equal(outcome.status, status);
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 0), "\"more\":true"));
	fake_server_free(server);
}

/* Output in events is written as it arrives, and not again with the result. */
static void test_output_is_streamed_where_it_is_kept(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, EVENT("accepted", "")},
	    {FAKE_SEND, EVENT("started", ",\"index\":0")},
	    {FAKE_SEND, OUTPUT(0, "stdout", "\"data\":\"one \"")},
	    {FAKE_SEND, OUTPUT(0, "stderr", "\"dataBase64\":\"/wo=\"")},
	    {FAKE_SEND, OUTPUT(0, "stdout", "\"data\":\"two\"")},
	    {FAKE_SEND, EVENT("finished", ",\"index\":0,\"hook\":" LOUD_HOOK(0, "one two", 7))},
	    {FAKE_SEND, EVENT("some", ",\"day\":0")},
	    {FAKE_SEND, FAKE_RESULT("r1", "succeeded", "", LOUD_HOOK(0, "one two", 7))},
	    {FAKE_EOF},
	    {FAKE_END}};

	(void)state;
	expect_streamed(steps, 0, "one \377\ntwo");
}

/* The message about a failure begins on a new line. */
static void test_streamed_output_ends_before_the_sentence(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, OUTPUT(0, "stderr", "\"data\":\"oh\"")},
	    {FAKE_SEND, REPLY_OF("failed", "exited", "\"exitStatus\":3,")},
	    {FAKE_EOF},
	    {FAKE_END}};

	(void)state;
	expect_streamed(steps, 3, "oh\nwhy\n");
}

/* After a run that had ended, or a lost connection, the result has the output that was kept. */
static void test_what_no_event_tells_comes_from_the_result(void **state)
{
	static const struct fake_step done[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, FAKE_RESULT("r1", "succeeded", "",
				    LOUD_HOOK(0, "one\\n", 4) "," LOUD_HOOK(1, "two", 3))},
	    {FAKE_EOF},
	    {FAKE_END}};
	static const struct fake_step lost[] = {
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, OUTPUT(0, "stdout", "\"data\":\"one\"")},
	    {FAKE_CLOSE},
	    {FAKE_ACCEPT},
	    {FAKE_READ},
	    {FAKE_SEND, EVENT("accepted", "")},
	    {FAKE_SEND, FAKE_RESULT("r1", "succeeded", "", LOUD_HOOK(0, "one two", 7))},
	    {FAKE_EOF},
	    {FAKE_END}};

	(void)state;
	expect_streamed(done, 0, "one\ntwo");
	expect_streamed(lost, 0, "one two");
}

static void test_events_that_are_none(void **state)
{
	static const char *const events[] = {
	    EVENT("output", ",\"index\":0,\"stream\":\"both\",\"data\":\"x\""),
	    EVENT("output", ",\"index\":0,\"stream\":\"stdout\",\"dataBase64\":\"!\""),
	    EVENT("finished", ",\"index\":0"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct fake_server *server = fake_server_answer(events[i]);
		struct outcome outcome =
		    run_shim_with(STATE_WITH_FILES, ENV,
				  ARGV((char *)"--stage=poststop", shim_address_option(server),
				       (char *)"--hook=/x"));

		assert_int_equal(outcome.status, 125);
		assert_non_null(strstr(outcome.text, "hookd's event: "));
		fake_server_end(server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_output_is_streamed_where_it_is_kept),
	    cmocka_unit_test(test_streamed_output_ends_before_the_sentence),
	    cmocka_unit_test(test_what_no_event_tells_comes_from_the_result),
	    cmocka_unit_test(test_events_that_are_none),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
