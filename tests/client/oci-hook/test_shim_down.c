/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What hookd-oci-hook takes for a hookd that is down: only where nothing of the hooks was run. The
 * program under test gives up 0.3 s after a lost connection instead of 60 s.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/oci-hook/shim.h"

#define DRAINING "{\"error\":\"io.hookd.hooks.Draining\"}"
#define BUSY                                                                                       \
	"{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":600000,"            \
	"\"reason\":\"too many\"}}"

/* A hook that says "ran" where it is run by the shim, with a timeout for busy servers. */
#define HOOK                                                                                       \
	"--hooks-json={\"createRuntime\":[{\"path\":\"/bin/"                                       \
	"echo\",\"args\":[\"echo\",\"ran\"],\"timeout\":1}]}"

static struct outcome run_if_down(const struct fake_step *steps, const char *if_down)
{
	struct fake_server *server = fake_server_start(steps);
	char option[64];
	struct outcome outcome;

	(void)snprintf(option, sizeof(option), "--if-down=%s", if_down);
	outcome = run_shim((char *)"--stage=createRuntime", shim_address_option(server), option,
			   (char *)HOOK);
	fake_server_end(server);
	return outcome;
}

/* Nothing was run: the three ways. */
static void expect_down(const struct fake_step *steps, const char *why)
{
	struct outcome outcome = run_if_down(steps, "fail");
	char text[256];

	(void)snprintf(text, sizeof(text), "hookd-oci-hook: %s\n", why);
	assert_string_equal(outcome.text, text);
	assert_int_equal(outcome.status, 125);
	outcome = run_if_down(steps, "run-local");
	assert_string_equal(outcome.text, "ran\n");
	assert_int_equal(outcome.status, 0);
	outcome = run_if_down(steps, "ignore");
	(void)snprintf(text, sizeof(text), "hookd-oci-hook: %s; the hooks are not run\n", why);
	assert_string_equal(outcome.text, text);
	assert_int_equal(outcome.status, 0);
}

/* It may be running, or have run: an error in all three. */
static void expect_failure(const struct fake_step *steps, const char *why)
{
	static const char *const ways[] = {"fail", "run-local", "ignore"};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct outcome outcome = run_if_down(steps, ways[i]);

		assert_int_equal(outcome.status, 125);
		assert_non_null(strstr(outcome.text, why));
		assert_null(strstr(outcome.text, "ran"));
	}
}

static void test_draining(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, DRAINING}, {FAKE_EOF}, {FAKE_END}};

	(void)state;
	expect_down(steps, "hookd is shutting down and takes no new work");
}

/* For as long as the hook may take. */
static void test_busy(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ},	      {FAKE_SEND, BUSY}, {FAKE_READ}, {FAKE_SEND, BUSY},
	    {FAKE_READ},   {FAKE_SEND, BUSY}, {FAKE_EOF},	 {FAKE_END}};

	(void)state;
	expect_down(steps, "hookd is busy and refuses it: too many");
}

/* A hookd that was busy ends before the shim asks again: nothing was sent to the next one. */
static void test_nobody_after_busy(void **state)
{
	static const struct fake_step steps[] = {{FAKE_ACCEPT},	  {FAKE_READ},	{FAKE_SEND, BUSY},
						 {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};
	struct outcome outcome;

	(void)state;
	outcome = run_if_down(steps, "fail");
	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "hookd is not running"));
	outcome = run_if_down(steps, "run-local");
	assert_string_equal(outcome.text, "ran\n");
	assert_int_equal(outcome.status, 0);
}

static void test_lost_and_never_back(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};

	(void)state;
	expect_failure(steps, "the connection to hookd was lost and could not be restored");
}

/* hookd of today has not run it, but one before may have. */
static void test_lost_and_then_draining(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT},	   {FAKE_READ},	    {FAKE_CLOSE}, {FAKE_ACCEPT}, {FAKE_READ},
	    {FAKE_SEND, DRAINING}, {FAKE_UNLISTEN}, {FAKE_EOF},	  {FAKE_END}};

	(void)state;
	expect_failure(steps, "the connection to hookd was lost and could not be restored");
}

static void test_lost_and_attached_again(void **state)
{
	static const struct fake_step steps[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN},	   {FAKE_CLOSE}, {FAKE_LISTEN},
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, FAKE_SUCCESS}, {FAKE_EOF},	 {FAKE_END}};
	struct fake_server *server = fake_server_start(steps);
	struct outcome outcome =
	    run_shim((char *)"--stage=createRuntime", shim_address_option(server),
		     (char *)"--if-down=run-local", (char *)HOOK);

	(void)state;
	assert_string_equal(outcome.text, "");
	assert_int_equal(outcome.status, 0);
	fake_server_join(server);
	assert_non_null(strstr(fake_server_message(server, 0), "\"requestId\":\""));
	assert_string_equal(fake_server_message(server, 0), fake_server_message(server, 1));
	fake_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_draining),
	    cmocka_unit_test(test_busy),
	    cmocka_unit_test(test_nobody_after_busy),
	    cmocka_unit_test(test_lost_and_never_back),
	    cmocka_unit_test(test_lost_and_then_draining),
	    cmocka_unit_test(test_lost_and_attached_again),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
