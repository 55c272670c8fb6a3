/* SPDX-License-Identifier: Apache-2.0 */
/* Ownership of a hook's file: one that another user could have written is not executed. */
#include <elf.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"
#include "tests/integration/harness/container.h"

#define USER  4242
#define HOOK0 "result.hooks[0]"

/* "DIR/a/b/hook" is a copy of the helper; it and its directories belong to root. */
static void make_tree(const struct harness *harness)
{
	assert_int_equal(chmod(harness->directory, 0755), 0);
	assert_int_equal(mkdir(harness_path(harness, "a"), 0755), 0);
	assert_int_equal(mkdir(harness_path(harness, "a/b"), 0755), 0);
	assert_int_equal(link(harness->hook, harness_path(harness, "a/b/hook")), 0);
}

static void run_path(struct client *client, const char *path, const char *extra)
{
	char hook[256];

	snprintf(hook, sizeof(hook), "{'path':'@DIR@/%s','args':['hook','say','ran']}", path);
	run(client, .hooks = {hook}, .extra = extra);
}

/* `where` is relative to the test's directory; "": that directory. */
static void expect_refused(struct client *client, const char *where)
{
	char path[160];

	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_string(client, HOOK0 ".failedStep", "exec");
	check_string(client, HOOK0 ".errnoName", "EACCES");
	snprintf(path, sizeof(path), "%s%s%s", client->harness->directory, where[0] ? "/" : "",
		 where);
	check_part(client, "result.error", path);
}

static void a_file_of_the_user_is_executed(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	run_path(client, "a/b/hook", NULL);
	check_success(client);
	run_path(client, "a/./b/../b//hook", NULL);
	check_success(client);
}

static void what_others_can_write_to_is_refused(void **state)
{
	static const struct {
		const char *where;
		mode_t mode;
		bool is_refused;
	} modes[] = {
	    {"a", 0775, true},	      {"a", 0757, true},	 {"a/b", 0775, true},
	    {"a/b", 0757, true},      {"a/b", 0777, true},	 {"a/b/hook", 0775, true},
	    {"a/b/hook", 0757, true}, {"a", 01777, false},	 {"a/b", 01775, false},
	    {"a/b", 0711, false},     {"a/b/hook", 0711, false}, {"", 0777, true},
	};
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *path =
		    modes[i].where[0] ? harness_path(harness, modes[i].where) : harness->directory;
		struct stat before;

		assert_int_equal(stat(path, &before), 0);
		assert_int_equal(chmod(path, modes[i].mode), 0);
		run_path(client, "a/b/hook", NULL);
		if (modes[i].is_refused)
			expect_refused(client, modes[i].where);
		else
			check_success(client);
		assert_int_equal(chmod(path, before.st_mode & 07777), 0);
	}
	run_path(client, "a/b/hook", NULL);
	check_success(client);
}

static void what_others_own_is_refused(void **state)
{
	static const char *const places[] = {"a", "a/b", "a/b/hook"};
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	harness_needs_root();
	make_tree(harness);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(chown(harness_path(harness, places[i]), USER, 0), 0);
		run_path(client, "a/b/hook", NULL);
		expect_refused(client, places[i]);
		/* A hook that runs as that user may execute the user's files. */
		run_path(client, "a/b/hook",
			 ",'settings':{'process':{'user':{'uid':4242,'gid':4242}}}");
		check_success(client);
		run_path(client, "a/b/hook",
			 ",'settings':{'process':{'user':{'uid':4243,'gid':4243}}}");
		expect_refused(client, places[i]);
		assert_int_equal(chown(harness_path(harness, places[i]), 0, 0), 0);
	}
	run_path(client, "a/b/hook", NULL);
	check_success(client);
}

/* For a link, the directories that it is in and that it leads through are checked. */
static void links_are_followed_one_by_one(void **state)
{
	static const struct {
		const char *name, *target;
	} links[] = {
	    {"absolute", "@"}, {"relative", "a/b/hook"}, {"up", "a/../a/b/hook"}, {"twice", "up"}};
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const char *target =
		    links[i].target[0] == '@' ? harness_path(harness, "a/b/hook") : links[i].target;

		assert_int_equal(symlink(target, harness_path(harness, links[i].name)), 0);
		run_path(client, links[i].name, NULL);
		check_success(client);
		assert_int_equal(chmod(harness_path(harness, "a/b"), 0777), 0);
		run_path(client, links[i].name, NULL);
		expect_refused(client, "a/b");
		assert_int_equal(chmod(harness_path(harness, "a/b"), 0755), 0);
	}
	assert_int_equal(symlink("around", harness_path(harness, "around")), 0);
	run_path(client, "around", NULL);
	check_string(client, HOOK0 ".errnoName", "ELOOP");
}

