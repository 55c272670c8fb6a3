/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>

#include "daemon/runner/message.h"
#include "tests/fuzz/fuzz.h"

/*
 * Inputs of the targets for messages between hookd and its runners: steps, one after another.
 *
 *	byte 0      what it is: a type of enum message_type, or one of enum step
 *	messages    byte 1: run (2 bits), payload in a memfd (1), descriptors (3), lengths as they
 *	            are (1), success (1); byte 2: index; bytes 3 and 4: length of the payload; byte
 *	            5: number of patches, each 3 bytes: where in the body, and a value; the payload
 *	the others  byte 1: a number
 *
 * So most inputs are messages in bounds, and the patches bring them out of bounds.
 */
enum step {
	STEP_RAW = 0xff,    /* the number of bytes that follow are the packet */
	STEP_CLOSE = 0xfe,  /* the connection ends; another one is made */
	STEP_TURN = 0xfd,   /* the event loop runs */
	STEP_ACTION = 0xfc, /* what is done on the side that is tested */
};

struct steps {
	const uint8_t *data;
	size_t size;
};

/* The next byte, or 0. */
uint8_t steps_byte(struct steps *steps);
/* Sends the message or the raw packet of a step whose first byte was `type`. */
void steps_send(struct steps *steps, uint8_t type, int fd);
