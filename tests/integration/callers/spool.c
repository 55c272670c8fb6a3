/* SPDX-License-Identifier: Apache-2.0 */
/* The spool of a test, and hookd-oci-hook with --if-down=spool; see spool.h. */
#include "tests/integration/callers/spool.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "proto/spool/spool.h"
#include "tests/integration/harness/files.h"

/* ---- hookd ---- */

/* The descriptors of a hookd that runs hooks at its start are not those of one at rest. */
void spool_start(struct harness *harness, const char *config)
{
	int fds = harness->fds_at_start;
	char argument[128];

	snprintf(argument, sizeof(argument), "--state-dir=%s/state", harness->directory);
	harness_start(harness, &(struct start){.config = config, .arguments = {argument}});
	if (fds > 0)
		harness->fds_at_start = fds;
}

/* A hookd that has been there, so that there is a spool with its namespaces. */
void spool_prepare(struct harness *harness)
{
	spool_start(harness, NULL);
	harness_stop(harness);
}

/* ---- the shim ---- */

char *option_of(const char *format, const char *value)
{
	char *option;

	assert_true(asprintf(&option, format, value) > 0);
	return option;
}

static void exec_shim(const struct harness *harness, const char *container, char *const verbs[])
{
	char state[256], *argv[24] = {(char *)SHIM, (char *)"--stage=poststop",
				      (char *)"--if-down=spool", (char *)"--hookd=" HOOKD};
	int count = 4;

	snprintf(state, sizeof(state), "{\"id\":\"%s\",\"status\":\"stopped\",\"bundle\":\"/x\"}",
		 container);
	harness_write_file(harness, "state.json", state);
	dup2(open(harness_path(harness, "state.json"), O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(open(harness_path(harness, "said"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
	     STDERR_FILENO);
	argv[count++] = option_of("--address=unix:%s", harness->socket);
	argv[count++] = option_of("--hook=%s", harness->hook);
	argv[count++] = (char *)"--";
	while (*verbs)
		argv[count++] = *verbs++;
	execv(SHIM, argv);
	_exit(99);
}

/* Returns its exit status; what it said is in the file "said". */
int run_shim_in(const struct harness *harness, int unshared, const char *container,
		char *const verbs[])
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (unshared && unshare(unshared) < 0)
			_exit(98);
		exec_shim(harness, container, verbs);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void expect_said(const struct harness *harness, const char *text)
{
	char *said = harness_read_file(harness, "said", NULL);

	assert_non_null(said);
	if (!strstr(said, text))
		fail_msg("the shim did not say \"%s\" but: %s", text, said);
	free(said);
}

/* A hook that adds the line `mark` to the file "log". */
void mark_later(const struct harness *harness, const char *container, const char *mark)
{
	char *log = option_of("%s/log", harness->directory);

	assert_int_equal(
	    run_shim_in(harness, 0, container, VERBS((char *)"mark", log, (char *)mark)), 0);
	expect_said(harness, "for the next hookd");
	free(log);
}

/* The same where the hook is run at once, in a private hookd. */
void mark_here(const struct harness *harness, int unshared, const char *why)
{
	char *log = option_of("%s/log", harness->directory);
	size_t before = harness_count_lines(harness, "log");

	assert_int_equal(
	    run_shim_in(harness, unshared, "box", VERBS((char *)"mark", log, (char *)"here")), 0);
	expect_said(harness, why);
	assert_int_equal(harness_count_lines(harness, "log"), before + 1);
	free(log);
}

void expect_log(const struct harness *harness, const char *text)
{
	char *log = harness_read_file(harness, "log", NULL);

	assert_non_null(log);
	assert_string_equal(log, text);
	free(log);
}

/* ---- the spool ---- */

const char *spool_path(const struct harness *harness, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "state/spool/%s", name);
	return harness_path(harness, path);
}

/* Files of that ending; NULL: requests. The last one's name is in `ret_name`, if that is set. */
size_t spool_count(const struct harness *harness, const char *ending, char ret_name[256])
{
	DIR *directory = opendir(harness_path(harness, "state/spool"));
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		const char *dot = strchr(entry->d_name, '.');

		if (strcmp(entry->d_name, "view") == 0 || dot == entry->d_name)
			continue;
		if (ending ? !dot || strcmp(dot, ending) != 0 : dot != NULL)
			continue;
		count++;
		if (ret_name)
			snprintf(ret_name, 256, "%s", entry->d_name);
	}
	closedir(directory);
	return count;
}

/* The bytes of the only request. */
char *spool_read_request(const struct harness *harness, size_t *ret_length)
{
	char name[256];

	assert_int_equal(spool_count(harness, NULL, name), 1);
	return file_read(spool_path(harness, name), ret_length);
}

/* "000...0N-id": sorts before all that the shim has left. */
const char *spool_name(int number)
{
	static char name[64];

	snprintf(name, sizeof(name), "%020d-id", number);
	return name;
}

void spool_put_unmarked(const struct harness *harness, const char *name, const char *bytes,
			size_t length)
{
	int fd = open(spool_path(harness, name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

void spool_put(const struct harness *harness, const char *name, const char *bytes, size_t length)
{
	spool_put_unmarked(harness, name, bytes, length);
	if (geteuid() == 0)
		assert_int_equal(setxattr(spool_path(harness, name), HP_SPOOL_MARK, "", 0, 0), 0);
}

/* The bytes of a request, whose file is removed. */
char *spool_make_request(struct harness *harness, size_t *ret_length)
{
	char name[256], *bytes;

	spool_prepare(harness);
	mark_later(harness, "box", "left");
	bytes = spool_read_request(harness, ret_length);
	assert_int_equal(spool_count(harness, NULL, name), 1);
	assert_int_equal(unlink(spool_path(harness, name)), 0);
	return bytes;
}
