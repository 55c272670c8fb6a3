/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hook process, from its spawn to its single completion.
 *
 * A proc is done when its leader has exited and what was written by then is read. Others may hold
 * the pipes for ever, so their end is not waited for: an end that is still open moves to the
 * leftovers. A timeout or a cancel kills the whole tree, and the exit follows from that; only
 * where the kernel does not let go of a killed process (a dead file server), or gives its exit to a
 * process that traces it (exit.h), the proc completes without it and is waited for in the
 * background.
 *
 *	RUNNING --timeout, cancel--> KILLED --KILL_WAIT_NS--> ABANDONED
 *	   \__________________________/  exit    or, where its    | exit
 *	                |                        exit is held,   v
 *	              DONE                       FAMILY_WAIT_NS (freed)
 *
 * Until its exit is there a hook has not ended: at the deadline one whose exit is held has timed
 * out, as any other.
 *
 * Most hooks end within milliseconds and write less than a pipe holds. So at first only the exit
 * is watched, and the pipes of hooks that are still there at the next tick; that spares the quick
 * ones four system calls. Called by run.c.
 */
#include "daemon/run/proc.h"

#include <signal.h>
#include <string.h>

#include "daemon/run/exit.h"
#include "daemon/run/session.h"
#include "daemon/run/stdin.h"

#define KILL_WAIT_NS (5 * 1000000000ll)
/* A killed family is gone within this, or what is left of it counts as left behind. */
#define FAMILY_WAIT_NS (200 * 1000000ll)
#define FAMILY_TICK_NS (2 * 1000000ll)
#define YOUNG_FOR_NS   (12 * 1000000ll)

enum proc_state { PROC_RUNNING, PROC_KILLED, PROC_ABANDONED, PROC_DONE };

struct proc {
	struct procs *procs;
	enum proc_state state;
	enum hp_hook_outcome kill_cause; /* in KILLED: timed_out or cancelled */
	struct spawn_child child;
	struct known_child known; /* child.pid */
	struct enter enter;
	struct cgroup *cgroup;	      /* borrowed */
	struct exit_watch exit_watch; /* on child.pidfd */
	struct deadline deadline;     /* the hook's, then that of its death */
	struct capture out[2];
	bool is_young;
	TAILQ_ENTRY(proc) link; /* procs::young or ::abandoned */
	struct process_exit exit;
	int64_t started_us, started_ns, duration_ns;
	int64_t exited_ns; /* CLOCK_MONOTONIC; 0: not yet */
	bool is_lingering;
	int oom_killed;
	proc_done_fn done;
	proc_output_fn on_output;
	void *userdata;
};

static void on_exit_event(void *userdata);
static void on_timer(evutil_socket_t fd, short what, void *userdata);
static void on_young_tick(evutil_socket_t fd, short what, void *userdata);
static void finish(struct proc *proc);

/* ---- the shared part ---- */

int procs_init(struct procs *procs, struct event_base *base)
{
	int r;

	*procs = (struct procs){.base = base, .entrance.program = -1};
	TAILQ_INIT(&procs->young);
	TAILQ_INIT(&procs->abandoned);
	r = deadlines_init(&procs->deadlines, base);
	if (r == 0)
		r = leftovers_init(&procs->leftovers, base);
	if (r == 0)
		r = strays_init(&procs->strays, base);
	if (r == 0)
		r = entrance_init(&procs->entrance);
	if (r == 0)
		r = spawner_new(&procs->spawner);
	if (r == 0) {
		procs->young_tick = event_new(base, -1, 0, on_young_tick, procs);
		r = procs->young_tick ? 0 : -ENOMEM;
	}
	if (r < 0)
		procs_clear(procs);
	return r;
}

static void bury(struct proc *proc)
{
	TAILQ_REMOVE(&proc->procs->abandoned, proc, link);
	proc->state = PROC_DONE;
	proc_free(proc);
}

void procs_clear(struct procs *procs)
{
	struct proc *proc;

	while ((proc = TAILQ_FIRST(&procs->abandoned)))
		bury(proc);
	if (procs->young_tick)
		event_free(take_ptr(procs->young_tick));
	leftovers_clear(&procs->leftovers);
	strays_clear(&procs->strays);
	deadlines_clear(&procs->deadlines);
	entrance_clear(&procs->entrance);
	procs->spawner = spawner_free(procs->spawner);
}

