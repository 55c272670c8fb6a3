/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number in a memfd. Its size is sealed, so that hookd's access cannot fail after the runner has
 * shortened it. The state is in struct counter.
 */
#include "daemon/runner/counter.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static int map(int fd, int protection, struct counter *counter)
{
	void *memory = mmap(NULL, sizeof(*counter->read), protection, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	counter->read = memory;
	return 0;
}

int counter_make(struct counter *ret_counter)
{
	cleanup_close int fd = memfd_create("hookd-counter", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	*ret_counter = COUNTER_NONE;
	if (fd < 0 || ftruncate(fd, sizeof(*ret_counter->read)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	r = map(fd, PROT_READ | PROT_WRITE, ret_counter);
	if (r == 0)
		ret_counter->fd = take_fd(&fd);
	return r;
}

int counter_map(int fd, struct counter *ret_counter)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	*ret_counter = COUNTER_NONE;
	if (seals < 0 || (seals & F_SEAL_SHRINK) == 0 || fstat(fd, &st) < 0 ||
	    st.st_size < (off_t)sizeof(*ret_counter->read))
		return -EBADMSG;
	return map(fd, PROT_READ, ret_counter);
}

void counter_clear(struct counter *counter)
{
	if (counter->read)
		(void)munmap(counter->read, sizeof(*counter->read));
	close_fd(&counter->fd);
	*counter = COUNTER_NONE;
}