/* In a sticky directory every user can create one. */
static void a_link_of_another_user_is_refused(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	const char *path;

	harness_needs_root();
	make_tree(harness);
	assert_int_equal(chmod(harness_path(harness, "a"), 01777), 0);
	path = harness_path(harness, "a/link");
	assert_int_equal(symlink("b/hook", path), 0);
	run_path(client, "a/link", NULL);
	check_success(client);
	assert_int_equal(lchown(path, USER, USER), 0);
	run_path(client, "a/link", NULL);
	expect_refused(client, "a/link");
}

static void write_script(const struct harness *harness, const char *interpreter)
{
	char text[256];

	snprintf(text, sizeof(text), "#! %s say interpreted ignore-rest\nexit 0\n", interpreter);
	harness_write_file(harness, "a/script", text);
	assert_int_equal(chmod(harness_path(harness, "a/script"), 0755), 0);
}

static void an_interpreter_is_checked_as_well(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	write_script(harness, "/bin/sh");
	harness_write_file(harness, "a/script", "#!/bin/sh\necho interpreted\n");
	assert_int_equal(chmod(harness_path(harness, "a/script"), 0755), 0);
	run_path(client, "a/script", NULL);
	check_success(client);
	check_string(client, HOOK0 ".stdout", "interpreted\n");
	assert_int_equal(symlink("/bin/sh", harness_path(harness, "a/b/sh")), 0);
	write_script(harness, harness_path(harness, "a/b/sh"));
	assert_int_equal(chmod(harness_path(harness, "a/b"), 0777), 0);
	run_path(client, "a/script", NULL);
	expect_refused(client, "a/b");
	assert_int_equal(chmod(harness_path(harness, "a/b"), 0755), 0);
	/* A path relative to the working directory can be any file. */
	write_script(harness, "b/sh");
	run_path(client, "a/script", NULL);
	check_string(client, HOOK0 ".outcome", "spawn_failed");
	check_part(client, "result.error", "b/sh");
	/* A file that has passed the check is checked again for the next run. */
	run_path(client, "a/b/hook", NULL);
	check_success(client);
	harness_write_file(harness, "a/script", "#!/nonexistent\n");
	run_path(client, "a/script", NULL);
	check_string(client, HOOK0 ".errnoName", "ENOENT");
}

#define LOADER "/lib64/ld-linux-x86-64.so.2"

/* Parts of a file that the kernel does not read must not be checked. */
enum oddity { NOT_ODD, CLASS_OF_32_BITS, CLASS_OF_NONE, MANY_HEADERS, ODDITIES };

/* Moves the program headers to the end of the file, after a thousand headers of type PT_NULL. */
static size_t move_headers(char *bytes, size_t length)
{
	Elf64_Ehdr *elf = (Elf64_Ehdr *)bytes;
	size_t size = elf->e_phnum * sizeof(Elf64_Phdr), empty = 1000 * sizeof(Elf64_Phdr);

	length = (length + 15) / 16 * 16;
	memset(bytes + length, 0, empty);
	memcpy(bytes + length + empty, bytes + elf->e_phoff, size);
	elf->e_phoff = length;
	elf->e_phnum += 1000;
	return length + empty + size;
}

static size_t make_odd(char *bytes, size_t length, enum oddity oddity)
{
	if (oddity == CLASS_OF_32_BITS)
		bytes[EI_CLASS] = ELFCLASS32;
	if (oddity == CLASS_OF_NONE)
		bytes[EI_CLASS] = ELFCLASSNONE;
	return oddity == MANY_HEADERS ? move_headers(bytes, length) : length;
}

