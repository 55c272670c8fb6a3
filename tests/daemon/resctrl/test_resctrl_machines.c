/* SPDX-License-Identifier: Apache-2.0 */

/*
 * resctrl of machines that the guest is not: several caches, code and data apart, L2, bandwidth in
 * percent and in MBps, monitoring. A directory stands for resctrl, and the functions below for what
 * the kernel does when a group is made and when its schemata are written
 * (Documentation/filesystems/resctrl.rst).
 *
 * The machines, and most values, are those that the tests of github.com/intel/goresctrl have.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "daemon/base/mount.h"
#include "daemon/resctrl/fs.h"
#include "tests/daemon/support/resctrl_files.h"

#define MBPS_MAX 4294967295

/* A resource, the number of its domains, and its greatest value. */
struct resource {
	const char *name;
	unsigned int domains;
	uint64_t max;
};

struct machine {
	const char *name;
	bool is_in_megabytes;
	struct resource resources[4];
};

static const struct machine machines[] = {
    {"L3 and bandwidth, four sockets", false, {{"MB", 4, 100}, {"L3", 4, 0xfffff}}},
    {"bandwidth alone", false, {{"MB", 4, 100}}},
    {"bandwidth in MBps", true, {{"MB", 4, MBPS_MAX}}},
    {"L3 alone", false, {{"L3", 4, 0xfffff}}},
    {"L3 with code and data apart", false, {{"L3CODE", 4, 0xfffff}, {"L3DATA", 4, 0xfffff}}},
    {"L2, L3 and bandwidth", false, {{"MB", 2, 100}, {"L2", 40, 0xffff}, {"L3", 2, 0xfffff}}},
    {"L2 with code and data apart",
     false,
     {{"L3", 1, 0xfff}, {"L2DATA", 4, 0xfffff}, {"L2CODE", 4, 0xfffff}}},
    {"L3 and slow memory", false, {{"L3", 2, 0xffff}, {"SMBA", 2, 2048}}},
};

enum { FULL, BANDWIDTH, MBPS, L3, L3_CDP, L2_L3, L2_CDP, SLOW };

static const struct machine *machine;

/* The values of the group that was made last. */
static uint64_t values[4][40];

/* ---- the kernel's side ---- */

static bool is_bandwidth(const struct resource *resource)
{
	return strcmp(resource->name, "MB") == 0 || strcmp(resource->name, "SMBA") == 0;
}

static bool is_in_percent(const struct resource *resource)
{
	return strcmp(resource->name, "MB") == 0 && !machine->is_in_megabytes;
}

static void print_schemata(char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ELEMENTS(machine->resources) && machine->resources[i].name; i++) {
		const struct resource *resource = &machine->resources[i];

		length += (size_t)snprintf(text + length, size - length, "%6s:", resource->name);
		for (unsigned int id = 0; id < resource->domains; id++)
			length += (size_t)snprintf(
			    text + length, size - length,
			    is_bandwidth(resource) ? "%u=%4" PRIu64 "%s" : "%u=%05" PRIx64 "%s", id,
			    values[i][id], id + 1 < resource->domains ? ";" : "\n");
		assert_true(length < size);
	}
}

static void put_schemata(const char *group)
{
	char file[64], text[2048];

	snprintf(file, sizeof(file), "%s/schemata", group);
	print_schemata(text, sizeof(text));
	make_file(file, text);
}

static int refuse(const char *words)
{
	char line[128];

	snprintf(line, sizeof(line), "%s\n", words);
	make_file("info/last_cmd_status", line);
	return -EINVAL;
}

/* One "ID=VALUE". */
static int set_value(const struct resource *resource, uint64_t *of_domains, const char *text)
{
	char *end;
	unsigned long id = strtoul(text, &end, 10);
	uint64_t value;

	if (*end != '=' || id >= resource->domains)
		return refuse("Unknown domain");
	value = strtoull(end + 1, &end, is_bandwidth(resource) ? 10 : 16);
	if (value == 0 || value > resource->max || (is_in_percent(resource) && value < 10))
		return refuse("Value out of range");
	if (!is_bandwidth(resource) && (value + (value & -value)) & value)
		return refuse("The mask has non-consecutive 1-bits");
	if (is_in_percent(resource))
		value = (value + 9) / 10 * 10;
	of_domains[id] = value;
	return 0;
}

