/* SPDX-License-Identifier: Apache-2.0 */

/* GetInterfaceDescription returns the files of proto/interfaces. */

#include "tests/daemon/support/support.h"

#include "daemon/ipc/interfaces.h"

static void texts_are_the_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < interface_count; i++) {
		char path[256], *file;
		size_t file_length, length = 0;
		const char *text = interface_text(interfaces[i].name, &length);

		snprintf(path, sizeof(path), INTERFACES_DIR "/%s.varlink", interfaces[i].name);
		file = read_whole(path, &file_length);
		assert_non_null(file);
		assert_ptr_equal(text, interfaces[i].text);
		assert_int_equal(length, file_length);
		assert_memory_equal(text, file, length);
		free(file);
	}
}

static void each_text_is_of_the_interface_it_is_named_after(void **state)
{
	char line[128];

	(void)state;
	for (size_t i = 0; i < interface_count; i++) {
		size_t length = (size_t)(interfaces[i].end - interfaces[i].text);

		snprintf(line, sizeof(line), "interface %s\n", interfaces[i].name);
		assert_non_null(memmem(interfaces[i].text, length, line, strlen(line)));
		assert_null(memchr(interfaces[i].text, '\0', length));
	}
}

static void the_service_comes_first_and_all_are_there(void **state)
{
	static const char *const names[] = {"org.varlink.service", "io.hookd.hooks",
					    "io.hookd.status", "io.hookd.settings",
					    "io.hookd.control"};

	(void)state;
	assert_string_equal(interfaces[0].name, "org.varlink.service");
	for (size_t i = 0; i < ELEMENTS(names); i++)
		assert_non_null(interface_text(names[i], NULL));
}

static void others_have_no_text(void **state)
{
	size_t length = 4711;

	(void)state;
	assert_null(interface_text("io.hookd.nothing", &length));
	assert_null(interface_text("io.hookd", &length));
	assert_null(interface_text("", &length));
	assert_int_equal(length, 4711);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_the_files),
	    cmocka_unit_test(each_text_is_of_the_interface_it_is_named_after),
	    cmocka_unit_test(the_service_comes_first_and_all_are_there),
	    cmocka_unit_test(others_have_no_text),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
