/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/libhookd: the client library. hookd.h is its manual; with hookd_calls.h it declares all
 * that is exported.
 *
 * May use: client/libhookd/wire, proto/base, proto/json, proto/messages.
 */
#pragma once

/* hookd.h for the library's own files: these declarations, and no others, are visible outside. */
#pragma GCC visibility push(default)
#include "client/libhookd/hookd.h"
#pragma GCC visibility pop
