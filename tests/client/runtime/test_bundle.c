/* SPDX-License-Identifier: Apache-2.0 */

/* A config is replaced as a whole and keeps its mode and owner, or stays exactly as it is. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "client/runtime/bundle.h"
#include "proto/base/limits.h"
#include "tests/group/group.h"

#define HOOKS "{\"ociVersion\": \"1.0.2\",\n \"hooks\": {\"poststop\": [{\"path\": \"/a\"}]}}\n"
#define SHIM  "/bin/sh" /* what can be executed */

static const struct delegate terms = {.shim = SHIM};

struct folder {
	char path[64];
	char config[96];
};

static int set_up(void **state)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	strcpy(folder->path, "/tmp/hookd-bundle-XXXXXX");
	assert_non_null(mkdtemp(folder->path));
	snprintf(folder->config, sizeof(folder->config), "%s/config.json", folder->path);
	*state = folder;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *folder = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", folder->path);
	assert_int_equal(system(command), 0);
	free(folder);
	return 0;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* As much of the file as is looked at. */
static void get(const char *path, char ret_text[static 4096])
{
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	ret_text[fread(ret_text, 1, 4095, file)] = '\0';
	assert_int_equal(fclose(file), 0);
}

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count - 2;
}

static struct stat status_of(const char *path)
{
	struct stat status;

	assert_int_equal(lstat(path, &status), 0);
	return status;
}

static int delegate_in(const struct folder *folder, const struct delegate *delegate, char *reason)
{
	reason[0] = '\0';
	return bundle_delegate(&(struct bundle){.folder = folder->path}, delegate, reason);
}

/* It fails with a reason that has these words, and leaves the folder as it is. */
static void expect_left(const struct folder *folder, const struct delegate *delegate,
			const char *words)
{
	struct stat before = status_of(folder->config), after;
	char reason[BUNDLE_REASON_SIZE];
	int count = count_entries(folder->path);

	assert_true(delegate_in(folder, delegate, reason) < 0);
	if (strstr(reason, words) == NULL)
		fail_msg("the reason is: %s", reason);
	after = status_of(folder->config);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	assert_int_equal(count_entries(folder->path), count);
}

static void test_mode_and_owner_stay(void **state)
{
	const struct folder *folder = *state;
	static const mode_t modes[] = {0600, 0644, 0400, 0666, 04755, 0};
	char reason[BUNDLE_REASON_SIZE];
	mode_t mask = umask(0077);

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct stat before, after;

		if (modes[i] == 0 && geteuid() != 0)
			continue; /* may not be read */
		unlink(folder->config);
		put(folder->config, HOOKS);
		if (geteuid() == 0)
			assert_int_equal(chown(folder->config, 12, 34), 0);
		assert_int_equal(chmod(folder->config, modes[i]), 0);
		before = status_of(folder->config);
		assert_int_equal(delegate_in(folder, &terms, reason), 0);
		after = status_of(folder->config);
		assert_int_not_equal(before.st_ino, after.st_ino);
		assert_int_equal(before.st_mode, after.st_mode);
		assert_int_equal(before.st_uid, after.st_uid);
		assert_int_equal(before.st_gid, after.st_gid);
		assert_int_equal(count_entries(folder->path), 1);
	}
	umask(mask);
}

static bool set_attribute(const char *path, const char *name, const void *value, size_t length)
{
	if (setxattr(path, name, value, length, 0) == 0)
		return true;
	print_message("not here: %s: %s\n", name, strerror(errno));
	return false;
}

static void test_attributes_stay(void **state)
{
	const struct folder *folder = *state;
	/* user::rw-, user:1234:r--, group::r--, mask::r--, other::--- */
	static const unsigned char list[] = {
	    2, 0,   0,	 0,   1,   0,	6,  0, 255, 255, 255, 255, 2,	0,   4,
	    0, 210, 4,	 0,   0,   4,	0,  4, 0,   255, 255, 255, 255, 16,  0,
	    4, 0,   255, 255, 255, 255, 32, 0, 0,   0,	 255, 255, 255, 255,
	};
	static const struct {
		const char *name;
		const void *value;
		size_t length;
	} attributes[] = {{"user.one", "1", 1},
			  {"user.empty", "", 0},
			  {"trusted.two", "22", 2},
			  {"security.three", "333", 3},
			  {"system.posix_acl_access", list, sizeof(list)}};
	bool is_set[5];
	char reason[BUNDLE_REASON_SIZE], value[256];

	put(folder->config, HOOKS);
	for (size_t i = 0; i < 5; i++)
		is_set[i] = set_attribute(folder->config, attributes[i].name, attributes[i].value,
					  attributes[i].length);
	assert_int_equal(delegate_in(folder, &terms, reason), 0);
	get(folder->config, (char[4096]){0});
	for (size_t i = 0; i < 5; i++) {
		if (!is_set[i])
			continue;
		assert_int_equal(getxattr(folder->config, attributes[i].name, value, sizeof(value)),
				 attributes[i].length);
		assert_memory_equal(value, attributes[i].value, attributes[i].length);
	}
}

