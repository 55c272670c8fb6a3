/* SPDX-License-Identifier: Apache-2.0 */

/* The permissions of callers, as a table. */

#include "tests/daemon/support/support.h"

#include "daemon/policy/policy.h"
#include "proto/base/own_directory.h"

#define OVERFLOW_UID 65534
#define ALL	     0x1ffffffffffull
#define SYS_ADMIN    (1ull << 21)

enum { HOST = 1, ANOTHER = 2 }; /* user namespaces */

static struct self self_of(uid_t uid, uint64_t capabilities)
{
	return (struct self){
	    .uid = uid,
	    .capabilities = capabilities,
	    .namespaces.ids[NAMESPACE_USER] = HOST,
	};
}

static struct peer peer_of(uid_t uid, uint64_t capabilities, ino_t user_namespace)
{
	return (struct peer){
	    .uid = uid,
	    .pid = 4711,
	    .pidfd = -1,
	    .sight = PEER_SEEN,
	    .view.capabilities = capabilities,
	    .view.namespaces.ids[NAMESPACE_USER] = user_namespace,
	};
}

static void expect(const struct peer *peer, const struct self *self, enum permission permission,
		   bool is_allowed, size_t row)
{
	struct hp_err err = {0};
	int r = policy_check(peer, self, permission, &err);

	if (r != (is_allowed ? 0 : -EACCES))
		fail_msg("row %zu: %d", row, r);
	if (is_allowed)
		assert_int_equal(err.code, HP_ERR_NONE);
	else if (permission == PERMISSION_APPLY)
		assert_int_equal(err.code, HP_ERR_SETTINGS_REFUSED);
	else
		assert_int_equal(err.code, HP_ERR_REFUSED);
}

/* Peers with every capability that hookd has, in hookd's user namespace. */
static const struct {
	uid_t peer, own;
	enum permission permission;
	bool is_allowed;
} decisions[] = {
    /* everyone may read information about the service */
    {0, 0, PERMISSION_ANYONE, true},
    {1000, 0, PERMISSION_ANYONE, true},
    {OVERFLOW_UID, OVERFLOW_UID, PERMISSION_ANYONE, true},
    /* root has all permissions, whatever user hookd runs as */
    {0, 0, PERMISSION_USE, true},
    {0, 0, PERMISSION_CONTROL, true},
    {0, 1000, PERMISSION_USE, true},
    {0, 1000, PERMISSION_CONTROL, true},
    /* so has hookd's own user */
    {1000, 1000, PERMISSION_USE, true},
    {1000, 1000, PERMISSION_CONTROL, true},
    /* but not PERMISSION_APPLY, which only root has */
    {0, 0, PERMISSION_APPLY, true},
    {0, 1000, PERMISSION_APPLY, true},
    {1000, 1000, PERMISSION_APPLY, false},
    {1000, 0, PERMISSION_APPLY, false},
    {OVERFLOW_UID, 0, PERMISSION_APPLY, false},
    /* and no other user */
    {1000, 0, PERMISSION_USE, false},
    {1000, 0, PERMISSION_CONTROL, false},
    {1001, 1000, PERMISSION_USE, false},
    {1001, 1000, PERMISSION_CONTROL, false},
    {UINT32_MAX, 0, PERMISSION_USE, false},
    /* a uid that is not mapped here may belong to any user */
    {OVERFLOW_UID, 0, PERMISSION_USE, false},
    {OVERFLOW_UID, OVERFLOW_UID, PERMISSION_USE, false},
    {OVERFLOW_UID, OVERFLOW_UID, PERMISSION_CONTROL, false},
};

static void decisions_are_those_of_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(decisions); i++) {
		const struct peer peer = peer_of(decisions[i].peer, ALL, HOST);
		const struct self self = self_of(decisions[i].own, decisions[i].own == 0 ? ALL : 0);

		expect(&peer, &self, decisions[i].permission, decisions[i].is_allowed, i);
	}
}

/* Where every uid is mapped, 65534 is a user like others. */
static void the_overflow_uid_is_a_user_of_the_initial_namespace(void **state)
{
	struct peer peer = peer_of(OVERFLOW_UID, 0, HP_INITIAL_USER_NAMESPACE);
	struct self self = self_of(OVERFLOW_UID, 0);

	(void)state;
	self.namespaces.ids[NAMESPACE_USER] = HP_INITIAL_USER_NAMESPACE;
	expect(&peer, &self, PERMISSION_USE, true, 0);
	expect(&peer, &self, PERMISSION_APPLY, false, 0);
	self.uid = 0;
	expect(&peer, &self, PERMISSION_USE, false, 0);
	self = self_of(OVERFLOW_UID, 0);
	peer = peer_of(OVERFLOW_UID, 0, HOST);
	expect(&peer, &self, PERMISSION_USE, false, 0);
}

