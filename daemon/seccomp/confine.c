/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The confinement of the process that compiles a profile. A profile may come from a stranger, who
 * may know a way to take over libseccomp: what the process can do then is use up 1 s of CPU time
 * and some memory, and answer with a wrong program to the one who asked.
 *
 * It needs no network namespace of its own: no socket is open, and the filter has no system call
 * that makes one or receives one from another process (socket, socketpair, accept, recvmsg,
 * pidfd_getfd, io_uring_setup). Nor can the filter be lost by executing another program.
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
 * The one number that every machine keeps for those without rights; any other may be a person's, a
 * service's or a container's. Other programs run as it as well, and kill(2) is all that they can do
 * to this process: it is not dumpable, so nobody but root traces it or reads its memory. And what
 * has taken this process over can do nothing to them, for want of the system calls.
 */
#define NOBODY 65534

/* AddressSanitizer has terabytes of address space for itself. */
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

/* ---- before anything is given up ---- */

/* Where memory is short this process is the one to go. Not a matter of rights: it may fail. */
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

/* glibc's qsort() asks the kernel once how much memory there is, some by opening a file. */
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

/* A hard limit that is lower already stays. */
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

/* What a second of work on a profile can need. */
static int limit_resources(void)
{
	static const struct {
		int resource;
		rlim_t soft, hard;
	} limits[] = {
	    {RLIMIT_CPU, 1, 2}, /* SIGXCPU at the first, which says why */
	    {RLIMIT_AS, ADDRESS_SPACE_MAX, ADDRESS_SPACE_MAX},
	    {RLIMIT_CORE, 0, 0},
	    {RLIMIT_FSIZE, 1 << 20, 1 << 20}, /* what libseccomp writes into is a file in memory */
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

		if (is_in < 0) /* behind the last that the kernel knows */
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

/* Behind the change of ids, at which the kernel sets it anew. */
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

/* The third argument of mmap(2) and mprotect(2): no memory becomes a program. */
#define ALLOW_UNLESS_EXECUTABLE(call)                                                              \
	SKIP_UNLESS(SYS_##call, 4), LOAD(args[2]), SKIP_IF_ANY(PROT_EXEC, 1),                      \
	    RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS)

/*
 * Both halves of the program's address, on a machine that has the lower one first: with none
 * seccomp(2) says which flags it knows, which is what libseccomp and seccomp_kernel.c ask.
 */
#define ALLOW_QUESTIONS_OF_SECCOMP                                                                 \
	SKIP_UNLESS(SYS_seccomp, 8), LOAD(args[0]),                                                \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SECCOMP_SET_MODE_FILTER, 0, 4), LOAD(args[2]),     \
	    SKIP_UNLESS(0, 3),                                                                     \
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]) + 4),        \
	    SKIP_UNLESS(0, 1), RETURN(SECCOMP_RET_ALLOW), RETURN(SECCOMP_RET_KILL_PROCESS)

/*
 * Reading stdin, memory, writing, and the file in memory that libseccomp writes into. A number of
 * x32 has bit 30, so it is none of these.
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
	    ALLOW(restart_syscall), /* a read that was stopped and goes on */
	    ALLOW(exit_group),
#ifdef __SANITIZE_ADDRESS__
	    ALLOW(sigaltstack), /* where a function does not return */
#endif
	    ALLOW_UNLESS_EXECUTABLE(mmap),
	    ALLOW_UNLESS_EXECUTABLE(mprotect),
	    ALLOW_QUESTIONS_OF_SECCOMP,
	    RETURN(SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog program = {.len = ELEMENTS(instructions), .filter = instructions};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
}

/* ---- all of it ---- */

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
