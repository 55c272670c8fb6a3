/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/oci-hook: the program hookd-oci-hook, which is the hook in a container's config and lets
 * hookd run the hooks named in its arguments, or runs them itself if hookd is not running.
 *
 * May use: client/libhookd, client/libhookd/wire, proto/base, proto/json, proto/messages,
 * proto/spool.
 */
#pragma once

/* Prints one line on stderr, which the runtime shows. Returns -EINVAL, for the caller to return. */
int shim_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * As strerror(3), without the words that podman and docker search for in the output of a failed
 * runtime: they would report that the container's own program is missing or may not be executed.
 */
const char *shim_words(int error);
