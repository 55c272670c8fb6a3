/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/oci-hook: the program hookd-oci-hook, which is the hook in a container's config and lets
 * hookd run the hooks named in its arguments, or a private hookd if none is running.
 *
 * May use: client/libhookd, client/libhookd/wire, proto/base, proto/json, proto/messages,
 * proto/spool.
 */
#pragma once

/* Exit statuses of hookd-oci-hook, as those of timeout(1) and env(1). */
enum shim_status {
	SHIM_TIMED_OUT = 124,
	SHIM_NO_HOOKD = 125, /* not reached, refused, or lost */
	SHIM_NOT_SPAWNED = 126,
	SHIM_SIGNAL = 128, /* plus its number */
};

/* Prints one line on stderr, which the runtime shows. Returns -EINVAL, for the caller to return. */
int shim_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * As strerror(3), without the words that podman and docker search for in the output of a failed
 * runtime: they would report that the container's own program is missing or may not be executed.
 */
const char *shim_words(int error);
