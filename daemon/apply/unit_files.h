/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/cgroup/limit_list.h"

/*
 * Limits of a unit's cgroup for which systemd (252) has no property of scopes: memory.oom.group and
 * memory.zswap.max. systemd writes its defaults to these files whenever it writes the cgroup of the
 * unit: at daemon-reload, daemon-reexec, set-property. hookd watches them, and then writes again
 * what Apply and Update have set. It sends no signal for set-property, so the files themselves are
 * watched.
 *
 * A file is written again only when it has systemd's default. So another program may change it to
 * any other value, and hookd does not fight with it.
 */

struct applier;
struct holding;

/* The files; NULL-terminated. */
extern const char *const unit_files[];

/*
 * The values to write again, "FILE VALUE\n" for each file: those of `text` (may be NULL), and for
 * files in `limits` what the cgroup has now. Call it right after the limits were written. *ret_text
 * is the caller's; NULL: none. -ENOMEM.
 */
int unit_files_join(const char *text, const struct limit_list *limits, int cgroup_fd,
		    char **ret_text) must_check;

/*
 * The instance of inotify(7), opened by the first unit_files_watch(); owned by the applier.
 * -ENOMEM.
 */
struct unit_watcher;
int unit_watcher_new(struct applier *applier, struct unit_watcher **ret_watcher) must_check;
struct unit_watcher *unit_watcher_free(struct unit_watcher *watcher);

/*
 * Watches the files of holding::unit_files, and writes those again that systemd has reset already.
 * Call it when the holding is HELD, at start too. What fails is reported: then a reset is not seen.
 */
void unit_files_watch(struct unit_watcher *watcher, struct holding *holding);
/* Before the holding is removed. */
void unit_files_unwatch(struct holding *holding);
