/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Words of the command line become ids. Everything is asked of hookd: one List for a prefix of a
 * run, and a few for a container. A word that is the beginning of a run's id and the whole id of a
 * container is ambiguous: which one was meant cannot be told.
 */

#include "client/hookctl/runs/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json/json_writer.h"

#define ID_DIGITS 12

/* ---- runs ---- */

static int check_text(const char *word)
{
	if (word[0] == '\0')
		return ctl_usage("'': not a run or a container");
	return hp_json_is_text(word, strlen(word)) ? 0 : ctl_usage("'%s': not UTF-8", word);
}

static bool may_be_run(const char *word)
{
	size_t length = strlen(word);

	return length >= RUN_PREFIX_MIN && length <= ID_DIGITS &&
	       strspn(word, "0123456789abcdef") == length;
}

/* A copy for free(3). */
static int copy_id(const char *id, char **ret)
{
	*ret = strdup(id);
	return *ret != NULL ? 0 : -ENOMEM;
}

static int list(struct ctl *ctl, const struct hookd_run_filter *filter, struct hookd_reply **ret)
{
	int r = ctl_open(ctl);

	return r == 0 ? hookd_list(ctl->client, filter, ret) : r;
}

/* 0, 1: no such run, an exit status after a message, or a negative errno. */
#define NONE_FOUND 1000

static int find_run(struct ctl *ctl, const char *prefix, char **ret)
{
	const struct hookd_run_filter filter = {
	    .size = sizeof(filter), .run_prefix = prefix, .limit = 2};
	const struct hookd_run_list *runs;
	struct hookd_reply *reply;
	int r = list(ctl, &filter, &reply);

	if (r < 0)
		return r;
	runs = hookd_reply_list(reply);
	if (runs->count == 1)
		r = copy_id(runs->runs[0].run, ret);
	else if (runs->count == 0)
		r = NONE_FOUND;
	else
		r = ctl_usage("'%s': more than one run: %s, %s", prefix, runs->runs[0].run,
			      runs->runs[1].run);
	hookd_reply_free(reply);
	return r;
}

/* ---- containers ---- */

/* Whether all runs of the list are of one container. */
static bool is_one_container(const struct hookd_run_list *runs)
{
	for (size_t i = 1; i < runs->count; i++)
		if (strcmp(runs->runs[i].container, runs->runs[0].container) != 0)
			return false;
	return true;
}

static int take_container(const char *word, const struct hookd_run_list *runs, char **ret)
{
	if (runs->count == 0)
		return NONE_FOUND;
	if (is_one_container(runs))
		return copy_id(runs->runs[0].container, ret);
	for (size_t i = 1; i < runs->count; i++)
		if (strcmp(runs->runs[i].container, runs->runs[0].container) != 0)
			return ctl_usage("'%s': more than one container: %s, %s", word,
					 runs->runs[0].container, runs->runs[i].container);
	return NONE_FOUND;
}

static int find_exact_container(struct ctl *ctl, const char *word, char **ret)
{
	const struct hookd_run_filter exact = {
	    .size = sizeof(exact), .container = word, .limit = 1};
	struct hookd_reply *reply;
	int r = list(ctl, &exact, &reply);

	if (r < 0)
		return r;
	r = take_container(word, hookd_reply_list(reply), ret);
	hookd_reply_free(reply);
	return r;
}

static int find_container(struct ctl *ctl, const char *word, char **ret)
{
	const struct hookd_run_filter prefix = {.size = sizeof(prefix), .container_prefix = word};
	struct hookd_reply *reply;
	int r = find_exact_container(ctl, word, ret);

	if (r != NONE_FOUND)
		return r;
	r = list(ctl, &prefix, &reply);
	if (r < 0)
		return r;
	r = take_container(word, hookd_reply_list(reply), ret);
	hookd_reply_free(reply);
	return r;
}

/* A run that no container has the name of, unless the word is the whole id. As find_run(). */
static int find_only_run(struct ctl *ctl, const char *word, char **ret)
{
	char *container = NULL;
	int r = may_be_run(word) ? find_run(ctl, word, ret) : NONE_FOUND;

	if (r != 0 || strlen(word) == ID_DIGITS)
		return r;
	r = find_exact_container(ctl, word, &container);
	if (r == 0) {
		r = ctl_usage("'%s': both the container %s and the run %s", word, container, *ret);
		ctl_hint(ctl, "hookctl ps -a --container=%s", container);
	}
	free(container);
	return r == NONE_FOUND ? 0 : r;
}

