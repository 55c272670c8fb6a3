/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/bench/measure.h"

/* The command line that all benchmarks share; the script `run` starts them. */
struct options {
	const char
	    *what; /* --what=TEXT: first column of the row; its prefix if there are several rows */
	const char *address;   /* --address=unix:PATH of the daemon */
	const char *other;     /* --other=unix:PATH of another daemon to compare with */
	const char *hook;      /* --hook=PATH */
	const char *long_hook; /* --long-hook=PATH of hooks that run meanwhile */
	const char *runhooks;  /* --runhooks=PROGRAM to compare with; NULL: the bare process */
	const char *cgroup;    /* --cgroup=DIRECTORY for processes that hookd does not start */
	const char *program;   /* --program=PATH that is measured: a runtime, hookd-oci-hook */
	const char *scratch;   /* --scratch=DIRECTORY, empty */
	const char *bundle;    /* --bundle=DIRECTORY of a container */
	const char *delegated; /* --delegated=DIRECTORY of one whose hooks are delegated to hookd */
	const char *size_of;   /* --size-of=NAME of what grows, see size.c */
	const char *data;      /* --data=FILE to write the points of a plot to */
	unsigned int daemon;   /* --daemon=PID */
	unsigned int hooks;    /* --hooks=N in a request */
	unsigned int clients;  /* --clients=N at the same time */
	unsigned int rounds;   /* --rounds=N of each side, after one that is not counted */
	unsigned int round_hooks; /* --round-hooks=N in each round, where that is not fixed */
	unsigned int fds;	  /* --fds=N that the spawning process has open */
	unsigned int largest;	  /* --largest=N, the last size */
	enum bound bound;	  /* --at-most=X, --at-least=X: of the ratio */
	double target;
	double target_slow; /* --at-most-slow=X: where waking a process is slow; 0: no other */
};

/* Fills *ret_options, or prints the error to stderr and returns -EINVAL. */
int options_parse(int argc, char *argv[], struct options *ret_options);

/* Returns the exit status for `r`; if r < 0 prints it and the reason to stderr. */
int options_exit(const char *argv0, int r, const char *sentence);
