/* SPDX-License-Identifier: Apache-2.0 */
/* Reads hookd's own capabilities and namespaces, at its start. */
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

/* PR_CAPBSET_READ fails for the first number beyond the kernel's last capability. */
static void read_bounding_set(uint64_t *ret_set, uint64_t *ret_all)
{
	int is_in;

	*ret_set = *ret_all = 0;
	for (int i = 0; i < 64 && (is_in = prctl(PR_CAPBSET_READ, i, 0, 0, 0)) >= 0; i++) {
		*ret_all |= 1ull << i;
		*ret_set |= (uint64_t)is_in << i;
	}
}

/* capabilities(7): without SECBIT_NOROOT a program that root executes gets the bounding set. */
static bool exec_gives_bounding_set(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	return geteuid() == 0 && (bits < 0 || !(bits & SECBIT_NOROOT));
}

int self_init(struct self *self)
{
	uint64_t effective = 0, permitted = 0, bounding, all;
	int r = read_sets(0, &effective, &permitted);
	struct namespaces init;

	if (r < 0)
		return r;
	read_bounding_set(&bounding, &all);
	*self = (struct self){
	    .uid = geteuid(),
	    .capabilities = permitted | (exec_gives_bounding_set() ? bounding : 0),
	    .all_capabilities = all,
	};
	if (namespaces_read(1, &init) == 0)
		self->mounts_of_init = init.ids[NAMESPACE_MNT];
	return namespaces_read(0, &self->namespaces);
}
