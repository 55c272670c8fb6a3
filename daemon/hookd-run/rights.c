/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Determines the credentials of the hook. A hook of the container's image gets those of the
 * container's process, and the settings can only reduce them; other hooks get what the settings
 * say. credentials.c sets them.
 *
 * The process is read after its namespaces were entered, so that the ids are those of its user
 * namespace. What proc_pid_status(5) does not show (the seccomp filter, securebits, labels) cannot
 * be copied. No state.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/hookd-run/hookd-run.h"

#define CAPABILITY(number) (1ull << (number))
#define OVERFLOW_ID	   65534 /* for unmapped ids: user_namespaces(7) */

/* ---- the container's process ---- */

/* What follows "\nKEY:\t". In the first line, the name of the process, newlines are escaped. */
static const char *find_line(const char *text, const char *key)
{
	char pattern[32];
	const char *line;

	snprintf(pattern, sizeof(pattern), "\n%s:\t", key);
	line = strstr(text, pattern);
	if (!line)
		step_fail_at(SPAWN_STEP_CREDENTIALS, EPROTO, key);
	return line + strlen(pattern);
}

/* Real, effective, saved. */
static void read_ids(const char *text, const char *key, uint32_t ids[static 3])
{
	char *at = (char *)find_line(text, key);

	for (int i = 0; i < 3; i++)
		ids[i] = (uint32_t)strtoul(at, &at, 10);
}

/*
 * A group that is not mapped in the container's user namespace is shown as the overflow id. It
 * cannot be set in there, so the hook does not get it.
 */
static void read_groups(const struct job *job, const char *text, struct rights *rights)
{
	char *at = (char *)find_line(text, "Groups"), *end = strchr(at, '\n');
	size_t most = 0;

	for (const char *c = at; end && c < end; c++)
		most += *c == ' ';
	rights->groups = calloc(most + 1, sizeof(*rights->groups));
	if (!rights->groups || !end)
		step_fail(SPAWN_STEP_CREDENTIALS, end ? ENOMEM : EPROTO);
	for (; at < end && *at >= '0' && *at <= '9'; at += *at == ' ') {
		uint32_t group = (uint32_t)strtoul(at, &at, 10);

		if (group != OVERFLOW_ID || !(job->namespaces & CLONE_NEWUSER))
			rights->groups[rights->group_count++] = group;
	}
}

static uint64_t read_set(const char *text, const char *key)
{
	return strtoull(find_line(text, key), NULL, 16);
}

static void read_container(const struct job *job, struct rights *rights)
{
	char path[32], *text;

	snprintf(path, sizeof(path), "%d/status", job->message->container_pid);
	text = file_read_whole(job->proc, path);
	if (!text)
		step_fail_at(SPAWN_STEP_CREDENTIALS, errno == ENOENT ? ESRCH : errno,
			     "the container's process");
	read_ids(text, "Uid", rights->uids);
	read_ids(text, "Gid", rights->gids);
	read_groups(job, text, rights);
	rights->sets[HP_CAPABILITIES_INHERITABLE] = read_set(text, "CapInh");
	rights->sets[HP_CAPABILITIES_PERMITTED] = read_set(text, "CapPrm");
	rights->sets[HP_CAPABILITIES_EFFECTIVE] = read_set(text, "CapEff");
	rights->sets[HP_CAPABILITIES_BOUNDING] = read_set(text, "CapBnd");
	rights->sets[HP_CAPABILITIES_AMBIENT] = read_set(text, "CapAmb");
	rights->no_new_privileges = *find_line(text, "NoNewPrivs") != '0';
	rights->has_ids = rights->has_capabilities = true;
	free(text);
	process_check_alive(HELPER_FD_CONTAINER);
}

/* ---- what the settings may ask for ---- */

static bool has_effective(const struct rights *rights, int capability)
{
	return rights->sets[HP_CAPABILITIES_EFFECTIVE] & CAPABILITY(capability);
}