static int set_line(char *line)
{
	char *at = strchr(line, ':'), *rest = NULL;

	if (!at)
		return refuse("Missing ':'");
	*at++ = '\0';
	for (size_t i = 0; i < ELEMENTS(machine->resources) && machine->resources[i].name; i++) {
		int r = 0;

		if (strcmp(machine->resources[i].name, line) != 0)
			continue;
		for (char *one = strtok_r(at, ";", &rest); one && r == 0;
		     one = strtok_r(NULL, ";", &rest))
			r = set_value(&machine->resources[i], values[i], one);
		return r;
	}
	return refuse("Unknown or unsupported resource name");
}

int __wrap_rdt_fs_write(const struct rdt_fs *fs, const char *group, const char *file,
			const char *text);
int __wrap_rdt_fs_write(const struct rdt_fs *fs, const char *group, const char *file,
			const char *text)
{
	char copy[2048], *rest = NULL;
	int r = 0;

	(void)fs;
	assert_string_equal(file, "schemata");
	assert_true(*text && text[strlen(text) - 1] == '\n'); /* the kernel refuses others */
	snprintf(copy, sizeof(copy), "%s", text);
	make_file("info/last_cmd_status", "ok\n");
	for (char *line = strtok_r(copy, "\n", &rest); line && r == 0;
	     line = strtok_r(NULL, "\n", &rest))
		r = set_line(line);
	put_schemata(group);
	return r;
}

int __real_mkdirat(int directory, const char *path, mode_t mode);
int __wrap_mkdirat(int directory, const char *path, mode_t mode);
/* A new group has the whole of each resource. */
int __wrap_mkdirat(int directory, const char *path, mode_t mode)
{
	int r = __real_mkdirat(directory, path, mode);
	char file[128];

	if (r < 0)
		return r;
	snprintf(file, sizeof(file), "%s/tasks", path);
	make_file(file, "");
	if (strchr(path, '/'))
		return r;
	for (size_t i = 0; i < ELEMENTS(machine->resources); i++)
		for (unsigned int id = 0; id < machine->resources[i].domains; id++)
			values[i][id] = machine->resources[i].max;
	put_schemata(path);
	snprintf(file, sizeof(file), "%s/mon_groups", path);
	make_directory(file);
	return r;
}

/* The option is what tells percent from MBps. */
int __wrap_mount_find(const char *type, char *path, size_t path_size, char *options, size_t size);
int __wrap_mount_find(const char *type, char *path, size_t path_size, char *options, size_t size)
{
	assert_string_equal(type, "resctrl");
	snprintf(path, path_size, "%s", rdt_root);
	snprintf(options, size, "rw,relatime%s", machine->is_in_megabytes ? ",mba_MBps" : "");
	return 0;
}

/* rmdir(2) of a group, which in resctrl is not empty, is all that the kernel needs. */
int __real_unlinkat(int directory, const char *path, int flags);
int __wrap_unlinkat(int directory, const char *path, int flags);
int __wrap_unlinkat(int directory, const char *path, int flags)
{
	char command[256];

	if (!(flags & AT_REMOVEDIR))
		return __real_unlinkat(directory, path, flags);
	snprintf(command, sizeof(command), "rm -r '%s/%s'", rdt_root, path);
	return system(command) == 0 ? 0 : -1;
}

static void begin(const struct machine *with)
{
	machine = with;
	temporary_directory(rdt_root);
	make_directory("info");
	make_file("info/last_cmd_status", "ok\n");
	make_directory("info/L3_MON");
	make_directory("info/MB");
	make_file("info/MB/bandwidth_gran", "10\n");
	make_file("tasks", "");
	assert_int_equal(rdt_new(NULL, &rdt), 0);
}

/* ---- what is written, and compared ---- */

struct row {
	int machine;
	const char *l3, *mb, *schemata[3]; /* as in a request; NULL: absent */
	const char *expected;		   /* words of the group's schemata; NULL: it is refused */
	const char *path, *reason;	   /* of a refusal: the field, and a part of the reason */
};

