/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Converts docker's own format of seccomp profiles to runtime-spec's, as docker and podman do for a
 * container: rules whose conditions do not hold are left out, conditions are removed from the
 * others.
 */

/* The path in Debian's golang-github-containers-common. */
#define DOCKER_DEFAULT_PROFILE "/usr/share/containers/seccomp.json"

/* docker's default capabilities. */
extern const char *const docker_default_capabilities[];

/*
 * linux.seccomp for a machine ("amd64", in Go's words) and a NULL-terminated list of capabilities,
 * as JSON text that the caller frees; NULL where the text is no profile.
 */
char *docker_profile_resolve(const char *text, const char *machine,
			     const char *const capabilities[]);
