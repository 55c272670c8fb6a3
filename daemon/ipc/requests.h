/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "daemon/metrics/histogram.h"
#include "proto/base/err.h"

/* Counts the calls of each method: how they have ended, and how long they took. */

/* The calls of one method. */
struct request_counts {
	uint64_t ended[HP_ERR_CODE_COUNT]; /* by the code of the error; HP_ERR_NONE: replied */
	uint64_t disconnected;		   /* the client had gone */
	struct histogram durations;	   /* without those */
};

/* A call in progress; a member of the connection. Zeroed: none. */
struct request {
	struct request_counts *counts; /* NULL: none */
	int64_t began_ns;	       /* CLOCK_BOOTTIME */
	enum hp_err_code error;	       /* of its reply */
};

void request_begin(struct request *request, struct request_counts *counts);
/* Both do nothing where there is none. */
void request_end(struct request *request);
void request_disconnect(struct request *request);

/* The last part of the name of the error; "ok" for HP_ERR_NONE. Several codes can have one name. */
const char *request_status_name(enum hp_err_code code);
