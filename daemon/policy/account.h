/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * Counts the objects that hookd holds for each uid. A charge is embedded in the object and released
 * by the function that frees it, so that the counts cannot drift.
 */
struct accounts {
	void *by_uid; /* tsearch(3) tree of struct account */
};

enum account_item { ACCOUNT_CONNECTIONS, ACCOUNT_RUNS, ACCOUNT_ITEM_COUNT };

struct charge {
	struct accounts *accounts;
	struct account *account; /* NULL: nothing is charged */
	enum account_item item;
};

/*
 * Charges one object to the uid; `charge` must be zeroed or released. -EBUSY: the uid holds `limit`
 * of them already; -ENOMEM.
 */
int charge_take(struct charge *charge, struct accounts *accounts, uid_t uid, enum account_item item,
		uint64_t limit) must_check;
/* Does nothing for a charge that was not taken, or is released already. */
void charge_release(struct charge *charge);
/* True where no charge is held; false at the end of hookd is a bug. */
bool accounts_are_settled(const struct accounts *accounts);
