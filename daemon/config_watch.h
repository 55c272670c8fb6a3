/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <event2/event.h>

#include "daemon/base/base.h"

/*
 * Watches the files of the configuration, also those that they are symbolic links to, and the
 * folders in which one could appear.
 */
struct config_watch;

/*
 * `file` alone, or the default files where it is NULL. changed() is called from the event loop,
 * when nothing has changed for a moment: a file that is being written is not read half. -errno.
 */
int config_watch_new(struct event_base *base, const char *file, void (*changed)(void *userdata),
		     void *userdata, struct config_watch **ret_watch) must_check;
struct config_watch *config_watch_free(struct config_watch *watch);
