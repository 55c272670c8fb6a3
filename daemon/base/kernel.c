/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks, once at the start, that the kernel has what hookd needs. No state.
 *
 * Most system calls are probed with arguments that a kernel which has the call refuses with a known
 * error, so that any other error means that the call is missing.
 */
#include "daemon/base/kernel.h"

#include <assert.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "daemon/base/pidfd.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define CHILD_ENDS_MS 5000

/* The error of a call that is expected to fail with `expected`; 0 where it did. */
static int refused_with(long result, int expected)
{
	if (result >= 0 || errno == expected)
		return 0;
	return errno;
}

static int of_result(long result)
{
	return result < 0 ? errno : 0;
}

/* ---- files, memory, the loop ---- */

static int probe_close_range(void)
{
	return of_result(syscall(SYS_close_range, ~0u, ~0u, CLOSE_RANGE_CLOEXEC));
}

static int probe_pipe2(void)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static int probe_memfd_create(void)
{
	cleanup_close int fd = memfd_create("hookd", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return of_result(fd);
}

static int probe_seals(void)
{
	return refused_with(fcntl(-1, F_ADD_SEALS, F_SEAL_WRITE), EBADF);
}

static int probe_getrandom(void)
{
	return of_result(getrandom(NULL, 0, 0));
}

static int probe_epoll(void)
{
	struct epoll_event event = {0};
	int error = refused_with(epoll_ctl(-1, EPOLL_CTL_DEL, -1, &event), EBADF);

	return error ? error : refused_with(epoll_wait(-1, &event, 1, 0), EBADF);
}

static int probe_timerfd_create(void)
{
	cleanup_close int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	return of_result(fd);
}

static int probe_openat2(void)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};

	return refused_with(syscall(SYS_openat2, -1, "x", &how, sizeof(how)), EBADF);
}

/* ---- callers and their credentials ---- */

static int probe_accept4(void)
{
	return refused_with(accept4(-1, NULL, NULL, SOCK_CLOEXEC), EBADF);
}

static int probe_recvmsg(void)
{
	struct msghdr message = {0};

	return refused_with(recvmsg(-1, &message, 0), EBADF);
}

static int probe_peer(int option, void *value, socklen_t size)
{
	int ends[2], error;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return errno;
	error = of_result(getsockopt(ends[0], SOL_SOCKET, option, value, &size));
	close(ends[0]);
	close(ends[1]);
	return error;
}

static int probe_peercred(void)
{
	struct ucred peer;

	return probe_peer(SO_PEERCRED, &peer, sizeof(peer));
}

static int probe_peerpidfd(void)
{
	cleanup_close int pidfd = -1;

	return probe_peer(SO_PEERPIDFD, &pidfd, sizeof(pidfd));
}

static int probe_capget(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return of_result(syscall(SYS_capget, &header, data));
}

static int probe_pidfd_open(void)
{
	cleanup_close int pidfd = pidfd_of(getpid());

	return pidfd < 0 ? -pidfd : 0;
}

/* ---- what a hook's process needs ---- */

static int probe_prctl(void)
{
	return of_result(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
}

static int probe_prlimit(void)
{
	struct rlimit limit;

	return of_result(prlimit(0, RLIMIT_NOFILE, NULL, &limit));
}

static int probe_dup2(void)
{
	return refused_with(syscall(SYS_dup2, -1, 0), EBADF);
}

static int probe_readlink(void)
{
	char text[1];

	return refused_with(syscall(SYS_readlink, "", text, sizeof(text)), ENOENT);
}

static int probe_execveat(void)
{
	char *const none[] = {NULL};

	return refused_with(syscall(SYS_execveat, -1, "", none, none, AT_EMPTY_PATH), EBADF);
}

static int probe_setns(void)
{
	return refused_with(syscall(SYS_setns, -1, 0), EBADF);
}

/*
 * Other errors come from a kernel that has keys: the session has no keyring (ENOKEY), or one that
 * is revoked (EKEYREVOKED), expired (EKEYEXPIRED) or not accessible to hookd (EACCES).
 */
static int probe_keyctl(void)
{
	long result = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);

	return result < 0 && (errno == ENOSYS || errno == EPERM) ? errno : 0;
}

/*
 * Joins a keyring whose name is at a bad address. Where keyctl(2) is missing as a whole this is no
 * error, since hooks then run without joining a keyring: see keyring.h.
 */
static int probe_join_keyring(void)
{
	int error = refused_with(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, -1), EFAULT);

	return error == ENOSYS || (error == EPERM && probe_keyctl() == EPERM) ? 0 : error;
}

static int probe_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ALLOW;

	return of_result(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action));
}

/* An ordinary user may be refused before the arguments are checked, so only root probes. */
static int probe_bpf(void)
{
	/* Linux 6.1 checks the licence before the number of instructions. */
	union bpf_attr no_program = {
	    .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
	    .license = (uintptr_t) "GPL",
	};

	if (geteuid() != 0)
		return 0;
	return refused_with(syscall(SYS_bpf, BPF_PROG_LOAD, &no_program, sizeof(no_program)),
			    E2BIG);
}

