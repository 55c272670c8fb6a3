/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many callers in one thread. A job is a caller, and has one request after the other:
 *
 *	(sent) --reply--> answered, the next one is sent
 *	(sent) --the connection is lost--> the same request is sent again
 */
#include "tests/integration/hooks/mixed_load.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness/check.h"

#define REQUESTS_MAX 100000
#define HOOKS_MAX    3
#define CONTROLS     8
#define HOOK_SIZE    512
#define FINISH_MS    60000

enum kind { SHORT, LONG, LIST, FAILING, ALL_RUN, TIMED_OUT, CANCELLED, STREAMING, KIND_COUNT };
enum outcome { NOT_ASKED, IS_ASKED, IS_RIGHT, IS_LOST };

#define MARK(k) "'mark','@DIR@/log','#." k "'"

/* "#" is the number of the request. */
static const struct {
	const char *stage, *outcome;
	const char *hooks[HOOKS_MAX + 1];
	int marks; /* how many lines the hooks write */
	bool streams;
} kinds[KIND_COUNT] = {
    [SHORT] = {"createRuntime", "succeeded", {HOOK(MARK("0") ",'say','out-#'")}, 1, false},
    [LONG] = {"createRuntime",
	      "succeeded",
	      {HOOK("'say','out-',"
		    "'sleep','400'," MARK("0") ",'say','#'")},
	      1,
	      false},
    [LIST] = {"poststart",
	      "succeeded",
	      {HOOK(MARK("0") ",'say','out-#'"), HOOK("'sleep','60'," MARK("1")),
	       HOOK(MARK("2") ",'complain','last'")},
	      3,
	      false},
    [FAILING] = {"createRuntime",
		 "failed",
		 {HOOK(MARK("0") ",'say','out-#','sleep','20','exit','3'"), HOOK(MARK("1"))},
		 1,
		 false},
    [ALL_RUN] = {"poststop",
		 "failed",
		 {HOOK(MARK("0") ",'say','out-#','exit','3'"), HOOK("'sleep','30'," MARK("1"))},
		 2,
		 false},
    [TIMED_OUT] = {"createRuntime",
		   "failed",
		   {TIMED_HOOK(1, MARK("0") ",'say','out-#','foreground','sleep','60000'")},
		   1,
		   false},
    [CANCELLED] = {"createRuntime",
		   "cancelled",
		   {HOOK(MARK("0") ",'say','out-#','mark','@DIR@/is-#','x',"
				   "'foreground','sleep','60000'")},
		   1,
		   true},
    [STREAMING] = {"createRuntime",
		   "succeeded",
		   {HOOK("'say','out-','sleep','25'," MARK("0") ",'say','#'")},
		   1,
		   true},
};

static enum kind kind_of(unsigned int number)
{
	return number % KIND_COUNT;
}

unsigned int load_random(struct load *load, unsigned int bound)
{
	load->random = load->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(load->random >> 33) % bound;
}

void load_begin(struct load *load, struct harness *harness, uint64_t seed)
{
	*load = (struct load){.harness = harness, .random = seed};
	load->outcome = calloc(REQUESTS_MAX, 1);
	assert_non_null(load->outcome);
}

void load_clear(struct load *load)
{
	free(load->outcome);
	load->outcome = NULL;
}

/* ---- sending ---- */

static void put_number(char ret[static HOOK_SIZE], const char *hook, unsigned int number)
{
	size_t length = 0;

	for (; *hook; hook++) {
		assert_true(length < HOOK_SIZE - 16);
		if (*hook == '#')
			length += (size_t)snprintf(ret + length, 16, "%u", number);
		else
			ret[length++] = *hook;
	}
	ret[length] = '\0';
}

static void send_request(struct load *load, struct load_job *job)
{
	enum kind kind = kind_of(job->number);
	char hooks[HOOKS_MAX][HOOK_SIZE], extra[64], container[32];
	struct run_text text = {
	    .stage = kinds[kind].stage,
	    .container = container,
	    .extra = extra,
	    .flags = kinds[kind].streams ? ",'more':true" : NULL,
	};

	for (int i = 0; kinds[kind].hooks[i]; i++) {
		put_number(hooks[i], kinds[kind].hooks[i], job->number);
		text.hooks[i] = hooks[i];
	}
	snprintf(extra, sizeof(extra), ",'requestId':'request-%u'", job->number);
	snprintf(container, sizeof(container), "box-%u", job->number % 64);
	job->client = client_open(load->harness);
	client_send_run(job->client, &text);
}

