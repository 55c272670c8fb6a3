/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/base.h"
#include "daemon/run/run.h"

/*
 * Which run goes next: those of one container in the order in which they came, those of different
 * containers side by side, never more hooks at a time than configured.
 */
struct sched;

/* Told when the last run that was submitted has ended. */
typedef void (*sched_idle_fn)(void *userdata);

int sched_new(size_t concurrent_hooks, struct sched **ret_sched) must_check;
struct sched *sched_free(struct sched *sched);
void sched_on_idle(struct sched *sched, sched_idle_fn on_idle, void *userdata);

/* Lines the run up and starts what can be started, perhaps at once. -ENOMEM: not lined up. */
int sched_submit(struct sched *sched, struct run *run) must_check;
/* A run that goes on already takes a place, over the limit too, and the first one of its line. */
int sched_adopt(struct sched *sched, struct run *run) must_check;
/* Books a run that is done, or was cancelled in the line, and starts what comes next. */
void sched_finished(struct sched *sched, struct run *run);

void sched_set_limit(struct sched *sched, size_t concurrent_hooks);
size_t sched_running(const struct sched *sched);
size_t sched_queued(const struct sched *sched);
