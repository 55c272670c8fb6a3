/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Completion of the command line, for all shells. Errors are silent: then there is nothing to
 * offer. hookd gets little time, since somebody has pressed a key and waits.
 */

#include "client/hookctl/complete.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/table/escape.h"

#define TIMEOUT_MS 2000
#define RUNS_MAX   1000

static bool has_control_characters(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return true;
	return false;
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

static const char *last_word(const struct completion *completion)
{
	return completion->argv[completion->argc - 1];
}

void complete_offer(const struct completion *completion, const char *value, const char *description)
{
	const char *before = completion->before != NULL ? completion->before : "";
	struct hp_buf line = HP_BUF_INIT;

	if (!begins_with(value, last_word(completion) + strlen(before)) ||
	    has_control_characters(value))
		return;
	escape_append(&line, description, strlen(description), ESCAPE_LINE);
	printf("%s%s\t%.*s\n", before, value, (int)line.length, line.length > 0 ? line.data : "");
	hp_buf_free(&line);
}

/* ---- ids ---- */

static void offer_runs(const struct completion *completion, const struct hookd_run_list *runs,
		       bool is_unfinished)
{
	for (size_t i = 0; i < runs->count; i++) {
		const struct hookd_run_info *run = &runs->runs[i];
		char *description = NULL;

		if (is_unfinished && run->outcome != NULL)
			continue;
		if (asprintf(&description, "%s %s", run->container, run->stage) < 0)
			return;
		complete_offer(completion, run->run, description);
		free(description);
	}
}

/* Each once, with the stage of its newest run. */
static void offer_containers(const struct completion *completion, const struct hookd_run_list *runs)
{
	for (size_t i = 0; i < runs->count; i++) {
		size_t first = 0;

		while (strcmp(runs->runs[first].container, runs->runs[i].container) != 0)
			first++;
		if (first == i)
			complete_offer(completion, runs->runs[i].container, runs->runs[i].stage);
	}
}

/* Where hookd is, from the words before. Those that are wrong do not matter here. */
static int open_client(struct completion *completion)
{
	struct ctl *ctl = completion->ctl;
	char error[256];
	int r;

	(void)ctl_options_read(&ctl->options, completion->options, completion->argc - 1,
			       completion->argv, error, sizeof(error));
	r = ctl_open(ctl);
	if (r == 0)
		hookd_client_set_timeout(ctl->client, TIMEOUT_MS);
	return r;
}

static void offer_ids(struct completion *completion, bool wants_runs, bool is_unfinished)
{
	const struct hookd_run_filter filter = {.size = sizeof(filter), .limit = RUNS_MAX};
	struct hookd_reply *reply = NULL;

	if (open_client(completion) < 0 || hookd_list(completion->ctl->client, &filter, &reply) < 0)
		return;
	offer_containers(completion, hookd_reply_list(reply));
	if (wants_runs)
		offer_runs(completion, hookd_reply_list(reply), is_unfinished);
	hookd_reply_free(reply);
}

/* ---- options ---- */

/* Each word of "a|b|c". */
static void offer_choices(const struct completion *completion, const char *choices)
{
	while (*choices != '\0') {
		size_t length = strcspn(choices, "|[]");
		char value[64];

		snprintf(value, sizeof(value), "%.*s", (int)length, choices);
		if (length > 0)
			complete_offer(completion, value, "");
		choices += length + (choices[length] != '\0');
	}
}

static void offer_values(struct completion *completion, enum option_id id)
{
	const struct option_row *row = ctl_options_row(id);

	assert(row->argument != NULL);
	if (row->is_choice)
		offer_choices(completion, row->argument);
	else if (id == OPTION_CONTAINER)
		offer_ids(completion, false, false);
	else if (strcmp(row->argument, "DIR") == 0)
		puts(":directories");
	else if (strcmp(row->argument, "FILE") == 0 || strcmp(row->argument, "PATH") == 0)
		puts(":files");
}

static void offer_names(const struct completion *completion)
{
	char text[64];

	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = ctl_options_row((enum option_id)id);

		if (!(completion->options & OPTION_BIT(id)) || row->name == NULL)
			continue;
		snprintf(text, sizeof(text), "--%s%s", row->name,
			 row->argument != NULL && row->argument[0] != '[' ? "=" : "");
		complete_offer(completion, text, row->help);
	}
}

/* The option that the word gives, "--name" or "-n"; OPTION_COUNT: none. */
static int find_option(const struct completion *completion, const char *word, size_t length)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_row *row = ctl_options_row((enum option_id)id);
		bool is_name = row->name != NULL && length == strlen(row->name) + 2 &&
			       begins_with(word, "--") &&
			       memcmp(word + 2, row->name, length - 2) == 0;
		bool is_letter = length == 2 && word[0] == '-' && word[1] == row->letter;

		if ((completion->options & OPTION_BIT(id)) && (is_name || is_letter))
			return id;
	}
	return OPTION_COUNT;
}

/* "--name=VALUE" */
static void offer_value_of(struct completion *completion, size_t name_length)
{
	const char *word = last_word(completion);
	int id = find_option(completion, word, name_length);
	char before[64];

	if (id == OPTION_COUNT || ctl_options_row((enum option_id)id)->argument == NULL)
		return;
	snprintf(before, sizeof(before), "%.*s", (int)name_length + 1, word);
	completion->before = before;
	offer_values(completion, (enum option_id)id);
	completion->before = NULL;
}

/* The word before takes this one as its value. */
static int option_before(const struct completion *completion)
{
	const char *word = completion->argc > 1 ? completion->argv[completion->argc - 2] : "";
	int id = find_option(completion, word, strlen(word));
	const char *argument =
	    id < OPTION_COUNT ? ctl_options_row((enum option_id)id)->argument : NULL;

	return argument != NULL && argument[0] != '[' ? id : OPTION_COUNT;
}

bool complete_option(struct completion *completion)
{
	const char *word = last_word(completion);
	int id = option_before(completion);

	if (id < OPTION_COUNT)
		offer_values(completion, (enum option_id)id);
	else if (word[0] != '-')
		return false;
	else if (begins_with(word, "--") && strchr(word, '=') != NULL)
		offer_value_of(completion, strcspn(word, "="));
	else
		offer_names(completion);
	return true;
}

void complete_operand(struct completion *completion, const char *operands, bool is_unfinished)
{
	if (strstr(operands, "RUN") != NULL)
		offer_ids(completion, true, is_unfinished);
	else if (begins_with(operands, "explain "))
		complete_offer(completion, "explain", "");
	else if (strstr(operands, "FILE") != NULL)
		puts(":files");
	else if (strcmp(operands, "[LEVEL]") == 0)
		offer_choices(completion, "error|warning|info|debug");
}
