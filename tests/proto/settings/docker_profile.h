/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * docker's own format of seccomp profiles turned into runtime-spec's, as docker and podman do it
 * for one container: rules whose conditions do not hold are left out, the others lose them.
 */

/* Where Debian's golang-github-containers-common has it. */
#define DOCKER_DEFAULT_PROFILE "/usr/share/containers/seccomp.json"

/* What docker gives a container that was not asked for more or less. */
extern const char *const docker_default_capabilities[];

/*
 * linux.seccomp for a machine ("amd64", in Go's words) and a NULL-terminated list of capabilities,
 * as JSON text that the caller frees; NULL where the text is no profile.
 */
char *docker_profile_resolve(const char *text, const char *machine,
			     const char *const capabilities[]);
