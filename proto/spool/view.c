/* SPDX-License-Identifier: Apache-2.0 */

/* What a process sees of the machine, as a line of text that can be compared. No state. */

#include "proto/spool/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const namespaces[] = {"mnt", "user", "pid",	  "net",
					 "uts", "ipc",	"cgroup", "time"};

static int read_boot_id(char id[static HP_BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, id, HP_BOOT_ID_SIZE - 1);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return length < 0 ? -error : -EIO;
	id[length] = '\0';
	id[strcspn(id, " \n")] = '\0';
	return 0;
}

/* "mnt:[4026531841]"; "-" where this kernel does not have the kind. */
static int append_namespace(struct hp_spool_view *view, const char *process, const char *kind)
{
	size_t used = strlen(view->text), room = sizeof(view->text) - used;
	char path[64], link[64];
	ssize_t length;

	(void)snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, kind);
	length = readlink(path, link, sizeof(link) - 1);
	if (length < 0 && (errno != ENOENT || strcmp(kind, "mnt") == 0))
		return -errno;
	if (length < 0) {
		link[0] = '-';
		length = 1;
	}
	return snprintf(view->text + used, room, "%.*s ", (int)length, link) < (int)room
		   ? 0
		   : -ENAMETOOLONG;
}

/* A process may have another root directory in the same mount namespace: chroot(2). */
static int append_root(struct hp_spool_view *view, const char *process)
{
	size_t used = strlen(view->text), room = sizeof(view->text) - used;
	struct stat st;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%s/root", process);
	if (stat(path, &st) < 0)
		return -errno;
	return snprintf(view->text + used, room, "root:[%llx:%llx]", (unsigned long long)st.st_dev,
			(unsigned long long)st.st_ino) < (int)room
		   ? 0
		   : -ENAMETOOLONG;
}

int hp_spool_view_read(const char *process, struct hp_spool_view *ret)
{
	int r;

	*ret = (struct hp_spool_view){0};
	r = read_boot_id(ret->boot_id);
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]) && r == 0; i++)
		r = append_namespace(ret, process, namespaces[i]);
	return r == 0 ? append_root(ret, process) : r;
}

bool hp_spool_view_is_same(const struct hp_spool_view *a, const struct hp_spool_view *b)
{
	return strcmp(a->boot_id, b->boot_id) == 0 && strcmp(a->text, b->text) == 0;
}

void hp_spool_view_write(struct hp_buf *buf, const struct hp_spool_view *view)
{
	hp_buf_append(buf, view->boot_id, strlen(view->boot_id));
	hp_buf_append(buf, " ", 1);
	hp_buf_append(buf, view->text, strlen(view->text));
	hp_buf_append(buf, "\n", 1);
}

int hp_spool_view_parse(const char *line, size_t length, struct hp_spool_view *ret)
{
	const char *blank = memchr(line, ' ', length), *text = blank ? blank + 1 : NULL;
	size_t id_length = blank ? (size_t)(blank - line) : 0;
	size_t text_length = blank ? length - id_length - 1 : 0;

	if (!blank || id_length >= sizeof(ret->boot_id) || text_length >= sizeof(ret->text))
		return -EBADMSG;
	*ret = (struct hp_spool_view){0};
	memcpy(ret->boot_id, line, id_length);
	memcpy(ret->text, text, text_length);
	return 0;
}
