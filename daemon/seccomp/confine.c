/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of the process that compiles a profile. Profiles come from untrusted callers, and one
 * of them may exploit libseccomp. The process can then only use 1 s of CPU time and some memory,
 * and return a wrong program, or a wrong error, for that profile.
 *
 * It needs no network namespace of its own: no socket is open, and the filter allows no system call
 * that opens one or receives one from another process (socket, socketpair, accept, recvmsg,
 * pidfd_getfd, io_uring_setup). Nor can it execute another program.
 */
#include "daemon/seccomp/confine.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/*
 * "nobody": the only uid without rights that exists on every machine; any other one may belong to a
 * user, a service or a container. Other programs may run as nobody too. They can only kill(2) this
 * process: it is not dumpable, so only root can trace it or read its memory. And this process can
 * do nothing to them, since the filter does not allow the system calls.
 */
#define NOBODY 65534

/* AddressSanitizer reserves terabytes of address space. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ADDRESS_SPACE_MAX RLIM_INFINITY
#else
#define ADDRESS_SPACE_MAX (256u << 20)
#endif

/* ---- before rights are dropped ---- */

/* Makes the OOM killer choose this process first. Not a security measure: it may fail. */
static int raise_oom_score(void)
{
	cleanup_close int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, "1000", 4);
	return 0;
}

static int compare_bytes(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

/* At its first use glibc's qsort() reads the size of memory, in some versions from a file. */
static int warm_up(void)
{
	static char bytes[4096];

	qsort(bytes, sizeof(bytes), 1, compare_bytes);
	return 0;
}

static int close_descriptors(void)
{
	return (int)syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0);
}

/* A hard limit that is already lower is kept. */
static int set_limit(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return -1;
	if (hard < limit.rlim_max)
		limit.rlim_max = hard;
	limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
	return setrlimit(resource, &limit);
}

/* Enough for one second of work on a profile. */
static int limit_resources(void)
{
	static const struct {
		int resource;
		rlim_t soft, hard;
	} limits[] = {
	    {RLIMIT_CPU, 1, 2}, /* SIGXCPU at the soft limit, by which hookd sees the reason */
	    {RLIMIT_AS, ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX},
	    {RLIMIT_CORE, 0, 0},
	    {RLIMIT_FSIZE, 1 << 20, 1 << 20}, /* of the memfd that libseccomp exports to */
	    {RLIMIT_NOFILE, 16, 16},
	    {RLIMIT_NPROC, 0, 0},
	};

	for (size_t i = 0; i < ELEMENTS(limits); i++)
		if (set_limit(limits[i].resource, limits[i].soft, limits[i].hard) < 0)
			return -1;
	return 0;
}

/* ---- rights ---- */

static bool is_root(void)
{
	return geteuid() == 0;
}

static int drop_bounding_set(void)
{
	for (int capability = 0; is_root(); capability++) {
		int is_in = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (is_in < 0) /* beyond the kernel's last capability */
			break;
		if (is_in && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return -1;
	}
	return 0;
}

static int drop_groups(void)
{
	return is_root() ? setgroups(0, NULL) : 0;
}

static int change_group(void)
{
	return is_root() ? setresgid(NOBODY, NOBODY, NOBODY) : 0;
}

static int change_user(void)
{
	return is_root() ? setresuid(NOBODY, NOBODY, NOBODY) : 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return -1;
	return (int)syscall(SYS_capset, &header, none);
}

/* After the change of ids, at which the kernel resets the flag. */
static int stay_undumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int give_up_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- the filter ---- */

#define LOAD(member)	     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define RETURN(action)	     BPF_STMT(BPF_RET | BPF_K, action)
#define SKIP_UNLESS(k, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip)
#define SKIP_IF_ANY(k, skip) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, k, skip, 0)
#define ALLOW(call)	     SKIP_UNLESS(SYS_##call, 1), RETURN(SECCOMP_RET_ALLOW)

/* Tests PROT_EXEC in the third argument of mmap(2) and mprotect(2). */
#define ALLOW_UNLESS_EXECUTABLE(call)                                                              \
	SKIP_UNLESS(SYS_##call, 4), LOAD(args[2]), SKIP_IF_ANY(PROT_EXEC, 1),                      \
	    RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS)

/*
 * Allows seccomp(2) unless it installs a filter: SECCOMP_SET_MODE_FILTER only with NULL as program,
 * by which libseccomp and kernel.c test whether flags are supported. Compares both halves of the
 * address, the lower one first (little endian).
 */
#define ALLOW_QUESTIONS_OF_SECCOMP                                                                 \
	SKIP_UNLESS(SYS_seccomp, 8), LOAD(args[0]),                                                \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_SET_MODE_FILTER, 0, 4), LOAD(args[2]),     \
	    SKIP_UNLESS(0, 3),                                                                     \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + 4),        \
	    SKIP_UNLESS(0, 1), RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS)

/*
 * Allows reading stdin, writing stdout and stderr, memory, and the memfd that libseccomp exports
 * to. Numbers of x32 have bit 30 set, so they match none of these.
 */
static int install_filter(void)
{
	struct sock_filter instructions[] = {
	    LOAD(arch),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
	    RETURN(SECCOMP_RET_KILL_PROCESS),
	    LOAD(nr),
	    ALLOW(read),
	    ALLOW(write),
	    ALLOW(pread64),
	    ALLOW(lseek),
	    ALLOW(close),
	    ALLOW(memfd_create),
	    ALLOW(brk),
	    ALLOW(munmap),
	    ALLOW(mremap),
	    ALLOW(madvise),
	    ALLOW(getrandom), /* glibc's malloc */
	    ALLOW(clock_gettime),
	    ALLOW(restart_syscall), /* after SIGSTOP and SIGCONT */
	    ALLOW(exit_group),
#ifdef __SANITIZE_ADDRESS__
	    ALLOW(sigaltstack), /* ASan, before a call of a noreturn function */
#endif
	    ALLOW_UNLESS_EXECUTABLE(mmap),
	    ALLOW_UNLESS_EXECUTABLE(mprotect),
	    ALLOW_QUESTIONS_OF_SECCOMP,
	    RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {.len = ELEMENTS(instructions), .filter = instructions};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* ---- all steps ---- */

int compiler_confine(const char **ret_step)
{
	static const struct {
		const char *name;
		int (*act)(void);
	} steps[] = {
	    {"OOM score", raise_oom_score},
	    {"qsort", warm_up},
	    {"descriptors", close_descriptors},
	    {"resource limits", limit_resources},
	    {"capability bounding set", drop_bounding_set},
	    {"supplementary groups", drop_groups},
	    {"group", change_group},
	    {"user", change_user},
	    {"capabilities", drop_capabilities},
	    {"dumpable", stay_undumpable},
	    {"no_new_privs", give_up_new_privileges},
	    {"seccomp filter", install_filter},
	};

	for (size_t i = 0; i < ELEMENTS(steps); i++) {
		if (steps[i].act() < 0) {
			*ret_step = steps[i].name;
			return errno ? -errno : -EPERM;
		}
	}
	return 0;
}