static void leave_young(struct proc *proc)
{
	struct procs *procs = proc->procs;

	if (!proc->is_young)
		return;
	proc->is_young = false;
	TAILQ_REMOVE(&procs->young, proc, link);
	if (TAILQ_EMPTY(&procs->young))
		event_del(procs->young_tick);
}

/*
 * From now on it counts as one that stays: its pipes are watched, and its cgroup is not needed
 * before it ends. Without memory to watch a pipe it is still read at the exit; only a flood would
 * then wait.
 */
static void watch_output(struct proc *proc)
{
	leave_young(proc);
	(void)capture_watch(&proc->out[0]);
	(void)capture_watch(&proc->out[1]);
	if (proc->cgroup)
		cgroup_rest(proc->cgroup);
}

/*
 * Watches the pipes of those that are no longer young, and sets the tick a whole period off again:
 * a kernel timer that is due before the next scheduler tick costs more than a hook's pipes do.
 */
static void tend_young(struct procs *procs)
{
	int64_t grown_up_ns = clock_ns(CLOCK_BOOTTIME) - YOUNG_FOR_NS;
	struct proc *proc;

	while ((proc = TAILQ_FIRST(&procs->young)) && proc->started_ns <= grown_up_ns)
		watch_output(proc);
	if (proc)
		(void)event_add(procs->young_tick,
				&(struct timeval){.tv_usec = YOUNG_FOR_NS / 1000});
}

static void on_young_tick(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd, (void)what;
	tend_young(userdata);
}

/* Those that were killed since their exit could not be watched for want of memory. */
static void reap_unwatched(struct procs *procs)
{
	struct proc *proc, *next;

	for (proc = TAILQ_FIRST(&procs->abandoned); proc; proc = next) {
		next = TAILQ_NEXT(proc, link);
		if (exit_watch_is_on(&proc->exit_watch) ||
		    !process_exit_take(proc->child.pidfd, &proc->exit))
			continue;
		spawner_settle(procs->spawner, &proc->child);
		bury(proc);
	}
}

/* ---- start ---- */

/* A timeout is real time; how long the kernel has for a death is time in which it runs. */
static int arm_timer(struct proc *proc, int64_t after_ns)
{
	return deadline_set(&proc->deadline,
			    proc->state == PROC_RUNNING ? CLOCK_BOOTTIME : CLOCK_MONOTONIC,
			    after_ns);
}

static int watch_exit(struct proc *proc)
{
	return exit_watch_start(&proc->exit_watch, proc->procs->base, proc->child.pidfd,
				on_exit_event, proc);
}

/* The descriptors of the child: fds[0..2] are the caller's to close. */
static int open_fds(struct proc *proc, const struct proc_spec *spec, int fds[static 3])
{
	int r = fds[0] = stdin_open(spec->state, spec->state_length);

	if (r >= 0)
		r = capture_open(&proc->out[0], proc->procs->base, &fds[1]);
	if (r >= 0)
		r = capture_open(&proc->out[1], proc->procs->base, &fds[2]);
	return r < 0 ? r : 0;
}

static int spawn(struct proc *proc, const struct proc_spec *spec, const int fds[static 3])
{
	struct spawn_spec plan = {
	    .path = spec->path,
	    .program = -1,
	    .argv = spec->argv,
	    .envp = spec->envp,
	    .dir = spec->dir,
	    .soft_dir = spec->soft_dir,
	    .fds = {fds[0], fds[1], fds[2]},
	    .fd_count = 3,
	    .cgroup = -1,
	    .any_owner = spec->any_owner,
	};
	enum spawn_step step = SPAWN_STEP_NONE;
	int r = 0;

	if (!spec->is_own_program)
		r = enter_prepare(&proc->procs->entrance, &spec->target, &spec->settings, &plan,
				  &proc->enter, &step);
	if (r == 0 && proc->cgroup && !spec->settings.container_cgroup) {
		step = SPAWN_STEP_CGROUP;
		r = plan.cgroup = cgroup_fd(proc->cgroup);
		plan.copies_memory = cgroup_has_own_memory_limit(proc->cgroup);
	}
	if (r < 0) {
		proc->child.failed_step = step;
		proc->child.failed_errno = -r;
		return r;
	}
	r = spawner_start(proc->procs->spawner, &plan, &proc->child);
	enter_started(&proc->enter);
	return r;
}

