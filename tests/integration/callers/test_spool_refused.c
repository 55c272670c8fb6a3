/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files in the spool that hookd must not run: of other kinds, of other users, damaged, too old. It
 * says why, and sets them aside.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "proto/spool/spool.h"
#include "tests/integration/callers/spool.h"
#include "tests/integration/harness/files.h"

/* hookd starts and says why, and what it has set aside is not run. */
static void expect_refusal(struct harness *harness, const char *name, const char *why)
{
	char argument[128], aside[96];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.arguments = {argument}, .says = why});
	assert_int_equal(spool_count(harness, NULL, NULL), 0);
	snprintf(aside, sizeof(aside), "%s.refused", name);
	assert_int_equal(spool_count(harness, ".refused", NULL), 1);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
	harness_stop(harness);
	files_remove(spool_path(harness, aside));
	(void)unlink(spool_path(harness, aside));
	assert_int_equal(spool_count(harness, ".refused", NULL), 0);
}

static void files_of_other_kinds_are_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = spool_name(1);
	size_t length;
	char *bytes = spool_make_request(harness, &length);
	char outside[256];

	snprintf(outside, sizeof(outside), "%s/outside", harness->directory);
	harness_write_file(harness, "outside", bytes);
	assert_int_equal(symlink(outside, spool_path(harness, name)), 0);
	expect_refusal(harness, name, "it cannot be opened");
	assert_int_equal(mkfifo(spool_path(harness, name), 0600), 0);
	expect_refusal(harness, name, "it is not a regular file");
	assert_int_equal(mkdir(spool_path(harness, name), 0700), 0);
	expect_refusal(harness, name, "it is not a regular file");
	spool_put(harness, name, bytes, length);
	(void)unlink(outside);
	assert_int_equal(link(spool_path(harness, name), outside), 0);
	expect_refusal(harness, name, "it has another hard link");
	spool_put(harness, "junk", bytes, length);
	expect_refusal(harness, "junk", "it does not have the name of a request");
	spool_put(harness, name, bytes, length);
	assert_int_equal(chmod(spool_path(harness, name), 0660), 0);
	expect_refusal(harness, name, "others may write to it: mode 0660");
	free(bytes);
}

static void files_of_other_users_are_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = spool_name(1);
	size_t length;
	char *bytes;

	harness_needs_root();
	bytes = spool_make_request(harness, &length);
	spool_put(harness, name, bytes, length);
	assert_int_equal(chown(spool_path(harness, name), 4242, 4242), 0);
	expect_refusal(harness, name, "it belongs to uid 4242");
	/* A uid 0 without capabilities cannot set the attribute. */
	spool_put_unmarked(harness, name, bytes, length);
	expect_refusal(harness, name, "uid 0 without CAP_SYS_ADMIN");
	free(bytes);
}

#define HEAD_TO_TIME "hookd-spool 2 0123456789abcdef "

/* Writes `with` over the text `what` of a copy, which must be as long. The checksum is right. */
static void put_changed(const struct harness *harness, const char *bytes, size_t length,
			const char *what, const char *with)
{
	char *copy = malloc(length), *found;

	assert_non_null(copy);
	assert_int_equal(strlen(what), strlen(with));
	memcpy(copy, bytes, length);
	found = memmem(copy, length, what, strlen(what));
	assert_non_null(found);
	memcpy(found, with, strlen(with));
	hp_spool_seal(copy, length);
	spool_put(harness, spool_name(1), copy, length);
	free(copy);
}

static void damaged_files_are_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = spool_name(1), *why = "is not a whole request";
	size_t length;
	char *bytes = spool_make_request(harness, &length);

	spool_put(harness, name, "", 0);
	expect_refusal(harness, name, why);
	spool_put(harness, name, bytes, length - 1);
	expect_refusal(harness, name, why);
	spool_put(harness, name, bytes, strcspn(bytes, "\n") + 1);
	expect_refusal(harness, name, why);
	put_changed(harness, bytes, length, "hookd-spool 2", "hookd-spool 1");
	expect_refusal(harness, name, why);
	put_changed(harness, bytes, length, "\"parameters\":{", "\"parameters\":[");
	expect_refusal(harness, name, "not run: ");
	put_changed(harness, bytes, length, "\"stage\":\"poststop\"", "\"stage\":\"prestart\"");
	expect_refusal(harness, name, "not run: ");
	spool_put(harness, name, bytes, length);
	assert_int_equal(truncate(spool_path(harness, name), 5 * 1024 * 1024), 0);
	expect_refusal(harness, name, "it is too large");
	free(bytes);
}

/* In the checksum, the time, the boot id, the namespaces, the request and the NUL. */
static void a_flipped_bit_is_refused(void **state)
{
	struct harness *harness = *state;
	const char *name = spool_name(1);
	size_t length, head;
	char *bytes = spool_make_request(harness, &length);
	char *mark = memmem(bytes, length, "\"left\"", 6);

	assert_non_null(mark);
	head = strcspn(bytes, "\n");
	const size_t places[] = {
	    14, 29, 32, strlen(HEAD_TO_TIME) + 20, head - 2, head + 3, (size_t)(mark - bytes) + 1};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bytes[places[i]] ^= 1;
		spool_put(harness, name, bytes, length);
		expect_refusal(harness, name, "not run: ");
		bytes[places[i]] ^= 1;
	}
	mark[1] ^= 1;
	spool_put(harness, name, bytes, length);
	expect_refusal(harness, name, "its checksum is another one");
	free(bytes);
}

