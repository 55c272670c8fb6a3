/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/runtime: the program hookd-runtime, which an engine starts as its OCI runtime. It has the
 * hooks of a bundle delegated to hookd, and then is the real runtime.
 *
 * May use: client/delegate, proto/base, proto/messages.
 */
#pragma once

/* The exit status of hookd-runtime itself, when the real runtime was not executed. */
enum runtime_exit {
	RUNTIME_EXIT_USAGE = 125,	 /* its options or its keys are wrong */
	RUNTIME_EXIT_NOT_EXECUTED = 126, /* the real runtime cannot be executed */
	RUNTIME_EXIT_NOT_FOUND = 127,
};

/* What options and keys say, those of the command line first. NULL: nothing. */
struct runtime_settings {
	const char *program; /* a name for PATH, or an absolute path */
	const char *address; /* of hookd */
	const char *if_down; /* of the shim */
	const char *shim;    /* its path */
};
