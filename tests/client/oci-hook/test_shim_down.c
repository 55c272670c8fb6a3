/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What hookd-oci-hook takes for a hookd that is down: only where nothing of the hooks was run. The
 * program under test gives up 0.3 s after a lost connection instead of 60 s.
 */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/spool/spool.h"
#include "tests/client/oci-hook/shim.h"

#define STOPPED	 "{\"id\":\"box\",\"status\":\"stopped\",\"bundle\":\"/x\"}"
#define DRAINING "{\"error\":\"io.hookd.hooks.Draining\"}"
#define BUSY                                                                                       \
	"{\"error\":\"io.hookd.hooks.Busy\",\"parameters\":{\"retryAfterUSec\":600000,"            \
	"\"reason\":\"too many\"}}"

/* A hook that says "ran" where it is run, with a timeout for busy servers. */
#define HOOKS_OF(stage)                                                                            \
	"--hooks-json={\"" stage "\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\","              \
	"\"echo ran >&2\"],\"timeout\":1}]}"
#define HOOK HOOKS_OF("createRuntime")

static struct outcome run_if_down(const struct fake_step *steps, const char *if_down)
{
	struct fake_server *server = fake_server_start(steps);
	char option[64];
	struct outcome outcome;

	(void)snprintf(option, sizeof(option), "--if-down=%s", if_down);
	outcome = run_shim((char *)"--stage=createRuntime", shim_address_option(server), option,
			   HOOKD_OPTION, (char *)HOOK);
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

/* ---- --if-down=spool ---- */

static char spool[32];

/* With the view of a hookd, which is that of the test. */
static void make_spool(void)
{
	struct hp_buf line = HP_BUF_INIT;
	struct hp_spool_view view;
	char path[64];
	int fd;

	(void)strcpy(spool, "/tmp/hookd-spool.XXXXXX");
	assert_non_null(mkdtemp(spool));
	(void)snprintf(path, sizeof(path), "%s/view", spool);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(hp_spool_view_read("self", &view), 0);
	hp_spool_view_write(&line, &view);
	assert_int_equal(write(fd, line.data, line.length), line.length);
	close(fd);
	hp_buf_free(&line);
}

/*
 * Removes the spool. Returns the number of requests that were in it; *ret_text, unless that is
 * NULL, is the last of them in the order of their names, and has a newline for its NUL.
 */
static size_t remove_spool(char **ret_text)
{
	struct dirent **entries;
	int count = scandir(spool, &entries, NULL, alphasort);
	size_t requests = 0;

	assert_true(count >= 0);
	for (int i = 0; i < count; i++) {
		char path[300];

		(void)snprintf(path, sizeof(path), "%s/%s", spool, entries[i]->d_name);
		if (hp_spool_is_name(entries[i]->d_name)) {
			static char text[1 << 20];
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			ssize_t length = read(fd, text, sizeof(text) - 1);

			assert_true(length > 0);
			text[length] = '\0';
			close(fd);
			requests++;
			if (ret_text)
				*ret_text = text;
		}
		(void)unlink(path);
		free(entries[i]);
	}
	free(entries);
	assert_int_equal(rmdir(spool), 0);
	return requests;
}

static struct outcome run_poststop(const struct fake_step *steps)
{
	struct fake_server *server = fake_server_start(steps);
	char option[64];
	struct outcome outcome;

	(void)snprintf(option, sizeof(option), "--spool=%s", spool);
	outcome = run_shim_with(STOPPED, ENV,
				ARGV((char *)"--stage=poststop", shim_address_option(server),
				     (char *)"--if-down=spool", HOOKD_OPTION, option,
				     (char *)HOOKS_OF("poststop")));
	fake_server_end(server);
	return outcome;
}

static void expect_left(const struct fake_step *steps)
{
	struct outcome outcome;
	char *text = NULL;

	make_spool();
	outcome = run_poststop(steps);
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.text, "the hooks are left in /tmp/hookd-spool."));
	assert_int_equal(remove_spool(&text), 1);
	assert_non_null(strstr(text, "\n{\"method\":\"io.hookd.hooks.Run\""));
	assert_non_null(strstr(text, "\"stage\":\"poststop\""));
	assert_non_null(strstr(text, "\"state\":" STOPPED));
	assert_non_null(strstr(text, "\"requestId\":\""));
	assert_non_null(strstr(text, "\"env\":[\"A=1\""));
	/* Nobody waits for it, and the bundle may be gone then. */
	assert_non_null(strstr(text, "\"onDisconnect\":\"continue\""));
	assert_non_null(strstr(text, "\"dir\":\"\""));
}

