/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tells the operator what hookd-runtime has not done, in one line: on stderr if that is a terminal,
 * else to syslog. Where there is none, warnings are told on stderr, which may be the container's
 * own. `priority` is one of syslog(3). Does not wait for a reader.
 *
 * Not to the file of --log: podman reads that as one JSON object, so a line of ours would become
 * the container's error, or hide it. Engines show stderr only when the runtime has failed.
 */
void report(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* On stderr, before hookd-runtime fails: engines show that. */
void report_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
