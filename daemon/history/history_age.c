/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When runs are too old. The wall clock decides, since the file may be of an earlier boot, and it
 * may jump: so the earlier of two looks at it counts, and each look deletes only a part of the
 * runs.
 */
#include "daemon/history/history_all.h"

#define LOOKS_APART_NS (60 * NS_PER_S)
#define PART_MIN       1000 /* runs */

void history_age_look(struct history_age *age, int64_t now_us, int64_t now_ns, int64_t runs)
{
	int64_t before_us = age->looked_us;
	bool is_first = !age->has_looked;

	if (!is_first && now_ns - age->looked_ns < LOOKS_APART_NS)
		return;
	age->has_looked = true;
	age->looked_us = now_us;
	age->looked_ns = now_ns;
	if (is_first)
		return;
	age->earliest_us = now_us < before_us ? now_us : before_us;
	age->latest_us = now_us > before_us ? now_us : before_us;
	age->runs_left = runs / 4 > PART_MIN ? runs / 4 : PART_MIN;
}
