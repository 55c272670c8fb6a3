/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemon/support/config_text.h"

#include "tests/daemon/support/support.h"

struct config_error last_error;

int load(const char *text, struct config *ret_config, char path[static 32], char **ret_log)
{
	int fd = memory_file(text, strlen(text), path);
	struct grab grab;
	int r;

	log_set_level(LOG_INFO);
	grab_stderr(&grab);
	r = config_load(ret_config, path, &last_error);
	*ret_log = grab_end(&grab);
	close(fd);
	return r;
}

struct config load_silently(const char *text)
{
	struct config config = {0};
	char path[32], *log;

	assert_int_equal(load(text, &config, path, &log), 0);
	assert_string_equal(log, "");
	free(log);
	return config;
}
