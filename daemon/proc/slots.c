/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of low descriptors, each lent to one child at a time.
 *
 *	free --slots_take()--> shared --the child--> apart --slots_take() for another--> shared
 *	  \_____________________ slots_release() ____________/
 *
 * A set that its child has copied is not given back at once, since nothing tells of that, but
 * taken over by the next.
 */
#include "daemon/proc/slots.h"

#include <fcntl.h>

/* With fewer descriptors open, copying them costs less than the six calls of a set. */
#define WORTH_FROM_FD 256
/* Slots above this would make the low end as long as what it spares. */
#define END_MAX 128

static int reserve(struct slots *slots)
{
	for (int i = 0; i < SLOT_SETS * SLOT_FDS; i++) {
		int fd = fcntl(slots->null, F_DUPFD_CLOEXEC, SLOT_FDS);

		slots->sets[i / SLOT_FDS].fds[i % SLOT_FDS] = fd;
		if (fd < 0 || fd >= END_MAX)
			return -EMFILE;
		if ((unsigned int)fd >= slots->end)
			slots->end = (unsigned int)fd + 1;
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
	slots->end = 0;
}

/* /dev/null in the place of what the owner had there; cannot fail, the numbers are open. */
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
	if (slots->end == 0 || !is_worth_it(fds))
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
