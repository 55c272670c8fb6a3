/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/util.h"

/* What stands on hookd's command line; NULL and false where it was not given. */
struct options {
	const char *socket;
	const char *config;
	const char *state_dir;
	const char *cgroup_root;
	const char *log_target, *log_level;
	bool check_config, version, help;
};

/* Reads them; the strings are argv's. -EINVAL: something was wrong and is said on stderr. */
int options_read(int argc, char **argv, struct options *ret_options) must_check;
void options_print_help(void);
