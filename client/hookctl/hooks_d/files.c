/* SPDX-License-Identifier: Apache-2.0 */

/* Finds the files of one or more hooks.d. No state. */

#include "client/hookctl/hooks_d/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : (unsigned char)letter;
}

int hooks_d_compare_names(const char *a, const char *b)
{
	while (*a != '\0' && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) - lower(*b);
}

/* The engines do not say how they order names that differ in their case alone. */
static int compare_files(const void *a, const void *b)
{
	const struct hooks_d_file *one = a, *other = b;
	int r = hooks_d_compare_names(one->name, other->name);

	if (r == 0)
		r = strcmp(one->name, other->name);
	/* What counts stands behind what it replaces. */
	return r != 0 ? r : (one->replaced_by == NULL) - (other->replaced_by == NULL);
}

static bool is_hooks_d_name(const char *name)
{
	size_t length = strlen(name);

	return length >= 5 && strcmp(name + length - 5, ".json") == 0;
}

/* A link to what is not there: the engines take it for no file. */
static bool is_dangling(int directory, const char *name)
{
	struct stat status;

	return fstatat(directory, name, &status, 0) < 0 && errno == ENOENT;
}

static void replace(struct hooks_d_files *files, size_t count, const char *name,
		    const char *directory)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(files->list[i].name, name) == 0)
			files->list[i].replaced_by = directory;
}

static int add(struct hooks_d_files *files, const char *directory, const char *name)
{
	struct hooks_d_file *file;

	if (files->count == files->capacity) {
		size_t capacity = files->capacity > 0 ? files->capacity * 2 : 16;
		struct hooks_d_file *list = realloc(files->list, capacity * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		files->list = list;
		files->capacity = capacity;
	}
	file = &files->list[files->count];
	*file = (struct hooks_d_file){.name = strdup(name)};
	if (file->name == NULL)
		return -ENOMEM;
	files->count++;
	if (asprintf(&file->path, "%s/%s", directory, name) < 0) {
		file->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int add_directory(struct hooks_d_files *files, const char *directory)
{
	size_t count = files->count;
	DIR *stream = opendir(directory);
	struct dirent *entry;
	int r = 0;

	if (stream == NULL)
		return -errno;
	while (r == 0) {
		errno = 0;
		entry = readdir(stream);
		if (entry == NULL) {
			r = -errno;
			break;
		}
		if (!is_hooks_d_name(entry->d_name) || is_dangling(dirfd(stream), entry->d_name))
			continue;
		replace(files, count, entry->d_name, directory);
		r = add(files, directory, entry->d_name);
	}
	closedir(stream);
	return r;
}

int hooks_d_files_find(const char *const *directories, size_t count, struct hooks_d_files *ret,
		       const char **ret_directory)
{
	for (size_t i = 0; i < count; i++) {
		int r = add_directory(ret, directories[i]);

		if (r < 0) {
			*ret_directory = r != -ENOMEM ? directories[i] : NULL;
			return r;
		}
	}
	if (ret->count > 1)
		qsort(ret->list, ret->count, sizeof(ret->list[0]), compare_files);
	return 0;
}

void hooks_d_files_free(struct hooks_d_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->list[i].name);
		free(files->list[i].path);
	}
	free(files->list);
	*files = (struct hooks_d_files){0};
}
