/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/measure.h"

/* The command line that all benchmarks share; `run` is their only caller. */
struct options {
	const char *what; /* --what=TEXT: the row's first column; a prefix where there are more */
	const char *address;  /* --address=unix:PATH of the daemon */
	const char *hook;     /* --hook=PATH */
	const char *runhooks; /* --runhooks=PROGRAM to compare with; NULL: the bare process */
	const char *cgroup;   /* --cgroup=DIRECTORY for processes that hookd does not start */
	unsigned int daemon;  /* --daemon=PID */
	unsigned int hooks;   /* --hooks=N in a request */
	unsigned int clients; /* --clients=N at once */
	unsigned int rounds;  /* --rounds=N of each side, and one before them that does not count */
	unsigned int fds;     /* --fds=N that the spawning process has open */
	enum bound bound;     /* --at-most=X, --at-least=X: of the ratio */
	double target;
};

/* Fills *ret_options, or says on stderr what is wrong and returns -EINVAL. */
int options_parse(int argc, char *argv[], struct options *ret_options);

/* What main() returns: `r` and the sentence go to stderr where r < 0. */
int options_exit(const char *argv0, int r, const char *sentence);
