/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the command line of an OCI runtime as far as hookd-runtime has to know it: global options,
 * the command, and where its bundle is. What is wrong or unknown is left to the real runtime, which
 * gets it as it is. No state.
 *
 * runc reads options as Go's flag package does (-bundle DIR, -b=DIR), crun as getopt_long(3) does
 * (-bDIR).
 */

#include "client/runtime/command_line.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/runtime_keys.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define OWN_PREFIX	"--hookd-"

/* Of runc, crun and youki. Each of the second list is followed by its value, or has it behind "=".
 */
static const char *const switches[] = {"debug", "systemd-cgroup", "help", "h", "version", "v", "V",
				       "s"};
static const char *const valued[] = {
    "root", "log", "log-format", "log-level", "criu", "rootless", "cgroup-manager", "r", "l"};

static const char *const commands[] = {
    "create",	"run",	"restore", "checkpoint", "delete", "events", "exec",
    "features", "help", "info",	   "init",	 "kill",   "list",   "mounts",
    "pause",	"ps",	"resume",  "spec",	 "start",  "state",  "update"};
static const char *const starting[] = {"create", "run", "restore"};

/* An option, without its dashes. */
struct option {
	const char *name;
	size_t name_length;
	const char *value; /* behind "=", else NULL */
};

static bool is_one_of(const char *word, size_t length, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
			return true;
	return false;
}

#define IS_ONE_OF(word, length, words) is_one_of(word, length, words, ELEMENTS(words))

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static struct option split(const char *word)
{
	struct option option = {.name = word + (word[1] == '-' ? 2 : 1)};

	option.name_length = strcspn(option.name, "=");
	if (option.name[option.name_length] == '=')
		option.value = option.name + option.name_length + 1;
	return option;
}

static bool is_named(const struct option *option, const char *name)
{
	return strlen(name) == option->name_length &&
	       memcmp(option->name, name, option->name_length) == 0;
}

/* ---- own options ---- */

static bool is_program(const char *text)
{
	return hp_runtime_is_path(text) || (text[0] != '\0' && strchr(text, '/') == NULL);
}

static int set(bool is_right, const char *value, const char **member)
{
	*member = value;
	return is_right ? 0 : -EINVAL;
}

static int set_own(struct command_line *line, const struct option *option)
{
	struct runtime_settings *settings = &line->settings;
	const char *value = option->value;

	if (is_named(option, "hookd-help"))
		line->wants_help = true;
	else if (is_named(option, "hookd-version"))
		line->wants_version = true;
	else if (value == NULL)
		return -EINVAL;
	else if (is_named(option, "hookd-runtime"))
		return set(is_program(value), value, &settings->program);
	else if (is_named(option, "hookd-address"))
		return set(hp_runtime_is_address(value), value, &settings->address);
	else if (is_named(option, "hookd-if-down"))
		return set(hp_runtime_is_if_down(value), value, &settings->if_down);
	else if (is_named(option, "hookd-shim"))
		return set(hp_runtime_is_path(value), value, &settings->shim);
	else
		return -EINVAL;
	return 0;
}

/* ---- global options and the command ---- */

/*
 * Goes through the words before the command. Behind an option that is not known, a word that is no
 * command is taken for its value.
 */
struct reading {
	struct command_line *line;
	char **next;  /* of argv */
	size_t count; /* of line->arguments */
	bool is_behind_unknown;
};

static void keep(struct reading *reading)
{
	reading->line->arguments[reading->count++] = *reading->next++;
}

static int read_global_option(struct reading *reading)
{
	struct option option = split(*reading->next);
	int r;

	reading->is_behind_unknown = false;
	if (strncmp(*reading->next, OWN_PREFIX, strlen(OWN_PREFIX)) == 0) {
		r = set_own(reading->line, &option);
		if (r == 0)
			reading->next++;
		return r;
	}
	keep(reading);
	if (option.value != NULL)
		return 0;
	if (IS_ONE_OF(option.name, option.name_length, valued)) {
		if (*reading->next != NULL)
			keep(reading);
	} else if (!IS_ONE_OF(option.name, option.name_length, switches)) {
		reading->is_behind_unknown = true;
	}
	return 0;
}

/* Ends at the command, or at the end. */
static int read_global_options(struct reading *reading)
{
	int r = 0;

	while (r == 0 && *reading->next != NULL) {
		const char *word = *reading->next;

		if (strcmp(word, "--") == 0) {
			keep(reading);
			break;
		}
		if (is_option(word)) {
			r = read_global_option(reading);
		} else if (reading->is_behind_unknown && !IS_ONE_OF(word, strlen(word), commands)) {
			reading->is_behind_unknown = false;
			keep(reading);
		} else {
			break;
		}
	}
	return r;
}

/* ---- options of the command ---- */

/* The value of a short option within its word: -bDIR, or -b=DIR; NULL: none. */
static const char *attached(const char *word, char letter)
{
	if (word[0] != '-' || word[1] != letter || word[2] == '\0')
		return NULL;
	return word[2] == '=' ? word + 3 : word + 2;
}

/* True if the word is the option; its value may be in the next word, which may be NULL. */
static bool takes(const char *word, const char *next, const char *name, char letter,
		  const char **ret_value)
{
	struct option option = split(word);
	const char short_name[] = {letter, '\0'};
	bool is_it = is_named(&option, name) || is_named(&option, short_name);

	if (!is_it && (word[1] == '-' || attached(word, letter) == NULL))
		return false;
	if (!is_it)
		*ret_value = attached(word, letter);
	else
		*ret_value = option.value != NULL ? option.value : next;
	return true;
}

/* Options of a command may stand before or behind the container's id. */
static void read_command_options(struct command_line *line, char *const *words)
{
	for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
		if (!is_option(*words))
			continue;
		if (!takes(*words, words[1], "bundle", 'b', &line->bundle))
			(void)takes(*words, words[1], "config", 'f', &line->config);
	}
}

static void read_command(struct reading *reading)
{
	const char *command = *reading->next;

	if (command == NULL)
		return;
	reading->line->starts_container = IS_ONE_OF(command, strlen(command), starting);
	if (reading->line->starts_container)
		read_command_options(reading->line, reading->next + 1);
	while (*reading->next != NULL)
		keep(reading);
}

int command_line_read(char **argv, struct command_line *ret, const char **ret_wrong)
{
	struct reading reading = {.line = ret, .next = argv};
	size_t count = 0;
	int r;

	while (argv[count] != NULL)
		count++;
	*ret = (struct command_line){.arguments = calloc(count + 2, sizeof(char *))};
	if (ret->arguments == NULL)
		return -ENOMEM;
	if (count > 0)
		keep(&reading);
	else
		reading.count = 1;
	r = read_global_options(&reading);
	if (r < 0)
		*ret_wrong = *reading.next;
	else
		read_command(&reading);
	return r;
}
