/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of low descriptors. Each is used for one child at a time. States of a set:
 *
 *	free --slots_take()--> shared --child has its own table--> copied --slots_take()--> shared
 *	  ^                       |                                   |
 *	   \______________________|_________ slots_release() _________/
 *
 * No event reports that a child has copied the table, so a copied set is not emptied at once: the
 * next slots_take() may take it over. Lower sets are taken first, since a child copies the table up
 * to the end of its set. With more children between clone and exec than sets, the others copy all
 * of it.
 */
#include "daemon/proc/slots.h"

#include <assert.h>
#include <fcntl.h>

/* With fewer open descriptors, copying the table is cheaper than the six system calls of a set. */
#define WORTH_FROM_FD 256
/* Higher slots would make the part that a child copies too long to be worth it. */
#define END_MAX 160

static int reserve(struct slots *slots)
{
	for (int i = 0; i < SLOT_SETS * SLOT_FDS; i++) {
		struct slot_set *set = &slots->sets[i / SLOT_FDS];
		int fd = fcntl(slots->null, F_DUPFD_CLOEXEC, SLOT_FDS);

		set->fds[i % SLOT_FDS] = fd;
		if (fd < 0 || fd >= END_MAX)
			return -EMFILE;
		if ((unsigned int)fd >= set->end)
			set->end = (unsigned int)fd + 1;
	}
	return 0;
}

void slots_init(struct slots *slots)
{
	*slots = (struct slots){.null = open("/dev/null", O_RDWR | O_CLOEXEC)};
	for (int i = 0; i < SLOT_SETS * SLOT_FDS; i++)
		slots->sets[i / SLOT_FDS].fds[i % SLOT_FDS] = -1;
	if (slots->null < 0 || reserve(slots) < 0)
		slots_clear(slots);
}

void slots_clear(struct slots *slots)
{
	for (int i = 0; i < SLOT_SETS * SLOT_FDS; i++)
		close_fd(&slots->sets[i / SLOT_FDS].fds[i % SLOT_FDS]);
	close_fd(&slots->null);
}

/* Replaces the owner's descriptors by /dev/null. dup3(2) cannot fail: the numbers are in use. */
static void empty(struct slots *slots, struct slot_set *set)
{
	for (int i = 0; i < SLOT_FDS; i++)
		(void)dup3(slots->null, set->fds[i], O_CLOEXEC);
	set->owner = NULL;
	set->is_shared = false;
}

static bool is_worth_it(const int fds[static SLOT_FDS])
{
	return fds[0] >= WORTH_FROM_FD || fds[1] >= WORTH_FROM_FD || fds[2] >= WORTH_FROM_FD;
}

struct slot_set *slots_take(struct slots *slots, const int fds[static SLOT_FDS], const void *owner)
{
	assert(owner);
	if (slots->null < 0 || !is_worth_it(fds))
		return NULL;
	for (int i = 0; i < SLOT_SETS; i++) {
		struct slot_set *set = &slots->sets[i];

		if (set->is_shared)
			continue;
		for (int j = 0; j < SLOT_FDS; j++) {
			if (dup3(fds[j], set->fds[j], O_CLOEXEC) >= 0)
				continue;
			empty(slots, set);
			return NULL;
		}
		set->owner = owner;
		set->is_shared = true;
		return set;
	}
	return NULL;
}

void slots_release(struct slots *slots, struct slot_set *set, const void *owner)
{
	if (set && set->owner == owner)
		empty(slots, set);
}
