/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/*
 * Sets hookd->config's limits and attributes for hooks that start from now on, in hookd and in its
 * runners.
 */
void hook_defaults_set(struct hookd *hookd);
