/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/resctrl/resctrl.h"
#include "tests/daemon/support/support.h"

/* A directory of plain files in place of resctrl, with one group, "gold". */
extern char rdt_root[32];
extern struct rdt *rdt;

int rdt_set_up(void **state);
int rdt_tear_down(void **state);
#define RDT_TEST(function) cmocka_unit_test_setup_teardown(function, rdt_set_up, rdt_tear_down)

/* Names are relative to the root. */
void make_file(const char *name, const char *text);
void make_directory(const char *name);
void make_group(const char *name, const char *schemata);
bool exists(const char *name);
