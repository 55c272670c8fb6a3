/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files of the operator's configuration, for hookd and for hookd-runtime: the first hookd.conf
 * of the folders; then every hookd.conf.d/NAME.conf of all of them, sorted by name, where a name in
 * an earlier folder hides the same name in a later one (UAPI.6).
 */
#define HP_CONFIG_FOLDERS 3
extern const char *const hp_config_folders[HP_CONFIG_FOLDERS]; /* in this order */

struct hp_config_reader {
	/* Reads a file. -ENOENT: the next folder's hookd.conf is tried; all else ends that. */
	int (*read)(const char *path, void *userdata);
	/* A folder of drop-ins cannot be listed: -ENOENT, or another -errno. */
	void (*unlisted)(const char *path, int r, void *userdata);
	void *userdata;
};

/* Calls read() for each file, in their order. Blocks for the listing of folders. */
void hp_config_files_read(const struct hp_config_reader *reader);
