/* SPDX-License-Identifier: Apache-2.0 */

/* What each uid holds: limits per uid and item, and counts that return to zero. */

#include "tests/daemon/support/support.h"

#include "daemon/policy/account.h"

static void each_uid_has_its_own_bound(void **state)
{
	struct accounts accounts = {0};
	struct charge charges[3] = {0}, other = {0}, too_many = {0};

	(void)state;
	assert_true(accounts_are_settled(&accounts));
	for (size_t i = 0; i < ELEMENTS(charges); i++)
		assert_int_equal(charge_take(&charges[i], &accounts, 1000, ACCOUNT_RUNS, 3), 0);
	assert_int_equal(charge_take(&too_many, &accounts, 1000, ACCOUNT_RUNS, 3), -EBUSY);
	assert_null(too_many.account);
	assert_int_equal(charge_take(&other, &accounts, 1001, ACCOUNT_RUNS, 3), 0);
	charge_release(&charges[1]);
	assert_int_equal(charge_take(&charges[1], &accounts, 1000, ACCOUNT_RUNS, 3), 0);
	assert_int_equal(charge_take(&too_many, &accounts, 1000, ACCOUNT_RUNS, 3), -EBUSY);
	charge_release(&other);
	for (size_t i = 0; i < ELEMENTS(charges); i++) {
		assert_false(accounts_are_settled(&accounts));
		charge_release(&charges[i]);
	}
	assert_true(accounts_are_settled(&accounts));
}

static void items_are_counted_apart(void **state)
{
	struct accounts accounts = {0};
	struct charge run = {0}, connection = {0}, too_many = {0};

	(void)state;
	assert_int_equal(charge_take(&run, &accounts, 0, ACCOUNT_RUNS, 1), 0);
	assert_int_equal(charge_take(&connection, &accounts, 0, ACCOUNT_CONNECTIONS, 1), 0);
	assert_int_equal(charge_take(&too_many, &accounts, 0, ACCOUNT_CONNECTIONS, 1), -EBUSY);
	charge_release(&connection);
	assert_false(accounts_are_settled(&accounts));
	assert_int_equal(charge_take(&too_many, &accounts, 0, ACCOUNT_RUNS, 1), -EBUSY);
	charge_release(&run);
	assert_true(accounts_are_settled(&accounts));
}

/* No account is left for a uid that was refused and holds nothing. */
static void a_refusal_leaves_nothing_behind(void **state)
{
	struct accounts accounts = {0};
	struct charge charge = {0};

	(void)state;
	assert_int_equal(charge_take(&charge, &accounts, 7, ACCOUNT_RUNS, 0), -EBUSY);
	assert_true(accounts_are_settled(&accounts));
}

static void releasing_twice_gives_back_once(void **state)
{
	struct accounts accounts = {0};
	struct charge first = {0}, second = {0}, never = {0};

	(void)state;
	charge_release(&never);
	assert_int_equal(charge_take(&first, &accounts, 7, ACCOUNT_RUNS, 2), 0);
	assert_int_equal(charge_take(&second, &accounts, 7, ACCOUNT_RUNS, 2), 0);
	charge_release(&first);
	charge_release(&first);
	assert_false(accounts_are_settled(&accounts));
	charge_release(&second);
	assert_true(accounts_are_settled(&accounts));
}

/* Uids and releases in a mixed order, so that the tree is rebalanced. */
static void many_uids_settle_in_any_order(void **state)
{
	enum { COUNT = 1009, STEP = 271 };
	static struct charge charges[COUNT];
	struct accounts accounts = {0};

	(void)state;
	for (unsigned i = 0; i < COUNT; i++)
		assert_int_equal(charge_take(&charges[i], &accounts, UINT32_MAX - i * STEP % COUNT,
					     ACCOUNT_RUNS, 1),
				 0);
	for (unsigned i = 0; i < COUNT; i++) {
		struct charge too_many = {0};
		uid_t uid = charges[i].account ? UINT32_MAX - i * STEP % COUNT : 0;

		assert_int_equal(charge_take(&too_many, &accounts, uid, ACCOUNT_RUNS, 1), -EBUSY);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		assert_false(accounts_are_settled(&accounts));
		charge_release(&charges[i * STEP % COUNT]);
	}
	assert_true(accounts_are_settled(&accounts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_uid_has_its_own_bound),
	    cmocka_unit_test(items_are_counted_apart),
	    cmocka_unit_test(a_refusal_leaves_nothing_behind),
	    cmocka_unit_test(releasing_twice_gives_back_once),
	    cmocka_unit_test(many_uids_settle_in_any_order),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
