/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts limits of block I/O to systemd's properties. A device is named by its numbers
 * (/dev/block/8:0), which systemd reads from the name, so the node need not exist. A property of
 * devices changes only those that it names, so each device has an entry of its own. No state.
 */
#include "daemon/cgroup/scope_io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/base.h"
#include "daemon/cgroup/limit_list.h"

#define INFINITE UINT64_MAX

enum device_property {
	READ_BPS = HP_THROTTLE_READ_BPS,
	WRITE_BPS = HP_THROTTLE_WRITE_BPS,
	READ_IOPS = HP_THROTTLE_READ_IOPS,
	WRITE_IOPS = HP_THROTTLE_WRITE_IOPS,
	DEVICE_WEIGHT,
	LATENCY,
	DEVICE_PROPERTY_COUNT,
};

static const struct {
	const char *name, *key; /* key: in io.max and io.latency */
} device_properties[DEVICE_PROPERTY_COUNT] = {
    [READ_BPS] = {"IOReadBandwidthMax", "rbps="},
    [WRITE_BPS] = {"IOWriteBandwidthMax", "wbps="},
    [READ_IOPS] = {"IOReadIOPSMax", "riops="},
    [WRITE_IOPS] = {"IOWriteIOPSMax", "wiops="},
    [DEVICE_WEIGHT] = {"IODeviceWeight", NULL},
    [LATENCY] = {"IODeviceLatencyTargetUSec", "target="},
};

static int append_device(sd_bus_message *message, enum device_property property, int64_t major,
			 int64_t minor, uint64_t value)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/block/%" PRId64 ":%" PRId64, major, minor);
	return sd_bus_message_append(message, "(sv)", device_properties[property].name, "a(st)", 1,
				     path, value);
}

/* systemd writes to io.bfq.weight: W up to 100, and 100 + (W - 100) / 11 above. */
static uint64_t systemd_weight(uint64_t weight, bool has_bfq)
{
	if (!has_bfq)
		return limit_io_weight(weight);
	return weight <= 100 ? weight : 100 + (weight - 100) * 11;
}

static int append_weights(sd_bus_message *message, const struct hp_block_io *io, bool has_bfq)
{
	int r = 0;

	if (io->weight.value > 0)
		r = sd_bus_message_append(message, "(sv)", "IOWeight", "t",
					  systemd_weight(io->weight.value, has_bfq));
	for (size_t i = 0; r >= 0 && i < io->weight_device_count; i++) {
		const struct hp_weight_device *device = &io->weight_devices[i];

		if (device->weight.value > 0)
			r = append_device(message, DEVICE_WEIGHT, device->major, device->minor,
					  systemd_weight(device->weight.value, has_bfq));
	}
	return r;
}

int scope_io_append(sd_bus_message *message, const struct hp_block_io *io, bool has_bfq)
{
	int r = append_weights(message, io, has_bfq);

	for (int kind = 0; kind < HP_THROTTLE_COUNT; kind++) {
		for (size_t i = 0; r >= 0 && i < io->throttle_count[kind]; i++) {
			const struct hp_throttle_device *device = &io->throttle[kind][i];

			r = append_device(message, (enum device_property)kind, device->major,
					  device->minor, device->rate);
		}
	}
	return r;
}

/* ---- lines of files ---- */

bool scope_io_is_file(const char *file)
{
	static const char *const files[] = {"io.weight", "io.bfq.weight", "io.max", "io.latency"};

	for (size_t i = 0; i < ELEMENTS(files); i++)
		if (strcmp(file, files[i]) == 0)
			return true;
	return false;
}

static bool read_number(const char *text, uint64_t *ret)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	*ret = strtoull(text, &end, 10);
	return *end == '\0' || *end == ' ';
}

/* "default 200", "200" or "8:0 200" */
static int append_weight_line(sd_bus_message *message, bool is_bfq, const char *line)
{
	unsigned int major, minor;
	uint64_t weight;
	int length = 0;

	if (strncmp(line, "default ", strlen("default ")) == 0)
		length = (int)strlen("default ");
	else if (sscanf(line, "%u:%u %n", &major, &minor, &length) < 2)
		length = 0;
	if (!read_number(line + length, &weight) || weight < 1 ||
	    weight > (is_bfq ? HP_IO_WEIGHT_MAX : 10000))
		return 0;
	weight = is_bfq ? systemd_weight(weight, true) : weight;
	return strchr(line, ':') ? append_device(message, DEVICE_WEIGHT, major, minor, weight)
				 : sd_bus_message_append(message, "(sv)", "IOWeight", "t", weight);
}

/* "8:0 rbps=1024 wiops=max" */
static int append_keys(sd_bus_message *message, const char *line)
{
	unsigned int major, minor;
	int length = 0, r = 0;

	if (sscanf(line, "%u:%u %n", &major, &minor, &length) < 2)
		return 0;
	for (const char *word = line + length; r >= 0 && *word; word += strspn(word, " ")) {
		for (int i = 0; r >= 0 && i < DEVICE_PROPERTY_COUNT; i++) {
			const char *key = device_properties[i].key;
			uint64_t value = INFINITE;

			if (!key || strncmp(word, key, strlen(key)) != 0)
				continue;
			if (strncmp(word + strlen(key), "max", strlen("max")) != 0 &&
			    !read_number(word + strlen(key), &value))
				continue;
			r = append_device(message, (enum device_property)i, major, minor, value);
		}
		word += strcspn(word, " ");
	}
	return r;
}

int scope_io_append_line(sd_bus_message *message, const char *file, const char *line)
{
	bool is_bfq = strcmp(file, "io.bfq.weight") == 0;

	return is_bfq || strcmp(file, "io.weight") == 0 ? append_weight_line(message, is_bfq, line)
							: append_keys(message, line);
}

bool scope_io_is_property(const char *property, bool *ret_has_devices)
{
	*ret_has_devices = false;
	if (strcmp(property, "IOWeight") == 0)
		return true;
	for (int i = 0; i < DEVICE_PROPERTY_COUNT && !*ret_has_devices; i++)
		*ret_has_devices = strcmp(property, device_properties[i].name) == 0;
	return *ret_has_devices;
}
