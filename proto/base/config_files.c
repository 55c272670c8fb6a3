/* SPDX-License-Identifier: Apache-2.0 */

/* Which configuration files there are, and in what order they count. No state. */

#include "proto/base/config_files.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const hp_config_folders[HP_CONFIG_FOLDERS] = {"/etc/hookd", "/run/hookd",
							  "/usr/lib/hookd"};

static void read_main_file(const struct hp_config_reader *reader)
{
	char path[PATH_MAX];
	int r = -ENOENT;

	for (size_t i = 0; i < HP_CONFIG_FOLDERS && r == -ENOENT; i++) {
		snprintf(path, sizeof(path), "%s/hookd.conf", hp_config_folders[i]);
		r = reader->read(path, reader->userdata);
	}
}

static int is_drop_in(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return entry->d_name[0] != '.' && dot && strcmp(dot, ".conf") == 0;
}

/* Returns their number. */
static int list_drop_ins(const struct hp_config_reader *reader, const char *folder,
			 struct dirent ***ret_list)
{
	char path[PATH_MAX];
	int count;

	snprintf(path, sizeof(path), "%s/hookd.conf.d", folder);
	count = scandir(path, ret_list, is_drop_in, NULL);
	if (count < 0)
		reader->unlisted(path, -errno, reader->userdata);
	return count < 0 ? 0 : count;
}

/* The next name after `after` in all folders, and the first folder that has it. */
static const char *next_drop_in(struct dirent ***lists, const int *counts, const char *after,
				size_t *ret_folder)
{
	const char *next = NULL;

	for (size_t i = 0; i < HP_CONFIG_FOLDERS; i++) {
		for (int j = 0; j < counts[i]; j++) {
			const char *name = lists[i][j]->d_name;

			if (strcmp(name, after) <= 0 || (next && strcmp(name, next) >= 0))
				continue;
			next = name;
			*ret_folder = i;
		}
	}
	return next;
}

static void read_drop_ins(const struct hp_config_reader *reader)
{
	struct dirent **lists[HP_CONFIG_FOLDERS] = {NULL};
	int counts[HP_CONFIG_FOLDERS] = {0};
	char path[PATH_MAX];
	const char *name = "";
	size_t folder = 0;

	for (size_t i = 0; i < HP_CONFIG_FOLDERS; i++)
		counts[i] = list_drop_ins(reader, hp_config_folders[i], &lists[i]);
	while ((name = next_drop_in(lists, counts, name, &folder))) {
		/* One that was removed after the folder was listed is not there: that is no error.
		 */
		snprintf(path, sizeof(path), "%s/hookd.conf.d/%s", hp_config_folders[folder], name);
		(void)reader->read(path, reader->userdata);
	}
	for (size_t i = 0; i < HP_CONFIG_FOLDERS; i++) {
		for (int j = 0; j < counts[i]; j++)
			free(lists[i][j]);
		free(lists[i]);
	}
}

void hp_config_files_read(const struct hp_config_reader *reader)
{
	read_main_file(reader);
	read_drop_ins(reader);
}
