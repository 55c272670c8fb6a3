/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/runs: the verbs about runs: which there are, what they have written, how they end.
 *
 * May use: client/hookctl, client/hookctl/table, client/hookctl/terminal, client/libhookd,
 * proto/base, proto/json, proto/messages.
 */
#pragma once
