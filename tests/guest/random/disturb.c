/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of the random test, and events while a call is in progress. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/guest/random/trial.h"

#define CALL_SIZE 2048

/* ---- calls ---- */

enum disturbance { ALONE, TWICE, WITH_ANOTHER, KILL, RESTART_BUS, END_PROCESS, DISTURBANCE_COUNT };
static const char *const disturbance_names[DISTURBANCE_COUNT] = {
    "alone", "twice", "with another", "hookd is killed", "the bus restarts", "the process ends",
};

struct trial {
	struct call call;
	enum verdict verdict;
	struct model after;
	char text[CALL_SIZE];
};

static struct trial try_call(const struct test *test, struct call call)
{
	struct trial trial = {.call = call};

	trial.verdict = call_predict(&call, &test->now, &trial.after);
	call_print(&call, &test->now, trial.text, sizeof(trial.text));
	return trial;
}

static bool worked(const struct outcome *outcome)
{
	return outcome->error[0] == '\0';
}

static bool was(const struct outcome *outcome, const char *error)
{
	return strcmp(outcome->error, error) == 0;
}

static void note_outcome(struct test *test, const struct outcome *outcome)
{
	test_note(test, "    %s %s %s", worked(outcome) ? "worked" : outcome->error,
		  outcome->errno_name, outcome->detail);
}

/* A call without such an event. */
static void judge(struct test *test, struct trial *trial, const struct outcome *outcome)
{
	if (worked(outcome) && trial->verdict == MUST_FAIL)
		test_fail(test, "it worked, and should not");
	else if (!worked(outcome) && trial->verdict == MUST_WORK)
		test_fail(test, "it failed, and should not: %s %s", outcome->error,
			  outcome->detail);
	if (!test->has_failed)
		test_settle_one(test, worked(outcome) ? &trial->after : &test->now);
}

static void call_alone(struct test *test, struct trial *trial)
{
	struct outcome outcome = client_call(trial->text);

	note_outcome(test, &outcome);
	judge(test, trial, &outcome);
}

/* Repeats the call until it succeeds, or fails because it was done before. */
static void repeat(struct test *test, struct trial *trial)
{
	int64_t end = now_ms() + 60000;
	struct outcome outcome;

	do {
		outcome = client_call(trial->text);
		if (worked(&outcome) ||
		    (trial->call.method == RELEASE && was(&outcome, "NoSuchContainer"))) {
			test_settle_one(test, &trial->after);
			return;
		}
		pause_ms(50);
	} while (now_ms() < end);
	note_outcome(test, &outcome);
	test_fail(test, "it never works");
}

/* ---- two calls at the same time ---- */

static bool is_second(const struct trial *trial, const struct outcome *outcome)
{
	static const char *const errors[] = {
	    [APPLY] = "EEXIST", [UPDATE] = "", [RELEASE] = "NoSuchContainer"};
	const char *expected = errors[trial->call.method];

	return was(outcome, "Busy") || was(outcome, expected) ||
	       (expected[0] && strcmp(outcome->errno_name, expected) == 0);
}

static void call_twice(struct test *test, struct trial *trial)
{
	struct client clients[2];
	struct outcome outcomes[2];

	for (int i = 0; i < 2; i++)
		client_open(&clients[i]);
	for (int i = 0; i < 2; i++)
		(void)client_send(&clients[i], trial->text);
	for (int i = 0; i < 2; i++) {
		outcomes[i] = client_receive(&clients[i]);
		note_outcome(test, &outcomes[i]);
		client_close(&clients[i]);
	}
	if (!worked(&outcomes[0])) {
		struct outcome other = outcomes[0];

		outcomes[0] = outcomes[1];
		outcomes[1] = other;
	}
	if (trial->verdict == MUST_WORK && !is_second(trial, &outcomes[1]))
		test_fail(test, "of two at once, one ended with: %s", outcomes[1].detail);
	judge(test, trial, &outcomes[0]);
}

