/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the command line of an OCI runtime as far as hookd-runtime has to know it: global options,
 * the command, and where its bundle is. All of it is left to the real runtime, which gets it as it
 * is. Where the meaning is in doubt, that is said, so that the config of another container is not
 * taken for that of this one. No state.
 *
 * runc reads options as Go's flag package does (-bundle DIR, -b=DIR), crun as getopt_long(3) does
 * (-bDIR, -dbDIR, --bun DIR).
 */

#include "client/runtime/command_line.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/runtime_keys.h"

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))
#define OWN_PREFIX	"--hookd-"

/* What an option does, as far as it matters here. */
enum effect {
	EFFECT_UNKNOWN, /* also if several options can be meant */
	EFFECT_SWITCH,	/* it has no value; it may have one behind "=" */
	EFFECT_VALUE,	/* it is followed by its value, or has it behind "=" */
	EFFECT_BUNDLE,	/* as that; the value is the bundle */
	EFFECT_CONFIG,	/* as that; the value is the name of the config */
	EFFECT_INFORMS, /* as a switch; the command is not executed */
};

/* An option of runc, crun, youki or runsc. */
struct known {
	const char *name;
	char letter; /* short name; NUL: none */
	enum effect effect;
};

/* Of the program. */
static const struct known global_options[] = {
    {"root", 'r', EFFECT_VALUE},
    {"log", 'l', EFFECT_VALUE},
    {"log-format", '\0', EFFECT_VALUE},
    {"log-level", '\0', EFFECT_VALUE},
    {"criu", '\0', EFFECT_VALUE},
    {"rootless", '\0', EFFECT_VALUE},
    {"cgroup-manager", '\0', EFFECT_VALUE},
    {"debug", '\0', EFFECT_SWITCH},
    {"systemd-cgroup", 's', EFFECT_SWITCH},
    {"help", 'h', EFFECT_INFORMS},
    {"help", '?', EFFECT_INFORMS},
    {"usage", '\0', EFFECT_INFORMS},
    {"version", 'v', EFFECT_INFORMS},
    {"version", 'V', EFFECT_INFORMS},
    {NULL, '\0', EFFECT_UNKNOWN},
};

/* Of create, run and restore. */
static const struct known command_options[] = {
    {"bundle", 'b', EFFECT_BUNDLE},
    {"config", 'f', EFFECT_CONFIG},
    {"console-socket", 'c', EFFECT_VALUE},
    {"pidfd-socket", '\0', EFFECT_VALUE},
    {"pid-file", 'p', EFFECT_VALUE},
    {"preserve-fds", '\0', EFFECT_VALUE},
    {"user-log", '\0', EFFECT_VALUE},
    {"detach", 'd', EFFECT_SWITCH},
    {"keep", 'k', EFFECT_SWITCH},
    {"no-pivot", '\0', EFFECT_SWITCH},
    {"no-new-keyring", '\0', EFFECT_SWITCH},
    {"no-subreaper", '\0', EFFECT_SWITCH},
    {"image-path", '\0', EFFECT_VALUE},
    {"work-path", '\0', EFFECT_VALUE},
    {"manage-cgroups-mode", '\0', EFFECT_VALUE},
    {"empty-ns", '\0', EFFECT_VALUE},
    {"lsm-profile", '\0', EFFECT_VALUE},
    {"lsm-mount-context", '\0', EFFECT_VALUE},
    {"tcp-established", '\0', EFFECT_SWITCH},
    {"ext-unix-sk", '\0', EFFECT_SWITCH},
    {"shell-job", '\0', EFFECT_SWITCH},
    {"file-locks", '\0', EFFECT_SWITCH},
    {"auto-dedup", '\0', EFFECT_SWITCH},
    {"lazy-pages", '\0', EFFECT_SWITCH},
    {"help", 'h', EFFECT_INFORMS},
    {"help", '?', EFFECT_INFORMS},
    {"usage", '\0', EFFECT_INFORMS},
    {NULL, '\0', EFFECT_UNKNOWN},
};

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

/* ---- options of the runtime ---- */

/* An option that was found, and where its value is. */
struct found {
	enum effect effect;
	const char *value; /* in the same word, else NULL */
};

