/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The command line: all options of hookctl, and the values that were given. */

enum option_id {
	OPTION_ADDRESS,
	OPTION_JSON,
	OPTION_J,
	OPTION_NO_LEGEND,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_STAGE,
	OPTION_STATE,
	OPTION_HOOKS,
	OPTION_SETTINGS,
	OPTION_DIALECT,
	OPTION_NAMESPACES,
	OPTION_FOLLOW,
	OPTION_REQUEST_ID,
	OPTION_ON_DISCONNECT,
	OPTION_ALL,
	OPTION_CONTAINER,
	OPTION_PID,
	OPTION_CGROUP_MANAGER,
	OPTION_OUTPUT,
	OPTION_CAPS,
	OPTION_OUTCOME,
	OPTION_SINCE,
	OPTION_SHIM,
	OPTION_IF_DOWN,
	OPTION_TIMEOUT,
	OPTION_COUNT,
};

/* A set of options, to say what a verb takes. */
#define OPTION_BIT(id) (UINT64_C(1) << (id))
#define OPTIONS_GLOBAL                                                                             \
	(OPTION_BIT(OPTION_ADDRESS) | OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_J) |             \
	 OPTION_BIT(OPTION_NO_LEGEND) | OPTION_BIT(OPTION_HELP) | OPTION_BIT(OPTION_VERSION))

struct ctl_options {
	const char *values[OPTION_COUNT]; /* NULL: not given; a flag that was given: "" */
	char **operands;		  /* the words that are not options, in order; in argv */
	size_t operand_count;
};

/*
 * Reads argv[0..argc). Options may stand before and behind operands, "--" ends them;
 * `stops_at_operand` ends at the first operand, which is where a verb's own options begin. The last
 * one wins. argv is reordered. 0, or -EINVAL with a sentence in *ret_error (`size` bytes).
 */
int ctl_options_read(struct ctl_options *options, uint64_t allowed, bool stops_at_operand, int argc,
		     char **argv, char *ret_error, size_t size);

static inline bool ctl_options_has(const struct ctl_options *options, enum option_id id)
{
	return options->values[id] != NULL;
}

/* One line of help for each of the set. */
void ctl_options_print(FILE *file, uint64_t set);
