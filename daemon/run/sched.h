/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/base/base.h"
#include "daemon/run/run.h"

/*
 * Decides which run is started next: runs of one container one after another in the order of their
 * submission, runs of different containers at the same time, up to the configured number of hooks.
 */
struct sched;

/* Called when a run has ended and no other is queued or running. */
typedef void (*sched_idle_fn)(void *userdata);

int sched_new(size_t concurrent_hooks, struct sched **ret_sched) must_check;
struct sched *sched_free(struct sched *sched);
void sched_on_idle(struct sched *sched, sched_idle_fn on_idle, void *userdata);

/* Queues the run, and may start and end runs, this one too. -ENOMEM: the run was not queued. */
int sched_submit(struct sched *sched, struct run *run) must_check;
/* Queues a run that is running already, before others of its container and beyond the limit. */
int sched_adopt(struct sched *sched, struct run *run) must_check;
/* Removes a run that is done, also one that was cancelled while queued, and starts others. */
void sched_finished(struct sched *sched, struct run *run);

void sched_set_limit(struct sched *sched, size_t concurrent_hooks);
size_t sched_running(const struct sched *sched);
size_t sched_queued(const struct sched *sched);
/* How many of the running runs match. Takes time for each container that has any. */
size_t sched_count(const struct sched *sched, bool (*matches)(const struct run *run));
