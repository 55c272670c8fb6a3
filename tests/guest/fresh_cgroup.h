/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A new cgroup with all controllers for one test, in the guest: enables them in the root cgroup. */

#include "tests/daemon/support/support.h"

#include "daemon/cgroup/limits.h"

#define INT(number)  ((struct hp_int){true, (number)})
#define UINT(number) ((struct hp_uint){true, (number)})
#define MIB	     (1024 * 1024)

/* The test's cgroup, and an empty cgroup in it. */
extern char fresh_root[256];
extern int fresh_fd;

int fresh_set_up(void **state);
int fresh_tear_down(void **state);

int fresh_apply(const struct hp_resources *resources, struct limits_journal *journal,
		struct hp_err *err);
void fresh_expect_applied(const struct hp_resources *resources, struct limits_journal *journal);
void fresh_expect_file(const char *file, const char *expected);
