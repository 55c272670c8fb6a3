/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/base.h"

/* What stands on hookd's command line; NULL and false where it was not given. */
struct hookd_options {
	char *socket; /* paths are absolute: hookd leaves the directory in which it was started */
	char *config;
	char *state_dir;
	char *cgroup_root;
	struct hp_uint log_target, log_level; /* as in struct config */
	bool check_config, version, help;
};

/* Negative errno: something was wrong and is said on stderr. */
int hookd_options_read(int argc, char **argv, struct hookd_options *ret_options) must_check;
void hookd_options_clear(struct hookd_options *options);
void hookd_options_print_help(void);
/* With what is on and off in this build, and the libraries, as far as they tell those that run. */
void hookd_options_print_version(void);
