/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hook process, from its spawn to its one call of done().
 *
 * A hook is done when its process has exited and the output written until then was read. It does
 * not wait for end of file, since other processes may hold the pipes open for ever: such a pipe
 * becomes a leftover (capture.h). A timeout or a cancel kills the hook and its descendants, and
 * then waits for the exit. If the killed process does not exit (it hangs in a file server that is
 * gone), or its exit is held by a tracer (exit.h), the hook is done without it: the proc is
 * abandoned, and reaped in the background.
 *
 *	RUNNING --timeout, cancel--> KILLED --KILL_WAIT_NS, or with a held--> ABANDONED
 *	   \__________________________/         exit FAMILY_WAIT_NS              | exit
 *	                | exit                                                   v
 *	              DONE                                                     (freed)
 *
 * A hook whose exit is held has not ended yet, and times out as any other. proc_watch.c watches
 * exits and pipes.
 */
#include "daemon/proc/proc.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#include "daemon/proc/proc_watch.h"
#include "daemon/proc/session.h"
#include "daemon/proc/stdin.h"

#define KILL_WAIT_NS (5 * 1000000000ll)
/*
 * After the exit of a hook that was killed, or has a listener, other processes of it have so long
 * to end. Those that are left then count as lingering.
 */
#define FAMILY_WAIT_NS (200 * 1000000ll)
#define FAMILY_TICK_NS (2 * 1000000ll)
/* A process that ends closes its files first, and leaves its cgroup within this time. */
#define SENDER_WAIT_NS (20 * 1000000ll)
#define NEVER_NS       INT64_MAX

static void on_timer(evutil_socket_t fd, short what, void *userdata);
static void finish(struct proc *proc);

/* ---- procs ---- */

int procs_init(struct procs *procs, struct event_base *base)
{
	int r;

	*procs = (struct procs){.base = base, .helper_image.program = -1};
	r = proc_watch_init(procs);
	if (r == 0)
		r = deadlines_init(&procs->deadlines, base);
	if (r == 0)
		r = leftovers_init(&procs->leftovers, base);
	if (r == 0)
		r = strays_init(&procs->strays, base);
	if (r == 0)
		r = helper_image_init(&procs->helper_image);
	if (r == 0)
		r = spawner_new(&procs->spawner);
	if (r < 0)
		procs_clear(procs);
	return r;
}

static void reap(struct proc *proc)
{
	assert(proc->state == PROC_ABANDONED);
	proc_unwatch(proc);
	proc->state = PROC_DONE;
	proc_free(proc);
}

void procs_clear(struct procs *procs)
{
	struct proc *proc;

	while ((proc = TAILQ_FIRST(&procs->abandoned)))
		reap(proc);
	proc_watch_clear(procs);
	leftovers_clear(&procs->leftovers);
	strays_clear(&procs->strays);
	deadlines_clear(&procs->deadlines);
	helper_image_clear(&procs->helper_image);
	procs->spawner = spawner_free(procs->spawner);
}

/* ---- start ---- */

/*
 * The timeout of a hook counts time in suspend; the time that the kernel has for a kill does not.
 */
static int arm_timer(struct proc *proc, int64_t after_ns)
{
	return deadline_set(&proc->deadline,
			    proc->state == PROC_RUNNING ? CLOCK_BOOTTIME : CLOCK_MONOTONIC,
			    after_ns);
}

/* Opens the child's descriptors 0, 1 and 2. The caller closes fds[], also on failure. */
static int open_fds(struct proc *proc, const struct proc_spec *spec, int fds[static 3])
{
	int r = fds[0] = stdin_open(spec->state, spec->state_length);

	if (r >= 0)
		r = capture_open(&proc->out[0], proc->procs->base, &fds[1]);
	if (r >= 0)
		r = capture_open(&proc->out[1], proc->procs->base, &fds[2]);
	return r < 0 ? r : 0;
}

