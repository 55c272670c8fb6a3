/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/messages/messages.h"

/*
 * Why the last call failed: what hookd_client_error() and its two siblings show. Fixed arrays, so
 * that nothing can fail while a failure is told of.
 */
struct fault {
	char name[128];	     /* the Varlink error that hookd answered with, "" for all else */
	char parameter[192]; /* the field of the caller's that is wrong, or failed */
	char sentence[512];
	uint64_t retry_after_us; /* Busy: how long hookd asks to wait; 0: it did not say */
};

void fault_clear(struct fault *fault);

/* Fills *fault with a sentence and returns `r`. */
int fault_set(struct fault *fault, int r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a field of the caller's that is wrong: -EINVAL, before anything was sent. */
int fault_set_parameter(struct fault *fault, const char *parameter, const char *reason);

/* Fills *fault from a reply that is an error and returns the errno that hookd.h gives to it. */
int fault_set_reply(struct fault *fault, const struct hp_reply *reply);
