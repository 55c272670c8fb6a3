/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemon/apply/fake_scopes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>

struct scope_job {
	enum fake_call call;
	scope_done_fn done;
	scope_limits_fn got_limits;
	void *userdata;
	TAILQ_ENTRY(scope_job) link;
};

static TAILQ_HEAD(, scope_job) jobs = TAILQ_HEAD_INITIALIZER(jobs);
static int refusal, stops;
static char last_mark[32];

void fake_scopes_begin(void)
{
	assert(TAILQ_EMPTY(&jobs));
	refusal = stops = 0;
}

enum fake_call fake_scopes_waiting(void)
{
	return TAILQ_EMPTY(&jobs) ? FAKE_NONE : TAILQ_FIRST(&jobs)->call;
}

void scope_job_forget(struct scope_job *job)
{
	if (!job)
		return;
	TAILQ_REMOVE(&jobs, job, link);
	free(job);
}

void fake_scopes_answer(int r, const char *reason)
{
	struct scope_job *job = TAILQ_FIRST(&jobs);
	const struct scope_job answered = *job;

	scope_job_forget(job);
	if (answered.got_limits)
		answered.got_limits(r, reason, r < 0 ? NULL : malloc(1), answered.userdata);
	else
		answered.done(r, reason, answered.userdata);
}

struct scope_limits *scope_limits_free(struct scope_limits *limits)
{
	free(limits);
	return NULL;
}

void fake_scopes_refuse(int r)
{
	refusal = r;
}

const char *fake_scopes_mark(void)
{
	return last_mark;
}

static void note_mark(const char *mark)
{
	snprintf(last_mark, sizeof(last_mark), "%s", mark);
}

int fake_scopes_stops(void)
{
	return stops;
}

static int add(enum fake_call call, scope_done_fn done, void *userdata, struct scope_job **ret_job)
{
	struct scope_job *job;

	stops += call == FAKE_STOP;
	if (refusal < 0)
		return refusal;
	job = calloc(1, sizeof(*job));
	assert(job);
	*job = (struct scope_job){.call = call, .done = done, .userdata = userdata};
	TAILQ_INSERT_TAIL(&jobs, job, link);
	*ret_job = job;
	return 0;
}

int scopes_start(struct scopes *scopes, const struct scope_name *name, const char *mark, pid_t pid,
		 const struct scope_contents *contents, scope_done_fn done, void *userdata,
		 struct scope_job **ret_job)
{
	(void)scopes, (void)name, (void)pid, (void)contents;
	note_mark(mark);
	return add(FAKE_START, done, userdata, ret_job);
}

int scopes_read(struct scopes *scopes, const char *unit, scope_limits_fn done, void *userdata,
		struct scope_job **ret_job)
{
	int r = add(FAKE_READ, NULL, userdata, ret_job);

	(void)scopes, (void)unit;
	if (r == 0)
		(*ret_job)->got_limits = done;
	return r;
}

int scopes_put_back(struct scopes *scopes, const char *unit, struct scope_limits *limits,
		    scope_done_fn done, void *userdata, struct scope_job **ret_job)
{
	(void)scopes, (void)unit, (void)limits;
	return add(FAKE_PUT_BACK, done, userdata, ret_job);
}

int scopes_set(struct scopes *scopes, const char *unit, const struct hp_resources *resources,
	       struct scope_limits *former, bool has_bfq, scope_done_fn done, void *userdata,
	       struct scope_job **ret_job)
{
	(void)scopes, (void)unit, (void)resources, (void)former, (void)has_bfq;
	return add(FAKE_SET, done, userdata, ret_job);
}

int scopes_ask(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
	       void *userdata, struct scope_job **ret_job)
{
	(void)scopes, (void)unit;
	note_mark(mark);
	return add(FAKE_ASK, done, userdata, ret_job);
}

int scopes_stop(struct scopes *scopes, const char *unit, const char *mark, scope_done_fn done,
		void *userdata, struct scope_job **ret_job)
{
	(void)scopes, (void)unit;
	note_mark(mark);
	return add(FAKE_STOP, done, userdata, ret_job);
}
