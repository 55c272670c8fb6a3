/* SPDX-License-Identifier: Apache-2.0 */
/* The state on a hook's stdin: the caller's bytes, unchanged; hookd does not wait for a reader. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/harness/check.h"

/* White space, escapes and numbers that a JSON library would write in another form. */
static const char odd_begin[] =
    "{ \"id\" :\t\"b\\u006fx\"\r\n,\"pid\":0 , \"n\" : [1.50e+3,-0.0, 18446744073709551615],"
    "\"text\":\"\\u00e9\303\251\\/\\ud83d\\ude42\360\237\231\202\", \"pad\":\"";
static const char odd_end[] = "\"  }";

/* A state of exactly so many bytes. */
static char *make_state(size_t length)
{
	char *state = malloc(length + 1);

	assert_non_null(state);
	memset(state, '~', length);
	memcpy(state, odd_begin, strlen(odd_begin));
	strcpy(state + length - strlen(odd_end), odd_end);
	return state;
}

static void expect_saved(const struct harness *harness, const char *name, const char *state)
{
	size_t length;
	char *saved = harness_read_file(harness, name, &length);

	assert_non_null(saved);
	assert_int_equal(length, strlen(state));
	assert_memory_equal(saved, state, length);
	free(saved);
}

static void state_larger_than_pipe_byte_exact(void **state)
{
	static const size_t lengths[] = {200,	4095,  4096,   4097,	8192,
					 65536, 65537, 100000, 1048576, 3 * 1048576};
	struct harness *harness = *state;
	struct client *client = client_open(harness);

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char *text = make_state(lengths[i]);

		run(client, .state = text, .hooks = {HOOK("'save','@DIR@/saved'")});
		check_success(client);
		expect_saved(harness, "saved", text);
		free(text);
	}
}

static void every_hook_reads_all_of_it(void **state)
{
	struct harness *harness = *state;
	struct client *client = client_open(harness);
	char *text = make_state(100000);

	run(client, .state = text,
	    .hooks = {HOOK("'save','@DIR@/first'"), HOOK("'exit','0'"),
		      HOOK("'save','@DIR@/third'")});
	check_success(client);
	expect_saved(harness, "first", text);
	expect_saved(harness, "third", text);
	free(text);
}

/* crun blocked in write(2); a hook that does not read its stdin must not be delayed. */
static void stdin_never_read(void **state)
{
	struct client *client = client_open(*state);
	char *text = make_state(1048576);

	run(client, .state = text, .hooks = {TIMED_HOOK(5, "'say','done'")});
	check_success(client);
	check_string(client, "result.hooks[0].stdout", "done");
	free(text);
}

static void stdin_closed_by_the_hook(void **state)
{
	struct client *client = client_open(*state);
	char *text = make_state(1048576);

	run(client, .state = text, .hooks = {HOOK("'close','exit','0'")});
	check_success(client);
	free(text);
}

/* A script interpreter reads stdin until EOF. */
static void stdin_ends(void **state)
{
	struct client *client = client_open(*state);
	char *text = make_state(1000);

	run(client, .state = text, .hooks = {TIMED_HOOK(5, "'cat'")});
	check_success(client);
	check_string(client, "result.hooks[0].stdout", text);
	free(text);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    TEST(state_larger_than_pipe_byte_exact),
	    TEST(every_hook_reads_all_of_it),
	    TEST(stdin_never_read),
	    TEST(stdin_closed_by_the_hook),
	    TEST(stdin_ends),
	};

	harness_read_arguments(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
