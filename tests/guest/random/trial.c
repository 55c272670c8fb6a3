/* SPDX-License-Identifier: Apache-2.0 */
/* One seed of the random test: its log, and waiting until the state is that of the model. */
#include "tests/guest/random/trial.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* hookd repeats a failed removal after at most a minute. */
#define SETTLE_MS 70000

void test_note(struct test *test, const char *format, ...)
{
	char *line;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&line, format, arguments) < 0)
		give_up("no memory");
	va_end(arguments);
	if (test->log_length < sizeof(test->log) / sizeof(char *))
		test->log[test->log_length++] = line;
	else
		free(line);
}

void test_fail(struct test *test, const char *format, ...)
{
	char text[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	test_note(test, "FAULT: %s", text);
	test->has_failed = true;
}

/* ---- waiting for the state of the model ---- */

static void check_hookd(struct test *test)
{
	pid_t pid = world_hookd();

	if (pid != test->hookd)
		test_fail(test, "hookd was %d, and is %d: it has ended by itself", test->hookd,
			  pid);
}

static bool is_so(const struct model *model, const char **ret_difference)
{
	*ret_difference = model_compare(model);
	return !*ret_difference;
}

/* Finds the candidate that is true; of several, one that is still true a moment later. */
void test_settle(struct test *test, struct model *candidates, int count)
{
	int64_t end = now_ms() + SETTLE_MS;
	const char *difference;

	do {
		for (int i = 0; i < count; i++) {
			if (!is_so(&candidates[i], &difference))
				continue;
			if (count > 1)
				pause_ms(50);
			if (count > 1 && !is_so(&candidates[i], &difference))
				continue;
			test->now = candidates[i];
			model_adopt(&test->now);
			check_hookd(test);
			return;
		}
		pause_ms(10);
	} while (now_ms() < end);
	for (int i = 0; i < count; i++)
		if (!is_so(&candidates[i], &difference))
			test_fail(test, "%s", difference);
}

void test_settle_one(struct test *test, struct model *model)
{
	test_settle(test, model, 1);
}

/* ---- kills of hookd ---- */

void test_kill_hookd(struct test *test)
{
	if (test->hookd > 0)
		kill(test->hookd, SIGKILL);
}

/* Waits until the new process answers. */
void test_await_hookd(struct test *test)
{
	pid_t before = test->hookd;
	struct client client;

	for (int64_t end = now_ms() + 60000; now_ms() < end; pause_ms(10)) {
		struct outcome outcome =
		    client_ask(&client, "{\"method\":\"org.varlink.service.GetInfo\"}");

		client_close(&client);
		test->hookd = world_hookd();
		if (!outcome.error[0] && test->hookd > 0 && test->hookd != before)
			return;
	}
	give_up("hookd does not start again");
}