/* A copy of /bin/true with DIR/b/l as its dynamic loader. */
static void make_elf(const struct harness *harness, enum oddity oddity)
{
	static char bytes[1024 * 1024];
	FILE *file = fopen("/bin/true", "re");
	size_t length;
	char *at;

	assert_non_null(file);
	length = fread(bytes, 1, sizeof(bytes) / 2, file);
	fclose(file);
	at = memmem(bytes, length, LOADER, sizeof(LOADER));
	assert_non_null(at);
	assert_true(strlen(harness_path(harness, "b/l")) < sizeof(LOADER));
	memset(at, 0, sizeof(LOADER));
	memcpy(at, harness_path(harness, "b/l"), strlen(harness_path(harness, "b/l")));
	length = make_odd(bytes, length, oddity);
	file = fopen(harness_path(harness, "a/elf"), "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	fclose(file);
	assert_int_equal(chmod(harness_path(harness, "a/elf"), 0755), 0);
}

static void a_dynamic_loader_is_checked_as_well(void **state)
{
	static const char settings[] = ",'settings':{'process':{'noNewPrivileges':true}}";
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	assert_int_equal(mkdir(harness_path(harness, "b"), 0755), 0);
	assert_int_equal(symlink(LOADER, harness_path(harness, "b/l")), 0);
	for (int i = 0; i < 2 * ODDITIES; i++) {
		make_elf(harness, i / 2);
		run_path(client, "a/elf", i % 2 ? settings : NULL);
		/*
		 * The headers are not in a loaded segment, so the loader crashes: it was executed.
		 */
		if (i / 2 == MANY_HEADERS)
			check_string(client, HOOK0 ".outcome", "signaled");
		else
			check_success(client);
		assert_int_equal(chmod(harness_path(harness, "b"), 0777), 0);
		run_path(client, "a/elf", i % 2 ? settings : NULL);
		expect_refused(client, "b");
		assert_int_equal(chmod(harness_path(harness, "b"), 0755), 0);
	}
}

/* dockerd's own hook. */
static void a_link_of_procfs_is_followed_by_the_kernel(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char hook[128];

	snprintf(hook, sizeof(hook), "{'path':'/proc/%d/exe','args':['hookd','--version']}",
		 harness->pid);
	run(client, .hooks = {hook});
	check_success(client);
	check_part(client, HOOK0 ".stdout", "hookd");
	snprintf(hook, sizeof(hook), "{'path':'/proc/%d/root/../etc/x'}", harness->pid);
	run(client, .hooks = {hook});
	check_string(client, HOOK0 ".outcome", "spawn_failed");
}

/* Other errors are those of the kernel for the path. */
static void other_failures_are_the_kernel_s(void **state)
{
	static const struct {
		const char *path, *error;
	} failures[] = {{"nonexistent", "ENOENT"},
			{"a/b/hook/x", "ENOTDIR"},
			{"a", "EACCES"},
			{"file", "EACCES"}};
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	harness_write_file(harness, "file", "no program");
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		run_path(client, failures[i].path, NULL);
		check_string(client, HOOK0 ".failedStep", "exec");
		check_string(client, HOOK0 ".errnoName", failures[i].error);
	}
}

static void an_operator_can_allow_it(void **state)
{
	struct harness *harness = *state;
	struct client *client;

	harness_start(harness, &(struct start){.config = "[Hooks]\nCheckHookFiles=no\n"});
	client = client_open(harness);
	make_tree(harness);
	assert_int_equal(chmod(harness_path(harness, "a"), 0777), 0);
	run_path(client, "a/b/hook", NULL);
	check_success(client);
	run_path(client, "a/b/hook", ",'settings':{'process':{'noNewPrivileges':true}}");
	check_success(client);
}

/* hookd-run makes the check itself, since it may be in another mount namespace. */
static void with_settings_too(void **state)
{
	static const char settings[] = ",'settings':{'process':{'noNewPrivileges':true}}";
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	make_tree(harness);
	run_path(client, "a/b/hook", settings);
	check_success(client);
	assert_int_equal(chmod(harness_path(harness, "a"), 0777), 0);
	run_path(client, "a/b/hook", settings);
	expect_refused(client, "a");
}

/* In a container the image decides who may write to its files. */
static void programs_of_an_image_are_exempt(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	struct container container;
	char request[256];

	harness_needs_root();
	make_tree(harness);
	container_start(harness, CLONE_NEWNS | CLONE_NEWPID, false, &container);
	snprintf(request, sizeof(request), "{\"id\":\"box\",\"pid\":%d}", container.pid);
	assert_int_equal(chmod(harness_path(harness, "a"), 0777), 0);
	run(client, .stage = "startContainer", .state = request,
	    .hooks = {"{'path':'@DIR@/a/b/hook','args':['hook','say','ran']}"});
	check_success(client);
	run(client, .stage = "createContainer", .state = request,
	    .hooks = {"{'path':'@DIR@/a/b/hook','args':['hook','say','ran']}"});
	expect_refused(client, "a");
	container_stop(&container);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_file_of_the_user_is_executed),
	    TEST(what_others_can_write_to_is_refused),
	    TEST(what_others_own_is_refused),
	    TEST(links_are_followed_one_by_one),
	    TEST(a_link_of_another_user_is_refused),
	    TEST(an_interpreter_is_checked_as_well),
	    TEST(a_dynamic_loader_is_checked_as_well),
	    TEST(a_link_of_procfs_is_followed_by_the_kernel),
	    TEST(other_failures_are_the_kernel_s),
	    TEST_PREPARED(an_operator_can_allow_it),
	    TEST(with_settings_too),
	    TEST(programs_of_an_image_are_exempt),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
