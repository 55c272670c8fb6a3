/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bounds of messages, for both sides. They are checked before anything is built from a message, so
 * that no client can make the daemon spend more memory or time.
 */

/* One message. A container's state and six hook lists are a few KB; a seccomp profile 20 KB. */
#define HP_MESSAGE_BYTES_MAX (4u * 1024 * 1024)
/* One reply, which can hold a whole request and much output; the bound of sd-varlink. */
#define HP_REPLY_BYTES_MAX (16u * 1024 * 1024)

#define HP_JSON_DEPTH_MAX   64
#define HP_JSON_TOKENS_MAX  65536
#define HP_JSON_MEMBERS_MAX 4096 /* of one object: annotations can be many */

#define HP_HOOKS_MAX	  256 /* of one stage */
#define HP_ARGS_MAX	  4096
#define HP_ID_BYTES_MAX	  255 /* container id, request id: they become names */
#define HP_PATH_BYTES_MAX 4095

/*
 * A seccomp profile, system call names and argument tests counted one by one: docker's has about
 * 450 names, and a test of 64 bits takes four or five of the kernel's 4096 instructions.
 */
#define HP_SECCOMP_NAMES_MAX 4096
#define HP_SECCOMP_TESTS_MAX 1024

/* Text that is passed to a seccomp agent with a listener. */
#define HP_METADATA_BYTES_MAX 65536

/* Each list of a cgroup's limits: a rule is one write, or a few instructions of BPF. */
#define HP_RESOURCES_MAX 1024

/* Lines for resctrl's schemata; one machine has a handful of resources. */
#define HP_SCHEMATA_MAX 64

/* The longest timeout, which some write for "never". In nanoseconds it fits into an int64_t. */
#define HP_TIMEOUT_SECONDS_MAX 2147483647ull

/* How long a client is asked to wait after Busy: about as long as a hook takes. */
#define HP_RETRY_AFTER_US 100000

/* Kept of each output stream of a hook: the first and the last part, the middle is counted. */
#define HP_CAPTURE_HEAD_BYTES (32u * 1024)
#define HP_CAPTURE_TAIL_BYTES (32u * 1024)
