/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loads a device program, replaces the programs that are attached to a cgroup by it, and restores
 * them. No state but the caller's journal.
 */
#include "daemon/cgroup/devices.h"

#include <assert.h>
#include <string.h>
#include <sys/syscall.h>

#define TRIES_MAX 8

/*
 * Linux 6.17 writes results beyond the end of a struct that is shorter than its own. So this is
 * longer than that of any kernel; older kernels accept it where the rest is zero.
 */
union bpf_argument {
	union bpf_attr attr;
	char room[512];
};

static int bpf(enum bpf_cmd command, union bpf_argument *argument)
{
	long r = syscall(SYS_bpf, command, argument, sizeof(*argument));

	return r < 0 ? -errno : (int)r;
}

static int load(const struct device_program *program)
{
	union bpf_argument argument;

	memset(&argument, 0, sizeof(argument));
	argument.attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	argument.attr.insns = (uintptr_t)program->instructions;
	argument.attr.insn_cnt = (uint32_t)program->count;
	argument.attr.license = (uintptr_t) "Apache-2.0";
	memcpy(argument.attr.prog_name, "hookd_devices", sizeof("hookd_devices"));
	return bpf(BPF_PROG_LOAD, &argument);
}

static int attach(int cgroup_fd, int program, uint32_t flags, int replaced)
{
	union bpf_argument argument;

	memset(&argument, 0, sizeof(argument));
	argument.attr.target_fd = (uint32_t)cgroup_fd;
	argument.attr.attach_bpf_fd = (uint32_t)program;
	argument.attr.attach_type = BPF_CGROUP_DEVICE;
	argument.attr.attach_flags = flags;
	if (flags & BPF_F_REPLACE)
		argument.attr.replace_bpf_fd = (uint32_t)replaced;
	return bpf(BPF_PROG_ATTACH, &argument);
}

static int detach(int cgroup_fd, int program)
{
	union bpf_argument argument;

	memset(&argument, 0, sizeof(argument));
	argument.attr.target_fd = (uint32_t)cgroup_fd;
	argument.attr.attach_bpf_fd = (uint32_t)program;
	argument.attr.attach_type = BPF_CGROUP_DEVICE;
	return bpf(BPF_PROG_DETACH, &argument);
}

static int program_by_id(uint32_t id)
{
	union bpf_argument argument;

	memset(&argument, 0, sizeof(argument));
	argument.attr.prog_id = id;
	return bpf(BPF_PROG_GET_FD_BY_ID, &argument);
}

/* ---- programs that are attached ---- */

static void close_found(struct devices_journal *journal)
{
	while (journal->found_count > 0)
		close(journal->found[--journal->found_count]);
}

/* Opens the programs that are attached. -ENOENT: one was detached meanwhile. */
static int find(int cgroup_fd, struct devices_journal *journal)
{
	uint32_t ids[DEVICES_PROGRAMS_MAX];
	union bpf_argument argument;
	int r;

	assert(journal->found_count == 0);
	memset(&argument, 0, sizeof(argument));
	argument.attr.query.target_fd = (uint32_t)cgroup_fd;
	argument.attr.query.attach_type = BPF_CGROUP_DEVICE;
	argument.attr.query.prog_ids = (uintptr_t)ids;
	argument.attr.query.prog_cnt = ELEMENTS(ids);
	r = bpf(BPF_PROG_QUERY, &argument);
	if (r < 0)
		return r;
	journal->flags =
	    argument.attr.query.prog_cnt ? argument.attr.query.attach_flags : BPF_F_ALLOW_MULTI;
	for (uint32_t i = 0; i < argument.attr.query.prog_cnt; i++) {
		r = program_by_id(ids[i]);
		if (r < 0)
			return r;
		journal->found[journal->found_count++] = r;
	}
	return 0;
}

/* ---- replacing programs ---- */

static void detach_all(int cgroup_fd, const int *programs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)detach(cgroup_fd, programs[i]);
}