static bool has_value(enum effect effect)
{
	return effect == EFFECT_VALUE || effect == EFFECT_BUNDLE || effect == EFFECT_CONFIG;
}

/* Of the option of this name. `takes_beginnings`: of that which begins so. */
static enum effect effect_of(const struct option *option, const struct known *known,
			     bool takes_beginnings)
{
	enum effect effect = EFFECT_UNKNOWN;
	bool is_first = true;

	for (; known->name != NULL; known++) {
		if (is_named(option, known->name))
			return known->effect;
		if (!takes_beginnings ||
		    strncmp(known->name, option->name, option->name_length) != 0)
			continue;
		effect = is_first || effect == known->effect ? known->effect : EFFECT_UNKNOWN;
		is_first = false;
	}
	return effect;
}

static enum effect effect_of_letter(char letter, const struct known *known)
{
	while (known->name != NULL && known->letter != letter)
		known++;
	return known->effect;
}

/* Letters behind one dash: "-d", "-bDIR", "-b=DIR", "-dbDIR". */
static struct found find_letters(const char *letters, const struct known *known)
{
	struct found found = {EFFECT_SWITCH, NULL};

	for (; *letters != '\0' && *letters != '=' && found.effect == EFFECT_SWITCH; letters++)
		found.effect = effect_of_letter(*letters, known);
	if (*letters != '\0')
		found.value = *letters == '=' ? letters + 1 : letters;
	return found;
}

static struct found find_option(const char *word, const struct known *known)
{
	struct option option = split(word);
	bool is_short = word[1] != '-';
	struct found found = {effect_of(&option, known, !is_short), option.value};

	return is_short && found.effect == EFFECT_UNKNOWN ? find_letters(word + 1, known) : found;
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
	const char *word = *reading->next;
	struct option option = split(word);
	struct found found;
	int r;

	reading->is_behind_unknown = false;
	if (strncmp(word, OWN_PREFIX, strlen(OWN_PREFIX)) == 0) {
		r = set_own(reading->line, &option);
		if (r == 0)
			reading->next++;
		return r;
	}
	found = find_option(word, global_options);
	keep(reading);
	if (found.effect == EFFECT_INFORMS)
		reading->line->informs = true;
	if (has_value(found.effect) && found.value == NULL && *reading->next != NULL)
		keep(reading);
	/* No global option says where the bundle is; only the next word is in doubt. */
	if (found.effect == EFFECT_UNKNOWN && found.value == NULL) {
		reading->is_behind_unknown = true;
		reading->line->unclear = word;
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

/* Returns the last word of the option. */
static char *const *read_command_option(struct command_line *line, char *const *words)
{
	struct found found = find_option(*words, command_options);
	const char *value = found.value;

	if (has_value(found.effect) && value == NULL)
		value = words[1];
	if (found.effect == EFFECT_UNKNOWN || (has_value(found.effect) && value == NULL))
		line->unclear = *words;
	if (found.effect == EFFECT_INFORMS)
		line->informs = true;
	if (found.effect == EFFECT_BUNDLE)
		line->bundle = value;
	if (found.effect == EFFECT_CONFIG)
		line->config = value;
	return has_value(found.effect) && found.value == NULL && value != NULL ? words + 1 : words;
}

/* Options of a command may stand before or behind the container's id. */
static void read_command_options(struct command_line *line, char *const *words)
{
	for (; *words != NULL && strcmp(*words, "--") != 0; words++) {
		if (is_option(*words))
			words = read_command_option(line, words);
	}
	/* As runc has it; crun ends with an error. */
	if (line->bundle != NULL && line->bundle[0] == '\0')
		line->bundle = NULL;
	/* runc takes it from the bundle, crun from the working directory. */
	if (line->bundle != NULL && line->config != NULL && line->config[0] != '/' &&
	    strcmp(line->config, "config.json") != 0)
		line->unclear = "--config";
}

static void read_command(struct reading *reading)
{
	struct command_line *line = reading->line;
	const char *command = *reading->next;

	if (command == NULL)
		return;
	line->starts_container = IS_ONE_OF(command, strlen(command), starting);
	if (line->starts_container)
		read_command_options(line, reading->next + 1);
	line->starts_container = line->starts_container && !line->informs;
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