static bool is_among(uint32_t id, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Allows what setresuid(2) and setgroups(2) would allow to the container's process. */
static void check_ids(const struct hp_user *user, const struct rights *rights)
{
	static const char why[] = ": the container's process may not change to it";
	char text[sizeof("additional group 4294967295") + sizeof(why)];

	if (!has_effective(rights, CAP_SETUID) && !is_among(user->uid, rights->uids, 3)) {
		snprintf(text, sizeof(text), "uid %u%s", user->uid, why);
		step_fail_at(SPAWN_STEP_CREDENTIALS, EPERM, text);
	}
	if (has_effective(rights, CAP_SETGID))
		return;
	if (!is_among(user->gid, rights->gids, 3)) {
		snprintf(text, sizeof(text), "gid %u%s", user->gid, why);
		step_fail_at(SPAWN_STEP_CREDENTIALS, EPERM, text);
	}
	for (size_t i = 0; i < user->group_count; i++) {
		if (is_among(user->groups[i], rights->groups, rights->group_count) ||
		    is_among(user->groups[i], rights->gids, 3))
			continue;
		snprintf(text, sizeof(text), "additional group %u%s", user->groups[i], why);
		step_fail_at(SPAWN_STEP_CREDENTIALS, EPERM, text);
	}
}

static void check_set(const char *name, uint64_t wanted, uint64_t most)
{
	uint64_t missing = wanted & ~most;
	char text[96];

	if (!missing)
		return;
	snprintf(text, sizeof(text), "%s, capability %d: the container's process does not have it",
		 name, __builtin_ctzll(missing));
	step_fail_at(SPAWN_STEP_CAPABILITIES, EPERM, text);
}

static void check_capabilities(const struct hp_capabilities *wanted, const struct rights *rights)
{
	uint64_t permitted = rights->sets[HP_CAPABILITIES_PERMITTED];

	check_set("bounding", wanted->sets[HP_CAPABILITIES_BOUNDING],
		  rights->sets[HP_CAPABILITIES_BOUNDING]);
	check_set("permitted", wanted->sets[HP_CAPABILITIES_PERMITTED], permitted);
	check_set("effective", wanted->sets[HP_CAPABILITIES_EFFECTIVE], permitted);
	check_set("inheritable", wanted->sets[HP_CAPABILITIES_INHERITABLE],
		  permitted | rights->sets[HP_CAPABILITIES_INHERITABLE]);
}

/* ---- both ---- */

/* A uid other than 0 without capabilities in the settings gets none, as after setuid(2). */
static void lose_capabilities(struct rights *rights)
{
	rights->has_capabilities = true;
	rights->sets[HP_CAPABILITIES_PERMITTED] = 0;
	rights->sets[HP_CAPABILITIES_EFFECTIVE] = 0;
	rights->sets[HP_CAPABILITIES_AMBIENT] = 0;
}

static void add_user(const struct hp_user *user, struct rights *rights, bool keeps_groups)
{
	bool is_another = !rights->has_ids || rights->uids[1] != user->uid;

	for (int i = 0; i < 3; i++) {
		rights->uids[i] = user->uid;
		rights->gids[i] = user->gid;
	}
	if (!keeps_groups) {
		rights->groups = user->groups;
		rights->group_count = user->group_count;
	}
	rights->has_ids = true;
	if (is_another && user->uid != 0)
		lose_capabilities(rights);
}

static void add_settings(const struct hp_settings *settings, struct rights *rights, bool is_limited)
{
	if (settings->user.is_set && is_limited)
		check_ids(&settings->user, rights);
	if (settings->capabilities.is_set && is_limited)
		check_capabilities(&settings->capabilities, rights);
	/* Without CAP_SETGID the groups stay: to be in a group may also deny access. */
	if (settings->user.is_set)
		add_user(&settings->user, rights, is_limited && !has_effective(rights, CAP_SETGID));
	if (settings->capabilities.is_set) {
		memcpy(rights->sets, settings->capabilities.sets, sizeof(rights->sets));
		rights->has_capabilities = rights->cuts_bounding = true;
	}
	rights->no_new_privileges |= settings->no_new_privileges;
}

/*
 * A program that uid 0 executes gets the whole bounding set (capabilities(7)), which may be more
 * than the container's process has. Whether its securebits prevent that is not shown in /proc.
 */
static bool would_gain_by_exec(const struct rights *rights)
{
	bool is_root = rights->uids[0] == 0 || rights->uids[1] == 0;

	return is_root && (rights->sets[HP_CAPABILITIES_BOUNDING] &
			   ~rights->sets[HP_CAPABILITIES_PERMITTED]) != 0;
}

void rights_find(struct job *job)
{
	struct rights *rights = &job->rights;

	if (job->has_container_rights) {
		read_container(job, rights);
		rights->cuts_bounding = true;
	}
	if (job->message->flags & HELPER_SETTINGS)
		add_settings(&job->settings, rights, job->has_container_rights);
	rights->ends_root = job->has_container_rights && would_gain_by_exec(rights);
}
