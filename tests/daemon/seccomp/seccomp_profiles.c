/* SPDX-License-Identifier: Apache-2.0 */
/* Generates profiles at random. */
#include "tests/daemon/seccomp/seccomp_profiles.h"

#include <stdlib.h>
#include <string.h>

#include "tests/daemon/seccomp/seccomp_reader.h"

uint64_t random_next(struct random *random)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return random->state;
}

size_t random_below(struct random *random, size_t count)
{
	return (size_t)(random_next(random) >> 11) % count;
}

uint32_t arch_index(const char *oci)
{
	for (uint32_t i = 0; i < hp_seccomp_arch_count; i++)
		if (strcmp(hp_seccomp_archs[i].oci, oci) == 0)
			return i;
	abort();
}

static const char *random_name(struct random *random)
{
	static const char *const names[] = {
	    "read",	   "write",
	    "clone",	   "clone3",
	    "personality", "socket",
	    "socketpair",  "send",
	    "recvmmsg",	   "socketcall",
	    "ipc",	   "semop",
	    "shmctl",	   "msgget",
	    "ioctl",	   "keyctl",
	    "prctl",	   "mmap",
	    "mmap2",	   "openat2",
	    "futex",	   "futex_time64",
	    "ptrace",	   "umount",
	    "umount2",	   "fcntl",
	    "fcntl64",	   "nosuchcall",
	    "epoll_wait",  "setns",
	    "arch_prctl",  "open",
	    "close_range", "landlock_restrict_self",
	    "vfork",	   "bpf",
	};

	return names[random_below(random, sizeof(names) / sizeof(names[0]))];
}

static uint64_t random_value(struct random *random)
{
	static const uint64_t edges[] = {
	    0,
	    1,
	    2,
	    5,
	    16,
	    40,
	    0x7fffffff,
	    0x80000000,
	    0xffffffff,
	    0x100000000,
	    0x100000001,
	    0x1ffffffff,
	    1ull << 63,
	    UINT64_MAX,
	    UINT64_MAX - 1,
	    0xffffffff00000000,
	    0x7e020000,
	    0x7fffffffffffffff,
	};

	if (random_below(random, 8) == 0)
		return random_next(random) >> random_below(random, 64);
	return edges[random_below(random, sizeof(edges) / sizeof(edges[0]))];
}

static void random_action(struct random *random, enum hp_seccomp_action *ret_action,
			  struct hp_uint *ret_errno)
{
	static const enum hp_seccomp_action actions[] = {
	    HP_SECCOMP_ALLOW, HP_SECCOMP_ALLOW, HP_SECCOMP_ALLOW, HP_SECCOMP_ERRNO,
	    HP_SECCOMP_ERRNO, HP_SECCOMP_TRACE, HP_SECCOMP_KILL,  HP_SECCOMP_KILL_PROCESS,
	    HP_SECCOMP_TRAP,  HP_SECCOMP_LOG,
	};

	*ret_action = actions[random_below(random, sizeof(actions) / sizeof(actions[0]))];
	*ret_errno = (struct hp_uint){0};
	if ((*ret_action == HP_SECCOMP_ERRNO || *ret_action == HP_SECCOMP_TRACE) &&
	    random_below(random, 2))
		*ret_errno = (struct hp_uint){true, random_below(random, 5)};
}

static void random_rule(struct random *random, struct hp_arena *arena, struct hp_seccomp_rule *rule)
{
	size_t names = 1 + random_below(random, 3);

	random_action(random, &rule->action, &rule->errno_ret);
	rule->names = hp_arena_calloc(arena, names + 1, sizeof(*rule->names));
	for (size_t i = 0; i < names; i++)
		rule->names[i] = (char *)random_name(random);
	rule->arg_count = random_below(random, 3) ? random_below(random, 5) : 0;
	rule->args = hp_arena_calloc(arena, rule->arg_count + 1, sizeof(*rule->args));
	for (size_t i = 0; i < rule->arg_count; i++)
		rule->args[i] = (struct hp_seccomp_arg){
		    .index = (uint32_t)random_below(random, random_below(random, 2) ? 2 : 6),
		    .op = (enum hp_seccomp_operator)(
			1 + random_below(random, HP_SECCOMP_OPERATOR_END - 1)),
		    .value = random_value(random),
		    .value_two = random_value(random),
		};
}

struct hp_seccomp *random_profile(struct random *random, struct hp_arena *arena)
{
	struct hp_seccomp *profile = hp_arena_calloc(arena, 1, sizeof(*profile));

	random_action(random, &profile->default_action, &profile->default_errno_ret);
	profile->archs = hp_arena_calloc(arena, seccomp_machine_count, sizeof(*profile->archs));
	for (size_t i = 0; i < seccomp_machine_count; i++)
		if (random_below(random, i < 3 ? 2 : 8) == 0)
			profile->archs[profile->arch_count++] = arch_index(seccomp_machines[i].oci);
	profile->rule_count = random_below(random, random_below(random, 2) ? 40 : 6);
	profile->rules = hp_arena_calloc(arena, profile->rule_count + 1, sizeof(*profile->rules));
	for (size_t i = 0; i < profile->rule_count; i++)
		random_rule(random, arena, &profile->rules[i]);
	return profile;
}

/* A number that a test of the profile compares with. */
static uint64_t value_of_profile(struct random *random, const struct hp_seccomp *profile)
{
	const struct hp_seccomp_rule *rule;
	const struct hp_seccomp_arg *arg;

	if (profile->rule_count == 0)
		return random_value(random);
	rule = &profile->rules[random_below(random, profile->rule_count)];
	if (rule->arg_count == 0)
		return random_below(random, 30);
	arg = &rule->args[random_below(random, rule->arg_count)];
	if (arg->op != HP_SECCOMP_MASKED_EQ)
		return arg->value;
	/* Bits outside of the mask may have any value. */
	return (arg->value_two & arg->value) | (random_value(random) & ~arg->value);
}

uint64_t random_argument(struct random *random, const struct hp_seccomp *profile)
{
	uint64_t value = value_of_profile(random, profile);

	switch (random_below(random, 8)) {
	case 0:
		return value - 1;
	case 1:
		return value + 1;
	case 2: /* the same lower half */
		return value + ((uint64_t)1 << 32);
	case 3:
		return value - ((uint64_t)1 << 32);
	case 4: /* the same upper half */
		return (value & 0xffffffff00000000) | (uint32_t)value_of_profile(random, profile);
	case 5:
		return value ^ (uint64_t)1 << random_below(random, 64);
	default:
		return value;
	}
}
