/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/ipc/ipc.h"

/*
 * Makes hookd->bus, scopes and applier, with the holdings of an earlier hookd. `directory`: of the
 * state; NULL: none is kept. Blocks while it reads. -errno, logged for the holdings.
 */
int container_settings_begin(struct hookd *hookd, const char *directory) must_check;
