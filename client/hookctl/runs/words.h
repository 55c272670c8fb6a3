/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "client/hookctl/table/table.h"
#include "client/libhookd/hookd.h"
#include "proto/base/buf.h"

/* How a run and a hook are said to be. */

/* "running #0/1 notify", "failed (3) #1/3 net-add", "timed out #0/1 umount", "succeeded, 3 hooks".
 */
void words_of_run(const struct hookd_run_info *run, struct hp_buf *buf);
/* The same without what it starts with, and a NUL at the end; for free(3). NULL: out of memory. */
char *words_of_run_text(const struct hookd_run_info *run);
enum table_colour words_colour_of_run(const struct hookd_run_info *run);

/* "exited", "failed (3)", "failed (SIGSEGV)", "failed (OOM)", "failed (ENOENT: not started)". */
void words_of_hook(const struct hookd_hook_result *hook, struct hp_buf *buf);
enum table_colour words_colour_of_hook(const struct hookd_hook_result *hook);

/* The file name of a path: "net-add" of "/bin/net-add". */
const char *words_file_name(const char *path);

/*
 * The exit status of run and wait: 0 if it succeeded; else by the first failed hook: 124 it timed
 * out, 126 it was not started, 1 anything else, also a cancelled run. 125 for a lost run.
 */
int words_exit_status(const struct hookd_run_info *run);
