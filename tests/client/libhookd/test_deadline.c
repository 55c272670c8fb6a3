/* SPDX-License-Identifier: Apache-2.0 */

/* How long a call may take: every number is that long, or no limit. */

#include <limits.h>

#include "client/libhookd/wire/deadline.h"
#include "tests/client/client_test.h"

static const uint64_t edges[] = {INT32_MAX,
				 UINT32_MAX,
				 (uint64_t)UINT32_MAX + 1,
				 9223372036,
				 9223372037,
				 9223372036854,
				 9223372036855,
				 INT64_MAX - 1,
				 INT64_MAX,
				 (uint64_t)INT64_MAX + 1,
				 UINT64_MAX - 1,
				 UINT64_MAX};
#define EDGE_COUNT (sizeof(edges) / sizeof(edges[0]))

/* That far from now, or no deadline if it would overflow. */
static void expect_after(int64_t deadline, unsigned __int128 after_ns)
{
	int64_t now = deadline_now();
	unsigned __int128 expected = (unsigned __int128)now + after_ns;

	assert_false(deadline_has_passed(deadline));
	if (deadline == DEADLINE_NONE) {
		assert_true(expected > INT64_MAX - 60 * 1000000000ll);
		assert_int_equal(deadline_left_ms(deadline), -1);
		return;
	}
	assert_true(deadline <= (int64_t)expected);
	assert_true((int64_t)expected - deadline < 60 * 1000000000ll);
	assert_true(deadline_left_ms(deadline) > 0);
}

static void test_edges(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDGE_COUNT; i++) {
		expect_after(deadline_after_ms(edges[i]), (unsigned __int128)edges[i] * 1000000);
		if (edges[i] > 60 * 1000000000ull)
			expect_after(deadline_after_ns(edges[i]), edges[i]);
	}
	assert_int_equal(deadline_after_ms(0), DEADLINE_NONE);
	assert_int_equal(deadline_after_ms(UINT64_MAX), DEADLINE_NONE);
	assert_int_equal(deadline_after_ns(UINT64_MAX), DEADLINE_NONE);
}

static void test_poll_takes_what_is_left(void **state)
{
	(void)state;
	assert_int_equal(deadline_left_ms(0), 0);
	assert_int_equal(deadline_left_ms(deadline_after_ms(INT32_MAX * 2ull)), INT_MAX);
	assert_in_range(deadline_left_ms(deadline_after_ms(60000)), 1, 60000);
	assert_int_equal(deadline_left_ms(INT64_MAX - 1), INT_MAX);
}

/* A call with each of them gets its reply. */
static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDGE_COUNT; i++) {
		struct fake_server *server = fake_server_answer("{\"parameters\":{}}");
		struct hookd_client *client = test_client(server);

		hookd_client_set_timeout(client, edges[i]);
		assert_int_equal(hookd_call(client, "a.b.C", NULL, false, NULL, NULL), 0);
		test_end(client, server);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_edges),
	    cmocka_unit_test(test_poll_takes_what_is_left),
	    cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
