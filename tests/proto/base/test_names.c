/* SPDX-License-Identifier: Apache-2.0 */

/* Names of errnos and signals, there and back, and against glibc's own where that has them. */

#include "tests/proto/base/unit.h"

#include <signal.h>

#include "proto/base/names.h"
#include "proto/messages/result.h"

static void every_number_comes_back(void **state)
{
	char buffer[24];

	(void)state;
	for (int i = 1; i < 5000; i++)
		assert_int_equal(hp_errno_from_name(hp_errno_name(i, buffer)), i);
	for (int i = 1; i <= SIGRTMAX; i++)
		assert_int_equal(hp_signal_from_name(hp_signal_name(i, buffer)), i);
}

static void names_are_the_usual_ones(void **state)
{
	char buffer[24];

	(void)state;
	assert_string_equal(hp_errno_name(ENOENT, buffer), "ENOENT");
	assert_string_equal(hp_errno_name(EOPNOTSUPP, buffer), "EOPNOTSUPP");
	assert_string_equal(hp_errno_name(EHWPOISON, buffer), "EHWPOISON");
	assert_string_equal(hp_errno_name(4095, buffer), "errno 4095");
	assert_string_equal(hp_errno_name(0, buffer), "errno 0");
	assert_string_equal(hp_errno_name(-2, buffer), "errno -2");
	assert_string_equal(hp_signal_name(SIGKILL, buffer), "SIGKILL");
	assert_string_equal(hp_signal_name(SIGSYS, buffer), "SIGSYS");
	assert_string_equal(hp_signal_name(40, buffer), "signal 40");
}

static void aliases_are_read(void **state)
{
	(void)state;
	assert_int_equal(hp_errno_from_name("EWOULDBLOCK"), EWOULDBLOCK);
	assert_int_equal(hp_errno_from_name("ENOTSUP"), ENOTSUP);
	assert_int_equal(hp_errno_from_name("EDEADLOCK"), EDEADLOCK);
}

static void other_words_are_no_names(void **state)
{
	static const char *const words[] = {
	    "",		"E",	    "enoent",	"ENOENTX",  "errno",
	    "errno ",	"errno x",  "errno -1", "errno +1", "errno 0",
	    "errno 1x", "errno  1", "errno-5",	"errnox5",  "errno 99999999999999999999",
	    "signal 1",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(words); i++)
		assert_int_equal(hp_errno_from_name(words[i]), 0);
	assert_int_equal(hp_signal_from_name("KILL"), 0);
	assert_int_equal(hp_signal_from_name("errno 9"), 0);
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
static void glibc_agrees(void **state)
{
	char buffer[24];

	(void)state;
	for (int i = 1; i < 200; i++) {
		const char *name = strerrorname_np(i);

		if (name)
			assert_int_equal(hp_errno_from_name(name), i);
		else
			assert_memory_equal(hp_errno_name(i, buffer), "errno ", 6);
	}
	for (int i = 1; i < 32; i++) {
		assert_non_null(sigabbrev_np(i));
		assert_string_equal(hp_signal_name(i, buffer) + 3,
				    i == SIGIO ? "IO" : sigabbrev_np(i));
	}
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_number_comes_back),
		cmocka_unit_test(names_are_the_usual_ones),
		cmocka_unit_test(aliases_are_read),
		cmocka_unit_test(other_words_are_no_names),
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
		cmocka_unit_test(glibc_agrees),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
