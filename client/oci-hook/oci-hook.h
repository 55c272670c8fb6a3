/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/oci-hook: the program hookd-oci-hook, which stands in a container's config as its hook and
 * hands the hooks named in its arguments to hookd, or runs them itself where there is none.
 *
 * May use: client/libhookd, proto/base, proto/json, proto/messages.
 */
#pragma once

/* Prints one line on stderr, which the runtime shows. Returns -EINVAL, for the caller to return. */
int shim_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