/* ---- the run of a container ---- */

/* One that is found alone; how many there are (2: or more) in *ret_count. */
static int find_one(struct ctl *ctl, const struct hookd_run_filter *filter, size_t *ret_count,
		    char **ret)
{
	struct hookd_reply *reply;
	int r = list(ctl, filter, &reply);

	if (r < 0)
		return r;
	*ret_count = hookd_reply_list(reply)->count;
	if (*ret_count > 0 && *ret == NULL)
		r = copy_id(hookd_reply_list(reply)->runs[0].run, ret);
	hookd_reply_free(reply);
	return r;
}

static int fail_many(const struct ctl *ctl, const char *container, const char *what)
{
	ctl_error("%s: the container has several runs%s", container, what);
	ctl_hint(ctl, "hookctl ps -a --container=%s", container);
	return CTL_EXIT_USAGE;
}

/* The first was taken. */
static int note_many(const struct ctl *ctl, const char *container, const char *run)
{
	ctl_note(ctl, "%s: the newest of several runs of %s", run, container);
	ctl_hint(ctl, "hookctl ps -a --container=%s", container);
	return 0;
}

/* The only one that is not done, or the only one; or the newest. */
static int find_run_of(struct ctl *ctl, const char *container, const char *stage, bool takes_newest,
		       char **ret)
{
	static const char *const states[] = {"running", "queued", NULL};
	size_t unfinished = 0, count;

	for (int i = 0; i < 3; i++) {
		const struct hookd_run_filter filter = {.size = sizeof(filter),
							.container = container,
							.stage = stage,
							.state = states[i],
							.limit = 2};
		int r;

		if (states[i] == NULL && unfinished > 0)
			break;
		r = find_one(ctl, &filter, &count, ret);
		if (r < 0)
			return r;
		if (unfinished + count > 1 && takes_newest)
			return note_many(ctl, container, *ret);
		if (unfinished + count > 1)
			return fail_many(ctl, container,
					 states[i] != NULL ? " that are not done" : "");
		unfinished += count;
	}
	return unfinished == 1 ? 0 : NONE_FOUND;
}

/* ---- words ---- */

static int fail_unknown(const struct ctl *ctl, const char *word)
{
	ctl_error("no such run or container: %s", word);
	ctl_hint(ctl, "hookctl ps -a");
	return CTL_EXIT_UNREACHABLE;
}

/* Ends a function that others call: 0, or an exit status after a message. */
static int finish(struct ctl *ctl, const char *word, int r, char **ret)
{
	if (r == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	if (r == NONE_FOUND)
		return fail_unknown(ctl, word);
	return r < 0 ? ctl_call_failed(ctl, r) : r;
}

int resolve_run(struct ctl *ctl, const char *word, const char *stage, enum resolve_how how,
		char **ret)
{
	char *container = NULL;
	int r = check_text(word);

	*ret = NULL;
	if (r != 0)
		return r;
	r = find_only_run(ctl, word, ret);
	if (r == NONE_FOUND) {
		r = how == RESOLVE_WHOLE ? find_exact_container(ctl, word, &container)
					 : find_container(ctl, word, &container);
		if (r == 0)
			r = find_run_of(ctl, container, stage, how == RESOLVE_NEWEST, ret);
		free(container);
	}
	return finish(ctl, word, r, ret);
}

int resolve_container(struct ctl *ctl, const char *word, char **ret)
{
	int r = check_text(word);

	*ret = NULL;
	if (r == 0)
		r = find_container(ctl, word, ret);
	return r == NONE_FOUND ? -ESRCH : finish(ctl, word, r, ret);
}

int resolve_container_option(struct ctl *ctl, char **ret)
{
	const char *word = ctl_option(ctl, OPTION_CONTAINER);
	int r;

	*ret = NULL;
	if (word == NULL)
		return 0;
	r = resolve_container(ctl, word, ret);
	if (r == -ESRCH)
		r = copy_id(word, ret);
	return r < 0 ? ctl_call_failed(ctl, r) : r;
}

int resolve_run_or_container(struct ctl *ctl, const char *word, char **ret_run,
			     char **ret_container)
{
	int r = check_text(word);

	*ret_run = *ret_container = NULL;
	if (r != 0)
		return r;
	r = find_only_run(ctl, word, ret_run);
	if (r != NONE_FOUND)
		return finish(ctl, word, r, ret_run);
	return finish(ctl, word, find_container(ctl, word, ret_container), ret_container);
}