/* All of them, or none. */
static int attach_all(int cgroup_fd, uint32_t flags, const int *programs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int r = attach(cgroup_fd, programs[i], flags, -1);

		if (r < 0) {
			detach_all(cgroup_fd, programs, i);
			return r;
		}
	}
	return 0;
}

/*
 * Attaches `to`, then detaches `from`. In between the kernel applies both: an access needs the
 * permission of all programs. A single program is replaced by a single one in one step.
 */
static int exchange(int cgroup_fd, uint32_t flags, const int *from, size_t from_count,
		    const int *to, size_t to_count)
{
	bool is_multi = flags & BPF_F_ALLOW_MULTI;
	int r;

	if (from_count == 1 && to_count == 1)
		return attach(cgroup_fd, to[0], is_multi ? flags | BPF_F_REPLACE : flags, from[0]);
	r = attach_all(cgroup_fd, flags, to, to_count);
	for (size_t i = 0; i < from_count && r == 0; i++) {
		r = detach(cgroup_fd, from[i]);
		if (r < 0) {
			(void)attach_all(cgroup_fd, flags, from, i);
			detach_all(cgroup_fd, to, to_count);
		}
	}
	return r;
}

int devices_undo(int cgroup_fd, const struct devices_journal *journal)
{
	if (journal->made < 0)
		return 0;
	return exchange(cgroup_fd, journal->flags, &journal->made, 1, journal->found,
			journal->found_count);
}

void devices_journal_clear(struct devices_journal *journal)
{
	close_fd(&journal->made);
	close_found(journal);
}

/* ---- applying rules ---- */

static int devices_fail(int r, const char *step, struct hp_err *err)
{
	return hp_err_setting(err, r, "devices", "cannot %s: %s", step, strerror(-r));
}

/* EPERM: hookd may not even query programs, so it has not attached one either. */
static bool nothing_is_attached(int cgroup_fd)
{
	struct devices_journal found = DEVICES_JOURNAL_INIT;
	int r = find(cgroup_fd, &found);
	bool is_nothing = r == -EPERM || (r == 0 && found.found_count == 0);

	close_found(&found);
	return is_nothing;
}

/* -ENOENT: another program has changed what is attached, so this tries again. */
static int put_in_place(int cgroup_fd, int program, struct devices_journal *journal,
			struct hp_err *err)
{
	int r = -ENOENT;

	for (int i = 0; i < TRIES_MAX && r == -ENOENT; i++) {
		close_found(journal);
		r = find(cgroup_fd, journal);
		if (r < 0 && r != -ENOENT)
			return devices_fail(r, "query the device programs of the cgroup", err);
		if (r == 0)
			r = exchange(cgroup_fd, journal->flags, journal->found,
				     journal->found_count, &program, 1);
	}
	return r < 0 ? devices_fail(r, "attach the device program", err) : 0;
}

static int load_and_attach(int cgroup_fd, const struct device_program *program,
			   struct devices_journal *journal, struct hp_err *err)
{
	int fd = load(program);
	int r;

	if (fd < 0)
		return devices_fail(fd, "load the device program", err);
	journal->made = fd;
	r = put_in_place(cgroup_fd, fd, journal, err);
	if (r < 0)
		devices_journal_clear(journal);
	return r;
}

int devices_apply(int cgroup_fd, const struct hp_device_rule *rules, size_t count,
		  struct devices_journal *journal, struct hp_err *err)
{
	struct devices_journal own = DEVICES_JOURNAL_INIT;
	struct device_program program;
	int r;

	assert(!journal || journal->made < 0);
	if (count == 0)
		return 0;
	r = device_program_make(rules, count, &program, err);
	if (r < 0)
		return r;
	if (!program.allows_all || !nothing_is_attached(cgroup_fd))
		r = load_and_attach(cgroup_fd, &program, &own, err);
	device_program_clear(&program);
	if (r == 0 && journal)
		*journal = own;
	else
		devices_journal_clear(&own);
	return r;
}
