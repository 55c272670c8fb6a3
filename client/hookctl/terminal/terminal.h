/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/terminal: the terminal that stdout may be, its pager, and guesses at what somebody
 * meant to type.
 *
 * May use: nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool terminal_is(int fd);

/* A terminal on which a line can be written over. */
bool terminal_redraws(int fd);

/* no-color.org; a dumb terminal has no colours. */
bool terminal_has_colour(int fd);

struct terminal_size {
	size_t columns, rows;
};

/* As the kernel says, else $COLUMNS and $LINES, else 80 and 24. Never 0. */
struct terminal_size terminal_size(int fd);
