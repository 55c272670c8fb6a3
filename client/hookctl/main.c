/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookctl, the command line of operators. The table has a row for each verb; the rest finds the
 * verb among the words, reads the options, which stand anywhere, and prints help.
 */

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/complete.h"
#include "client/hookctl/hookctl.h"
#include "client/hookctl/terminal/nearest.h"
#include "client/hookctl/terminal/terminal.h"
#include "proto/base/standard_streams.h"

enum verb_group { RUNS, LOOK, FILES, SETTINGS, DAEMON, GROUP_COUNT };

static const char *const group_names[GROUP_COUNT] = {"Runs", "Look", "Files", "Settings", "Daemon"};

struct verb {
	enum verb_group group;
	const char *name;
	const char *operands; /* as help shows them; NULL: takes none */
	size_t operands_min, operands_max;
	const char *summary;
	uint64_t options; /* besides the global ones */
	int (*function)(struct ctl *ctl);
};

#define BIT(id) OPTION_BIT(OPTION_##id)
/* Which runs. */
#define FILTER (BIT(STAGE) | BIT(SINCE) | BIT(UNTIL))

static const struct verb verbs[] = {
    {RUNS, "run", NULL, 0, 0, "run the hooks of one stage and wait for them",
     BIT(STAGE) | BIT(STATE) | BIT(HOOKS) | BIT(SETTINGS) | BIT(DIALECT) | BIT(NAMESPACES) |
	 BIT(FOLLOW) | BIT(REQUEST_ID) | BIT(ON_DISCONNECT) | BIT(PRIVATE),
     verb_run},
    {RUNS, "wait", "RUN", 1, 1, "wait for a run; prints and exits as run does",
     BIT(STAGE) | BIT(WAIT_TIMEOUT), verb_wait},
    {RUNS, "cancel", "RUN", 1, 1, "kill what a run has started and end it", BIT(STAGE),
     verb_cancel},

    {LOOK, "ps", NULL, 0, 0, "list runs that are not done, or with -a all",
     FILTER | BIT(CONTAINER) | BIT(ALL) | BIT(RUN_STATE) | BIT(OUTCOME) | BIT(FAILED) | BIT(PATH) |
	 BIT(WATCH) | BIT(LIMIT) | BIT(NO_TRUNC) | BIT(FORMAT),
     verb_ps},
    {LOOK, "inspect", "RUN", 1, 1, "show one run in full", BIT(STAGE) | BIT(FORMAT), verb_inspect},
    {LOOK, "logs", "RUN|CONTAINER", 1, 1, "show what hooks have written",
     FILTER | BIT(FOLLOW) | BIT(TAIL) | BIT(STREAM), verb_logs},
    {LOOK, "events", NULL, 0, 0, "show what happens to runs, as it happens",
     FILTER | BIT(CONTAINER) | BIT(FAILED) | BIT(FORMAT), verb_events},
    {LOOK, "summary", NULL, 0, 0, "show how long hooks take, and how often they fail",
     FILTER | BIT(CONTAINER) | BIT(PATH) | BIT(SORT) | BIT(NO_TRUNC) | BIT(FORMAT), verb_summary},
    {LOOK, "plot", "RUN|CONTAINER", 1, 1, "draw when hooks waited and ran",
     BIT(OUTPUT) | BIT(PLOT_FORMAT), verb_plot},

    {FILES, "validate", "FILE...", 1, SIZE_MAX, "find all mistakes in files for hookd",
     BIT(TYPE) | BIT(DIALECT), verb_validate},
    {FILES, "explain", "FILE|BUNDLE", 1, 1,
     "show how the hooks of a config.json would be run, and why",
     BIT(STAGE) | BIT(STATE) | BIT(SETTINGS) | BIT(HOOKS_DIR) | BIT(DIALECT) | BIT(NAMESPACES),
     verb_explain},
    {FILES, "policy", "explain METHOD", 2, 2, "show whether a user may call a method, and why",
     BIT(UID) | BIT(GROUPS), verb_policy},
    {FILES, "seccomp", "FILE", 1, 1, "compile a seccomp profile, or that of a config.json",
     BIT(DIALECT) | BIT(OUTPUT) | BIT(CAPS), verb_seccomp},
    {FILES, "delegate", NULL, 0, 0, "have hookd run the hooks of a config.json, or of a hooks.d",
     BIT(SHIM) | BIT(IF_DOWN) | BIT(TIMEOUT) | BIT(HOOKS_DIR) | BIT(OUTPUT_DIR), verb_delegate},

    {SETTINGS, "apply", NULL, 0, 0, "put a container's process under settings",
     BIT(CONTAINER) | BIT(PID) | BIT(SETTINGS) | BIT(DIALECT) | BIT(CGROUP_MANAGER), verb_apply},
    {SETTINGS, "update", NULL, 0, 0, "change the limits that apply made",
     BIT(CONTAINER) | BIT(SETTINGS) | BIT(DIALECT), verb_update},
    {SETTINGS, "release", NULL, 0, 0, "remove the groups that apply made", BIT(CONTAINER),
     verb_release},
    {SETTINGS, "holdings", NULL, 0, 0, "show what hookd holds for containers",
     BIT(NO_TRUNC) | BIT(FORMAT), verb_holdings},

    {DAEMON, "status", NULL, 0, 0, "show what hookd is doing", BIT(FORMAT), verb_status},
    {DAEMON, "ping", NULL, 0, 0, "exit 0 when hookd answers", 0, verb_ping},
    {DAEMON, "metrics", NULL, 0, 0, "print the metrics", BIT(METRICS_FORMAT), verb_metrics},
    {DAEMON, "reload", NULL, 0, 0, "let hookd read its configuration again", 0, verb_reload},
    {DAEMON, "log-level", "[LEVEL]", 0, 1, "show the level of the log, or set it until reload", 0,
     verb_log_level},
    {DAEMON, "drain", NULL, 0, 0, "let hookd finish its runs, take no new ones, and end", 0,
     verb_drain},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

/* What people know from other programs. */
static const struct {
	const char *name, *verb;
} aliases[] = {{"ls", "ps"}, {"show", "inspect"}, {"kill", "cancel"}};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcmp(aliases[i].name, name) == 0)
			name = aliases[i].verb;
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* ---- help ---- */

