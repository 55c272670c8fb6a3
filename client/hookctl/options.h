/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The command line: all options of hookctl, and the values that were given. */

enum option_id {
	/* Of all verbs. */
	OPTION_ADDRESS,
	OPTION_JSON,
	OPTION_J,
	OPTION_QUIET,
	OPTION_NO_LEGEND,
	OPTION_NO_PAGER,
	OPTION_HELP,
	OPTION_VERSION,
	/* Of a request. */
	OPTION_STAGE,
	OPTION_STATE,
	OPTION_HOOKS,
	OPTION_SETTINGS,
	OPTION_DIALECT,
	OPTION_NAMESPACES,
	OPTION_FOLLOW,
	OPTION_REQUEST_ID,
	OPTION_ON_DISCONNECT,
	OPTION_PRIVATE,
	OPTION_PID,
	OPTION_CGROUP_MANAGER,
	/* Which runs. */
	OPTION_ALL,
	OPTION_CONTAINER,
	OPTION_RUN_STATE,
	OPTION_OUTCOME,
	OPTION_FAILED,
	OPTION_PATH,
	OPTION_SINCE,
	OPTION_UNTIL,
	/* How they are shown. */
	OPTION_LIMIT,
	OPTION_TAIL,
	OPTION_STREAM,
	OPTION_SORT,
	OPTION_WATCH,
	OPTION_NO_TRUNC,
	OPTION_FORMAT,
	OPTION_METRICS_FORMAT,
	OPTION_PLOT_FORMAT,
	OPTION_OUTPUT,
	OPTION_OUTPUT_DIR,
	OPTION_WAIT_TIMEOUT,
	/* Of files. */
	OPTION_TYPE,
	OPTION_HOOKS_DIR,
	OPTION_UID,
	OPTION_GROUPS,
	OPTION_CAPS,
	OPTION_SHIM,
	OPTION_IF_DOWN,
	OPTION_TIMEOUT,
	OPTION_COUNT,
};

struct option_row {
	const char *name;     /* NULL: a letter only */
	char letter;	      /* 0: none */
	const char *argument; /* what it takes, NULL: nothing; "[...]": only behind '=' */
	bool is_choice;	      /* `argument` lists all values, divided by '|' */
	const char *help;
};

const struct option_row *ctl_options_row(enum option_id id);

/* A set of options, to say what a verb takes. */
#define OPTION_BIT(id) (UINT64_C(1) << (id))
#define OPTIONS_GLOBAL                                                                             \
	(OPTION_BIT(OPTION_ADDRESS) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_J) |             \
	 OPTION_BIT(OPTION_QUIET) | OPTION_BIT(OPTION_NO_LEGEND) | OPTION_BIT(OPTION_NO_PAGER) |   \
	 OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

#define OPTION_HOOKS_DIRS_MAX 16

struct ctl_options {
	const char *values[OPTION_COUNT]; /* NULL: not given; a flag that was given: "" */
	/* All values of --hooks-dir, in order. */
	const char *hooks_dirs[OPTION_HOOKS_DIRS_MAX];
	size_t hooks_dir_count;
	char **operands; /* the words that are not options, in order; in argv */
	size_t operand_count;
};

/*
 * The first word of argv[0..argc) that is no option and no value of one, or NULL. Whether an option
 * takes a value does not depend on the verb.
 */
const char *ctl_options_find_verb(int argc, char **argv);

/*
 * Reads argv[0..argc). Options may stand before and behind operands, "--" ends them. The last one
 * wins, but for --hooks-dir. argv is reordered. 0, or -EINVAL with a sentence in *ret_error (`size`
 * bytes).
 */
int ctl_options_read(struct ctl_options *options, uint64_t allowed, int argc, char **argv,
		     char *ret_error, size_t size);

static inline bool ctl_options_has(const struct ctl_options *options, enum option_id id)
{
	return options->values[id] != NULL;
}

/* One line of help for each of the set. */
void ctl_options_print(FILE *file, uint64_t set);
