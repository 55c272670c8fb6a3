/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"

/* Tells all calls of Watch. The happened() of struct run_context; userdata is the struct hookd. */
void watch_on_run_event(struct run *run, const struct run_event *event, void *userdata);
