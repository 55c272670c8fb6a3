/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/base/base.h"

/*
 * What each uid makes hookd hold. A charge is embedded in the thing charged and released by its
 * destructor, so that nothing can be forgotten and the sums are true.
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

/* Charges one to the uid. -EBUSY when it would hold more than `limit`, -ENOMEM. */
int charge_take(struct charge *charge, struct accounts *accounts, uid_t uid, enum account_item item,
		uint64_t limit) must_check;
/* Gives it back; fine for a charge that was never taken. */
void charge_release(struct charge *charge);
/* At the end: whether all was given back, which nothing but a bug of ours prevents. */
bool accounts_are_settled(const struct accounts *accounts);