static void send_next(struct load *load, struct load_job *job)
{
	assert_true(load->made < REQUESTS_MAX);
	*job = (struct load_job){.number = load->made++, .is_open = true};
	load->outcome[job->number] = IS_ASKED;
	send_request(load, job);
}

void load_disconnected(struct load *load)
{
	for (size_t i = 0; i < LOAD_CALLERS; i++) {
		load->jobs[i].client = NULL;
		load->jobs[i].run[0] = '\0'; /* a run that had not started gets another id */
	}
}

/* Cancels the run once its hook runs. */
static void cancel(struct load *load, struct load_job *job)
{
	struct client *client;
	char name[32], call[128];

	snprintf(name, sizeof(name), "is-%u", job->number);
	if (job->is_cancelled || !job->run[0] ||
	    access(harness_path(load->harness, name), F_OK) < 0)
		return;
	snprintf(call, sizeof(call), "{'method':'io.hookd.hooks.Cancel','parameters':{'run':'%s'}}",
		 job->run);
	client = client_open(load->harness);
	client_call(client, call);
	if (!load->may_be_lost)
		check_error(client, "");
	client_close(client);
	job->is_cancelled = true;
}

/* ---- receiving ---- */

static void check_timeout(struct load *load, struct client *client)
{
	int64_t late_us = reply_int(client, "result.hooks[0].durationUSec") - 1000000;

	check_string(client, "result.hooks[0].outcome", "timed_out");
	assert_true(late_us >= 0);
	if (late_us > load->latest_us)
		load->latest_us = late_us;
}

static void check_result(struct load *load, const struct load_job *job)
{
	struct client *client = job->client;
	enum kind kind = kind_of(job->number);
	char out[32];

	check_outcome(client, kinds[kind].outcome);
	snprintf(out, sizeof(out), "out-%u", job->number);
	check_string(client, "result.hooks[0].stdout", out);
	if (kind == TIMED_OUT)
		check_timeout(load, client);
	if (kind == FAILING || kind == ALL_RUN)
		check_int(client, "result.hooks[0].exitStatus", 3);
	if (kind == FAILING)
		check_string(client, "result.hooks[1].outcome", "skipped");
	if (kind == LIST)
		check_string(client, "result.hooks[2].stderr", "last");
}

static void take_result(struct load *load, struct load_job *job)
{
	struct client *client = job->client;
	bool is_lost =
	    load->may_be_lost && strcmp(reply_string(client, "result.outcome"), "lost") == 0;

	assert_int_equal(load->outcome[job->number], IS_ASKED);
	if (is_lost) {
		load->lost++;
		check_part(client, "result.error", "has ended");
	} else {
		check_result(load, job);
	}
	load->outcome[job->number] = is_lost ? IS_LOST : IS_RIGHT;
	load->answered++;
	job->is_open = false;
	client_close(client);
	job->client = NULL;
}

/* Refused for lack of a runner: nothing was run, and the caller sends the request again. */
static void take_refusal(struct load *load, struct load_job *job)
{
	check_error(job->client, "io.hookd.hooks.Busy");
	if (load->refused++ == 0)
		printf("refused: %s\n", reply_string(job->client, "reason"));
	job->run[0] = '\0';
	client_close(job->client);
	job->client = NULL;
}

static void receive(struct load *load, struct load_job *job)
{
	while (job->client && client_has_input(job->client)) {
		client_receive(job->client);
		if (job->client->reply.error[0] && load->may_be_lost) {
			take_refusal(load, job);
			return;
		}
		check_error(job->client, "");
		if (!job->client->reply.continues)
			take_result(load, job);
		else if (!job->run[0])
			snprintf(job->run, sizeof(job->run), "%s",
				 reply_string(job->client, "run"));
	}
}

static void await_input(struct load *load, int64_t until)
{
	struct pollfd fds[LOAD_CALLERS];
	nfds_t count = 0;
	int64_t left = until - now_ms();

	for (size_t i = 0; i < LOAD_CALLERS; i++)
		if (load->jobs[i].client)
			fds[count++] =
			    (struct pollfd){.fd = load->jobs[i].client->fd, .events = POLLIN};
	/* At most 10 ms, since the files of hooks to cancel have to be polled. */
	(void)poll(fds, count, left < 0 ? 0 : left < 10 ? (int)left : 10);
}

