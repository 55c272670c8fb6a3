/* SPDX-License-Identifier: Apache-2.0 */
/* resctrl, as far as plain files can imitate it. */
#include "tests/daemon/support/resctrl_files.h"

#include <fcntl.h>
#include <sys/stat.h>

char rdt_root[32];
struct rdt *rdt;

void make_file(const char *name, const char *text)
{
	char path[128];
	int file;

	snprintf(path, sizeof(path), "%s/%s", rdt_root, name);
	file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	close(file);
}

void make_directory(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", rdt_root, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

void make_group(const char *name, const char *schemata)
{
	char file[128];

	make_directory(name);
	snprintf(file, sizeof(file), "%s/schemata", name);
	make_file(file, schemata);
	snprintf(file, sizeof(file), "%s/tasks", name);
	make_file(file, "");
}

int rdt_set_up(void **state)
{
	(void)state;
	temporary_directory(rdt_root);
	make_directory("info");
	make_directory("info/L3");
	make_directory("info/MB");
	make_file("info/last_cmd_status", "ok\n");
	make_file("info/MB/bandwidth_gran", "10\n");
	make_file("schemata", "    MB:0=100;1=100\n    L3:0=fffff;1=fffff\n");
	make_file("tasks", "");
	make_group("gold", "    MB:0= 40;1=100\n    L3:0=0000f;1=fffff\n");
	return rdt_new(rdt_root, &rdt);
}

int rdt_tear_down(void **state)
{
	char command[64];

	(void)state;
	rdt = rdt_free(rdt);
	snprintf(command, sizeof(command), "rm -r %s", rdt_root);
	return system(command);
}

bool exists(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", rdt_root, name);
	return access(path, F_OK) == 0;
}
