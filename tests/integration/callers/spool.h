/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tests/integration/harness/check.h"

/* The spool of the hookd under test, and hookd-oci-hook, which leaves poststop hooks there. */

/* Starts hookd with a state directory. */
void spool_start(struct harness *harness, const char *config);
/* Starts and stops it: so there is a spool with its namespaces. */
void spool_prepare(struct harness *harness);

/* ---- the shim ---- */

/* malloc'ed */
char *option_of(const char *format, const char *value);
#define VERBS(...) ((char *const[]){__VA_ARGS__, NULL})
/*
 * Runs the shim without hookd, in new namespaces where `unshared` is not 0 (unshare(2)); the hook
 * has these verbs. Returns its exit status; what it said is in the file "said".
 */
int run_shim_in(const struct harness *harness, int unshared, const char *container,
		char *const verbs[]);
void expect_said(const struct harness *harness, const char *text);
/* Leaves a hook that adds the line `mark` to the file "log". */
void mark_later(const struct harness *harness, const char *container, const char *mark);
/* The same where the hook is run by the shim, for that reason. */
void mark_here(const struct harness *harness, int unshared, const char *why);
void expect_log(const struct harness *harness, const char *text);

/* ---- files ---- */

/* As harness_path(). */
const char *spool_path(const struct harness *harness, const char *name);
/* How many files have that ending; NULL: how many requests there are. */
size_t spool_count(const struct harness *harness, const char *ending, char ret_name[256]);
/* The name of a request; it sorts before all that the shim has left. In a static buffer. */
const char *spool_name(int number);
/* Makes a file; with the attribute that a shim with root's capabilities sets, or without. */
void spool_put(const struct harness *harness, const char *name, const char *bytes, size_t length);
void spool_put_unmarked(const struct harness *harness, const char *name, const char *bytes,
			size_t length);
/* The bytes of the only request; malloc'ed. */
char *spool_read_request(const struct harness *harness, size_t *ret_length);
/* The bytes of a request that would add the line "left" to the file "log"; malloc'ed. */
char *spool_make_request(struct harness *harness, size_t *ret_length);