static int spawn(struct proc *proc, const struct proc_spec *hook, const int fds[static 3])
{
	struct helper_settings settings = hook->settings;
	struct spawn_spec spec = {
	    .path = hook->path,
	    .program = -1,
	    .argv = hook->argv,
	    .envp = hook->envp,
	    .dir = hook->dir,
	    .soft_dir = hook->soft_dir,
	    .fds = {fds[0], fds[1], fds[2]},
	    .fd_count = 3,
	    .cgroup = -1,
	    .any_owner = hook->any_owner,
	};
	enum spawn_step step = SPAWN_STEP_NONE;
	int r = 0;

	settings.timeout_ns = hook->timeout_ns;
	settings.is_held = proc->is_held = hook->is_held;
	proc->has_listener = settings.needs_listener;
	if (!hook->is_own_program)
		r = helper_call_prepare(&proc->procs->helper_image, &hook->target, &settings, &spec,
					&proc->helper, &step);
	if (r == 0 && proc->cgroup && !hook->settings.container_cgroup) {
		step = SPAWN_STEP_CGROUP;
		r = spec.cgroup = cgroup_fd(proc->cgroup);
		spec.copies_memory = cgroup_has_own_memory_limit(proc->cgroup);
	}
	if (r < 0) {
		proc->child.failed_step = step;
		proc->child.failed_errno = -r;
		return r;
	}
	r = spawner_start(proc->procs->spawner, &spec, &proc->child);
	helper_call_started(&proc->helper);
	return r;
}

/*
 * The timer is set before the spawn, also if there is no timeout: a hook must not run without its
 * timer, and to set a timer again after a kill needs no memory then.
 */
static int proc_launch(struct proc *proc, const struct proc_spec *spec)
{
	int fds[3] = {-1, -1, -1};
	int r = open_fds(proc, spec, fds);

	proc->child.failed_step = r < 0 ? SPAWN_STEP_STDIN : SPAWN_STEP_EXEC;
	if (r == 0)
		r = deadline_init(&proc->deadline, &proc->procs->deadlines, on_timer, proc);
	if (r == 0)
		r = arm_timer(proc, spec->timeout_ns ? ns_from_uint64(spec->timeout_ns) : NEVER_NS);
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

	*ret_failure = (struct spawn_failure){.step = SPAWN_STEP_EXEC, .error = ENOMEM};
	if (!proc)
		return -ENOMEM;
	proc->procs = procs;
	proc->cgroup = spec->cgroup;
	proc->helper = HELPER_CALL_NONE;
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
	proc_watch(proc);
	*ret_proc = proc;
	return 0;
}

/* ---- running ---- */

static void pass_on(struct proc *proc, int stream, const char *bytes, size_t length)
{
	struct hook_output output = {
	    .stream = stream,
	    .offset = proc->out[stream - 1].total - length,
	    .bytes = bytes,
	    .length = length,
	};

	proc->on_output(proc, &output, proc->userdata);
}

static void on_stdout_chunk(const char *bytes, size_t length, void *userdata)
{
	pass_on(userdata, 1, bytes, length);
}

static void on_stderr_chunk(const char *bytes, size_t length, void *userdata)
{
	pass_on(userdata, 2, bytes, length);
}

void proc_listen(struct proc *proc, proc_output_fn on_output)
{
	static const capture_fn on_chunk[2] = {on_stdout_chunk, on_stderr_chunk};

	proc->on_output = on_output;
	for (int i = 0; i < 2; i++) {
		proc->out[i].on_chunk = on_chunk[i];
		proc->out[i].userdata = proc;
	}
	proc_watch_output(proc);
}

static void recall_stream(struct proc *proc, int stream, proc_output_fn on_output)
{
	struct capture *capture = &proc->out[stream - 1];
	struct hook_output parts[4];
	size_t count;

	if (!capture->is_paused)
		capture_drain(capture);
	count = capture_kept(capture, parts);
	parts[count++] = (struct hook_output){
	    .offset = capture->total,
	    .is_kept = true,
	    .bytes = "",
	};
	for (size_t i = 0; i < count; i++) {
		parts[i].stream = stream;
		on_output(proc, &parts[i], proc->userdata);
	}
}

void proc_release(struct proc *proc)
{
	if (proc->is_held)
		helper_call_release(&proc->helper);
}