static void step(struct load *load, struct load_job *job, bool is_ending)
{
	if (!job->is_open) {
		if (!is_ending)
			send_next(load, job);
		return;
	}
	if (!job->client)
		send_request(load, job);
	receive(load, job);
	if (job->client && kind_of(job->number) == CANCELLED)
		cancel(load, job);
}

void load_go_on(struct load *load, unsigned int ms, bool is_ending)
{
	int64_t until = now_ms() + ms;

	do {
		for (size_t i = 0; i < LOAD_CALLERS; i++)
			step(load, &load->jobs[i], is_ending);
		await_input(load, until);
	} while (now_ms() < until);
}

void load_finish(struct load *load)
{
	int64_t until = now_ms() + FINISH_MS;

	while (load->answered < load->made) {
		load_go_on(load, 10, true);
		if (now_ms() < until)
			continue;
		for (size_t i = 0; i < LOAD_CALLERS; i++)
			if (load->jobs[i].is_open)
				fail_msg("request %u (kind %d) is not answered",
					 load->jobs[i].number, kind_of(load->jobs[i].number));
	}
}

/* ---- what has run ---- */

static void count_lines(struct load *load, unsigned char counts[][HOOKS_MAX])
{
	char *text = harness_read_file(load->harness, "log", NULL), *next = text;
	unsigned int number, hook;
	int length;

	while (next && sscanf(next, "%u.%u\n%n", &number, &hook, &length) == 2) {
		assert_true(number < load->made && hook < HOOKS_MAX);
		if (++counts[number][hook] > 1)
			fail_msg("hook %u of request %u has run twice", hook, number);
		next += length;
	}
	free(text);
}

void load_check(struct load *load)
{
	unsigned char(*counts)[HOOKS_MAX] = calloc(load->made, HOOKS_MAX);

	assert_non_null(counts);
	count_lines(load, counts);
	for (unsigned int i = 0; i < load->made; i++)
		for (int hook = 0; hook < HOOKS_MAX; hook++) {
			int want = hook < kinds[kind_of(i)].marks;

			if (counts[i][hook] > want ||
			    (load->outcome[i] == IS_RIGHT && counts[i][hook] < want))
				fail_msg("hook %d of request %u has run %d times", hook, i,
					 counts[i][hook]);
		}
	free(counts);
}

/* ---- the control timer ---- */

struct control_thread {
	struct control_timer *control;
	pthread_t thread;
	int64_t latest_us;
};

struct control_timer {
	volatile bool is_ending;
	struct control_thread threads[CONTROLS];
};

static int64_t time_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec * 1000000ll + now.tv_nsec / 1000;
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* The same steps as a timeout in hookd: the time, a kill, and the end of the process. */
static void *keep_time(void *userdata)
{
	struct control_thread *own = userdata;

	while (!own->control->is_ending) {
		int64_t due_us = time_us() + 1000000, late_us;
		pid_t child = start_child();

		nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		late_us = time_us() - due_us;
		if (late_us > own->latest_us)
			own->latest_us = late_us;
		nanosleep(&(struct timespec){.tv_nsec = 37000000}, NULL);
	}
	return NULL;
}

struct control_timer *control_timer_start(void)
{
	struct control_timer *control = calloc(1, sizeof(*control));

	assert_non_null(control);
	for (size_t i = 0; i < CONTROLS; i++) {
		struct control_thread *thread = &control->threads[i];

		thread->control = control;
		assert_int_equal(pthread_create(&thread->thread, NULL, keep_time, thread), 0);
		nanosleep(&(struct timespec){.tv_nsec = 1000000000 / CONTROLS}, NULL);
	}
	return control;
}

int64_t control_timer_stop(struct control_timer *control)
{
	int64_t latest_us = 0;

	control->is_ending = true;
	for (size_t i = 0; i < CONTROLS; i++) {
		pthread_join(control->threads[i].thread, NULL);
		if (control->threads[i].latest_us > latest_us)
			latest_us = control->threads[i].latest_us;
	}
	free(control);
	return latest_us;
}
