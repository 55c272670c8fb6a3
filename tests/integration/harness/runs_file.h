/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/integration/harness/harness.h"

/* Reads and changes the file of runs of a hookd that is not running: "state/runs". */

/* Number of entries of the type (enum entry_type). */
size_t runs_file_count(const struct harness *harness, int type);
/* Whether the file knows that a run with the request id has begun. */
bool runs_file_has(const struct harness *harness, const char *request_id);
/* Removes all entries of the type, as if they had never been written. */
void runs_file_remove(const struct harness *harness, int type);
/* Writes all entries as those of another boot. */
void runs_file_of_another_boot(const struct harness *harness);
size_t runs_file_size(const struct harness *harness);
void runs_file_flip(const struct harness *harness, size_t offset, unsigned char bits);
