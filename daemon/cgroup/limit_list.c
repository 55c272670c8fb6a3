/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts resources to files and texts. No system call, no state. Each value was checked when it
 * was read (proto/settings/resources_json.c and its tables); the assertions here are about that.
 */
#include "daemon/cgroup/limit_list.h"

#include <assert.h>
#include <ctype.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cgroup/file_number.h"

#define SHARES_MAX 262144

/* ---- the list ---- */

/* On allocation failure sets is_out_of_memory, which limit_list_make() checks at the end. */
static const char *__attribute__((format(printf, 2, 3)))
print(struct limit_list *list, const char *format, ...)
{
	char small[160];
	va_list arguments;
	char *text;
	int length;

	va_start(arguments, format);
	length = vsnprintf(small, sizeof(small), format, arguments);
	va_end(arguments);
	text = hp_arena_alloc(&list->arena, (size_t)length + 1);
	if (!text) {
		list->is_out_of_memory = true;
		return "";
	}
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

static const char *number(struct limit_list *list, int64_t value)
{
	assert(value >= -1);
	return value == -1 ? "max" : print(list, "%" PRId64, value);
}

static void add(struct limit_list *list, const struct limit *limit)
{
	size_t room = list->room ? 2 * list->room : 16;

	if (list->count == list->room) {
		struct limit *more = hp_arena_calloc(&list->arena, room, sizeof(*more));

		if (!more) {
			list->is_out_of_memory = true;
			return;
		}
		if (list->count > 0)
			memcpy(more, list->limits, list->count * sizeof(*more));
		list->limits = more;
		list->room = room;
	}
	list->limits[list->count++] = *limit;
}

static void add_text(struct limit_list *list, const char *path, const char *file, const char *text)
{
	add(list, &(struct limit){.path = path, .file = file, .text = text});
}

/* ---- fields that cgroup v2 does not have ---- */

/* memory.max includes kernel memory, so a limit that is not below it has no effect anyway. */
static bool is_below_limit(const struct hp_int *kernel, const struct hp_int *limit)
{
	if (!kernel->is_set || kernel->value <= 0)
		return false;
	return !limit->is_set || limit->value <= 0 || kernel->value < limit->value;
}

static bool has_leaf_weight(const struct hp_block_io *io)
{
	for (size_t i = 0; i < io->weight_device_count; i++)
		if (io->weight_devices[i].leaf_weight.value > 0)
			return true;
	return io->leaf_weight.value > 0;
}

static int refuse_what_is_not_there(const struct hp_resources *resources, struct hp_err *err)
{
	const struct hp_memory *memory = &resources->memory;
	const struct {
		const char *path;
		bool is_asked;
	} fields[] = {
	    {"memory.kernel", is_below_limit(&memory->kernel, &memory->limit)},
	    {"memory.kernelTCP", is_below_limit(&memory->kernel_tcp, &memory->limit)},
	    {"memory.swappiness", memory->swappiness.is_set},
	    {"memory.disableOOMKiller", memory->disable_oom_killer.value},
	    {"cpu.realtimeRuntime", resources->cpu.realtime_runtime.value > 0},
	    {"cpu.realtimePeriod", resources->cpu.realtime_period.value > 0},
	    {"blockIO.leafWeight", has_leaf_weight(&resources->block_io)},
	    {"network.classID", resources->network_class_id.value > 0},
	    {"network.priorities", resources->network_priority_count > 0},
	};

	for (size_t i = 0; i < ELEMENTS(fields); i++)
		if (fields[i].is_asked)
			return hp_err_setting(err, -EOPNOTSUPP, fields[i].path,
					      "is not supported by cgroup v2");
	return 0;
}

/* True for text without blanks, newlines and control characters. */
static bool is_word(const char *text)
{
	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return false;
	return *text != '\0';
}

/* ---- pids ---- */

static void add_pids(struct limit_list *list, const struct hp_resources *resources)
{
	const struct hp_int *limit = &resources->pids_limit;

	if (limit->is_set)
		add_text(list, "pids.limit", "pids.max",
			 number(list, limit->value ? limit->value : 1));
}

/* ---- memory ---- */

static int64_t or_zero(const struct hp_int *value)
{
	return value->is_set ? value->value : 0;
}

/*
 * memory.swap of runtime-spec is the sum of memory and swap; memory.swap.max is swap alone. As with
 * cgroup v1, an unlimited memory.limit without memory.swap makes both unlimited. False: do not
 * write memory.swap.max.
 */
static bool swap_alone(const struct hp_memory *memory, int64_t *ret_swap)
{
	int64_t limit = or_zero(&memory->limit), swap = or_zero(&memory->swap);

	*ret_swap = swap == 0 ? -1 : swap;
	if (swap > 0 && limit != -1) {
		assert(limit > 0 && swap >= limit);
		*ret_swap = swap - limit;
	}
	return swap != 0 || limit == -1;
}

static void add_memory(struct limit_list *list, const struct hp_memory *memory)
{
	unsigned int check = memory->check_before_update.value ? LIMIT_ABOVE_USAGE : 0;
	int64_t swap;

	if (swap_alone(memory, &swap))
		add(list, &(struct limit){
			      .path = "memory.swap",
			      .file = "memory.swap.max",
			      .text = number(list, swap),
			      .flags = check | (swap == -1  ? LIMIT_OPTIONAL
						: swap == 0 ? LIMIT_OPTIONAL_WITHOUT_SWAP
							    : 0),
			  });
	if (or_zero(&memory->limit) != 0)
		add(list, &(struct limit){
			      .path = "memory.limit",
			      .file = "memory.max",
			      .text = number(list, memory->limit.value),
			      .flags = check,
			  });
	if (or_zero(&memory->reservation) != 0)
		add_text(list, "memory.reservation", "memory.low",
			 number(list, memory->reservation.value));
}

/* ---- io ---- */

uint64_t limit_io_weight(uint64_t weight)
{
	assert(weight >= HP_IO_WEIGHT_MIN && weight <= HP_IO_WEIGHT_MAX);
	return 1 + (weight - HP_IO_WEIGHT_MIN) * 9999 / (HP_IO_WEIGHT_MAX - HP_IO_WEIGHT_MIN);
}

static void add_weight_device(struct limit_list *list, const struct hp_weight_device *device,
			      size_t index)
{
	assert(device->major >= 0 && device->minor >= 0);
	if (device->weight.value == 0)
		return;
	add(list, &(struct limit){
		      .path = print(list, "blockIO.weightDevice[%zu].weight", index),
		      .file = "io.bfq.weight",
		      .text = print(list, "%" PRId64 ":%" PRId64 " %" PRIu64, device->major,
				    device->minor, device->weight.value),
		      .else_file = "io.weight",
		      .else_text = print(list, "%" PRId64 ":%" PRId64 " %" PRIu64, device->major,
					 device->minor, limit_io_weight(device->weight.value)),
		  });
}

static void add_weights(struct limit_list *list, const struct hp_block_io *io)
{
	if (io->weight.value > 0)
		add(list,
		    &(struct limit){
			.path = "blockIO.weight",
			.file = "io.bfq.weight",
			.text = print(list, "%" PRIu64, io->weight.value),
			.else_file = "io.weight",
			.else_text = print(list, "%" PRIu64, limit_io_weight(io->weight.value)),
		    });
	for (size_t i = 0; i < io->weight_device_count; i++)
		add_weight_device(list, &io->weight_devices[i], i);
}

static void add_throttles(struct limit_list *list, const struct hp_block_io *io)
{
	static const struct {
		const char *path, *key;
	} kinds[HP_THROTTLE_COUNT] = {
	    [HP_THROTTLE_READ_BPS] = {"blockIO.throttleReadBpsDevice", "rbps"},
	    [HP_THROTTLE_WRITE_BPS] = {"blockIO.throttleWriteBpsDevice", "wbps"},
	    [HP_THROTTLE_READ_IOPS] = {"blockIO.throttleReadIOPSDevice", "riops"},
	    [HP_THROTTLE_WRITE_IOPS] = {"blockIO.throttleWriteIOPSDevice", "wiops"},
	};

	for (size_t kind = 0; kind < HP_THROTTLE_COUNT; kind++) {
		for (size_t i = 0; i < io->throttle_count[kind]; i++) {
			const struct hp_throttle_device *device = &io->throttle[kind][i];

			assert(device->major >= 0 && device->minor >= 0);
			add_text(list, print(list, "%s[%zu].rate", kinds[kind].path, i), "io.max",
				 print(list, "%" PRId64 ":%" PRId64 " %s=%" PRIu64, device->major,
				       device->minor, kinds[kind].key, device->rate));
		}
	}
}

/* ---- cpu ---- */

/*
 * A curve through (2, 1), (1024, 100) and (262144, 10000), so that the default of cpu.shares
 * becomes the default of cpu.weight. The linear conversion that runtimes used until 2025 made
 * it 39.
 */
unsigned int limit_weight_of_shares(uint64_t shares)
{
	double l;

	if (shares <= 2)
		return 1;
	if (shares >= SHARES_MAX)
		return 10000;
	l = log2((double)shares);
	return (unsigned int)ceil(pow(10, (l * l + 125 * l) / 612 - 7.0 / 34));
}

/*
 * Rounds as systemd does, which matters where the result is compared with a property; systemd does
 * not accept 0. A result that does not fit is more than any machine has: no limit.
 */
uint64_t limit_cpu_per_second_us(uint64_t quota_us, uint64_t period_us)
{
	const uint64_t second_us = 1000000, step_us = 10000;
	unsigned __int128 steps =
	    ((unsigned __int128)quota_us * second_us / period_us + step_us - 1) / step_us;

	if (steps > UINT64_MAX / step_us)
		return UINT64_MAX;
	return steps ? (uint64_t)steps * step_us : step_us;
}

uint64_t limit_cpu_quota_us(uint64_t per_second_us, uint64_t period_us)
{
	unsigned __int128 quota_us = (unsigned __int128)per_second_us * period_us / 1000000;

	return quota_us > UINT64_MAX ? UINT64_MAX : (uint64_t)quota_us;
}

/* unified files are written last, so they decide. */
bool limit_is_idle(const struct hp_resources *resources)
{
	uint64_t idle;

	for (size_t i = 0; i < resources->unified_count; i++)
		if (strcmp(resources->unified[i].file, "cpu.idle") == 0)
			return file_number_read("cpu.idle", resources->unified[i].value, &idle) &&
			       idle == 1;
	return resources->cpu.idle.is_set && resources->cpu.idle.value == 1;
}

/*
 * An idle cgroup has no weight: the kernel refuses to set one, drops the old one, and sets the
 * default when cpu.idle becomes 0. So the old weight is remembered before.
 */
static void remember_weight(struct limit_list *list)
{
	add(list, &(struct limit){
		      .path = "cpu.idle",
		      .file = "cpu.weight",
		      .text = "",
		      .flags = LIMIT_ONLY_REMEMBERED,
		  });
}

static void add_cpu_weight(struct limit_list *list, const struct hp_resources *resources)
{
	const struct hp_cpu *cpu = &resources->cpu;

	if (cpu->idle.value == 1)
		remember_weight(list);
	if (cpu->idle.is_set)
		add_text(list, "cpu.idle", "cpu.idle", number(list, cpu->idle.value));
	if (limit_is_idle(resources) || cpu->idle.value == 1)
		return;
	if (cpu->weight.value > 0)
		add_text(list, "cpu.weight", "cpu.weight",
			 print(list, "%" PRIu64, cpu->weight.value));
	else if (cpu->shares.value > 0)
		add_text(list, "cpu.shares", "cpu.weight",
			 print(list, "%u", limit_weight_of_shares(cpu->shares.value)));
}

/*
 * The kernel requires burst <= quota after each write, so a higher burst may have to be written
 * after the quota.
 */
static void add_cpu_max(struct limit_list *list, const struct hp_cpu *cpu)
{
	bool has_quota = or_zero(&cpu->quota) != 0, has_period = cpu->period.value > 0;
	const char *quota = has_quota ? number(list, cpu->quota.value) : "";

	if (cpu->burst.is_set)
		add(list, &(struct limit){
			      .path = "cpu.burst",
			      .file = "cpu.max.burst",
			      .text = print(list, "%" PRIu64, cpu->burst.value),
			      .flags = has_quota ? LIMIT_AGAIN_AFTER_NEXT : 0,
			  });
	if (has_quota && has_period)
		add_text(list, "cpu.quota", "cpu.max",
			 print(list, "%s %" PRIu64, quota, cpu->period.value));
	else if (has_quota)
		add_text(list, "cpu.quota", "cpu.max", quota);
	else if (has_period)
		add(list, &(struct limit){
			      .path = "cpu.period",
			      .file = "cpu.max",
			      .text = print(list, "%" PRIu64, cpu->period.value),
			      .flags = LIMIT_SECOND_WORD,
			  });
}

static void add_cpuset(struct limit_list *list, const struct hp_cpu *cpu)
{
	const struct {
		const char *path, *file, *text;
	} files[] = {
	    {"cpu.cpus", "cpuset.cpus", cpu->cpus},
	    {"cpu.mems", "cpuset.mems", cpu->mems},
	};

	for (size_t i = 0; i < ELEMENTS(files); i++) {
		if (!files[i].text || !files[i].text[0])
			continue;
		add_text(list, files[i].path, files[i].file, files[i].text);
	}
}

/* ---- hugetlb, rdma ---- */

static void add_hugepages(struct limit_list *list, const struct hp_resources *resources)
{
	for (size_t i = 0; i < resources->hugepage_limit_count; i++) {
		const struct hp_hugepage_limit *limit = &resources->hugepage_limits[i];
		const char *path = print(list, "hugepageLimits[%zu]", i);
		const char *text = print(list, "%" PRIu64, limit->limit);

		assert(is_word(limit->page_size) && !strchr(limit->page_size, '/'));
		add_text(list, path, print(list, "hugetlb.%s.max", limit->page_size), text);
		/* Reservations, which kernels since 5.7 count separately. */
		add(list, &(struct limit){
			      .path = path,
			      .file = print(list, "hugetlb.%s.rsvd.max", limit->page_size),
			      .text = text,
			      .flags = LIMIT_OPTIONAL,
			  });
	}
}

static void add_rdma(struct limit_list *list, const struct hp_resources *resources)
{
	for (size_t i = 0; i < resources->rdma_count; i++) {
		const struct hp_rdma *rdma = &resources->rdma[i];
		const char *handles = "", *objects = "";

		assert(is_word(rdma->device));
		if (rdma->hca_handles.is_set)
			handles = print(list, " hca_handle=%" PRIu64, rdma->hca_handles.value);
		if (rdma->hca_objects.is_set)
			objects = print(list, " hca_object=%" PRIu64, rdma->hca_objects.value);
		if (handles[0] || objects[0])
			add_text(list, print(list, "rdma.%s", rdma->device), "rdma.max",
				 print(list, "%s%s%s", rdma->device, handles, objects));
	}
}

/* ---- unified ---- */

/* A file name without "/". The reader has checked that it is one of a limit. */
static bool is_file(const char *name)
{
	return is_word(name) && name[0] != '.' && !strchr(name, '/');
}

static void add_unified(struct limit_list *list, const struct hp_resources *resources)
{
	for (size_t i = 0; i < resources->unified_count; i++) {
		const struct hp_unified *unified = &resources->unified[i];
		const char *path = print(list, "unified.%s", unified->file);

		assert(is_file(unified->file));
		if (limit_is_idle(resources) && strncmp(unified->file, "cpu.weight", 10) == 0)
			continue; /* as of cpu.weight and cpu.shares: an idle cgroup has none */
		if (limit_is_idle(resources) && strcmp(unified->file, "cpu.idle") == 0)
			remember_weight(list);
		for (const char *line = unified->value, *end; *line; line = end + (*end == '\n')) {
			end = strchrnul(line, '\n');
			if (end > line)
				add_text(list, path, unified->file,
					 print(list, "%.*s", (int)(end - line), line));
		}
	}
}

/* ---- all limits ---- */

static void add_all(struct limit_list *list, const struct hp_resources *resources)
{
	add_pids(list, resources);
	add_memory(list, &resources->memory);
	add_weights(list, &resources->block_io);
	add_throttles(list, &resources->block_io);
	add_cpu_weight(list, resources);
	add_cpu_max(list, &resources->cpu);
	add_cpuset(list, &resources->cpu);
	add_hugepages(list, resources);
	add_rdma(list, resources);
	add_unified(list, resources);
}

int limit_list_make(const struct hp_resources *resources, struct limit_list *ret_list,
		    struct hp_err *err)
{
	struct limit_list list = {0};
	int r = refuse_what_is_not_there(resources, err);

	if (r < 0)
		return r;
	add_all(&list, resources);
	if (list.is_out_of_memory) {
		limit_list_clear(&list);
		return hp_err_no_memory(err);
	}
	*ret_list = list;
	return 0;
}

void limit_list_adapt_to_systemd(struct limit_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->limits[i].file, "cpu.max") == 0)
			list->limits[i].flags |= LIMIT_QUOTA_IN_STEPS;
}

void limit_list_clear(struct limit_list *list)
{
	hp_arena_free(&list->arena);
	*list = (struct limit_list){0};
}
