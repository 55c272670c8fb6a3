/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "client/runtime/runtime.h"

/* A mistake in [Runtime], as "FILE:LINE: KEY: REASON"; "" for none. */
#define SETTINGS_ERROR_SIZE 4352

/*
 * Reads the keys of [Runtime] in the files of hookd.conf. Their strings stay until the end of the
 * process. `path_only`: nothing but Path=, whatever the other keys are. -EINVAL: a value is wrong;
 * -ENOMEM; or a file cannot be read: -errno; with a text in `ret_error`. What this user may not
 * read is ignored. Mistakes elsewhere in the files are hookd's to report.
 */
int settings_read(bool path_only, struct runtime_settings *ret,
		  char ret_error[static SETTINGS_ERROR_SIZE]);
