/* SPDX-License-Identifier: Apache-2.0 */
/* Prepares hookd's own process and checks the kernel and the limits before a start. No state. */
#include "daemon/own_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "daemon/base/log.h"
#include "proto/base/limits.h"

/* There are about three copies of a message, and of the state in it. */
#define MEMORY_KEPT ((int)(4 * HP_MESSAGE_BYTES_MAX))

static void on_write_signal(int signal)
{
	(void)signal;
}

/*
 * Hooks inherit hookd's process attributes, so those that hookd itself inherited are reset: no
 * blocked or ignored signals (an ignored SIGCHLD would lose every exit status), the usual umask,
 * and close-on-exec on descriptors that the parent left open. SIGPIPE and SIGXFSZ (a write beyond
 * RLIMIT_FSIZE) get a handler that does nothing, so that the write fails with EPIPE or EFBIG.
 * Ignoring them would do so too, but an exec resets handlers and keeps "ignored".
 */
static void reset_inherited_attributes(void)
{
	static const unsigned long default_action[8]; /* at least as long as the kernel's */
	struct sigaction action = {0};
	sigset_t none;

	/* Not by sigaction(3), which refuses the two that glibc has reserved for itself. */
	for (int signal = 1; signal < NSIG; signal++)
		(void)syscall(SYS_rt_sigaction, signal, default_action, NULL, 8);
	action.sa_handler = on_write_signal;
	action.sa_flags = SA_RESTART;
	(void)sigaction(SIGPIPE, &action, NULL);
	(void)sigaction(SIGXFSZ, &action, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	(void)syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Without open descriptors 0, 1 and 2 a socket could get such a number, and hooks inherit it. */
static void occupy_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

/*
 * Requests and states have up to 4 MiB, of which there are several copies. With its own thresholds
 * glibc gives that memory back after each of them, and the next one faults it in again.
 */
static void keep_freed_memory(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, MEMORY_KEPT);
	(void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
}

void own_process_begin(void)
{
	keep_freed_memory();
	reset_inherited_attributes();
	occupy_standard_fds();
	/* Children share hookd's memory until their exec, and must not be traced meanwhile. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void own_process_hold_signals(bool holds)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	(void)sigprocmask(holds ? SIG_BLOCK : SIG_UNBLOCK, &signals, NULL);
}

/* ---- kernel and limits ---- */

/* peer.c finds the peer without SO_PEERPIDFD on kernels that do not know it. */
static bool has_another_way(const struct kernel_part *part)
{
	return strcmp(part->name, "SO_PEERPIDFD") == 0 && part->error == ENOPROTOOPT;
}

bool own_process_check_kernel(struct kernel *ret_kernel)
{
	bool is_enough = true;

	kernel_probe(ret_kernel);
	for (size_t i = 0; i < ret_kernel->count; i++) {
		const struct kernel_part *part = &ret_kernel->parts[i];

		if (!part->error || has_another_way(part))
			continue;
		log_at(part->is_needed ? LOG_ERR : LOG_WARNING,
		       "%s is missing from this kernel or not permitted (%s): %s", part->name,
		       strerror(part->error), part->without);
		is_enough = is_enough && !part->is_needed;
	}
	return is_enough;
}

/* Descriptors of hookd itself, and of each running hook: a pidfd, pipes, a cgroup. */
#define FDS_OF_HOOKD 64
#define FDS_PER_HOOK 5
/* Needed before the soft limit is raised to the hard limit. */
#define FDS_OF_START 32

bool own_process_can_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    (limit.rlim_max >= FDS_OF_HOOKD && limit.rlim_cur >= FDS_OF_START))
		return true;
	log_error(
	    "cannot start: the limit of open files (RLIMIT_NOFILE) is %llu (hard: %llu), and hookd "
	    "needs at least %d (hard: %d)",
	    (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max, FDS_OF_START,
	    FDS_OF_HOOKD);
	return false;
}

void own_process_check_open_files(const struct config *config)
{
	uint64_t wanted =
	    FDS_OF_HOOKD + FDS_PER_HOOK * config->concurrent_hooks + config->connections;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	log_warning("the limit of open files (RLIMIT_NOFILE) is %llu, and hookd needs %llu for "
		    "ConcurrentHooks=%llu and [Connections] Max=%llu: raise it, or calls will fail "
		    "with Busy",
		    (unsigned long long)limit.rlim_cur, (unsigned long long)wanted,
		    (unsigned long long)config->concurrent_hooks,
		    (unsigned long long)config->connections);
}
