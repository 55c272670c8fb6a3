/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/hookctl/hookctl.h"
#include "client/hookctl/hooks_d/delegate_file.h"

/*
 * Makes the directory have these files, and says what has changed. Files that an earlier call has
 * written and that are not among them are removed; other files are never touched: if one has the
 * name of a new one, nothing is written at all. Each file is replaced at once, so that an engine
 * reads the old or the new one, and what is right already is not written. Makes the directory, if
 * there is none. 0, or an exit status after a message.
 */
int delegated_write(struct ctl *ctl, const char *directory, const struct delegated_list *list);
