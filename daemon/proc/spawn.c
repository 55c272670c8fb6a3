/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starts processes: owns the stacks that children use between clone3 and exec, and what a fresh
 * process shall get back of hookd's own attributes.
 *
 * A stack is in use from the clone until the kernel clears its `tid` word, which
 * CLONE_CHILD_CLEARTID makes it do at exec or exit, when the child lets go of the shared memory.
 * Nothing tells of that, so stacks are looked at when the next one is wanted: the list is in the
 * order of the clones, and its oldest have long exec'ed.
 *
 * A child that gets a copy of hookd's memory has its own copy of the stack too, so hookd's is free
 * at once. What it has to tell lies in memory that is shared nevertheless: its report, and the
 * slots. Those pages are there before, and are charged to hookd.
 */
#include "daemon/proc/spawn.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#include "daemon/proc/spawn_child.h"

/* The child's deepest path needs well under 1 KiB; a page is what the kernel hands out. */
#define STACK_BYTES 4096

struct spawn_stack {
	char memory[STACK_BYTES] __attribute__((aligned(16)));
	struct spawn_order order;
	struct program_check check;
	volatile uint32_t tid;		/* 0: nobody uses this stack */
	STAILQ_ENTRY(spawn_stack) link; /* spawner::stacks, oldest clone first */
};

/* Of a child with a copy of hookd's memory; in use until spawner_settle(). */
struct report {
	struct spawn_child child; /* what failed, and nothing else */
	STAILQ_ENTRY(report) link;
};

#define REPORTS_IN_BLOCK 32

struct report_block {
	struct report reports[REPORTS_IN_BLOCK];
	SLIST_ENTRY(report_block) link;
};

struct spawner {
	STAILQ_HEAD(, spawn_stack) stacks;
	STAILQ_HEAD(, report) reports; /* free ones */
	SLIST_HEAD(, report_block) report_blocks;
	struct slots *slots;  /* shared with all children */
	struct rlimit nofile; /* as hookd got it */
	bool restores_nofile;
	struct spawn_defaults defaults;
	uid_t uid;	 /* hookd's */
	bool is_in_root; /* hookd's working directory is "/", and so is its children's */
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

/* Memory that a copy of hookd's has in common with it. */
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
	struct report_block *block;
	bool is_in_use = false;

	if (!spawner)
		return NULL;
	/* A child that may write to one has a mapping of its own. */
	while ((block = SLIST_FIRST(&spawner->report_blocks))) {
		SLIST_REMOVE_HEAD(&spawner->report_blocks, link);
		munmap(block, sizeof(*block));
	}
	while ((stack = STAILQ_FIRST(&spawner->stacks))) {
		STAILQ_REMOVE_HEAD(&spawner->stacks, link);
		/* A child that has not exec'ed yet stands on it, and may write to a set of slots:
		 * then the memory is left to the process's end. */
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

/* A child whose exec hangs (a program on a dead file server) goes to the end of the line. */
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

/* hookd-run has more descriptors than a set, and its program is one of them. */
static void share_table(struct spawner *spawner, struct spawn_order *order,
			const struct spawn_child *child, struct clone_args *args)
{
	struct spawn_spec *spec = &order->spec;

	if (spec->fd_count != SLOT_FDS || spec->program >= 0)
		return;
	order->slots = slots_take(spawner->slots, spec->fds, child);
	if (!order->slots)
		return;
	order->slots_end = spawner->slots->end;
	memcpy(spec->fds, order->slots->fds, sizeof(order->slots->fds));
	args->flags |= CLONE_FILES;
}

static int take_report(struct spawner *spawner, struct spawn_child *child)
{
	struct report *report;

	if (STAILQ_EMPTY(&spawner->reports)) {
		struct report_block *block = map_shared(sizeof(*block));

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

static void give_report_back(struct spawner *spawner, struct spawn_child *child)
{
	struct spawn_child *said = take_ptr(child->report);

	if (!said)
		return;
	child->failed_step = said->failed_step;
	child->failed_errno = said->failed_errno;
	memcpy(child->failed_detail, said->failed_detail, sizeof(child->failed_detail));
	STAILQ_INSERT_HEAD(&spawner->reports, container_of(said, struct report, child), link);
}

/* With a stack; the child is not there yet. */
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

	stack->order = (struct spawn_order){
	    .spec = *spec,
	    .report = child->report ? child->report : child,
	    .nofile = spawner->nofile,
	    .restores_nofile = spawner->restores_nofile,
	    .defaults = spawner->defaults,
	    .is_in_root = spawner->is_in_root,
	};
	/* hookd-run looks at the hook's file itself. */
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

/* The one that is in use goes behind all others, a free one before them. */
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

	*child = (struct spawn_child){.pidfd = -1};
	if (!stack)
		return start_failed(child, spec, ENOMEM);
	if (!spec->copies_memory || take_report(spawner, child) == 0)
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
	give_report_back(spawner, child);
}
