/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of the random test. */
#include <stdio.h>

#include "tests/guest/random/trial.h"

void step_start(struct test *test)
{
	for (int i = 0; i < PROCESSES; i++) {
		struct person person;

		if (test->now.processes[i].itself.pid)
			continue;
		person = world_start_process();
		test_note(test, "%d: process %d starts", test->step, person.pid);
		model_start(&test->now, i, person, world_oom_score(person.pid));
	}
	test_settle_one(test, &test->now);
}

static void step_fork(struct test *test)
{
	struct process *of = &test->now.processes[below(&test->random, PROCESSES)];
	struct being *child = &of->children[below(&test->random, CHILDREN)];

	if (of->itself.pid == 0 || child->pid)
		return;
	*child = of->itself;
	child->pid = world_fork(&of->person);
	test_note(test, "%d: process %d has the child %d", test->step, of->itself.pid, child->pid);
	test_settle_one(test, &test->now);
}

static void step_end_child(struct test *test)
{
	unsigned int first = below(&test->random, PROCESSES * CHILDREN);

	for (unsigned int i = 0; i < PROCESSES * CHILDREN; i++) {
		unsigned int at = (first + i) % (PROCESSES * CHILDREN);
		struct being *child = &test->now.processes[at / CHILDREN].children[at % CHILDREN];

		if (child->pid == 0)
			continue;
		test_note(test, "%d: the child %d ends", test->step, child->pid);
		world_end_process(child->pid);
		child->pid = 0;
		model_settle(&test->now);
		test_settle_one(test, &test->now);
		return;
	}
}

static void step_end(struct test *test)
{
	int process = (int)below(&test->random, PROCESSES);
	const struct being *of = &test->now.processes[process].itself;

	if (of->pid == 0)
		return;
	test_note(test, "%d: process %d ends", test->step, of->pid);
	if (model_shared(of->group) >= 0)
		test_end_children(test, process);
	test_end_process(test, process);
	model_end(&test->now, process);
	test_settle_one(test, &test->now);
}

static void go_home(const struct being *being)
{
	char text[16];

	if (being->pid == 0)
		return;
	snprintf(text, sizeof(text), "%d", being->pid);
	if (!world_write(CGROUPS HOME "/cgroup.procs", text))
		give_up("process %d does not get home: %m", being->pid);
}

static void step_leave(struct test *test)
{
	int number = (int)below(&test->random, PROCESSES);
	const struct process *of = &test->now.processes[number];

	if (of->itself.pid == 0)
		return;
	test_note(test, "%d: process %d leaves its cgroup", test->step, of->itself.pid);
	go_home(&of->itself);
	for (int i = 0; i < CHILDREN; i++)
		go_home(&of->children[i]);
	model_leave(&test->now, number);
	test_settle_one(test, &test->now);
}

static void step_kill(struct test *test)
{
	test_note(test, "%d: hookd is killed", test->step);
	test_kill_hookd(test);
	test_await_hookd(test);
	test_settle_one(test, &test->now);
}

static void step_bus(struct test *test)
{
	test_note(test, "%d: the message bus restarts", test->step);
	world_restart_bus();
	world_await_bus();
	test_settle_one(test, &test->now);
}

static void step_reload(struct test *test)
{
	test_note(test, "%d: systemd reloads", test->step);
	world_reload();
	test_settle_one(test, &test->now);
}

void step_any(struct test *test)
{
	static const struct {
		unsigned int weight;
		void (*step)(struct test *test);
	} steps[] = {
	    {60, step_call}, {9, step_fork}, {8, step_end_child}, {6, step_end},    {5, step_start},
	    {8, step_leave}, {2, step_kill}, {1, step_bus},	  {1, step_reload},
	};
	unsigned int number = below(&test->random, 100);

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (number < steps[i].weight) {
			steps[i].step(test);
			return;
		}
		number -= steps[i].weight;
	}
}
