/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts processes. Owns the stacks that children use between clone3 and exec, the reports of
 * children that get a copy of hookd's memory, and the attributes that hookd restores in children.
 *
 * A stack is in use from the clone until the kernel clears its `tid` word: CLONE_CHILD_CLEARTID
 * does that when the child leaves the shared memory by exec or exit. No event reports it, so the
 * words are read when a stack is needed. The list is in the order of the clones: its first stacks
 * are free most likely.
 *
 * A child that gets a copy of hookd's memory has a copy of the stack, too, so hookd's stack is free
 * at once. Its report and the slots are in shared memory even then. Those pages are populated
 * before the clone, so that they are charged to hookd's cgroup.
 */
#include "daemon/proc/spawn.h"

#include <assert.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "daemon/proc/spawn_child.h"

/* The child needs less than 1 KiB of it. */
#define STACK_BYTES 4096

struct spawn_stack {
	char memory[STACK_BYTES] __attribute__((aligned(16)));
	struct spawn_order order;
	struct program_check check;
	volatile uint32_t tid;		/* 0: the stack is free */
	STAILQ_ENTRY(spawn_stack) link; /* spawner::stacks, oldest clone first */
};

/* Of a child that gets a copy of hookd's memory; in use until spawner_settle(). */
struct child_report {
	struct spawn_child child; /* only its failed_ members are used */
	STAILQ_ENTRY(child_report) link;
};

#define REPORTS_IN_BLOCK 32

struct child_report_block {
	struct child_report reports[REPORTS_IN_BLOCK];
	SLIST_ENTRY(child_report_block) link;
};

struct spawner {
	STAILQ_HEAD(, spawn_stack) stacks;
	STAILQ_HEAD(, child_report) reports; /* free ones */
	SLIST_HEAD(, child_report_block) report_blocks;
	struct slots *slots;  /* shared with all children */
	struct rlimit nofile; /* RLIMIT_NOFILE at the start of hookd */
	bool restores_nofile;
	struct spawn_defaults defaults;
	uid_t uid;	 /* hookd's */
	bool is_in_root; /* the working directory is "/" */
};

static bool working_directory_is_root(void)
{
	char path[sizeof("/")];

	return getcwd(path, sizeof(path)) && strcmp(path, "/") == 0;
}

const char *const spawn_step_names[SPAWN_STEP_COUNT] = {
    [SPAWN_STEP_NONE] = "",
    [SPAWN_STEP_CGROUP] = "cgroup",
    [SPAWN_STEP_OOM_SCORE_ADJ] = "oomScoreAdj",
    [SPAWN_STEP_RDT] = "rdt",
    [SPAWN_STEP_SCHEDULER] = "scheduler",
    [SPAWN_STEP_RLIMITS] = "rlimits",
    [SPAWN_STEP_NAMESPACES] = "namespaces",
    [SPAWN_STEP_CWD] = "cwd",
    [SPAWN_STEP_KEYRING] = "keyring",
    [SPAWN_STEP_PERSONALITY] = "personality",
    [SPAWN_STEP_LABEL] = "label",
    [SPAWN_STEP_CREDENTIALS] = "credentials",
    [SPAWN_STEP_CAPABILITIES] = "capabilities",
    [SPAWN_STEP_SECCOMP] = "seccomp",
    [SPAWN_STEP_STDIN] = "stdin",
    [SPAWN_STEP_EXEC] = "exec",
};
static_assert(SPAWN_STEP_COUNT == 16, "each step has a name, which is part of the protocol");

