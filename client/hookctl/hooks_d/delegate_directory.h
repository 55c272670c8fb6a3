/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "client/delegate/delegate.h"
#include "client/hookctl/hookctl.h"

/*
 * `hookctl delegate --hooks-dir=DIR... --output=DIR`: reads all files, and if none is wrong, writes
 * what becomes of them. 0, or an exit status after messages. delegate->left is not called.
 */
int delegate_directory(struct ctl *ctl, const struct delegate *delegate);