static int probe_sched_setattr(void)
{
	return refused_with(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
}

static int probe_ioprio_set(void)
{
	return refused_with(syscall(SYS_ioprio_set, -1, 0, 0), EINVAL);
}

static int probe_set_mempolicy(void)
{
	return refused_with(syscall(SYS_set_mempolicy, -1, NULL, 0), EINVAL);
}

static const struct probe {
	const char *name;
	const char *without;
	bool is_needed;
	int (*probe)(void);
} probes[] = {
    {"close_range", "hooks would inherit what hookd has open", true, probe_close_range},
    {"pipe2", "a hook has no stdin and no output", true, probe_pipe2},
    {"memfd_create", "hookd cannot keep its own helper program", true, probe_memfd_create},
    {"fcntl(F_ADD_SEALS)", "hookd's helper program could be written to", true, probe_seals},
    {"getrandom", "runs have no ids", true, probe_getrandom},
    {"epoll", "no event reaches hookd", true, probe_epoll},
    {"accept4", "nobody can connect", true, probe_accept4},
    {"recvmsg", "no request can be read", true, probe_recvmsg},
    {"SO_PEERCRED", "the user of a caller is not known", true, probe_peercred},
    {"capget", "the capabilities of a caller are not known", true, probe_capget},
    {"prctl", "hookd's memory cannot be closed to others", true, probe_prctl},
    {"prlimit64", "hooks would inherit hookd's limits", true, probe_prlimit},
    {"timerfd_create", "suspended time would not count in timeouts", true, probe_timerfd_create},
    {"dup2", "a hook has no stdin and no output", true, probe_dup2},
    {"readlink", "a hook's program cannot be looked up", true, probe_readlink},
    {"keyctl(KEYCTL_JOIN_SESSION_KEYRING)", "no hook has a session keyring of its own", true,
     probe_join_keyring},
    {"SO_PEERPIDFD", "callers are known by their pid, which can be reused", false, probe_peerpidfd},
    {"pidfd_open", "no container can be entered, Apply is refused", false, probe_pidfd_open},
    {"execveat", "hooks with settings, or in a container, fail", false, probe_execveat},
    {"setns", "hooks in other namespaces than hookd's fail", false, probe_setns},
    {"openat2", "cgroups named by callers cannot be used", false, probe_openat2},
    {"keyctl", "hooks share hookd's session keyring", false, probe_keyctl},
    {"seccomp", "hooks with a seccomp profile fail", false, probe_seccomp},
    {"bpf", "device rules cannot be set", false, probe_bpf},
    {"sched_setattr", "hooks with a scheduler setting fail", false, probe_sched_setattr},
    {"ioprio_set", "hooks with an I/O priority fail", false, probe_ioprio_set},
    {"set_mempolicy", "hooks with a memory policy fail", false, probe_set_mempolicy},
};

/* ---- a child ---- */

/* A lack of processes, descriptors or memory may pass: it says nothing about the kernel. */
static void add(struct kernel *kernel, const char *name, const char *without, int error)
{
	assert(kernel->count < KERNEL_PARTS_MAX);
	kernel->parts[kernel->count++] = (struct kernel_part){
	    .name = name,
	    .without = without,
	    .is_needed = true,
	    .error = error_is_transient(error) ? 0 : error,
	};
}

/* Unlike a hook's child it does not share hookd's memory. */
static pid_t start_child(int *ret_pidfd)
{
	struct clone_args args = {
	    .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
	    .pidfd = (uintptr_t)ret_pidfd,
	    .exit_signal = SIGCHLD,
	};
	pid_t parent = getpid();
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0) {
		/* It does not outlive a hookd that is killed meanwhile. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	return pid;
}

static int wait_for_pidfd(int pidfd)
{
	struct pollfd exit = {.fd = pidfd, .events = POLLIN};
	int r = poll(&exit, 1, CHILD_ENDS_MS);

	return r < 0 ? errno : r == 0 ? ETIMEDOUT : 0;
}

/* The calls by which hookd kills a hook, notices its exit and reads its exit status. */
static void probe_child(struct kernel *kernel)
{
	siginfo_t info = {0};
	int pidfd = -1, error;
	pid_t pid = start_child(&pidfd);

	add(kernel, "clone3", "no hook can be started", pid < 0 ? errno : 0);
	if (pid < 0)
		return;
	error = of_result(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0));
	add(kernel, "pidfd_send_signal", "no timeout can be kept", error);
	if (error)
		(void)kill(pid, SIGKILL);
	add(kernel, "poll of a pidfd", "the end of a hook is not seen", wait_for_pidfd(pidfd));
	error = of_result(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
	if (!error && info.si_pid != pid)
		error = EINVAL;
	add(kernel, "waitid(P_PIDFD)", "no hook's exit status can be had", error);
	if (error)
		(void)waitpid(pid, NULL, 0);
	close(pidfd);
}

void kernel_probe(struct kernel *ret_kernel)
{
	static_assert(ELEMENTS(probes) + 4 <= KERNEL_PARTS_MAX, "KERNEL_PARTS_MAX");
	struct kernel *kernel = ret_kernel;

	kernel->count = 0;
	probe_child(kernel);
	for (size_t i = 0; i < ELEMENTS(probes); i++) {
		const struct probe *probe = &probes[i];
		int error = probe->probe();

		add(kernel, probe->name, probe->without, error);
		kernel->parts[kernel->count - 1].is_needed = probe->is_needed;
	}
}
