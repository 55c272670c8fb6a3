/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The sandbox of the profile compiler: in a child that has entered it, what compiling needs works,
 * and each other system call kills the process.
 */

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "daemon/seccomp/confine.h"
#include "tests/daemon/support/support.h"

#define UNCONFINED 99
#define X32	   0x40000000

/* ---- a confined child ---- */

static _Noreturn void leave(int status)
{
	for (;;)
		syscall(SYS_exit_group, status);
}

/* Its wait status. What it does before it is confined, and after. */
static int in_confinement(void (*before)(void), int (*after)(const void *), const void *data)
{
	const char *step = NULL;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (before)
			before();
		if (compiler_confine(&step) < 0)
			leave(UNCONFINED);
		leave(after(data));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- what works ---- */

static int compile_like(const void *data)
{
	static char block[65536];
	char *memory;
	int fd;

	(void)data;
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return 1;
	memory = mremap(memory, 1 << 20, 2 << 20, MREMAP_MAYMOVE);
	if (memory == MAP_FAILED || munmap(memory, 2 << 20) < 0)
		return 2;
	fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd != 3 || write(fd, block, sizeof(block)) != sizeof(block))
		return 3;
	if (lseek(fd, 0, SEEK_END) != sizeof(block) || pread(fd, block, 16, 0) != 16)
		return 4;
	if (close(fd) < 0 || syscall(SYS_read, 99, block, 1) != -1 || errno != EBADF)
		return 5;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) != -1 || errno != EFAULT)
		return 6;
	return 0;
}

/* A descriptor that hookd has leaked must not reach the compiler. */
static void leak_a_descriptor(void)
{
	(void)!open("/dev/null", O_RDONLY);
	(void)!open("/dev/null", O_RDONLY);
}

static void what_compiling_needs_works(void **state)
{
	int status = in_confinement(leak_a_descriptor, compile_like, NULL);

	(void)state;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("wait status %x", status);
}

/* ---- the limit of time ---- */

/* It must not outlive a test that fails. */
static void bound_spin(void)
{
	alarm(35);
}

static int spin(const void *data)
{
	volatile bool goes_on = true;

	(void)data;
	while (goes_on)
		continue;
	return 0;
}

/* By SIGXCPU, which tells the reason. */
static void a_profile_without_end_is_ended(void **state)
{
	int status = in_confinement(bound_spin, spin, NULL);

	(void)state;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGXCPU)
		fail_msg("wait status %x", status);
}

/* ---- what kills ---- */

static const struct sock_filter allow_all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
static const struct sock_fprog program = {.len = 1, .filter = (struct sock_filter *)&allow_all};
static char *const no_words[] = {NULL};

#define P(pointer) (long)(uintptr_t)(pointer)

