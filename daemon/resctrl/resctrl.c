/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Groups of resctrl. Converts a request's intelRdt to the name and the schemata of a group, makes
 * or checks that group, and opens its lists of tasks.
 *
 * A function that changes more than one file holds the file system's lock, as the kernel's
 * documentation wants it.
 */
#include "daemon/resctrl/resctrl.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "daemon/resctrl/fs.h"
#include "daemon/resctrl/rdt.h"
#include "daemon/resctrl/schemata.h"

#define TEXT_SIZE 16384

/* The parameters and intermediate results of rdt_join() or rdt_update(). */
struct request {
	struct rdt *rdt;
	struct rdt_fs fs;
	const struct hp_intel_rdt *wanted;
	const char *container;
	struct schemata schemata;
	struct hp_err *err;
};

/* ---- names ---- */

/* A name that the kernel permits for a group, and that is not one of resctrl's own directories. */
static bool can_be_group(const char *name)
{
	size_t length = strlen(name);

	return length > 0 && length <= NAME_MAX && !strchr(name, '/') && !hp_is_resctrls_name(name);
}

/* An empty string is the same as none, as it is to runc. */
static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static int choose_group(const struct hp_intel_rdt *wanted, const char *container,
			const char **ret_path, struct hp_err *err)
{
	const char *clos_id = or_null(wanted->clos_id);
	const char *name = clos_id ? clos_id : container;

	if (clos_id && strcmp(clos_id, "/") == 0)
		name = NULL;
	assert(!clos_id || !name || hp_is_resctrl_group_name(clos_id));
	if (name && !hp_is_resctrl_group_name(name))
		return hp_err_invalid(err, "closID",
				      "is required, since the container's id is not a valid name "
				      "of a resctrl group");
	if (wanted->enable_monitoring && !hp_is_resctrl_group_name(container))
		return hp_err_invalid(err, "enableMonitoring",
				      "requires a container id that is a valid name of a resctrl "
				      "group");
	*ret_path = name ? name : ".";
	return 0;
}

/* ---- schemata ---- */

enum source { L3_CACHE_SCHEMA, MEM_BW_SCHEMA, SCHEMATA };

static void print_field(unsigned int source, char path[static 32])
{
	static const char *const names[] = {"l3CacheSchema", "memBwSchema"};

	if (source < ELEMENTS(names))
		snprintf(path, 32, "%s", names[source]);
	else
		snprintf(path, 32, "schemata[%u]", source - SCHEMATA);
}

static int add_field(struct request *request, const char *text, const char *left_out,
		     unsigned int source)
{
	char path[32];
	int r;

	print_field(source, path);
	assert(source != MEM_BW_SCHEMA || strncmp(text, "MB:", strlen("MB:")) == 0);
	assert(source == L3_CACHE_SCHEMA || !strchr(text, '\n'));
	r = schemata_add(&request->schemata, text, left_out, source, request->err);
	return hp_err_prefix(request->err, r, path);
}

/* runtime-spec until 1.2: beside memBwSchema the MB: lines of l3CacheSchema are not written. */
static int read_schemata(struct request *request)
{
	const struct hp_intel_rdt *wanted = request->wanted;
	const char *left_out = or_null(wanted->mem_bw_schema) ? "MB" : NULL;
	int r = 0;

	if (or_null(wanted->l3_cache_schema))
		r = add_field(request, wanted->l3_cache_schema, left_out, L3_CACHE_SCHEMA);
	if (r == 0 && or_null(wanted->mem_bw_schema))
		r = add_field(request, wanted->mem_bw_schema, NULL, MEM_BW_SCHEMA);
	for (unsigned int i = 0; r == 0 && wanted->schemata && wanted->schemata[i]; i++)
		r = add_field(request, wanted->schemata[i], NULL, SCHEMATA + i);
	return r;
}

/* One write for each field, since the kernel does not say which of several lines is wrong. */
static int write_schemata(struct request *request, const struct rdt_directory *group)
{
	const struct schemata *schemata = &request->schemata;

	for (size_t i = 0; i < schemata->count; i++) {
		unsigned int source = schemata->values[i].source;
		const char *text;
		char path[32];
		int r;

		if (i > 0 && schemata->values[i - 1].source == source)
			continue;
		text = schemata_print(&request->schemata, source);
		if (!text)
			return hp_err_no_memory(request->err);
		print_field(source, path);
		r = rdt_fs_write(&request->fs, group->path, "schemata", text);
		if (r < 0)
			return rdt_fs_fail(&request->fs, r, path, request->err);
	}
	return 0;
}

static int fail_different(const struct request *request, const struct rdt_directory *group,
			  const struct schemata_value *wanted, const struct schemata_value *present)
{
	bool is_mask = strncmp(wanted->resource, "L", 1) == 0;
	char path[32], has[64] = "missing", name[80] = "default group";

	print_field(wanted->source, path);
	if (strcmp(group->path, ".") != 0)
		snprintf(name, sizeof(name), "group %.64s", group->path);
	if (present)
		snprintf(has, sizeof(has), is_mask ? "%llx" : "%llu",
			 (unsigned long long)present->value);
	return hp_err_setting(request->err, -EEXIST, path,
			      is_mask ? "the %s exists, and its %s:%llu is %s, not %llx"
				      : "the %s exists, and its %s:%llu is %s, not %llu",
			      name, wanted->resource, (unsigned long long)wanted->id, has,
			      (unsigned long long)wanted->value);
}

