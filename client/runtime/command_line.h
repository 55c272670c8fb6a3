/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "client/runtime/runtime.h"

/* The command line of an OCI runtime, as runc, crun and others read it. */
struct command_line {
	struct runtime_settings settings; /* of the options --hookd-NAME */
	bool wants_help, wants_version;	  /* --hookd-help, --hookd-version */
	bool informs;			  /* --help, --version of the runtime */
	bool starts_container; /* the command is create, run or restore, and is executed */
	/*
	 * An option that is not known, or not in this form, so that the config may be another one;
	 * or NULL.
	 */
	const char *unclear;
	const char *bundle; /* NULL: the working directory */
	const char *config; /* of crun: another file than config.json; NULL: none */
	/*
	 * For the real runtime: all but the options --hookd-NAME, NULL-terminated. [0] is to be
	 * filled.
	 */
	char **arguments;
};

/*
 * Strings are those of argv; the caller frees only `arguments`. -EINVAL: an option --hookd-NAME is
 * wrong, and *ret_wrong is its word. All else is left to the real runtime. -ENOMEM.
 */
int command_line_read(char **argv, struct command_line *ret, const char **ret_wrong);
