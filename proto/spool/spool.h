/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/spool: the spool, a directory in which hookd-oci-hook leaves requests of poststop hooks for
 * the next hookd. Owns where the directory is and who may write to it, its bounds, and the format
 * of its files.
 *
 * A request may be left only by a process that has the same view of the machine as hookd: the same
 * namespaces and the same root directory. hookd writes its own view into the spool for that.
 *
 * May use: proto/base, proto/json, proto/messages.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/buf.h"
#include "proto/base/err.h"
#include "proto/base/limits.h"
#include "proto/json/json.h"
#include "proto/messages/request.h"

/* All of the directory, whoever left it. What is beyond is run by the shim itself. */
#define HP_SPOOL_FILES_MAX 1024
#define HP_SPOOL_BYTES_MAX (64ull * 1024 * 1024)
/* A request, and the line before it. */
#define HP_SPOOL_ENTRY_BYTES_MAX (HP_MESSAGE_BYTES_MAX + 4096)
/* A request that is older is not run: its container's name may have a new owner. */
#define HP_SPOOL_AGE_MAX_S 86400

/* ---- the directory ---- */

#define HP_SPOOL_REASON_SIZE 192

/* The spool of the hookd at this socket: "state/spool" in the directory of the socket. */
int hp_spool_path(const char *socket, char *ret_path, size_t size);

/*
 * Opens the spool. Of the last `levels` components of its path the missing ones are created: the
 * last two with mode 0700, one before them with the mode of the directory of hookd's socket.
 * Returns a descriptor, or -errno with a text in `reason` that continues a sentence after the path.
 * -EPERM: it belongs to another user, or others may write to it. -ENOTDIR: it is a symbolic link or
 * not a directory, or the component before it is.
 */
int hp_spool_open(const char *path, int levels, char reason[static HP_SPOOL_REASON_SIZE]);

/*
 * Files of uid 0 have this extended attribute, with an empty value. Only a process with
 * CAP_SYS_ADMIN in the initial user namespace can set it: a uid 0 that lacks it is not root for
 * hookd, but could write to a directory of root.
 */
#define HP_SPOOL_MARK "trusted.hookd.spool"

/* ---- what a process sees ---- */

#define HP_SPOOL_VIEW_FILE "view" /* a file in the spool: the boot and the view of hookd */
#define HP_BOOT_ID_SIZE	   64

struct hp_spool_view {
	char boot_id[HP_BOOT_ID_SIZE];
	char text[512]; /* of namespaces and root directory; one line without a newline */
};

/* `process` is a name in /proc: "self", "1". -EACCES: it may not be read; or another -errno. */
int hp_spool_view_read(const char *process, struct hp_spool_view *ret);
bool hp_spool_view_is_same(const struct hp_spool_view *a, const struct hp_spool_view *b);
/* As a line of the file HP_SPOOL_VIEW_FILE, and back. -EBADMSG. */
void hp_spool_view_write(struct hp_buf *buf, const struct hp_spool_view *view);
int hp_spool_view_parse(const char *line, size_t length, struct hp_spool_view *ret);

/* ---- a request ---- */

struct hp_spool_head {
	uint64_t left_ns; /* when it was left, CLOCK_BOOTTIME */
	struct hp_spool_view view;
};

/*
 * The names of requests sort in the order in which they were left: CLOCK_BOOTTIME is never set. The
 * requests of an earlier boot are not run.
 */
#define HP_SPOOL_NAME_SIZE 96
void hp_spool_name(uint64_t boottime_ns, const char *id, char ret_name[static HP_SPOOL_NAME_SIZE]);
bool hp_spool_is_name(const char *name);
/* The name of a file while it is being written; hookd removes one that is older than this. */
#define HP_SPOOL_PART_AGE_MAX_S 60
void hp_spool_part_name(const char *name, char ret_part[static HP_SPOOL_NAME_SIZE]);
bool hp_spool_is_part(const char *name);

/* One line with a checksum and the head, then the call as it would be sent over the socket, with
 * its NUL. */
void hp_spool_write(struct hp_buf *buf, const struct hp_spool_head *head,
		    const struct hp_request_draft *draft);
/* Writes the checksum into the text of a request, over all that follows it. */
void hp_spool_seal(char *text, size_t length);
/*
 * Reads both. The tokens are in *json, which is the caller's. -EINVAL, -EMSGSIZE: damaged, of
 * another version, or not what the shim writes; -ENOMEM. On success *ret_request is freed with
 * hp_request_free().
 */
int hp_spool_read(const char *text, size_t length, struct hp_json *json,
		  struct hp_spool_head *ret_head, struct hp_request *ret_request,
		  struct hp_err *err);
