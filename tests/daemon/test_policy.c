/* SPDX-License-Identifier: Apache-2.0 */

/* Who may do what, as a table. */

#include "tests/daemon/support.h"

#include "daemon/policy/policy.h"

#define OVERFLOW_UID 65534

static const struct {
	uid_t peer, own;
	enum permission permission;
	bool is_allowed;
} decisions[] = {
    /* everybody may ask what the service is */
    {0, 0, PERMISSION_ANYONE, true},
    {1000, 0, PERMISSION_ANYONE, true},
    {OVERFLOW_UID, OVERFLOW_UID, PERMISSION_ANYONE, true},
    /* root may everything, whoever hookd is */
    {0, 0, PERMISSION_USE, true},
    {0, 0, PERMISSION_CONTROL, true},
    {0, 1000, PERMISSION_USE, true},
    {0, 1000, PERMISSION_CONTROL, true},
    /* so may hookd's own user */
    {1000, 1000, PERMISSION_USE, true},
    {1000, 1000, PERMISSION_CONTROL, true},
    /* but put processes under settings: that is root's */
    {0, 0, PERMISSION_APPLY, true},
    {0, 1000, PERMISSION_APPLY, true},
    {1000, 1000, PERMISSION_APPLY, false},
    {1000, 0, PERMISSION_APPLY, false},
    {OVERFLOW_UID, 0, PERMISSION_APPLY, false},
    /* and nobody else */
    {1000, 0, PERMISSION_USE, false},
    {1000, 0, PERMISSION_CONTROL, false},
    {1001, 1000, PERMISSION_USE, false},
    {1001, 1000, PERMISSION_CONTROL, false},
    {UINT32_MAX, 0, PERMISSION_USE, false},
    /* a uid without a number here may be anybody's */
    {OVERFLOW_UID, 0, PERMISSION_USE, false},
    {OVERFLOW_UID, OVERFLOW_UID, PERMISSION_USE, false},
    {OVERFLOW_UID, OVERFLOW_UID, PERMISSION_CONTROL, false},
};

static void decisions_are_those_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(decisions); i++) {
		const struct peer peer = {.uid = decisions[i].peer, .pidfd = -1};
		struct hp_err err = {0};
		int r = policy_check(&peer, decisions[i].own, decisions[i].permission, &err);

		if (r != (decisions[i].is_allowed ? 0 : -EACCES))
			fail_msg("row %zu: %d", i, r);
		if (decisions[i].is_allowed)
			assert_int_equal(err.code, HP_ERR_NONE);
		else if (decisions[i].permission == PERMISSION_APPLY)
			assert_int_equal(err.code, HP_ERR_SETTINGS_REFUSED);
		else
			assert_int_equal(err.code, HP_ERR_REFUSED);
	}
}

static void a_refusal_names_the_uid(void **state)
{
	const struct peer peer = {.uid = 4294967294u, .pidfd = -1};
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(policy_check(&peer, 0, PERMISSION_USE, &err), -EACCES);
	assert_non_null(strstr(err.reason, "4294967294"));
}

static void runs_are_seen_by_their_owner_and_by_root(void **state)
{
	const struct peer root = {.uid = 0}, owner = {.uid = 1000}, other = {.uid = 1001};

	(void)state;
	assert_true(policy_may_see(&root, 1000));
	assert_true(policy_may_see(&root, 0));
	assert_true(policy_may_see(&owner, 1000));
	assert_false(policy_may_see(&other, 1000));
	assert_false(policy_may_see(&owner, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decisions_are_those_of_the_table),
	    cmocka_unit_test(a_refusal_names_the_uid),
	    cmocka_unit_test(runs_are_seen_by_their_owner_and_by_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
