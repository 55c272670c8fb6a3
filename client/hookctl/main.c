/* SPDX-License-Identifier: Apache-2.0 */

/*
 * hookctl, the command line of operators. The table has a row for each verb; the rest reads the
 * options before the verb, the verb, and the options after it.
 */

#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hookctl/hookctl.h"
#include "proto/base/standard_streams.h"

struct verb {
	const char *name;
	const char *operand; /* the one that it needs, NULL: takes none */
	const char *summary;
	uint64_t options; /* besides the global ones */
	int (*function)(struct ctl *ctl);
};

static const struct verb verbs[] = {
    {"run", NULL, "run the hooks of one stage and wait for them",
     OPTION_BIT(OPTION_STAGE) | OPTION_BIT(OPTION_STATE) | OPTION_BIT(OPTION_HOOKS) |
	 OPTION_BIT(OPTION_SETTINGS) | OPTION_BIT(OPTION_DIALECT) | OPTION_BIT(OPTION_NAMESPACES) |
	 OPTION_BIT(OPTION_FOLLOW) | OPTION_BIT(OPTION_REQUEST_ID) |
	 OPTION_BIT(OPTION_ON_DISCONNECT),
     verb_run},
    {"apply", NULL, "put a container's process under settings",
     OPTION_BIT(OPTION_CONTAINER) | OPTION_BIT(OPTION_PID) | OPTION_BIT(OPTION_SETTINGS) |
	 OPTION_BIT(OPTION_DIALECT) | OPTION_BIT(OPTION_CGROUP_MANAGER),
     verb_apply},
    {"update", NULL, "change the limits that apply made",
     OPTION_BIT(OPTION_CONTAINER) | OPTION_BIT(OPTION_SETTINGS) | OPTION_BIT(OPTION_DIALECT),
     verb_update},
    {"release", NULL, "remove the groups that apply made", OPTION_BIT(OPTION_CONTAINER),
     verb_release},
    {"holdings", NULL, "show what hookd holds for containers", 0, verb_holdings},
    {"seccomp", "FILE", "compile a seccomp profile, or that of a config.json, and list it",
     OPTION_BIT(OPTION_DIALECT) | OPTION_BIT(OPTION_OUTPUT) | OPTION_BIT(OPTION_CAPS),
     verb_seccomp},
    {"ps", NULL, "list runs",
     OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_CONTAINER) | OPTION_BIT(OPTION_STAGE) |
	 OPTION_BIT(OPTION_OUTCOME) | OPTION_BIT(OPTION_SINCE),
     verb_ps},
    {"inspect", "RUN", "show one run in full", 0, verb_inspect},
    {"wait", "RUN", "wait for a run; prints and exits as run does", 0, verb_wait},
    {"cancel", "RUN", "kill what a run has started and end it", 0, verb_cancel},
    {"status", NULL, "show what hookd is doing", 0, verb_status},
    {"ping", NULL, "exit 0 when hookd answers", 0, verb_ping},
    {"drain", NULL, "let hookd finish its runs, take no new ones, and end", 0, verb_drain},
    {"delegate", NULL, "rewrite a config.json from stdin so that hookd runs its hooks",
     OPTION_BIT(OPTION_SHIM) | OPTION_BIT(OPTION_IF_DOWN) | OPTION_BIT(OPTION_TIMEOUT),
     verb_delegate},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int print_help(void)
{
	printf("hookctl [OPTIONS] VERB\n\nVerbs:\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		printf("  %-8s %-4s  %s\n", verbs[i].name,
		       verbs[i].operand != NULL ? verbs[i].operand : "", verbs[i].summary);
	printf("\nOptions:\n");
	ctl_options_print(stdout, OPTIONS_GLOBAL);
	printf("\n`hookctl VERB --help` shows what a verb takes.\n"
	       "Exit status: 0 done, 1 a hook or a setting failed, 124 a hook timed out, 126 it "
	       "could\n"
	       "not be started, 125 hookd could not be reached or refused, 2 the command line is "
	       "wrong.\n");
	return CTL_EXIT_OK;
}

static int print_verb_help(const struct verb *verb)
{
	printf("hookctl %s [OPTIONS]%s%s: %s\n\n", verb->name, verb->operand != NULL ? " " : "",
	       verb->operand != NULL ? verb->operand : "", verb->summary);
	ctl_options_print(stdout, verb->options | OPTIONS_GLOBAL);
	return CTL_EXIT_OK;
}

static int print_version(void)
{
	printf("hookctl %s\n", HOOKD_VERSION);
	return CTL_EXIT_OK;
}

/* no-color.org; a dumb terminal has no colours. */
static bool wants_colour(bool is_terminal)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return is_terminal && (no_color == NULL || *no_color == '\0') && term != NULL &&
	       strcmp(term, "dumb") != 0;
}

static void set_output(struct ctl *ctl)
{
	const char *json = ctl_option(ctl, OPTION_JSON);

	ctl->is_terminal = isatty(STDOUT_FILENO) == 1;
	ctl->has_colour = wants_colour(ctl->is_terminal);
	ctl->has_legend = !ctl_options_has(&ctl->options, OPTION_NO_LEGEND);
	if (json != NULL)
		ctl->json = strcmp(json, "pretty") == 0	 ? CTL_JSON_PRETTY
			    : strcmp(json, "short") == 0 ? CTL_JSON_SHORT
							 : CTL_JSON_OFF;
	else if (ctl_options_has(&ctl->options, OPTION_J))
		ctl->json = ctl->is_terminal ? CTL_JSON_PRETTY : CTL_JSON_SHORT;
}

static int run_verb(struct ctl *ctl, const struct verb *verb)
{
	size_t operands = verb->operand != NULL ? 1 : 0;

	assert(verb->function != NULL);
	if (ctl->options.operand_count < operands)
		return ctl_usage("%s needs a %s", verb->name, verb->operand);
	if (ctl->options.operand_count > operands)
		return ctl_usage("%s: unexpected argument '%s'", verb->name,
				 ctl->options.operands[operands]);
	set_output(ctl);
	return verb->function(ctl);
}

/* Reads the words before the verb, the verb, and the words behind it. */
static int main_with(struct ctl *ctl, int argc, char **argv)
{
	const struct verb *verb;
	char error[256];

	if (ctl_options_read(&ctl->options, OPTIONS_GLOBAL, true, argc, argv, error,
			     sizeof(error)) < 0)
		return ctl_usage("%s", error);
	if (ctl_options_has(&ctl->options, OPTION_VERSION))
		return print_version();
	if (ctl_options_has(&ctl->options, OPTION_HELP))
		return print_help();
	if (ctl->options.operand_count == 0)
		return ctl_usage("no verb was given; hookctl --help lists them");
	verb = find_verb(ctl->options.operands[0]);
	if (verb == NULL)
		return ctl_usage("unknown verb '%s'; hookctl --help lists them",
				 ctl->options.operands[0]);
	if (ctl_options_read(&ctl->options, verb->options | OPTIONS_GLOBAL, false,
			     (int)ctl->options.operand_count - 1, ctl->options.operands + 1, error,
			     sizeof(error)) < 0)
		return ctl_usage("%s: %s", verb->name, error);
	if (ctl_options_has(&ctl->options, OPTION_HELP))
		return print_verb_help(verb);
	if (ctl_options_has(&ctl->options, OPTION_VERSION))
		return print_version();
	return run_verb(ctl, verb);
}

int main(int argc, char **argv)
{
	struct ctl ctl = {0};
	int exit_status;

	if (open_standard_streams() < 0)
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
