/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses the message of hookd (helper_message.h). The mapping is private, so hookd does not see the
 * pointers that are set in it. Strings and arrays stay in the mapping, and only vectors of pointers
 * are allocated.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon/hookd-run/hookd-run.h"

static char *next_string(char **cursor)
{
	char *string = *cursor;

	*cursor += strlen(string) + 1;
	return string;
}

static char *next_string_if(bool is_there, char **cursor)
{
	return is_there ? next_string(cursor) : NULL;
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		step_fail(SPAWN_STEP_EXEC, ENOMEM);
	return memory;
}

static char **next_vector(char **cursor, uint32_t count)
{
	char **vector = allocate((size_t)count + 1, sizeof(*vector));

	for (uint32_t i = 0; i < count; i++)
		vector[i] = next_string(cursor);
	return vector;
}

static const struct helper_message *map_message(void)
{
	struct stat st;
	void *mapping;

	if (fstat(HELPER_FD_MESSAGE, &st) < 0)
		step_fail(SPAWN_STEP_EXEC, errno);
	/* Private and writable: the pointers in the namespaces are set in the mapping. */
	mapping = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		       HELPER_FD_MESSAGE, 0);
	if (mapping == MAP_FAILED)
		step_fail(SPAWN_STEP_EXEC, errno);
	return mapping;
}

/* So that the arrays are aligned where they follow each other. */
static_assert(offsetof(struct helper_message, data) % _Alignof(struct sock_filter) == 0, "filter");
static_assert(sizeof(struct sock_filter) % _Alignof(struct hp_namespace) == 0, "namespaces");
static_assert(sizeof(struct hp_namespace) % _Alignof(uint32_t) == 0, "groups");

static void read_arrays(struct job *job, char **cursor)
{
	struct hp_settings *settings = &job->settings;

	job->filter = (const struct sock_filter *)*cursor;
	*cursor += job->message->filter_count * sizeof(*job->filter);
	settings->namespaces = (struct hp_namespace *)*cursor;
	*cursor += settings->namespace_count * sizeof(*settings->namespaces);
	settings->user.groups = (uint32_t *)*cursor;
	*cursor += settings->user.group_count * sizeof(*settings->user.groups);
}

static void read_settings_strings(struct job *job, char **cursor)
{
	struct hp_settings *settings = &job->settings;

	settings->apparmor_profile = next_string_if(settings->apparmor_profile, cursor);
	settings->selinux_label = next_string_if(settings->selinux_label, cursor);
	assert(settings->namespace_count <= NAMESPACES_MAX); /* each type once */
	for (size_t i = 0; i < settings->namespace_count; i++)
		settings->namespaces[i].path = next_string_if(settings->namespaces[i].path, cursor);
}

void job_read(struct job *job)
{
	char *cursor;

	job->message = map_message();
	if (job->message->filter_count > 0)
		report_map_shared();
	job->settings = job->message->settings;
	cursor = (char *)job->message->data;
	read_arrays(job, &cursor);
	job->path = next_string(&cursor);
	job->dir = next_string_if(job->message->has_dir, &cursor);
	job->soft_dir = next_string_if(job->message->has_soft_dir, &cursor);
	job->argv = next_vector(&cursor, job->message->argc);
	job->envp = next_vector(&cursor, job->message->envc);
	read_settings_strings(job, &cursor);
	if (job->message->flags & HELPER_LISTENER) {
		job->listener_path = next_string(&cursor);
		job->listener_message = next_string(&cursor);
	}
}
