/* SPDX-License-Identifier: Apache-2.0 */

/* base/undo: changes are reverted in reverse order, and every entry is forgotten once. */

#include "daemon/base/undo.h"
#include "tests/daemon/support/support.h"

static char trace[64];
static int forgotten;
static char failing;

struct change {
	char letter;
};

static int put_back(void *data)
{
	const struct change *change = data;

	strncat(trace, &change->letter, 1);
	return change->letter == failing ? -EPERM : 0;
}

static void forget(void *data)
{
	(void)data;
	forgotten++;
}

static void add(struct undo *undo, char letter)
{
	struct change *change = undo_add(undo, "a letter", sizeof(*change), put_back, forget);

	assert_non_null(change);
	assert_int_equal(change->letter, '\0');
	change->letter = letter;
}

static int begin(void **state)
{
	(void)state;
	trace[0] = '\0';
	forgotten = 0;
	failing = '\0';
	return 0;
}

static void the_last_change_is_put_back_first(void **state)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);

	(void)state;
	add(&undo, 'a');
	add(&undo, 'b');
	add(&undo, 'c');
	assert_int_equal(undo_all(&undo, NULL, 0), 0);
	assert_string_equal(trace, "cba");
	assert_int_equal(forgotten, 3);
	assert_int_equal(undo_all(&undo, NULL, 0), 0);
	assert_string_equal(trace, "cba");
}

static void what_cannot_be_put_back_is_told_and_the_rest_is_put_back(void **state)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);
	char failures[128] = "old";

	(void)state;
	add(&undo, 'a');
	add(&undo, 'b');
	add(&undo, 'b');
	failing = 'b';
	assert_int_equal(undo_all(&undo, failures, sizeof(failures)), -EPERM);
	assert_string_equal(trace, "bba");
	assert_string_equal(failures,
			    "a letter: Operation not permitted, a letter: Operation not permitted");
	assert_int_equal(forgotten, 3);
}

static void what_is_forgotten_stays(void **state)
{
	struct undo undo = STAILQ_HEAD_INITIALIZER(undo);

	(void)state;
	add(&undo, 'a');
	undo_forget(&undo);
	assert_string_equal(trace, "");
	assert_int_equal(forgotten, 1);
	assert_true(STAILQ_EMPTY(&undo));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_last_change_is_put_back_first, begin),
	    cmocka_unit_test_setup(what_cannot_be_put_back_is_told_and_the_rest_is_put_back, begin),
	    cmocka_unit_test_setup(what_is_forgotten_stays, begin),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