void proc_recall_output(struct proc *proc, proc_output_fn on_output)
{
	recall_stream(proc, 1, on_output);
	recall_stream(proc, 2, on_output);
}

void proc_on_moved(struct proc *proc, void (*on_moved)(struct proc *proc, void *userdata))
{
	proc->on_moved = on_moved;
}

void proc_pause_output(struct proc *proc, bool is_paused)
{
	for (int i = 0; i < 2; i++)
		if (capture_pause(&proc->out[i], is_paused) < 0)
			proc_watch_later(proc);
}

pid_t proc_pid(const struct proc *proc)
{
	return proc->child.pid;
}

int64_t proc_started_us(const struct proc *proc)
{
	return proc->started_us;
}

/* The hook is killed by its pid, too: as root it may have left its cgroup. */
static void kill_tree(struct proc *proc)
{
	if (proc->cgroup && cgroup_kill(proc->cgroup) == 0)
		(void)kill(proc->child.pid, SIGKILL);
	else
		session_kill(proc->child.pid, &proc->procs->strays);
}

static void proc_kill(struct proc *proc, enum hp_hook_outcome cause)
{
	/* After it was reaped, its pid may be that of another process. */
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
	proc_unwatch(proc);
	if (proc->exited_ns)
		proc->drain_ns = clock_ns(CLOCK_MONOTONIC) - proc->exited_ns;
	else
		proc->duration_ns = clock_ns(CLOCK_BOOTTIME) - proc->started_ns;
	proc->done(proc, proc->userdata); /* may free proc */
}

/* The killed hook is done without its exit. */
static void abandon(struct proc *proc)
{
	assert(proc->state == PROC_KILLED && !proc->exited_ns);
	proc->state = PROC_ABANDONED;
	proc->is_lingering = true;
	read_rest(proc);
	proc_complete(proc);
}

/* Processes in its cgroup; without cgroups, an open pipe or processes in its process group. */
static bool has_left_children(struct proc *proc)
{
	if (proc->cgroup)
		return cgroup_has_others(proc->cgroup, proc->child.pid);
	return capture_is_open(&proc->out[0]) || capture_is_open(&proc->out[1]) ||
	       session_has_members(proc->child.pid);
}

/*
 * Until when the other processes of the hook may still end by themselves: those that were killed
 * with it, and hookd-run's process that sends a listener, which is not the hook's. After that one
 * has closed its files it stays in the cgroup for a moment. CLOCK_MONOTONIC; 0: there are none
 * such.
 */
static int64_t family_ends_ns(struct proc *proc, int64_t now_ns)
{
	if (proc->state == PROC_KILLED)
		return proc->exited_ns + FAMILY_WAIT_NS;
	if (!proc->has_listener)
		return 0;
	if (!helper_call_has_sent_listener(&proc->helper))
		return proc->exited_ns + FAMILY_WAIT_NS;
	if (!proc->handed_over_ns)
		proc->handed_over_ns = now_ns;
	return proc->handed_over_ns + SENDER_WAIT_NS;
}

static void finish(struct proc *proc)
{
	int64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	assert(proc->state == PROC_RUNNING || proc->state == PROC_KILLED);
	if (!proc->exited_ns) {
		proc->exited_ns = now_ns;
		proc->duration_ns = clock_ns(CLOCK_BOOTTIME) - proc->started_ns;
	}
	read_rest(proc);
	proc->is_lingering = has_left_children(proc);
	if (proc->is_lingering && now_ns < family_ends_ns(proc, now_ns) &&
	    arm_timer(proc, FAMILY_TICK_NS) == 0)
		return;
	if (proc->cgroup && (proc->exit.code != CLD_EXITED || proc->exit.status != 0))
		proc->oom_killed = cgroup_was_oom_killed(proc->cgroup);
	if (proc->state == PROC_RUNNING)
		proc->state = PROC_DONE;
	proc_complete(proc);
}

