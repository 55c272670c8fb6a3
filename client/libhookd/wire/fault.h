/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "proto/messages/messages.h"

/*
 * Why the last call failed, for hookd_client_last_error(), which describes the members. Fixed
 * arrays, so that reporting a failure cannot fail; a text too long is cut.
 */
struct fault {
	int error;
	char name[128];
	char parameter[192];
	char reason[256];
	char step[16];
	char errno_name[24];
	char sentence[512];
	char json[1024]; /* not cut: "" */
	uint64_t retry_after_us;
};

void fault_clear(struct fault *fault);

/* Fills *fault with a sentence and returns `r`. */
int fault_set(struct fault *fault, int r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a wrong field of a request, before anything was sent. Returns -EINVAL. */
int fault_set_parameter(struct fault *fault, const char *parameter, const char *reason);

/* Fills *fault from an error reply and returns its errno as listed in hookd.h. */
int fault_set_reply(struct fault *fault, const struct hp_reply *reply);