/* The list that a folder gives to its new files would let others read the config. */
static void test_the_folder_gives_no_list(void **state)
{
	const struct folder *folder = *state;
	static const unsigned char list[] = {
	    2, 0,   0,	 0,   1,   0,	6,  0, 255, 255, 255, 255, 2,	0,   6,
	    0, 210, 4,	 0,   0,   4,	0,  6, 0,   255, 255, 255, 255, 16,  0,
	    6, 0,   255, 255, 255, 255, 32, 0, 0,   0,	 255, 255, 255, 255,
	};
	char reason[BUNDLE_REASON_SIZE], value[256];

	put(folder->config, HOOKS);
	assert_int_equal(chmod(folder->config, 0640), 0);
	if (!set_attribute(folder->path, "system.posix_acl_default", list, sizeof(list)))
		skip("no access control lists");
	assert_int_equal(delegate_in(folder, &terms, reason), 0);
	assert_int_equal(getxattr(folder->config, "system.posix_acl_access", value, sizeof(value)),
			 -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(status_of(folder->config).st_mode & 07777, 0640);
}

/* Who may see an attribute of another user's, and not write it, has to leave the file. */
static void test_an_attribute_that_may_not_be_written(void **state)
{
	const struct folder *folder = *state;

	put(folder->config, HOOKS);
	if (geteuid() != 0 || !set_attribute(folder->config, "security.three", "333", 3))
		skip("needs root");
	assert_int_equal(chown(folder->path, 1234, 1234), 0);
	assert_int_equal(chown(folder->config, 1234, 1234), 0);
	assert_int_equal(setegid(1234), 0);
	assert_int_equal(seteuid(1234), 0);
	expect_left(folder, &terms, "its attribute security.three cannot be kept");
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(setegid(0), 0);
}

static void test_a_reader_has_the_old_file_as_a_whole(void **state)
{
	const struct folder *folder = *state;
	char reason[BUNDLE_REASON_SIZE], text[4096];
	FILE *file;

	put(folder->config, HOOKS);
	file = fopen(folder->config, "r");
	assert_non_null(file);
	assert_int_equal(delegate_in(folder, &terms, reason), 0);
	text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
	assert_string_equal(text, HOOKS);
	fclose(file);
	get(folder->config, text);
	assert_non_null(strstr(text, "{\"ociVersion\": \"1.0.2\",\n \"hooks\": {\"poststop\": "
				     "[{\"path\":\"" SHIM "\""));
	assert_non_null(strstr(text, "--if-down=spool"));
}

static void test_the_second_time_changes_nothing(void **state)
{
	const struct folder *folder = *state;
	char reason[BUNDLE_REASON_SIZE];
	struct stat first, second;

	put(folder->config, HOOKS);
	assert_int_equal(delegate_in(folder, &terms, reason), 0);
	first = status_of(folder->config);
	assert_int_equal(delegate_in(folder, &terms, reason), 0);
	second = status_of(folder->config);
	assert_int_equal(first.st_ino, second.st_ino);
	assert_int_equal(first.st_mtim.tv_nsec, second.st_mtim.tv_nsec);
}

static void test_a_config_without_hooks_is_not_written(void **state)
{
	const struct folder *folder = *state;
	struct delegate missing = {.shim = "/nonexistent"};
	char reason[BUNDLE_REASON_SIZE];
	struct stat before, after;

	put(folder->config, "{\"ociVersion\": \"1.0.2\"}");
	before = status_of(folder->config);
	assert_int_equal(delegate_in(folder, &missing, reason), 0);
	after = status_of(folder->config);
	assert_int_equal(before.st_ino, after.st_ino);
}

static void test_what_cannot_be_delegated_stays(void **state)
{
	const struct folder *folder = *state;
	struct delegate missing = {.shim = "/nonexistent"};
	struct delegate no_program = {.shim = "/etc/passwd"};
	char deep[131] = "";
	FILE *file;

	put(folder->config, "");
	expect_left(folder, &terms, "it is empty");
	put(folder->config, "{\"hooks\": {\"poststop\": [{\"path\": \"/a\"}");
	expect_left(folder, &terms, "not valid JSON");
	put(folder->config, "{\"hooks\": {\"poststop\": [{\"path\": \"a\"}]}}");
	expect_left(folder, &terms, "hooks.poststop[0].path");
	put(folder->config, "{\"a\": 1, \"a\": 2}");
	expect_left(folder, &terms, "duplicate key");
	memset(deep, '[', 65);
	memset(deep + 65, ']', 65);
	put(folder->config, deep);
	expect_left(folder, &terms, "nested");
	put(folder->config, "{\"Hooks\": {\"poststop\": [{\"path\": \"/a\"}]}}");
	expect_left(folder, &terms, "hooks: is written as Hooks");
	put(folder->config, "{\"hooks\": []}");
	expect_left(folder, &terms, "hooks: must be an object");
	put(folder->config, HOOKS);
	expect_left(folder, &missing, "/nonexistent cannot be executed");
	expect_left(folder, &no_program, "/etc/passwd cannot be executed");
	file = fopen(folder->config, "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), HP_MESSAGE_BYTES_MAX + 1), 0);
	fclose(file);
	expect_left(folder, &terms, "larger than");
}

static void test_only_regular_files_are_replaced(void **state)
{
	const struct folder *folder = *state;
	char target[96];

	snprintf(target, sizeof(target), "%s/target", folder->path);
	put(target, HOOKS);
	assert_int_equal(symlink(target, folder->config), 0);
	expect_left(folder, &terms, "symbolic link");
	unlink(folder->config);
	assert_int_equal(mkfifo(folder->config, 0600), 0);
	expect_left(folder, &terms, "not a regular file");
	unlink(folder->config);
	assert_int_equal(mkdir(folder->config, 0700), 0);
	expect_left(folder, &terms, "not a regular file");
}

static void test_a_folder_that_may_not_be_written_to(void **state)
{
	const struct folder *folder = *state;

	put(folder->config, HOOKS);
	assert_int_equal(chmod(folder->path, 0555), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(1234), 0);
	expect_left(folder, &terms, "no other file can be written beside it");
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	chmod(folder->path, 0700);
}

/* Who may not give the file to its owner must not take it. */
static void test_a_file_of_another_user(void **state)
{
	const struct folder *folder = *state;

	if (geteuid() != 0)
		skip("needs root");
	put(folder->config, HOOKS);
	assert_int_equal(chmod(folder->config, 0644), 0);
	assert_int_equal(chmod(folder->path, 0777), 0);
	assert_int_equal(seteuid(1234), 0);
	expect_left(folder, &terms, "it cannot be replaced");
	assert_int_equal(seteuid(0), 0);
}

static void test_what_is_not_there(void **state)
{
	const struct folder *folder = *state;
	char reason[BUNDLE_REASON_SIZE];

	assert_int_equal(delegate_in(folder, &terms, reason), -ENOENT);
	assert_int_equal(
	    bundle_delegate(&(struct bundle){.folder = "/nonexistent"}, &terms, reason), -ENOENT);
	assert_int_equal(count_entries(folder->path), 0);
}

static void test_where_the_config_is(void **state)
{
	const struct folder *folder = *state;
	char reason[BUNDLE_REASON_SIZE], other[96], text[4096];
	struct bundle here = {0}, named = {.folder = "/nonexistent", .config = other},
		      relative = {.config = "other.json"},
		      usual = {.folder = folder->path, .config = "config.json"};
	const struct bundle *bundles[] = {&here, &named, &relative, &usual};
	int back = open(".", O_RDONLY | O_DIRECTORY);

	snprintf(other, sizeof(other), "%s/other.json", folder->path);
	assert_int_equal(chdir(folder->path), 0);
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++) {
		bool is_other = bundles[i] == &named || bundles[i] == &relative;

		put(folder->config, HOOKS);
		put(other, HOOKS);
		assert_int_equal(bundle_delegate(bundles[i], &terms, reason), 0);
		get(is_other ? other : folder->config, text);
		assert_non_null(strstr(text, SHIM));
		get(is_other ? folder->config : other, text);
		assert_string_equal(text, HOOKS);
	}
	assert_int_equal(fchdir(back), 0);
	close(back);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_mode_and_owner_stay),
	    TEST(test_attributes_stay),
	    TEST(test_the_folder_gives_no_list),
	    TEST(test_an_attribute_that_may_not_be_written),
	    TEST(test_a_reader_has_the_old_file_as_a_whole),
	    TEST(test_the_second_time_changes_nothing),
	    TEST(test_a_config_without_hooks_is_not_written),
	    TEST(test_what_cannot_be_delegated_stays),
	    TEST(test_only_regular_files_are_replaced),
	    TEST(test_a_folder_that_may_not_be_written_to),
	    TEST(test_a_file_of_another_user),
	    TEST(test_what_is_not_there),
	    TEST(test_where_the_config_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