/* A call whose result does not depend on the order of the two. */
static bool invent_another(struct test *test, const struct call *first, struct call *another)
{
	const struct container *of;

	*another = call_invent(&test->now, &test->random);
	of = &test->now.containers[another->container];
	another->rdt = NO_RDT;
	another->oom_score = ANY_SCORE;
	another->has[PIDS] = true;
	another->sabotage = NO_SABOTAGE;
	if (another->method == APPLY && (another->place == NOWHERE || another->place == IN_THEIRS))
		return false;
	return another->method != RELEASE && another->container != first->container &&
	       another->process != first->process && strcmp(of->cgroup, THEIRS) != 0;
}

/* A call for one container does not make another one busy. */
static void call_with_another(struct test *test, struct trial *trial)
{
	struct client clients[2];
	struct outcome outcomes[2];
	struct trial trials[2] = {*trial};
	struct call another;

	if (!invent_another(test, &trial->call, &another)) {
		call_alone(test, trial);
		return;
	}
	trials[1] = try_call(test, another);
	test_note(test, "    and: %s", trials[1].text);
	for (int i = 0; i < 2; i++)
		client_open(&clients[i]);
	for (int i = 0; i < 2; i++)
		(void)client_send(&clients[i], trials[i].text);
	for (int i = 0; i < 2; i++) {
		outcomes[i] = client_receive(&clients[i]);
		note_outcome(test, &outcomes[i]);
		client_close(&clients[i]);
		if (worked(&outcomes[i]) != (trials[i].verdict == MUST_WORK))
			test_fail(test, "of two at once, number %d should have ended otherwise", i);
	}
	if (test->has_failed)
		return;
	if (worked(&outcomes[0]))
		test->now = trial->after;
	if (worked(&outcomes[1]))
		(void)call_predict(&another, &test->now, &trials[1].after);
	test_settle_one(test, worked(&outcomes[1]) ? &trials[1].after : &test->now);
}

/* ---- hookd is killed meanwhile ---- */

/* What an interrupted Apply may have changed: attributes, limits of a cgroup of others. */
static void forget_attributes(struct model *model, const struct call *call)
{
	if (call->oom_score != ANY_SCORE)
		model->processes[call->process].oom_score = ANY_SCORE;
	for (int i = 0; call->place == IN_THEIRS && i < LIMIT_COUNT; i++)
		if (call->has[i] || i == SWAP)
			snprintf(model->theirs[i].text, TEXT_SIZE, ANY);
}

static void end_lost_apply(struct test *test, struct trial *trial)
{
	struct model candidates[2];

	/*
	 * Not an initializer: with -ftrivial-auto-var-init=zero gcc 12 would clear bytes of
	 * "limits" in place of the padding after it.
	 */
	candidates[0] = test->now;
	candidates[1] = trial->after;
	forget_attributes(&candidates[0], &trial->call);
	test_settle(test, candidates, trial->verdict == MUST_WORK ? 2 : 1);
}

/* The caller repeats the call, or makes another one that completes it. */
static void end_lost_update(struct test *test, struct trial *trial)
{
	struct container *of = &test->now.containers[trial->call.container];
	struct call again = trial->call;

	of->may_be_interrupted = true;
	if (!of->is_held || of->has_ended) {
		test_settle_one(test, &test->now);
		return;
	}
	again.sabotage = NO_SABOTAGE;
	*trial = try_call(test, again);
	if (trial->verdict == MUST_FAIL)
		*trial = try_call(test, (struct call){.method = UPDATE,
						      .container = trial->call.container,
						      .oom_score = 222});
	repeat(test, trial);
}

static void end_lost_release(struct test *test, struct trial *trial)
{
	if (trial->verdict == MUST_WORK)
		repeat(test, trial);
	else
		test_settle_one(test, &test->now);
}

