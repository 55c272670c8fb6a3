/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/journal/journal.h"

/*
 * Logs what the run's hooks write, a line an entry, under the names of their files. Call it before
 * the first hook is started. If there is no memory for it, output_log() is to be called.
 */
void output_follow(struct journal *journal, struct run *run);
/* Logs all that they have written, when the run is done. */
void output_log(struct journal *journal, const struct run *run);
/* Ends output_follow() of all runs. */
void output_clear(struct journal *journal);
