/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/delegate/delegate.h"

/* The config of a container. */
struct bundle {
	const char *folder; /* NULL: the working directory */
	const char *config; /* crun's --config; NULL: config.json in the folder */
};

/* Why a config stays as it is: a text that continues a sentence. */
#define BUNDLE_REASON_SIZE 512

/*
 * Rewrites the config as delegate_config() does, whose terms are in `delegate`; names_shim is
 * ignored. The file is replaced as a whole, and keeps its mode, owner, group and extended
 * attributes; it stays if there is nothing to change. Another hard link of it keeps the old text.
 * Blocks for the files. -errno with a reason: the file is as it was.
 */
int bundle_delegate(const struct bundle *bundle, const struct delegate *delegate,
		    char ret_reason[static BUNDLE_REASON_SIZE]);