static void call_and_kill(struct test *test, struct trial *trial)
{
	unsigned int wait_us = below(&test->random, below(&test->random, 2) ? 3000 : 100000);
	struct client client;
	struct outcome outcome;

	client_open(&client);
	(void)client_send(&client, trial->text);
	(void)usleep(wait_us);
	test_kill_hookd(test);
	outcome = client_receive(&client);
	client_close(&client);
	note_outcome(test, &outcome);
	test_await_hookd(test);
	if (!was(&outcome, "lost"))
		judge(test, trial, &outcome);
	else if (trial->call.method == APPLY)
		end_lost_apply(test, trial);
	else if (trial->call.method == UPDATE)
		end_lost_update(test, trial);
	else
		end_lost_release(test, trial);
}

/* ---- the message bus is restarted meanwhile ---- */

static void call_without_bus(struct test *test, struct trial *trial)
{
	unsigned int wait_us = below(&test->random, below(&test->random, 2) ? 3000 : 100000);
	bool is_first = below(&test->random, 2);
	struct client client;
	struct outcome outcome;

	client_open(&client);
	if (is_first)
		world_restart_bus();
	(void)client_send(&client, trial->text);
	(void)usleep(wait_us);
	if (!is_first)
		world_restart_bus();
	outcome = client_receive(&client);
	client_close(&client);
	note_outcome(test, &outcome);
	world_await_bus();
	if (trial->call.method == UPDATE) {
		test->now.containers[trial->call.container].may_be_interrupted = true;
		trial->after.containers[trial->call.container].may_be_interrupted = true;
	}
	if (worked(&outcome) || trial->verdict == MUST_FAIL)
		judge(test, trial, &outcome);
	else if (was(&outcome, "lost"))
		test_fail(test, "the connection to hookd was lost");
	else if (trial->call.method == APPLY)
		test_settle_one(test, &test->now);
	else
		repeat(test, trial);
}

/* ---- the process exits meanwhile ---- */

void test_end_children(struct test *test, int process)
{
	for (int i = 0; i < CHILDREN; i++) {
		struct being *child = &test->now.processes[process].children[i];

		if (child->pid)
			world_end_process(child->pid);
		child->pid = 0;
	}
}

void test_end_process(struct test *test, int process)
{
	struct process *of = &test->now.processes[process];

	world_end_process(of->itself.pid);
	close(of->person.commands);
}

static void call_and_end_process(struct test *test, struct trial *trial)
{
	int process = trial->call.method == APPLY
			  ? trial->call.process
			  : test->now.containers[trial->call.container].process;
	unsigned int wait_us = below(&test->random, 20000);
	struct client client;
	struct outcome outcome;

	/* A Release succeeds once the process has exited. */
	if (trial->call.method == RELEASE || process < 0 ||
	    test->now.processes[process].itself.pid == 0) {
		call_alone(test, trial);
		return;
	}
	test_end_children(test, process);
	*trial = try_call(test, trial->call);
	client_open(&client);
	(void)client_send(&client, trial->text);
	(void)usleep(wait_us);
	test_end_process(test, process);
	outcome = client_receive(&client);
	client_close(&client);
	note_outcome(test, &outcome);
	if (was(&outcome, "lost"))
		test_fail(test, "the connection to hookd was lost");
	else if (worked(&outcome) && trial->verdict == MUST_FAIL)
		test_fail(test, "it worked, and should not");
	if (!worked(&outcome))
		trial->after = test->now;
	model_end(&trial->after, process);
	test_settle_one(test, &trial->after);
}

void step_call(struct test *test)
{
	static void (*const ways[DISTURBANCE_COUNT])(struct test *, struct trial *) = {
	    call_alone,	   call_twice,	     call_with_another,
	    call_and_kill, call_without_bus, call_and_end_process,
	};
	struct trial trial = try_call(test, call_invent(&test->now, &test->random));
	unsigned int number = below(&test->random, 100);
	enum disturbance disturbance = number < 60   ? ALONE
				       : number < 65 ? TWICE
				       : number < 70 ? WITH_ANOTHER
				       : number < 86 ? KILL
				       : number < 93 ? RESTART_BUS
						     : END_PROCESS;

	test_note(test, "%d (%s, must %s): %s", test->step, disturbance_names[disturbance],
		  trial.verdict == MUST_WORK ? "work" : "fail", trial.text);
	ways[disturbance](test, &trial);
}
