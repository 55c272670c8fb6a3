/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

/* Which files of several directories count, by the engines' rules. */

struct hooks_d_file {
	char *name;
	char *path;		 /* DIRECTORY/NAME */
	const char *replaced_by; /* the later directory that has a file of this name; NULL: none */
};

struct hooks_d_files {
	struct hooks_d_file *list; /* in the order in which the engines run the hooks */
	size_t count, capacity;
};

/*
 * The files of the directories whose names end in ".json", without links to files that do not
 * exist; of equal names the last counts. Zeros in
 * *ret before. -errno with the directory that cannot be read, or NULL, in *ret_directory. Free *ret
 * in any case; it points to the names of the directories.
 */
int hooks_d_files_find(const char *const *directories, size_t count, struct hooks_d_files *ret,
		       const char **ret_directory);
void hooks_d_files_free(struct hooks_d_files *files);

/*
 * How the engines order two names: as if in lower case, by their bytes. They compare other letters
 * than those of ASCII so, too; here these are as they are.
 */
int hooks_d_compare_names(const char *a, const char *b);