/* Memory that stays shared with a child that gets a copy of hookd's memory. */
static void *map_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int spawner_new(struct spawner **ret_spawner)
{
	struct spawner *spawner = calloc(1, sizeof(*spawner));
	struct rlimit raised;

	if (!spawner)
		return -ENOMEM;
	spawner->slots = map_shared(sizeof(*spawner->slots));
	if (!spawner->slots) {
		free(spawner);
		return -ENOMEM;
	}
	STAILQ_INIT(&spawner->stacks);
	STAILQ_INIT(&spawner->reports);
	SLIST_INIT(&spawner->report_blocks);
	slots_init(spawner->slots);
	spawner->defaults = (struct spawn_defaults){.umask = -1};
	spawner->uid = geteuid();
	spawner->is_in_root = working_directory_is_root();
	if (getrlimit(RLIMIT_NOFILE, &spawner->nofile) == 0) {
		raised = (struct rlimit){spawner->nofile.rlim_max, spawner->nofile.rlim_max};
		spawner->restores_nofile = spawner->nofile.rlim_cur != raised.rlim_cur &&
					   setrlimit(RLIMIT_NOFILE, &raised) == 0;
	}
	*ret_spawner = spawner;
	return 0;
}

struct spawner *spawner_free(struct spawner *spawner)
{
	struct spawn_stack *stack;
	struct child_report_block *block;
	bool is_in_use = false;

	if (!spawner)
		return NULL;
	/* A child that writes to one has its own mapping of it. */
	while ((block = SLIST_FIRST(&spawner->report_blocks))) {
		SLIST_REMOVE_HEAD(&spawner->report_blocks, link);
		munmap(block, sizeof(*block));
	}
	while ((stack = STAILQ_FIRST(&spawner->stacks))) {
		STAILQ_REMOVE_HEAD(&spawner->stacks, link);
		/*
		 * A child that has not exec'ed yet runs on it and may write to a set of slots. Then
		 * the memory is leaked: the process exits soon.
		 */
		if (stack->tid == 0)
			munmap(stack, sizeof(*stack));
		else
			is_in_use = true;
	}
	slots_clear(spawner->slots);
	if (is_in_use)
		return NULL;
	munmap(spawner->slots, sizeof(*spawner->slots));
	free(spawner);
	return NULL;
}

/* The stack of a child whose exec hangs (in a dead file server) is moved to the end of the list. */
static struct spawn_stack *take_stack(struct spawner *spawner)
{
	struct spawn_stack *stack;