static const struct row rows[] = {
    /* Masks of several caches; what is not named keeps all. */
    {FULL, "L3:0=fff;1=ff000;2=fe00;3=fff", NULL, {NULL}, "0=00fff;1=ff000;2=0fe00;3=00fff"},
    {FULL, "L3:0=3", NULL, {NULL}, "0=00003;1=fffff;2=fffff;3=fffff"},
    {FULL, "L3:3=80000;1=1", NULL, {NULL}, "0=fffff;1=00001;2=fffff;3=80000"},
    {FULL, "L3:0=0x7f000;1=0x7ff", NULL, {NULL}, "0=7f000;1=007ff;2=fffff;3=fffff"},
    {FULL, NULL, NULL, {"L3:0=F000;1=3F;2=F;3=F000"}, "0=0f000;1=0003f;2=0000f;3=0f000"},
    /* Bandwidth is rounded up to tens. */
    {FULL, NULL, "MB:0=40;1=40;2=40;3=10", {NULL}, "MB:0=  40;1=  40;2=  40;3=  10"},
    {FULL, NULL, "MB:0=40;1=32;2=40;3=21", {NULL}, "MB:0=  40;1=  40;2=  40;3=  30"},
    {FULL, NULL, "MB:0=30;1=48;2=60;3=91", {NULL}, "MB:0=  30;1=  50;2=  60;3= 100"},
    {FULL, "L3:0=1f000;1=7f", "MB:0=50;2=100", {NULL}, "MB:0=  50;1= 100;2= 100;3= 100"},
    {FULL, NULL, NULL, {"L3:0=80000;1=800", "MB:0=10;1=20"}, "MB:0=  10;1=  20;2= 100"},
    {FULL, NULL, NULL, {"L3:0=80000;1=800", "MB:0=10;1=20"}, "L3:0=80000;1=00800;2=fffff"},
    /* The last one counts. */
    {FULL, "L3:0=f;1=f", "MB:0=20", {"L3:0=ff0", "MB:0=70"}, "L3:0=00ff0;1=0000f;2=fffff"},
    {FULL, "L3:0=f;1=f", "MB:0=20", {"L3:0=ff0", "MB:0=70"}, "MB:0=  70;1= 100"},
    {FULL, "L3:0=f\nMB:0=20", "MB:0=50", {NULL}, "MB:0=  50;1= 100"},
    {BANDWIDTH, NULL, "MB:0=50;1=50;2=50;3=50", {NULL}, "MB:0=  50;1=  50;2=  50;3=  50"},
    {BANDWIDTH, NULL, NULL, {"MB:0=100;3=50"}, "MB:0= 100;1= 100;2= 100;3=  50"},
    /* MBps are exact, and have no bound that matters. */
    {MBPS, NULL, "MB:0=1001;1=7;2=123456", {NULL}, "MB:0=1001;1=   7;2=123456;3=4294967295"},
    {MBPS, NULL, NULL, {"MB:0=4294967295;1=5000"}, "MB:0=4294967295;1=5000"},
    {L3, "L3:0=fff;1=fff;2=ff;3=ff", NULL, {NULL}, "L3:0=00fff;1=00fff;2=000ff;3=000ff"},
    {L3, "L3:0=ff000;1=ff000;2=fff00;3=3ff00", NULL, {NULL}, "2=fff00;3=3ff00"},
    /* Code and data. */
    {L3_CDP,
     "L3CODE:0=3fff;1=3fff;2=ff;3=ff\nL3DATA:0=3ff;1=3ff;2=ff;3=ff",
     NULL,
     {NULL},
     "L3CODE:0=03fff;1=03fff;2=000ff;3=000ff"},
    {L3_CDP,
     "L3CODE:0=3fff;1=3fff;2=ff;3=ff\nL3DATA:0=3ff;1=3ff;2=ff;3=ff",
     NULL,
     {NULL},
     "L3DATA:0=003ff;1=003ff;2=000ff;3=000ff"},
    {L3_CDP,
     NULL,
     NULL,
     {"L3CODE:3=ff00", "L3DATA:3=7ff00"},
     "L3CODE:0=fffff;1=fffff;2=fffff;3=0ff00"},
    {L3_CDP,
     NULL,
     NULL,
     {"L3CODE:3=ff00", "L3DATA:3=7ff00"},
     "L3DATA:0=fffff;1=fffff;2=fffff;3=7ff00"},
    /* L2, of which there are many. */
    {L2_L3, NULL, NULL, {"L2:0=ff;39=ff00"}, "L2:0=000ff;1=0ffff"},
    {L2_L3, NULL, NULL, {"L2:0=ff;39=ff00"}, "38=0ffff;39=0ff00"},
    {L2_L3, "L3:0=ff;1=ff000", "MB:0=60", {"L2:10=1"}, "L3:0=000ff;1=ff000"},
    {L2_L3, "L3:0=ff;1=ff000", "MB:0=60", {"L2:10=1"}, "9=0ffff;10=00001;11=0ffff"},
    {L2_CDP,
     NULL,
     NULL,
     {"L2CODE:0=3;2=fc000", "L2DATA:0=f", "L3:0=f00"},
     "L2CODE:0=00003;1=fffff;2=fc000"},
    {L2_CDP,
     NULL,
     NULL,
     {"L2CODE:0=3;2=fc000", "L2DATA:0=f", "L3:0=f00"},
     "L2DATA:0=0000f;1=fffff"},
    {L2_CDP, NULL, NULL, {"L2CODE:0=3;2=fc000", "L2DATA:0=f", "L3:0=f00"}, "L3:0=00f00"},
    {SLOW, NULL, NULL, {"SMBA:0=8;1=2048", "L3:1=1"}, "SMBA:0=   8;1=2048"},
    /* What the machine does not have, or the kernel does not take. */
    {BANDWIDTH, "L3:0=f", NULL, {NULL}, NULL, "l3CacheSchema", "unsupported resource"},
    {L3, NULL, "MB:0=50", {NULL}, NULL, "memBwSchema", "unsupported resource"},
    {L3, "L3CODE:0=f", NULL, {NULL}, NULL, "l3CacheSchema", "unsupported resource"},
    {L3_CDP, "L3:0=f", NULL, {NULL}, NULL, "l3CacheSchema", "unsupported resource"},
    {L2_CDP, NULL, NULL, {"L3:0=f", "L2:0=f"}, NULL, "schemata[1]", "unsupported resource"},
    {FULL, "L3:4=f", NULL, {NULL}, NULL, "l3CacheSchema", "Unknown domain"},
    {L2_L3, NULL, NULL, {"L2:40=1"}, NULL, "schemata[0]", "Unknown domain"},
    {FULL, "L3:0=100000", NULL, {NULL}, NULL, "l3CacheSchema", "out of range"},
    {FULL, "L3:0=0", NULL, {NULL}, NULL, "l3CacheSchema", "out of range"},
    {FULL, "L3:0=f0f", NULL, {NULL}, NULL, "l3CacheSchema", "non-consecutive"},
    {FULL, NULL, "MB:0=5", {NULL}, NULL, "memBwSchema", "out of range"},
    {FULL, NULL, "MB:0=101", {NULL}, NULL, "memBwSchema", "out of range"},
    {FULL, NULL, NULL, {"L3:0=f", "MB:0=50%"}, NULL, "schemata[1]", ""},
    {FULL, NULL, NULL, {"L3:0=0-3"}, NULL, "schemata[0]", ""},
    {FULL, NULL, NULL, {"L3:all=f"}, NULL, "schemata[0]", ""},
};

