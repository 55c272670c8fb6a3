/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/journal/journal.h"

/* Logs what the run's hooks have written, a line an entry, under the names of their files. */
void output_log(struct journal *journal, const struct run *run);