static int print_help(void)
{
	char name[64];

	printf("hookctl [OPTIONS] VERB\n");
	for (int group = 0; group < GROUP_COUNT; group++) {
		printf("\n%s:\n", group_names[group]);
		for (size_t i = 0; i < VERB_COUNT; i++) {
			if ((int)verbs[i].group != group)
				continue;
			snprintf(name, sizeof(name), "%s %s", verbs[i].name,
				 verbs[i].operands != NULL ? verbs[i].operands : "");
			printf("  %-20s  %s\n", name, verbs[i].summary);
		}
	}
	printf("\nAnywhere:\n");
	ctl_options_print(stdout, OPTIONS_GLOBAL);
	printf(
	    "\nAliases: ls = ps, show = inspect, kill = cancel\n\n"
	    "RUN is an id, a unique prefix of it of 4 or more digits, or a container with one run\n"
	    "that is not done, or else with one run. `hookctl VERB --help` shows what a verb "
	    "takes.\n"
	    "\n"
	    "Exit status: 0 done; 1 a hook, a setting or a check failed; 2 the command line, a "
	    "file\n"
	    "or the request is wrong; 124 a hook or --timeout timed out; 125 hookd cannot do it "
	    "now,\n"
	    "or there is no such run or container; 126 a hook was not started.\n");
	return CTL_EXIT_OK;
}

