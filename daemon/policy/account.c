/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters per uid, in a search tree. An account exists while one of its counters is not zero.
 */
#include "daemon/policy/account.h"

#include <assert.h>
#include <search.h>

struct account {
	uid_t uid;
	uint64_t held[ACCOUNT_ITEM_COUNT];
};

static int compare(const void *a, const void *b)
{
	uid_t left = ((const struct account *)a)->uid, right = ((const struct account *)b)->uid;

	return left < right ? -1 : left > right;
}

static bool is_empty(const struct account *account)
{
	for (int i = 0; i < ACCOUNT_ITEM_COUNT; i++)
		if (account->held[i])
			return false;
	return true;
}

static void drop_if_empty(struct accounts *accounts, struct account *account)
{
	if (!is_empty(account))
		return;
	tdelete(account, &accounts->by_uid, compare);
	free(account);
}

static struct account *find_or_make(struct accounts *accounts, uid_t uid)
{
	struct account key = {.uid = uid}, *account;
	struct account **node = tfind(&key, &accounts->by_uid, compare);

	if (node)
		return *node;
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	account->uid = uid;
	if (!tsearch(account, &accounts->by_uid, compare)) {
		free(account);
		return NULL;
	}
	return account;
}

int charge_take(struct charge *charge, struct accounts *accounts, uid_t uid, enum account_item item,
		uint64_t limit)
{
	struct account *account = find_or_make(accounts, uid);

	assert(item < ACCOUNT_ITEM_COUNT && !charge->account);
	if (!account)
		return -ENOMEM;
	if (account->held[item] >= limit) {
		drop_if_empty(accounts, account);
		return -EBUSY;
	}
	account->held[item]++;
	*charge = (struct charge){accounts, account, item};
	return 0;
}

void charge_release(struct charge *charge)
{
	if (!charge->account)
		return;
	assert(charge->account->held[charge->item] > 0);
	charge->account->held[charge->item]--;
	drop_if_empty(charge->accounts, charge->account);
	charge->account = NULL;
}

bool accounts_are_settled(const struct accounts *accounts)
{
	return !accounts->by_uid;
}