	for (int i = 0; i < 4 && (stack = STAILQ_FIRST(&spawner->stacks)); i++) {
		STAILQ_REMOVE_HEAD(&spawner->stacks, link);
		if (stack->tid == 0)
			return stack;
		STAILQ_INSERT_TAIL(&spawner->stacks, stack, link);
	}
	stack =
	    mmap(NULL, sizeof(*stack), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return stack == MAP_FAILED ? NULL : stack;
}

struct rlimit spawner_nofile(const struct spawner *spawner)
{
	return spawner->nofile;
}

void spawner_set_defaults(struct spawner *spawner, const struct spawn_defaults *defaults)
{
	spawner->defaults = *defaults;
}

static int start_failed(struct spawn_child *child, const struct spawn_spec *spec, int error)
{
	bool is_cgroup = spec->cgroup >= 0 && !error_is_transient(error);

	child->failed_step = is_cgroup ? SPAWN_STEP_CGROUP : SPAWN_STEP_EXEC;
	child->failed_errno = error;
	return -error;
}

/* Not for hookd-run, which needs more descriptors than a set has, and one for its program. */
static void share_table(struct spawner *spawner, struct spawn_order *order,
			const struct spawn_child *child, struct clone_args *args)
{
	struct spawn_spec *spec = &order->spec;

	if (spec->fd_count != SLOT_FDS || spec->program >= 0)
		return;
	order->slots = slots_take(spawner->slots, spec->fds, child);
	if (!order->slots)
		return;
	memcpy(spec->fds, order->slots->fds, sizeof(order->slots->fds));
	args->flags |= CLONE_FILES;
}

static int acquire_report(struct spawner *spawner, struct spawn_child *child)
{
	struct child_report *report;

	if (STAILQ_EMPTY(&spawner->reports)) {
		struct child_report_block *block = map_shared(sizeof(*block));

		if (!block)
			return -ENOMEM;
		SLIST_INSERT_HEAD(&spawner->report_blocks, block, link);
		for (int i = 0; i < REPORTS_IN_BLOCK; i++)
			STAILQ_INSERT_TAIL(&spawner->reports, &block->reports[i], link);
	}
	report = STAILQ_FIRST(&spawner->reports);
	STAILQ_REMOVE_HEAD(&spawner->reports, link);
	report->child = (struct spawn_child){.pidfd = -1};
	child->report = &report->child;
	return 0;
}

static void release_report(struct spawner *spawner, struct spawn_child *child)
{
	struct spawn_child *said = take_ptr(child->report);

	if (!said)
		return;
	child->failed_step = said->failed_step;
	child->failed_errno = said->failed_errno;
	memcpy(child->failed_detail, said->failed_detail, sizeof(child->failed_detail));
	STAILQ_INSERT_HEAD(&spawner->reports, container_of(said, struct child_report, child), link);
}

/* Clones the child onto the stack. Returns its pid, or -errno. */
static long start_on(struct spawner *spawner, struct spawn_stack *stack,
		     const struct spawn_spec *spec, struct spawn_child *child)
{
	struct clone_args args = {
	    .flags = CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
	    .pidfd = (uintptr_t)&child->pidfd,
	    .exit_signal = SIGCHLD,
	    .stack = (uintptr_t)stack->memory,
	    .stack_size = STACK_BYTES,
	};
	long pid;

	assert(stack->tid == 0);
	stack->order = (struct spawn_order){
	    .spec = *spec,
	    .child = child->report ? child->report : child,
	    .nofile = spawner->nofile,
	    .restores_nofile = spawner->restores_nofile,
	    .defaults = spawner->defaults,
	    .is_in_root = spawner->is_in_root,
	};
	/* hookd-run checks the hook's file by itself. */
	if (!spec->any_owner && spec->program < 0) {
		stack->check.uid = spawner->uid;
		stack->order.check = &stack->check;
	}
	share_table(spawner, &stack->order, child, &args);
	child->slots = stack->order.slots;
	if (!child->report) {
		args.flags |= CLONE_VM | CLONE_CHILD_CLEARTID;
		args.child_tid = (uintptr_t)&stack->tid;
		stack->tid = 1;
	}
	if (spec->cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)spec->cgroup;
	}
	pid = spawn_clone(&args, &stack->order);
	if (pid < 0)
		stack->tid = 0;
	return pid;
}

/* A free stack goes to the head of the list, one that is in use to its end. */
static void put_stack(struct spawner *spawner, struct spawn_stack *stack)
{
	if (stack->tid == 0)
		STAILQ_INSERT_HEAD(&spawner->stacks, stack, link);
	else
		STAILQ_INSERT_TAIL(&spawner->stacks, stack, link);
}

int spawner_start(struct spawner *spawner, const struct spawn_spec *spec, struct spawn_child *child)
{
	struct spawn_stack *stack = take_stack(spawner);
	long pid = -ENOMEM;

	assert(spec->fd_count >= 0 && spec->fd_count <= SPAWN_FDS_MAX);
	assert(!spec->dir || spec->program < 0);
	*child = (struct spawn_child){.pidfd = -1};
	if (!stack)
		return start_failed(child, spec, ENOMEM);
	if (!spec->copies_memory || acquire_report(spawner, child) == 0)
		pid = start_on(spawner, stack, spec, child);
	put_stack(spawner, stack);
	if (pid < 0) {
		spawner_settle(spawner, child);
		return start_failed(child, spec, (int)-pid);
	}
	child->pid = (pid_t)pid;
	return 0;
}

void spawner_settle(struct spawner *spawner, struct spawn_child *child)
{
	slots_release(spawner->slots, take_ptr(child->slots), child);
	release_report(spawner, child);
}
