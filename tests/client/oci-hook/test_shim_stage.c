/* SPDX-License-Identifier: Apache-2.0 */

/* hookd-oci-hook run at its own stage and at another, by the status in the state. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/client/oci-hook/shim.h"

/*
 * The statuses that runtimes write at each stage, in the order of the stages, as seen of runc 1.1.5
 * and crun 1.8.1; NULL: no other.
 */
static const char *const stage_names[] = {"prestart",	    "createRuntime", "createContainer",
					  "startContainer", "poststart",     "poststop"};
static const struct {
	const char *runtime;
	const char *states[6];
} runtimes[] = {
    {"runc 1.1",
     {"\"status\":\"creating\",\"pid\":7", "\"status\":\"creating\",\"pid\":7",
      "\"status\":\"creating\",\"pid\":1", "\"status\":\"created\",\"pid\":1",
      "\"status\":\"created\",\"pid\":7", "\"status\":\"stopped\""}},
    {"crun",
     {"\"status\":\"created\",\"pid\":7", "\"status\":\"created\",\"pid\":7",
      "\"status\":\"created\",\"pid\":0", "\"status\":\"starting\",\"pid\":0",
      "\"status\":\"running\",\"pid\":7", "\"status\":\"stopped\",\"pid\":0"}},
    {"runc main; a container of a checkpoint",
     {"\"status\":\"stopped\",\"pid\":7", "\"status\":\"stopped\",\"pid\":7",
      "\"status\":\"creating\",\"pid\":1", "\"status\":\"created\",\"pid\":1",
      "\"status\":\"stopped\"", "\"status\":\"stopped\""}},
    {"youki",
     {"\"status\":\"creating\",\"pid\":7", "\"status\":\"creating\",\"pid\":7",
      "\"status\":\"creating\"", "\"status\":\"creating\"", "\"status\":\"running\",\"pid\":7",
      "\"status\":\"stopped\",\"pid\":7"}},
    {"another",
     {"\"status\":\"\"", "\"status\":\"paused\"", "\"x\":1", "\"status\":null", "\"status\":7",
      "\"status\":\"gone\""}},
};

static struct outcome run_at(const char *members, const char *stage)
{
	char text[256], option[64];

	(void)snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.2\",\"id\":\"c\",%s}", members);
	(void)snprintf(option, sizeof(option), "--stage=%s", stage);
	return run_shim_with(text, ENV,
			     ARGV(option, (char *)NOBODY, PRIVATE_OPTIONS, (char *)"--hook=/bin/sh",
				  (char *)"--", (char *)"-c", (char *)"echo ran >&2"));
}

static void test_the_stage_that_a_state_is_of_is_taken(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		for (size_t j = 0; j < 6; j++) {
			struct outcome outcome = run_at(runtimes[i].states[j], stage_names[j]);

			if (outcome.status != 0 || strcmp(outcome.text, "ran\n") != 0)
				fail_msg("%s, %s: %s", runtimes[i].runtime, stage_names[j],
					 outcome.text);
		}
	}
}

/* A file of hooks.d for two stages runs the hooks of one of them at the other. */
static void test_the_wrong_stage_is_refused(void **state)
{
	static const struct {
		const char *said, *status;
	} rows[] = {
	    {"createRuntime", "stopped"},   {"prestart", "stopped"},
	    {"createContainer", "stopped"}, {"startContainer", "stopped"},
	    {"createRuntime", "running"},   {"prestart", "running"},
	    {"createContainer", "running"}, {"startContainer", "running"},
	    {"createRuntime", "starting"},  {"createContainer", "starting"},
	    {"poststart", "creating"},	    {"poststart", "starting"},
	    {"poststop", "creating"},	    {"poststop", "created"},
	    {"poststop", "starting"},	    {"poststop", "running"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct outcome outcome;
		char members[64];

		(void)snprintf(members, sizeof(members), "\"status\":\"%s\"", rows[i].status);
		outcome = run_at(members, rows[i].said);
		if (outcome.status != 125 || strstr(outcome.text, "ran\n") ||
		    !strstr(outcome.text, rows[i].said) || !strstr(outcome.text, rows[i].status))
			fail_msg("%s at %s: %d %s", rows[i].said, rows[i].status, outcome.status,
				 outcome.text);
	}
	/* A process that has stopped is not one that was restored. */
	assert_int_equal(run_at("\"status\":\"stopped\",\"pid\":0", "createRuntime").status, 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_the_stage_that_a_state_is_of_is_taken),
	    cmocka_unit_test(test_the_wrong_stage_is_refused),
	};

	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
