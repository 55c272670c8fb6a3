/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child between clone3 and exec.
 *
 * It shares hookd's memory while hookd continues, and has its own stack but hookd's thread pointer;
 * or it has a copy of the memory and shares only its report and the slots. So nothing here may call
 * libc, whose errno and locks are hookd's: there are only raw system calls, with arguments that
 * were prepared before, and no assertions. The file is compiled without sanitizers and without the
 * stack protector, which use memory of the thread. No state.
 */
#include "daemon/proc/spawn_child.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>

#include "daemon/raw/keyring.h"
#include "daemon/raw/raw.h"

static void fail(struct spawn_child *child, enum spawn_step step, long result)
{
	child->failed_errno = (int)-result;
	child->failed_step = step;
	for (;;)
		call2(SYS_exit_group, 127, 0);
}

/* The first step: until then the child would change the descriptors of hookd. */
static void leave_shared_table(const struct spawn_order *order)
{
	long result;

	if (!order->slots)
		return;
	result = call5(SYS_close_range, order->slots->end, ~0u, CLOSE_RANGE_UNSHARE, 0, 0);
	if (result < 0)
		fail(order->child, SPAWN_STEP_STDIN, result);
	order->slots->is_shared = false;
}

static void place_fds(const struct spawn_spec *spec, struct spawn_child *child)
{
	for (int i = 0; i < spec->fd_count; i++) {
		long result = call2(SYS_dup2, spec->fds[i], i);

		if (result < 0)
			fail(child, SPAWN_STEP_STDIN, result);
	}
}

/* hookd-run does this by itself, in the user namespace that the keyring is to belong to. */
static void join_keyring(const struct spawn_spec *spec, struct spawn_child *child)
{
	int r = spec->program >= 0 ? 0 : keyring_join_new();

	if (r < 0)
		fail(child, SPAWN_STEP_KEYRING, r);
}

static void set_defaults(const struct spawn_defaults *defaults, struct spawn_child *child)
{
	long result;

	if (defaults->umask >= 0)
		call2(SYS_umask, defaults->umask, 0);
	if (defaults->nice == 0)
		return;
	result = call5(SYS_setpriority, PRIO_PROCESS, 0, defaults->nice, 0, 0);
	if (result < 0)
		fail(child, SPAWN_STEP_SCHEDULER, result);
}

static void enter_dir(const struct spawn_order *order)
{
	const char *dir = order->spec.dir, *soft_dir = order->spec.soft_dir;
	long result = 0;

	if (dir)
		result = call2(SYS_chdir, (long)dir, 0);
	else if (!soft_dir || call2(SYS_chdir, (long)soft_dir, 0) < 0)
		result = order->is_in_root ? 0 : call2(SYS_chdir, (long)"/", 0);
	if (result < 0)
		fail(order->child, SPAWN_STEP_CWD, result);
}

static void check_program(const struct spawn_order *order)
{
	struct spawn_child *child = order->child;
	int error;

	if (!order->check)
		return;
	error = program_check(order->check, order->spec.path);
	if (!error)
		return;
	for (size_t i = 0; i < sizeof(child->failed_detail) - 1 && order->check->detail[i]; i++)
		child->failed_detail[i] = order->check->detail[i];
	fail(child, SPAWN_STEP_EXEC, -error);
}

/* All descriptors of hookd but 0, 1 and 2 are close-on-exec. */
static void execute(const struct spawn_spec *spec, struct spawn_child *child)
{
	long result;

	if (spec->program >= 0)
		result = call5(SYS_execveat, spec->program, (long)"", (long)spec->argv,
			       (long)spec->envp, AT_EMPTY_PATH);
	else
		result =
		    call5(SYS_execve, (long)spec->path, (long)spec->argv, (long)spec->envp, 0, 0);
	fail(child, SPAWN_STEP_EXEC, result);
}

static __attribute__((used, noreturn)) void child_main(const struct spawn_order *order)
{
	const struct spawn_spec *spec = &order->spec;
	struct spawn_child *child = order->child;
	long result;

	leave_shared_table(order);
	place_fds(spec, child);
	call2(SYS_setsid, 0, 0);
	if (order->restores_nofile) {
		result = call5(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&order->nofile, 0, 0);
		if (result < 0)
			fail(child, SPAWN_STEP_RLIMITS, result);
	}
	set_defaults(&order->defaults, child);
	enter_dir(order);
	join_keyring(spec, child);
	check_program(order);
	execute(spec, child);
	__builtin_unreachable();
}

/*
 * The child begins with the registers of its parent and the new stack pointer. The address of the
 * order is passed in r9, which the kernel preserves. (syscall(2) clobbers rcx and r11.)
 */
long spawn_clone(struct clone_args *args, const struct spawn_order *order)
{
	register const struct spawn_order *r9 __asm__("r9") = order;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r9, %%rdi\n\t"
			 "call *%[child]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)),
			   "r"(r9), [child] "r"(child_main)
			 : "rcx", "r11", "memory");
	return result;
}
