/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/records/entry.h"

/* Leaves the output of hooks out of the ends among the entries. -ENOMEM: they are unchanged. */
int shorten_ends(struct hp_buf *entries, uint64_t seed) must_check;
