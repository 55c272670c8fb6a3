/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file of entries. It is not synced to a disk: it has to survive processes, not the machine,
 * since entries of another boot mean nothing.
 */
#include "daemon/records/record_file.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/base/file.h"
#include "daemon/base/log.h"

static int write_at(int fd, const char *bytes, size_t length, size_t offset)
{
	while (length > 0) {
		ssize_t written = pwrite(fd, bytes, length, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		bytes += written;
		offset += (size_t)written;
		length -= (size_t)written;
	}
	return 0;
}

static int write_last(struct hp_buf *buf, const struct record_file *file)
{
	const struct entry last = {.type = ENTRY_LAST, .at_ns = clock_ns(CLOCK_BOOTTIME)};

	return entry_write(buf, file->seed, &last);
}

/* ENTRY_LAST first: it needs no new room where one was before. */
int record_file_cut(struct record_file *file, size_t end)
{
	struct hp_buf buf = HP_BUF_INIT;
	int r = write_last(&buf, file);

	if (r == 0)
		r = write_at(file->fd, buf.data, buf.length, end);
	if (ftruncate(file->fd, (off_t)(r == 0 ? end + ENTRY_LAST_SIZE : end)) < 0 && r == 0)
		r = -errno;
	hp_buf_free(&buf);
	file->length = end;
	return r;
}

int record_file_append(struct record_file *file, struct hp_buf *entries)
{
	size_t size = entries->length;
	int r = entries->failed ? -ENOMEM : write_last(entries, file);

	if (r < 0)
		return r;
	r = write_at(file->fd, entries->data, entries->length, file->length);
	entries->length = size;
	if (r == 0)
		file->length += size;
	else
		record_file_cut(file, file->length);
	return r;
}

int record_file_clear(int directory, const char *name)
{
	char aside[FILE_ASIDE_SIZE];
	struct stat st;
	int r;

	if (fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISREG(st.st_mode))
		return unlinkat(directory, name, 0) < 0 ? -errno : 0;
	r = file_set_aside(directory, name, RECORD_FILE_BAD, aside);
	if (r == 0)
		log_error("records of runs: %s is not a file of hookd's: it is set aside as %s",
			  name, aside);
	return r;
}

int record_file_create(int directory, const char *name, const char *boot_id,
		       struct record_file *ret_file)
{
	struct record_file file = {.directory = directory, .fd = -1, .seed = entry_seed(boot_id)};
	struct hp_buf buf = HP_BUF_INIT;
	int r = record_file_clear(directory, name);

	if (r < 0)
		return r;
	file.fd = file_open_own(directory, name, O_RDWR | O_CREAT | O_EXCL);
	if (file.fd < 0)
		return file.fd;
	entry_write_head(&buf, boot_id);
	r = record_file_append(&file, &buf);
	hp_buf_free(&buf);
	if (r < 0) {
		(void)unlinkat(directory, name, 0);
		record_file_close(&file);
		return r;
	}
	*ret_file = file;
	return 0;
}

int record_file_open(int directory, const char *boot_id, struct record_file *ret_file)
{
	struct record_file file = {.directory = directory, .seed = entry_seed(boot_id)};
	struct stat st;

	file.fd = file_open_own(directory, RECORD_FILE_NAME, O_RDWR);
	if (file.fd < 0)
		return file.fd;
	if (fstat(file.fd, &st) < 0) {
		int r = -errno;

		record_file_close(&file);
		return r;
	}
	file.length = (size_t)st.st_size;
	*ret_file = file;
	return 0;
}

int record_file_map(const struct record_file *file, size_t length, char **ret_bytes)
{
	struct stat st;
	void *bytes;

	assert(length > 0);
	if (fstat(file->fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size < length)
		return -EIO; /* somebody has cut it */
	bytes = mmap(NULL, length, PROT_READ, MAP_SHARED, file->fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	*ret_bytes = bytes;
	return 0;
}

void record_file_close(struct record_file *file)
{
	close_fd(&file->fd);
	*file = RECORD_FILE_NONE;
}