static int compare_schemata(struct request *request, const struct rdt_directory *group)
{
	const struct schemata_value *wanted, *other = NULL;
	struct schemata present = SCHEMATA_INIT;
	char text[TEXT_SIZE];
	int r = 0;

	if (request->schemata.count == 0)
		return 0;
	r = (int)rdt_fs_read(&request->fs, group->path, "schemata", text, sizeof(text));
	if (r < 0)
		return hp_err_setting(request->err, r, "closID", "the group's schemata: %s",
				      strerror(-r));
	r = schemata_add_kernels(&present, text) < 0 ? hp_err_no_memory(request->err) : 0;
	schemata_round_up(&request->schemata, "MB", rdt_fs_bandwidth_step(&request->fs));
	wanted = schemata_find_difference(&request->schemata, &present, &other);
	if (r == 0 && wanted)
		r = fail_different(request, group, wanted, other);
	schemata_clear(&present);
	return r;
}

/* ---- joining ---- */

/* Adds a user to a group, which is made where `may_make`. 1: made; 0: it was there. */
static int enter(struct request *request, const char *name, bool may_make, const char *path,
		 struct rdt_directory **ret_directory)
{
	struct rdt_directories *all = &request->rdt->directories;
	int made = may_make ? rdt_directory_make(all, &request->fs, name, path, request->err) : 0;
	int r;

	if (made < 0)
		return made;
	r = rdt_directory_enter(all, &request->fs, name, made, ret_directory);
	if (r == -ENOENT)
		return hp_err_setting(request->err, r, path, "no such resctrl group: %.64s", name);
	return r < 0 ? hp_err_no_memory(request->err) : made;
}

static int enter_group(struct request *request, const char *name, struct rdt_member *member)
{
	bool is_root = strcmp(name, ".") == 0;
	bool may_make =
	    !is_root && (!or_null(request->wanted->clos_id) || request->schemata.count > 0);
	int r = enter(request, name, may_make, "closID", &member->group);

	if (r < 0)
		return r;
	if (r == 0)
		return compare_schemata(request, member->group);
	return write_schemata(request, member->group);
}

static int enter_monitored(struct request *request, const char *group, bool may_make,
			   struct rdt_member *member)
{
	char name[2 * NAME_MAX + sizeof("/mon_groups/")];
	int r;

	if (!request->wanted->enable_monitoring)
		return 0;
	if (faccessat(request->fs.root, "info/L3_MON", F_OK, 0) < 0)
		return hp_err_setting(request->err, -EOPNOTSUPP, "enableMonitoring",
				      "this machine has no L3 monitoring");
	snprintf(name, sizeof(name), "%s/mon_groups/%s", group, request->container);
	r = enter(request, name, may_make, "enableMonitoring", &member->monitored);
	return r < 0 ? r : 0;
}