static int try_join(const struct row *row, const char *clos_id, struct rdt_member **ret_member,
		    struct hp_err *err)
{
	const struct hp_intel_rdt wanted = {
	    .clos_id = (char *)clos_id,
	    .l3_cache_schema = (char *)row->l3,
	    .mem_bw_schema = (char *)row->mb,
	    .schemata = row->schemata[0] ? (char **)row->schemata : NULL,
	};

	*err = (struct hp_err){0};
	return rdt_join(rdt, &wanted, "c1", ret_member, err);
}

/* A number of the class is another: who asks for the same is told. */
static void expect_difference(const struct row *row)
{
	struct rdt_member *member;
	struct hp_err err;

	for (size_t i = 0; i < ELEMENTS(machine->resources); i++)
		for (unsigned int id = 0; id < machine->resources[i].domains; id++)
			values[i][id] = machine->resources[i].max - 1;
	put_schemata("class");
	assert_int_equal(try_join(row, "class", &member, &err), -EEXIST);
	assert_non_null(strstr(err.reason, "the group class exists, and its "));
}

static void try_row(const struct row *row)
{
	struct rdt_member *member, *second;
	struct hp_err err;
	char text[2048];
	int r;

	begin(&machines[row->machine]);
	r = try_join(row, "class", &member, &err);
	if (!row->expected) {
		assert_int_equal(r, -EINVAL);
		assert_string_equal(err.path, row->path);
		if (!strstr(err.reason, row->reason))
			fail_msg("%s: %s", machine->name, err.reason);
		assert_false(exists("class"));
	} else {
		if (r < 0)
			fail_msg("%s: %s %s", machine->name, err.path, err.reason);
		assert_true(rdt_member_schemata(member, text, sizeof(text)) > 0);
		if (!strstr(text, row->expected))
			fail_msg("%s: %s is not in\n%s", machine->name, row->expected, text);
		/* The next user of the class asks for the same, and finds it as the kernel shows
		 * it. */
		if (try_join(row, "class", &second, &err) < 0)
			fail_msg("%s, second: %s %s", machine->name, err.path, err.reason);
		rdt_leave(second);
		rdt_leave(member);
		assert_true(exists("class"));
		expect_difference(row);
	}
	rdt_tear_down(NULL);
}