/* Applies a timeout or a kill of the first process to the second. */
static void catch_up(struct proc *proc)
{
	if (proc->state != PROC_RUNNING)
		kill_tree(proc);
	else if (deadline_left_ns(&proc->deadline) <= 0)
		proc_kill(proc, HP_HOOK_TIMED_OUT);
}

/* hookd-run has ended and reported the process that continues as the hook. */
static void follow_successor(struct proc *proc)
{
	proc->exit = (struct process_exit){0};
	proc_watch_successor(proc);
	if (proc->on_moved)
		proc->on_moved(proc, proc->userdata);
	catch_up(proc);
}

/* The killed hook's exit is held by a tracer, which the same kill may have ended: a short wait. */
static void shorten_wait(struct proc *proc)
{
	if (deadline_left_ns(&proc->deadline) > FAMILY_WAIT_NS)
		(void)arm_timer(proc, FAMILY_WAIT_NS);
}

static void on_exit_taken(struct proc *proc)
{
	spawner_settle(proc->procs->spawner, &proc->child);
	if (helper_call_finish(&proc->helper, &proc->child) != 0)
		follow_successor(proc);
	else if (proc->state == PROC_ABANDONED)
		reap(proc);
	else
		finish(proc);
}

bool proc_take_exit(struct proc *proc)
{
	int r = exit_watch_take(&proc->exit_watch, &proc->exit);

	if (r > 0)
		on_exit_taken(proc);
	else if (r < 0)
		proc_watch_later(proc);
	else if (proc->state == PROC_KILLED && exit_watch_is_held(&proc->exit_watch))
		shorten_wait(proc);
	return r > 0;
}

/*
 * libevent's clock is coarse, and may be early: a hook gets all of its timeout. A hook that exited
 * in time has not timed out, even if its exit is seen only now.
 */
static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct proc *proc = userdata;

	(void)fd, (void)what;
	if (deadline_left_ns(&proc->deadline) > 0)
		(void)deadline_wait_on(&proc->deadline);
	else if (proc->exited_ns)
		finish(proc);
	else if (proc_take_exit(proc))
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

void proc_take_result(struct proc *proc, struct hp_hook_result *ret_result)
{
	bool was_killed = proc->state == PROC_KILLED || proc->state == PROC_ABANDONED;
	struct hp_hook_result *result = ret_result;

	result->outcome = was_killed ? proc->kill_cause : natural_outcome(proc);
	result->success = result->outcome == HP_HOOK_EXITED && proc->exit.status == 0;
	result->exit_status = proc->exit.code == CLD_EXITED ? proc->exit.status : 0;
	result->signal = proc->exit.code == CLD_EXITED ? 0 : proc->exit.status;
	result->oom_killed = proc->oom_killed;
	result->pid = proc->child.pid;
	result->started_us = proc->started_us;
	result->duration_us = proc->duration_ns / 1000;
	result->drain_us = proc->drain_ns / 1000;
	result->user_us = proc->exit.user_us;
	result->system_us = proc->exit.system_us;
	result->max_rss_bytes = proc->exit.max_rss_bytes;
	result->lingering = proc->is_lingering;
	if (result->outcome == HP_HOOK_SPAWN_FAILED) {
		const struct spawn_failure failure = failure_of(&proc->child);

		proc_describe_failure(&failure, result);
	}
	for (int i = 0; i < 2; i++)
		capture_take(&proc->out[i], &result->output[i]);
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
	proc_unwatch(proc);
	release_pipes(proc);
	deadline_clear(&proc->deadline);
	/* After it was reaped, its pid may be that of another process. */
	if (proc->state == PROC_RUNNING && !proc->exited_ns)
		kill_tree(proc);
	if (proc->state != PROC_DONE && !proc->exited_ns && proc->child.pidfd >= 0) {
		proc->state = PROC_ABANDONED;
		proc->cgroup =
		    NULL; /* borrowed from the run, which may be freed before the process ends */
		proc_keep_watching(proc);
		return NULL;
	}
	strays_forget(&proc->known);
	helper_call_clear(&proc->helper);
	exit_watch_stop(&proc->exit_watch);
	close_fd(&proc->child.pidfd);
	free(proc);
	return NULL;
}