static void a_file_with_a_long_name_is_set_aside(void **state)
{
	struct harness *harness = *state;
	char name[251], kept[256];

	spool_prepare(harness);
	memset(name, '0', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	spool_put(harness, name, "x", 1);
	spool_start(harness, NULL);
	assert_int_equal(spool_count(harness, NULL, NULL), 0);
	assert_int_equal(spool_count(harness, ".refused", kept), 1);
	assert_int_equal(strlen(kept), NAME_MAX);
}

/* A directory, whose name is taken. The look after that of the start runs the request. */
static void what_cannot_be_set_aside_is_told_once(void **state)
{
	static const char *const directories[] = {"junk", "junk/x", "junk.refused",
						  "junk.refused/x"};
	struct harness *harness = *state;
	char argument[128];
	size_t length;
	char *bytes = spool_make_request(harness, &length);

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		assert_int_equal(mkdir(spool_path(harness, directories[i]), 0700), 0);
	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.arguments = {argument}, .says = "junk cannot be set aside"});
	/* Its name sorts before "junk", so the third look comes after all of the second. */
	spool_put(harness, spool_name(1), bytes, length);
	harness_await_log_without(harness, "has left it in the spool", "junk");
	spool_put(harness, "later", "", 0);
	harness_await_log_without(harness, "later is not run", "junk");
	free(bytes);
}

/* Puts a copy that was left at that time. */
static void put_left_at(const struct harness *harness, const char *bytes, size_t length,
			int64_t left_ns)
{
	char *copy = malloc(length + 32);
	const char *rest = strchr(bytes + strlen(HEAD_TO_TIME), ' ');
	int head;

	assert_non_null(copy);
	head = sprintf(copy, HEAD_TO_TIME "%lld", (long long)left_ns);
	memcpy(copy + head, rest, length - (size_t)(rest - bytes));
	hp_spool_seal(copy, (size_t)head + length - (size_t)(rest - bytes));
	spool_put(harness, spool_name(1), copy, (size_t)head + length - (size_t)(rest - bytes));
	free(copy);
}

static void old_requests_are_told_and_not_run(void **state)
{
	struct harness *harness = *state;
	const char *name = spool_name(1);
	char *bytes, boot_id[40] = "", other[40];
	struct timespec now;
	int64_t now_ns;
	size_t length;

	bytes = spool_make_request(harness, &length);
	clock_gettime(CLOCK_BOOTTIME, &now);
	now_ns = now.tv_sec * 1000000000ll + now.tv_nsec;
	put_left_at(harness, bytes, length, now_ns + 3600 * 1000000000ll);
	expect_refusal(harness, name, "container box: it was left in the future");
	if (now.tv_sec > 86400 + 60) {
		put_left_at(harness, bytes, length, now_ns - 86401 * 1000000000ll);
		expect_refusal(harness, name, "container box: it was left 8640");
	}
	memcpy(boot_id, strchr(bytes + strlen(HEAD_TO_TIME), ' ') + 1, 36);
	memcpy(other, boot_id, sizeof(other));
	other[0] = other[0] == '0' ? '1' : '0';
	put_changed(harness, bytes, length, boot_id, other);
	expect_refusal(harness, name, "container box: it was left before the last boot");
	put_changed(harness, bytes, length, "mnt:[4", "mnt:[5");
	expect_refusal(harness, name, "container box: it was left in other namespaces");
	free(bytes);
}

static void hookd_does_not_use_a_directory_of_others(void **state)
{
	struct harness *harness = *state;
	char argument[128];

	spool_prepare(harness);
	mark_later(harness, "box", "never");
	assert_int_equal(chmod(harness_path(harness, "state/spool"), 0770), 0);
	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness,
		      &(struct start){.arguments = {argument},
				      .says = "is not used, and what is in it is not run: it has "
					      "mode 0770"});
	assert_int_equal(status_number(harness, "running"), 0);
	assert_int_equal(spool_count(harness, NULL, NULL), 1);
	assert_int_equal(harness_count_lines(harness, "log"), 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST_PREPARED(files_of_other_kinds_are_refused),
	    TEST_PREPARED(files_of_other_users_are_refused),
	    TEST_PREPARED(damaged_files_are_refused),
	    TEST_PREPARED(a_flipped_bit_is_refused),
	    TEST_PREPARED(a_file_with_a_long_name_is_set_aside),
	    TEST_PREPARED(what_cannot_be_set_aside_is_told_once),
	    TEST_PREPARED(old_requests_are_told_and_not_run),
	    TEST_PREPARED(hookd_does_not_use_a_directory_of_others),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
