/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon/spool: the files of the spool (proto/spool), in which hookd-oci-hook leaves requests while
 * there is no hookd. Owns which files are requests that may be run. Runs nothing.
 *
 * May use: daemon/base, proto/base, proto/json, proto/messages, proto/spool.
 */
#pragma once

#include <sys/types.h>

#include "daemon/base/base.h"
#include "proto/messages/request.h"
#include "proto/spool/spool.h"

struct spool;

/*
 * Opens the spool in the state directory; creates it, and writes hookd's view into it. -errno with
 * a text in `reason` that continues a sentence after the path.
 */
int spool_open(const char *path, struct spool **ret_spool,
	       char reason[static HP_SPOOL_REASON_SIZE]) must_check;
struct spool *spool_free(struct spool *spool);

/* All names that are there, in the order in which the requests were left. */
struct spool_names {
	char **names;
	size_t count;
};

/* Also removes what was left half written, and writes the view if that has failed before. -errno;
 * then there are no names. */
int spool_list(struct spool *spool, struct spool_names *ret_names) must_check;
void spool_names_clear(struct spool_names *names);

/*
 * Reads a request that may be run. *ret_uid is the user that has left it. On success the caller
 * frees *ret_request with hp_request_free(). -ENOENT: it is gone. -EINVAL with *err: it must not be
 * run: damaged, too old, of somebody else. All other errors are temporary.
 */
int spool_read(struct spool *spool, const char *name, uid_t *ret_uid,
	       struct hp_request *ret_request, struct hp_err *err) must_check;

/* -errno; 0 also where it is gone. */
int spool_remove(struct spool *spool, const char *name) must_check;
/* Renames it to NAME.refused (a long NAME is cut), for the operator. Of these the last
 * SPOOL_REFUSED_MAX are kept. */
#define SPOOL_REFUSED_MAX 64
int spool_set_aside(struct spool *spool, const char *name) must_check;