static int print_verb_help(const struct verb *verb)
{
	printf("hookctl %s [OPTIONS]%s%s: %s\n", verb->name, verb->operands != NULL ? " " : "",
	       verb->operands != NULL ? verb->operands : "", verb->summary);
	if (verb->options != 0)
		printf("\n");
	ctl_options_print(stdout, verb->options);
	printf("\nAnywhere:\n");
	ctl_options_print(stdout, OPTIONS_GLOBAL);
	return CTL_EXIT_OK;
}

static int print_version(void)
{
	printf("hookctl %s\n", HOOKD_VERSION);
	return CTL_EXIT_OK;
}

/* ---- what is wrong ---- */

static int fail_verb(const struct ctl *ctl, const char *word)
{
	struct nearest nearest = nearest_new(word);

	for (size_t i = 0; i < VERB_COUNT; i++)
		nearest_offer(&nearest, verbs[i].name, strlen(verbs[i].name));
	if (nearest.name != NULL)
		return ctl_usage("unknown verb '%s', did you mean '%.*s'?", word,
				 (int)nearest.length, nearest.name);
	ctl_error("unknown verb '%s'", word);
	ctl_hint(ctl, "hookctl --help");
	return CTL_EXIT_USAGE;
}

static int fail_operands(const struct ctl *ctl, const struct verb *verb)
{
	const char *extra;

	if (ctl->options.operand_count < verb->operands_min) {
		ctl_error("%s: needs %s", verb->name, verb->operands);
		ctl_hint(ctl, "hookctl %s --help", verb->name);
		return CTL_EXIT_USAGE;
	}
	extra = ctl->options.operands[verb->operands_max];
	if (verb->operands_max == 0 && ctl_has(ctl, OPTION_WATCH) && *extra >= '0' && *extra <= '9')
		return ctl_usage("%s: '%s': did you mean --watch=%s?", verb->name, extra, extra);
	if (verb->operands_max == 0 && (verb->options & BIT(CONTAINER)))
		return ctl_usage("%s: '%s': did you mean --container=%s?", verb->name, extra,
				 extra);
	if (verb->operands_max == 0)
		return ctl_usage("%s: '%s': %s takes no argument", verb->name, extra, verb->name);
	return ctl_usage("%s: '%s': too many arguments", verb->name, extra);
}

/* ---- running it ---- */

static void set_output(struct ctl *ctl)
{
	const char *json = ctl_option(ctl, OPTION_JSON);
	const char *format = ctl_option(ctl, OPTION_FORMAT);
	bool is_json = ctl_has(ctl, OPTION_J) || (format != NULL && strcmp(format, "json") == 0);

	ctl->is_terminal = terminal_is(STDOUT_FILENO);
	ctl->has_colour = terminal_has_colour(STDOUT_FILENO);
	ctl->has_pager = ctl->is_terminal && !ctl_has(ctl, OPTION_NO_PAGER);
	ctl->has_legend = !ctl_has(ctl, OPTION_NO_LEGEND);
	if (ctl->is_terminal && !ctl_has(ctl, OPTION_NO_TRUNC))
		ctl->width = terminal_size(STDOUT_FILENO).columns;
	if (json != NULL)
		ctl->json = strcmp(json, "pretty") == 0	 ? CTL_JSON_PRETTY
			    : strcmp(json, "short") == 0 ? CTL_JSON_SHORT
							 : CTL_JSON_OFF;
	else if (is_json)
		ctl->json = ctl->is_terminal ? CTL_JSON_PRETTY : CTL_JSON_SHORT;
	if (is_json && format != NULL)
		ctl->options.values[OPTION_FORMAT] = NULL;
}

/* The verb is the first operand; its own follow. */
static int run_verb(struct ctl *ctl, const struct verb *verb)
{
	assert(verb->function != NULL && ctl->options.operand_count > 0);
	ctl->options.operands++;
	ctl->options.operand_count--;
	if (ctl->options.operand_count < verb->operands_min ||
	    ctl->options.operand_count > verb->operands_max)
		return fail_operands(ctl, verb);
	set_output(ctl);
	return verb->function(ctl);
}

