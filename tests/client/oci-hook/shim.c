/* SPDX-License-Identifier: Apache-2.0 */

/* One hookd-oci-hook process of a test; see shim.h. */

#include "tests/client/oci-hook/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int file_of(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* crun starts its hooks with every signal blocked. */
static void block_signals(posix_spawnattr_t *attributes)
{
	sigset_t all;

	sigfillset(&all);
	assert_int_equal(posix_spawnattr_init(attributes), 0);
	assert_int_equal(posix_spawnattr_setsigmask(attributes, &all), 0);
	assert_int_equal(posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK), 0);
}

static struct shim start_without(int closed, const char *state, char *const env[],
				 char *const argv[])
{
	struct shim shim = {.in = file_of(state)};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int out[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, shim.in, 0), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 1), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, out[1], 2), 0);
	if (closed >= 0)
		assert_int_equal(posix_spawn_file_actions_addclose(&actions, closed), 0);
	block_signals(&attributes);
	assert_int_equal(posix_spawn(&shim.pid, SHIM, &actions, &attributes, argv, env), 0);
	close(out[1]);
	shim.out = out[0];
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return shim;
}

struct shim start_shim(const char *state, char *const env[], char *const argv[])
{
	return start_without(-1, state, env, argv);
}

/* Both streams end when the last process that has them ends, also one that a hook left behind. */
static void read_all(int fd, struct outcome *outcome)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(fd, outcome->text + length, sizeof(outcome->text) - 1 - length)) > 0)
		length += (size_t)n;
	outcome->text[length] = '\0';
}

struct outcome end_shim(const struct shim *shim)
{
	struct outcome outcome = {0};
	struct stat state;
	int status;

	read_all(shim->out, &outcome);
	assert_int_equal(waitpid(shim->pid, &status, 0), shim->pid);
	outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	assert_int_equal(fstat(shim->in, &state), 0);
	outcome.has_read_state = lseek(shim->in, 0, SEEK_CUR) == state.st_size;
	close(shim->in);
	close(shim->out);
	return outcome;
}

struct outcome run_shim_without(int closed, const char *state, char *const env[],
				char *const argv[])
{
	struct shim shim = start_without(closed, state, env, argv);

	return end_shim(&shim);
}

struct outcome run_shim_with(const char *state, char *const env[], char *const argv[])
{
	struct shim shim = start_shim(state, env, argv);

	return end_shim(&shim);
}

char *shim_address_option(const struct fake_server *server)
{
	static char option[256];

	(void)snprintf(option, sizeof(option), "--address=%s", fake_server_address(server));
	return option;
}

void fake_server_end(struct fake_server *server)
{
	fake_server_join(server);
	fake_server_free(server);
}
