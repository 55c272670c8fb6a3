/* SPDX-License-Identifier: Apache-2.0 */
/* The table of options that all benchmarks share. */
#include "tests/bench/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { KIND_TEXT, KIND_COUNT, KIND_AT_MOST, KIND_AT_LEAST };

struct row_of_options {
	const char *name;
	enum kind kind;
	size_t offset;
};

#define OPTION(name, kind, member)                                                                 \
	{                                                                                          \
		name, kind, offsetof(struct options, member)                                       \
	}

static const struct row_of_options table[] = {
    OPTION("what", KIND_TEXT, what),
    OPTION("address", KIND_TEXT, address),
    OPTION("other", KIND_TEXT, other),
    OPTION("hook", KIND_TEXT, hook),
    OPTION("long-hook", KIND_TEXT, long_hook),
    OPTION("runhooks", KIND_TEXT, runhooks),
    OPTION("cgroup", KIND_TEXT, cgroup),
    OPTION("program", KIND_TEXT, program),
    OPTION("scratch", KIND_TEXT, scratch),
    OPTION("bundle", KIND_TEXT, bundle),
    OPTION("delegated", KIND_TEXT, delegated),
    OPTION("size-of", KIND_TEXT, size_of),
    OPTION("data", KIND_TEXT, data),
    /* numbers */
    OPTION("daemon", KIND_COUNT, daemon),
    OPTION("hooks", KIND_COUNT, hooks),
    OPTION("clients", KIND_COUNT, clients),
    OPTION("rounds", KIND_COUNT, rounds),
    OPTION("round-hooks", KIND_COUNT, round_hooks),
    OPTION("fds", KIND_COUNT, fds),
    OPTION("largest", KIND_COUNT, largest),
    /* bounds */
    OPTION("at-most", KIND_AT_MOST, target),
    OPTION("at-most-slow", KIND_AT_MOST, target_slow),
    OPTION("at-least", KIND_AT_LEAST, target),
};

#define TABLE_ROWS (sizeof(table) / sizeof(table[0]))

static int set_count(const char *text, unsigned int *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value > INT_MAX)
		return -EINVAL;
	*ret = (unsigned int)value;
	return 0;
}

static int set_target(const char *text, double *ret)
{
	char *end;

	*ret = strtod(text, &end);
	return *end || end == text ? -EINVAL : 0;
}

static int set_option(struct options *options, const struct row_of_options *row, const char *text)
{
	void *member = (char *)options + row->offset;

	switch (row->kind) {
	case KIND_TEXT:
		*(const char **)member = text;
		return 0;
	case KIND_COUNT:
		return set_count(text, member);
	case KIND_AT_MOST:
		options->bound = BOUND_RATIO_AT_MOST;
		return set_target(text, member);
	case KIND_AT_LEAST:
		options->bound = BOUND_RATIO_AT_LEAST;
		return set_target(text, member);
	}
	return -EINVAL;
}

int options_parse(int argc, char *argv[], struct options *ret_options)
{
	struct option longs[TABLE_ROWS + 1] = {0};
	struct options options = {
	    .what = "", .hooks = 1, .clients = 1, .rounds = 10, .round_hooks = 2000};
	int index;

	for (size_t i = 0; i < TABLE_ROWS; i++)
		longs[i] = (struct option){table[i].name, required_argument, NULL, 0};
	while ((index = -1, getopt_long(argc, argv, "", longs, &index)) == 0) {
		if (set_option(&options, &table[index], optarg) < 0) {
			fprintf(stderr, "%s: bad value for --%s: %s\n", argv[0], table[index].name,
				optarg);
			return -EINVAL;
		}
	}
	if (index >= 0 || optind != argc) {
		fprintf(stderr, "%s: see options.h for the options\n", argv[0]);
		return -EINVAL;
	}
	*ret_options = options;
	return 0;
}

int options_exit(const char *argv0, int r, const char *sentence)
{
	if (r >= 0)
		return EXIT_SUCCESS;
	fprintf(stderr, "%s: %s: %s\n", argv0, sentence, strerror(-r));
	return EXIT_FAILURE;
}