/*
 * The timer is made and armed first: a hook must not exist without its deadline, nor be killed
 * without one for its death.
 */
static int proc_launch(struct proc *proc, const struct proc_spec *spec)
{
	int fds[3] = {-1, -1, -1};
	int r = open_fds(proc, spec, fds);

	proc->child.failed_step = r < 0 ? SPAWN_STEP_STDIN : SPAWN_STEP_EXEC;
	if (r == 0)
		r = deadline_init(&proc->deadline, &proc->procs->deadlines, on_timer, proc);
	if (r == 0 && spec->timeout_ns)
		r = arm_timer(proc, ns_from_uint64(spec->timeout_ns));
	if (r < 0)
		proc->child.failed_errno = -r;
	else
		r = spawn(proc, spec, fds);
	for (int i = 0; i < 3; i++)
		close_fd(&fds[i]);
	return r;
}

static struct spawn_failure failure_of(const struct spawn_child *child)
{
	struct spawn_failure failure = {
	    .step = (enum spawn_step)child->failed_step,
	    .error = child->failed_errno,
	};

	memcpy(failure.detail, child->failed_detail, sizeof(failure.detail));
	return failure;
}

int proc_start(struct procs *procs, const struct proc_spec *spec, proc_done_fn done, void *userdata,
	       struct proc **ret_proc, struct spawn_failure *ret_failure)
{
	struct proc *proc = calloc(1, sizeof(*proc));
	int r;

	reap_unwatched(procs);
	*ret_failure = (struct spawn_failure){.step = SPAWN_STEP_EXEC, .error = ENOMEM};
	if (!proc)
		return -ENOMEM;
	proc->procs = procs;
	proc->cgroup = spec->cgroup;
	proc->enter = ENTER_NONE;
	proc->child.pidfd = -1;
	proc->out[0].fd = proc->out[1].fd = -1;
	proc->oom_killed = -1;
	proc->done = done;
	proc->userdata = userdata;
	proc->started_us = clock_ns(CLOCK_REALTIME) / 1000;
	proc->started_ns = clock_ns(CLOCK_BOOTTIME);
	r = proc_launch(proc, spec);
	if (r < 0) {
		*ret_failure = failure_of(&proc->child);
		proc->state = PROC_DONE;
		proc_free(proc);
		return r;
	}
	strays_know(&procs->strays, &proc->known, &proc->child.pid);
	r = watch_exit(proc);
	if (r < 0) {
		proc_free(proc);
		return r;
	}
	proc->is_young = true;
	TAILQ_INSERT_TAIL(&procs->young, proc, link);
	tend_young(procs);
	*ret_proc = proc;
	return 0;
}

/* ---- running ---- */

static void on_stdout_chunk(const char *bytes, size_t length, void *userdata)
{
	struct proc *proc = userdata;

	proc->on_output(proc, 1, bytes, length, proc->userdata);
}

static void on_stderr_chunk(const char *bytes, size_t length, void *userdata)
{
	struct proc *proc = userdata;

	proc->on_output(proc, 2, bytes, length, proc->userdata);
}

void proc_listen(struct proc *proc, proc_output_fn on_output)
{
	static const capture_fn on_chunk[2] = {on_stdout_chunk, on_stderr_chunk};

	proc->on_output = on_output;
	for (int i = 0; i < 2; i++) {
		proc->out[i].on_chunk = on_chunk[i];
		proc->out[i].userdata = proc;
	}
	watch_output(proc);
}

pid_t proc_pid(const struct proc *proc)
{
	return proc->child.pid;
}

int64_t proc_started_us(const struct proc *proc)
{
	return proc->started_us;
}

