/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/oci-hook/run.h"
#include "proto/base/buf.h"

/*
 * Writes the hooks from `first` on, as many as fit into one request, in libcontainer's dialect.
 * Returns their number, or a negative errno that was reported. A hook that is too large by itself
 * is written too: whoever reads the request reports the error.
 */
int shim_part_write(const struct shim_run *run, size_t first, struct hp_buf *text);