/* `hookctl __complete WORD...`, for shells: what may stand for the last word. */
static int complete(struct ctl *ctl, int argc, char **argv)
{
	const char *name = argc > 0 ? ctl_options_find_verb(argc - 1, argv) : NULL;
	const struct verb *verb = name != NULL ? find_verb(name) : NULL;
	struct completion completion = {ctl, argc, argv,
					OPTIONS_GLOBAL | (verb != NULL ? verb->options : 0)};

	if (argc == 0 || complete_option(&completion) || (name != NULL && verb == NULL))
		return CTL_EXIT_OK;
	for (size_t i = 0; verb == NULL && i < VERB_COUNT; i++)
		complete_offer(&completion, verbs[i].name, verbs[i].summary);
	if (verb != NULL && verb->operands != NULL)
		complete_operand(&completion, verb->operands, verb->group == RUNS);
	return CTL_EXIT_OK;
}

/* Without a verb: what the global options say. */
static int run_without_verb(struct ctl *ctl)
{
	if (ctl_has(ctl, OPTION_VERSION))
		return print_version();
	if (ctl_has(ctl, OPTION_HELP))
		return print_help();
	ctl_error("no verb");
	ctl_hint(ctl, "hookctl --help");
	return CTL_EXIT_USAGE;
}

/* `hookctl help [VERB]`, as of other programs. */
static int help(int argc, char **argv)
{
	const char *word = argc == 2 && strcmp(argv[0], "help") == 0 ? argv[1] : NULL;
	const struct verb *verb = word != NULL ? find_verb(word) : NULL;

	return verb != NULL ? print_verb_help(verb) : print_help();
}

static int main_with(struct ctl *ctl, int argc, char **argv)
{
	bool completes = argc > 0 && strcmp(argv[0], "__complete") == 0;
	const char *word = ctl_options_find_verb(argc, argv);
	const struct verb *verb = word != NULL ? find_verb(word) : NULL;
	uint64_t allowed = OPTIONS_GLOBAL | (verb != NULL ? verb->options : 0);
	char error[256];

	if (completes)
		return complete(ctl, argc - 1, argv + 1);
	if (word != NULL && strcmp(word, "help") == 0)
		return help(argc, argv);
	if (word != NULL && verb == NULL)
		return fail_verb(ctl, word);
	if (ctl_options_read(&ctl->options, allowed, argc, argv, error, sizeof(error)) < 0)
		return ctl_usage("%s%s%s", verb != NULL ? verb->name : "", verb != NULL ? ": " : "",
				 error);
	ctl->is_quiet = ctl_has(ctl, OPTION_QUIET);
	if (verb == NULL)
		return run_without_verb(ctl);
	ctl->verb = verb->name;
	if (ctl_has(ctl, OPTION_HELP))
		return print_verb_help(verb);
	if (ctl_has(ctl, OPTION_VERSION))
		return print_version();
	return run_verb(ctl, verb);
}

/* A closed stdout stays one that cannot be written: what is lost there is an error. */
static int open_streams(void)
{
	bool is_closed = fcntl(STDOUT_FILENO, F_GETFD) < 0 && errno == EBADF;
	int fd, r = open_standard_streams();

	if (r < 0 || !is_closed)
		return r;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
		return -1;
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	int exit_status;

	if (open_streams() < 0)
		return CTL_EXIT_UNREACHABLE;
	setlocale(LC_CTYPE, "");
	exit_status = main_with(&ctl, argc > 0 ? argc - 1 : 0, argv + 1);
	hookd_client_free(ctl.client);
	if (fflush(stdout) != 0)
		(void)ctl_keep_stdout_error();
	if (ctl_stdout_error() != 0 && exit_status == CTL_EXIT_OK)
		exit_status = ctl_stdout_failed();
	return exit_status;
}
