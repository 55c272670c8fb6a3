/* SPDX-License-Identifier: Apache-2.0 */

/* What a hook reads from stdin: all of the state and no more, and hookd never blocks. */

#include "tests/daemon/support/support.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "daemon/proc/stdin.h"

#define LARGEST (4 * 1024 * 1024)

static char *make_state(size_t length)
{
	char *state = malloc(length + 1);

	assert_non_null(state);
	for (size_t i = 0; i < length; i++)
		state[i] = (char)(i % 251); /* NULs too: it is bytes */
	return state;
}

static void every_length_arrives_whole(void **test_state)
{
	static const size_t lengths[] = {0,    1,     500,   4095,    4096,
					 4097, 65536, 65537, 1 << 20, LARGEST};
	char *read_back = malloc(LARGEST + 1);

	(void)test_state;
	for (size_t i = 0; i < ELEMENTS(lengths); i++) {
		char *state = make_state(lengths[i]);
		int fd = stdin_open(state, lengths[i]);

		assert_true(fd >= 0);
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_false(fcntl(fd, F_GETFL) & O_NONBLOCK);
		assert_int_equal(read_all(fd, read_back, LARGEST + 1), lengths[i]);
		assert_memory_equal(read_back, state, lengths[i]);
		close(fd);
		free(state);
	}
	free(read_back);
}

/* A pipe if the state fits, as with runtimes; a memfd if a write could block. */
static void the_border_is_one_page(void **test_state)
{
	char *state = make_state(4097);
	int small = stdin_open(state, 4096), large = stdin_open(state, 4097);
	struct stat st;

	(void)test_state;
	assert_int_equal(fstat(small, &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_int_equal(fstat(large, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	close(small);
	close(large);
	free(state);
}

static void a_large_state_cannot_be_changed(void **test_state)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	char *state = make_state(1 << 20);
	char path[32];
	int fd = stdin_open(state, 1 << 20), again;

	(void)test_state;
	assert_int_equal(fcntl(fd, F_GET_SEALS), seals);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(write(fd, "x", 1), -1);
	/* A hook of root can open it again for writing, but the seals prevent a write. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0) {
		assert_int_equal(write(again, "x", 1), -1);
		assert_int_equal(errno, EPERM);
		assert_int_equal(ftruncate(again, 0), -1);
		assert_ptr_equal(mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0),
				 MAP_FAILED);
		close(again);
	}
	close(fd);
	free(state);
}

/* None of them was read, so each write that can block would have. */
static void nothing_is_waited_for(void **test_state)
{
	char *state = make_state(1 << 20);
	int fds[64];

	(void)test_state;
	alarm(5);
	for (size_t i = 0; i < ELEMENTS(fds); i++) {
		fds[i] = stdin_open(state, i % 2 ? 4096 : 1 << 20);
		assert_true(fds[i] >= 0);
	}
	for (size_t i = 0; i < ELEMENTS(fds); i++)
		close(fds[i]);
	bound_time();
	free(state);
}

/* The kernel's errno is returned as it is, since it decides whether the failure may pass. */
static int fill_without_memory(void *userdata)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = {ELEMENTS(code), code};

	(void)userdata;
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
	return stdin_open("x", 1) == -ENOMEM ? 0 : 2;
}

static void a_write_that_fails_says_why(void **test_state)
{
	(void)test_state;
	assert_int_equal(in_child(fill_without_memory, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_length_arrives_whole),
	    cmocka_unit_test(the_border_is_one_page),
	    cmocka_unit_test(a_large_state_cannot_be_changed),
	    cmocka_unit_test(nothing_is_waited_for),
	    cmocka_unit_test(a_write_that_fails_says_why),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
