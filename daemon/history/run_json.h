/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/run/run.h"
#include "proto/json/json_writer.h"

/* Writes a run as the type Run of io.hookd.status. */
void run_json_write(struct hp_json_writer *writer, struct run *run);