static int open_tasks(struct request *request, const struct rdt_directory *directory, int *ret_fd)
{
	char path[2 * NAME_MAX + sizeof("/mon_groups//tasks")];
	int fd;

	if (!directory)
		return 0;
	snprintf(path, sizeof(path), "%s/tasks", directory->path);
	fd = openat(request->fs.root, path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return hp_err_setting(request->err, -errno, NULL, "%.100s: %s", path,
				      strerror(errno));
	*ret_fd = fd;
	return 0;
}

static int join(struct request *request, const char *name, struct rdt_member *member)
{
	int r = enter_group(request, name, member);

	if (r == 0)
		r = enter_monitored(request, name, true, member);
	if (r == 0)
		r = open_tasks(request, member->group, &member->tasks);
	if (r == 0)
		r = open_tasks(request, member->monitored, &member->monitored_tasks);
	/* Not before: one that was made is removed again where a step fails. */
	if (r == 0 && or_null(request->wanted->clos_id))
		rdt_directory_make_class(&request->rdt->directories, member->group);
	return r;
}

/* Opens and locks resctrl. rdt_fs_close() also releases the lock. */
static int begin(struct request *request)
{
	struct rdt_fs *fs = &request->fs;
	int r = rdt_fs_open(fs, request->rdt->root);

	if (r < 0)
		return hp_err_setting(request->err, -EOPNOTSUPP, NULL, "resctrl is not mounted");
	r = rdt_fs_lock(fs);
	if (r < 0)
		return hp_err_setting(request->err, r, NULL,
				      "another program holds the lock of resctrl: %s",
				      strerror(-r));
	return 0;
}

static void leave(const struct rdt_fs *fs, struct rdt_member *member)
{
	close_fd(&member->tasks);
	close_fd(&member->monitored_tasks);
	rdt_directory_leave(&member->rdt->directories, fs, member->monitored);
	rdt_directory_leave(&member->rdt->directories, fs, member->group);
	free(member);
}

static struct rdt_member *member_new(struct rdt *rdt)
{
	struct rdt_member *member = calloc(1, sizeof(*member));

	if (member)
		*member = (struct rdt_member){.rdt = rdt, .tasks = -1, .monitored_tasks = -1};
	return member;
}

static int end_join(struct request *request, int r, struct rdt_member *member,
		    struct rdt_member **ret_member)
{
	if (r < 0)
		leave(&request->fs, member);
	else
		*ret_member = member;
	rdt_fs_close(&request->fs);
	schemata_clear(&request->schemata);
	return r;
}

int rdt_join(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *container,
	     struct rdt_member **ret_member, struct hp_err *err)
{
	struct request request = {
	    .rdt = rdt,
	    .fs.root = -1,
	    .wanted = wanted,
	    .container = container,
	    .err = err,
	};
	struct rdt_member *member = member_new(rdt);
	const char *name = ".";
	int r;

	if (!member)
		return hp_err_no_memory(err);
	r = choose_group(wanted, container, &name, err);
	if (r == 0)
		r = read_schemata(&request);
	if (r == 0)
		r = begin(&request);
	if (r == 0)
		r = join(&request, name, member);
	return end_join(&request, r, member, ret_member);
}

/* Makes no group, and compares no schemata. */
static int join_existing(struct request *request, const char *name, struct rdt_member **ret_member)
{
	struct rdt_member *member = member_new(request->rdt);
	int r;

	if (!member)
		return -ENOMEM;
	r = begin(request);
	if (r == 0)
		r = enter(request, name, false, NULL, &member->group);
	if (r == 0 && request->wanted)
		r = enter_monitored(request, name, false, member);
	if (r == 0)
		r = open_tasks(request, member->group, &member->tasks);
	return end_join(request, r, member, ret_member);
}

int rdt_join_existing(struct rdt *rdt, const char *group, struct rdt_member **ret_member)
{
	struct hp_err err;
	struct request request = {.rdt = rdt, .fs.root = -1, .err = &err};

	if (strcmp(group, "/") == 0)
		return join_existing(&request, ".", ret_member);
	return can_be_group(group) ? join_existing(&request, group, ret_member) : -ENOENT;
}

int rdt_join_again(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *container,
		   struct rdt_member **ret_member)
{
	struct hp_err err;
	struct request request = {
	    .rdt = rdt, .fs.root = -1, .wanted = wanted, .container = container, .err = &err};
	const char *name = ".";
	int r = choose_group(wanted, container, &name, &err);

	if (r == 0)
		r = join_existing(&request, name, ret_member);
	if (r == 0 && (*ret_member)->group->users == 1)
		(*ret_member)->group->is_leftover = false;
	if (r == 0 && or_null(wanted->clos_id))
		rdt_directory_make_class(&rdt->directories, (*ret_member)->group);
	return r;
}

/* Removing a group is one system call, so it is done also where the lock cannot be taken. */
void rdt_leave(struct rdt_member *member)
{
	struct rdt_fs fs;

	if (!member)
		return;
	if (rdt_fs_open(&fs, member->rdt->root) == 0)
		(void)rdt_fs_lock(&fs);
	leave(&fs, member);
	rdt_fs_close(&fs);
}

void rdt_keep(struct rdt_member *member)
{
	const struct rdt_fs nowhere = {.root = -1};

	if (member)
		leave(&nowhere, member);
}

/* ---- members ---- */

int rdt_member_tasks(const struct rdt_member *member)
{
	return member->tasks;
}

int rdt_member_monitored_tasks(const struct rdt_member *member)
{
	return member->monitored_tasks;
}

const char *rdt_member_group(const struct rdt_member *member)
{
	assert(member->group && member->group->users > 0);
	return strcmp(member->group->path, ".") == 0 ? "/" : member->group->path;
}

const char *rdt_member_monitored_group(const struct rdt_member *member)
{
	return member->monitored ? member->monitored->path : NULL;
}

bool rdt_member_group_is_made(const struct rdt_member *member)
{
	return member->group->is_made;
}

bool rdt_member_monitored_group_is_made(const struct rdt_member *member)
{
	return member->monitored && member->monitored->is_made;
}

/* ---- groups by name ---- */

int rdt_update(struct rdt *rdt, const struct hp_intel_rdt *wanted, const char *group, bool is_made,
	       struct hp_err *err)
{
	struct request request = {.rdt = rdt, .fs.root = -1, .wanted = wanted, .err = err};
	const struct rdt_directory directory = {.path = (char *)rdt_path_of(group)};
	int r = read_schemata(&request);

	if (r == 0)
		r = begin(&request);
	if (r == 0)
		r = is_made ? write_schemata(&request, &directory)
			    : compare_schemata(&request, &directory);
	rdt_fs_close(&request.fs);
	schemata_clear(&request.schemata);
	return r;
}
