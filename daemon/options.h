/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/base.h"
#include "proto/base/base.h"

/* hookd's command line; NULL and false: the option was not given. */
struct hookd_options {
	char *socket; /* all paths are absolute: hookd changes its working directory to "/" */
	char *config;
	char *state_dir;
	char *cgroup_root;
	char *runner_socket;
	struct hp_uint log_target, log_level; /* as in struct config */
	bool is_private;		      /* daemon/private.h; no path but `config` is set */
	bool check_config, version, help;
};

/* -errno: a message was printed to stderr. hookd_options_clear() frees *ret_options. */
int hookd_options_read(int argc, char **argv, struct hookd_options *ret_options) must_check;
void hookd_options_clear(struct hookd_options *options);
void hookd_options_print_help(void);
/* With the features of this build and the versions of the libraries. */
void hookd_options_print_version(void);