/* The leader by its own, too: one with the rights to do so may have left its cgroup. */
static void kill_tree(struct proc *proc)
{
	if (proc->cgroup && cgroup_kill(proc->cgroup) == 0)
		(void)kill(proc->child.pid, SIGKILL);
	else
		session_kill(proc->child.pid);
}

static void proc_kill(struct proc *proc, enum hp_hook_outcome cause)
{
	/* Once it was waited for, its number may be somebody else's. */
	if (proc->state != PROC_RUNNING || proc->exited_ns)
		return;
	proc->state = PROC_KILLED;
	proc->kill_cause = cause;
	kill_tree(proc);
	exit_watch_hurry(&proc->exit_watch);
	(void)arm_timer(proc,
			exit_watch_is_held(&proc->exit_watch) ? FAMILY_WAIT_NS : KILL_WAIT_NS);
}

void proc_cancel(struct proc *proc)
{
	proc_kill(proc, HP_HOOK_CANCELLED);
}

/* ---- the end ---- */

static void read_rest(struct proc *proc)
{
	capture_drain(&proc->out[0]);
	capture_drain(&proc->out[1]);
}

static void proc_complete(struct proc *proc)
{
	deadline_stop(&proc->deadline);
	leave_young(proc);
	proc->duration_ns = clock_ns(CLOCK_BOOTTIME) - proc->started_ns;
	proc->done(proc, proc->userdata); /* may free proc: nothing of it may be touched after */
}

/* It was killed, and completes without its exit. */
static void abandon(struct proc *proc)
{
	proc->state = PROC_ABANDONED;
	proc->is_lingering = true;
	read_rest(proc);
	proc_complete(proc);
}

/* A pipe that somebody still holds proves it; so does a process in its cgroup or its group. */
static bool has_left_children(struct proc *proc)
{
	if (proc->cgroup)
		return cgroup_has_others(proc->cgroup, proc->child.pid);
	return capture_is_open(&proc->out[0]) || capture_is_open(&proc->out[1]) ||
	       session_has_members(proc->child.pid);
}

static void finish(struct proc *proc)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	if (!proc->exited_ns)
		proc->exited_ns = now_ns;
	read_rest(proc);
	proc->is_lingering = has_left_children(proc);
	/* The kernel takes a moment to end those that were killed with the leader. */
	if (proc->is_lingering && proc->state == PROC_KILLED &&
	    now_ns - proc->exited_ns < FAMILY_WAIT_NS && arm_timer(proc, FAMILY_TICK_NS) == 0)
		return;
	if (proc->cgroup && (proc->exit.code != CLD_EXITED || proc->exit.status != 0))
		proc->oom_killed = cgroup_was_oom_killed(proc->cgroup);
	if (proc->state == PROC_RUNNING)
		proc->state = PROC_DONE;
	proc_complete(proc);
}

/* What was asked for while the first process was the hook holds for the second. */
static void catch_up(struct proc *proc)
{
	if (proc->state != PROC_RUNNING)
		kill_tree(proc);
	else if (deadline_left_ns(&proc->deadline) <= 0)
		proc_kill(proc, HP_HOOK_TIMED_OUT);
}

/* A hook that lives and cannot be watched is not let live. */
static void give_up(struct proc *proc)
{
	kill_tree(proc);
	proc->child.failed_step = SPAWN_STEP_EXEC;
	proc->child.failed_errno = ENOMEM;
	if (proc->state == PROC_RUNNING)
		proc->kill_cause = HP_HOOK_SPAWN_FAILED;
	abandon(proc);
}

/* hookd-run has ended and named the process that goes on as the hook. */
static void follow_successor(struct proc *proc)
{
	int r;

	proc->exit = (struct process_exit){0};
	r = watch_exit(proc);
	catch_up(proc);
	if (r < 0 && proc->state != PROC_ABANDONED)
		give_up(proc);
}

/* It was killed, is dead, and its exit is held: a moment for its tracer to die of the same kill. */
static void wait_no_longer_than_for_family(struct proc *proc)
{
	if (deadline_left_ns(&proc->deadline) > FAMILY_WAIT_NS)
		(void)arm_timer(proc, FAMILY_WAIT_NS);
}