static const struct forbidden {
	const char *name;
	long number, arguments[6];
} forbidden[] = {
    {"socket", SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"socket of the network", SYS_socket, {AF_INET, SOCK_DGRAM, 0}},
    {"socketpair", SYS_socketpair, {AF_UNIX, SOCK_STREAM, 0}},
    {"connect", SYS_connect, {0}},
    {"accept4", SYS_accept4, {0}},
    {"sendmsg", SYS_sendmsg, {0}},
    {"recvmsg", SYS_recvmsg, {0}},
    {"pipe2", SYS_pipe2, {0}},
    {"open", SYS_open, {P("/etc/passwd"), O_RDONLY}},
    {"openat", SYS_openat, {AT_FDCWD, P("/etc/passwd"), O_RDONLY}},
    {"openat2", SYS_openat2, {AT_FDCWD, P("/etc/passwd")}},
    {"open_by_handle_at", SYS_open_by_handle_at, {0}},
    {"stat", SYS_stat, {P("/etc/passwd"), 0}},
    {"readlink", SYS_readlink, {P("/proc/self/exe")}},
    {"unlink", SYS_unlink, {P("/nonexistent")}},
    {"mount", SYS_mount, {0}},
    {"chdir", SYS_chdir, {P("/")}},
    {"execve", SYS_execve, {P("/bin/true"), P(no_words), P(no_words)}},
    {"execveat", SYS_execveat, {AT_FDCWD, P("/bin/true"), P(no_words), P(no_words), 0}},
    {"fork", SYS_fork, {0}},
    {"vfork", SYS_vfork, {0}},
    {"clone", SYS_clone, {SIGCHLD}},
    {"clone3", SYS_clone3, {0}},
    {"unshare", SYS_unshare, {CLONE_NEWUSER}},
    {"setns", SYS_setns, {0}},
    {"ptrace", SYS_ptrace, {PTRACE_TRACEME}},
    {"process_vm_readv", SYS_process_vm_readv, {1}},
    {"pidfd_open", SYS_pidfd_open, {1}},
    {"pidfd_getfd", SYS_pidfd_getfd, {0}},
    {"kill", SYS_kill, {-1, 0}},
    {"tgkill", SYS_tgkill, {1, 1, 0}},
    {"prlimit64", SYS_prlimit64, {0}},
    {"setuid", SYS_setuid, {0}},
    {"capset", SYS_capset, {0}},
    {"prctl", SYS_prctl, {PR_SET_DUMPABLE, 1}},
    {"bpf", SYS_bpf, {0}},
    {"keyctl", SYS_keyctl, {0}},
    {"io_uring_setup", SYS_io_uring_setup, {1}},
    {"shmget", SYS_shmget, {0}},
    {"ioctl", SYS_ioctl, {0}},
    {"fcntl", SYS_fcntl, {0, F_DUPFD, 0}},
    {"mmap of a program", SYS_mmap, {0, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
    {"mprotect to a program", SYS_mprotect, {0, 4096, PROT_READ | PROT_EXEC}},
    {"seccomp with a program", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, P(&program)}},
    {"seccomp with a high address", SYS_seccomp, {SECCOMP_SET_MODE_FILTER, 0, 1l << 32}},
    {"read of x32", X32 | SYS_read, {0}},
    {"socket of x32", X32 | SYS_socket, {AF_UNIX, SOCK_STREAM, 0}},
    {"a call that is not there", 4000, {0}},
};

static int try_call(const void *data)
{
	const struct forbidden *call = data;
	const long *a = call->arguments;

	syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
	return 1;
}

static void expect_killed(int status, const char *name)
{
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
		fail_msg("%s: wait status %x", name, status);
}

static void every_other_call_kills(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(forbidden); i++)
		expect_killed(in_confinement(NULL, try_call, &forbidden[i]), forbidden[i].name);
}

/* Numbers depend on the architecture: 3 is read there, and close here. */
static int try_32bit(const void *data)
{
	long result = *(const long *)data;

	__asm__ volatile("int $0x80" : "+a"(result) : : "memory");
	return 1;
}

static void calls_of_32_bits_kill(void **state)
{
	(void)state;
	for (long number = 0; number < 64; number++)
		expect_killed(in_confinement(NULL, try_32bit, &number), "int 0x80");
}

/* ---- as another user ---- */

/* Without root there are no rights to drop, and the filter is the same. */
static void become_somebody(void)
{
	if (setresuid(4242, 4242, 4242) < 0)
		leave(UNCONFINED);
}

static void who_is_not_root_is_confined_too(void **state)
{
	int status;

	(void)state;
	if (geteuid() != 0)
		skip("needs root");
	status = in_confinement(become_somebody, compile_like, NULL);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	expect_killed(in_confinement(become_somebody, try_call, &forbidden[0]), "socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_compiling_needs_works),
	    cmocka_unit_test(a_profile_without_end_is_ended),
	    cmocka_unit_test(every_other_call_kills),
	    cmocka_unit_test(calls_of_32_bits_kill),
	    cmocka_unit_test(who_is_not_root_is_confined_too),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
