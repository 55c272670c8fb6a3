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
struct weight_line {
	bool has_device;
	unsigned int major, minor;
	uint64_t weight;
};

/*
 * False: not in that form, or out of range. "8:0 default" neither: systemd cannot take the weight
 * of one device away. The kernel reads "010" as octal in io.bfq.weight, but not after "default".
 */
static bool read_weight_line(const char *line, bool is_bfq, struct weight_line *ret)
{
	int length = 0;

	ret->has_device = strchr(line, ':');
	if (ret->has_device && sscanf(line, "%u:%u %n", &ret->major, &ret->minor, &length) < 2)
		return false;
	if (strncmp(line, "default ", strlen("default ")) == 0)
		length = (int)strlen("default ");
	return line[length] != '0' && read_number(line + length, &ret->weight) &&
	       ret->weight >= 1 && ret->weight <= (is_bfq ? HP_IO_WEIGHT_MAX : 10000);
}

static int append_weight_line(sd_bus_message *message, bool is_bfq, const char *line)
{
	struct weight_line read;

	if (!read_weight_line(line, is_bfq, &read))
		return 0;
	if (is_bfq)
		read.weight = systemd_weight(read.weight, true);
	return read.has_device
		   ? append_device(message, DEVICE_WEIGHT, read.major, read.minor, read.weight)
		   : sd_bus_message_append(message, "(sv)", "IOWeight", "t", read.weight);
}

/* "rbps=1024", "wiops=max" */
static bool read_key(const char *word, enum device_property *ret_property, uint64_t *ret_value)
{
	for (int i = 0; i < DEVICE_PROPERTY_COUNT; i++) {
		const char *key = device_properties[i].key, *value;

		if (!key || strncmp(word, key, strlen(key)) != 0)
			continue;
		*ret_property = (enum device_property)i;
		*ret_value = INFINITE;
		value = word + strlen(key);
		return (strncmp(value, "max", 3) == 0 && (!value[3] || value[3] == ' ')) ||
		       read_number(value, ret_value);
	}
	return false;
}

/*
 * "8:0 rbps=1024 wiops=max". message NULL: only reads. Returns 0 too where a word cannot be read,
 * and sets *ret_is_whole false then.
 */
static int append_keys(sd_bus_message *message, const char *line, bool *ret_is_whole)
{
	unsigned int major, minor;
	int length = 0, r = 0;

	*ret_is_whole = sscanf(line, "%u:%u %n", &major, &minor, &length) == 2 && line[length];
	if (!*ret_is_whole)
		return 0;
	for (const char *word = line + length; r >= 0 && *word; word += strspn(word, " ")) {
		enum device_property property;
		uint64_t value;

		if (!read_key(word, &property, &value))
			*ret_is_whole = false;
		else if (message)
			r = append_device(message, property, major, minor, value);
		word += strcspn(word, " ");
	}
	return r;
}

static bool is_weight_file(const char *file, bool *ret_is_bfq)
{
	*ret_is_bfq = strcmp(file, "io.bfq.weight") == 0;
	return *ret_is_bfq || strcmp(file, "io.weight") == 0;
}

int scope_io_append_line(sd_bus_message *message, const char *file, const char *line)
{
	bool is_bfq, is_whole;

	return is_weight_file(file, &is_bfq) ? append_weight_line(message, is_bfq, line)
					     : append_keys(message, line, &is_whole);
}

bool scope_io_can_read(const char *file, const char *line)
{
	struct weight_line read;
	bool is_bfq, is_whole;

	if (is_weight_file(file, &is_bfq))
		return read_weight_line(line, is_bfq, &read);
	(void)append_keys(NULL, line, &is_whole);
	return is_whole;
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