static void on_exit_taken(struct proc *proc)
{
	spawner_settle(proc->procs->spawner, &proc->child);
	if (enter_finish(&proc->enter, &proc->child) != 0)
		follow_successor(proc);
	else if (proc->state == PROC_ABANDONED)
		bury(proc);
	else
		finish(proc);
}

/* False: it has not exited, as far as is known. Else proc has moved on, and may be gone. */
static bool take_exit(struct proc *proc)
{
	int r = exit_watch_take(&proc->exit_watch, &proc->exit);

	if (r > 0)
		on_exit_taken(proc);
	else if (r < 0 && proc->state != PROC_ABANDONED)
		give_up(proc);
	else if (proc->state == PROC_KILLED && exit_watch_is_held(&proc->exit_watch))
		wait_no_longer_than_for_family(proc);
	return r != 0;
}

static void on_exit_event(void *userdata)
{
	(void)take_exit(userdata);
}

/*
 * libevent's clock is coarse: it may call up to a tick early, and a hook must never be cut short.
 * One that has exited in time has not timed out, even where its exit is seen only now.
 */
static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct proc *proc = userdata;

	(void)fd, (void)what;
	if (deadline_left_ns(&proc->deadline) > 0)
		(void)deadline_wait_on(&proc->deadline);
	else if (proc->exited_ns)
		finish(proc);
	else if (take_exit(proc))
		return;
	else if (proc->state == PROC_RUNNING)
		proc_kill(proc, HP_HOOK_TIMED_OUT);
	else if (proc->state == PROC_KILLED)
		abandon(proc);
}

static enum hp_hook_outcome natural_outcome(const struct proc *proc)
{
	if (proc->child.failed_step != SPAWN_STEP_NONE)
		return HP_HOOK_SPAWN_FAILED;
	return proc->exit.code == CLD_EXITED ? HP_HOOK_EXITED : HP_HOOK_SIGNALED;
}

int proc_take_result(struct proc *proc, struct hp_hook_result *ret_result)
{
	bool was_killed = proc->state == PROC_KILLED || proc->state == PROC_ABANDONED;
	struct hp_hook_result *result = ret_result;

	result->outcome = was_killed ? proc->kill_cause : natural_outcome(proc);
	result->success = result->outcome == HP_HOOK_EXITED && proc->exit.status == 0;
	result->exit_status = proc->exit.status;
	result->signal = proc->exit.status;
	result->oom_killed = proc->oom_killed;
	result->pid = proc->child.pid;
	result->started_us = proc->started_us;
	result->duration_us = proc->duration_ns / 1000;
	result->user_us = proc->exit.user_us;
	result->system_us = proc->exit.system_us;
	result->max_rss_bytes = proc->exit.max_rss_bytes;
	result->lingering = proc->is_lingering;
	if (result->outcome == HP_HOOK_SPAWN_FAILED) {
		const struct spawn_failure failure = failure_of(&proc->child);

		if (proc_describe_failure(&failure, result) < 0)
			return -ENOMEM;
	}
	for (int i = 0; i < 2; i++)
		if (capture_take(&proc->out[i], &result->output[i]) < 0)
			return -ENOMEM;
	return 0;
}

/* ---- free ---- */

static void release_pipes(struct proc *proc)
{
	for (int i = 0; i < 2; i++) {
		leftovers_adopt(&proc->procs->leftovers, &proc->out[i]);
		capture_close(&proc->out[i]);
	}
}

struct proc *proc_free(struct proc *proc)
{
	if (!proc)
		return NULL;
	leave_young(proc);
	release_pipes(proc);
	deadline_clear(&proc->deadline);
	if (proc->state == PROC_RUNNING)
		kill_tree(proc);
	if (proc->state != PROC_DONE && !proc->exited_ns && proc->child.pidfd >= 0) {
		proc->state = PROC_ABANDONED;
		proc->cgroup = NULL; /* the run's, which may be gone before the process is */
		TAILQ_INSERT_TAIL(&proc->procs->abandoned, proc, link);
		return NULL;
	}
	strays_forget(&proc->known);
	enter_clear(&proc->enter);
	exit_watch_stop(&proc->exit_watch);
	close_fd(&proc->child.pidfd);
	free(proc);
	return NULL;
}