static void schemata_are_written_and_compared(void **state)
{
	(void)state;
	for (size_t i = 0; i < ELEMENTS(rows); i++)
		try_row(&rows[i]);
}

/* ---- whose group it is ---- */

/*
 * runtime-spec: with a closID the runtime must not remove the group, also where it is the
 * container's id, which is the group's name without a closID.
 */
static void a_closid_that_is_the_containers_id_is_one(void **state)
{
	static const struct row row = {L3, "L3:0=f", NULL, {NULL}, NULL, NULL, NULL};
	static const char *const clos_ids[] = {"c1", NULL, ""};
	struct rdt_member *member;
	struct hp_err err;

	(void)state;
	for (size_t i = 0; i < ELEMENTS(clos_ids); i++) {
		begin(&machines[L3]);
		assert_int_equal(try_join(&row, clos_ids[i], &member, &err), 0);
		assert_string_equal(rdt_member_group(member), "c1");
		rdt_leave(member);
		assert_int_equal(exists("c1"), i == 0);
		rdt_tear_down(NULL);
	}
}

/* A monitoring group is the container's, in a class too. */
static void monitoring_groups_go_with_their_containers(void **state)
{
	char class[] = "class", schema[] = "L3:0=f";
	const struct hp_intel_rdt wanted = {
	    .clos_id = class, .l3_cache_schema = schema, .enable_monitoring = true};
	struct rdt_member *members[2];
	struct hp_err err;

	(void)state;
	begin(&machines[FULL]);
	for (size_t i = 0; i < ELEMENTS(members); i++)
		if (rdt_join(rdt, &wanted, i ? "c2" : "c1", &members[i], &err) < 0)
			fail_msg("%s: %s", err.path, err.reason);
	assert_string_equal(rdt_member_monitored_group(members[0]), "class/mon_groups/c1");
	assert_string_equal(rdt_member_monitored_group(members[1]), "class/mon_groups/c2");
	rdt_leave(members[0]);
	assert_false(exists("class/mon_groups/c1"));
	assert_true(exists("class/mon_groups/c2/tasks"));
	rdt_leave(members[1]);
	assert_false(exists("class/mon_groups/c2"));
	assert_true(exists("class/schemata"));
	rdt_tear_down(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(schemata_are_written_and_compared),
	    cmocka_unit_test(a_closid_that_is_the_containers_id_is_one),
	    cmocka_unit_test(monitoring_groups_go_with_their_containers),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
