/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to systemd by its private socket, which works without the message bus. One connection for
 * each call.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "tests/guest/random/world.h"

#define NAME	"org.freedesktop.systemd1"
#define PATH	"/org/freedesktop/systemd1"
#define MANAGER NAME ".Manager"

static sd_bus *open_private(void)
{
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, "unix:path=/run/systemd/private");
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		give_up("systemd's own socket: %s", strerror(-r));
	return bus;
}

/* ---- units ---- */

static bool read_number(sd_bus *bus, const char *path, const char *property, uint64_t *ret)
{
	return sd_bus_get_property_trivial(bus, NAME, path, NAME ".Scope", property, NULL, 't',
					   ret) >= 0;
}

static void print_number(char *text, size_t size, uint64_t value, const char *infinite)
{
	if (value == UINT64_MAX)
		snprintf(text, size, "%s", infinite);
	else
		snprintf(text, size, "%" PRIu64, value);
}

static bool print_cpu_max(sd_bus *bus, const char *path, char *text, size_t size)
{
	uint64_t per_second_us, period_us;

	if (!read_number(bus, path, "CPUQuotaPerSecUSec", &per_second_us) ||
	    !read_number(bus, path, "CPUQuotaPeriodUSec", &period_us))
		return false;
	if (period_us == UINT64_MAX)
		period_us = 100000;
	if (per_second_us == UINT64_MAX)
		snprintf(text, size, "max %" PRIu64, period_us);
	else
		snprintf(text, size, "%" PRIu64 " %" PRIu64, per_second_us * period_us / 1000000,
			 period_us);
	return true;
}

/* The first byte suffices for the guest's CPUs. */
static bool print_cpus(sd_bus *bus, const char *path, char *text, size_t size)
{
	static const char *const lists[] = {"", "0", "1", "0-1"};
	sd_bus_message *reply = NULL;
	const void *bytes;
	size_t length;
	int r =
	    sd_bus_get_property(bus, NAME, path, NAME ".Scope", "AllowedCPUs", NULL, &reply, "ay");

	if (r >= 0)
		r = sd_bus_message_read_array(reply, 'y', &bytes, &length);
	if (r >= 0)
		snprintf(text, size, "%s", length ? lists[*(const uint8_t *)bytes & 3] : "");
	sd_bus_message_unref(reply);
	return r >= 0;
}

static bool print_limit(sd_bus *bus, const char *path, enum limit limit, char *text, size_t size)
{
	static const struct {
		const char *property, *infinite;
	} numbers[LIMIT_COUNT] = {
	    [MEMORY] = {"MemoryMax", "max"}, [SWAP] = {"MemorySwapMax", "max"},
	    [HIGH] = {"MemoryHigh", "max"},  [PIDS] = {"TasksMax", "max"},
	    [WEIGHT] = {"CPUWeight", "100"},
	};
	uint64_t value;

	if (limit == CPU)
		return print_cpu_max(bus, path, text, size);
	if (limit == CPUS)
		return print_cpus(bus, path, text, size);
	if (!read_number(bus, path, numbers[limit].property, &value))
		return false;
	print_number(text, size, value, numbers[limit].infinite);
	return true;
}

bool world_unit_limit(const char *unit, enum limit limit, char *text, size_t size)
{
	sd_bus *bus = open_private();
	char *path = NULL;
	bool is_known = sd_bus_path_encode(PATH "/unit", unit, &path) >= 0 &&
			print_limit(bus, path, limit, text, size);

	free(path);
	sd_bus_flush_close_unref(bus);
	return is_known;
}

/* ---- services ---- */

pid_t world_hookd(void)
{
	sd_bus *bus = open_private();
	uint32_t pid = 0;
	int r = sd_bus_get_property_trivial(bus, NAME, PATH "/unit/hookd_2eservice",
					    NAME ".Service", "MainPID", NULL, 'u', &pid);

	sd_bus_flush_close_unref(bus);
	return r < 0 ? 0 : (pid_t)pid;
}

void world_restart_bus(void)
{
	sd_bus *bus = open_private();
	int r = sd_bus_call_method(bus, NAME, PATH, MANAGER, "RestartUnit", NULL, NULL, "ss",
				   "dbus.service", "replace");

	sd_bus_flush_close_unref(bus);
	if (r < 0)
		give_up("the message bus does not start again: %s", strerror(-r));
}

void world_reload(void)
{
	sd_bus *bus = open_private();
	int r = sd_bus_call_method(bus, NAME, PATH, MANAGER, "Reload", NULL, NULL, "");

	sd_bus_flush_close_unref(bus);
	if (r < 0)
		give_up("systemd does not reload: %s", strerror(-r));
}

void world_await_bus(void)
{
	int64_t end = now_ms() + 60000;
	int r = -1;

	while (r < 0 && now_ms() < end) {
		sd_bus *bus = NULL;

		r = sd_bus_open_system(&bus);
		if (r >= 0)
			r = sd_bus_call_method(bus, NAME, PATH, "org.freedesktop.DBus.Peer", "Ping",
					       NULL, NULL, "");
		sd_bus_flush_close_unref(bus);
		if (r < 0)
			pause_ms(20);
	}
	if (r < 0)
		give_up("the message bus does not come back: %s", strerror(-r));
}