static const struct {
	uid_t peer, own;
	uint64_t theirs, ours;
	ino_t user_namespace;
	bool is_allowed;
} rights[] = {
    /* uid 0 alone is not root */
    {0, 0, 0, ALL, HOST, false},
    {0, 0, ALL & ~SYS_ADMIN, ALL, HOST, false},
    {0, 0, ALL & ~1ull, ALL, HOST, false},
    {0, 0, ALL & ~(1ull << 40), ALL, HOST, false},
    {0, 0, ALL | 1ull << 41, ALL, HOST, true},
    /* capabilities that hookd lacks are not needed */
    {0, 0, SYS_ADMIN, SYS_ADMIN, HOST, true},
    {0, 0, 0, 0, HOST, true},
    /* capabilities of another user namespace do not count here */
    {0, 0, ALL, ALL, ANOTHER, false},
    {0, 0, ALL, 0, ANOTHER, false},
    {0, 1000, ALL, 0, ANOTHER, false},
    /* a hookd of an ordinary user: its user, also from the namespace of a rootless engine */
    {1000, 1000, 0, 0, HOST, true},
    {1000, 1000, ALL, 0, ANOTHER, true},
    {1000, 1000, 0, SYS_ADMIN, HOST, false},
    {1000, 1000, SYS_ADMIN, SYS_ADMIN, HOST, true},
    {1000, 1000, ALL, SYS_ADMIN, ANOTHER, false},
};

static void nobody_gets_a_right_by_asking(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rights); i++) {
		const struct peer peer =
		    peer_of(rights[i].peer, rights[i].theirs, rights[i].user_namespace);
		const struct self self = self_of(rights[i].own, rights[i].ours);
		bool may_write = policy_may_write_for(&peer, &self, &peer.view);

		expect(&peer, &self, PERMISSION_USE, rights[i].is_allowed, i);
		expect(&peer, &self, PERMISSION_CONTROL, rights[i].is_allowed, i);
		expect(&peer, &self, PERMISSION_ANYONE, true, i);
		assert_int_equal(may_write, rights[i].is_allowed);
	}
}

/* No check fails open. */
static void who_is_not_seen_may_nothing(void **state)
{
	const struct self self = self_of(0, ALL);
	struct peer peer = peer_of(0, ALL, HOST);

	(void)state;
	expect(&peer, &self, PERMISSION_USE, true, 0);
	peer.sight = PEER_NOT_SEEN;
	expect(&peer, &self, PERMISSION_USE, false, 1);
	expect(&peer, &self, PERMISSION_APPLY, false, 2);
	peer.sight = PEER_NOT_LOOKED_AT;
	expect(&peer, &self, PERMISSION_USE, false, 3);
	expect(&peer, &self, PERMISSION_ANYONE, true, 4);
}

static void a_stranger_s_words_are_nobody_s(void **state)
{
	const struct self self = self_of(0, ALL);
	struct peer peer = peer_of(0, ALL, HOST);
	struct hp_err err = {0};

	(void)state;
	peer.stranger = 815;
	assert_int_equal(policy_check(&peer, &self, PERMISSION_USE, &err), -EACCES);
	assert_non_null(strstr(err.reason, "815"));
}

static void a_refusal_says_why(void **state)
{
	const struct self self = self_of(0, ALL);
	const struct peer user = peer_of(4294967294u, ALL, HOST),
			  root = peer_of(0, ALL & ~SYS_ADMIN, HOST),
			  inner = peer_of(0, ALL, ANOTHER);
	struct hp_err err = {0};

	(void)state;
	assert_int_equal(policy_check(&user, &self, PERMISSION_USE, &err), -EACCES);
	assert_non_null(strstr(err.reason, "4294967294"));
	assert_int_equal(policy_check(&root, &self, PERMISSION_USE, &err), -EACCES);
	assert_non_null(strstr(err.reason, "CAP_SYS_ADMIN"));
	assert_int_equal(policy_check(&inner, &self, PERMISSION_USE, &err), -EACCES);
	assert_non_null(strstr(err.reason, "user namespace"));
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

static void who_lives_in_a_user_namespace_stays_there(void **state)
{
	const struct self self = self_of(1000, 0);
	const struct peer outer = peer_of(1000, 0, HOST), inner = peer_of(1000, ALL, ANOTHER);

	(void)state;
	assert_true(policy_may_leave_namespaces(&outer, &self));
	assert_false(policy_may_leave_namespaces(&inner, &self));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decisions_are_those_of_the_table),
	    cmocka_unit_test(the_overflow_uid_is_a_user_of_the_initial_namespace),
	    cmocka_unit_test(nobody_gets_a_right_by_asking),
	    cmocka_unit_test(who_is_not_seen_may_nothing),
	    cmocka_unit_test(a_stranger_s_words_are_nobody_s),
	    cmocka_unit_test(a_refusal_says_why),
	    cmocka_unit_test(runs_are_seen_by_their_owner_and_by_root),
	    cmocka_unit_test(who_lives_in_a_user_namespace_stays_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
