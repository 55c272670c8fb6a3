/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Of the name of an attribute, with its NUL. */
#define ATTRIBUTE_NAME_SIZE 256

/*
 * Gives the new file `to` the extended attributes of `from`, as far as this user may see them: a
 * security label, an access control list, and others. After its contents, owner and mode were set.
 * -errno with the name of the attribute that cannot be copied, or "".
 */
int attributes_copy(int from, int to, char ret_name[static ATTRIBUTE_NAME_SIZE]);

/* Takes away the access control list that the new file has from its folder. -errno. */
int attributes_remove_list(int fd);
