/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/messages/messages.h"

/*
 * Why the last call failed, for hookd_client_error() and its siblings. Fixed arrays, so that
 * reporting a failure cannot fail.
 */
struct fault {
	char name[128];	     /* the Varlink error that hookd answered with, "" for other failures */
	char parameter[192]; /* the field of the request that is wrong, or failed */
	char sentence[512];
	uint64_t retry_after_us; /* Busy: how long hookd asks to wait; 0: it did not say */
};

void fault_clear(struct fault *fault);

/* Fills *fault with a sentence and returns `r`. */
int fault_set(struct fault *fault, int r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a wrong field of a request, before anything was sent. Returns -EINVAL. */
int fault_set_parameter(struct fault *fault, const char *parameter, const char *reason);

/* Fills *fault from an error reply and returns its errno as listed in hookd.h. */
int fault_set_reply(struct fault *fault, const struct hp_reply *reply);
