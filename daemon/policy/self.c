/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of hookd's own rights and namespaces, at its start. */
#include "daemon/policy/self.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static int read_sets(pid_t pid, uint64_t *ret_effective, uint64_t *ret_permitted)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3,
	    .pid = pid,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	*ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
	return 0;
}

int capabilities_read(pid_t pid, uint64_t *ret_effective)
{
	uint64_t permitted = 0;

	return read_sets(pid, ret_effective, &permitted);
}

static uint64_t bounding_set(void)
{
	uint64_t set = 0;

	for (int capability = 0; capability < 64; capability++)
		if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1)
			set |= 1ull << capability;
	return set;
}

/* capabilities(7): without SECBIT_NOROOT a program that root executes gets the bounding set. */
static bool exec_gives_bounding_set(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	return geteuid() == 0 && (bits < 0 || !(bits & SECBIT_NOROOT));
}

int self_init(struct self *self)
{
	uint64_t effective = 0, permitted = 0;
	int r = read_sets(0, &effective, &permitted);

	if (r < 0)
		return r;
	*self = (struct self){
	    .uid = geteuid(),
	    .capabilities = permitted | (exec_gives_bounding_set() ? bounding_set() : 0),
	};
	return namespaces_read(0, &self->namespaces);
}
