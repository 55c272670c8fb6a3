/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the message for hookd-run into a memfd: a struct, arrays and strings. helper_message.h
 * says in which order, and hookd-run/job.c reads them in the same order. No state.
 */
#include "daemon/proc/helper_message.h"

#include <string.h>

#include "daemon/base/memfd.h"
#include "daemon/proc/helper.h"
#include "proto/json/json_writer.h"

static void add_string(struct hp_buf *buf, const char *string)
{
	if (string)
		hp_buf_append(buf, string, strlen(string) + 1);
}

static void add_strings(struct hp_buf *buf, char *const *strings, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		add_string(buf, strings[i]);
}

static uint32_t count_of(char *const *vector)
{
	uint32_t count = 0;

	while (vector[count])
		count++;
	return count;
}

/* What an agent gets besides the pid: path and metadata of the profile, the state of the caller. */
static void add_listener(struct hp_buf *buf, const struct helper_settings *settings)
{
	const struct hp_seccomp *seccomp = settings->settings->seccomp;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(buf);

	add_string(buf, seccomp->listener_path);
	if (seccomp->listener_metadata) {
		hp_json_key(&writer, "metadata");
		hp_json_put_string(&writer, seccomp->listener_metadata);
	}
	hp_json_key(&writer, "state");
	hp_json_put_raw(&writer, settings->state, settings->state_length);
	hp_buf_append(buf, "}", 2);
}

static void add_settings_arrays(struct hp_buf *buf, const struct helper_settings *settings)
{
	const struct hp_settings *from = settings->settings;

	hp_buf_append(buf, settings->filter, settings->filter_count * sizeof(*settings->filter));
	if (!from)
		return;
	hp_buf_append(buf, from->namespaces, from->namespace_count * sizeof(*from->namespaces));
	hp_buf_append(buf, from->user.groups, from->user.group_count * sizeof(*from->user.groups));
}

static void add_settings_strings(struct hp_buf *buf, const struct helper_settings *settings)
{
	const struct hp_settings *from = settings->settings;

	if (!from)
		return;
	add_string(buf, from->apparmor_profile);
	add_string(buf, from->selinux_label);
	for (size_t i = 0; i < from->namespace_count; i++)
		add_string(buf, from->namespaces[i].path);
	if (settings->needs_listener)
		add_listener(buf, settings);
}

int helper_message_open(const struct spawn_spec *spec, const struct hook_target *target,
			const struct helper_settings *settings, uint32_t flags)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct helper_message message = {
	    .flags = flags,
	    .caller_pid = target->caller.pid,
	    .container_pid = target->container.pid,
	    .argc = count_of(spec->argv),
	    .envc = count_of(spec->envp),
	    .has_dir = spec->dir != NULL,
	    .has_soft_dir = spec->soft_dir != NULL,
	    .filter_count = (uint32_t)settings->filter_count,
	    .filter_flags = settings->filter_flags,
	    .timeout_ns = settings->timeout_ns,
	};
	int fd = -ENOMEM;

	if (settings->settings)
		message.settings = *settings->settings;
	hp_buf_append(&buf, &message, sizeof(message));
	add_settings_arrays(&buf, settings);
	add_string(&buf, spec->path);
	add_string(&buf, spec->dir);
	add_string(&buf, spec->soft_dir);
	add_strings(&buf, spec->argv, message.argc);
	add_strings(&buf, spec->envp, message.envc);
	add_settings_strings(&buf, settings);
	if (!buf.failed && message.filter_count > 0)
		fd = memfd_filled("hookd-run-message", buf.data, buf.length);
	else if (!buf.failed)
		fd = memfd_sealed("hookd-run-message", buf.data, buf.length);
	hp_buf_free(&buf);
	return fd;
}
