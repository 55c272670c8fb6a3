/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "daemon/base/base.h"

#define HOLDINGS_FILE "holdings.db"

/*
 * 0: there is one that SQLite may open; 1: there was none, and one was made, since SQLite's would
 * be readable to all. -EILSEQ: it is empty, or it or one of the files that SQLite opens with it is
 * no file of hookd's own. -errno.
 */
int holdings_file_look(int directory) must_check;

/*
 * Out of the way, as file_set_aside() does it; the journal too, which belongs to this file and must
 * not be played into the next one.
 */
int holdings_file_set_aside(int directory) must_check;