static void expect_not_left(const struct fake_step *steps)
{
	struct outcome outcome;

	make_spool();
	outcome = run_poststop(steps);
	assert_int_equal(outcome.status, 125);
	assert_null(strstr(outcome.text, "ran"));
	assert_int_equal(remove_spool(NULL), 0);
}

static void needs_to_mark(void)
{
	make_spool();
	if (geteuid() == 0 && setxattr(spool, HP_SPOOL_MARK, "", 0, 0) < 0) {
		(void)remove_spool(NULL);
		skip("root without CAP_SYS_ADMIN, or /tmp without extended attributes");
	}
	(void)remove_spool(NULL);
}

static void test_left_for_the_next_hookd(void **state)
{
	static const struct fake_step draining[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_SEND, DRAINING}, {FAKE_EOF}, {FAKE_END}};
	static const struct fake_step busy[] = {
	    {FAKE_ACCEPT}, {FAKE_READ},	      {FAKE_SEND, BUSY}, {FAKE_READ}, {FAKE_SEND, BUSY},
	    {FAKE_READ},   {FAKE_SEND, BUSY}, {FAKE_EOF},	 {FAKE_END}};

	(void)state;
	needs_to_mark();
	expect_left(draining);
	expect_left(busy);
}

/* hookd may have run it. */
static void test_not_left_after_it_was_sent(void **state)
{
	static const struct fake_step lost[] = {
	    {FAKE_ACCEPT}, {FAKE_READ}, {FAKE_UNLISTEN}, {FAKE_CLOSE}, {FAKE_END}};

	(void)state;
	expect_not_left(lost);
}

/* It would be refused by the next hookd, when nobody looks any more. */
static void test_what_hookd_would_refuse_is_not_left(void **state)
{
	char option[64];
	struct outcome outcome;

	(void)state;
	make_spool();
	(void)snprintf(option, sizeof(option), "--spool=%s", spool);
	outcome = run_shim_with("{\"status\":\"stopped\"}", ENV,
				ARGV((char *)"--stage=poststop", (char *)NOBODY,
				     (char *)"--if-down=spool", HOOKD_OPTION, option,
				     (char *)HOOKS_OF("poststop")));
	/* A private hookd is no other hookd. */
	assert_int_equal(outcome.status, 125);
	assert_non_null(strstr(outcome.text, "hookd would refuse it: state.id"));
	assert_null(strstr(outcome.text, "ran\n"));
	assert_int_equal(remove_spool(NULL), 0);
}

/* A list that is too large for one request: all of its parts, or none. */
static void test_a_long_list_is_left_in_parts(void **state)
{
	static char hooks[1 << 17], variable[20000];
	char *const env[] = {variable, NULL};
	char option[64];
	struct outcome outcome;
	size_t length = (size_t)snprintf(hooks, sizeof(hooks), "--hooks-json={\"poststop\":[");

	(void)state;
	needs_to_mark();
	memset(variable, 'x', sizeof(variable) - 1);
	memcpy(variable, "LARGE=", 6);
	for (int i = 0; i < 250; i++)
		length += (size_t)snprintf(hooks + length, sizeof(hooks) - length,
					   "%s{\"path\":\"/bin/true\"}", i ? "," : "");
	(void)snprintf(hooks + length, sizeof(hooks) - length, "]}");
	make_spool();
	(void)snprintf(option, sizeof(option), "--spool=%s", spool);
	outcome = run_shim_with(STOPPED, env,
				ARGV((char *)"--stage=poststop", (char *)NOBODY,
				     (char *)"--if-down=spool", option, hooks));
	assert_int_equal(outcome.status, 0);
	assert_non_null(strstr(outcome.text, "the hooks are left"));
	assert_int_equal(remove_spool(NULL), 2);
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
	    cmocka_unit_test(test_left_for_the_next_hookd),
	    cmocka_unit_test(test_not_left_after_it_was_sent),
	    cmocka_unit_test(test_what_hookd_would_refuse_is_not_left),
	    cmocka_unit_test(test_a_long_list_is_left_in_parts),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
